//! The messages on the WebSocket: one JSON object per text frame, tagged by `type`.
//!
//! Both sides ignore an unknown `type`: it decodes to `Unknown`.

use serde::{Deserialize, Serialize};

use crate::errors::ErrorCode;
use crate::ids::{Epoch, MessageId, Rev, RoomId, UserId};
use crate::members::{LeaveReason, Member, RemovalReason, Viewer};
use crate::messages::Message;
use crate::reactions::Mine;
use crate::read_marks::ReadMark;
use crate::replies::Context;
use crate::rooms::{Room, RoomName};
use crate::users::User;

/// A command from a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientCommand {
    /// Authenticates a connection that could send neither a cookie nor a header.
    Authenticate {
        /// The token from `POST /guests`.
        token: String,
    },
    /// Subscribes to rooms. May be repeated to change `present` or to resume.
    Subscribe(Subscriptions),
    /// Ends the subscription to a room.
    Unsubscribe {
        /// The room.
        room_id: RoomId,
    },
    /// Reports that the user started or stopped typing.
    Typing {
        /// The room.
        room_id: RoomId,
        /// True when the user started.
        active: bool,
    },
    /// Requests a `pong`. Browsers can neither send nor observe the pings of the WebSocket protocol.
    Ping {
        /// Returned unchanged in the `pong`.
        id: String,
    },
    /// A command that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The rooms of a `subscribe`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Subscriptions {
    /// Up to [`MAX_SUBSCRIPTIONS`]. Each is answered by a `subscribed` or an `error`, in any order.
    Many {
        /// The rooms.
        rooms: Vec<Subscription>,
    },
    /// A single room.
    One(Subscription),
}

impl Subscriptions {
    /// The rooms.
    pub fn as_slice(&self) -> &[Subscription] {
        match self {
            Self::Many { rooms } => rooms,
            Self::One(subscription) => std::slice::from_ref(subscription),
        }
    }

    /// The rooms, as a list.
    pub fn into_vec(self) -> Vec<Subscription> {
        match self {
            Self::Many { rooms } => rooms,
            Self::One(subscription) => vec![subscription],
        }
    }
}

/// How many rooms a `subscribe` may have.
pub const MAX_SUBSCRIPTIONS: usize = 100;

/// A room that a client subscribes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The room.
    pub room_id: RoomId,
    /// The last `rev` that the client has. Everything after it is delivered first.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    pub since: Option<Rev>,
    /// Whether the user is present in the room: counted and listed. With `false` the client receives the room's changes,
    /// but neither presence nor typing.
    #[serde(default = "present_by_default", skip_serializing_if = "is_true")]
    pub present: bool,
}

impl ClientCommand {
    /// Subscribes to one room.
    pub fn subscribe(room_id: RoomId, since: Option<Rev>, present: bool) -> Self {
        Self::Subscribe(Subscriptions::One(Subscription { room_id, since, present }))
    }
}

/// A field that is given must have a value: null is not the same as absent.
fn not_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Rev>, D::Error> {
    Rev::deserialize(deserializer).map(Some)
}

fn present_by_default() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's `skip_serializing_if` gives a reference.
fn is_true(value: &bool) -> bool {
    *value
}

