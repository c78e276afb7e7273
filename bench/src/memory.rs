//! (c) Memory of an idle connection.

use std::thread;
use std::time::Duration;

use crate::Outcome;
use crate::dialect::{Dialect, Join};
use crate::fanout::TEXT_LENGTH;
use crate::http::Clients;
use crate::pace::{Amount, Pace};
use crate::process::{Memory, memory};
use crate::receivers::Receivers;
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::{Run, token};
use crate::server::{Server, sends};
use crate::stats::Spread;

/// How many people are in a room: presence makes a room of everybody a room of many.
const PEOPLE_IN_A_ROOM: usize = 50;
/// How many messages everybody gets.
const MESSAGES: usize = 100;
/// How long the server gets to come to rest.
const REST: Duration = Duration::from_secs(3);

/// What one crowd costs.
pub struct Sample {
    /// How many sockets.
    pub sockets: usize,
    rooms_each: usize,
    /// Growth for each socket once all have joined, in KiB.
    pub idle: Memory,
    /// The same after each has got its messages.
    used: Memory,
}

/// Measures it.
pub fn measure(run: &Run) -> Outcome<Section> {
    let mut samples = Vec::new();
    for &sockets in run.idle.iter().filter(|sockets| **sockets >= 1_000) {
        for rooms_each in [1, 20] {
            samples.push(crowd(run, sockets, rooms_each)?);
        }
    }
    Ok(section(&samples))
}

/// Starts a server, has `sockets` people join `rooms_each` rooms each, and looks at what it keeps.
pub fn crowd(run: &Run, sockets: usize, rooms_each: usize) -> Outcome<Sample> {
    run.say(&format!("(c) {sockets} idle sockets in {rooms_each} rooms each"));
    let groups = sockets.div_ceil(PEOPLE_IN_A_ROOM);
    let rooms = run.create_rooms("idle", groups * rooms_each)?;
    let server = Server::parlance(run)?;
    thread::sleep(REST);
    let before = memory(server.pid())?;
    let of_group = |number: usize| {
        let group = number / PEOPLE_IN_A_ROOM;
        rooms[group * rooms_each..(group + 1) * rooms_each].to_vec()
    };
    let receivers = Receivers::connect(server.addr, Dialect::Parlance, sockets, |number| Join {
        token: Some(token(number)),
        rooms: of_group(number),
    })?;
    thread::sleep(REST);
    let idle = each(before, memory(server.pid())?, sockets);
    receivers.begin()?;
    let per_room = MESSAGES / rooms_each;
    let mut clients = Clients::connect(server.addr, 16)?;
    let count = Amount::Count((rooms.len() * per_room) as u64);
    clients.run(Pace::Closed, count, sends(&rooms, TEXT_LENGTH))?;
    receivers.finish((per_room * rooms_each) as u64)?.in_order()?;
    drop(clients);
    thread::sleep(REST);
    let used = each(before, memory(server.pid())?, sockets);
    Ok(Sample { sockets, rooms_each, idle, used })
}

fn each(before: Memory, after: Memory, sockets: usize) -> Memory {
    let sockets = sockets as f64;
    Memory { rss: (after.rss - before.rss) / sockets, pss: (after.pss - before.pss) / sockets }
}

fn section(samples: &[Sample]) -> Section {
    let mut section = Section::new("(c) Memory of an idle connection");
    section.note(format!(
        "Everybody is signed in as somebody else and present in their rooms, {PEOPLE_IN_A_ROOM} people in each; \
         then everybody gets {MESSAGES} messages. Growth of the server's resident memory, divided by the sockets; \
         what the kernel keeps for a socket is not in it."
    ));
    let mut table =
        Table::new(&["Sockets", "Rooms each", "RSS KiB", "PSS KiB", "after messages: RSS KiB", "PSS KiB"]);
    for Sample { sockets, rooms_each, idle, used } in samples {
        let rooms = if *rooms_each == 1 { "room" } else { "rooms" };
        let what = format!("{} sockets in {rooms_each} {rooms} each", number(*sockets as f64));
        section.goal(Goal::new(what, Target::AtMost(3.0), Spread::of([idle.rss])).with_unit(" KiB"));
        table.row(vec![
            number(*sockets as f64),
            rooms_each.to_string(),
            number(idle.rss),
            number(idle.pss),
            number(used.rss),
            number(used.pss),
        ]);
    }
    section.table(table);
    section
}
