//! What the database does alone, as a reference for what the server makes of it.

use std::time::Duration;

use crate::Outcome;
use crate::filling::fill;
use crate::pgbench::{Script, Transactions};
use crate::run::Run;

/// What a run of `pgbench` says of messages.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Messages a second.
    pub rate: f64,
    /// CPU of the database for one.
    pub cpu_micros: f64,
    /// Messages a transaction.
    pub batch: f64,
}

/// How many messages there are before anything is measured: a database that is in use is not empty, and Postgres plans
/// by what it knows of its tables.
const HISTORY: u64 = 100_000;

/// Makes the tables of the references, the users that both they and ours name as authors, and some history in both.
pub fn prepare(run: &Run) -> Outcome<()> {
    run.create_guests()?;
    let rooms = run.create_rooms("history", 100)?;
    fill(run, &rooms, 0, HISTORY / rooms.len() as u64)?;
    run.cluster.query(include_str!("../sql/reference.sql"))?;
    Ok(())
}

/// The ids of the first rooms of the references: theirs are numbers.
pub fn room_ids(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("00000000-0000-0000-0000-{number:012x}")).collect()
}

/// P1: one message a statement.
pub fn single_row(rooms: usize, text_length: usize) -> Script {
    let script = Script::new(include_str!("../sql/single_row.sql"), "reference,public");
    script.with("rooms", rooms).with("text", "x".repeat(text_length))
}

/// P2: `batch` messages a statement; `writers` clients share the rooms among them.
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

/// With how many writers P2 is quickest.
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

/// Transactions as messages.
pub fn sample(run: &Transactions, batch: f64) -> Sample {
    Sample { rate: run.rate * batch, cpu_micros: run.cpu.as_secs_f64() * 1e6 / (run.count * batch), batch }
}
