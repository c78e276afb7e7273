//! Replies: what stands beside messages, and the threads that they belong to.

use std::collections::HashMap;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::excerpts::{excerpt, plain_text};
use shared::ids::{MessageId, Rev, RoomId, Seq, UserId};
use shared::messages::Message;
use shared::reactions::Mine;
use shared::replies::{Context, Quote, ReplyTo, Thread};
use uuid::Uuid;

use super::DbResult;
use super::authors::{self, AuthorRow};
use super::schema::{messages, threads, users};

/// The columns of a thread.
type ThreadRow = (Uuid, i32, i64);

/// The thread of a message, if it is in any: the columns of outer joins.
pub(super) type ThreadIfAny = Option<ThreadRow>;

/// The columns of [`ThreadIfAny`].
pub(super) fn thread_if_any() -> diesel::dsl::Nullable<(threads::root_id, threads::count, threads::last_seq)>
{
    (threads::root_id, threads::count, threads::last_seq).nullable()
}

/// What the statement of a page reads with its messages.
#[derive(Default)]
pub struct Prefetched {
    /// Their threads, each once.
    threads: Vec<Thread>,
    /// The excerpts of those with a body. Those of others are in their texts.
    excerpts: HashMap<MessageId, String>,
}

impl Prefetched {
    /// Adds what was read with a message.
    pub(super) fn add(&mut self, id: Uuid, excerpt: Option<String>, row: ThreadIfAny) {
        let thread = row.map(thread).filter(|thread| !self.threads.contains(thread));
        self.threads.extend(thread);
        self.excerpts.extend(excerpt.map(|excerpt| (MessageId(id), excerpt)));
    }

    /// Forgets the threads of other messages.
    pub(super) fn retain(&mut self, messages: &[Message]) {
        self.threads.retain(|thread| messages.iter().any(|message| root(message) == thread.root_id));
    }
}

