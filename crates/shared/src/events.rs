//! What travels on the WebSocket: one JSON object a text frame, tagged by `type`.
//!
//! Both sides ignore a `type` they do not know: it decodes to `Unknown`.

use serde::{Deserialize, Serialize};

use crate::errors::ErrorCode;
use crate::ids::{Rev, RoomId, UserId};
use crate::messages::Message;
use crate::rooms::Room;
use crate::users::User;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientCommand {
    /// Says who one is, where neither cookie nor header could.
    Authenticate {
        /// The token of `POST /guests`.
        token: String,
    },
    /// Begins to follow a room; again, to change `present` or to resume.
    Subscribe {
        /// The room.
        room_id: RoomId,
        /// The last `rev` one has: everything after it is delivered first.
        #[serde(default, deserialize_with = "there", skip_serializing_if = "Option::is_none")]
        since: Option<Rev>,
        /// Whether one is in the room, counted and listed. `false` follows it from afar: its changes come,
        /// presence and typing do not.
        #[serde(default = "present_by_default", skip_serializing_if = "is_true")]
        present: bool,
    },
    /// Ends following a room.
    Unsubscribe {
        /// The room.
        room_id: RoomId,
    },
    /// Says whether one is typing.
    Typing {
        /// The room.
        room_id: RoomId,
        /// Whether one began or ended.
        active: bool,
    },
    /// Asks for a `pong`: a browser can neither send nor see WebSocket's own pings.
    Ping {
        /// Comes back as it is.
        id: String,
    },
    /// A command that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What is there has a value: null is not the same as absent.
fn there<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Rev>, D::Error> {
    Rev::deserialize(deserializer).map(Some)
}

fn present_by_default() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's `skip_serializing_if` gives a reference.
fn is_true(value: &bool) -> bool {
    *value
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerEvent {
    /// The first event, and the answer to `authenticate`.
    Hello {
        /// The server's version.
        server_version: String,
        /// How often the server pings. A client that hears nothing for twice that long reconnects.
        heartbeat_seconds: u32,
        /// Who one is; absent for an anonymous socket, which may only read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<User>,
    },
    /// The answer to `subscribe`: live delivery begins after `rev`.
    Subscribed {
        /// The room as it is at `rev`.
        room: Room,
        /// Where live delivery begins.
        rev: Rev,
        /// People in the room: the first hundred by age of their account, and the subscriber. `room.online` counts all.
        online: Vec<User>,
        /// How many more are in it without a name.
        visitors: u32,
    },
    /// A message was sent.
    MessageCreated(MessageChange),
    /// A message was edited.
    MessageUpdated(MessageChange),
    /// A message was deleted; what is left of it is the tombstone.
    MessageDeleted(MessageChange),
    /// A room was created. Everybody who may see it hears of it.
    RoomCreated(RoomChange),
    /// A room was renamed. Everybody who may see it hears of it.
    RoomUpdated(RoomChange),
    /// A room was deleted with its messages. Everybody who might see it hears of it.
    RoomDeleted(RoomChange),
    /// The people in a room changed.
    Presence {
        /// The room.
        room_id: RoomId,
        /// Who joined the list of people. In a room of more than a hundred, who takes the place of those who left it.
        joined: Vec<User>,
        /// Who left the list of people.
        left: Vec<UserId>,
        /// How many people are in the room, listed or not.
        online: u32,
        /// How many are in it without a name.
        visitors: u32,
    },
    /// Somebody began or stopped typing.
    Typing {
        /// The room.
        room_id: RoomId,
        /// Who.
        user: User,
        /// Whether they began or stopped.
        active: bool,
    },
    /// Too much was missed for the socket: ask `changes?since` for what lies between one's `rev` and `subscribed.rev`.
    Resync {
        /// The room.
        room_id: RoomId,
    },
    /// The answer to `ping`.
    Pong {
        /// The ping's.
        id: String,
    },
    /// A command was refused; the socket stays open.
    Error {
        /// Why, for programs.
        code: ErrorCode,
        /// Why, in a sentence.
        detail: String,
        /// The room it was about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room_id: Option<RoomId>,
    },
    /// An event that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ServerEvent {
    /// The room that the event is about.
    pub fn room_id(&self) -> Option<RoomId> {
        match self {
            Self::Subscribed { room, .. } => Some(room.id),
            Self::MessageCreated(change) | Self::MessageUpdated(change) | Self::MessageDeleted(change) => {
                Some(change.room_id)
            }
            Self::RoomCreated(change) | Self::RoomUpdated(change) | Self::RoomDeleted(change) => {
                Some(change.room.id)
            }
            Self::Presence { room_id, .. } | Self::Typing { room_id, .. } | Self::Resync { room_id } => {
                Some(*room_id)
            }
            Self::Error { room_id, .. } => *room_id,
            Self::Hello { .. } | Self::Pong { .. } | Self::Unknown => None,
        }
    }
}

/// A message's change with the message as it is after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageChange {
    /// The room.
    pub room_id: RoomId,
    /// The change's number.
    pub rev: Rev,
    /// The message after the change.
    pub message: Message,
}

/// A room's change with the room as it is after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomChange {
    /// The room after the change.
    pub room: Room,
    /// The change's number.
    pub rev: Rev,
}

