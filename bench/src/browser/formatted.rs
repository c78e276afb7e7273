//! Formatted messages: whether drawing them holds a frame up.

use std::net::SocketAddr;

use serde_json::json;

use super::World;
use super::chromium::Chromium;
use super::page::{Cache, Frames};
use crate::Outcome;
use crate::exchange::{Connection, authorization, request, succeeded};
use crate::filling::message_id;
use crate::report::{Goal, Section, Target};
use crate::run::{Run, token};
use crate::stats::Spread;

/// Messages in the room.
const MESSAGES: u64 = 1_000;
/// Three quarters of a screen in each frame: nobody reads faster.
const PIXELS: u32 = 600;
/// How long the scroll may take, in milliseconds.
const PATIENCE: u32 = 30_000;
/// What the messages have after their number, in turn.
const TEXTS: [&str; 5] = [
    "has some **bold** and *emphasized* words, `code`, ~~what was meant before~~ and https://example.com/a/b?c=d.",
    "lists:\n\n- one\n- **two**\n  1. nested\n  2. again\n- three",
    "quotes:\n\n> somebody *said* so\n> > and somebody else before",
    "has code:\n\n```rust\nfn main() {\n    println!(\"hello\");\n}\n```",
    "has a secret: ||it was the *gardener*||, and [a link](https://example.com/x) beside **another [one](https://a.example)**",
];

/// Sends the messages. Each answers the one before, and has a reaction.
pub fn fill(addr: SocketAddr, room: &str) -> Outcome<()> {
    let mut connection = Connection::open(addr)?;
    let path = format!("/api/v1/rooms/{room}/messages");
    let by = authorization(&token(1));
    for (number, text) in (1..=MESSAGES).zip(TEXTS.iter().cycle()) {
        let id = message_id(room, number);
        let mut json = json!({ "id": id, "text": format!("Message {number} {text}") });
        if number > 1 {
            json["reply_to"] = json!(message_id(room, number - 1));
        }
        succeeded(&connection.exchange(&request("POST", &path, &by, &json.to_string()))?)?;
        let reaction = format!("{path}/{id}/reactions/%F0%9F%8E%89");
        succeeded(&connection.exchange(&request("PUT", &reaction, &by, ""))?)?;
    }
    Ok(())
}

/// Measures it.
pub fn measure(run: &Run, world: &World, chromium: &Chromium, section: &mut Section) -> Outcome<()> {
    let (mut long, mut longest, mut passed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=run.rounds {
        run.say(&format!("(f) formatted messages, round {round}"));
        let page = chromium.page(Cache::Warm)?;
        page.visit(world.sites[0].addr, &format!("/rooms/{}", world.formatted_room))?;
        page.run("bench.load()")?;
        let scroll = page.run(&format!("bench.scrollTo(1, {PIXELS}, {PATIENCE})"))?;
        let frames = Frames::read(&scroll)?;
        long.push(frames.long);
        longest.push(frames.longest);
        passed.push(MESSAGES as f64 + 1.0 - scroll["oldest"].as_f64().unwrap_or(f64::NAN));
    }
    let mut goal = |what: &str, target, figure: Vec<f64>, unit| {
        let what = format!("{MESSAGES} formatted messages: {what}");
        section.goal(Goal::new(what, target, Spread::of(figure)).with_unit(unit));
    };
    goal("messages drawn", Target::AtLeast(MESSAGES as f64), passed, "");
    goal("frames longer than 50 ms", Target::AtMost(0.0), long, "");
    goal("longest frame", Target::AtMost(50.0), longest, " ms");
    Ok(())
}
