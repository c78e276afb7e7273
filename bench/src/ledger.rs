//! Proof that acknowledged messages are stored: the database is read before and after a load.

use crate::run::{Run, Version};
use crate::{Outcome, fail};

/// How many messages the peer has stored.
pub const PEER_MESSAGES: &str = "SELECT coalesce(sum(last_seq), 0) FROM peer.rooms";

/// The last number of every room of a version before a load, kept in the database.
pub struct Ledger<'a> {
    run: &'a Run,
    database: &'static str,
}

/// What the load stored.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// How many messages.
    pub messages: f64,
    /// In how many transactions.
    pub commits: f64,
}

impl<'a> Ledger<'a> {
    /// Records the last number of every room.
    pub fn open(run: &'a Run, version: &Version) -> Outcome<Self> {
        let database = version.database;
        run.cluster.query_in(
            database,
            "CREATE UNLOGGED TABLE IF NOT EXISTS ledger (room_id uuid, last_seq bigint); TRUNCATE ledger; \
             INSERT INTO ledger SELECT id, last_seq FROM rooms; ANALYZE ledger",
        )?;
        Ok(Self { run, database })
    }

    /// Counts what was stored since. An error when an acknowledged message is missing or a room's numbers have a gap.
    /// (`(room_id, seq)` is unique, so as many rows as numbers means each number once.)
    pub fn close(self, acknowledged: u64) -> Outcome<Stored> {
        let Self { run, database } = self;
        let [numbers] = run.cluster.numbers_in(
            database,
            "SELECT coalesce(sum(rooms.last_seq - ledger.last_seq), 0) FROM rooms JOIN ledger ON room_id = id",
        )?;
        let [messages, commits] = run.cluster.numbers_in(
            database,
            "SELECT count(*), count(DISTINCT messages.xmin::text) FROM ledger \
             JOIN rooms ON rooms.id = ledger.room_id AND rooms.last_seq > ledger.last_seq \
             JOIN messages ON messages.room_id = ledger.room_id AND messages.seq > ledger.last_seq \
             AND messages.seq <= rooms.last_seq",
        )?;
        if messages < acknowledged as f64 {
            return Err(fail(format!("{acknowledged} messages were acknowledged, {messages} are stored")));
        }
        if messages != numbers {
            return Err(fail(format!("{messages} messages are stored under {numbers} numbers")));
        }
        Ok(Stored { messages, commits })
    }
}
