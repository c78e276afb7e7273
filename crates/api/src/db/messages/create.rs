//! The statement that stores many messages: it numbers them and increments the counters of their rooms.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use shared::files::{AltText, Attachment, AttachmentClaim};
use shared::ids::{MessageId, Rev, RoomId, Seq};
use shared::messages::{Author, Message, MessageText};
use shared::replies::ReplyTo;
use shared::stored::Stored;
use uuid::Uuid;

use super::super::DbResult;
use super::super::authors::AuthorRow;
use super::super::schema::{messages, users};
use super::super::sent_hash::sent_hash;
use super::{MessageRow, columns, message};
use crate::formatting::Formatted;

/// A message to store.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The id, chosen by the client or the server.
    pub id: MessageId,
    /// The room.
    pub room_id: RoomId,
    /// The author.
    pub author: Author,
    /// The text.
    pub text: MessageText,
    /// Its formatting.
    pub format: Formatted,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// The files that it takes.
    pub attachments: Vec<AttachmentClaim>,
    /// The server's time, in whole milliseconds.
    pub created_at: DateTime<Utc>,
}

impl NewMessage {
    /// Of what the client sent: tells a repeat from a reuse of the id.
    fn sent_hash(&self) -> i64 {
        if self.attachments.is_empty() && self.reply_to.is_none() {
            return sent_hash(self.text.as_str());
        }
        // No text contains NUL.
        let mut sent = self.text.as_str().to_owned();
        for AttachmentClaim { id, alt } in &self.attachments {
            sent.push_str(&format!(
                "\0{id}\0{}",
                alt.iter().flatten().map(AltText::as_str).next().unwrap_or_default()
            ));
        }
        if let Some(id) = self.reply_to {
            sent.push_str(&format!("\0\0{id}"));
        }
        sent_hash(&sent)
    }

    /// Whether it can be stored with many others by one statement.
    fn is_plain(&self) -> bool {
        self.attachments.is_empty() && self.reply_to.is_none() && !self.format.everyone
    }

    fn stored(&self, seq: Seq, rev: Rev, attachments: Vec<Attachment>, reply_to: Option<ReplyTo>) -> Message {
        Message {
            id: self.id,
            room_id: self.room_id,
            seq,
            rev,
            author: self.author.clone(),
            text: Some(self.text.as_str().to_owned()),
            body: self.format.body.clone().and_then(Stored::from_json),
            attachments,
            reply_to,
            reactions: None,
            pinned_at: None,
            created_at: self.created_at.into(),
            edited_at: None,
            deleted_at: None,
        }
    }
}

/// Stores messages with distinct ids in the given order and numbers them in their rooms. The results have the same
/// order; `None` is a message that was skipped, and is judged singly.
///
/// Only messages whose authors may write without a second look are stored: members who are not muted, in rooms without
/// slow mode, and not guests where only accounts may write; and none with files, that answer others, or
/// that mention everybody. The condition is judged before the rooms are locked; if what it depends on has changed
/// by then, the room's `rights_version` has too, and its messages are skipped.
///
/// One statement takes one round trip, one transaction and one flush for all messages.
///
/// # Errors
/// Errors of the database. Nothing is stored then, except that it is unknown after a lost connection.
pub fn create_all(conn: &mut PgConnection, batch: &[&NewMessage]) -> DbResult<Vec<Option<Message>>> {
    let plain: Vec<&NewMessage> = batch.iter().copied().filter(|new| new.is_plain()).collect();
    let numbers: HashMap<Uuid, (Seq, Rev)> = if plain.is_empty() {
        HashMap::new()
    } else {
        let rows = InsertMessages::new(&plain).load::<(Uuid, i64, i64)>(conn)?;
        rows.into_iter().map(|(id, seq, rev)| (id, (Seq(seq), Rev(rev)))).collect()
    };
    let stored = |new: &&NewMessage| {
        let (seq, rev) = *numbers.get(&new.id.0)?;
        Some(new.stored(seq, rev, Vec::new(), None))
    };
    Ok(batch.iter().map(stored).collect())
}

/// Stores one message with these numbers, files and reply. The caller holds the lock of the room, and has judged the author.
///
/// # Errors
/// A conflict on [`super::ID_KEY`] if the id is in use.
pub fn create(
    conn: &mut PgConnection,
    new: &NewMessage,
    seq: Seq,
    rev: Rev,
    attachments: Vec<Attachment>,
    reply_to: Option<ReplyTo>,
) -> DbResult<Message> {
    diesel::insert_into(messages::table)
        .values((
            messages::id.eq(new.id.0),
            messages::room_id.eq(new.room_id.0),
            messages::seq.eq(seq.0),
            messages::rev.eq(rev.0),
            messages::born_rev.eq(rev.0),
            messages::author_id.eq(new.author.id.0),
            messages::text.eq(new.text.as_str()),
            messages::body.eq(&new.format.body),
            messages::excerpt.eq(&new.format.excerpt),
            messages::reply_to.eq(reply_to.map(|reply| reply.id.0)),
            messages::root_id.eq(reply_to.map(|reply| reply.root_id.0)),
            messages::attachments.eq(super::super::attachments::to_json(&attachments)),
            messages::sent_hash.eq(new.sent_hash()),
            messages::created_at.eq(new.created_at),
        ))
        .execute(conn)?;
    Ok(new.stored(seq, rev, attachments, reply_to))
}

