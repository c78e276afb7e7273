//! (a) A durable message: from POST to 201, which means committed.

use std::thread;
use std::time::Duration;

use crate::http::Clients;
use crate::ledger::{Ledger, PEER_MESSAGES};
use crate::pace::{Amount, Pace};
use crate::plot;
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::{Run, Version};
use crate::server::{Server, sends};
use crate::stats::{Spread, ratios};
use crate::{Outcome, reference};

/// Bytes of text in a message.
const TEXT_LENGTH: usize = 120;
/// Connections and rooms of each load.
const LOADS: [(usize, usize); 7] =
    [(64, 1), (64, 100), (64, 1000), (512, 1), (512, 100), (512, 1000), (1, 1)];
/// How often the lone message and its reference take turns in a round. Both are short, so disturbances weigh most here.
const LONE_TURNS: u32 = 3;

/// The result of one run of one load.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    rate: f64,
    p50: f64,
    p99: f64,
    cpu_micros: f64,
    batch: f64,
    flushes: Option<f64>,
}

/// All runs of one load.
#[derive(Debug, Default)]
struct Samples(Vec<Sample>);

impl Samples {
    fn all(&self, figure: impl Fn(&Sample) -> f64) -> Vec<f64> {
        self.0.iter().map(figure).collect()
    }

    fn median(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        Spread::of(self.all(figure)).median
    }

    fn rates(&self) -> Vec<f64> {
        self.all(|sample| sample.rate)
    }
}

/// The runs of a version of Parlance, by load.
type Loads = [Samples; LOADS.len()];

/// Everything that is compared.
#[derive(Debug, Default)]
struct Results {
    now: Loads,
    before: Option<Loads>,
    single: [Samples; 2],
    batch: [Samples; 2],
    lone: Samples,
    peer: [Samples; 2],
}

const ONE_ROOM: usize = 0;
const MANY_ROOMS: usize = 1;
const LONE: usize = LOADS.len() - 1;

/// A version of Parlance under measurement.
struct Subject<'a> {
    version: &'a Version,
    server: Server,
    rooms: Vec<String>,
}

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    let subject = |version| -> Outcome<Subject> {
        let rooms = run.create_rooms(version, "post", 1000)?;
        Ok(Subject { version, server: Server::parlance(run, version)?, rooms })
    };
    let now = subject(&run.now)?;
    let before = run.before.as_ref().map(subject).transpose()?;
    let peer = run.peer.as_deref().map(|installed| Server::peer(run, installed)).transpose()?;
    run.say("(a) looking for the best number of clients for pgbench");
    let single = [reference::single_row(1, TEXT_LENGTH), reference::single_row(100, TEXT_LENGTH)];
    let short = run.window * 2 / 3;
    let mut clients = [0; 2];
    for (script, clients) in single.iter().zip(&mut clients) {
        *clients = script.best_of(&run.cluster, &[1, 2, 4, 8, 16, 32, 64], short)?;
    }
    let mut writers = None;

    let mut results = Results { before: before.as_ref().map(|_| Loads::default()), ..Results::default() };
    for round in 1..=run.rounds {
        for (number, (connections, count)) in LOADS.into_iter().enumerate().take(LONE) {
            run.say(&format!("(a) round {round}: {connections} connections, {count} rooms"));
            for (subject, loads) in subjects(&now, before.as_ref(), &mut results) {
                loads[number].0.push(load(run, subject, connections, count, round == 1)?);
            }
        }
        run.say(&format!("(a) round {round}: references"));
        for place in [ONE_ROOM, MANY_ROOMS] {
            let alone = single[place].run(&run.cluster, clients[place], run.window)?;
            results.single[place].0.push(reference::sample(&alone, 1.0).into());
            let batch = results.now[place].median(|sample| sample.batch).round().max(1.0);
            let script = |writers| reference::batch(batch as usize, [1, 100][place], writers, TEXT_LENGTH);
            let together = match (place, writers) {
                (ONE_ROOM, _) => script(1).run(&run.cluster, 1, run.window)?,
                (_, Some(writers)) => script(writers).run(&run.cluster, writers, run.window)?,
                (_, None) => {
                    let best = reference::best_writers(run, script, short)?;
                    writers = Some(best);
                    script(best).run(&run.cluster, best, run.window)?
                }
            };
            results.batch[place].0.push(reference::sample(&together, batch).into());
        }
        for turn in 1..=LONE_TURNS {
            run.say(&format!("(a) round {round}: a lone message, {turn} of {LONE_TURNS}"));
            // Each begins with nothing left to write.
            for (subject, loads) in subjects(&now, before.as_ref(), &mut results) {
                run.cluster.query("CHECKPOINT")?;
                loads[LONE].0.push(load(run, subject, 1, 1, round == 1 && turn == 1)?);
            }
            run.cluster.query("CHECKPOINT")?;
            let lone = single[ONE_ROOM].time(&run.cluster, &run.scratch, run.window)?;
            results.lone.0.push(Sample { p50: lone.median_millis, ..reference::sample(&lone, 1.0).into() });
        }
        for (peer, (place, count)) in
            peer.iter().flat_map(|peer| [(peer, (ONE_ROOM, 1)), (peer, (MANY_ROOMS, 100))])
        {
            results.peer[place].0.push(load_peer(run, peer, count)?);
        }
    }
    Ok(section(&results, clients, writers.unwrap_or(1)))
}

