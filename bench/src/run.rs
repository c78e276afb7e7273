//! What all suites share: the programs, the database, and how long and how often to measure.

use std::path::PathBuf;
use std::time::Duration;

use crate::Outcome;
use crate::browser::Sizes;
use crate::postgres::Cluster;

/// One run of the benchmark.
pub struct Run {
    /// The version that the targets judge.
    pub now: Version,
    /// An earlier version, measured in the same rounds to show what a change did.
    pub before: Option<Version>,
    /// The folder in which the peer is installed, if it is.
    pub peer: Option<PathBuf>,
    /// The database server.
    pub cluster: Cluster,
    /// The folder for everything that is kept until the end.
    pub scratch: PathBuf,
    /// How often each figure is measured.
    pub rounds: usize,
    /// How long each measurement lasts.
    pub window: Duration,
    /// How long the load runs before each measurement.
    pub warm_up: Duration,
    /// Numbers of receivers for fan-out.
    pub crowds: Vec<usize>,
    /// Numbers of idle sockets.
    pub idle: Vec<usize>,
    /// Lengths of the long room, one for each decade. The last one is measured thoroughly.
    pub histories: Vec<u64>,
    /// What the web client is shown.
    pub browser: Sizes,
}

/// A version of Parlance. Each has a database of its own, because their migrations may differ.
pub struct Version {
    /// Its name in the report.
    pub name: &'static str,
    /// The program, a release build.
    pub program: PathBuf,
    /// The name of its database.
    pub database: &'static str,
}

/// How many of the users are members of rooms: more than ever send at once.
const MEMBERS: usize = 512;
/// In how many of many rooms a user is, and writes. The server allows 500 at most.
pub const ROOMS_OF_A_USER: usize = 100;
/// How many users have tokens.
pub const GUESTS: usize = 10_000;

impl Run {
    /// The present version, then the earlier one if there is one.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        std::iter::once(&self.now).chain(&self.before)
    }

    /// Gives users `1` to `GUESTS` a name and a token. Through the API that would take as many commits.
    pub fn create_guests(&self, version: &Version) -> Outcome<()> {
        self.cluster.query_in(version.database, &format!(
            "INSERT INTO users (id, username, username_key, kind, created_at) \
             SELECT lpad(to_hex(n), 32, '0')::uuid, 'guest' || n, 'guest' || n, 'guest', now() \
             FROM generate_series(1, {GUESTS}) AS n ON CONFLICT DO NOTHING; \
             INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at) \
             SELECT sha256(convert_to('parlance_bench_' || n, 'UTF8')), lpad(to_hex(n), 32, '0')::uuid, now(), now() \
             FROM generate_series(1, {GUESTS}) AS n ON CONFLICT DO NOTHING"
        ))?;
        Ok(())
    }

    /// Creates empty rooms and returns their ids.
    pub fn create_rooms(&self, version: &Version, purpose: &str, count: usize) -> Outcome<Vec<String>> {
        let ids = self.cluster.query_in(
            version.database,
            &format!(
                "WITH made AS (INSERT INTO rooms (id, name, name_key, created_at, updated_at) \
             SELECT gen_random_uuid(), name, name, now(), now() FROM (SELECT '{purpose} ' || n || ' ' || \
             left(gen_random_uuid()::text, 8) AS name FROM generate_series(1, {count}) AS n) AS names \
             RETURNING id) SELECT id FROM made"
            ),
        )?;
        let ids: Vec<String> = ids.lines().map(str::to_owned).collect();
        self.join(version, &ids)?;
        Ok(ids)
    }

    /// Makes the first users members of the rooms that [`crate::server::sends`] has them write to, because writing joins,
    /// which is another transaction. Versions without memberships need none.
    fn join(&self, version: &Version, rooms: &[String]) -> Outcome<()> {
        let stride = rooms.len().div_ceil(ROOMS_OF_A_USER);
        let rooms = rooms.join(",");
        self.cluster.query_in(
            version.database,
            &format!(
                "DO $$ BEGIN IF to_regclass('memberships') IS NOT NULL THEN \
             WITH joined AS (INSERT INTO memberships (room_id, user_id, role, joined_at, rev, joined_rev) \
             SELECT room, lpad(to_hex(number), 32, '0')::uuid, 3, now(), 0, 0 \
             FROM unnest('{{{rooms}}}'::uuid[]) WITH ORDINALITY AS rooms (room, place), \
             generate_series(1, {MEMBERS}) AS number \
             WHERE place <= {ROOMS_OF_A_USER} OR place % {stride} = number % {stride} RETURNING room_id) \
             UPDATE rooms SET member_count = members FROM \
             (SELECT room_id, count(*) AS members FROM joined GROUP BY room_id) AS counts WHERE id = room_id; \
             END IF; END $$"
            ),
        )?;
        Ok(())
    }

    /// Does the work of autovacuum and the checkpointer now, so that they stay idle during measurements.
    pub fn settle(&self) -> Outcome<()> {
        for version in self.versions() {
            self.cluster.query_in(version.database, "VACUUM ANALYZE; CHECKPOINT")?;
        }
        Ok(())
    }

    /// Prints progress to standard error.
    pub fn say(&self, what: &str) {
        eprintln!("bench: {what}");
    }
}

/// The token of user `number`, counted from 0; after the last user comes the first again.
pub fn token(number: usize) -> String {
    format!("parlance_bench_{}", number % GUESTS + 1)
}
