//! Crashes: of Postgres, of the server, and of both. Nothing that was committed is lost and no process is left behind.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use api::postgres::{Cluster, ClusterError, Options};
use diesel::prelude::*;
use diesel::sql_query;
use support::temp_dir::TempDir;
use support::wait::until;

use crate::processes::{self, Process, kill, working_in};
use crate::{connect, count_notes, execute, postmaster, start};

/// Waits until Postgres runs with another process id than `previous`.
fn until_restarted(cluster: &Cluster, dir: &TempDir, previous: u32) -> PgConnection {
    until("Postgres runs again", || {
        PgConnection::establish(&cluster.database_url()).ok().filter(|_| postmaster(dir) != previous)
    })
}

/// Keeps a backend busy with a loop in which it never looks whether its postmaster is alive.
fn keep_a_backend_busy(cluster: &Cluster) {
    let mut conn = connect(cluster);
    let mut observer = connect(cluster);
    thread::spawn(move || sql_query("DO $$ BEGIN LOOP END LOOP; END $$").execute(&mut conn));
    until("the loop runs", || {
        let busy = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO %'";
        sql_query(busy).execute(&mut observer).ok().filter(|rows| *rows == 1)
    });
}

/// Waits until no process of the cluster is left.
fn until_nothing_is_left(dir: &TempDir) {
    until("no process is left", || working_in(dir.path()).is_empty().then_some(()));
}

#[test]
fn a_killed_postmaster_comes_back_by_itself_with_what_was_committed() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    let mut conn = connect(&cluster);
    execute(&mut conn, "CREATE TABLE notes AS SELECT generate_series(1, 42)");
    let first = postmaster(&dir);
    kill("KILL", first);
    let mut conn = until_restarted(&cluster, &dir, first);
    assert_eq!(count_notes(&mut conn), Ok(42));
    // And not only once.
    let second = postmaster(&dir);
    kill("KILL", second);
    until_restarted(&cluster, &dir, second);
}

#[test]
fn a_cluster_that_is_dropped_leaves_no_process_behind_even_with_clients_on_it() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    let mut conn = connect(&cluster);
    assert!(!working_in(dir.path()).is_empty());
    drop(cluster);
    assert_eq!(working_in(dir.path()), Vec::new());
    assert!(sql_query("SELECT 1").execute(&mut conn).is_err());
}

#[test]
fn stopping_right_after_a_crash_leaves_no_process_behind() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    kill("KILL", postmaster(&dir));
    cluster.stop();
    until_nothing_is_left(&dir);
}

#[test]
fn a_busy_query_of_a_killed_postmaster_does_not_prevent_the_restart() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    keep_a_backend_busy(&cluster);
    let first = postmaster(&dir);
    kill("KILL", first);
    until_restarted(&cluster, &dir, first);
}

#[test]
fn a_busy_query_of_a_killed_postmaster_does_not_outlive_a_server_that_stops() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    keep_a_backend_busy(&cluster);
    kill("KILL", postmaster(&dir));
    cluster.stop();
    assert_eq!(working_in(dir.path()), Vec::new());
}

#[test]
fn a_postmaster_that_does_not_react_is_killed_when_the_server_stops() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    kill("STOP", postmaster(&dir));
    let stop = thread::spawn(|| cluster.stop());
    until("the server stops", || stop.is_finished().then_some(()));
    assert_eq!(working_in(dir.path()), Vec::new());
    let cluster = start(&dir);
    execute(&mut connect(&cluster), "SELECT 1");
}

/// The children of this process that have ended and were not waited for.
fn zombies() -> Vec<Process> {
    let this = std::process::id();
    processes::all().into_iter().filter(|process| process.parent == this && process.state == "Z").collect()
}

#[test]
fn a_program_that_cannot_be_run_leaves_no_process_behind() {
    let dir = TempDir::new();
    let bin_dir = dir.path().join("bin");
    fs::create_dir(&bin_dir).expect("writable");
    let cluster = start(&dir);
    let program = fs::read_link(format!("/proc/{}/exe", postmaster(&dir))).expect("it runs");
    std::os::unix::fs::symlink(program.with_file_name("initdb"), bin_dir.join("initdb")).expect("writable");
    fs::write(bin_dir.join("postgres"), "not a program").expect("writable");
    cluster.stop();
    let other = dir.path().join("other");
    let refused = Cluster::start(&Options { data_dir: other, bin_dir: Some(bin_dir) });
    assert!(matches!(refused, Err(ClusterError::Program { .. })), "{refused:?}");
    // Other tests' children are zombies for moments only.
    until("every child was waited for", || zombies().is_empty().then_some(()));
}

