//! The private Postgres: it starts, keeps what it was given, survives being killed, and leaves nothing behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use api::postgres::{Cluster, ClusterError, Options};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use support::temp_dir::TempDir;
use support::wait::until;

fn options(dir: &TempDir) -> Options {
    Options { data_dir: dir.path().join("data"), bin_dir: None }
}

fn start(dir: &TempDir) -> Cluster {
    Cluster::start(&options(dir)).expect("Postgres starts")
}

fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::establish(&cluster.database_url()).expect("it accepts connections")
}

fn execute(conn: &mut PgConnection, sql: &str) {
    sql_query(sql).execute(conn).expect(sql);
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn count_notes(conn: &mut PgConnection) -> QueryResult<i64> {
    sql_query("SELECT count(*) AS count FROM notes").get_result::<Count>(conn).map(|row| row.count)
}

/// The process id that Postgres wrote down.
fn postmaster(dir: &TempDir) -> u32 {
    let pid_file = dir.path().join("data/postgres/cluster/postmaster.pid");
    fs::read_to_string(pid_file).expect("it runs").lines().next().expect("a pid").parse().expect("a number")
}

fn kill(signal: &str, pid: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status().expect("a shell");
    assert!(status.success(), "kill -{signal} {pid}");
}

/// Everything that still works in a folder below `dir`: postmasters and their backends.
fn processes_in(dir: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").expect("Linux").flatten().map(|entry| entry.path());
    processes.filter(|path| fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir))).collect()
}

fn sentence(result: Result<Cluster, ClusterError>) -> String {
    let message = result.expect_err("it must be refused").to_string();
    assert!(message.ends_with('.') && !message.contains('\n'), "not a sentence: {message}");
    message
}

#[test]
fn a_fresh_directory_becomes_a_durable_utf8_database() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    let mut conn = connect(&cluster);
    for (setting, value) in [
        ("server_encoding", "UTF8"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
    ] {
        let question = format!("SELECT count(*) AS count WHERE current_setting('{setting}') = '{value}'");
        let row: Count = sql_query(question).get_result(&mut conn).expect(setting);
        assert_eq!(row.count, 1, "{setting} is not {value:?}");
    }
}

#[test]
fn a_second_start_is_quick_and_finds_what_the_first_stored() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    let mut conn = connect(&cluster);
    execute(&mut conn, "CREATE TABLE notes AS SELECT generate_series(1, 42)");
    drop(conn);
    cluster.stop();
    let started = Instant::now();
    let cluster = start(&dir);
    assert!(started.elapsed() < Duration::from_secs(2), "took {:?}", started.elapsed());
    assert_eq!(count_notes(&mut connect(&cluster)), Ok(42));
}

#[test]
fn a_killed_postmaster_comes_back_by_itself_with_what_was_committed() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    let mut conn = connect(&cluster);
    execute(&mut conn, "CREATE TABLE notes AS SELECT generate_series(1, 42)");
    let first = postmaster(&dir);
    kill("KILL", first);
    let mut conn = until("Postgres runs again", || {
        PgConnection::establish(&cluster.database_url()).ok().filter(|_| postmaster(&dir) != first)
    });
    assert_eq!(count_notes(&mut conn), Ok(42));
    // And not only once.
    let second = postmaster(&dir);
    kill("KILL", second);
    until("Postgres runs a third time", || {
        PgConnection::establish(&cluster.database_url()).ok().filter(|_| postmaster(&dir) != second)
    });
}

#[test]
fn a_cluster_that_is_dropped_leaves_no_process_behind_even_with_clients_on_it() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    let mut conn = connect(&cluster);
    assert!(!processes_in(dir.path()).is_empty());
    drop(cluster);
    assert_eq!(processes_in(dir.path()), Vec::<PathBuf>::new());
    assert!(sql_query("SELECT 1").execute(&mut conn).is_err());
}

#[test]
fn stopping_right_after_a_crash_leaves_no_process_behind() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    kill("KILL", postmaster(&dir));
    cluster.stop();
    until("all are gone", || processes_in(dir.path()).is_empty().then_some(()));
}

#[test]
fn a_directory_serves_one_server_at_a_time() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    let message = sentence(Cluster::start(&options(&dir)));
    assert!(message.contains("Another Parlance") && message.contains("--data-dir"), "{message}");
    cluster.stop();
    start(&dir).stop();
}

#[test]
fn what_an_interrupted_creation_left_is_removed_and_created_anew() {
    let dir = TempDir::new();
    let half = dir.path().join("data/postgres/creating-1");
    fs::create_dir_all(&half).expect("writable");
    fs::set_permissions(dir.path().join("data/postgres"), fs::Permissions::from_mode(0o700)).expect("ours");
    fs::write(half.join("PG_VERSION"), "15\n").expect("writable");
    let cluster = start(&dir);
    assert!(!half.exists());
    execute(&mut connect(&cluster), "SELECT 1");
}

