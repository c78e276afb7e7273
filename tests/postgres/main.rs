//! The private Postgres: its start, its data directory, and what it refuses.

mod crashes;
mod processes;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use api::postgres::{Cluster, ClusterError, Options};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use support::temp_dir::TempDir;

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

/// The process id in Postgres' own pid file.
fn postmaster(dir: &TempDir) -> u32 {
    let pid_file = dir.path().join("data/postgres/cluster/postmaster.pid");
    fs::read_to_string(pid_file).expect("it runs").lines().next().expect("a pid").parse().expect("a number")
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
fn a_second_start_takes_moments_and_finds_what_was_stored_before() {
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
fn a_directory_serves_one_server_at_a_time() {
    let dir = TempDir::new();
    let cluster = start(&dir);
    let message = sentence(Cluster::start(&options(&dir)));
    assert!(message.contains("Another Parlance") && message.contains("--data-dir"), "{message}");
    cluster.stop();
    start(&dir).stop();
}

#[test]
fn the_rest_of_an_interrupted_creation_is_removed_and_the_cluster_created_anew() {
    let dir = TempDir::new();
    let half = dir.path().join("data/postgres/creating-1");
    fs::create_dir_all(&half).expect("writable");
    fs::set_permissions(dir.path().join("data/postgres"), fs::Permissions::from_mode(0o700)).expect("ours");
    fs::write(half.join("PG_VERSION"), "15\n").expect("writable");
    let cluster = start(&dir);
    assert!(!half.exists());
    execute(&mut connect(&cluster), "SELECT 1");
}

#[test]
fn a_stale_pid_file_that_names_an_unrelated_process_does_not_prevent_the_start() {
    let dir = TempDir::new();
    start(&dir).stop();
    let pid_file = dir.path().join("data/postgres/cluster/postmaster.pid");
    fs::write(&pid_file, format!("{}\n/elsewhere\n0\n5432\n\n\n1 1\nready\n", std::process::id()))
        .expect("writable");
    execute(&mut connect(&start(&dir)), "SELECT 1");
}

#[test]
fn a_path_that_is_too_long_for_a_socket_has_the_socket_elsewhere() {
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
fn a_path_may_contain_any_bytes() {
    let dir = TempDir::new();
    let name = OsStr::from_bytes(b"comma, blank, \"quotes\", 'apostrophe' and \xff no UTF-8");
    let cluster = Cluster::start(&Options { data_dir: dir.path().join(name), bin_dir: None });
    execute(&mut connect(&cluster.expect("Postgres starts")), "SELECT 1");
}

#[test]
fn a_directory_without_programs_is_refused_by_name() {
    let dir = TempDir::new();
    let bin_dir = dir.path().join("bin");
    let message = sentence(Cluster::start(&Options { bin_dir: Some(bin_dir.clone()), ..options(&dir) }));
    assert!(
        message.contains("--postgres-bin-dir") && message.contains(bin_dir.to_str().expect("text")),
        "{message}"
    );
}

#[test]
fn without_programs_the_message_says_what_to_install() {
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
