//! (c) Memory of a connection: idle, after some messages, and after a burst.

use std::thread;

use crate::Outcome;
use crate::dialect::{Dialect, Join};
use crate::fanout::TEXT_LENGTH;
use crate::http::Clients;
use crate::pace::{Amount, Pace};
use crate::process::{Memory, memory};
use crate::receivers::Receivers;
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::{Run, Version, token};
use crate::server::{Server, sends};

/// The smallest number of sockets that is judged: below it, what a server allocates once counts too much.
const LEAST_JUDGED: usize = 1_000;
/// People per room. With everybody in one room, this would measure presence.
const PEOPLE_IN_A_ROOM: usize = 50;
/// Rooms of each person, and the most KiB for each of their sockets.
const ROOMS_EACH: [(usize, f64); 2] = [(1, 16.0), (20, 20.0)];
/// How many messages each socket receives after it was idle.
const MESSAGES: usize = 100;
/// How many messages each socket receives in the burst: some 200 KB.
const BURST_MESSAGES: usize = 420;
/// Sockets per room of the burst. They are anonymous, as in (b): nobody is present.
const SOCKETS_IN_A_BURST: usize = 500;
/// The most KiB for each socket after the burst.
const MAX_AFTER_BURST: f64 = 34.0;
/// Connections that send. They are few, because the server's memory for them is in the figures.
const SENDERS: usize = 16;

/// Growth of a server's memory for each socket, in KiB.
#[derive(Clone, Copy)]
struct Growth {
    idle: Memory,
    later: Memory,
}

/// The figures of a version with a number of sockets.
struct Results<'a> {
    version: &'a Version,
    sockets: usize,
    /// In the order of [`ROOMS_EACH`].
    idle: Vec<Growth>,
    burst: Growth,
    burst_bytes: f64,
}

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    let mut all = Vec::new();
    for &sockets in run.idle.iter().filter(|sockets| **sockets >= LEAST_JUDGED) {
        let mut versions = Vec::new();
        for version in run.versions() {
            let idle: Outcome<Vec<Growth>> = ROOMS_EACH
                .iter()
                .map(|(rooms_each, _)| People::gather(run, version, sockets, *rooms_each)?.measure(run))
                .collect();
            let (burst, burst_bytes) = measure_burst(run, version, sockets)?;
            versions.push(Results { version, sockets, idle: idle?, burst, burst_bytes });
        }
        all.push(versions);
    }
    Ok(section(&all))
}

/// The growth of the present version's memory for each of so many idle sockets in one room each, in KiB.
pub fn idle_rss(run: &Run, sockets: usize) -> Outcome<f64> {
    let people = People::gather(run, &run.now, sockets, 1)?;
    Ok(people.growth(run)?.rss)
}

/// People with one socket each, signed in and present in their rooms, on a server of their own.
struct People {
    server: Server,
    baseline: Memory,
    receivers: Receivers,
    rooms: Vec<String>,
    rooms_each: usize,
}

impl People {
    fn gather(run: &Run, version: &Version, sockets: usize, rooms_each: usize) -> Outcome<Self> {
        run.say(&format!("(c) {}: {sockets} idle sockets in {rooms_each} rooms each", version.name));
        let groups = sockets.div_ceil(PEOPLE_IN_A_ROOM);
        let rooms = run.create_rooms(version, "idle", groups * rooms_each)?;
        let (server, baseline) = start(run, version)?;
        let join = |number: usize| {
            let group = number / PEOPLE_IN_A_ROOM;
            let rooms = rooms[group * rooms_each..(group + 1) * rooms_each].to_vec();
            Join { token: Some(token(number)), rooms, ..Join::default() }
        };
        let receivers = Receivers::connect(server.addr, Dialect::Parlance, sockets, join)?;
        Ok(Self { server, baseline, receivers, rooms, rooms_each })
    }

    fn growth(&self, run: &Run) -> Outcome<Memory> {
        growth(run, &self.server, self.baseline, self.receivers.count())
    }

    /// Idle, and after everybody has received some messages.
    fn measure(self, run: &Run) -> Outcome<Growth> {
        let idle = self.growth(run)?;
        let per_room = MESSAGES / self.rooms_each;
        self.receivers.begin()?;
        let mut clients = Clients::connect(self.server.addr, SENDERS)?;
        let count = Amount::Count((self.rooms.len() * per_room) as u64);
        clients.run(Pace::Closed, count, sends(&self.rooms, TEXT_LENGTH))?;
        self.receivers.finish((per_room * self.rooms_each) as u64)?.in_order()?;
        drop(clients);
        Ok(Growth { idle, later: self.growth(run)? })
    }
}

