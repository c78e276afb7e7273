//! (f) The web client: Chromium loads the page that the release server carries, and the page measures itself.

mod acts;
mod chromium;
mod crowd;
mod floor;
mod formatted;
mod live;
mod loading;
mod page;
mod protocol;
mod scroll;

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::json;

use self::chromium::Chromium;
use self::floor::Floor;
use self::page::Weight;
use crate::Outcome;
use crate::filling::fill;
use crate::http::write_post;
use crate::report::{Section, Table, number};
use crate::run::{Run, Version, token};
use crate::server::Server;
use crate::stats::Spread;

/// The names of the sites.
const PARLANCE: &str = "Parlance";
const FLOOR: &str = "Floor";
/// The suite's own database: how many rooms the list has must not depend on other suites.
const DATABASE: &str = "browser";
/// How many rooms there are to switch between. They fit on the first page of the list.
const ROOMS: usize = 10;

/// How large the suite's worlds are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Messages in the room that is scrolled.
    pub history: u64,
    /// How long that scroll may take, in milliseconds.
    pub patience: u32,
    /// Messages that arrive while the page is open.
    pub live: u64,
    /// People in the crowded room.
    pub people: usize,
    /// Rooms in the long list.
    pub rooms: usize,
}

impl Sizes {
    /// Those of a whole run.
    pub const FULL: Self =
        Self { history: 100_000, patience: 180_000, live: 10_000, people: 5_000, rooms: 1_000 };
    /// Those of a quick run.
    pub const QUICK: Self = Self { history: 10_000, patience: 20_000, live: 1_000, people: 500, rooms: 200 };
}

/// Something that shows the rooms.
struct Site {
    name: &'static str,
    addr: SocketAddr,
}

/// The database, the server and the floor in front of it.
struct World {
    sizes: Sizes,
    version: Version,
    /// Parlance, then the floor.
    sites: [Site; 2],
    /// Rooms to switch between, of different lengths.
    rooms: Vec<String>,
    long_room: String,
    formatted_room: String,
    live_room: String,
    crowded_room: String,
    _floor: Floor,
    _server: Server,
}

impl World {
    fn build(run: &Run) -> Outcome<Self> {
        run.say("(f) filling rooms");
        run.cluster.query(&format!("CREATE DATABASE {DATABASE}"))?;
        let version = Version { name: PARLANCE, program: run.now.program.clone(), database: DATABASE };
        // A start migrates the database.
        drop(Server::parlance(run, &version)?);
        run.create_guests(&version)?;
        let mut rooms = run.create_rooms(&version, "room", ROOMS)?;
        let sizes = run.browser;
        let mut take = |length| -> Outcome<String> {
            let room = rooms.pop().unwrap_or_default();
            fill(run, &version, std::slice::from_ref(&room), 0, length)?;
            Ok(room)
        };
        let (long_room, live_room, crowded_room) = (take(sizes.history)?, take(100)?, take(100)?);
        let formatted_room = take(0)?;
        for (number, room) in rooms.iter().enumerate() {
            fill(run, &version, std::slice::from_ref(room), 0, Self::length(number))?;
        }
        let server = Server::parlance(run, &version)?;
        formatted::fill(server.addr, &formatted_room)?;
        let floor = Floor::start(server.addr)?;
        let sites = [Site { name: PARLANCE, addr: server.addr }, Site { name: FLOOR, addr: floor.addr }];
        Ok(Self {
            sizes,
            version,
            sites,
            rooms,
            long_room,
            formatted_room,
            live_room,
            crowded_room,
            _floor: floor,
            _server: server,
        })
    }

    /// The number of messages in one of the rooms to switch between: the newest message identifies the room.
    fn length(number: usize) -> u64 {
        1_001 + number as u64
    }

    /// Writes a request that sends this text.
    fn send(&self, room: &str, text: &str) -> impl FnMut(usize, Instant, &mut Vec<u8>) + use<> {
        let path = format!("/api/v1/rooms/{room}/messages");
        let json = json!({ "text": text }).to_string();
        move |connection, _, bytes| write_post(bytes, &path, &token(connection + 1), &json)
    }
}

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    let world = World::build(run)?;
    let chromium = Chromium::start(run)?;
    let mut section = Section::new("(f) Web client");
    section.note(format!(
        "{}, headless, without a graphics card, {} × {} pixels. Painted is the first task after the frame in which the \
         page has drawn it, as the page itself sees it. The floor is a page of 60 lines without a framework that \
         fetches the same messages from the same server and draws them. A phone has a quarter of this machine's speed, \
         1.6 Mbit/s and 150 ms; everything else is measured without a limit. Requests include the WebSocket, \
         transferred bytes do not. Heap is that of JavaScript and the memory of WebAssembly after a collection. Frames \
         of more than 16.7 ms are those that came at least one refresh late.",
        chromium.version()?,
        page::WIDTH,
        page::HEIGHT,
    ));
    loading::measure(run, &world, &chromium, &mut section)?;
    acts::measure(run, &world, &chromium, &mut section)?;
    scroll::measure(run, &world, &chromium, &mut section)?;
    formatted::measure(run, &world, &chromium, &mut section)?;
    live::measure(run, &world, &chromium, &mut section)?;
    crowd::measure(run, &world, &chromium, &mut section)?;
    Ok(section)
}

/// The median over the rounds, as text.
fn median(values: Vec<f64>) -> String {
    number(Spread::of(values).median)
}

/// What pages weighed at some moments, each over the rounds.
fn weights(what: &str, moments: &[(&str, &[Weight])]) -> Table {
    let mut table =
        Table::new(&[&format!("{what}: a page's weight"), "Heap KiB", "Process KiB", "DOM nodes"]);
    for (moment, all) in moments {
        let middle = |figure: fn(&Weight) -> f64| median(all.iter().map(figure).collect());
        table.row(vec![
            (*moment).to_owned(),
            middle(|weight| weight.heap),
            middle(|weight| weight.process),
            middle(|weight| weight.nodes),
        ]);
    }
    table
}
