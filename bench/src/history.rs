//! (d) History: pages of a room with millions of messages, near its end and far from it.

use std::time::Instant;

use crate::dialect::Join;
use crate::filling::{fill, message_id};
use crate::http::{Answers, Clients, get, write_get};
use crate::pace::{Amount, Pace};
use crate::pgbench::Script;
use crate::plot::{self, Line};
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::Run;
use crate::server::{Server, sends};
use crate::stats::Spread;
use crate::{Outcome, fail, receivers};

/// How many consecutive pages at each depth are read in turn.
const PAGES: usize = 100;
/// Messages per page.
const PAGE_LENGTH: u64 = 50;
/// The number and the length of the other rooms.
const OTHER_ROOMS: usize = 1_000;
const OTHER_LENGTH: u64 = 1_000;
/// How often the control runs. Far from the end it takes seconds.
const CONTROL_TIMES: u32 = 3;

/// The figures of a room of one length.
pub struct Point {
    /// The number of messages.
    pub messages: u64,
    /// Milliseconds per stored message, sent by 64 connections.
    pub post_millis: f64,
    /// By distance from the newest message.
    pub depths: Vec<Depth>,
    /// Requests per second by 64 connections, round by round.
    rates: Rates,
}

/// Pages at one depth: the median in milliseconds, round by round.
pub struct Depth {
    /// How many messages are newer.
    pub depth: u64,
    /// Parlance, by HTTP.
    pub ours: Vec<f64>,
    ours_p99: Vec<f64>,
    /// pgbench with Parlance's statement.
    keyset: Vec<f64>,
    /// pgbench with OFFSET, once.
    pub offset: f64,
    /// Buffers that Postgres reads for a page, by cursor and by OFFSET.
    buffers: [f64; 2],
}

/// Pages per second.
#[derive(Default)]
struct Rates {
    newest: Vec<f64>,
    newest_reference: Vec<f64>,
    deepest: Vec<f64>,
    deepest_reference: Vec<f64>,
}

/// Fills the long room decade by decade and measures it at each length, the last one thoroughly.
pub fn points(run: &Run) -> Outcome<Vec<Point>> {
    let room = run.create_rooms(&run.now, "long", 1)?.remove(0);
    let last = run.histories.last().copied().unwrap_or(0);
    let mut points = Vec::new();
    for &messages in &run.histories {
        run.say(&format!("(d) filling a room up to {} messages", number(messages as f64)));
        if messages == last {
            fill(run, &run.now, &run.create_rooms(&run.now, "other", OTHER_ROOMS)?, 0, OTHER_LENGTH)?;
        }
        let [from] = run.cluster.numbers(&format!("SELECT last_seq FROM rooms WHERE id = '{room}'"))?;
        fill(run, &run.now, std::slice::from_ref(&room), from as u64, messages)?;
        points.push(measure_point(run, &room, messages, messages == last)?);
    }
    Ok(points)
}

