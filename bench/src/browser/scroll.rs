//! A long scroll upwards: frames, rows and memory while the user reads back through a long room.

use super::chromium::Chromium;
use super::page::{Cache, Frames, Weight};
use super::{World, median, weights};
use crate::Outcome;
use crate::report::{Goal, Section, Table, Target};
use crate::run::Run;
use crate::stats::Spread;

/// Three quarters of a screen in each frame: nobody reads faster.
const PIXELS: u32 = 600;
/// After so many messages the page is weighed for the first time.
const EARLY: u64 = 1_000;
/// How often it is measured at most.
const TIMES: usize = 3;
/// How long the page at rest is watched, in milliseconds.
const REST: u32 = 3_000;

/// One scroll.
struct Scroll {
    /// How many messages it has passed.
    passed: f64,
    /// The largest number of rows in the document.
    rows: f64,
    frames: Frames,
    early: Weight,
    late: Weight,
    /// The frames of a page at rest: what the machine adds.
    at_rest: Frames,
}

/// Measures it.
pub fn measure(run: &Run, world: &World, chromium: &Chromium, section: &mut Section) -> Outcome<()> {
    let mut all = Vec::new();
    for round in 1..=run.rounds.min(TIMES) {
        run.say(&format!("(f) scrolling, round {round}"));
        all.push(scroll(world, chromium)?);
    }
    report(world, &all, section);
    Ok(())
}

fn scroll(world: &World, chromium: &Chromium) -> Outcome<Scroll> {
    let path = format!("/rooms/{}", world.long_room);
    let page = chromium.page(Cache::Warm)?;
    page.visit(world.sites[1].addr, &path)?;
    page.run("bench.load()")?;
    page.run("bench.startFrames()")?;
    page.run(&format!("bench.pause({REST})"))?;
    let at_rest = Frames::read(&page.run("bench.stopFrames()")?)?;
    drop(page);

    let page = chromium.page(Cache::Warm)?;
    page.visit(world.sites[0].addr, &path)?;
    page.run("bench.load()")?;
    let history = world.sizes.history;
    let scroll_to =
        |number: u64| page.run(&format!("bench.scrollTo({number}, {PIXELS}, {})", world.sizes.patience));
    let first = scroll_to(history - EARLY)?;
    let early = page.weigh()?;
    let second = scroll_to(1)?;
    let late = page.weigh()?;
    let figure = |part: &serde_json::Value, name: &str| part[name].as_f64().unwrap_or(f64::NAN);
    Ok(Scroll {
        passed: history as f64 + 1.0 - figure(&second, "oldest"),
        rows: figure(&first, "rows").max(figure(&second, "rows")),
        frames: Frames::read(&first)?.and(Frames::read(&second)?),
        early,
        late,
        at_rest,
    })
}

fn report(world: &World, all: &[Scroll], section: &mut Section) {
    let each = |figure: fn(&Scroll) -> f64| all.iter().map(figure).collect::<Vec<f64>>();
    let passed = each(|scroll| scroll.passed);
    let missed = each(|scroll| scroll.frames.missed_share());
    let long = each(|scroll| scroll.frames.long);
    let rows = each(|scroll| scroll.rows);
    let growth = each(|scroll| scroll.late.heap / scroll.early.heap);
    let mut goal = |what: &str, target, figure: &[f64], unit| {
        let reached = Spread::of(figure.iter().copied());
        section.goal(Goal::new(format!("Scroll: {what}"), target, reached).with_unit(unit));
    };
    goal("messages passed", Target::AtLeast(world.sizes.history as f64), &passed, "");
    goal("frames longer than 50 ms", Target::AtMost(0.0), &long, "");
    goal("frames longer than 16.7 ms", Target::AtMost(1.0), &missed, " %");
    goal("rows in the document", Target::AtMost(120.0), &rows, "");
    goal("heap at its end ÷ after 1,000 messages", Target::AtMost(1.05), &growth, "");
    let mut table = Table::new(&["Scroll", "Parlance", "Floor at rest"]);
    let mut row = |what: &str, ours: Vec<f64>, rest: Option<Vec<f64>>| {
        table.row(vec![what.to_owned(), median(ours), rest.map_or_else(|| "–".to_owned(), median)]);
    };
    row("Messages passed", passed, None);
    row("Seconds", each(|it| it.frames.millis / 1e3), Some(each(|it| it.at_rest.millis / 1e3)));
    row("Frames", each(|it| it.frames.count), Some(each(|it| it.at_rest.count)));
    row("longer than 16.7 ms, %", missed, Some(each(|it| it.at_rest.missed_share())));
    row("longer than 50 ms", long, Some(each(|it| it.at_rest.long)));
    row("longest, ms", each(|it| it.frames.longest), Some(each(|it| it.at_rest.longest)));
    row("Most rows in the document", rows, None);
    section.table(table);
    let early: Vec<Weight> = all.iter().map(|scroll| scroll.early).collect();
    let late: Vec<Weight> = all.iter().map(|scroll| scroll.late).collect();
    section.table(weights("Scroll", &[("after 1,000 messages", &early), ("at its end", &late)]));
}
