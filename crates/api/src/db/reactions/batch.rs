//! The two statements that store many reactions at once: one reads what they change, one writes it.
//!
//! No lock is held between them. The second changes only rooms that are as the first read them, so nothing slips
//! between the check and the commit, and one round trip is enough for each.

use chrono::{DateTime, Utc};
use diesel::expression::Expression;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use shared::ids::{Rev, RoomId};
use shared::messages::Message;
use shared::rooms::Room;
use uuid::Uuid;

use super::super::DbResult;
use super::super::authors::AuthorRow;
use super::super::messages::{MessageRow, message};
use super::super::replies::{self, Prefetched, ThreadIfAny};
use super::super::rooms::RoomRow;
use super::super::schema::rooms;
use super::NewReaction;

/// What a reaction changes.
pub struct Target {
    /// The room.
    pub room: Room,
    /// The version of what decides who may write in the room.
    pub rights_version: i64,
    /// The message.
    pub message: Message,
}

/// Reads what reactions change, and what was read beside the messages. `None` is a reaction that needs a second look: the
/// user is no member, may not react, or has reacted so already, or the message is deleted or unknown.
pub fn targets(
    conn: &mut PgConnection,
    batch: &[&NewReaction],
    now: DateTime<Utc>,
) -> DbResult<(Vec<Option<Target>>, Prefetched)> {
    type Row = (RoomRow, i64, MessageRow, AuthorRow, ThreadIfAny);
    let columns = (
        RoomRow::as_select(),
        rooms::rights_version,
        MessageRow::as_select(),
        AuthorRow::as_select(),
        replies::thread_if_any(),
    );
    let rows: Vec<(i64, Row)> = Targets { columns, input: Input::new(batch), now }.load(conn)?;
    let mut targets: Vec<Option<Target>> = batch.iter().map(|_| None).collect();
    let mut prefetched = Prefetched::default();
    for (place, (room, rights_version, mut row, author, thread)) in rows {
        prefetched.add(row.id, row.excerpt.take(), thread);
        // Places begin with 1.
        if let Some(target) = usize::try_from(place - 1).ok().and_then(|place| targets.get_mut(place)) {
            *target = Some(Target { room: room.into(), rights_version, message: message((row, author)) });
        }
    }
    Ok((targets, prefetched))
}

/// A room whose messages get other reactions.
#[derive(Debug)]
pub struct RoomStep {
    /// The room.
    pub room_id: RoomId,
    /// The `rev` that was read.
    pub before: Rev,
    /// The version of the rights that was read.
    pub rights_version: i64,
    /// The new `rev`.
    pub after: Rev,
}

/// Stores reactions, and the sums of the messages with them, in the rooms that are as they were read. Returns those.
pub fn store(
    conn: &mut PgConnection,
    steps: &[RoomStep],
    messages: &[Message],
    batch: &[&NewReaction],
) -> DbResult<Vec<RoomId>> {
    let store = Store {
        steps: (
            steps.iter().map(|step| step.room_id.0).collect(),
            steps.iter().map(|step| step.before.0).collect(),
            steps.iter().map(|step| step.rights_version).collect(),
            steps.iter().map(|step| step.after.0).collect(),
        ),
        messages: (
            messages.iter().map(|message| message.id.0).collect(),
            messages.iter().map(|message| message.room_id.0).collect(),
            messages.iter().map(|message| message.rev.0).collect(),
            messages.iter().map(|message| message.reactions.as_ref()?.json().map(str::to_owned)).collect(),
        ),
        input: Input::new(batch),
    };
    let rooms: Vec<Uuid> = store.load(conn)?;
    Ok(rooms.into_iter().map(RoomId).collect())
}

/// The reactions, by columns.
#[derive(Debug)]
struct Input {
    rooms: Vec<Uuid>,
    messages: Vec<Uuid>,
    emoji: Vec<String>,
    users: Vec<Uuid>,
    are_active: Vec<bool>,
}

impl Input {
    fn new(batch: &[&NewReaction]) -> Self {
        Self {
            rooms: batch.iter().map(|new| new.room_id.0).collect(),
            messages: batch.iter().map(|new| new.message_id.0).collect(),
            emoji: batch.iter().map(|new| new.emoji.clone()).collect(),
            users: batch.iter().map(|new| new.by.0).collect(),
            are_active: batch.iter().map(|new| new.is_active).collect(),
        }
    }
}

