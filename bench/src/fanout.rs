//! (b) Fan-out: each message goes to everybody in a room.

use crate::Outcome;
use crate::lane::{Lane, Sample, possible_in_flight};
use crate::process::max_open_files;
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::Run;
use crate::stats::{Spread, ratios};

/// Bytes of text in a message.
pub const TEXT_LENGTH: usize = 100;
/// Deliveries per second of the steady load.
const STEADY: f64 = 20_000.0;
/// The saturated loads: how many messages may be in flight, and the least rate ÷ bare loop.
const SATURATED: [(u64, f64); 2] = [(8, 3.0), (512, 10.0)];
/// The place of the saturated load at which socket.io is compared.
const MOST_IN_FLIGHT: usize = SATURATED.len() - 1;
/// The most CPU time per delivery ÷ bare loop, and the largest crowd for which it holds. In a larger crowd, fewer
/// messages make the same number of deliveries, so less of the CPU time is spent on storing.
const STEADY_CPU: [(usize, f64); 2] = [(1_000, 1.5), (usize::MAX, 1.35)];
/// Files of the load tool that are not sockets of receivers, at most.
const OTHER_FILES: usize = 300;

const FLOOR_COALESCED: &str = "Bare loop, frames coalesced";

/// The place of the present version among the lanes. The bare loop, the version before and the peer follow.
const NOW: usize = 0;
const FLOOR: usize = 1;

/// The runs of a lane with one crowd.
struct Results {
    name: &'static str,
    crowd: usize,
    steady: Vec<Sample>,
    saturated: [Vec<Sample>; SATURATED.len()],
}

/// The results of all lanes with one crowd.
struct Comparison {
    all: Vec<Results>,
    /// Their places in `all`.
    before: Option<usize>,
    peer: Option<usize>,
}

impl Results {
    fn new(name: &'static str, crowd: usize) -> Self {
        Self { name, crowd, steady: Vec::new(), saturated: Default::default() }
    }

    fn out_of_order(&self) -> u64 {
        let saturated = self.saturated.iter().flatten();
        self.steady.iter().chain(saturated).map(|sample| sample.received.out_of_order).sum()
    }
}

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    let mut section = Section::new("(b) Fan-out");
    section.note(format!(
        "One room, {TEXT_LENGTH} bytes of text; Parlance's and the bare loop's frames have the same size. Parlance and \
         socket.io store each message first; the bare loop is an epoll loop that neither stores nor checks anything. \
         Steady is {} deliveries a second, sent at intended times. Saturated is as much as the receivers read, with at \
         most so many messages in flight to the slowest of them. Each receiver checked that it got every message, and \
         counted those out of order. CPU time is that of the server and the database.",
        number(STEADY)
    ));
    let mut all = Vec::new();
    for &crowd in &run.crowds {
        let comparison = measure_crowd(run, crowd)?;
        if run.peer.is_some() && comparison.peer.is_none() {
            section.note(format!(
                "socket.io was left out at {} sockets: the load tool may not open so many more files.",
                number(crowd as f64)
            ));
        }
        judge(&mut section, &comparison, crowd);
        all.extend(comparison.all);
    }
    section.table(steady_figures(&all));
    section.table(saturated_figures(&all));
    Ok(section)
}

fn measure_crowd(run: &Run, crowd: usize) -> Outcome<Comparison> {
    run.say(&format!("(b) {crowd} sockets on each server"));
    let mut lanes =
        vec![Lane::parlance(run, &run.now, crowd, TEXT_LENGTH)?, Lane::floor(run, crowd, TEXT_LENGTH)?];
    let mut before = None;
    if let Some(version) = &run.before {
        before = Some(lanes.len());
        lanes.push(Lane::parlance(run, version, crowd, TEXT_LENGTH)?);
    }
    let mut peer = None;
    if (lanes.len() + 1) * crowd + OTHER_FILES <= max_open_files()
        && let Some(lane) = Lane::peer(run, crowd, TEXT_LENGTH)?
    {
        peer = Some(lanes.len());
        lanes.push(lane);
    }
    let mut all: Vec<Results> = lanes.iter().map(|lane| Results::new(lane.name, crowd)).collect();
    let mut coalesced = Results::new(FLOOR_COALESCED, crowd);
    let per_second = STEADY / crowd as f64;
    for round in 1..=run.rounds {
        run.say(&format!("(b) {crowd} sockets, round {round}"));
        for (lane, results) in lanes.iter_mut().zip(&mut all) {
            lane.steady(run, per_second, run.warm_up)?;
            results.steady.push(lane.steady(run, per_second, run.window)?);
        }
        for (place, (in_flight, _)) in SATURATED.into_iter().enumerate() {
            let saturate = |lane: &mut Lane| {
                lane.saturated(run, in_flight, run.warm_up)?;
                lane.saturated(run, in_flight, run.window)
            };
            for (lane, results) in lanes.iter_mut().zip(&mut all) {
                results.saturated[place].push(saturate(lane)?);
            }
            lanes[FLOOR].coalesce(true);
            coalesced.saturated[place].push(saturate(&mut lanes[FLOOR])?);
            lanes[FLOOR].coalesce(false);
        }
    }
    all.push(coalesced);
    Ok(Comparison { all, before, peer })
}

