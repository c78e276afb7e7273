//! Reactions to messages. The rows are the truth; each message keeps their sum as JSON, ready to send.

mod batch;

pub use batch::{RoomStep, Target, store, targets};

use std::ops::Deref;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::{MessageId, Rev, RoomId, UserId};
use shared::messages::Message;
use shared::page::{Cursor, Page};
use shared::reactions::{MAX_LISTED_USERS, Mine, Reaction};
use shared::users::User;
use uuid::Uuid;

use super::DbResult;
use super::page::{self, Direction, InvalidCursor};
use super::schema::{messages, reactions, rooms, users};
use super::users::UserRow;

/// A reaction of a user to a message, or its end.
#[derive(Clone, Debug)]
pub struct NewReaction {
    /// The room.
    pub room_id: RoomId,
    /// The message.
    pub message_id: MessageId,
    /// The emoji, fully qualified.
    pub emoji: String,
    /// The user.
    pub by: UserId,
    /// Whether the user reacts, or takes the reaction back.
    pub is_active: bool,
}

/// The sum of reactions as JSON, ready to send; `None` without any.
pub fn to_json(sum: &[Reaction]) -> Option<String> {
    (!sum.is_empty()).then(|| serde_json::to_string(sum).ok()).flatten()
}

/// Stores the sum of the reactions to a message, as a change of the message. The caller holds the lock of the room.
pub fn set_of_message(
    conn: &mut PgConnection,
    message: MessageId,
    sum: &[Reaction],
    rev: Rev,
) -> DbResult<Option<String>> {
    let json = to_json(sum);
    diesel::update(messages::table.find(message.0))
        .set((messages::reactions.eq(&json), messages::rev.eq(rev.0)))
        .execute(conn)?;
    Ok(json)
}