/// Sends a burst to one room after another. Returns also how many bytes each socket received.
fn measure_burst(run: &Run, version: &Version, sockets: usize) -> Outcome<(Growth, f64)> {
    run.say(&format!("(c) {}: a burst to {sockets} sockets", version.name));
    let rooms = run.create_rooms(version, "burst", sockets.div_ceil(SOCKETS_IN_A_BURST))?;
    let (server, baseline) = start(run, version)?;
    let mut crowds = Vec::with_capacity(rooms.len());
    for (number, room) in rooms.iter().enumerate() {
        let count = SOCKETS_IN_A_BURST.min(sockets - number * SOCKETS_IN_A_BURST);
        let join = Join { rooms: vec![room.clone()], ..Join::default() };
        crowds.push(Receivers::connect(server.addr, Dialect::Parlance, count, |_| join.clone())?);
    }
    let idle = growth(run, &server, baseline, sockets)?;
    let mut clients = Clients::connect(server.addr, SENDERS)?;
    let mut bytes = 0.0;
    for (room, crowd) in rooms.iter().zip(&crowds) {
        crowd.begin()?;
        let messages = BURST_MESSAGES as u64;
        let write = sends(std::slice::from_ref(room), TEXT_LENGTH);
        clients.run(Pace::Closed, Amount::Count(messages), write)?;
        let received = crowd.finish(messages)?.in_order()?;
        bytes += received.frame_bytes * received.deliveries as f64;
    }
    drop(clients);
    Ok((Growth { idle, later: growth(run, &server, baseline, sockets)? }, bytes / sockets as f64))
}

/// A new server and its memory.
fn start(run: &Run, version: &Version) -> Outcome<(Server, Memory)> {
    let server = Server::parlance(run, version)?;
    rest(run);
    let baseline = memory(server.pid())?;
    Ok((server, baseline))
}

/// The growth of its memory since then, for each socket.
fn growth(run: &Run, server: &Server, baseline: Memory, sockets: usize) -> Outcome<Memory> {
    rest(run);
    let now = memory(server.pid())?;
    let sockets = sockets as f64;
    Ok(Memory { rss: (now.rss - baseline.rss) / sockets, pss: (now.pss - baseline.pss) / sockets })
}

/// Gives a server time to finish what it has to do.
fn rest(run: &Run) {
    thread::sleep(run.window);
}

fn section(all: &[Vec<Results>]) -> Section {
    let mut section = Section::new("(c) Memory of a connection");
    section.note(format!(
        "Growth of the server's resident memory, divided by the number of sockets; the kernel's memory is not \
         included. Idle: everybody is signed in as a different person and present in their rooms, \
         {PEOPLE_IN_A_ROOM} people in each; then each socket receives {MESSAGES} messages. Burst: the sockets are anonymous, \
         {SOCKETS_IN_A_BURST} sockets follow each room and receive {BURST_MESSAGES} messages as fast as {SENDERS} \
         connections can send them."
    ));
    let mut idle_table = Table::new(&[
        "Idle",
        "Sockets",
        "Rooms each",
        "RSS KiB",
        "PSS KiB",
        "after messages: RSS KiB",
        "PSS KiB",
    ]);
    let mut burst_table = Table::new(&[
        "Burst",
        "Sockets",
        "KB to each",
        "RSS KiB",
        "PSS KiB",
        "after the burst: RSS KiB",
        "PSS KiB",
    ]);
    for versions in all {
        let Some((now, before)) = versions.split_first() else { continue };
        let mut add = |what: &str, most, figure: &dyn Fn(&Results) -> f64| {
            let what = format!("{} {what}", number(now.sockets as f64));
            let before = before.first().map(|before| vec![figure(before)]);
            section.goal(
                Goal::compared(what, Target::AtMost(most), vec![figure(now)], before).with_unit(" KiB"),
            );
        };
        for (place, (rooms_each, most)) in ROOMS_EACH.into_iter().enumerate() {
            let rooms = if rooms_each == 1 { "room" } else { "rooms" };
            add(&format!("idle sockets in {rooms_each} {rooms} each"), most, &|results| {
                results.idle[place].idle.rss
            });
        }
        add("sockets after a burst of 200 KB to each", MAX_AFTER_BURST, &|results| results.burst.later.rss);
        for Results { version, sockets, idle, burst, burst_bytes } in versions {
            let row = |detail: String, Growth { idle, later }: &Growth| {
                let figures = [idle.rss, idle.pss, later.rss, later.pss].map(number);
                [version.name.to_owned(), number(*sockets as f64), detail]
                    .into_iter()
                    .chain(figures)
                    .collect()
            };
            for ((rooms_each, _), growth) in ROOMS_EACH.iter().zip(idle) {
                idle_table.row(row(rooms_each.to_string(), growth));
            }
            burst_table.row(row(number(burst_bytes / 1_000.0), burst));
        }
    }
    section.table(idle_table);
    section.table(burst_table);
    section
}
