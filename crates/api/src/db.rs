//! The database: the pool, the migrations, and the bridge from async code to blocking queries.
//!
//! The queries are in the submodules, one per noun. These modules know neither HTTP nor the hub: functions take a
//! connection and ids, and return DTOs of `shared`.

pub mod attachments;
pub mod audit;
mod authors;
pub mod backups;
pub mod bans;
mod breaker;
pub mod changes;
mod connection;
pub mod edits;
mod error;
pub mod file_deletions;
pub mod identity_events;
pub mod invites;
pub mod members;
pub mod mentions;
pub mod messages;
pub mod name_key;
pub mod page;
pub mod password_resets;
pub mod passwords;
pub mod reactions;
pub mod read_marks;
pub mod replies;
pub mod roles;
pub mod room_audit;
pub mod room_events;
pub mod rooms;
#[allow(missing_docs)] // Generated.
pub mod schema;
mod sent_hash;
pub mod sessions;
pub mod settings;
mod slice;
pub mod succession;
pub mod token_hash;
pub mod tokens;
pub mod user_tasks;
pub mod users;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::result::Error as DieselError;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::sync::oneshot;

use self::breaker::Breaker;
pub use self::connection::{Conn, connect};
use self::connection::{SESSION_SETTINGS, Settings, bounded};
pub use self::error::{DbError, DbResult};
pub use self::slice::Reader;

/// All migrations, embedded in the binary.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// How often a pool that cannot connect is logged.
const POOL_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// How long a query waits for a thread and a connection.
const POOL_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a query may take in total: longer than the pool timeout and the statement timeout together.
const QUERY_TIMEOUT: Duration = Duration::from_secs(8);

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
            .connection_timeout(POOL_TIMEOUT)
            .connection_customizer(Box::new(Settings))
            .error_handler(Box::<LogPoolErrors>::default())
            .build(ConnectionManager::new(bounded(database_url)))
            .map_err(|error| DbError::Unavailable(error.to_string()))?;
        Ok(Self { pool, breaker: Arc::new(Breaker::new(size)) })
    }

    /// A handle on no database, for tests that ask nothing.
    #[cfg(test)]
    pub fn unconnected() -> Self {
        let manager = ConnectionManager::new(bounded("postgres:///none"));
        let pool = Pool::builder().max_size(1).min_idle(Some(0)).build_unchecked(manager);
        Self { pool, breaker: Arc::new(Breaker::new(1)) }
    }

    /// Runs a read, or a write whose loss is harmless, on a thread for blocking work.
    ///
    /// # Errors
    /// What `query` returns, [`DbError::Overloaded`] if no connection becomes free in time, and
    /// [`DbError::Unavailable`] if the database does not answer.
    pub async fn run<T, F>(&self, query: F) -> DbResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> DbResult<T> + Send + 'static,
    {
        self.execute(query).await.map_err(|error| match error {
            DbError::ConnectionLost(reason) | DbError::OutcomeUnknown(reason) => DbError::Unavailable(reason),
            other => other,
        })
    }

    /// Runs a write on a thread for blocking work.
    ///
    /// # Errors
    /// What `query` returns, [`DbError::Overloaded`] and [`DbError::Unavailable`] if it was not started, and
    /// [`DbError::OutcomeUnknown`] if it was started and its answer is missing.
    pub async fn write<T, F>(&self, query: F) -> DbResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> DbResult<T> + Send + 'static,
    {
        self.execute(query).await.map_err(|error| match error {
            DbError::ConnectionLost(reason) => DbError::OutcomeUnknown(reason),
            other => other,
        })
    }

    /// Runs a query if the circuit breaker admits it. The query completes even if the request is dropped, so that the
    /// breaker learns its result.
    async fn execute<T, F>(&self, query: F) -> DbResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Conn) -> DbResult<T> + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        self.execute_erased(Box::new(move |conn| {
            // The request may be gone.
            let _ = reply.send(query(conn)?);
            Ok(())
        }))
        .await?;
        answer.try_recv().map_err(|error| DbError::OutcomeUnknown(error.to_string()))
    }

    /// The same for every type of query: the tasks would be compiled again for each.
    async fn execute_erased(&self, query: ErasedQuery) -> DbResult<()> {
        self.breaker.admit(Instant::now())?;
        let (pool, breaker) = (self.pool.clone(), self.breaker.clone());
        let task =
            tokio::spawn(async move { breaker.record(run_with_timeout(pool, query).await, Instant::now()) });
        task.await.unwrap_or_else(|error| Err(DbError::OutcomeUnknown(error.to_string())))
    }
}

