//! (b) Fan-out: one message to everybody in a room.

use crate::Outcome;
use crate::lane::{Lane, Sample};
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::Run;
use crate::stats::Spread;

/// How long a message is, in bytes.
pub const TEXT_LENGTH: usize = 100;
/// How many deliveries a second are steady.
const STEADY: f64 = 20_000.0;

/// The places of Parlance and of the bare loop among the results of a crowd.
const OURS: usize = 0;
const FLOOR: usize = 1;

/// One lane's runs with one crowd.
struct Results {
    name: &'static str,
    crowd: usize,
    steady: Vec<Sample>,
    saturated: Vec<Sample>,
}

impl Results {
    fn steady(&self, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        self.steady.iter().map(figure).collect()
    }

    fn saturated(&self, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        self.saturated.iter().map(figure).collect()
    }

    fn out_of_order(&self) -> u64 {
        self.steady.iter().chain(&self.saturated).map(|sample| sample.received.out_of_order).sum()
    }
}

/// Measures it.
pub fn measure(run: &Run) -> Outcome<Section> {
    let mut section = Section::new("(b) Fan-out");
    section.note(format!(
        "One room, {TEXT_LENGTH} bytes of text, frames of the same size for all. Parlance and socket.io store each \
         message first; the bare loop is an epoll loop that stores and checks nothing. Steady is {} deliveries a \
         second, sent at intended times; saturated is as much as receivers take, with at most 512 messages on their \
         way. Each receiver checked that it got every message, and counted those out of order. CPU is that of the \
         server and the database.",
        number(STEADY)
    ));
    let mut all = Vec::new();
    for &crowd in &run.crowds {
        let results = measure_crowd(run, crowd)?;
        judge(&mut section, &results, crowd);
        all.extend(results);
    }
    section.table(steady_figures(&all));
    section.table(saturated_figures(&all));
    Ok(section)
}

fn measure_crowd(run: &Run, crowd: usize) -> Outcome<Vec<Results>> {
    run.say(&format!("(b) {crowd} sockets on each server"));
    let mut lanes = vec![Lane::parlance(run, crowd, TEXT_LENGTH)?, Lane::floor(run, crowd, TEXT_LENGTH)?];
    lanes.extend(Lane::peer(run, crowd, TEXT_LENGTH)?);
    let empty = |name| Results { name, crowd, steady: Vec::new(), saturated: Vec::new() };
    let mut all: Vec<Results> = lanes.iter().map(|lane| empty(lane.name)).collect();
    let mut coalesced = empty("Bare loop, frames coalesced");
    for round in 1..=run.rounds {
        run.say(&format!("(b) {crowd} sockets, round {round}"));
        for (lane, results) in lanes.iter_mut().zip(&mut all) {
            let per_second = STEADY / crowd as f64;
            lane.steady(run, per_second, run.warm_up)?;
            results.steady.push(lane.steady(run, per_second, run.window)?);
        }
        for (lane, results) in lanes.iter_mut().zip(&mut all) {
            lane.saturated(run, run.warm_up)?;
            results.saturated.push(lane.saturated(run, run.window)?);
        }
        let floor = &mut lanes[FLOOR];
        floor.coalesce(true);
        floor.saturated(run, run.warm_up)?;
        coalesced.saturated.push(floor.saturated(run, run.window)?);
        floor.coalesce(false);
    }
    all.push(coalesced);
    Ok(all)
}

/// The targets.
fn judge(section: &mut Section, all: &[Results], crowd: usize) {
    let (ours, floor) = (&all[OURS], &all[FLOOR]);
    let cpu = |sample: &Sample| sample.cpu_micros;
    let p99 = |sample: &Sample| sample.received.latencies.millis(0.99);
    let rate = |sample: &Sample| sample.received.rate();
    let goals = [
        (
            "steady: CPU a delivery ÷ bare loop",
            Target::AtMost(1.18),
            Spread::ratio(&ours.steady(cpu), &floor.steady(cpu)),
        ),
        (
            "steady: p99 ÷ bare loop",
            Target::AtMost(1.3),
            Spread::ratio(&ours.steady(p99), &floor.steady(p99)),
        ),
        (
            "saturated: rate ÷ bare loop with one write a frame",
            Target::AtLeast(3.0),
            Spread::ratio(&ours.saturated(rate), &floor.saturated(rate)),
        ),
        ("messages out of order", Target::AtMost(0.0), Spread::of([ours.out_of_order() as f64])),
    ];
    for (what, target, reached) in goals {
        section.goal(Goal::new(format!("{} sockets, {what}", number(crowd as f64)), target, reached));
    }
    if let Some(peer) = all.iter().find(|results| results.name.starts_with("socket.io")) {
        let ratio = Spread::ratio(&ours.saturated(rate), &peer.saturated(rate));
        let what = format!("{} sockets, saturated: rate ÷ socket.io", number(crowd as f64));
        section.goal(Goal::new(what, Target::AtLeast(6.0), ratio));
    }
}

fn steady_figures(all: &[Results]) -> Table {
    let mut table = Table::new(&[
        "Steady",
        "Sockets",
        "CPU µs a delivery",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "Bytes a frame",
    ]);
    for results in all.iter().filter(|results| !results.steady.is_empty()) {
        let median = |figure: &dyn Fn(&Sample) -> f64| number(Spread::of(results.steady(figure)).median);
        let latency = |quantile| median(&|sample: &Sample| sample.received.latencies.millis(quantile));
        table.row(vec![
            results.name.to_owned(),
            results.crowd.to_string(),
            median(&|sample| sample.cpu_micros),
            latency(0.5),
            latency(0.99),
            latency(0.999),
            median(&|sample| sample.received.frame_bytes.round()),
        ]);
    }
    table
}

fn saturated_figures(all: &[Results]) -> Table {
    let mut table = Table::new(&[
        "Saturated",
        "Sockets",
        "Deliveries/s",
        "CPU µs a delivery",
        "Out of order, steady too",
    ]);
    for results in all {
        let median = |figure: &dyn Fn(&Sample) -> f64| number(Spread::of(results.saturated(figure)).median);
        table.row(vec![
            results.name.to_owned(),
            results.crowd.to_string(),
            median(&|sample| sample.received.rate()),
            median(&|sample| sample.cpu_micros),
            number(results.out_of_order() as f64),
        ]);
    }
    table
}
