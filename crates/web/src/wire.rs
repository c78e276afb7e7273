//! Reads what the server says into the protocol's types.
//!
//! The protocol's own derived `Deserialize` compiles a reader per type and weighs five times as much, and every
//! visitor downloads it. Here the browser reads the JSON, as it can anyway, and small functions pick the fields. The
//! tests hold the two against each other, type by type, so that they cannot drift apart.

pub mod events;
mod tree;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use shared::errors::{ErrorCode, FieldError, Problem};
use shared::ids::{Rev, Seq};
use shared::messages::{Author, Changes, Message};
use shared::page::{Cursor, Page};
use shared::rooms::{Room, RoomName};
use shared::users::{User, UserKind, Username};

use tree::Value;

/// Reads a type from a tree; `None` when something is missing or of another type.
pub type Reader<T> = fn(&Value) -> Option<T>;

/// Reads a type from text.
pub fn parse<T>(text: &str, read: Reader<T>) -> Option<T> {
    read(&Value::parse(text)?)
}

/// The user that a new session is of. The token beside it is left where it is.
pub fn guest(value: &Value) -> Option<User> {
    user(&value.get("user")?)
}

/// A user.
pub fn user(value: &Value) -> Option<User> {
    Some(User {
        id: id(value, "id")?,
        username: username(value)?,
        kind: kind(value)?,
        created_at: named(value, "created_at")?,
    })
}

/// A room.
pub fn room(value: &Value) -> Option<Room> {
    Some(Room {
        id: id(value, "id")?,
        name: RoomName::from_stored(string(value, "name")?),
        created_by: id(value, "created_by"),
        created_at: named(value, "created_at")?,
        updated_at: named(value, "updated_at")?,
        last_seq: Seq(number(value, "last_seq")?),
        rev: rev(value)?,
        online: small(value, "online")?,
    })
}

/// A message.
pub fn message(value: &Value) -> Option<Message> {
    let author = &value.get("author")?;
    Some(Message {
        id: id(value, "id")?,
        room_id: id(value, "room_id")?,
        seq: Seq(number(value, "seq")?),
        rev: rev(value)?,
        author: Author { id: id(author, "id")?, username: username(author)?, kind: kind(author)? },
        text: string(value, "text"),
        created_at: named(value, "created_at")?,
        edited_at: named(value, "edited_at"),
        deleted_at: named(value, "deleted_at"),
    })
}

/// A page of rooms.
pub fn rooms(value: &Value) -> Option<Page<Room>> {
    Some(Page {
        items: list(value, "items", room)?,
        next_cursor: cursor(value, "next_cursor"),
        prev_cursor: None,
    })
}

/// A page of messages.
pub fn messages(value: &Value) -> Option<Page<Message>> {
    Some(Page {
        items: list(value, "items", message)?,
        next_cursor: cursor(value, "next_cursor"),
        prev_cursor: cursor(value, "prev_cursor"),
    })
}

/// What changed in a room.
pub fn changes(value: &Value) -> Option<Changes> {
    Some(Changes {
        room: room(&value.get("room")?)?,
        messages: list(value, "messages", message)?,
        rev: rev(value)?,
        has_more: value.get("has_more")?.truth()?,
    })
}

/// Why the server refused. Of the parts for people only those that are shown.
pub fn problem(value: &Value) -> Option<Problem> {
    let field_error = |value: &Value| {
        Some(FieldError {
            pointer: string(value, "pointer")?,
            code: named(value, "code")?,
            detail: string(value, "detail")?,
        })
    };
    Some(Problem {
        kind: string(value, "type")?,
        title: string(value, "title")?,
        status: u16::try_from(number(value, "status")?).ok()?,
        detail: string(value, "detail")?,
        code: code(value)?,
        request_id: string(value, "request_id")?,
        errors: list(value, "errors", field_error).unwrap_or_default(),
        retry_after: number(value, "retry_after").and_then(|seconds| u64::try_from(seconds).ok()),
        scope: named(value, "scope"),
    })
}

fn list<T>(value: &Value, field: &str, read: Reader<T>) -> Option<Vec<T>> {
    value.get(field)?.items()?.iter().map(read).collect()
}

