//! (b) Stalled readers: what those who do not read do to those who do.

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
use crate::stats::Spread;
use crate::{Outcome, fail};

const READERS: usize = 500;
const STALLED: usize = 500;
/// Messages a second.
const RATE: f64 = 200.0;
/// What may wait for one reader before the server cuts it off, in MiB.
const OUTBOX: f64 = 1.0;
/// How long it takes until nothing more goes to those who do not read: before that they are receivers like others.
const FILLING: Duration = Duration::from_secs(5);
/// How many windows long the stalled are there: long enough for buffers to fill and the server to act.
const WINDOWS: u32 = 6;

/// Measures it.
pub fn measure(run: &Run) -> Outcome<Section> {
    let mut lane = Lane::parlance(run, READERS, TEXT_LENGTH)?;
    let (mut without, mut with, mut growth, mut cut_off) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 1..=run.rounds {
        run.say(&format!("(b) stalled readers, round {round}"));
        lane.steady(run, RATE, run.warm_up)?;
        let time = run.window * WINDOWS;
        without.push(lane.steady(run, RATE, time)?.received.latencies.millis(0.99));
        let before = memory(lane.server().pid())?.rss;
        let join = Join { token: None, rooms: lane.rooms().to_vec() };
        let stalled = receivers::stall(lane.server().addr, STALLED, |_| join.clone())?;
        let watch = Watch::start(lane.server().pid())?;
        lane.steady(run, RATE, FILLING)?;
        let sample = lane.steady(run, RATE, time)?;
        sample.received.clone().in_order()?;
        with.push(sample.received.latencies.millis(0.99));
        growth.push((watch.peak()? - before) / 1024.0);
        cut_off.push(stalled.iter().filter(|stream| is_cut_off(stream)).count() as f64);
    }
    let mut section = Section::new("(b) Stalled readers");
    section.note(format!(
        "{READERS} sockets read, {STALLED} more follow the same room and never read, {RATE} messages a second. \
         The server may let {OUTBOX} MiB wait for each reader before it cuts it off."
    ));
    let change = Spread::ratio(&with, &without);
    section.goal(Goal::new("p99 of those who read ÷ without the stalled", Target::AtMost(1.2), change));
    let budget = Target::AtMost(OUTBOX * STALLED as f64);
    section.goal(Goal::new("Growth of the server's memory", budget, Spread::of(growth)).with_unit(" MiB"));
    let mut table = Table::new(&["", "p99 ms"]);
    table.row(vec!["Without stalled readers".to_owned(), number(Spread::of(without).median)]);
    table.row(vec![format!("With {STALLED}"), number(Spread::of(with).median)]);
    section.table(table);
    section
        .note(format!("Of the stalled, {} were cut off before the end.", number(Spread::of(cut_off).median)));
    Ok(section)
}

/// Whether the other side has ended it, which shows behind all that was never read.
fn is_cut_off(mut stream: &std::net::TcpStream) -> bool {
    let mut buffer = [0; 64 * 1024];
    loop {
        match std::io::Read::read(&mut stream, &mut buffer) {
            Ok(1..) => {}
            Ok(0) => return true,
            Err(error) => return error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

/// Looks at a process' memory now and then, and keeps the most.
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