/// Adds the targets.
fn judge(section: &mut Section, Comparison { all, before, peer }: &Comparison, crowd: usize) {
    let (now, floor) = (&all[NOW], &all[FLOOR]);
    let before = before.map(|place| &all[place]);
    let mut add = |what: &str, target, figures: &dyn Fn(&Results) -> Vec<f64>| {
        let what = format!("{} sockets, {what}", number(crowd as f64));
        section.goal(Goal::compared(what, target, figures(now), before.map(figures)));
    };
    let steady = |results: &Results, figure: fn(&Sample) -> f64| -> Vec<f64> {
        results.steady.iter().map(figure).collect()
    };
    let rates = |results: &Results, place: usize| -> Vec<f64> {
        results.saturated[place].iter().map(|sample| sample.received.rate()).collect()
    };

    let cpu: fn(&Sample) -> f64 = |sample| sample.cpu_micros;
    let p99: fn(&Sample) -> f64 = |sample| sample.received.latencies.millis(0.99);
    let most = STEADY_CPU.iter().find(|(largest, _)| crowd <= *largest).map_or(f64::NAN, |(_, most)| *most);
    add("steady: CPU a delivery ÷ bare loop", Target::AtMost(most), &|results| {
        ratios(&steady(results, cpu), &steady(floor, cpu))
    });
    add("steady: p99 ÷ bare loop", Target::AtMost(1.3), &|results| {
        ratios(&steady(results, p99), &steady(floor, p99))
    });
    for (place, (in_flight, least)) in SATURATED.into_iter().enumerate() {
        let in_flight = possible_in_flight(in_flight, crowd);
        let what = format!("saturated, {in_flight} in flight: rate ÷ bare loop with one write a frame");
        add(&what, Target::AtLeast(least), &|results| ratios(&rates(results, place), &rates(floor, place)));
    }
    if let Some(peer) = peer {
        let in_flight = possible_in_flight(SATURATED[MOST_IN_FLIGHT].0, crowd);
        let what = format!("saturated, {in_flight} in flight: rate ÷ socket.io");
        add(&what, Target::AtLeast(6.0), &|results| {
            ratios(&rates(results, MOST_IN_FLIGHT), &rates(&all[*peer], MOST_IN_FLIGHT))
        });
    }
    add("messages out of order", Target::AtMost(0.0), &|results| vec![results.out_of_order() as f64]);
}

fn median(samples: &[Sample], figure: impl Fn(&Sample) -> f64) -> String {
    number(Spread::of(samples.iter().map(figure)).median)
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
    for Results { name, crowd, steady, .. } in all.iter().filter(|results| !results.steady.is_empty()) {
        let latency = |quantile| median(steady, |sample| sample.received.latencies.millis(quantile));
        table.row(vec![
            (*name).to_owned(),
            crowd.to_string(),
            median(steady, |sample| sample.cpu_micros),
            latency(0.5),
            latency(0.99),
            latency(0.999),
            median(steady, |sample| sample.received.frame_bytes.round()),
        ]);
    }
    table
}

fn saturated_figures(all: &[Results]) -> Table {
    let mut table = Table::new(&[
        "Saturated",
        "Sockets",
        "In flight",
        "Deliveries/s",
        "CPU µs a delivery",
        "Out of order, all loads",
    ]);
    for results in all {
        for (samples, (in_flight, _)) in results.saturated.iter().zip(SATURATED) {
            table.row(vec![
                results.name.to_owned(),
                results.crowd.to_string(),
                possible_in_flight(in_flight, results.crowd).to_string(),
                median(samples, |sample| sample.received.rate()),
                median(samples, |sample| sample.cpu_micros),
                number(results.out_of_order() as f64),
            ]);
        }
    }
    table
}
