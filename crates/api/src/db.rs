//! The database: the pool, the migrations, and the one way for async code to reach blocking queries.
//!
//! Below here live the queries, one file a noun. Nothing here knows HTTP or the hub; functions take a
//! connection and ids, and give DTOs of `shared`.

mod breaker;
pub mod changes;
pub mod messages;
pub mod name_key;
pub mod page;
pub mod rooms;
#[allow(missing_docs)] // Generated.
pub mod schema;
pub mod sessions;
mod slice;
pub mod users;

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use thiserror::Error;

use self::breaker::Breaker;

/// All migrations, inside the binary.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// How long a request waits for a free connection.
const POOL_WAIT: Duration = Duration::from_secs(2);

/// How long a request waits for the database in all: longer than for a connection and a statement together.
const PATIENCE: Duration = Duration::from_secs(8);

/// The first line bounds what a single statement may cost; see RELIABILITY.md, "Database".
///
/// The last two are for plans. All that we ask for is found by keys. But a statement may be planned once, while a table
/// is still empty: then Postgres would take to reading whole tables and keep to it as they grow. And of a `LIMIT` that
/// is a parameter it thinks so badly that it would plan each page anew, which takes longer than reading it.
const SESSION_SETTINGS: &str = "SET statement_timeout = '5s'; SET lock_timeout = '2s'; \
     SET idle_in_transaction_session_timeout = '10s'; SET timezone = 'UTC'; SET client_min_messages = 'warning'; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
     SET plan_cache_mode = force_generic_plan";

/// Why a query gave no result. Knows no status code: that is `error.rs`' business.
#[derive(Debug, Error)]
pub enum DbError {
    /// What was asked for is not there.
    #[error("not found")]
    NotFound,
    /// A unique constraint of this name refused it.
    #[error("conflict with {0}")]
    Conflict(String),
    /// The database cannot be reached, or is too busy. Nothing was changed.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// The connection broke while the database was at work: what it was to change may be changed or not.
    #[error("database connection lost: {0}")]
    ConnectionLost(String),
    /// Anything else: a fault of ours.
    #[error("database: {0}")]
    Other(DieselError),
}

/// What a query gives.
pub type DbResult<T> = Result<T, DbError>;

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                Self::Conflict(info.constraint_name().unwrap_or_default().to_owned())
            }
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, info) => {
                Self::ConnectionLost(info.message().to_owned())
            }
            DieselError::BrokenTransactionManager => Self::ConnectionLost("the connection broke".to_owned()),
            DieselError::DatabaseError(_, ref info) if says(info.message(), &LOST) => {
                Self::ConnectionLost(info.message().to_owned())
            }
            DieselError::DatabaseError(_, ref info) if says(info.message(), &BUSY) => {
                Self::Unavailable(info.message().to_owned())
            }
            other => Self::Other(other),
        }
    }
}

// Diesel has no SQLSTATE to look at, so the words decide: libpq's own, and those that the server uses under
// `lc_messages = C`, which every connection sets.

/// The connection is gone.
const LOST: [&str; 7] = [
    "server closed the connection",
    "terminating connection",
    "connection to server",
    "no connection to the server",
    "could not receive data from server",
    "could not send data to server",
    "SSL connection has been closed",
];

/// The server said no for want of time, memory, disk, or because it comes up or goes down.
const BUSY: [&str; 5] = [
    "the database system is",
    "canceling statement due to",
    "could not extend file",
    "No space left on device",
    "out of shared memory",
];

fn says(message: &str, signs: &[&str]) -> bool {
    signs.iter().any(|sign| message.contains(sign))
}

/// A handle on the database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<ConnectionManager<PgConnection>>,
    breaker: Arc<Breaker>,
}

impl Db {
    /// Connects to `database_url` with up to `size` connections for reads and rare writes.
    pub fn connect(database_url: &str, size: u32) -> DbResult<Self> {
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .connection_timeout(POOL_WAIT)
            .connection_customizer(Box::new(Settings))
            .error_handler(Box::new(LogPoolErrors))
            .build(ConnectionManager::new(database_url))
            .map_err(|error| DbError::Unavailable(error.to_string()))?;
        Ok(Self { pool, breaker: Arc::default() })
    }