/// An event from the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerEvent {
    /// The first event, and the reply to `authenticate`.
    Hello {
        /// The server's version.
        server_version: String,
        /// The interval of the server's pings. A client that receives nothing for twice that time should reconnect.
        heartbeat_seconds: u32,
        /// Identifies the history of the database. Another one than before means that a backup was restored: what the
        /// client has, `rev`s included, belongs to another past, and it loads everything afresh.
        epoch: Epoch,
        /// The authenticated user. Absent for an anonymous connection, which may only read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<User>,
    },
    /// The reply to `subscribe`: live delivery starts after `rev`.
    Subscribed {
        /// The room as of `rev`, with `viewer`.
        room: Room,
        /// The revision after which live delivery starts.
        rev: Rev,
        /// People who are present: the first hundred by the age of their account, and the subscriber. `room.online`
        /// counts all.
        online: Vec<User>,
        /// The number of anonymous visitors in addition.
        visitors: u32,
    },
    /// A message was sent.
    MessageCreated(MessageChange),
    /// A message was edited.
    MessageUpdated(MessageChange),
    /// A message was deleted. Only its tombstone remains.
    MessageDeleted(MessageChange),
    /// A public room was created, or a private one became public. Sent to everyone who may see it.
    RoomCreated(RoomChange),
    /// A room's name or settings changed. Sent to everyone who may see it.
    RoomUpdated(RoomChange),
    /// A room was deleted with its messages. Sent to everyone who could see it.
    RoomDeleted(RoomChange),
    /// A user joined a room.
    MemberJoined(MemberChange),
    /// A member's role, mute, name or picture changed.
    MemberUpdated(MemberChange),
    /// A user is no member any more.
    MemberLeft {
        /// The room.
        room_id: RoomId,
        /// The number of the change.
        rev: Rev,
        /// The user.
        user_id: UserId,
        /// Why.
        reason: LeaveReason,
    },
    /// The user of the connection gained sight of a room. `room.viewer` is set.
    RoomAdded {
        /// The room.
        room: Room,
    },
    /// The user of the connection lost sight of a room. Clients forget what they hold of it.
    RoomRemoved {
        /// The room.
        room_id: RoomId,
        /// Its name.
        name: RoomName,
        /// Why.
        reason: RemovalReason,
    },
    /// What the user of the connection is in a room, or may do there, changed.
    ViewerUpdated {
        /// The room.
        room_id: RoomId,
        /// What the user is and may do now.
        viewer: Viewer,
    },
    /// The read mark of the user of the connection moved, or an unread mention came or went.
    Read {
        /// The room.
        room_id: RoomId,
        /// The mark.
        #[serde(flatten)]
        mark: ReadMark,
    },
    /// The user of the connection reacted to a message, or took a reaction back.
    Reacted {
        /// The room.
        room_id: RoomId,
        /// The message.
        message_id: MessageId,
        /// The emoji.
        emoji: String,
        /// True when the user has reacted so.
        active: bool,
    },
    /// The people in a room changed.
    Presence {
        /// The room.
        room_id: RoomId,
        /// Users who joined the list of people. In a room of more than a hundred, they take the places of those who
        /// left the list.
        joined: Vec<User>,
        /// Users who left the list of people.
        left: Vec<UserId>,
        /// How many people are in the room, listed or not.
        online: u32,
        /// The number of anonymous visitors.
        visitors: u32,
    },
    /// A user started or stopped typing.
    Typing {
        /// The room.
        room_id: RoomId,
        /// The user.
        user: User,
        /// True when the user started.
        active: bool,
    },
    /// Too many changes were missed to replay them. `GET changes?since` returns those between the client's `rev` and
    /// `subscribed.rev`.
    Resync {
        /// The room.
        room_id: RoomId,
    },
    /// The reply to `ping`.
    Pong {
        /// The id of the `ping`.
        id: String,
    },
    /// A command was refused. The connection stays open.
    Error {
        /// The reason, for programs.
        code: ErrorCode,
        /// The reason, for people.
        detail: String,
        /// The room of the command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room_id: Option<RoomId>,
    },
    /// The last event of a stream: it is gone, for the reason that would close a socket.
    Closed {
        /// A number of [`CloseCode`].
        code: u16,
    },
    /// An event that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ServerEvent {
    /// The room of the event.
    pub fn room_id(&self) -> Option<RoomId> {
        match self {
            Self::Subscribed { room, .. } => Some(room.id),
            Self::MessageCreated(change) | Self::MessageUpdated(change) | Self::MessageDeleted(change) => {
                Some(change.room_id)
            }
            Self::RoomCreated(change) | Self::RoomUpdated(change) | Self::RoomDeleted(change) => {
                Some(change.room.id)
            }
            Self::MemberJoined(change) | Self::MemberUpdated(change) => Some(change.room_id),
            Self::RoomAdded { room } => Some(room.id),
            Self::MemberLeft { room_id, .. }
            | Self::RoomRemoved { room_id, .. }
            | Self::ViewerUpdated { room_id, .. }
            | Self::Read { room_id, .. }
            | Self::Reacted { room_id, .. }
            | Self::Presence { room_id, .. }
            | Self::Typing { room_id, .. }
            | Self::Resync { room_id } => Some(*room_id),
            Self::Error { room_id, .. } => *room_id,
            Self::Hello { .. } | Self::Pong { .. } | Self::Closed { .. } | Self::Unknown => None,
        }
    }

    /// The number of the change in its room, if the event is a change.
    pub fn rev(&self) -> Option<Rev> {
        match self {
            Self::MessageCreated(change) | Self::MessageUpdated(change) | Self::MessageDeleted(change) => {
                Some(change.rev)
            }
            Self::RoomCreated(change) | Self::RoomUpdated(change) | Self::RoomDeleted(change) => {
                Some(change.rev)
            }
            Self::MemberJoined(change) | Self::MemberUpdated(change) => Some(change.rev),
            Self::MemberLeft { rev, .. } => Some(*rev),
            _ => None,
        }
    }
}

