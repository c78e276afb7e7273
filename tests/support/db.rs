//! Postgres for tests: one cluster per process, one migrated template, one database per test.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use api::postgres::{Cluster, Options};
use diesel::prelude::*;
use diesel::sql_query;

use crate::app::run_migrations;
use crate::temp_dir::TempDir;

/// The database that all others are copied from.
const TEMPLATE: &str = "template_parlance";

/// The cluster that the tests of this process share.
struct Shared {
    cluster: Cluster,
    data_dir: PathBuf,
}

/// A data directory for servers that need none of their own.
pub fn shared_data_dir() -> &'static str {
    static DATA_DIR: OnceLock<String> = OnceLock::new();
    DATA_DIR.get_or_init(|| {
        let dir = Box::leak(Box::new(TempDir::new()));
        remove_after_exit(dir);
        dir.path().to_str().expect("a path of tests is UTF-8").to_owned()
    })
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    static TEMPLATE_MADE: OnceLock<()> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        // A static is never dropped, so another process removes the directory.
        let dir = Box::leak(Box::new(TempDir::new()));
        remove_after_exit(dir);
        let data_dir = dir.path().join("data");
        let options = Options { data_dir: data_dir.clone(), bin_dir: None };
        let cluster = Cluster::start(&options).unwrap_or_else(|error| panic!("{error}"));
        Shared { cluster, data_dir }
    });
    TEMPLATE_MADE.get_or_init(|| {
        let mut admin = connect(&shared.cluster.database_url());
        execute(&mut admin, &format!("CREATE DATABASE {TEMPLATE}"));
        run_migrations(&url_of(&shared.cluster, TEMPLATE));
    });
    shared
}

/// Starts a shell that waits for the end of this process and of Postgres, and then removes the directory.
fn remove_after_exit(dir: &TempDir) {
    let script = "read -r _; n=0; while [ -e \"$0/data/postgres/cluster/postmaster.pid\" ] && [ $n -lt 200 ]; do \
                  sleep 0.05; n=$((n + 1)); done; rm -rf \"$0\"";
    let shell = Command::new("sh")
        .args(["-c", script])
        .arg(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell");
    // The shell outlives this process. Forgetting the handle keeps the pipe open until this process ends.
    std::mem::forget(shell);
}

fn url_of(cluster: &Cluster, database: &str) -> String {
    let url = cluster.database_url();
    let server = url.strip_suffix("/postgres").expect("the URL ends in the database");
    format!("{server}/{database}")
}

fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).unwrap_or_else(|error| panic!("{error}"))
}

fn execute(conn: &mut PgConnection, sql: &str) {
    sql_query(sql).execute(conn).unwrap_or_else(|error| panic!("{error}: {sql}"));
}

/// A database of one test. Dropping it drops the database.
#[derive(Debug)]
pub struct TestDb {
    name: String,
    url: String,
}

impl TestDb {
    /// A migrated database.
    pub fn new() -> Self {
        Self::create(&format!("TEMPLATE {TEMPLATE} STRATEGY file_copy"))
    }

    /// An empty database, without a schema.
    pub fn empty() -> Self {
        Self::create("")
    }

    fn create(how: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let shared = shared();
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut admin = connect(&shared.cluster.database_url());
        execute(&mut admin, &format!("CREATE DATABASE {name} {how}"));
        let url = url_of(&shared.cluster, &name);
        Self { name, url }
    }

    /// The URL of the database, for libpq.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A new connection to the database.
    pub fn connect(&self) -> PgConnection {
        connect(&self.url)
    }

    /// Runs one statement.
    #[track_caller]
    pub fn execute(&self, sql: &str) {
        execute(&mut self.connect(), sql);
    }

    /// The text that a query selects.
    pub fn text(&self, sql: &str) -> String {
        #[derive(QueryableByName)]
        struct Text {
            #[diesel(sql_type = diesel::sql_types::Text)]
            text: String,
        }
        let query = sql_query(format!("SELECT found.text FROM ({sql}) AS found (text)"));
        query.get_result::<Text>(&mut self.connect()).unwrap_or_else(|error| panic!("{error}: {sql}")).text
    }

    /// The log of Postgres so far, for all databases.
    pub fn server_log(&self) -> String {
        let mut log = Vec::new();
        let path = shared().data_dir.join("postgres.log");
        std::fs::File::open(path)
            .and_then(|mut file| file.read_to_end(&mut log))
            .expect("the log is readable");
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Default for TestDb {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let dropped = PgConnection::establish(&shared().cluster.database_url())
            .map_err(|error| error.to_string())
            .and_then(|mut admin| {
                let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
                sql_query(sql).execute(&mut admin).map_err(|error| error.to_string())
            });
        // A failed test has reported a more important error.
        if let (Err(error), false) = (dropped, std::thread::panicking()) {
            panic!("the test's database cannot be dropped: {error}");
        }
    }
}
