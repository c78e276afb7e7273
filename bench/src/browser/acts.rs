//! What people do most: going to another room and sending a message, from the event to the paint.

use serde_json::json;

use super::chromium::Chromium;
use super::page::{Cache, Page};
use super::{FLOOR, PARLANCE, Site, World, median};
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::Run;
use crate::stats::Spread;
use crate::{Outcome, fail};

/// How many messages are sent in each round.
const SENDS: usize = 10;

/// How long an act may take, in milliseconds, and how often it is tried.
const PATIENCE: u32 = 10_000;
const ATTEMPTS: usize = 3;

/// The acts, and whether they have a target.
const ACTS: [(&str, Option<f64>); 4] = [
    ("A room for the first time", Some(50.0)),
    ("A room again", Some(50.0)),
    ("Own message painted", Some(16.0)),
    ("Own message confirmed", None),
];

/// The medians of one site, round by round, for each of the acts.
#[derive(Default)]
struct Acts([Vec<f64>; ACTS.len()]);

/// Measures it.
pub fn measure(run: &Run, world: &World, chromium: &Chromium, section: &mut Section) -> Outcome<()> {
    let mut all: Vec<(&str, Acts)> = world.sites.iter().map(|site| (site.name, Acts::default())).collect();
    for round in 1..=run.rounds {
        run.say(&format!("(f) switching rooms and sending, round {round}"));
        for (site, (_, acts)) in world.sites.iter().zip(&mut all) {
            let found = perform(world, chromium, site, round)?;
            for (all, found) in acts.0.iter_mut().zip(found) {
                all.push(Spread::of(found).median);
            }
        }
    }
    let figures = |name: &str, act: usize| {
        let found = all.iter().find(|(site, _)| *site == name);
        found.map(|(_, acts)| acts.0[act].clone()).ok_or_else(|| fail("a site was not measured"))
    };
    let mut table = Table::new(&["From the event to the paint", "Parlance ms", "Floor ms", "÷ floor"]);
    for (act, (what, most)) in ACTS.into_iter().enumerate() {
        let (ours, floor) = (figures(PARLANCE, act)?, figures(FLOOR, act)?);
        let ratio = number(Spread::ratio(&ours, &floor).median);
        table.row(vec![what.to_owned(), median(ours.clone()), median(floor), ratio]);
        if let Some(most) = most {
            section.goal(Goal::new(what, Target::AtMost(most), Spread::of(ours)).with_unit(" ms"));
        }
    }
    section.table(table);
    Ok(())
}

/// All acts on one page.
fn perform(world: &World, chromium: &Chromium, site: &Site, round: usize) -> Outcome<[Vec<f64>; ACTS.len()]> {
    let page = chromium.page(Cache::Warm)?;
    page.visit(site.addr, &format!("/rooms/{}", world.rooms[0]))?;
    page.run("bench.load()")?;
    let mut found = [const { Vec::new() }; ACTS.len()];
    let switched = world.rooms.len() - 1;
    // The last room is for sending, so that the newest messages of the others stay known.
    for (act, rooms) in [(0, 1..switched), (1, 1..switched)] {
        for room in rooms {
            let link = format!("a[href='/rooms/{}']", world.rooms[room]);
            let newest = format!("Message {} ", World::length(room));
            found[act].push(time(&page, "click", &newest, || page.click(&link))?[0]);
        }
    }
    page.click(&format!("a[href='/rooms/{}']", world.rooms[switched]))?;
    page.run("bench.pause(300)")?;
    for send in 1..=SENDS {
        let text = format!("Mine, {} {round} {send}", site.name);
        page.run("document.querySelector('#composer').focus()")?;
        page.write(&text)?;
        let [painted, confirmed] = time(&page, "keydown", &text, || page.press_enter())?;
        found[2].push(painted);
        found[3].push(confirmed);
    }
    Ok(found)
}

/// Does something and returns the milliseconds from its event until the message is painted, and painted as confirmed. A
/// click can get lost when its place is drawn anew between press and release, so it is repeated.
pub fn time(page: &Page<'_>, event: &str, text: &str, act: impl Fn() -> Outcome<()>) -> Outcome<[f64; 2]> {
    let (event, text) = (json!(event), json!(text));
    for _ in 0..ATTEMPTS {
        // The page is at rest before.
        page.run(&format!("bench.pause(100).then(() => bench.expect({event}, {text}))"))?;
        act()?;
        let times = page.run(&format!("bench.arrived({PATIENCE})"))?;
        if let (Some(painted), Some(confirmed)) = (times[0].as_f64(), times[1].as_f64()) {
            return Ok([painted, confirmed]);
        }
        if page.run(&format!("bench.has({text})"))? == true {
            return Err(fail(format!("{text} came more than {PATIENCE} ms after the {event}")));
        }
    }
    let state = page.run("bench.state()")?;
    Err(fail(format!("the page does not show {text} after the {event}: {state}")))
}