/// The versions and where their runs go.
fn subjects<'a, 'b>(
    now: &'b Subject<'a>,
    before: Option<&'b Subject<'a>>,
    results: &'b mut Results,
) -> impl Iterator<Item = (&'b Subject<'a>, &'b mut Loads)> {
    std::iter::once((now, &mut results.now)).chain(before.zip(results.before.as_mut()))
}

impl From<reference::Sample> for Sample {
    fn from(sample: reference::Sample) -> Self {
        Self { rate: sample.rate, cpu_micros: sample.cpu_micros, batch: sample.batch, ..Self::default() }
    }
}

/// One run of one load.
fn load(
    run: &Run,
    subject: &Subject,
    connections: usize,
    rooms: usize,
    counts_flushes: bool,
) -> Outcome<Sample> {
    let server = &subject.server;
    let mut clients = Clients::connect(server.addr, connections)?;
    let mut write = sends(&subject.rooms[..rooms], TEXT_LENGTH);
    let flushes_before = if counts_flushes { settled_flushes(run, subject)? } else { 0.0 };
    let warm = clients.run(Pace::Closed, Amount::Lasting(run.warm_up), &mut write)?;
    let ledger = Ledger::open(run, subject.version)?;
    let cpu_before = server.cpu_time() + run.cluster.cpu_time();
    let answers = clients.run(Pace::Closed, Amount::Lasting(run.window), &mut write)?;
    let cpu = server.cpu_time() + run.cluster.cpu_time() - cpu_before;
    let stored = ledger.close(answers.count())?;
    let flushes = if counts_flushes {
        Some((settled_flushes(run, subject)? - flushes_before) / (answers.count() + warm.count()) as f64)
    } else {
        None
    };
    Ok(Sample {
        rate: answers.rate(),
        p50: answers.latencies.millis(0.5),
        p99: answers.latencies.millis(0.99),
        cpu_micros: cpu.as_secs_f64() * 1e6 / answers.count() as f64,
        batch: stored.messages / stored.commits,
        flushes,
    })
}

/// The complete count of the database's flushes: see [`crate::postgres::Cluster::flushes`]. The messages that make the
/// writers' connections report go to rooms of their own, enough of them to reach each writer.
fn settled_flushes(run: &Run, subject: &Subject) -> Outcome<f64> {
    thread::sleep(Duration::from_millis(1_100));
    let rooms = run.create_rooms(subject.version, "settle", 16)?;
    let mut clients = Clients::connect(subject.server.addr, 1)?;
    clients.run(Pace::Closed, Amount::Count(16), sends(&rooms, TEXT_LENGTH))?;
    run.cluster.flushes()
}

fn load_peer(run: &Run, peer: &Server, count: usize) -> Outcome<Sample> {
    let rooms = reference::room_ids(count);
    let mut clients = Clients::connect(peer.addr, 64)?;
    let mut write = sends(&rooms, TEXT_LENGTH);
    clients.run(Pace::Closed, Amount::Lasting(run.warm_up), &mut write)?;
    let [before] = run.cluster.numbers(PEER_MESSAGES)?;
    let cpu_before = peer.cpu_time() + run.cluster.cpu_time();
    let answers = clients.run(Pace::Closed, Amount::Lasting(run.window), &mut write)?;
    let cpu = peer.cpu_time() + run.cluster.cpu_time() - cpu_before;
    let [after] = run.cluster.numbers(PEER_MESSAGES)?;
    if after - before < answers.count() as f64 {
        return Err(crate::fail("the peer acknowledged messages that it did not store"));
    }
    Ok(Sample {
        rate: answers.rate(),
        p50: answers.latencies.millis(0.5),
        p99: answers.latencies.millis(0.99),
        cpu_micros: cpu.as_secs_f64() * 1e6 / answers.count() as f64,
        batch: 1.0,
        flushes: None,
    })
}