    /// Runs a blocking query off the async threads. The only place that does.
    ///
    /// # Errors
    /// What `query` gives, and [`DbError::Unavailable`] when no connection is to be had in time, or when the database
    /// has not answered for a while.
    pub async fn run<T, F>(&self, query: F) -> DbResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut PgConnection) -> DbResult<T> + Send + 'static,
    {
        self.breaker.admit(Instant::now())?;
        let pool = self.pool.clone();
        let asked = Instant::now();
        let task = tokio::task::spawn_blocking(move || {
            // The wait may have been for a thread: there are as many as connections. Then nobody listens any more, or
            // will not for long.
            if asked.elapsed() > POOL_WAIT {
                return Err(DbError::Unavailable("too many wait for the database".to_owned()));
            }
            let mut conn = pool.get().map_err(|error| DbError::Unavailable(error.to_string()))?;
            query(&mut conn)
        });
        // A database that hangs answers nothing, not even that a statement took too long.
        let answer = match tokio::time::timeout(PATIENCE, task).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Err(DbError::Unavailable(format!("the query failed: {error}"))),
            Err(_) => Err(DbError::Unavailable("the database does not answer".to_owned())),
        };
        self.breaker.learn(&answer, Instant::now());
        answer
    }
}

/// A connection of one's own, outside the pool.
///
/// # Errors
/// [`DbError::Unavailable`] with the server's words when the database cannot be reached.
pub fn connect(database_url: &str) -> DbResult<PgConnection> {
    let mut conn =
        PgConnection::establish(database_url).map_err(|error| DbError::Unavailable(error.to_string()))?;
    conn.batch_execute(SESSION_SETTINGS)?;
    // May be refused to a user who is no superuser; then the server's own language stays.
    let _ = conn.batch_execute("SET lc_messages = 'C'");
    Ok(conn)
}

/// One connection, as queries and writers hold it.
pub type Conn = PgConnection;

/// Runs `work` in a transaction, which an error rolls back.
///
/// # Errors
/// What `work` gives, and what the database says to the commit.
pub fn transaction<T>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> DbResult<T>) -> DbResult<T> {
    conn.transaction(work)
}

/// Runs the migrations that the database has not seen, one server at a time.
///
/// # Errors
/// What the database or the migration says.
pub fn migrate(conn: &mut PgConnection) -> Result<(), String> {
    /// Any number will do, as long as every Parlance takes the same.
    const LOCK: i64 = 0x7061_726c_616e_6365;
    // A migration may take longer than a request.
    conn.batch_execute(&format!(
        "SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock({LOCK})"
    ))
    .map_err(|error| error.to_string())?;
    let outcome = conn.run_pending_migrations(MIGRATIONS).map(|_| ()).map_err(|error| error.to_string());
    let unlocked = conn
        .batch_execute(&format!("SELECT pg_advisory_unlock({LOCK}); {SESSION_SETTINGS}"))
        .map_err(|error| error.to_string());
    outcome.and(unlocked)
}

/// Which of the settings that make an acknowledged message durable are off; none in a sound database.
///
/// # Errors
/// What the database says.
pub fn durability_settings_off(conn: &mut PgConnection) -> DbResult<Vec<String>> {
    use diesel::sql_types::Text;

    #[derive(QueryableByName)]
    struct Setting {
        #[diesel(sql_type = Text)]
        name: String,
    }

    let off: Vec<Setting> = diesel::sql_query(
        "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') \
         AND setting = 'off' ORDER BY name",
    )
    .load(conn)?;
    Ok(off.into_iter().map(|setting| setting.name).collect())
}

/// Asks the database for a sign of life.
///
/// # Errors
/// [`DbError::Unavailable`] when there is none.
pub fn ping(conn: &mut PgConnection) -> DbResult<()> {
    Ok(conn.batch_execute("SELECT 1")?)
}

#[derive(Debug)]
struct Settings;

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for Settings {
    fn on_acquire(&self, conn: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        conn.batch_execute(SESSION_SETTINGS).map_err(diesel::r2d2::Error::QueryError)?;
        let _ = conn.batch_execute("SET lc_messages = 'C'");
        Ok(())
    }
}

#[derive(Debug)]
struct LogPoolErrors;

impl<E: std::fmt::Display> diesel::r2d2::HandleError<E> for LogPoolErrors {
    fn handle_error(&self, error: E) {
        tracing::warn!(%error, "no database connection");
    }
}
