//! Replies: what stands beside messages, and the threads that they belong to.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Uuid as SqlUuid};
use shared::ids::{MessageId, Rev, RoomId, Seq, UserId};
use shared::messages::Message;
use shared::reactions::Mine;
use shared::replies::{Context, Quote, ReplyTo, Thread};
use uuid::Uuid;

use super::DbResult;
use super::authors::{self, AuthorRow};
use super::schema::{messages, threads, users};
use crate::formatting::excerpt_of_plain;

/// The columns of what stands beside a message, after joins of [`BESIDE_JOINS`]. `$reader` is a place for the id of the
/// reader.
pub(super) const BESIDE_COLUMNS: [&str; 2] = [
    "quoted.id, quoted.rev, quoted.seq, coalesce(quoted.excerpt, left(quoted.text, 600)), \
     quoted.deleted_at IS NOT NULL, quoted_author.id, quoted_author.username, quoted_author.kind, \
     quoted_author.avatar_key, threads.root_id, threads.count, threads.last_seq, \
     CASE WHEN messages.reactions IS NOT NULL THEN (SELECT array_agg(emoji ORDER BY place) FROM reactions \
     WHERE message_id = messages.id AND user_id = ",
    ") END",
];

/// The joins that [`BESIDE_COLUMNS`] need, after that of the messages.
pub(super) const BESIDE_JOINS: &str = " LEFT JOIN messages AS quoted ON quoted.id = messages.reply_to \
     LEFT JOIN users AS quoted_author ON quoted_author.id = quoted.author_id \
     LEFT JOIN threads ON threads.root_id = coalesce(messages.root_id, messages.id)";

/// The types of [`BESIDE_COLUMNS`].
pub(super) type BesideTypes = (
    Nullable<SqlUuid>,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Nullable<Text>,
    Bool,
    Nullable<SqlUuid>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<SqlUuid>,
    Nullable<Integer>,
    Nullable<BigInt>,
    Nullable<Array<Text>>,
);

/// What stands beside a message: the message that it answers, its thread, and the reader's own reactions.
#[derive(Clone, Debug, Default, Queryable)]
pub(super) struct BesideRow {
    quoted_id: Option<Uuid>,
    quoted_rev: Option<i64>,
    quoted_seq: Option<i64>,
    excerpt: Option<String>,
    is_deleted: bool,
    author_id: Option<Uuid>,
    username: Option<String>,
    kind: Option<String>,
    avatar_key: Option<String>,
    root_id: Option<Uuid>,
    count: Option<i32>,
    last_seq: Option<i64>,
    mine: Option<Vec<String>>,
}

impl BesideRow {
    fn quote(&self) -> Option<Quote> {
        let author = AuthorRow {
            id: self.author_id?,
            username: self.username.clone()?,
            kind: self.kind.clone()?,
            avatar_key: self.avatar_key.clone(),
        };
        Some(Quote {
            id: MessageId(self.quoted_id?),
            rev: Rev(self.quoted_rev?),
            seq: Seq(self.quoted_seq?),
            author: author.into(),
            excerpt: self.excerpt.as_deref().map(excerpt_of_plain).unwrap_or_default(),
            deleted: self.is_deleted,
        })
    }

    fn thread(&self) -> Option<Thread> {
        Some(thread((self.root_id?, self.count?, self.last_seq?)))
    }
}

fn thread((root_id, count, last_seq): (Uuid, i32, i64)) -> Thread {
    Thread { root_id: MessageId(root_id), count: count.unsigned_abs(), last_seq: Seq(last_seq) }
}

/// What stands beside several messages, each thing once.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// What they refer to.
    pub context: Context,
    /// The reader's own reactions.
    pub mine: Mine,
}

impl Beside {
    /// Adds what stands beside other messages.
    pub fn extend(&mut self, other: Self) {
        let Context { quotes, threads } = &mut self.context;
        for quote in other.context.quotes {
            if quotes.iter().all(|known| known.id != quote.id) {
                quotes.push(quote);
            }
        }
        for thread in other.context.threads {
            if threads.iter().all(|known| known.root_id != thread.root_id) {
                threads.push(thread);
            }
        }
        self.mine.extend(other.mine);
    }

