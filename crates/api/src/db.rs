//! The database: the pool, the migrations, and the only way for async code to reach blocking queries.
//!
//! The queries live below, one file a noun. Nothing here knows HTTP or the hub; functions take a connection and ids,
//! and return DTOs of `shared`.

mod breaker;
pub mod changes;
mod connection;
mod error;
pub mod messages;
pub mod name_key;
pub mod page;
pub mod rooms;
#[allow(missing_docs)] // Generated.
pub mod schema;
mod sent_hash;
pub mod sessions;
mod slice;
pub mod users;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::Error as DieselError;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use self::breaker::Breaker;
pub use self::connection::{Conn, connect};
use self::connection::{SESSION_SETTINGS, Settings, bounded};
pub use self::error::{DbError, DbResult};

/// All migrations, inside the binary.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// How long a request waits for a thread and a free connection.
const POOL_WAIT: Duration = Duration::from_secs(2);

/// How long a request waits for the database in all: longer than for a connection and a statement together.
const PATIENCE: Duration = Duration::from_secs(8);

/// A handle on the database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<ConnectionManager<PgConnection>>,
    breaker: Arc<Breaker>,
}

impl Db {
    /// Connects to `database_url` with up to `size` connections.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when the database cannot be reached.
    pub fn connect(database_url: &str, size: u32) -> DbResult<Self> {
        let pool = Pool::builder()
            .max_size(size)
            .min_idle(Some(1))
            .connection_timeout(POOL_WAIT)
            .connection_customizer(Box::new(Settings))
            .error_handler(Box::new(LogPoolErrors))
            .build(ConnectionManager::new(bounded(database_url)))
            .map_err(|error| DbError::Unavailable(error.to_string()))?;
        Ok(Self { pool, breaker: Arc::new(Breaker::new(size)) })
    }

    /// Runs a blocking query that changes nothing, or nothing that matters, off the async threads.
    ///
    /// # Errors
    /// What `query` returns, [`DbError::Overloaded`] when no connection becomes free in time, and
    /// [`DbError::Unavailable`] when the database does not answer.
    pub async fn run<T, F>(&self, query: F) -> DbResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> DbResult<T> + Send + 'static,
    {
        self.ask(query).await.map_err(|error| match error {
            DbError::ConnectionLost(reason) | DbError::OutcomeUnknown(reason) => DbError::Unavailable(reason),
            other => other,
        })
    }

    /// Runs a blocking query that changes something off the async threads.
    ///
    /// # Errors
    /// What `query` returns, [`DbError::Overloaded`] and [`DbError::Unavailable`] when it did not begin, and
    /// [`DbError::OutcomeUnknown`] when it began and has no answer.
    pub async fn write<T, F>(&self, query: F) -> DbResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> DbResult<T> + Send + 'static,
    {
        self.ask(query).await.map_err(|error| match error {
            DbError::ConnectionLost(reason) => DbError::OutcomeUnknown(reason),
            other => other,
        })
    }

    /// Runs a query, if the circuit breaker admits it, to its end: the breaker has to hear of the end even when the
    /// request was dropped.
    async fn ask<T, F>(&self, query: F) -> DbResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> DbResult<T> + Send + 'static,
    {
        self.breaker.admit(Instant::now())?;
        let (pool, breaker) = (self.pool.clone(), self.breaker.clone());
        let task = tokio::spawn(async move { breaker.judge(run_in_time(pool, query).await, Instant::now()) });
        task.await.unwrap_or_else(|error| Err(DbError::OutcomeUnknown(error.to_string())))
    }
}

/// Runs a query on a thread for blocking work, and stops waiting for it after [`PATIENCE`]: a database that hangs
/// answers nothing, not even that a statement took too long.
async fn run_in_time<T, F>(pool: Pool<ConnectionManager<PgConnection>>, query: F) -> DbResult<T>
where
    T: Send + 'static,
    F: FnOnce(&mut Conn) -> DbResult<T> + Send + 'static,
{
    // Taken by the query when it begins, or by the time-out, after which it does not begin any more.
    let turn = Arc::new(AtomicBool::new(false));
    let query_turn = turn.clone();
    let asked = Instant::now();
    let task = tokio::task::spawn_blocking(move || {
        // There are as many threads as connections, so the wait may have been for a thread.
        if asked.elapsed() > POOL_WAIT {
            return Err(DbError::Overloaded("too many requests wait for a thread".to_owned()));
        }
        let mut conn = match pool.get() {
            Ok(conn) => conn,
            // All connections exist and are in use, as far as one can tell: this is overload, not outage.
            Err(_) if pool.state().connections >= pool.max_size() => {
                return Err(DbError::Overloaded("too many requests wait for a connection".to_owned()));
            }
            Err(error) => return Err(DbError::Unavailable(error.to_string())),
        };
        if query_turn.swap(true, Ordering::SeqCst) {
            return Err(DbError::Unavailable("the request gave up".to_owned()));
        }
        query(&mut conn)
    });
    match tokio::time::timeout(PATIENCE, task).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(DbError::OutcomeUnknown(format!("the query failed: {error}"))),
        Err(_) if turn.swap(true, Ordering::SeqCst) => {
            Err(DbError::OutcomeUnknown("the database does not answer".to_owned()))
        }
        Err(_) => Err(DbError::Unavailable("the database does not answer".to_owned())),
    }
}

/// Runs `work` in a transaction, which an error rolls back.
///
/// # Errors
/// What `work` returns, and what the database says to the commit.
pub fn transaction<T, E: From<DbError>>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    /// Diesel requires a conversion from its own error, which only [`DbError`] has; so it sees a wrapper.
    struct Rollback<E>(E);

    impl<E: From<DbError>> From<DieselError> for Rollback<E> {
        fn from(error: DieselError) -> Self {
            Self(DbError::from(error).into())
        }
    }

    conn.transaction(|conn| work(conn).map_err(Rollback)).map_err(|Rollback(error)| error)
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
/// What the database or the connection says.
pub fn ping(conn: &mut PgConnection) -> DbResult<()> {
    Ok(conn.batch_execute("SELECT 1")?)
}

#[derive(Debug)]
struct LogPoolErrors;

impl<E: std::fmt::Display> diesel::r2d2::HandleError<E> for LogPoolErrors {
    fn handle_error(&self, error: E) {
        tracing::warn!(%error, "no database connection");
    }
}