/// A change of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageChange {
    /// The room.
    pub room_id: RoomId,
    /// The number of the change.
    pub rev: Rev,
    /// The message after the change.
    pub message: Message,
    /// What the message refers to; absent when that is nothing.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// The own reactions of the user of the connection to the message. Only when missed changes are replayed; live they
    /// come as `reacted`.
    #[serde(default, skip_serializing_if = "Mine::is_empty")]
    pub mine: Mine,
}

impl MessageChange {
    /// A change of a message that refers to nothing.
    pub fn of(message: Message) -> Self {
        Self {
            room_id: message.room_id,
            rev: message.rev,
            message,
            context: Context::default(),
            mine: Mine::new(),
        }
    }
}

/// A change of a membership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberChange {
    /// The room.
    pub room_id: RoomId,
    /// The number of the change.
    pub rev: Rev,
    /// The member after the change.
    pub member: Member,
}

/// A change of a room.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomChange {
    /// The room after the change.
    pub room: Room,
    /// The number of the change.
    pub rev: Rev,
}

/// Why the server closed a connection: codes of RFC 6455, section 7.4, and application codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// The connection is no longer needed.
    Normal,
    /// The frame breaks the WebSocket protocol.
    Protocol,
    /// Binary frames are not supported.
    Unsupported,
    /// A text frame is not UTF-8.
    InvalidUtf8,
    /// A message is larger than 64 KiB.
    TooBig,
    /// An internal error of the server.
    Internal,
    /// The server restarts. Reconnect after a random delay and resume.
    Restart,
    /// The server is overloaded. Reconnect later and resume.
    Overload,
    /// Malformed JSON, or a known `type` with invalid fields.
    BadCommand,
    /// The session is missing, expired or signed out.
    SessionEnded,
    /// The account is not allowed to connect.
    Forbidden,
    /// The client reads too slowly. Resume with `since`.
    SlowConsumer,
    /// `since` is greater than the room's `rev`. Discard the room and load it again.
    ImpossibleRev,
    /// Too many frames in a short time.
    FrameRate,
    /// Nothing was received for too long.
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
    fn a_since_of_null_is_refused() {
        let json = r#"{"type":"subscribe","room_id":"0190a5b0-0000-7000-8000-000000000001","since":null}"#;
        assert!(serde_json::from_str::<ClientCommand>(json).is_err());
    }

    #[test]
    fn a_subscription_is_present_unless_it_says_otherwise() {
        let json = r#"{"type":"subscribe","room_id":"0190a5b0-0000-7000-8000-000000000001"}"#;
        let command: ClientCommand = serde_json::from_str(json).unwrap();
        let ClientCommand::Subscribe(rooms) = &command else { panic!("{command:?}") };
        let [Subscription { present: true, since: None, .. }] = rooms.clone().into_vec()[..] else {
            panic!("{rooms:?}")
        };
        assert_eq!(serde_json::to_string(&command).unwrap(), json);
    }
}