fn thread((root_id, count, last_seq): ThreadRow) -> Thread {
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

    /// The parts that one of the messages needs; with its own quote, if others are to renew theirs.
    pub fn of(&self, message: &Message, with_own: bool) -> Self {
        let answered = message.reply_to.map(|reply| reply.id);
        let root = root(message);
        let is_quoted = |id| (with_own && id == message.id) || Some(id) == answered;
        let context = Context {
            quotes: self.context.quotes.iter().filter(|quote| is_quoted(quote.id)).cloned().collect(),
            threads: self.context.threads.iter().filter(|thread| thread.root_id == root).copied().collect(),
        };
        let mine = self.mine.get(&message.id).map(|mine| (message.id, mine.clone()));
        Self { context, mine: mine.into_iter().collect() }
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
    Ok(parents(conn, room_id, &[id])?.pop())
}

/// Messages of a room as replies quote them.
fn parents(conn: &mut PgConnection, room_id: RoomId, ids: &[MessageId]) -> DbResult<Vec<Parent>> {
    type Row = (Uuid, i64, i64, Option<String>, Option<String>, bool, Option<Uuid>, AuthorRow);
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<Row> = messages::table
        .inner_join(users::table)
        .filter(messages::id.eq_any(ids))
        .filter(messages::room_id.eq(room_id.0))
        .order(messages::seq)
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
        .load(conn)?;
    let parent = |(id, rev, seq, beginning, text, deleted, root_id, author): Row| Parent {
        quote: Quote {
            id: MessageId(id),
            rev: Rev(rev),
            seq: Seq(seq),
            author: author.into(),
            excerpt: beginning.or(text).as_deref().map(excerpt).unwrap_or_default(),
            deleted,
        },
        root_id: root_id.map(MessageId),
    };
    Ok(rows.into_iter().map(parent).collect())
}

/// Counts a reply in its thread. The caller holds the lock of the room.
pub fn add_to_thread(conn: &mut PgConnection, root_id: MessageId, seq: Seq) -> DbResult<Thread> {
    let row: ThreadRow = diesel::insert_into(threads::table)
        .values((threads::root_id.eq(root_id.0), threads::count.eq(1), threads::last_seq.eq(seq.0)))
        .on_conflict(threads::root_id)
        .do_update()
        .set((threads::count.eq(threads::count + 1), threads::last_seq.eq(seq.0)))
        .get_result(conn)?;
    if row.1 == 1 {
        diesel::update(messages::table.find(root_id.0)).set(messages::has_replies.eq(true)).execute(conn)?;
    }
    Ok(thread(row))
}

/// What stands beside messages of a room for a reader.
pub fn beside(conn: &mut PgConnection, messages: &[Message], reader: Option<UserId>) -> DbResult<Beside> {
    let prefetched = prefetch(conn, messages)?;
    beside_prefetched(conn, messages, &prefetched, reader, false)
}

/// The same with what was read already. With `with_own`, messages that others answer are quoted themselves, as in
/// [`context`].
pub(super) fn beside_prefetched(
    conn: &mut PgConnection,
    messages: &[Message],
    prefetched: &Prefetched,
    reader: Option<UserId>,
    with_own: bool,
) -> DbResult<Beside> {
    let context = context_of(conn, messages, prefetched, with_own)?;
    let mine = match reader {
        Some(reader) => super::reactions::mine(conn, reader, messages)?,
        None => Mine::new(),
    };
    Ok(Beside { context, mine })
}

/// What messages of a room refer to, when they change. A message that others answer also refers to itself, because
/// their quotes of it are to be renewed.
pub fn context(conn: &mut PgConnection, messages: &[Message]) -> DbResult<Context> {
    let prefetched = prefetch(conn, messages)?;
    context_prefetched(conn, messages, &prefetched)
}

/// The same with what was read already.
pub fn context_prefetched(
    conn: &mut PgConnection,
    messages: &[Message],
    prefetched: &Prefetched,
) -> DbResult<Context> {
    context_of(conn, messages, prefetched, true)
}

/// The first message of the thread of a message, which may be in none.
fn root(message: &Message) -> MessageId {
    message.reply_to.map_or(message.id, |reply| reply.root_id)
}

fn prefetch(conn: &mut PgConnection, messages: &[Message]) -> DbResult<Prefetched> {
    let mut roots: Vec<Uuid> = messages.iter().map(|message| root(message).0).collect();
    roots.sort_unstable();
    roots.dedup();
    let rows: Vec<ThreadRow> = threads::table.filter(threads::root_id.eq_any(&roots)).load(conn)?;
    Ok(Prefetched { threads: rows.into_iter().map(thread).collect(), excerpts: HashMap::new() })
}

fn context_of(
    conn: &mut PgConnection,
    messages: &[Message],
    prefetched: &Prefetched,
    with_own: bool,
) -> DbResult<Context> {
    let Some(first) = messages.first() else { return Ok(Context::default()) };
    let threads = prefetched.threads.clone();
    let is_in_thread = |message: &&Message| threads.iter().any(|thread| thread.root_id == root(message));
    let own = messages.iter().filter(|_| with_own).filter(is_in_thread).map(|message| message.id);
    let answered = messages.iter().filter_map(|message| message.reply_to.map(|reply| reply.id));
    let mut ids: Vec<MessageId> = answered.chain(own).collect();
    ids.sort_unstable();
    ids.dedup();
    // Most replies answer what is on the same page.
    let mut quotes: Vec<Quote> = messages
        .iter()
        .filter(|message| ids.binary_search(&message.id).is_ok())
        .map(|message| quote(message, prefetched))
        .collect();
    ids.retain(|id| quotes.iter().all(|quote| quote.id != *id));
    if !ids.is_empty() {
        quotes.extend(parents(conn, first.room_id, &ids)?.into_iter().map(|parent| parent.quote));
        quotes.sort_unstable_by_key(|quote| quote.seq);
    }
    Ok(Context { quotes, threads })
}

/// A message as replies quote it.
fn quote(message: &Message, prefetched: &Prefetched) -> Quote {
    let excerpt = match (prefetched.excerpts.get(&message.id), &message.body, &message.text) {
        (Some(excerpt), ..) => excerpt.clone(),
        (None, Some(body), _) => {
            body.decode().map(|blocks| excerpt(&plain_text(&blocks))).unwrap_or_default()
        }
        (None, None, text) => text.as_deref().map(excerpt).unwrap_or_default(),
    };
    Quote {
        id: message.id,
        rev: message.rev,
        seq: message.seq,
        author: message.author.clone(),
        excerpt,
        deleted: message.deleted_at.is_some(),
    }
}