fn measure_point(run: &Run, room: &str, messages: u64, is_thorough: bool) -> Outcome<Point> {
    let server = Server::parlance(run, &run.now)?;
    let deepest = messages / 100 * 99;
    let depths: Vec<u64> = match is_thorough {
        true => [0, 1_000, 100_000, 1_000_000]
            .into_iter()
            .filter(|depth| *depth < deepest)
            .chain([deepest])
            .collect(),
        false => vec![0, deepest],
    };
    let mut all = Vec::new();
    for depth in depths {
        let walk = walk(&server, room, messages - depth)?;
        let place = messages - depth;
        let offset = offset(room, depth);
        let buffers = [buffers(run, room, Some(place), 0)?, buffers(run, room, None, depth)?];
        let offset = offset.repeat(&run.cluster, CONTROL_TIMES)?.median_millis;
        let found =
            Depth { depth, ours: Vec::new(), ours_p99: Vec::new(), keyset: Vec::new(), offset, buffers };
        all.push((found, walk, keyset(room, place)));
    }
    let mut rates = Rates::default();
    let newest = vec![format!("/api/v1/rooms/{room}/messages?limit={PAGE_LENGTH}")];
    let clients = match is_thorough {
        true => keyset(room, messages).best_of(&run.cluster, &[1, 2, 4, 8, 16], run.window / 2)?,
        false => 1,
    };
    for round in 1..=if is_thorough { run.rounds } else { run.rounds.min(3) } {
        run.say(&format!("(d) {} messages, round {round}", number(messages as f64)));
        for (found, walk, keyset) in &mut all {
            let answers = read(run, &server, 1, walk)?;
            found.ours.push(answers.latencies.millis(0.5));
            found.ours_p99.push(answers.latencies.millis(0.99));
            found.keyset.push(keyset.time(&run.cluster, &run.scratch, run.window / 2)?.median_millis);
        }
        if is_thorough {
            let reference = |script: &Script| script.run(&run.cluster, clients, run.window / 2);
            // Clients ask for the newest page of a room that they are in, so a follower is present.
            let join = Join { rooms: vec![room.to_owned()], ..Join::default() };
            let follower = receivers::stall(server.addr, 1, |_| join.clone())?;
            rates.newest.push(read(run, &server, 64, &newest)?.rate());
            drop(follower);
            rates.newest_reference.push(reference(&keyset(room, messages))?.rate);
            if let Some((_, walk, keyset)) = all.last() {
                rates.deepest.push(read(run, &server, 64, walk)?.rate());
                rates.deepest_reference.push(reference(keyset)?.rate);
            }
        }
    }
    // Sending comes last, because it moves the newest message.
    let rooms = [room.to_owned()];
    let post = || -> Outcome<f64> {
        let mut clients = Clients::connect(server.addr, 64)?;
        clients.run(Pace::Closed, Amount::Lasting(run.warm_up), sends(&rooms, 120))?;
        Ok(1e3 / clients.run(Pace::Closed, Amount::Lasting(run.window), sends(&rooms, 120))?.rate())
    };
    let posts: Outcome<Vec<f64>> = (0..run.rounds.min(3)).map(|_| post()).collect();
    let depths = all.into_iter().map(|(found, _, _)| found).collect();
    Ok(Point { messages, post_millis: Spread::of(posts?).median, depths, rates })
}

/// The paths of consecutive pages towards the past, from the message `place` on. Each was read once.
fn walk(server: &Server, room: &str, place: u64) -> Outcome<Vec<String>> {
    let base = format!("/api/v1/rooms/{room}/messages?limit={PAGE_LENGTH}");
    let mut path = format!("{base}&around={}", message_id(room, place));
    let mut paths = Vec::new();
    let mut newest_wanted = None;
    // Near the beginning of the room there are fewer.
    let count = PAGES.min((place / PAGE_LENGTH) as usize - 1);
    while paths.len() < count {
        let (status, body) = get(server.addr, &path)?;
        let page: serde_json::Value = serde_json::from_slice(&body)?;
        let numbers: Vec<u64> =
            page["items"].as_array().into_iter().flatten().filter_map(|item| item["seq"].as_u64()).collect();
        let is_whole = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1)
            && numbers.len() as u64 == PAGE_LENGTH
            && newest_wanted.is_none_or(|wanted| numbers.last() == Some(&wanted));
        if status != 200 || !is_whole {
            return Err(fail(format!("{path} answers {status} with the messages {numbers:?}")));
        }
        newest_wanted = numbers.first().map(|first| first - 1);
        let cursor = page["prev_cursor"].as_str().ok_or_else(|| fail("the history ends too early"))?;
        path = format!("{base}&before={cursor}");
        paths.push(path.clone());
    }
    Ok(paths)
}

/// Reads pages in turn, as fast as the connections can.
fn read(run: &Run, server: &Server, connections: usize, paths: &[String]) -> Outcome<Answers> {
    let mut clients = Clients::connect(server.addr, connections)?;
    let mut next = 0;
    let mut write = |_: usize, _: Instant, bytes: &mut Vec<u8>| {
        write_get(bytes, &paths[next % paths.len()]);
        next += 1;
    };
    clients.run(Pace::Closed, Amount::Lasting(run.warm_up / 2), &mut write)?;
    clients.run(Pace::Closed, Amount::Lasting(run.window / 2), &mut write)
}

/// The same pages, read from the database.
fn keyset(room: &str, place: u64) -> Script {
    let low = place.saturating_sub(PAGES as u64 * PAGE_LENGTH).max(PAGE_LENGTH + 1);
    let script = Script::new(include_str!("../sql/page.sql"), "public");
    script.with("room", room).with("low", low).with("high", place.max(low))
}

