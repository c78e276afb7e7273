//! Live messages: what a page weighs after many have arrived, and its frames while they do.

use serde_json::{Value, json};

use super::chromium::Chromium;
use super::page::{Cache, Weight};
use super::{World, median, weights};
use crate::Outcome;
use crate::http::Clients;
use crate::pace::{Amount, Pace};
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::Run;
use crate::server::sends;
use crate::stats::Spread;

/// Messages per second: as many as a very busy room has.
const PER_SECOND: f64 = 500.0;
const SENDERS: usize = 8;
const TEXT_LENGTH: usize = 100;
/// How often it is measured at most.
const TIMES: usize = 3;

/// One page to which all messages came.
struct Live {
    /// Before, after a tenth, and after all.
    weights: [Weight; 3],
    /// What the probe counted during the first tenth, and during the rest.
    frames: [Value; 2],
    /// Rows in the document at the end.
    rows: f64,
}

/// Measures it.
pub fn measure(run: &Run, world: &World, chromium: &Chromium, section: &mut Section) -> Outcome<()> {
    let (addr, total) = (world.sites[0].addr, world.sizes.live);
    let rooms = [world.live_room.clone()];
    let mut all = Vec::new();
    for round in 1..=run.rounds.min(TIMES) {
        run.say(&format!("(f) live messages, round {round}"));
        let page = chromium.page(Cache::Warm)?;
        page.visit(addr, &format!("/rooms/{}", world.live_room))?;
        page.run("bench.load()")?;
        let arrive = |count: u64, end: &str| -> Outcome<Value> {
            page.run("bench.startFrames()")?;
            let mut clients = Clients::connect(addr, SENDERS)?;
            clients.run(Pace::Open(PER_SECOND), Amount::Count(count), sends(&rooms, TEXT_LENGTH))?;
            let mut last = Clients::connect(addr, 1)?;
            last.run(Pace::Closed, Amount::Count(1), world.send(&world.live_room, end))?;
            page.run(&format!("bench.seen({})", json!(end)))?;
            page.run("bench.stopFrames()")
        };
        let before = page.weigh()?;
        let first = arrive(total / 10, &format!("A tenth of round {round}"))?;
        let tenth = page.weigh()?;
        let rest = arrive(total - total / 10, &format!("The end of round {round}"))?;
        let rows = page.number("bench.rows()")?;
        all.push(Live { weights: [before, tenth, page.weigh()?], frames: [first, rest], rows });
    }
    let each = |figure: &dyn Fn(&Live) -> f64| all.iter().map(figure).collect::<Vec<f64>>();
    let growth = Spread::of(each(&|live| live.weights[2].heap / live.weights[1].heap));
    let (many, few) = (number(total as f64), number((total / 10) as f64));
    section.goal(Goal::new(
        format!("Heap after {many} live messages ÷ after {few}"),
        Target::AtMost(1.05),
        growth,
    ));
    let sum = |name: &str| {
        let of = |live: &Live| live.frames.iter().filter_map(|part| part[name].as_f64()).sum::<f64>();
        all.iter().map(of).collect::<Vec<f64>>()
    };
    let mut table = Table::new(&["Live messages", ""]);
    let mut row = |what: &str, value: String| table.row(vec![what.to_owned(), value]);
    row("messages", many.clone());
    row("messages a second", number(PER_SECOND));
    row("frames", median(sum("frames")));
    row("longer than 16.7 ms", median(sum("missed")));
    row("longer than 50 ms", median(sum("long")));
    row("rows in the document at the end", median(each(&|live| live.rows)));
    section.table(table);
    let at = |place: usize| all.iter().map(|live| live.weights[place]).collect::<Vec<Weight>>();
    let rows = [("before", &at(0)), (&format!("after {few}"), &at(1)), (&format!("after {many}"), &at(2))];
    section.table(weights("Live messages", &rows.map(|(name, weights)| (name, weights.as_slice()))));
    Ok(())
}