impl QueryFragment<Pg> for Input {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH input AS (SELECT * FROM unnest(");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.rooms)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.messages)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.emoji)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.users)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Bool>, _>(&self.are_active)?;
        out.push_sql(") WITH ORDINALITY AS input (room_id, message_id, emoji, user_id, is_active, place))");
        Ok(())
    }
}

/// The statement that reads. `OFFSET 0` has the same reason as in the statement that stores messages.
#[derive(Debug)]
struct Targets<Columns> {
    columns: Columns,
    input: Input,
    now: DateTime<Utc>,
}

impl<Columns: QueryFragment<Pg>> QueryFragment<Pg> for Targets<Columns> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.input.walk_ast(out.reborrow())?;
        out.push_sql(" SELECT input.place, ");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(
            " FROM input, \
             LATERAL (SELECT role, muted_until FROM memberships \
             WHERE room_id = input.room_id AND user_id = input.user_id OFFSET 0) AS member, \
             LATERAL (SELECT * FROM rooms \
             WHERE id = input.room_id AND deleted_at IS NULL OFFSET 0) AS rooms, \
             LATERAL (SELECT * FROM messages \
             WHERE id = input.message_id AND room_id = input.room_id AND deleted_at IS NULL OFFSET 0) AS messages \
             JOIN users ON users.id = messages.author_id \
             LEFT JOIN threads ON threads.root_id = \
             coalesce(messages.root_id, CASE WHEN messages.has_replies THEN messages.id END) \
             WHERE member.role IS NOT NULL AND (member.muted_until IS NULL OR member.muted_until <= ",
        );
        out.push_bind_param::<Timestamptz, _>(&self.now)?;
        out.push_sql(
            ") AND (rooms.posting = 'all' \
             OR (SELECT kind FROM users WHERE users.id = input.user_id) <> 'guest') \
             AND input.is_active <> EXISTS (SELECT FROM reactions WHERE message_id = input.message_id \
             AND reactions.emoji = input.emoji AND reactions.user_id = input.user_id OFFSET 0)",
        );
        Ok(())
    }
}

impl<Columns: 'static> QueryId for Targets<Columns> {
    type QueryId = Targets<()>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Columns: Expression> Query for Targets<Columns> {
    type SqlType = (BigInt, Columns::SqlType);
}

impl<Columns> RunQueryDsl<PgConnection> for Targets<Columns> {}

/// The statement that writes. The rooms are locked first, as they are everywhere.
#[derive(Debug)]
struct Store {
    steps: (Vec<Uuid>, Vec<i64>, Vec<i64>, Vec<i64>),
    messages: (Vec<Uuid>, Vec<Uuid>, Vec<i64>, Vec<Option<String>>),
    input: Input,
}

impl QueryFragment<Pg> for Store {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.input.walk_ast(out.reborrow())?;
        out.push_sql(", moved AS (UPDATE rooms SET rev = step.after FROM unnest(");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.steps.0)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.steps.1)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.steps.2)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.steps.3)?;
        out.push_sql(
            ") AS step (room_id, before, rights_version, after) \
             WHERE rooms.id = step.room_id AND rooms.rev = step.before \
             AND rooms.rights_version = step.rights_version AND rooms.deleted_at IS NULL RETURNING rooms.id), \
             created AS (INSERT INTO reactions (message_id, emoji, user_id) \
             SELECT message_id, emoji, user_id FROM input JOIN moved ON moved.id = input.room_id \
             WHERE is_active ORDER BY place), \
             deleted AS (DELETE FROM reactions USING input JOIN moved ON moved.id = input.room_id \
             WHERE NOT is_active AND reactions.message_id = input.message_id \
             AND reactions.emoji = input.emoji AND reactions.user_id = input.user_id), \
             changed AS (UPDATE messages SET reactions = change.reactions, rev = change.rev FROM unnest(",
        );
        out.push_bind_param::<Array<SqlUuid>, _>(&self.messages.0)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.messages.1)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.messages.2)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.messages.3)?;
        out.push_sql(
            ") AS change (id, room_id, rev, reactions) JOIN moved ON moved.id = change.room_id \
             WHERE messages.id = change.id) \
             SELECT id FROM moved",
        );
        Ok(())
    }
}

impl QueryId for Store {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Store {
    type SqlType = SqlUuid;
}

impl RunQueryDsl<PgConnection> for Store {}
