//! Reads an event from its frame.

use shared::events::{MessageChange, RoomChange, ServerEvent};

use super::tree::Value;
use super::{code, id, list, message, parse, rev, room, small, string, user};

/// The event in a frame. One that cannot be read is like one that is unknown.
pub fn event(frame: &str) -> ServerEvent {
    parse(frame, read).unwrap_or(ServerEvent::Unknown)
}

fn read(value: &Value) -> Option<ServerEvent> {
    Some(match value.get("type")?.text()?.as_str() {
        "hello" => ServerEvent::Hello {
            server_version: string(value, "server_version")?,
            heartbeat_seconds: small(value, "heartbeat_seconds")?,
            user: value.get("user").as_ref().and_then(user),
        },
        "subscribed" => ServerEvent::Subscribed {
            room: room(&value.get("room")?)?,
            rev: rev(value)?,
            online: list(value, "online", user)?,
            visitors: small(value, "visitors")?,
        },
        "message_created" => ServerEvent::MessageCreated(message_change(value)?),
        "message_updated" => ServerEvent::MessageUpdated(message_change(value)?),
        "message_deleted" => ServerEvent::MessageDeleted(message_change(value)?),
        "room_created" => ServerEvent::RoomCreated(room_change(value)?),
        "room_updated" => ServerEvent::RoomUpdated(room_change(value)?),
        "room_deleted" => ServerEvent::RoomDeleted(room_change(value)?),
        "presence" => ServerEvent::Presence {
            room_id: id(value, "room_id")?,
            joined: list(value, "joined", user)?,
            left: list(value, "left", |id| id.text()?.parse().ok())?,
            online: small(value, "online")?,
            visitors: small(value, "visitors")?,
        },
        "typing" => ServerEvent::Typing {
            room_id: id(value, "room_id")?,
            user: user(&value.get("user")?)?,
            active: value.get("active")?.truth()?,
        },
        "resync" => ServerEvent::Resync { room_id: id(value, "room_id")? },
        "pong" => ServerEvent::Pong { id: string(value, "id")? },
        "error" => ServerEvent::Error {
            code: code(value)?,
            detail: string(value, "detail")?,
            room_id: id(value, "room_id"),
        },
        _ => return None,
    })
}

fn message_change(value: &Value) -> Option<MessageChange> {
    Some(MessageChange {
        room_id: id(value, "room_id")?,
        rev: rev(value)?,
        message: message(&value.get("message")?)?,
    })
}

fn room_change(value: &Value) -> Option<RoomChange> {
    Some(RoomChange { room: room(&value.get("room")?)?, rev: rev(value)? })
}

#[cfg(test)]
mod tests {
    use shared::errors::ErrorCode;
    use shared::ids::Rev;

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
                online: 1,
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