/// The file that the server of `spawn_server` creates when it has started.
const STARTED: &str = "started";

/// Runs this test binary again as a server that can be killed: see `run_until_killed`.
fn spawn_server(dir: &TempDir) -> Child {
    let this = std::env::current_exe().expect("a test binary");
    Command::new(this)
        .args(["--exact", "crashes::run_until_killed", "--nocapture"])
        .env("PARLANCE_TEST_RUN_IN", dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// Not a test of its own: the process that `spawn_server` starts. Without the variable it has nothing to do.
#[test]
fn run_until_killed() {
    let Some(dir) = std::env::var_os("PARLANCE_TEST_RUN_IN") else { return };
    let options = Options { data_dir: Path::new(&dir).join("data"), bin_dir: None };
    let _cluster = Cluster::start(&options).expect("Postgres starts");
    fs::write(Path::new(&dir).join(STARTED), "").expect("writable");
    // Ends when the pipe does, if nobody kills it before.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

/// Waits until the server of `spawn_server` has started. The state that Postgres writes into its pid file says less: the
/// server may still be about to connect.
fn until_ready(dir: &TempDir) {
    until("the server has started", || dir.path().join(STARTED).exists().then_some(()));
}

fn kill_server(server: &mut Child) {
    server.kill().expect("it runs");
    server.wait().expect("it was killed");
}

#[test]
fn a_server_that_is_killed_takes_postgres_with_it_and_the_next_finds_the_data() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    let url = cluster.database_url();
    execute(&mut connect(&cluster), "CREATE TABLE notes AS SELECT generate_series(1, 42)");
    cluster.stop();

    let mut server = spawn_server(&dir);
    until("the other process's Postgres accepts connections", || PgConnection::establish(&url).ok());
    kill_server(&mut server);
    // Immediately, while the watchdog is still stopping Postgres.
    let cluster = start(&dir);
    assert_eq!(count_notes(&mut connect(&cluster)), Ok(42));
    cluster.stop();
    assert_eq!(working_in(dir.path()), Vec::new());
}

#[test]
fn postgres_does_not_linger_when_the_server_is_killed() {
    let dir = TempDir::new();
    let mut server = spawn_server(&dir);
    until_ready(&dir);
    kill_server(&mut server);
    until_nothing_is_left(&dir);
}

/// A service manager may signal every process of the service, and a terminal every process of its session.
#[test]
fn postgres_does_not_linger_although_the_watchdog_was_asked_to_end() {
    let dir = TempDir::new();
    let mut server = spawn_server(&dir);
    until_ready(&dir);
    let is_watchdog = |process: &Process| process.parent == server.id() && process.name == "sh";
    let watchdog = processes::all().into_iter().find(is_watchdog).expect("a shell watches over Postgres");
    for signal in ["TERM", "INT", "HUP"] {
        kill(signal, watchdog.pid);
    }
    kill_server(&mut server);
    until_nothing_is_left(&dir);
}

#[test]
fn a_postmaster_that_does_not_react_does_not_linger_when_the_server_is_killed() {
    let dir = TempDir::new();
    let mut server = spawn_server(&dir);
    until_ready(&dir);
    kill("STOP", postmaster(&dir));
    kill_server(&mut server);
    until_nothing_is_left(&dir);
}

#[test]
fn a_server_that_is_killed_while_it_stops_leaves_no_process_behind() {
    let dir = TempDir::new();
    let mut server = spawn_server(&dir);
    until_ready(&dir);
    let postmaster = postmaster(&dir);
    kill("STOP", postmaster);
    // The end of its input stops the server, which then waits for Postgres.
    drop(server.stdin.take());
    until("Postgres was told to stop", || {
        let status = fs::read_to_string(format!("/proc/{postmaster}/status")).ok()?;
        let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"))?.trim().to_owned();
        u64::from_str_radix(&pending, 16).ok().filter(|signals| signals & 1 << (2 - 1) != 0)
    });
    kill_server(&mut server);
    until_nothing_is_left(&dir);
}

#[test]
fn a_creation_that_is_killed_half_way_is_done_again() {
    let dir = TempDir::new();
    let mut server = spawn_server(&dir);
    let home = dir.path().join("data/postgres");
    until("initdb is at work", || {
        fs::read_dir(&home)
            .ok()?
            .flatten()
            .find(|entry| entry.path().join("base").exists() && entry.file_name() != "cluster")
    });
    kill_server(&mut server);
    assert!(!home.join("cluster").exists(), "it was to be interrupted");
    let cluster = start(&dir);
    execute(&mut connect(&cluster), "SELECT 1");
    let left: Vec<_> =
        fs::read_dir(&home).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("creating-")), "{left:?}");
}
