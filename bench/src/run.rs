//! What all suites share: the programs, the database, and how long and how often is measured.

use std::path::PathBuf;
use std::time::Duration;

use crate::Outcome;
use crate::postgres::Cluster;

/// One run of the benchmark.
pub struct Run {
    /// The server under measurement, a release build.
    pub server: PathBuf,
    /// Where the peer is installed, if it is.
    pub peer: Option<PathBuf>,
    /// The database.
    pub cluster: Cluster,
    /// Where everything is kept until the end.
    pub scratch: PathBuf,
    /// How often each figure is measured.
    pub rounds: usize,
    /// How long each time.
    pub window: Duration,
    /// How long before each time, thrown away.
    pub warm_up: Duration,
    /// Sizes of the crowd for fan-out.
    pub crowds: Vec<usize>,
    /// Numbers of idle sockets.
    pub idle: Vec<usize>,
    /// Lengths of the long room: decades, the last one is the one that is measured thoroughly.
    pub histories: Vec<u64>,
}

/// How many users may have tokens.
pub const GUESTS: usize = 10_000;

impl Run {
    /// Gives users `1` to `GUESTS` a name and a token. Through the API it would take as many commits.
    pub fn create_guests(&self) -> Outcome<()> {
        self.cluster.query(&format!(
            "INSERT INTO users (id, username, username_key, kind, created_at) \
             SELECT lpad(to_hex(n), 32, '0')::uuid, 'guest' || n, 'guest' || n, 'guest', now() \
             FROM generate_series(1, {GUESTS}) AS n ON CONFLICT DO NOTHING; \
             INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at) \
             SELECT sha256(convert_to('parlance_bench_' || n, 'UTF8')), lpad(to_hex(n), 32, '0')::uuid, now(), now() \
             FROM generate_series(1, {GUESTS}) AS n ON CONFLICT DO NOTHING"
        ))?;
        Ok(())
    }

    /// Makes rooms that nobody has used; gives their ids.
    pub fn create_rooms(&self, purpose: &str, count: usize) -> Outcome<Vec<String>> {
        let ids = self.cluster.query(&format!(
            "WITH made AS (INSERT INTO rooms (id, name, name_key, created_at, updated_at) \
             SELECT gen_random_uuid(), name, name, now(), now() FROM (SELECT '{purpose} ' || n || ' ' || \
             left(gen_random_uuid()::text, 8) AS name FROM generate_series(1, {count}) AS n) AS names \
             RETURNING id) SELECT id FROM made"
        ))?;
        Ok(ids.lines().map(str::to_owned).collect())
    }

    /// Leaves nothing for autovacuum and the checkpointer to do while something else is measured.
    pub fn settle(&self) -> Outcome<()> {
        self.cluster.query("VACUUM ANALYZE; CHECKPOINT")?;
        Ok(())
    }

    /// Says what is going on.
    pub fn say(&self, what: &str) {
        eprintln!("bench: {what}");
    }
}

/// The token of user `number`, counted from 0, around and around.
pub fn token(number: usize) -> String {
    format!("parlance_bench_{}", number % GUESTS + 1)
}
