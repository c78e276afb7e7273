//! A long scroll upwards: frames, rows and memory while one reads back through a long room.

use serde_json::Value;

use super::chromium::Chromium;
use super::page::{Cache, Weight};
use super::{World, median, weights};
use crate::Outcome;
use crate::report::{Goal, Section, Table, Target};
use crate::run::Run;
use crate::stats::Spread;

/// Three quarters of a screen in each frame: nobody reads faster.
const PIXELS: u32 = 600;
/// How long a scroll may take, in milliseconds. It may end early, and the table says where.
const MILLIS: u32 = 120_000;
/// After so many messages the page is weighed for the first time.
const EARLY: u64 = 1_000;
/// How often it is measured at most.
const TIMES: usize = 3;

/// One scroll.
struct Scroll {
    /// What the probe counted until the early and until the late weighing.
    parts: [Value; 2],
    early: Weight,
    late: Weight,
}

impl Scroll {
    fn sum(&self, name: &str) -> f64 {
        self.parts.iter().filter_map(|part| part[name].as_f64()).sum()
    }

    fn largest(&self, name: &str) -> f64 {
        self.parts.iter().filter_map(|part| part[name].as_f64()).fold(0.0, f64::max)
    }
}

/// Measures it.
pub fn measure(run: &Run, world: &World, chromium: &Chromium, section: &mut Section) -> Outcome<()> {
    let mut all = Vec::new();
    for round in 1..=run.rounds.min(TIMES) {
        run.say(&format!("(f) scrolling, round {round}"));
        let page = chromium.page(Cache::Warm)?;
        page.visit(world.sites[0].addr, &format!("/rooms/{}", world.long_room))?;
        page.run("bench.load()")?;
        let scroll = |number: u64| page.run(&format!("bench.scrollTo({number}, {PIXELS}, {MILLIS})"));
        let first = scroll(world.sizes.history - EARLY)?;
        let early = page.weigh()?;
        let second = scroll(1)?;
        all.push(Scroll { parts: [first, second], early, late: page.weigh()? });
    }
    let each = |figure: &dyn Fn(&Scroll) -> f64| all.iter().map(figure).collect::<Vec<f64>>();
    let passed = each(&|scroll| {
        world.sizes.history as f64 - scroll.parts[1]["oldest"].as_f64().unwrap_or(f64::NAN) + 1.0
    });
    let missed = each(&|scroll| 100.0 * scroll.sum("missed") / scroll.sum("frames"));
    let long = each(&|scroll| scroll.sum("long"));
    let rows = each(&|scroll| scroll.largest("rows"));
    let growth = each(&|scroll| scroll.late.heap / scroll.early.heap);
    let mut goal = |what: &str, most, figure: &[f64], unit| {
        let reached = Spread::of(figure.iter().copied());
        section.goal(Goal::new(what, Target::AtMost(most), reached).with_unit(unit));
    };
    goal("Scroll: frames longer than 50 ms", 0.0, &long, "");
    goal("Scroll: frames longer than 16.7 ms", 1.0, &missed, " %");
    goal("Scroll: rows in the document", 120.0, &rows, "");
    goal("Scroll: heap at its end ÷ after 1,000 messages", 1.05, &growth, "");
    let mut table = Table::new(&["Scroll", ""]);
    let mut row = |what: &str, value: String| table.row(vec![what.to_owned(), value]);
    row("messages passed", median(passed));
    row("seconds", median(each(&|scroll| scroll.sum("millis") / 1e3)));
    row("frames", median(each(&|scroll| scroll.sum("frames"))));
    row("longer than 16.7 ms", format!("{} %", median(missed)));
    row("longer than 50 ms", median(long));
    row("longest, ms", median(each(&|scroll| scroll.largest("longest"))));
    row("most rows in the document", median(rows));
    section.table(table);
    let early: Vec<Weight> = all.iter().map(|scroll| scroll.early).collect();
    let late: Vec<Weight> = all.iter().map(|scroll| scroll.late).collect();
    section.table(weights("Scroll", &[("after 1,000 messages", &early), ("at its end", &late)]));
    Ok(())
}
