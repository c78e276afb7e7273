//! Common steps of tests.

use serde_json::json;
use shared::ids::{MessageId, Rev, RoomId};
use shared::messages::{Changes, Message, changes_path, message_path, messages_path};
use shared::page::Page;
use shared::rooms::{ROOMS_PATH, Room, room_path};

use crate::client::TestClient;

impl TestClient {
    /// Creates a room.
    #[track_caller]
    pub fn create_room(&self, name: &str) -> Room {
        self.post(ROOMS_PATH, &json!({ "name": name })).expect(201).json()
    }

    /// The current state of a room.
    #[track_caller]
    pub fn room(&self, id: RoomId) -> Room {
        self.get(&room_path(id)).expect(200).json()
    }

    /// Renames a room.
    #[track_caller]
    pub fn rename_room(&self, id: RoomId, name: &str) -> Room {
        self.patch(&room_path(id), &json!({ "name": name })).expect(200).json()
    }

    /// Deletes a room.
    #[track_caller]
    pub fn delete_room(&self, id: RoomId) {
        self.delete(&room_path(id)).expect(204);
    }

    /// Sends a message. It joins the room.
    #[track_caller]
    pub fn send(&self, room_id: RoomId, text: &str) -> Message {
        self.post(&messages_path(room_id), &json!({ "text": text })).expect(201).json()
    }

    /// Sends `count` messages with the texts "message 1" and so on.
    #[track_caller]
    pub fn send_many(&self, room_id: RoomId, count: usize) -> Vec<Message> {
        (1..=count).map(|number| self.send(room_id, &format!("message {number}"))).collect()
    }

    /// The current state of a message.
    #[track_caller]
    pub fn message(&self, room_id: RoomId, id: MessageId) -> Message {
        self.get(&message_path(room_id, id)).expect(200).json()
    }

    /// Edits a message.
    #[track_caller]
    pub fn edit(&self, message: &Message, text: &str) -> Message {
        self.patch(&message_path(message.room_id, message.id), &json!({ "text": text })).expect(200).json()
    }

    /// Deletes a message.
    #[track_caller]
    pub fn delete_message(&self, message: &Message) {
        self.delete(&message_path(message.room_id, message.id)).expect(204);
    }

    /// A page of messages; `query` is the query string.
    #[track_caller]
    pub fn messages(&self, room_id: RoomId, query: &str) -> Page<Message> {
        self.get(&format!("{}?{query}", messages_path(room_id))).expect(200).json()
    }

    /// All messages of a room in their order, read page by page from the newest.
    #[track_caller]
    pub fn whole_history(&self, room_id: RoomId) -> Vec<Message> {
        let mut page = self.messages(room_id, "limit=100");
        let mut all = page.items;
        while let Some(cursor) = page.prev_cursor {
            page = self.messages(room_id, &format!("limit=100&before={cursor}"));
            all.splice(0..0, page.items);
        }
        all
    }

    /// The changes of a room.
    #[track_caller]
    pub fn changes(&self, room_id: RoomId, since: Rev) -> Changes {
        self.get(&format!("{}?since={since}", changes_path(room_id))).expect(200).json()
    }
}

/// A room as everybody sees it: without what one user may do there.
pub fn shared_room(room: &Room) -> Room {
    Room { viewer: None, ..room.clone() }
}

/// A new id for a message.
pub fn new_message_id() -> MessageId {
    MessageId(uuid::Uuid::now_v7())
}

/// An id that no room has.
pub fn unknown_room_id() -> RoomId {
    RoomId(uuid::Uuid::now_v7())
}

/// The texts of messages; a tombstone has none.
pub fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(|message| message.text.as_deref()).collect()
}

/// The `seq` of each message.
pub fn seqs(messages: &[Message]) -> Vec<i64> {
    messages.iter().map(|message| message.seq.0).collect()
}
