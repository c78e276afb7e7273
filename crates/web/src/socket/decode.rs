//! Reads an event from its frame: first the `type`, then the one struct that belongs to it.
//!
//! The derived way of reading a tagged enum keeps the whole frame in a buffer of its own kind and compiles every type
//! once more for that buffer: 20 KB that every visitor would download. The test holds the two ways against each other.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::{Rev, RoomId, UserId};
use shared::rooms::Room;
use shared::users::User;

#[derive(Deserialize)]
struct Tag<'frame> {
    #[serde(rename = "type")]
    kind: &'frame str,
}

#[derive(Deserialize)]
struct Hello {
    server_version: String,
    heartbeat_seconds: u32,
    user: Option<User>,
}

#[derive(Deserialize)]
struct Subscribed {
    room: Room,
    rev: Rev,
    online: Vec<User>,
    visitors: u32,
}

#[derive(Deserialize)]
struct Presence {
    room_id: RoomId,
    joined: Vec<User>,
    left: Vec<UserId>,
    visitors: u32,
}

#[derive(Deserialize)]
struct Typing {
    room_id: RoomId,
    user: User,
    active: bool,
}

#[derive(Deserialize)]
struct Resync {
    room_id: RoomId,
}

#[derive(Deserialize)]
struct Pong {
    id: String,
}

#[derive(Deserialize)]
struct Error {
    code: ErrorCode,
    detail: String,
    room_id: Option<RoomId>,
}

/// The event in a frame. One that cannot be read is like one that is unknown.
pub fn event(frame: &str) -> ServerEvent {
    decode(frame).unwrap_or(ServerEvent::Unknown)
}

fn decode(frame: &str) -> Option<ServerEvent> {
    let tag = read::<Tag>(frame)?;
    Some(match tag.kind {
        "hello" => {
            let Hello { server_version, heartbeat_seconds, user } = owned(frame)?;
            ServerEvent::Hello { server_version, heartbeat_seconds, user }
        }
        "subscribed" => {
            let Subscribed { room, rev, online, visitors } = owned(frame)?;
            ServerEvent::Subscribed { room, rev, online, visitors }
        }
        "message_created" => ServerEvent::MessageCreated(owned(frame)?),
        "message_updated" => ServerEvent::MessageUpdated(owned(frame)?),
        "message_deleted" => ServerEvent::MessageDeleted(owned(frame)?),
        "room_created" => ServerEvent::RoomCreated(owned(frame)?),
        "room_updated" => ServerEvent::RoomUpdated(owned(frame)?),
        "room_deleted" => ServerEvent::RoomDeleted(owned(frame)?),
        "presence" => {
            let Presence { room_id, joined, left, visitors } = owned(frame)?;
            ServerEvent::Presence { room_id, joined, left, visitors }
        }
        "typing" => {
            let Typing { room_id, user, active } = owned(frame)?;
            ServerEvent::Typing { room_id, user, active }
        }
        "resync" => ServerEvent::Resync { room_id: owned::<Resync>(frame)?.room_id },
        "pong" => ServerEvent::Pong { id: owned::<Pong>(frame)?.id },
        "error" => {
            let Error { code, detail, room_id } = owned(frame)?;
            ServerEvent::Error { code, detail, room_id }
        }
        _ => ServerEvent::Unknown,
    })
}

fn read<'frame, T: Deserialize<'frame>>(frame: &'frame str) -> Option<T> {
    serde_json::from_str(frame).ok()
}

fn owned<T: DeserializeOwned>(frame: &str) -> Option<T> {
    read(frame)
}

#[cfg(test)]
mod tests {
    use shared::events::{MessageChange, RoomChange};

    use super::*;
    use crate::state::samples::{message, room, room_id, user};

    #[test]
    fn every_event_is_read_as_the_protocol_says() {
        let message = MessageChange { room_id: room_id(1), rev: Rev(3), message: message(2, 3) };
        let room_change = RoomChange { room: room(1, "Lobby"), rev: Rev(3) };
        let somebody = user(1, "adam");
        let id = room_id(1);
        let events = [
            ServerEvent::Hello {
                server_version: "1.0.0".into(),
                heartbeat_seconds: 25,
                user: Some(somebody.clone()),
            },
            ServerEvent::Hello { server_version: "1.0.0".into(), heartbeat_seconds: 25, user: None },
            ServerEvent::Subscribed {
                room: room(1, "Lobby"),
                rev: Rev(3),
                online: vec![somebody.clone()],
                visitors: 2,
            },
            ServerEvent::MessageCreated(message.clone()),
            ServerEvent::MessageUpdated(message.clone()),
            ServerEvent::MessageDeleted(message),
            ServerEvent::RoomCreated(room_change.clone()),
            ServerEvent::RoomUpdated(room_change.clone()),
            ServerEvent::RoomDeleted(room_change),
            ServerEvent::Presence {
                room_id: id,
                joined: vec![somebody.clone()],
                left: vec![somebody.id],
                visitors: 0,
            },
            ServerEvent::Typing { room_id: id, user: somebody, active: true },
            ServerEvent::Resync { room_id: id },
            ServerEvent::Pong { id: "7".into() },
            ServerEvent::Error { code: ErrorCode::RoomNotFound, detail: "Gone.".into(), room_id: Some(id) },
            ServerEvent::Error { code: ErrorCode::Internal, detail: "Oh.".into(), room_id: None },
            ServerEvent::Unknown,
        ];
        for sent in events {
            let frame = serde_json::to_string(&sent).unwrap();
            assert_eq!(event(&frame), sent, "{frame}");
            assert_eq!(serde_json::from_str::<ServerEvent>(&frame).unwrap(), sent, "{frame}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for frame in ["", "[]", "{}", r#"{"type":"dance"}"#, r#"{"type":"typing","active":1}"#] {
            assert_eq!(event(frame), ServerEvent::Unknown, "{frame}");
        }
    }
}