/// Why the server closed a socket: the codes of RFC 6455, section 7.4, and Parlance's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// Done.
    Normal,
    /// The frame breaks the WebSocket protocol.
    Protocol,
    /// A binary frame.
    Unsupported,
    /// Text that is not UTF-8.
    InvalidUtf8,
    /// A message above 64 KiB.
    TooBig,
    /// A fault of the server.
    Internal,
    /// The server restarts: reconnect after a random moment and resume.
    Restart,
    /// The server is busy: reconnect later and resume.
    Overload,
    /// JSON that cannot be read, or a known `type` with wrong fields.
    BadCommand,
    /// The session is missing, expired or signed out.
    SessionEnded,
    /// The account may not be used.
    Forbidden,
    /// The reader was too slow: resume by `since`.
    SlowConsumer,
    /// `since` lies beyond the room's `rev`: forget the room and load it again.
    ImpossibleRev,
    /// Too many frames in too little time.
    FrameRate,
    /// Nothing came for too long.
    HeartbeatLost,
}

impl CloseCode {
    /// The number on the wire.
    pub fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::Protocol => 1002,
            Self::Unsupported => 1003,
            Self::InvalidUtf8 => 1007,
            Self::TooBig => 1009,
            Self::Internal => 1011,
            Self::Restart => 1012,
            Self::Overload => 1013,
            Self::BadCommand => 4400,
            Self::SessionEnded => 4401,
            Self::Forbidden => 4403,
            Self::SlowConsumer => 4408,
            Self::ImpossibleRev => 4410,
            Self::FrameRate => 4429,
            Self::HeartbeatLost => 4440,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_type_with_fields_decodes_to_unknown() {
        let event: ServerEvent = serde_json::from_str(r#"{"type":"reaction_added","emoji":"+1"}"#).unwrap();
        assert_eq!(event, ServerEvent::Unknown);
        let command: ClientCommand = serde_json::from_str(r#"{"type":"dance","steps":[1,2]}"#).unwrap();
        assert_eq!(command, ClientCommand::Unknown);
    }

    #[test]
    fn a_since_of_null_is_not_the_same_as_none() {
        let json = r#"{"type":"subscribe","room_id":"0190a5b0-0000-7000-8000-000000000001","since":null}"#;
        assert!(serde_json::from_str::<ClientCommand>(json).is_err());
    }

    #[test]
    fn a_subscription_is_present_unless_it_says_otherwise() {
        let json = r#"{"type":"subscribe","room_id":"0190a5b0-0000-7000-8000-000000000001"}"#;
        let command: ClientCommand = serde_json::from_str(json).unwrap();
        assert!(matches!(command, ClientCommand::Subscribe { present: true, since: None, .. }));
        assert_eq!(serde_json::to_string(&command).unwrap(), json);
    }
}
