//! (e) Start and size: from exec to the first answer, memory at rest, size of the binary.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::http::get;
use crate::process::{Program, memory};
use crate::report::{Goal, Section, Table, Target, number};
use crate::run::Run;
use crate::stats::Spread;
use crate::{Outcome, fail};

/// How often each start is measured.
const TIMES: usize = 9;
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a server needs to come to rest.
const REST: Duration = Duration::from_secs(2);
const MIB: f64 = 1024.0;

/// Runs the suite.
pub fn measure(run: &Run) -> Outcome<Section> {
    run.say("(e) start");
    let database = ["--database-url".to_owned(), run.cluster.url(run.now.database)];
    let alive = starts(run, &database, "/livez")?;
    let rooms = starts(run, &database, "/api/v1/rooms")?;
    let (_, mut server) = start(run, &database, "/livez")?;
    thread::sleep(REST);
    let alone = memory(server.pid())?;
    server.stop("-TERM");

    let data_dir = run.scratch.join("start");
    let private = ["--data-dir".to_owned(), data_dir.display().to_string()];
    let (first, mut server) = start(run, &private, "/livez")?;
    server.stop("-TERM");
    let again = starts(run, &private, "/livez")?;
    let (_, mut server) = start(run, &private, "/livez")?;
    thread::sleep(REST);
    let together = memory(server.pid())?;
    server.stop("-TERM");
    fs::remove_dir_all(&data_dir)?;
    let binary = fs::metadata(&run.now.program)?.len() as f64 / MIB / MIB;

    let mut section = Section::new("(e) Start and size");
    section.note(format!(
        "Each start was measured {TIMES} times, with a request every 0.2 ms until the first answer."
    ));
    let goal =
        |what: &str, most: f64, reached, unit| Goal::new(what, Target::AtMost(most), reached).with_unit(unit);
    section.goal(goal("exec to the first 200 of `/livez`, database up", 30.0, Spread::of(alive), " ms"));
    section.goal(goal(
        "exec to the first 200 of `/api/v1/rooms`, database up",
        30.0,
        Spread::of(rooms),
        " ms",
    ));
    section.goal(goal("Memory at rest (RSS)", 15.0, Spread::of([alone.rss / MIB]), " MiB"));
    section.goal(goal("Binary, client included", 10.0, Spread::of([binary]), " MiB"));
    let mut table = Table::new(&["With the private Postgres", ""]);
    let again = Spread::of(again);
    table.row(vec!["exec to the first 200".to_owned(), format!("{} ms", number(again.median))]);
    table.row(vec!["the same on an empty folder".to_owned(), format!("{} ms", number(first))]);
    table.row(vec!["memory at rest (PSS of all)".to_owned(), format!("{} MiB", number(together.pss / MIB))]);
    section.table(table);
    Ok(section)
}

fn starts(run: &Run, arguments: &[String], path: &str) -> Outcome<Vec<f64>> {
    (0..TIMES).map(|_| start(run, arguments, path).map(|(millis, _)| millis)).collect()
}

/// Starts a server and returns the milliseconds until its first answer.
fn start(run: &Run, arguments: &[String], path: &str) -> Outcome<(f64, Program)> {
    let addr = free_address()?;
    let port = addr.port().to_string();
    let mut command = Command::new(&run.now.program);
    command.args(["--port", &port, "--log", "warn"]).args(arguments);
    let began = Instant::now();
    let server = Program::start(&run.scratch, "start", &mut command)?;
    while !matches!(get(addr, path), Ok((200, _))) {
        if began.elapsed() > PATIENCE {
            return Err(fail("Parlance does not start"));
        }
        thread::sleep(Duration::from_micros(200));
    }
    Ok((began.elapsed().as_secs_f64() * 1e3, server))
}

/// An address that nothing listens on. Nothing else is likely to take it in the next moment.
fn free_address() -> Outcome<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
