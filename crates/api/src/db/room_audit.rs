//! The audit logs of rooms in the database.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::audit::{AuditDetail, AuditEntry};
use shared::ids::{AuditId, RoomId, UserId};
use shared::page::{Cursor, Page};
use shared::rooms::{Room, RoomName};
use uuid::Uuid;

use super::DbResult;
use super::page::{self, Direction, InvalidCursor};
use super::schema::{room_audit, users};
use super::users::UserRow;

/// Stores what was done in a room: by the server itself if there is no `actor`.
pub fn create(
    conn: &mut PgConnection,
    room_id: RoomId,
    actor: Option<UserId>,
    action: &str,
    target: Option<UserId>,
    detail: &AuditDetail,
    at: DateTime<Utc>,
) -> DbResult<()> {
    diesel::insert_into(room_audit::table)
        .values((
            room_audit::id.eq(Uuid::now_v7()),
            room_audit::room_id.eq(room_id.0),
            room_audit::at.eq(at),
            room_audit::actor_id.eq(actor.map(|id| id.0)),
            room_audit::action.eq(action),
            room_audit::target_id.eq(target.map(|id| id.0)),
            room_audit::before.eq(&detail.before),
            room_audit::after.eq(&detail.after),
            room_audit::reason.eq(&detail.reason),
            room_audit::count.eq(detail.count),
        ))
        .execute(conn)?;
    Ok(())
}

/// The name that a room had before the change that its settings were last stored with; `None` if that did not rename it.
pub fn former_name(conn: &mut PgConnection, room: &Room) -> DbResult<Option<RoomName>> {
    let name: Option<Option<String>> = room_audit::table
        .filter(room_audit::room_id.eq(room.id.0))
        .filter(room_audit::action.eq("rename"))
        .filter(room_audit::at.eq(DateTime::<Utc>::from(room.updated_at)))
        .select(room_audit::before)
        .first(conn)
        .optional()?;
    Ok(name.flatten().map(RoomName::from_stored))
}

/// Clears what the audit logs say in the words of a user, or about them.
pub fn clear_words_of(conn: &mut PgConnection, user_id: UserId) -> DbResult<()> {
    let of_user =
        room_audit::table.filter(room_audit::actor_id.eq(user_id.0).or(room_audit::target_id.eq(user_id.0)));
    diesel::update(of_user).set(room_audit::reason.eq(None::<String>)).execute(conn)?;
    Ok(())
}

const TAG: u8 = b'a';

/// Parses a cursor of the list.
///
/// # Errors
/// [`InvalidCursor`] for any other text.
pub fn parse_cursor(cursor: &str) -> Result<AuditId, InvalidCursor> {
    let id: [u8; 16] = page::decode(TAG, cursor)?;
    Ok(AuditId(Uuid::from_bytes(id)))
}

fn cursor(id: AuditId) -> Cursor {
    page::encode(TAG, id.0.as_bytes())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = room_audit)]
struct AuditRow {
    id: Uuid,
    at: DateTime<Utc>,
    action: String,
    before: Option<String>,
    after: Option<String>,
    reason: Option<String>,
    count: Option<i64>,
}

/// A page of the audit log of a room, newest first.
pub fn list(
    conn: &mut PgConnection,
    room_id: RoomId,
    before: Option<AuditId>,
    limit: u32,
) -> DbResult<Page<AuditEntry>> {
    let limit = limit as usize;
    let (actors, targets) = diesel::alias!(users as actors, users as targets);
    let mut rows = room_audit::table
        .left_join(actors.on(actors.field(users::id).nullable().eq(room_audit::actor_id)))
        .left_join(targets.on(targets.field(users::id).nullable().eq(room_audit::target_id)))
        .filter(room_audit::room_id.eq(room_id.0))
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(room_audit::id.lt(before.0));
    }
    type Row = (AuditRow, Option<UserRow>, Option<UserRow>);
    let rows: Vec<Row> = rows
        .order(room_audit::id.desc())
        .limit(limit as i64 + 1)
        .select((
            AuditRow::as_select(),
            actors.fields(super::users::COLUMNS).nullable(),
            targets.fields(super::users::COLUMNS).nullable(),
        ))
        .load(conn)?;
    let (rows, has_more) = page::trim(rows, limit, Direction::After);
    let entry = |(row, actor, target): Row| {
        let AuditRow { id, at, action, before, after, reason, count } = row;
        AuditEntry {
            id: AuditId(id),
            at: at.into(),
            actor: actor.map(Into::into),
            action,
            target: target.map(Into::into),
            detail: AuditDetail { before, after, reason, count },
        }
    };
    let items: Vec<AuditEntry> = rows.into_iter().map(entry).collect();
    let next_cursor = items.last().filter(|_| has_more).map(|last| cursor(last.id));
    Ok(Page { items, next_cursor, prev_cursor: None })
}
