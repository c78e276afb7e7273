//! (k) A conversation: pages of formatted messages with replies and reactions, and how soon a reaction is seen.

use std::net::SocketAddr;
use std::time::Instant;

use crate::dialect::{Dialect, Join};
use crate::exchange::{Connection, authorization, request, succeeded};
use crate::filling::message_id;
use crate::http::Clients;
use crate::opening::{self, Opened};
use crate::pace::{Amount, Pace};
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::{Run, token};
use crate::server::Server;
use crate::stats::{Histogram, Spread};
use crate::{Outcome, fail, receivers};

/// Messages of a page.
const PAGE_LENGTH: u64 = 50;
/// Connections that read.
const READERS: usize = 64;
/// How often a message and a reaction are sent in each round.
const TIMES: u64 = 300;
/// Each with a reaction of its own, and an answer to the one before.
const FORMATTED: &str =
    "some **words** of a `message` about _patterns_ and looms, and 'https://example.com/a' beside";
/// As long as the formatted one.
const PLAIN: &str =
    "some words of a message about patterns and looms, and other things that are not formatted as it";
/// 🎉, percent-encoded.
const EMOJI: &str = "%F0%9F%8E%89";

/// Who answers pages: the database, or memory because somebody follows the room.
const SOURCES: [&str; 2] = ["database", "memory"];

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    let rooms = run.create_rooms(&run.now, "conversation", 3)?;
    let [plain, formatted, live] = rooms.as_slice() else { return Err(fail("rooms are missing")) };
    let server = Server::parlance(run, &run.now)?;
    let mut connection = Connection::open(server.addr)?;
    for number in 1..=PAGE_LENGTH {
        say(&mut connection, plain, number, PLAIN, None)?;
        say(&mut connection, formatted, number, FORMATTED, (number > 1).then(|| number - 1))?;
        succeeded(&connection.exchange(&reaction("PUT", formatted, number))?)?;
    }
    run.settle()?;

    // By source, then plain and formatted.
    let mut rates: [[Vec<f64>; 2]; 2] = Default::default();
    let (mut messages, mut reactions) = (Vec::new(), Vec::new());
    let mut sent = 0;
    for round in 1..=run.rounds {
        run.say(&format!("(k) round {round}"));
        for (source, rates) in rates.iter_mut().enumerate() {
            let join = Join { rooms: vec![plain.clone(), formatted.clone()], ..Join::default() };
            let follower = match source {
                0 => None,
                _ => Some(receivers::stall(server.addr, 1, |_| join.clone())?),
            };
            for (room, rates) in [plain, formatted].into_iter().zip(rates) {
                rates.push(read(run, server.addr, room)?);
            }
            drop(follower);
        }
        let [message, reaction] = see(server.addr, live, &mut sent)?;
        messages.push(message);
        reactions.push(reaction);
    }

    let mut section = Section::new("(k) A conversation");
    section.note(format!(
        "Pages of {PAGE_LENGTH} messages, read by {READERS} connections of one member. Each formatted message is bold, \
         emphasized and has code and a link, answers the one before, and has a reaction. A room that somebody follows is \
         answered from memory. A message and a reaction are seen by another member's socket; both are sent one at a time."
    ));
    let mut table = Table::new(&["Pages a second", "plain", "formatted", "÷ plain"]);
    for (source, [plain, formatted]) in SOURCES.into_iter().zip(&rates) {
        let ratio = Spread::ratio(formatted, plain);
        let what = format!("Page from the {source}, formatted ÷ plain: rate");
        section.goal(Goal::new(what, Target::AtLeast(0.8), ratio));
        let middle = |values: &[f64]| number(Spread::of(values.iter().copied()).median);
        table.row(vec![source.to_owned(), middle(plain), middle(formatted), number(ratio.median)]);
    }
    section.table(table);
    let ratio = Spread::ratio(&reactions, &messages);
    section.goal(Goal::new("A reaction is seen ÷ a message: p50", Target::AtMost(1.3), ratio));
    let mut table = Table::new(&["Seen by another after, p50", "ms"]);
    for (what, values) in [("a message", messages), ("a reaction", reactions)] {
        table.row(vec![what.to_owned(), number(Spread::of(values).median)]);
    }
    section.table(table);
    Ok(section)
}

fn messages_path(room: &str) -> String {
    format!("/api/v1/rooms/{room}/messages")
}

/// Sends a message of this number, which may answer another.
fn say(
    connection: &mut Connection,
    room: &str,
    number: u64,
    text: &str,
    answers: Option<u64>,
) -> Outcome<()> {
    let reply_to = answers.map(|number| format!(r#","reply_to":"{}""#, message_id(room, number)));
    let id = message_id(room, number);
    let json = format!(r#"{{"id":"{id}","text":"{text}"{}}}"#, reply_to.unwrap_or_default());
    succeeded(&connection.exchange(&request(
        "POST",
        &messages_path(room),
        &authorization(&token(0)),
        &json,
    ))?)
}

fn reaction(method: &str, room: &str, number: u64) -> Vec<u8> {
    let path = format!("{}/{}/reactions/{EMOJI}", messages_path(room), message_id(room, number));
    request(method, &path, &authorization(&token(0)), "")
}

/// Pages a second.
fn read(run: &Run, addr: SocketAddr, room: &str) -> Outcome<f64> {
    let page = request(
        "GET",
        &format!("{}?limit={PAGE_LENGTH}", messages_path(room)),
        &authorization(&token(0)),
        "",
    );
    let mut clients = Clients::connect(addr, READERS)?;
    let mut write = |_: usize, _: Instant, bytes: &mut Vec<u8>| bytes.extend_from_slice(&page);
    clients.run(Pace::Closed, Amount::Lasting(run.warm_up), &mut write)?;
    Ok(clients.run(Pace::Closed, Amount::Lasting(run.window), &mut write)?.rate())
}

/// The p50 until another sees a message, and a reaction to it, in milliseconds. `sent` counts the messages.
fn see(addr: SocketAddr, room: &str, sent: &mut u64) -> Outcome<[f64; 2]> {
    let join = Join { token: Some(token(1)), rooms: vec![room.to_owned()], ..Join::default() };
    let mut follower = opening::open(addr, Dialect::Parlance, 0..1, |_| join.clone())?.remove(0);
    follower.wait_for_answers()?;
    let mut connection = Connection::open(addr)?;
    let mut times = [Histogram::default(), Histogram::default()];
    for _ in 0..TIMES {
        *sent += 1;
        let json = format!(r#"{{"id":"{}","text":"{PLAIN}"}}"#, message_id(room, *sent));
        let message = request("POST", &messages_path(room), &authorization(&token(0)), &json);
        let acts = [(message, "message_created"), (reaction("PUT", room, *sent), "message_updated")];
        for ((act, event), times) in acts.into_iter().zip(&mut times) {
            let began = Instant::now();
            connection.send(&act)?;
            expect(&mut follower, event)?;
            times.record(began.elapsed());
            succeeded(&connection.answer()?)?;
        }
    }
    Ok(times.map(|times| times.millis(0.5)))
}

fn expect(follower: &mut Opened, event: &str) -> Outcome<()> {
    follower.expect(Dialect::Parlance, &format!(r#"{{"type":"{event}""#), 1)
}