fn offset(room: &str, depth: u64) -> Script {
    Script::new(include_str!("../sql/offset.sql"), "public").with("room", room).with("depth", depth)
}

/// How many buffers Postgres reads for a page, by place or by offset.
fn buffers(run: &Run, room: &str, before: Option<u64>, offset: u64) -> Outcome<f64> {
    let place = before.map(|place| format!("AND seq < {place}")).unwrap_or_default();
    let plan = run.cluster.query(&format!(
        "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM messages JOIN users ON users.id = author_id \
         WHERE room_id = '{room}' {place} ORDER BY seq DESC LIMIT {PAGE_LENGTH} OFFSET {offset}"
    ))?;
    let line = plan.lines().find(|line| line.contains("Buffers: shared")).unwrap_or_default();
    let counts = line.split_whitespace().filter_map(|word| word.split_once('='));
    Ok(counts
        .filter(|(name, _)| *name != "dirtied" && *name != "written")
        .filter_map(|(_, count)| count.parse::<f64>().ok())
        .sum())
}

/// The report of the longest room.
pub fn section(points: &[Point]) -> Section {
    let mut section = Section::new("(d) History");
    let Some(point) = points.last() else { return section };
    let (Some(newest), Some(deepest)) = (point.depths.first(), point.depths.last()) else { return section };
    section.note(format!(
        "A room of {} messages, and {} rooms of {}; pages of {PAGE_LENGTH}, {PAGES} different ones at each depth, \
         everything warm. The reference is pgbench with a bare SELECT of the same fifty messages and their authors; \
         the control is the same page by OFFSET.",
        number(point.messages as f64), number(OTHER_ROOMS as f64), number(OTHER_LENGTH as f64)
    ));
    let Rates { newest: newest_rates, newest_reference, deepest: deepest_rates, deepest_reference } =
        &point.rates;
    let flatness = Spread::ratio(&deepest.ours, &newest.ours);
    section.goal(Goal::new(
        "Deepest page ÷ newest page, both by cursor: p50",
        Target::AtMost(1.05),
        flatness,
    ));
    let control = Spread::of([deepest.offset / newest.offset]);
    section.goal(Goal::new("The same by OFFSET (control)", Target::MustExceed(1.05), control));
    let blocks = Spread::of([deepest.buffers[0] / newest.buffers[0]]);
    section.goal(Goal::new("Buffers for the deepest page ÷ for the newest", Target::AtMost(1.05), blocks));
    section.goal(Goal::new(
        "Newest page: rate by 64 connections ÷ pgbench",
        Target::AtLeast(5.0),
        Spread::ratio(newest_rates, newest_reference),
    ));
    section.goal(Goal::new(
        "Deepest page: rate by 64 connections ÷ pgbench",
        Target::AtLeast(0.7),
        Spread::ratio(deepest_rates, deepest_reference),
    ));
    let mut table = Table::new(&[
        "Messages that are newer",
        "Parlance p50 ms",
        "p99 ms",
        "pgbench p50 ms",
        "OFFSET ms",
        "Buffers by cursor",
        "by OFFSET",
    ]);
    for depth in &point.depths {
        let median = |values: &[f64]| number(Spread::of(values.iter().copied()).median);
        table.row(vec![
            number(depth.depth as f64),
            median(&depth.ours),
            median(&depth.ours_p99),
            median(&depth.keyset),
            number(depth.offset),
            number(depth.buffers[0]),
            number(depth.buffers[1]),
        ]);
    }
    section.table(table);
    section.plot("performance-history.svg", plot(point));
    section
}

fn plot(point: &Point) -> String {
    let base = point.depths.first().map_or(1.0, |depth| depth.offset);
    let line = |name: &str, figure: &dyn Fn(&Depth) -> f64| Line {
        name: name.to_owned(),
        points: point
            .depths
            .iter()
            .map(|depth| (depth.depth.max(100) as f64, figure(depth) / base))
            .collect(),
    };
    let lines = [
        line("Parlance, by HTTP", &|depth| Spread::of(depth.ours.iter().copied()).median),
        line("pgbench, keyset", &|depth| Spread::of(depth.keyset.iter().copied()).median),
        line("pgbench, OFFSET", &|depth| depth.offset),
    ];
    plot::log_log("Time for a page (newest by OFFSET = 1)", "messages that are newer", &lines)
}