/// A query that sends its result away.
type ErasedQuery = Box<dyn FnOnce(&mut Conn) -> DbResult<()> + Send>;

/// Runs a query on a thread for blocking work and waits for [`QUERY_TIMEOUT`] at most: a database that hangs does not
/// even report the statement timeout.
async fn run_with_timeout(pool: Pool<ConnectionManager<PgConnection>>, query: ErasedQuery) -> DbResult<()> {
    // Set by the query when it starts, or by the timeout, after which the query does not start.
    let claimed = Arc::new(AtomicBool::new(false));
    let claimed_by_query = claimed.clone();
    let requested_at = Instant::now();
    let task = tokio::task::spawn_blocking(move || {
        // There are as many threads as connections, so the wait may have been for a thread.
        if requested_at.elapsed() > POOL_TIMEOUT {
            return Err(DbError::Overloaded("too many requests wait for a thread".to_owned()));
        }
        let mut conn = match pool.get() {
            Ok(conn) => conn,
            // All connections are open and probably in use: this is overload, not an outage.
            Err(_) if pool.state().connections >= pool.max_size() => {
                return Err(DbError::Overloaded("too many requests wait for a connection".to_owned()));
            }
            Err(error) => return Err(DbError::Unavailable(error.to_string())),
        };
        if claimed_by_query.swap(true, Ordering::SeqCst) {
            return Err(DbError::Unavailable("the query timed out before it started".to_owned()));
        }
        query(&mut conn)
    });
    match tokio::time::timeout(QUERY_TIMEOUT, task).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(DbError::OutcomeUnknown(format!("the query failed: {error}"))),
        Err(_) if claimed.swap(true, Ordering::SeqCst) => {
            Err(DbError::OutcomeUnknown("the database does not answer".to_owned()))
        }
        Err(_) => Err(DbError::Unavailable("the database does not answer".to_owned())),
    }
}

/// Runs `work` in a transaction, which an error rolls back.
///
/// # Errors
/// What `work` returns, and errors of the commit.
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

/// Runs the pending migrations. A lock ensures that only one server migrates at a time.
///
/// # Errors
/// The message of the database or the migration.
pub fn migrate(conn: &mut PgConnection) -> Result<(), String> {
    /// An arbitrary number that all versions of Parlance share.
    const LOCK: i64 = 0x7061_726c_616e_6365;
    // A migration may take longer than the statement timeout.
    conn.batch_execute(&format!(
        "SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock({LOCK})"
    ))
    .map_err(|error| error.to_string())?;
    let outcome = match backups::is_being_restored(conn) {
        Ok(false) => conn.run_pending_migrations(MIGRATIONS).map(|_| ()).map_err(|error| error.to_string()),
        Ok(true) => Err(
            "a backup is being restored into it, or that was interrupted; wait, or empty the database and \
                         restore again"
                .to_owned(),
        ),
        Err(error) => Err(error.to_string()),
    };
    let unlocked = conn
        .batch_execute(&format!("SELECT pg_advisory_unlock({LOCK}); {SESSION_SETTINGS}"))
        .map_err(|error| error.to_string());
    outcome.and(unlocked)
}

/// The settings that are off although durability requires them.
///
/// # Errors
/// Errors of the database.
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

/// Checks that the database answers.
///
/// # Errors
/// Errors of the database or the connection.
pub fn ping(conn: &mut PgConnection) -> DbResult<()> {
    Ok(conn.batch_execute("SELECT 1")?)
}

/// Logs the errors of the pool, which tries to connect several times a second, once in a while.
#[derive(Debug, Default)]
struct LogPoolErrors {
    logged_at: Mutex<Option<Instant>>,
}

impl<E: std::fmt::Display> diesel::r2d2::HandleError<E> for LogPoolErrors {
    fn handle_error(&self, error: E) {
        let mut logged_at = self.logged_at.lock().unwrap_or_else(PoisonError::into_inner);
        if logged_at.is_none_or(|at| at.elapsed() > POOL_LOG_INTERVAL) {
            *logged_at = Some(Instant::now());
            tracing::warn!(%error, "the pool cannot connect to the database");
        }
    }
}