fn string(value: &Value, field: &str) -> Option<String> {
    value.get(field)?.text()
}

fn number(value: &Value, field: &str) -> Option<i64> {
    value.get(field)?.number()
}

fn small(value: &Value, field: &str) -> Option<u32> {
    u32::try_from(number(value, field)?).ok()
}

fn id<T: std::str::FromStr>(value: &Value, field: &str) -> Option<T> {
    value.get(field)?.text()?.parse().ok()
}

/// What the protocol reads from a string: a time, or one of a set of names.
fn named<T: DeserializeOwned>(value: &Value, field: &str) -> Option<T> {
    let text = value.get(field)?.text()?;
    let text: StrDeserializer<Error> = text.as_str().into_deserializer();
    T::deserialize(text).ok()
}

fn username(value: &Value) -> Option<Username> {
    string(value, "username").map(Username::from_stored)
}

fn kind(value: &Value) -> Option<UserKind> {
    named(value, "kind")
}

fn code(value: &Value) -> Option<ErrorCode> {
    named(value, "code")
}

fn rev(value: &Value) -> Option<Rev> {
    number(value, "rev").map(Rev)
}

fn cursor(value: &Value, field: &str) -> Option<Cursor> {
    string(value, field).map(Cursor)
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::Serialize;
    use shared::errors::LimitScope;
    use shared::text::{Invalid, InvalidCode};
    use shared::timestamp::Timestamp;

    use super::*;
    use crate::state::samples::{NOON, message as sample_message, room as sample_room, user as sample_user};

    fn check<T: Serialize + PartialEq + Debug>(sent: &T, read: Reader<T>) {
        let text = serde_json::to_string(sent).unwrap();
        assert_eq!(parse(&text, read).as_ref(), Some(sent), "{text}");
    }

    #[test]
    fn every_type_is_read_as_the_protocol_says() {
        let time = Timestamp::from_unix_millis(NOON + 1);
        let user_id = Some(sample_user(1, "adam").id);
        check(&sample_user(1, "adam"), user);
        check(&sample_room(1, "Lobby"), room);
        check(&Room { created_by: user_id, online: 3, ..sample_room(1, "Lobby") }, room);
        check(&sample_message(1, 1), message);
        check(&Message { edited_at: time, ..sample_message(1, 2) }, message);
        check(&Message { text: None, deleted_at: time, ..sample_message(1, 3) }, message);
        let cursor = Some(Cursor("next".to_owned()));
        check(
            &Page { items: vec![sample_room(1, "a")], next_cursor: cursor.clone(), prev_cursor: None },
            rooms,
        );
        let items = vec![sample_message(1, 1), sample_message(2, 2)];
        check(&Page { items: items.clone(), next_cursor: None, prev_cursor: cursor }, messages);
        check(&Changes { room: sample_room(1, "a"), messages: items, rev: Rev(2), has_more: true }, changes);
    }

    #[test]
    fn a_problem_is_read_as_the_protocol_says() {
        let invalid = Invalid::new(InvalidCode::TooShort, "Too short.");
        let full = Problem {
            kind: "/docs/problems#rate_limited".to_owned(),
            title: "Slow down".to_owned(),
            status: 429,
            detail: "Wait.".to_owned(),
            code: ErrorCode::RateLimited,
            request_id: "1".to_owned(),
            errors: vec![FieldError::new("text", invalid)],
            retry_after: Some(3),
            scope: Some(LimitScope::User),
        };
        check(&full, problem);
        check(&Problem { errors: vec![], retry_after: None, scope: None, ..full }, problem);
        let unheard_of = r#"{"type":"","title":"","status":400,"detail":"","code":"new","request_id":""}"#;
        assert_eq!(parse(unheard_of, problem).map(|problem| problem.code), Some(ErrorCode::Unknown));
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_not_read() {
        for text in ["", "[]", "{}", r#"{"id":7}"#, r#"{"items":[{}]}"#] {
            assert_eq!(parse(text, room), None, "{text}");
            assert_eq!(parse(text, rooms), None, "{text}");
        }
    }
}
