//! Creating, changing and deleting rooms.

use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::events::{RoomChange, ServerEvent};
use shared::ids::{RoomId, UserId};
use shared::members::{Operation, Role};
use shared::rooms::{Room, Topic, UpdateRoom, Visibility};
use shared::text::InvalidCode;

use super::error::{Refusal, RoomResult};
use super::{Attempt, Done, Transaction, audience, from_to};
use crate::db::rooms::{NewRoom, StoredRoom};
use crate::db::{self, Conn, DbError};
use crate::files::key;
use crate::policy::{self, Decision};

/// Creates a room, whose creator becomes its owner.
///
/// # Errors
/// The refusal; a conflict if another public room has the name.
pub fn create(conn: &mut Conn, new: &NewRoom, by: UserId, attempt: Attempt) -> RoomResult<Done<StoredRoom>> {
    let attempt = Attempt { at: new.created_at, ..attempt };
    let now = attempt.at;
    let me = db::members::or_nobody(db::members::get(conn, new.id, by, now))?;
    let mut me = me.ok_or(ErrorCode::AuthenticationRequired)?;
    if let Decision::Deny(code) = policy::may_create_room(me.actor(), new.visibility) {
        return Err(code.into());
    }
    let room = match db::rooms::create(conn, new)? {
        StoredRoom::Created(room) => room,
        // A user who lost sight of the room only learns that the id is in use.
        StoredRoom::Repeated(room) => {
            let repeated = match super::check(&me, Operation::View, &room, now) {
                Ok(()) => {
                    let is_ours = attempt.has_stored(room.created_at);
                    let room = Room { viewer: Some(me.viewer(&room)), ..room };
                    if is_ours { StoredRoom::Created(room) } else { StoredRoom::Repeated(room) }
                }
                Err(_) => StoredRoom::IdReused,
            };
            return Ok(Done::unchanged(repeated));
        }
        StoredRoom::IdReused => return Ok(Done::unchanged(StoredRoom::IdReused)),
    };
    let mut transaction = Transaction::of_locked(conn, room, attempt);
    transaction.join(&mut me, Role::Owner)?;
    transaction.changes.clear();
    let room = transaction.room.clone();
    transaction.audience = Some(audience(transaction.conn, &room)?);
    let seen = transaction.seen_by(&me);
    transaction.changes.push((room.rev, ServerEvent::RoomCreated(RoomChange { rev: room.rev, room })));
    transaction.finish(StoredRoom::Created(seen))
}

