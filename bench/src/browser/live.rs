//! Live messages: what a page weighs after many have arrived, and its frames while they do.

use serde_json::json;

use super::chromium::Chromium;
use super::page::{Cache, Frames, Weight};
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
/// How long the last message is waited for, in milliseconds.
const PATIENCE: u32 = 60_000;
/// How often it is measured at most.
const TIMES: usize = 3;

/// A page at which all messages arrived.
struct Live {
    /// Before, after a tenth, and after all.
    weights: [Weight; 3],
    frames: Frames,
    /// How long after its answer the last message was painted, in milliseconds; `PATIENCE` when it was not.
    lag: f64,
    /// Rows in the document at the end.
    rows: f64,
}

/// Measures it.
pub fn measure(run: &Run, world: &World, chromium: &Chromium, section: &mut Section) -> Outcome<()> {
    let mut all = Vec::new();
    for round in 1..=run.rounds.min(TIMES) {
        run.say(&format!("(f) live messages, round {round}"));
        all.push(arrive(world, chromium, round)?);
    }
    report(world.sizes.live, &all, section);
    Ok(())
}

fn arrive(world: &World, chromium: &Chromium, round: usize) -> Outcome<Live> {
    let (addr, total) = (world.sites[0].addr, world.sizes.live);
    let rooms = [world.live_room.clone()];
    let page = chromium.page(Cache::Warm)?;
    page.visit(addr, &format!("/rooms/{}", world.live_room))?;
    page.run("bench.load()")?;
    // The last one has a text of its own, so that the page can wait for it.
    let send = |count: u64, end: &str| -> Outcome<(Frames, f64)> {
        page.run("bench.startFrames()")?;
        let mut clients = Clients::connect(addr, SENDERS)?;
        clients.run(Pace::Open(PER_SECOND), Amount::Count(count - 1), sends(&rooms, TEXT_LENGTH))?;
        let mut last = Clients::connect(addr, 1)?;
        last.run(Pace::Closed, Amount::Count(1), world.send(&world.live_room, end))?;
        let lag = page.number(&format!("bench.wait({}, {PATIENCE})", json!(end)))?;
        Ok((Frames::read(&page.run("bench.stopFrames()")?)?, lag))
    };
    let before = page.weigh()?;
    let (first, _) = send(total / 10, &format!("A tenth of round {round}"))?;
    let tenth = page.weigh()?;
    let (rest, lag) = send(total - total / 10, &format!("The end of round {round}"))?;
    let rows = page.number("bench.rows()")?;
    Ok(Live { weights: [before, tenth, page.weigh()?], frames: first.and(rest), lag, rows })
}

fn report(total: u64, all: &[Live], section: &mut Section) {
    let each = |figure: fn(&Live) -> f64| all.iter().map(figure).collect::<Vec<f64>>();
    let (many, few) = (number(total as f64), number((total / 10) as f64));
    let growth = Spread::of(each(|live| live.weights[2].heap / live.weights[1].heap));
    let what = format!("Heap after {many} live messages ÷ after {few}");
    section.goal(Goal::new(what, Target::AtMost(1.05), growth));
    let mut table = Table::new(&["Live messages", ""]);
    let mut row = |what: &str, value: String| table.row(vec![what.to_owned(), value]);
    row("Messages", many.clone());
    row("Messages a second", number(PER_SECOND));
    let lag = Spread::of(each(|live| live.lag)).median;
    let lag = if lag < f64::from(PATIENCE) { number(lag) } else { "not painted within a minute".to_owned() };
    row("The last one painted after its answer, ms", lag);
    row("Frames", median(each(|live| live.frames.count)));
    row("longer than 16.7 ms, %", median(each(|live| live.frames.missed_share())));
    row("longer than 50 ms", median(each(|live| live.frames.long)));
    row("longest, ms", median(each(|live| live.frames.longest)));
    row("Rows in the document at the end", median(each(|live| live.rows)));
    section.table(table);
    let at = |place: usize| all.iter().map(|live| live.weights[place]).collect::<Vec<Weight>>();
    let (before, tenth, end) = (at(0), at(1), at(2));
    let moments =
        [("before", &*before), (&format!("after {few}"), &*tenth), (&format!("after {many}"), &*end)];
    section.table(weights("Live messages", &moments));
}