    /// Adds what stands beside a message.
    pub(super) fn add(&mut self, message: MessageId, row: &BesideRow) {
        let Context { quotes, threads } = &mut self.context;
        quotes.extend(row.quote().filter(|quote| quotes.iter().all(|known| known.id != quote.id)));
        threads.extend(
            row.thread().filter(|thread| threads.iter().all(|known| known.root_id != thread.root_id)),
        );
        if let Some(mine) = row.mine.clone().filter(|mine| !mine.is_empty()) {
            self.mine.insert(message, mine);
        }
    }
}

/// The message that a reply answers.
pub struct Parent {
    /// The message, as replies quote it.
    pub quote: Quote,
    /// The first message of its thread, if it is a reply itself.
    pub root_id: Option<MessageId>,
}

impl Parent {
    /// What a reply to it answers.
    pub fn reply_to(&self) -> ReplyTo {
        ReplyTo { id: self.quote.id, root_id: self.root_id.unwrap_or(self.quote.id) }
    }
}

/// A message as replies quote it; `None` if the room has no such message.
pub fn parent(conn: &mut PgConnection, room_id: RoomId, id: MessageId) -> DbResult<Option<Parent>> {
    type Row = (Uuid, i64, i64, Option<String>, Option<String>, bool, Option<Uuid>, AuthorRow);
    let row: Option<Row> = messages::table
        .inner_join(users::table)
        .filter(messages::id.eq(id.0))
        .filter(messages::room_id.eq(room_id.0))
        .select((
            messages::id,
            messages::rev,
            messages::seq,
            messages::excerpt,
            messages::text,
            messages::deleted_at.is_not_null(),
            messages::root_id,
            authors::columns(),
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(|(id, rev, seq, excerpt, text, deleted, root_id, author)| Parent {
        quote: Quote {
            id: MessageId(id),
            rev: Rev(rev),
            seq: Seq(seq),
            author: author.into(),
            excerpt: excerpt.or(text).as_deref().map(excerpt_of_plain).unwrap_or_default(),
            deleted,
        },
        root_id: root_id.map(MessageId),
    }))
}

/// Counts a reply in its thread. The caller holds the lock of the room.
pub fn add_to_thread(conn: &mut PgConnection, root_id: MessageId, seq: Seq) -> DbResult<Thread> {
    let row: (Uuid, i32, i64) = diesel::insert_into(threads::table)
        .values((threads::root_id.eq(root_id.0), threads::count.eq(1), threads::last_seq.eq(seq.0)))
        .on_conflict(threads::root_id)
        .do_update()
        .set((threads::count.eq(threads::count + 1), threads::last_seq.eq(seq.0)))
        .get_result(conn)?;
    Ok(thread(row))
}

/// What stands beside messages of a room for a reader.
pub fn beside(conn: &mut PgConnection, messages: &[Message], reader: Option<UserId>) -> DbResult<Beside> {
    let context = context(conn, messages)?;
    let ids: Vec<MessageId> =
        messages.iter().filter(|message| message.reactions.is_some()).map(|message| message.id).collect();
    let mine = match reader {
        Some(reader) if !ids.is_empty() => super::reactions::of_user(conn, reader, &ids)?,
        _ => Mine::new(),
    };
    Ok(Beside { context, mine })
}

/// What messages of a room refer to. A message that others answer also refers to itself, because their quotes of it are to
/// be renewed.
pub fn context(conn: &mut PgConnection, messages: &[Message]) -> DbResult<Context> {
    let root = |message: &Message| message.reply_to.map_or(message.id, |reply| reply.root_id);
    let roots: Vec<Uuid> = messages.iter().map(|message| root(message).0).collect();
    let rows: Vec<(Uuid, i32, i64)> = threads::table.filter(threads::root_id.eq_any(&roots)).load(conn)?;
    let threads: Vec<Thread> = rows.into_iter().map(thread).collect();
    let mut quotes = Vec::new();
    for message in messages {
        let is_in_thread = threads.iter().any(|thread| thread.root_id == root(message));
        let own = is_in_thread.then_some(message.id);
        for id in message.reply_to.map(|reply| reply.id).into_iter().chain(own) {
            if quotes.iter().all(|known: &Quote| known.id != id) {
                quotes.extend(parent(conn, message.room_id, id)?.map(|parent| parent.quote));
            }
        }
    }
    Ok(Context { quotes, threads })
}
