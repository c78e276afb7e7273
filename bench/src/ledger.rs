//! Proof that what was acknowledged is stored: read from the database, before and after a load.

use crate::run::Run;
use crate::{Outcome, fail};

/// How many messages the peer has stored.
pub const PEER_MESSAGES: &str = "SELECT coalesce(sum(last_seq), 0) FROM peer.rooms";

/// Where every room stood before a load.
pub struct Ledger;

/// What the load left in the database.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// How many messages.
    pub messages: f64,
    /// In how many transactions.
    pub commits: f64,
}

impl Ledger {
    /// Notes where every room stands.
    pub fn open(run: &Run) -> Outcome<Self> {
        run.cluster.query(
            "CREATE UNLOGGED TABLE IF NOT EXISTS ledger (room_id uuid, last_seq bigint); TRUNCATE ledger; \
             INSERT INTO ledger SELECT id, last_seq FROM rooms; ANALYZE ledger",
        )?;
        Ok(Self)
    }

    /// Counts what came since: an error when a message was acknowledged and is not there, or when a room's numbers have
    /// a gap. (`(room_id, seq)` is unique, so as many rows as numbers means each number once.)
    pub fn close(self, run: &Run, acknowledged: u64) -> Outcome<Stored> {
        let [numbers] = run.cluster.numbers(
            "SELECT coalesce(sum(rooms.last_seq - ledger.last_seq), 0) FROM rooms JOIN ledger ON room_id = id",
        )?;
        let [messages, commits] = run.cluster.numbers(
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