/// Runs this test binary again as a server that can be killed: see `run_until_killed`.
fn spawn_server(dir: &TempDir) -> std::process::Child {
    let this = std::env::current_exe().expect("a test binary");
    Command::new(this)
        .args(["--exact", "run_until_killed", "--nocapture"])
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
    // Ends when the pipe does, if nobody kills it before.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
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
    server.kill().expect("it runs");
    server.wait().expect("it was killed");
    // At once, while the guard is still at it.
    let cluster = start(&dir);
    assert_eq!(count_notes(&mut connect(&cluster)), Ok(42));
    cluster.stop();
    assert_eq!(processes_in(dir.path()), Vec::<PathBuf>::new());
}

#[test]
fn postgres_does_not_linger_when_the_server_is_killed() {
    let dir = TempDir::new();
    let mut server = spawn_server(&dir);
    until("it is ready", || {
        let pid_file = dir.path().join("data/postgres/cluster/postmaster.pid");
        fs::read_to_string(pid_file).ok().filter(|state| state.contains("ready"))
    });
    server.kill().expect("it runs");
    server.wait().expect("it was killed");
    until("Postgres is gone", || processes_in(dir.path()).is_empty().then_some(()));
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
    server.kill().expect("it runs");
    server.wait().expect("it was killed");
    assert!(!home.join("cluster").exists(), "it was to be interrupted");
    let cluster = start(&dir);
    execute(&mut connect(&cluster), "SELECT 1");
    let left: Vec<_> =
        fs::read_dir(&home).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("creating-")), "{left:?}");
}

#[test]
fn a_stale_pid_file_that_names_a_stranger_does_not_keep_it_from_starting() {
    let dir = TempDir::new();
    start(&dir).stop();
    let pid_file = dir.path().join("data/postgres/cluster/postmaster.pid");
    fs::write(&pid_file, format!("{}\n/elsewhere\n0\n5432\n\n\n1 1\nready\n", std::process::id()))
        .expect("writable");
    execute(&mut connect(&start(&dir)), "SELECT 1");
}

#[test]
fn a_long_path_has_its_socket_elsewhere() {
    let dir = TempDir::new();
    let data_dir = dir.path().join("d".repeat(60)).join("e".repeat(60));
    let cluster = Cluster::start(&Options { data_dir, bin_dir: None }).expect("Postgres starts");
    assert!(!cluster.database_url().contains("ddddd"));
    execute(&mut connect(&cluster), "SELECT 1");
    let socket_dir = cluster.database_url().replace("%2F", "/");
    let socket_dir =
        socket_dir["postgres://parlance@".len()..].strip_suffix("/postgres").expect("our URL").to_owned();
    drop(cluster);
    fs::remove_dir(socket_dir).expect("Postgres left it empty");
}

#[test]
fn a_folder_without_programs_is_refused_by_name() {
    let dir = TempDir::new();
    let bin_dir = dir.path().join("bin");
    let message = sentence(Cluster::start(&Options { bin_dir: Some(bin_dir.clone()), ..options(&dir) }));
    assert!(
        message.contains("--postgres-bin-dir") && message.contains(bin_dir.to_str().expect("text")),
        "{message}"
    );
}

#[test]
fn without_programs_the_person_learns_what_to_install() {
    let message = ClusterError::NoPrograms.to_string();
    assert!(message.contains("apt-get install postgresql") && message.contains("DATABASE_URL"), "{message}");
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_by_name() {
    let dir = TempDir::new();
    let file = dir.path().join("file");
    fs::write(&file, "").expect("writable");
    let message = sentence(Cluster::start(&Options { data_dir: file.join("data"), bin_dir: None }));
    assert!(
        message.contains("PARLANCE_DATA_DIR") && message.contains(file.to_str().expect("text")),
        "{message}"
    );
}

#[test]
fn a_cluster_of_another_major_version_is_refused_and_left_alone() {
    let dir = TempDir::new();
    start(&dir).stop();
    let version = dir.path().join("data/postgres/cluster/PG_VERSION");
    fs::write(&version, "9\n").expect("writable");
    let message = sentence(Cluster::start(&options(&dir)));
    assert!(message.contains("Postgres 9") && message.contains("postgresql-9"), "{message}");
    assert_eq!(fs::read_to_string(version).expect("it is there"), "9\n");
}

#[test]
fn a_cluster_that_does_not_start_shows_the_end_of_its_log() {
    let dir = TempDir::new();
    start(&dir).stop();
    fs::write(dir.path().join("data/postgres/cluster/postgresql.conf"), "no_such_setting = 1\n")
        .expect("writable");
    let message = sentence(Cluster::start(&options(&dir)));
    assert!(message.contains("no_such_setting") && message.contains("postgres.log"), "{message}");
}
