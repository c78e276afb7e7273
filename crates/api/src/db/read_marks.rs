//! How far members have read. Marks move no `rev` and take no lock of the room.

use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Uuid as SqlUuid};
use shared::ids::{RoomId, Seq, UserId};
use shared::read_marks::{Notify, ReadMark};
use uuid::Uuid;

use super::DbResult;
use super::schema::read_marks;
use crate::formatting::mentions::EVERYONE;

/// How a mark moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The room.
    pub room_id: RoomId,
    /// The member.
    pub user_id: UserId,
    /// The last message that was read. At most the room's `last_seq` counts.
    pub seq: Seq,
    /// Whether the mark may move back.
    pub is_exact: bool,
    /// Whether the version grows in any case, because the unread mentions changed.
    pub is_touch: bool,
}

/// A mark after a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The room.
    pub room_id: RoomId,
    /// The member.
    pub user_id: UserId,
    /// The mark.
    pub mark: ReadMark,
    /// Whether the move changed it.
    pub is_changed: bool,
    /// Whether there were unread mentions before.
    pub had_mentions: bool,
}

/// Moves marks, with one statement. Returns the marks of those who are members.
///
/// # Errors
/// Errors of the database.
pub fn move_all(conn: &mut PgConnection, moves: &[Move]) -> DbResult<Vec<Moved>> {
    let rows: Vec<(Uuid, Uuid, i64, i64, bool, i64, bool)> = MoveMarks {
        room_ids: moves.iter().map(|one| one.room_id.0).collect(),
        user_ids: moves.iter().map(|one| one.user_id.0).collect(),
        seqs: moves.iter().map(|one| one.seq.0).collect(),
        are_exact: moves.iter().map(|one| one.is_exact).collect(),
        are_touches: moves.iter().map(|one| one.is_touch).collect(),
        everyone: EVERYONE.0,
    }
    .load(conn)?;
    type Row = (Uuid, Uuid, i64, i64, bool, i64, bool);
    let mark = |(room_id, user_id, seq, version, is_changed, mentions, had_mentions): Row| {
        let mentions = u32::try_from(mentions).unwrap_or(u32::MAX);
        let mark = ReadMark { seq: Seq(seq), mentions, version };
        Moved { room_id: RoomId(room_id), user_id: UserId(user_id), mark, is_changed, had_mentions }
    };
    Ok(rows.into_iter().map(mark).collect())
}

/// Sets the mark of a user who joins: everything before counts as read.
pub fn begin(conn: &mut PgConnection, room_id: RoomId, user_id: UserId, last_seq: Seq) -> DbResult<ReadMark> {
    let version: i64 = diesel::insert_into(read_marks::table)
        .values((
            read_marks::room_id.eq(room_id.0),
            read_marks::user_id.eq(user_id.0),
            read_marks::seq.eq(last_seq.0),
        ))
        .on_conflict((read_marks::room_id, read_marks::user_id))
        .do_update()
        .set((read_marks::seq.eq(last_seq.0), read_marks::version.eq(read_marks::version + 1)))
        .returning(read_marks::version)
        .get_result(conn)?;
    Ok(ReadMark { seq: last_seq, mentions: 0, version })
}

/// Sets which messages notify a member.
///
/// # Errors
/// [`super::DbError::NotFound`] if the user never was a member.
pub fn set_notify(conn: &mut PgConnection, room_id: RoomId, user_id: UserId, notify: Notify) -> DbResult<()> {
    diesel::update(read_marks::table.find((room_id.0, user_id.0)))
        .set(read_marks::notify.eq(notify.name()))
        .returning(read_marks::user_id)
        .get_result::<Uuid>(conn)?;
    Ok(())
}

/// The level of a text in `read_marks.notify`. A check constraint excludes other texts.
pub(super) fn notify_from_text(text: &str) -> Notify {
    match text {
        "all" => Notify::All,
        "none" => Notify::None,
        _ => Notify::Mentions,
    }
}

/// `UPDATE … FROM unnest`. Its text does not depend on the number of rows, so it is prepared once.
struct MoveMarks {
    room_ids: Vec<Uuid>,
    user_ids: Vec<Uuid>,
    seqs: Vec<i64>,
    are_exact: Vec<bool>,
    are_touches: Vec<bool>,
    everyone: Uuid,
}

impl QueryFragment<Pg> for MoveMarks {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH input AS (SELECT input.*, mark.seq AS former FROM unnest(");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.room_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.user_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.seqs)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Bool>, _>(&self.are_exact)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Bool>, _>(&self.are_touches)?;
        // `OFFSET 0` keeps each lookup one by a key, as in the statement that stores messages.
        out.push_sql(
            ") AS input (room_id, user_id, seq, is_exact, is_touch), \
             LATERAL (SELECT seq FROM read_marks WHERE room_id = input.room_id AND user_id = input.user_id \
             OFFSET 0) AS mark), \
             target AS (SELECT input.room_id, input.user_id, input.is_touch, input.former, \
             CASE WHEN input.is_exact THEN least(input.seq, room.last_seq) \
             ELSE greatest(input.former, least(input.seq, room.last_seq)) END AS seq FROM input, \
             LATERAL (SELECT FROM memberships WHERE room_id = input.room_id AND user_id = input.user_id \
             AND role IS NOT NULL OFFSET 0) AS member, \
             LATERAL (SELECT last_seq FROM rooms WHERE id = input.room_id AND deleted_at IS NULL OFFSET 0) AS room), \
             moved AS (UPDATE read_marks SET seq = target.seq, version = read_marks.version \
             + (target.is_touch OR target.seq <> read_marks.seq)::int FROM target \
             WHERE read_marks.room_id = target.room_id AND read_marks.user_id = target.user_id \
             RETURNING read_marks.room_id, read_marks.user_id, read_marks.seq, read_marks.version, \
             target.is_touch OR target.seq <> target.former AS is_changed, target.former) \
             SELECT room_id, user_id, seq, version, is_changed, (SELECT count(*) FROM mentions \
             WHERE mentions.user_id IN (moved.user_id, ",
        );
        out.push_bind_param::<SqlUuid, _>(&self.everyone)?;
        out.push_sql(
            ") AND mentions.room_id = moved.room_id AND mentions.seq > moved.seq \
             AND mentions.author_id <> moved.user_id), EXISTS (SELECT FROM mentions \
             WHERE mentions.user_id IN (moved.user_id, ",
        );
        out.push_bind_param::<SqlUuid, _>(&self.everyone)?;
        out.push_sql(
            ") AND mentions.room_id = moved.room_id AND mentions.seq > moved.former \
             AND mentions.author_id <> moved.user_id) FROM moved",
        );
        Ok(())
    }
}

impl QueryId for MoveMarks {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for MoveMarks {
    type SqlType = (SqlUuid, SqlUuid, BigInt, BigInt, Bool, BigInt, Bool);
}

impl RunQueryDsl<PgConnection> for MoveMarks {}
