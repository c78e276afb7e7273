//! Mentions of members in messages: what counts as unread, and who has a name.

use std::collections::HashMap;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::{RoomId, Seq, UserId};
use shared::users::UserKind;
use uuid::Uuid;

use super::DbResult;
use super::schema::{memberships, mentions, rooms, users};
use super::users::kind_from_text;
use crate::formatting::mentions::{EVERYONE, Namesake};

/// Stores whom a message mentions, in place of whom it mentioned before. Returns all whose count may have changed. The
/// caller holds the lock of the room.
pub fn replace(
    conn: &mut PgConnection,
    room_id: RoomId,
    seq: Seq,
    author: UserId,
    users: &[UserId],
) -> DbResult<Vec<UserId>> {
    let mut touched = delete(conn, room_id, &[seq])?;
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            (
                mentions::room_id.eq(room_id.0),
                mentions::seq.eq(seq.0),
                mentions::user_id.eq(user.0),
                mentions::author_id.eq(author.0),
            )
        })
        .collect();
    diesel::insert_into(mentions::table).values(rows).on_conflict_do_nothing().execute(conn)?;
    touched.extend(users.iter().filter(|user| !touched.contains(user)).copied().collect::<Vec<_>>());
    Ok(touched)
}

/// Deletes the mentions in messages. Returns who was mentioned.
pub fn delete(conn: &mut PgConnection, room_id: RoomId, seqs: &[Seq]) -> DbResult<Vec<UserId>> {
    let seqs: Vec<i64> = seqs.iter().map(|seq| seq.0).collect();
    let of_messages =
        mentions::table.filter(mentions::room_id.eq(room_id.0)).filter(mentions::seq.eq_any(seqs));
    let mut users: Vec<Uuid> = diesel::delete(of_messages).returning(mentions::user_id).get_results(conn)?;
    users.sort_unstable();
    users.dedup();
    Ok(users.into_iter().map(UserId).collect())
}

/// The members of a room whose names have these keys.
pub fn members_named(
    conn: &mut PgConnection,
    room_id: RoomId,
    keys: &[String],
) -> DbResult<HashMap<String, Vec<Namesake>>> {
    let rows: Vec<(String, Uuid, String)> = users::table
        .inner_join(memberships::table)
        .filter(users::username_key.eq_any(keys))
        .filter(memberships::room_id.eq(room_id.0))
        .filter(memberships::role.is_not_null())
        .select((users::username_key, users::id, users::kind))
        .load(conn)?;
    let mut found: HashMap<String, Vec<Namesake>> = HashMap::new();
    for (key, id, kind) in rows {
        let has_account = kind_from_text(&kind) != UserKind::Guest;
        found.entry(key).or_default().push(Namesake { id: UserId(id), has_account });
    }
    Ok(found)
}

/// The public rooms whose names have these keys.
pub fn rooms_named(conn: &mut PgConnection, keys: &[String]) -> DbResult<HashMap<String, RoomId>> {
    let rows: Vec<(String, Uuid)> = rooms::table
        .filter(rooms::name_key.eq_any(keys))
        .filter(rooms::deleted_at.is_null())
        .filter(rooms::visibility.eq("public"))
        .select((rooms::name_key, rooms::id))
        .load(conn)?;
    Ok(rows.into_iter().map(|(key, id)| (key, RoomId(id))).collect())
}

/// How many messages after a position mention a user.
pub fn count_unread(conn: &mut PgConnection, room_id: RoomId, user: UserId, after: Seq) -> DbResult<u32> {
    let unread = mentions::table
        .filter(mentions::user_id.eq_any([user.0, EVERYONE.0]))
        .filter(mentions::room_id.eq(room_id.0))
        .filter(mentions::seq.gt(after.0))
        .filter(mentions::author_id.ne(user.0));
    let count: i64 = unread.count().get_result(conn)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}
