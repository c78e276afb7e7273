//! A crowded room and a long list of rooms: what they cost a page.

use super::acts::time;
use super::chromium::Chromium;
use super::page::{Cache, Frames};
use super::{ROOMS, World, median};
use crate::Outcome;
use crate::dialect::{Dialect, Join};
use crate::receivers::Receivers;
use crate::report::{Section, Table};
use crate::run::{Run, token};
use crate::stats::Spread;

/// How often it is measured at most.
const TIMES: usize = 3;
/// How long listing all rooms may take, in milliseconds.
const PATIENCE: u32 = 60_000;

/// One visit to the crowd.
struct Visit {
    /// Milliseconds until the first message was painted.
    painted: f64,
    /// Elements in the document then.
    few: f64,
    /// Rooms in the list at the end.
    rooms: f64,
    /// While all rooms were put into the list.
    listing: Frames,
    /// Elements in the document then.
    many: f64,
    /// Milliseconds to switch to another room.
    switch: f64,
}

/// Measures it, after adding the rooms.
pub fn measure(run: &Run, world: &World, chromium: &Chromium, section: &mut Section) -> Outcome<()> {
    let people = world.sizes.people;
    let room = &world.crowded_room;
    run.say(&format!("(f) {people} people in a room"));
    run.create_rooms(&world.version, "listed", world.sizes.rooms.saturating_sub(ROOMS))?;
    let addr = world.sites[0].addr;
    let page = chromium.page(Cache::Warm)?;
    page.visit(addr, &format!("/rooms/{room}"))?;
    page.run("bench.load()")?;
    page.run("bench.startFrames()")?;
    // The first guest is the reader.
    let join = |number| Join { token: Some(token(number + 1)), rooms: vec![room.clone()], ..Join::default() };
    let crowd = Receivers::connect(addr, Dialect::Parlance, people, join)?;
    let arrival = Frames::read(&page.run("bench.stopFrames()")?)?;
    drop(page);
    let mut all = Vec::new();
    for round in 1..=run.rounds.min(TIMES) {
        run.say(&format!("(f) a crowded room and {} rooms, round {round}", world.sizes.rooms));
        all.push(visit(world, chromium)?);
    }
    drop(crowd);
    report(people, arrival, &all, section);
    Ok(())
}

fn visit(world: &World, chromium: &Chromium) -> Outcome<Visit> {
    let page = chromium.page(Cache::Warm)?;
    page.visit(world.sites[0].addr, &format!("/rooms/{}", world.crowded_room))?;
    let painted = page.run("bench.load()")?["message"].as_f64().unwrap_or(f64::NAN);
    let few = page.number("bench.elements()")?;
    page.run("bench.startFrames()")?;
    let rooms = page.number(&format!("bench.listRooms({}, {PATIENCE})", world.sizes.rooms))?;
    let listing = Frames::read(&page.run("bench.stopFrames()")?)?;
    let many = page.number("bench.elements()")?;
    let newest = format!("Message {} ", World::length(0));
    let link = format!("a[href='/rooms/{}']", world.rooms[0]);
    let [switch, _] = time(&page, "click", &newest, || page.click(&link))?;
    Ok(Visit { painted, few, rooms, listing, many, switch })
}

fn report(people: usize, arrival: Frames, all: &[Visit], section: &mut Section) {
    let each = |figure: fn(&Visit) -> f64| Spread::of(all.iter().map(figure)).median;
    let mut table = Table::new(&["A crowded room, and all rooms in the list", ""]);
    let mut row = |what: &str, value: f64| table.row(vec![what.to_owned(), median(vec![value])]);
    row("People in the room", people as f64);
    row("While they arrive: frames longer than 50 ms", arrival.long);
    row("longest, ms", arrival.longest);
    row("seconds", arrival.millis / 1e3);
    row("First message painted, warm, ms", each(|visit| visit.painted));
    row("Elements in the document", each(|visit| visit.few));
    row("Rooms in the list", each(|visit| visit.rooms));
    row("While they are listed, page by page: frames longer than 50 ms", each(|visit| visit.listing.long));
    row("longest, ms", each(|visit| visit.listing.longest));
    row("seconds", each(|visit| visit.listing.millis / 1e3));
    row("Elements in the document with all rooms", each(|visit| visit.many));
    row("Going to another room, ms", each(|visit| visit.switch));
    section.table(table);
}
