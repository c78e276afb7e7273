//! (h) Coming back: thousands of sockets are cut at once and resume all their rooms.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::dialect::{Dialect, Join};
use crate::opening;
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::{Run, token};
use crate::server::Server;
use crate::stats::{Histogram, Spread};
use crate::{Outcome, fail};

/// Sockets that are cut.
const SOCKETS: usize = 5_000;
/// The same in a quick run.
const FEW_SOCKETS: usize = 500;
/// Rooms that each of them follows.
const ROOMS_EACH: usize = 20;
/// Rooms that there are.
const ROOMS: usize = 100;
/// Clients come back within this time after a restart, each at a random moment.
const JITTER: Duration = Duration::from_secs(10);
/// The most seconds until the last socket is back.
const MOST_SECONDS: f64 = 20.0;
/// Threads that open sockets.
const OPENERS: usize = 64;
/// An idle backend of Postgres reports its statistics at most this late.
const STATISTICS_DELAY: Duration = Duration::from_secs(11);
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The figures of one return.
struct Results {
    name: &'static str,
    seconds: f64,
    late: Histogram,
    statements: f64,
    cpu: Duration,
    busiest: f64,
}

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    let sockets = if run.rounds == 1 { FEW_SOCKETS } else { SOCKETS };
    let rooms = run.create_rooms(&run.now, "returning", ROOMS)?;
    let mut section = Section::new("(h) Coming back");
    section.note(format!(
        "{} sockets of as many people come back to {ROOMS_EACH} of {ROOMS} rooms each, at random moments within {} s, and \
         resume by `since`, having missed nothing. A socket is back when all its rooms are confirmed. The server is new, so \
         it knows no session. CPU time is that of the server and the database.",
        number(sockets as f64),
        JITTER.as_secs()
    ));
    let mut table =
        Table::new(&["Rooms by", "Last one after", "p99 of one", "Transactions", "CPU", "Busy connections"]);
    for (name, together) in [("a command each", false), ("one command", true)] {
        run.say(&format!("(h) {sockets} sockets come back, {name}"));
        let results = come_back(run, name, sockets, &rooms, together)?;
        table.row(vec![
            results.name.to_owned(),
            format!("{:.1} s", results.seconds),
            format!("{} ms", number(results.late.millis(0.99))),
            number(results.statements),
            format!("{:.1} s", results.cpu.as_secs_f64()),
            number(results.busiest),
        ]);
        if together {
            let last = Spread::of([results.seconds]);
            let what = format!("{} sockets cut at once, until the last one is back", number(sockets as f64));
            section.goal(Goal::new(what, Target::AtMost(MOST_SECONDS), last).with_unit(" s"));
        }
    }
    section.table(table);
    Ok(section)
}

fn come_back(
    run: &Run,
    name: &'static str,
    sockets: usize,
    rooms: &[String],
    together: bool,
) -> Outcome<Results> {
    let server = Server::parlance(run, &run.now)?;
    let statements = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
    thread::sleep(STATISTICS_DELAY);
    let [before] = run.cluster.numbers(statements)?;
    let cpu_before = server.cpu_time() + run.cluster.cpu_time();
    // Evenly spread, in an order that is not that of the rooms.
    let moment = |number: usize| JITTER.mul_f64((number * 7_919 % sockets) as f64 / sockets as f64);
    let mut order: Vec<usize> = (0..sockets).collect();
    order.sort_by_key(|number| moment(*number));
    let join = |number: usize| {
        let first = number % (rooms.len() - ROOMS_EACH);
        let rooms = rooms[first..first + ROOMS_EACH].to_vec();
        Join { token: Some(token(number)), rooms, since: Some(0), together }
    };
    let (opened, late) = (Mutex::new(Vec::with_capacity(sockets)), Mutex::new(Histogram::default()));
    let poisoned = || fail("an opener panicked");
    let start = Instant::now();
    let (seconds, busiest) = thread::scope(|scope| -> Outcome<(f64, f64)> {
        let openers: Vec<_> = (0..OPENERS)
            .map(|opener| {
                let (order, join, moment, opened, late) = (&order, &join, &moment, &opened, &late);
                let addr = server.addr;
                scope.spawn(move || -> Outcome<()> {
                    for &number in order.iter().skip(opener).step_by(OPENERS) {
                        let due = start + moment(number);
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                        let sockets = opening::open(addr, Dialect::Parlance, number..number + 1, join)?;
                        late.lock().map_err(|_| fail("an opener panicked"))?.record(due.elapsed());
                        opened.lock().map_err(|_| fail("an opener panicked"))?.extend(sockets);
                    }
                    Ok(())
                })
            })
            .collect();
        let busy = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() \
                    AND backend_type = 'client backend'";
        let mut most = 0.0_f64;
        while !openers.iter().all(thread::ScopedJoinHandle::is_finished) {
            let [now] = run.cluster.numbers(busy)?;
            most = most.max(now);
            thread::sleep(LOOK_INTERVAL);
        }
        for opener in openers {
            opener.join().map_err(|_| poisoned())??;
        }
        Ok((start.elapsed().as_secs_f64(), most))
    })?;
    let cpu = server.cpu_time() + run.cluster.cpu_time() - cpu_before;
    thread::sleep(STATISTICS_DELAY);
    let [after] = run.cluster.numbers(statements)?;
    let late = late.into_inner().map_err(|_| poisoned())?;
    Ok(Results { name, seconds, late, statements: after - before, cpu, busiest })
}