/// Stores a reaction. Returns false if the user reacted so before.
pub fn create(conn: &mut PgConnection, message: MessageId, emoji: &str, user: UserId) -> DbResult<bool> {
    let created = diesel::insert_into(reactions::table)
        .values((
            reactions::message_id.eq(message.0),
            reactions::emoji.eq(emoji),
            reactions::user_id.eq(user.0),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(created > 0)
}

/// Deletes a reaction of a user. Returns false if there is none.
pub fn delete(conn: &mut PgConnection, message: MessageId, emoji: &str, user: UserId) -> DbResult<bool> {
    Ok(diesel::delete(reactions::table.find((message.0, emoji, user.0))).execute(conn)? > 0)
}

/// Deletes all reactions of one kind. Returns whose they were.
pub fn delete_kind(conn: &mut PgConnection, message: MessageId, emoji: &str) -> DbResult<Vec<UserId>> {
    let of_kind =
        reactions::table.filter(reactions::message_id.eq(message.0)).filter(reactions::emoji.eq(emoji));
    let users: Vec<Uuid> = diesel::delete(of_kind).returning(reactions::user_id).get_results(conn)?;
    Ok(users.into_iter().map(UserId).collect())
}

/// Deletes all reactions to messages, which are being deleted.
pub fn delete_of_messages(conn: &mut PgConnection, messages: &[Uuid]) -> DbResult<()> {
    diesel::delete(reactions::table.filter(reactions::message_id.eq_any(messages))).execute(conn)?;
    Ok(())
}

/// The first users who reacted so, in their order.
pub fn first_users(conn: &mut PgConnection, message: MessageId, emoji: &str) -> DbResult<Vec<UserId>> {
    let users: Vec<Uuid> = reactions::table
        .filter(reactions::message_id.eq(message.0))
        .filter(reactions::emoji.eq(emoji))
        .order(reactions::place)
        .limit(MAX_LISTED_USERS as i64)
        .select(reactions::user_id)
        .load(conn)?;
    Ok(users.into_iter().map(UserId).collect())
}

/// The own reactions of a user among the sums of messages, and the messages whose sums list too few users to tell.
pub fn own(
    sums: impl IntoIterator<Item = (MessageId, impl Deref<Target = Vec<Reaction>>)>,
    user: UserId,
) -> (Mine, Vec<MessageId>) {
    let (mut mine, mut unclear) = (Mine::new(), Vec::new());
    for (id, sum) in sums {
        let is_own = |reaction: &&Reaction| reaction.user_ids.contains(&user);
        let lists_all = |reaction: &Reaction| reaction.user_ids.len() == reaction.count as usize;
        if !sum.iter().all(|reaction| is_own(&reaction) || lists_all(reaction)) {
            unclear.push(id);
            continue;
        }
        let emoji: Vec<String> = sum.iter().filter(is_own).map(|reaction| reaction.emoji.clone()).collect();
        if !emoji.is_empty() {
            mine.insert(id, emoji);
        }
    }
    (mine, unclear)
}

/// The own reactions of a user to messages: from their sums, and from the rows where those are not enough.
pub fn mine(conn: &mut PgConnection, user: UserId, messages: &[Message]) -> DbResult<Mine> {
    let sums =
        messages.iter().filter_map(|message| Some((message.id, message.reactions.as_ref()?.decode()?)));
    let (mut mine, unclear) = own(sums, user);
    if !unclear.is_empty() {
        mine.extend(of_user(conn, user, &unclear)?);
    }
    Ok(mine)
}

/// The own reactions of a user to messages, from the rows.
pub fn of_user(conn: &mut PgConnection, user: UserId, messages: &[MessageId]) -> DbResult<Mine> {
    let ids: Vec<Uuid> = messages.iter().map(|id| id.0).collect();
    let rows: Vec<(Uuid, String)> = reactions::table
        .filter(reactions::message_id.eq_any(ids))
        .filter(reactions::user_id.eq(user.0))
        .order((reactions::message_id, reactions::place))
        .select((reactions::message_id, reactions::emoji))
        .load(conn)?;
    let mut mine = Mine::new();
    for (message, emoji) in rows {
        mine.entry(MessageId(message)).or_default().push(emoji);
    }
    Ok(mine)
}

/// Reactions of a user in any room that is not deleted, up to `limit`: the rooms and messages with the emoji.
pub fn some_of_user(
    conn: &mut PgConnection,
    user: UserId,
    limit: i64,
) -> DbResult<Vec<(RoomId, MessageId, String)>> {
    let rows: Vec<(Uuid, Uuid, String)> = reactions::table
        .inner_join(messages::table.inner_join(rooms::table))
        .filter(reactions::user_id.eq(user.0))
        .filter(rooms::deleted_at.is_null())
        .limit(limit)
        .select((messages::room_id, messages::id, reactions::emoji))
        .load(conn)?;
    Ok(rows.into_iter().map(|(room, message, emoji)| (RoomId(room), MessageId(message), emoji)).collect())
}

const TAG: u8 = b'r';

/// Parses a cursor of the list of users who reacted.
///
/// # Errors
/// [`InvalidCursor`] for any other text.
pub fn parse_cursor(cursor: &str) -> Result<i64, InvalidCursor> {
    page::number(&page::decode::<8>(TAG, cursor)?)
}

fn cursor(place: i64) -> Cursor {
    page::encode(TAG, &place.to_be_bytes())
}

/// A page of the users who reacted so, in their order.
pub fn list(
    conn: &mut PgConnection,
    message: MessageId,
    emoji: &str,
    after: Option<i64>,
    limit: u32,
) -> DbResult<Page<User>> {
    let limit = limit as usize;
    let rows: Vec<(i64, UserRow)> = reactions::table
        .inner_join(users::table)
        .filter(reactions::message_id.eq(message.0))
        .filter(reactions::emoji.eq(emoji))
        .filter(reactions::place.gt(after.unwrap_or(i64::MIN)))
        .order(reactions::place)
        .limit(limit as i64 + 1)
        .select((reactions::place, UserRow::as_select()))
        .load(conn)?;
    let (rows, has_more) = page::trim(rows, limit, Direction::After);
    let next_cursor = rows.last().filter(|_| has_more).map(|(place, _)| cursor(*place));
    let items = rows.into_iter().map(|(_, user)| user.into()).collect();
    Ok(Page { items, next_cursor, prev_cursor: None })
}
