//! A crowded room and a long list of rooms: what they cost a page.

use super::chromium::Chromium;
use super::page::Cache;
use super::{World, median};
use crate::Outcome;
use crate::dialect::{Dialect, Join};
use crate::receivers::Receivers;
use crate::report::{Section, Table, number};
use crate::run::{Run, token};

/// How often it is measured at most.
const TIMES: usize = 3;
/// How long listing all rooms may take, in milliseconds.
const MILLIS: u32 = 60_000;

/// Measures it, after adding the rooms.
pub fn measure(run: &Run, world: &World, chromium: &Chromium, section: &mut Section) -> Outcome<()> {
    let addr = world.sites[0].addr;
    let (people, rooms) = (world.sizes.people, world.sizes.rooms);
    run.create_rooms(&world.version, "listed", rooms.saturating_sub(super::ROOMS))?;
    let crowded = &world.crowded_room;
    run.say(&format!("(f) {people} people in a room"));
    // The first guest is the reader.
    let join = |number| Join { token: Some(token(number + 1)), rooms: vec![crowded.clone()] };
    let crowd = Receivers::connect(addr, Dialect::Parlance, people, join)?;
    let mut painted = Vec::new();
    let mut listed = Vec::new();
    let (mut millis, mut long, mut longest) = (Vec::new(), Vec::new(), Vec::new());
    let (mut few, mut many) = (Vec::new(), Vec::new());
    for round in 1..=run.rounds.min(TIMES) {
        run.say(&format!("(f) a crowded room and {rooms} rooms, round {round}"));
        let page = chromium.page(Cache::Warm)?;
        page.visit(addr, &format!("/rooms/{crowded}"))?;
        painted.push(page.run("bench.load()")?["message"].as_f64().unwrap_or(f64::NAN));
        few.push(page.number("bench.elements()")?);
        page.run("bench.startFrames()")?;
        listed.push(page.number(&format!("bench.listRooms({rooms}, {MILLIS})"))?);
        let frames = page.run("bench.stopFrames()")?;
        let figure = |name: &str| frames[name].as_f64().unwrap_or(f64::NAN);
        millis.push(figure("millis"));
        long.push(figure("long"));
        longest.push(figure("longest"));
        many.push(page.number("bench.elements()")?);
    }
    drop(crowd);
    let mut table = Table::new(&["A crowded room, and all rooms in the list", ""]);
    let mut row = |what: &str, value: String| table.row(vec![what.to_owned(), value]);
    row("people in the room", number(people as f64));
    row("first message painted, warm, ms", median(painted));
    row("elements in the document", median(few));
    row("rooms in the list", median(listed));
    row("listing them all, page by page, ms", median(millis));
    row("frames longer than 50 ms meanwhile", median(long));
    row("longest frame, ms", median(longest));
    row("elements in the document", median(many));
    section.table(table);
    Ok(())
}