/// Changes the settings of a room. What is absent stays as it is. If that changes what the users with an open connection
/// may do, they are told.
///
/// # Errors
/// The refusal; a conflict if another public room has the name.
pub fn update(
    conn: &mut Conn,
    id: RoomId,
    by: UserId,
    update: &UpdateRoom,
    connected: &[UserId],
    attempt: Attempt,
) -> RoomResult<Done<Room>> {
    let (mut transaction, me) = Transaction::begin(conn, id, by, attempt)?;
    let UpdateRoom { name, topic, visibility, slow_mode_seconds, posting, publish_history } = update;
    if visibility.is_some() {
        transaction.check(&me, Operation::SetVisibility)?;
    }
    let is_about_settings =
        name.is_some() || topic.is_some() || slow_mode_seconds.is_some() || posting.is_some();
    if is_about_settings || visibility.is_none() {
        transaction.check(&me, Operation::UpdateRoom)?;
    }
    let before = transaction.room.clone();
    let after = Room {
        name: name.clone().unwrap_or_else(|| before.name.clone()),
        topic: topic.clone().unwrap_or_else(|| before.topic.clone()),
        visibility: visibility.unwrap_or(before.visibility),
        slow_mode_seconds: slow_mode_seconds.unwrap_or(before.slow_mode_seconds),
        posting: posting.unwrap_or(before.posting),
        ..before.clone()
    };
    let becomes = |visibility| after.visibility == visibility && before.visibility != visibility;
    if becomes(Visibility::Private) && before.is_own {
        let detail = "The server's own rooms are public.";
        return Err(Refusal::invalid("visibility", InvalidCode::InvalidFormat, detail).into());
    }
    if becomes(Visibility::Public) && *publish_history != Some(true) {
        let detail = "Everybody will see all messages of the room: confirm it with publish_history.";
        return Err(Refusal::invalid("publish_history", InvalidCode::Required, detail).into());
    }
    if after == before {
        let seen = transaction.seen_by(&me);
        return Ok(Done::unchanged(seen));
    }
    transaction.is_about_rights = true;
    if (after.visibility, after.posting) != (before.visibility, before.posting) {
        transaction.remember_viewers(connected)?;
    }
    transaction.room = after.clone();
    transaction.store_settings()?;
    if after.visibility != before.visibility {
        transaction.audience = Some(audience(transaction.conn, &after)?);
        transaction.former_name = Some(before.name.clone());
    }
    let text = |topic: &Option<Topic>| topic.as_ref().map_or("", Topic::as_str).to_owned();
    let (slow_before, slow_after) =
        (before.slow_mode_seconds.to_string(), after.slow_mode_seconds.to_string());
    let changes: [(&str, &str, &str); 5] = [
        ("rename", before.name.as_str(), after.name.as_str()),
        ("topic", &text(&before.topic), &text(&after.topic)),
        ("visibility", before.visibility.name(), after.visibility.name()),
        ("slow_mode", &slow_before, &slow_after),
        ("posting", before.posting.name(), after.posting.name()),
    ];
    for (action, before, after) in changes {
        if before != after {
            transaction.audit(Some(by), action, None, &from_to(before, after))?;
        }
    }
    let seen = transaction.seen_by(&me);
    transaction.finish(seen)
}

/// Changes the picture of a room, whose bytes are stored under the key; without a key, removes it.
///
/// # Errors
/// The refusal.
pub fn set_avatar(
    conn: &mut Conn,
    id: RoomId,
    by: UserId,
    key: Option<&str>,
    attempt: Attempt,
) -> RoomResult<Done<Room>> {
    let (mut transaction, me) = Transaction::begin(conn, id, by, attempt)?;
    transaction.check(&me, Operation::UpdateRoom)?;
    let avatar_url = key.map(key::path);
    if transaction.room.avatar_url == avatar_url {
        let seen = transaction.seen_by(&me);
        return Ok(Done::unchanged(seen));
    }
    db::rooms::set_avatar(transaction.conn, id, key, attempt.at)?;
    transaction.room.avatar_url = avatar_url;
    transaction.store_settings()?;
    let what = if key.is_some() { "set" } else { "removed" };
    let detail = AuditDetail { after: Some(what.to_owned()), ..AuditDetail::default() };
    transaction.audit(Some(by), "avatar", None, &detail)?;
    let seen = transaction.seen_by(&me);
    transaction.finish(seen)
}

/// Deletes a room with its messages.
///
/// # Errors
/// The refusal.
pub fn delete(conn: &mut Conn, id: RoomId, by: UserId, attempt: Attempt) -> RoomResult<Done<()>> {
    let before = db::members::or_nobody(db::members::get(conn, id, by, attempt.at))?;
    let is_in = before.is_some_and(|before| before.role.is_some());
    let room = match db::rooms::lock_seen(conn, id, is_in) {
        Err(DbError::NotFound) => {
            let is_done = match db::rooms::get_deleted(conn, id) {
                Ok(tombstone) => attempt.has_stored(tombstone.updated_at),
                Err(DbError::NotFound) => false,
                Err(error) => return Err(error.into()),
            };
            return if is_done { Ok(Done::unchanged(())) } else { Err(ErrorCode::RoomNotFound.into()) };
        }
        room => room?,
    };
    let mut transaction = Transaction::of_locked(conn, room, attempt);
    let me = transaction.actor(by)?;
    transaction.check(&me, Operation::DeleteRoom)?;
    transaction.delete()?;
    transaction.finish(())
}
