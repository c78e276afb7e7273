//! What the database does alone: the reference for what the server does with it.

use std::time::Duration;

use crate::Outcome;
use crate::filling::fill;
use crate::pgbench::{Script, Transactions};
use crate::run::Run;
use crate::server::Server;

/// A run of `pgbench`, in terms of messages.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Messages per second.
    pub rate: f64,
    /// CPU time of the database for each message.
    pub cpu_micros: f64,
    /// Messages per transaction.
    pub batch: f64,
}

/// How many messages exist before the first measurement: a database in use is not empty, and Postgres plans by the
/// statistics of its tables.
const HISTORY: u64 = 100_000;

/// Creates the databases and in each of them the users and some history; then the tables of the references.
pub fn prepare(run: &Run) -> Outcome<()> {
    if let Some(before) = &run.before {
        run.cluster.query(&format!("CREATE DATABASE {}", before.database))?;
        // A start migrates the database; the present version's was migrated when the cluster was created.
        drop(Server::parlance(run, before)?);
    }
    for version in run.versions() {
        run.create_guests(version)?;
        let rooms = run.create_rooms(version, "history", 100)?;
        fill(run, version, &rooms, 0, HISTORY / rooms.len() as u64)?;
    }
    run.cluster.query(include_str!("../sql/reference.sql"))?;
    Ok(())
}

/// The ids of the first rooms of the references. They are numbers, written as UUIDs.
pub fn room_ids(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("00000000-0000-0000-0000-{number:012x}")).collect()
}

/// P1: one message per statement.
pub fn single_row(rooms: usize, text_length: usize) -> Script {
    let script = Script::new(include_str!("../sql/single_row.sql"), "reference,public");
    script.with("rooms", rooms).with("text", "x".repeat(text_length))
}

/// P2: `batch` messages per statement. `writers` clients divide the rooms among them.
pub fn batch(batch: usize, rooms: usize, writers: usize, text_length: usize) -> Script {
    let array = |value: &dyn Fn(usize) -> String| {
        format!("{{{}}}", (0..batch).map(value).collect::<Vec<_>>().join(","))
    };
    let authors = room_ids(64);
    Script::new(include_str!("../sql/batch.sql"), "reference,public")
        .with("batch", batch)
        .with("writers", writers)
        .with("rooms_each", rooms / writers)
        .with("authors", array(&|number| authors[number % authors.len()].clone()))
        .with("texts", array(&|_| "x".repeat(text_length)))
        .with("hashes", array(&|number| number.to_string()))
        .with("times", array(&|_| "2026-01-01T00:00:00Z".to_owned()))
}

/// The number of writers with which P2 is fastest.
pub fn best_writers(run: &Run, script: impl Fn(usize) -> Script, time: Duration) -> Outcome<usize> {
    let mut best = (0.0, 1);
    for writers in [1, 2, 4] {
        let rate = script(writers).run(&run.cluster, writers, time)?.rate;
        if rate > best.0 {
            best = (rate, writers);
        }
    }
    Ok(best.1)
}

/// Converts transactions to messages.
pub fn sample(run: &Transactions, batch: f64) -> Sample {
    Sample { rate: run.rate * batch, cpu_micros: run.cpu.as_secs_f64() * 1e6 / (run.count * batch), batch }
}
