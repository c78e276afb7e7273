//! (b) Stalled readers: how sockets that are never read affect those that are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::dialect::Join;
use crate::fanout::TEXT_LENGTH;
use crate::lane::Lane;
use crate::process::memory;
use crate::receivers;
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::Run;
use crate::stats::{Spread, ratios};
use crate::{Outcome, fail};

const READERS: usize = 500;
const STALLED: usize = 500;
/// Messages per second.
const RATE: f64 = 200.0;
/// How much may wait for a reader before the server disconnects it, in MiB.
const OUTBOX: f64 = 1.0;
/// How long it takes until the kernel's buffers of stalled readers are full. Before that they are receivers like others.
const FILLING: Duration = Duration::from_secs(5);
/// How many windows the stalled readers stay: long enough for outboxes to fill and the server to act.
const WINDOWS: u32 = 6;

/// The figures of one lane, round by round.
struct Results {
    name: &'static str,
    p99_without: Vec<f64>,
    p99_with: Vec<f64>,
    /// Growth of the server's memory, in MiB.
    growth: Vec<f64>,
    /// How many of the stalled readers were disconnected.
    disconnected: Vec<f64>,
}

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    let lanes: Outcome<Vec<Lane>> =
        run.versions().map(|version| Lane::parlance(run, version, READERS, TEXT_LENGTH)).collect();
    let mut lanes = lanes?;
    let mut all: Vec<Results> = lanes.iter().map(|lane| Results::new(lane.name)).collect();
    for round in 1..=run.rounds {
        run.say(&format!("(b) stalled readers, round {round}"));
        for (lane, results) in lanes.iter_mut().zip(&mut all) {
            measure_round(run, lane, results)?;
        }
    }
    Ok(section(&all))
}

fn measure_round(run: &Run, lane: &mut Lane, results: &mut Results) -> Outcome<()> {
    let time = run.window * WINDOWS;
    lane.steady(run, RATE, run.warm_up)?;
    results.p99_without.push(lane.steady(run, RATE, time)?.received.latencies.millis(0.99));
    let before = memory(lane.server().pid())?.rss;
    let join = Join { rooms: lane.rooms().to_vec(), ..Join::default() };
    let stalled = receivers::stall(lane.server().addr, STALLED, |_| join.clone())?;
    let watch = Watch::start(lane.server().pid())?;
    lane.steady(run, RATE, FILLING)?;
    let sample = lane.steady(run, RATE, time)?;
    results.p99_with.push(sample.received.latencies.millis(0.99));
    sample.received.in_order()?;
    results.growth.push((watch.peak()? - before) / 1024.0);
    results.disconnected.push(stalled.iter().filter(|stream| is_disconnected(stream)).count() as f64);
    Ok(())
}

impl Results {
    fn new(name: &'static str) -> Self {
        let (p99_without, p99_with, growth, disconnected) = Default::default();
        Self { name, p99_without, p99_with, growth, disconnected }
    }

    fn change(&self) -> Vec<f64> {
        ratios(&self.p99_with, &self.p99_without)
    }
}

fn section(all: &[Results]) -> Section {
    let mut section = Section::new("(b) Stalled readers");
    section.note(format!(
        "{READERS} sockets are read, {STALLED} more follow the same room and are never read, {RATE} messages a second. \
         At most {OUTBOX} MiB may wait for a reader before the server disconnects it."
    ));
    if let Some((now, before)) = all.split_first() {
        let before = before.first();
        section.goal(Goal::compared(
            "p99 of the others ÷ without stalled readers",
            Target::AtMost(1.2),
            now.change(),
            before.map(Results::change),
        ));
        let budget = Target::AtMost(OUTBOX * STALLED as f64);
        let growth = Goal::compared(
            "Growth of the server's memory",
            budget,
            now.growth.clone(),
            before.map(|before| before.growth.clone()),
        );
        section.goal(growth.with_unit(" MiB"));
    }
    let mut table = Table::new(&[
        "",
        "p99 ms without stalled readers",
        "p99 ms with them",
        "Growth of memory, MiB",
        "Stalled readers disconnected",
    ]);
    for Results { name, p99_without, p99_with, growth, disconnected } in all {
        let median = |values: &[f64]| number(Spread::of(values.iter().copied()).median);
        table.row(vec![
            (*name).to_owned(),
            median(p99_without),
            median(p99_with),
            median(growth),
            median(disconnected),
        ]);
    }
    section.table(table);
    section
}

/// Whether the server has ended the connection, which shows after everything that was never read.
fn is_disconnected(mut stream: &std::net::TcpStream) -> bool {
    let mut buffer = [0; 64 * 1024];
    loop {
        match std::io::Read::read(&mut stream, &mut buffer) {
            Ok(1..) => {}
            Ok(0) => return true,
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

/// Samples the memory of a process and keeps the maximum.
struct Watch {
    peak: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Watch {
    fn start(pid: u32) -> Outcome<Self> {
        let (peak, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, ended) = (peak.clone(), ends.clone());
        let thread = thread::Builder::new().name("watch".to_owned()).spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                if let Ok(memory) = memory(pid) {
                    seen.fetch_max(memory.rss as u64, Ordering::Relaxed);
                }
                thread::sleep(Duration::from_millis(500));
            }
        })?;
        Ok(Self { peak, ends, thread })
    }

    /// In KiB.
    fn peak(self) -> Outcome<f64> {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| fail("the watch panicked"))?;
        Ok(self.peak.load(Ordering::Relaxed) as f64)
    }
}