fn section(results: &Results, clients: [usize; 2], writers: usize) -> Section {
    let mut section = Section::new("(a) Durable message");
    section.note(format!(
        "`POST …/messages`, {TEXT_LENGTH} bytes of text, one request at a time on each connection. \
         P1 is pgbench with one row per statement, at its best number of clients ({} in one room, {} over 100); \
         P2 is pgbench with Parlance's own statement and batch size ({} clients over 100 rooms). \
         All use tables of the same shape, on the same database server, in turn. \
         After each run, every acknowledged message was found in the database, and each room's numbers had no gap.",
        clients[ONE_ROOM], clients[MANY_ROOMS], writers
    ));
    let mut add = |what: &str, target, figures: &dyn Fn(&Loads) -> Vec<f64>| {
        let before = results.before.as_ref().map(figures);
        section.goal(Goal::compared(what, target, figures(&results.now), before));
    };
    let against = |load: usize, other: &Samples| {
        let other = other.rates();
        move |loads: &Loads| ratios(&loads[load].rates(), &other)
    };
    add(
        "64 connections, 100 rooms: rate ÷ P1",
        Target::AtLeast(2.0),
        &against(MANY_ROOMS, &results.single[MANY_ROOMS]),
    );
    add(
        "64 connections, 100 rooms: rate ÷ P2",
        Target::AtLeast(0.5),
        &against(MANY_ROOMS, &results.batch[MANY_ROOMS]),
    );
    add(
        "64 connections, one hot room: rate ÷ P1 of one room",
        Target::AtLeast(4.0),
        &against(ONE_ROOM, &results.single[ONE_ROOM]),
    );
    add("A lone message: p50 ÷ pgbench with one client", Target::AtMost(1.25), &|loads| {
        ratios(&loads[LONE].all(|sample| sample.p50), &results.lone.all(|sample| sample.p50))
    });
    add("Flushes a message, 64 connections, 100 rooms", Target::AtMost(0.05), &|loads| {
        loads[MANY_ROOMS].0.iter().filter_map(|sample| sample.flushes).collect()
    });
    if !results.peer[MANY_ROOMS].0.is_empty() {
        add(
            "64 connections, 100 rooms: rate ÷ socket.io + express + pg",
            Target::AtLeast(4.0),
            &against(MANY_ROOMS, &results.peer[MANY_ROOMS]),
        );
    }
    section.table(figures(results));
    section.plot("performance-post.svg", bars(results));
    section
}

fn figures(results: &Results) -> Table {
    let mut table = Table::new(&[
        "",
        "Connections",
        "Rooms",
        "Messages/s",
        "p50 ms",
        "p99 ms",
        "CPU µs a message",
        "Messages a commit",
        "Flushes a message",
    ]);
    let mut add = |name: &str, connections: &str, rooms: usize, samples: &Samples| {
        if samples.0.is_empty() {
            return;
        }
        let figure = |figure: fn(&Sample) -> f64| match samples.median(figure) {
            0.0 => "–".to_owned(),
            median => number(median),
        };
        let flushes = samples.0.iter().find_map(|sample| sample.flushes);
        table.row(vec![
            name.to_owned(),
            connections.to_owned(),
            rooms.to_string(),
            figure(|sample| sample.rate),
            figure(|sample| sample.p50),
            figure(|sample| sample.p99),
            figure(|sample| sample.cpu_micros),
            figure(|sample| sample.batch),
            flushes.map_or("–".to_owned(), number),
        ]);
    };
    for (number, (connections, rooms)) in LOADS.into_iter().enumerate() {
        add("Parlance", &connections.to_string(), rooms, &results.now[number]);
        if let Some(before) = &results.before {
            add("Parlance before", &connections.to_string(), rooms, &before[number]);
        }
    }
    for (place, rooms) in [(ONE_ROOM, 1), (MANY_ROOMS, 100)] {
        add("P1: pgbench, one row", "best", rooms, &results.single[place]);
        add("P2: pgbench, batch", "best", rooms, &results.batch[place]);
        add("socket.io + express + pg", "64", rooms, &results.peer[place]);
    }
    add("pgbench, one row", "1", 1, &results.lone);
    table
}

fn bars(results: &Results) -> String {
    let base = results.single[MANY_ROOMS].median(|sample| sample.rate);
    let bar = |name: &str, samples: &Samples| (name.to_owned(), samples.median(|sample| sample.rate) / base);
    let bars = [
        bar("Parlance, 100 rooms", &results.now[1]),
        bar("Parlance, one room", &results.now[0]),
        bar("P2: pgbench, batch, 100 rooms", &results.batch[MANY_ROOMS]),
        bar("P2: pgbench, batch, one room", &results.batch[ONE_ROOM]),
        bar("P1: pgbench, one row, 100 rooms", &results.single[MANY_ROOMS]),
        bar("P1: pgbench, one row, one room", &results.single[ONE_ROOM]),
        bar("socket.io + pg, 100 rooms", &results.peer[MANY_ROOMS]),
        bar("socket.io + pg, one room", &results.peer[ONE_ROOM]),
    ];
    let bars: Vec<_> = bars.into_iter().filter(|(_, value)| *value > 0.0).collect();
    plot::bars("Durable messages a second, 64 connections (P1 over 100 rooms = 1)", &bars)
}