/// The message that has the id of a new one, and whether it is the same send.
///
/// # Errors
/// Errors of the database.
pub fn find_repeated(conn: &mut PgConnection, new: &NewMessage) -> DbResult<Option<(Message, bool)>> {
    let found: Option<(i64, (MessageRow, AuthorRow))> = messages::table
        .inner_join(users::table)
        .filter(messages::id.eq(new.id.0))
        .select((messages::sent_hash, columns()))
        .first(conn)
        .optional()?;
    Ok(found.map(|(hash, row)| {
        let stored = message(row);
        let is_same =
            stored.author.id == new.author.id && stored.room_id == new.room_id && hash == new.sent_hash();
        (stored, is_same)
    }))
}

/// The mentioned users as JSON, because arrays of arrays have to be rectangular. `None` without any.
fn mentions_json(new: &NewMessage) -> Option<String> {
    let mentions = &new.format.mentions;
    (!mentions.is_empty()).then(|| serde_json::to_string(mentions).ok()).flatten()
}

/// `INSERT … SELECT FROM unnest`. Its text does not depend on the number of rows, so it is prepared once.
///
/// It may be planned while the tables are empty, and the plan is kept. `OFFSET 0` keeps the planner from merging the
/// subqueries into joins, for which it would then read a whole table: each row is looked up by a key.
struct InsertMessages {
    ids: Vec<Uuid>,
    room_ids: Vec<Uuid>,
    author_ids: Vec<Uuid>,
    texts: Vec<String>,
    bodies: Vec<Option<String>>,
    excerpts: Vec<Option<String>>,
    /// A JSON array of the ids of the mentioned users, or null.
    mentions: Vec<Option<String>>,
    sent_hashes: Vec<i64>,
    created_ats: Vec<DateTime<Utc>>,
}

impl InsertMessages {
    fn new(batch: &[&NewMessage]) -> Self {
        Self {
            ids: batch.iter().map(|new| new.id.0).collect(),
            room_ids: batch.iter().map(|new| new.room_id.0).collect(),
            author_ids: batch.iter().map(|new| new.author.id.0).collect(),
            texts: batch.iter().map(|new| new.text.as_str().to_owned()).collect(),
            bodies: batch.iter().map(|new| new.format.body.clone()).collect(),
            excerpts: batch.iter().map(|new| new.format.excerpt.clone()).collect(),
            mentions: batch.iter().map(|new| mentions_json(new)).collect(),
            sent_hashes: batch.iter().map(|new| new.sent_hash()).collect(),
            created_ats: batch.iter().map(|new| new.created_at).collect(),
        }
    }
}

impl QueryFragment<Pg> for InsertMessages {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH input AS (SELECT * FROM unnest(");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.room_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<SqlUuid>, _>(&self.author_ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.texts)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.bodies)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.excerpts)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.mentions)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.sent_hashes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.created_ats)?;
        out.push_sql(
            ") WITH ORDINALITY AS input (id, room_id, author_id, text, body, excerpt, mentions, \
             sent_hash, created_at, place)), \
             fresh AS (\
             SELECT input.*, room.rights_version, \
             row_number() OVER (PARTITION BY input.room_id ORDER BY place) AS step FROM input, \
             LATERAL (SELECT role, muted_until FROM memberships \
             WHERE room_id = input.room_id AND user_id = input.author_id OFFSET 0) AS author, \
             LATERAL (SELECT rights_version, slow_mode_seconds, posting FROM rooms \
             WHERE id = input.room_id OFFSET 0) AS room \
             WHERE author.role IS NOT NULL \
             AND (author.muted_until IS NULL OR author.muted_until <= input.created_at) \
             AND room.slow_mode_seconds = 0 \
             AND (room.posting = 'all' \
             OR (SELECT kind FROM users WHERE users.id = input.author_id) <> 'guest') \
             AND NOT EXISTS (SELECT FROM messages WHERE messages.id = input.id OFFSET 0)), \
             moved AS (\
             UPDATE rooms SET last_seq = rooms.last_seq + steps.count, rev = rooms.rev + steps.count \
             FROM (SELECT room_id, rights_version, count(*) AS count FROM fresh \
             GROUP BY room_id, rights_version) AS steps \
             WHERE rooms.id = steps.room_id AND rooms.deleted_at IS NULL \
             AND rooms.rights_version = steps.rights_version \
             RETURNING rooms.id, rooms.last_seq - steps.count AS seq, rooms.rev - steps.count AS rev), \
             mentioned AS (\
             INSERT INTO mentions (room_id, seq, user_id, author_id) \
             SELECT fresh.room_id, moved.seq + fresh.step, mention::uuid, fresh.author_id \
             FROM fresh JOIN moved ON moved.id = fresh.room_id, \
             LATERAL jsonb_array_elements_text(fresh.mentions::jsonb) AS mention \
             WHERE fresh.mentions IS NOT NULL) \
             INSERT INTO messages (id, room_id, seq, rev, born_rev, author_id, text, body, excerpt, sent_hash, \
             created_at) SELECT fresh.id, fresh.room_id, moved.seq + fresh.step, moved.rev + fresh.step, \
             moved.rev + fresh.step, fresh.author_id, fresh.text, fresh.body, fresh.excerpt, fresh.sent_hash, \
             fresh.created_at \
             FROM fresh JOIN moved ON moved.id = fresh.room_id \
             RETURNING id, seq, rev",
        );
        Ok(())
    }
}

impl QueryId for InsertMessages {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for InsertMessages {
    type SqlType = (SqlUuid, BigInt, BigInt);
}

impl RunQueryDsl<PgConnection> for InsertMessages {}
