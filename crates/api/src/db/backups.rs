//! Backups: reading the database as of one moment, and restoring into an empty one.

use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Bool, Integer, Text};

use super::{DbError, DbResult, MIGRATIONS};

/// The advisory lock that backups share, and a restore has alone. While it is held, the bytes of no file are deleted.
const LOCK: i64 = 0x7061_726c_6261_636b;
/// The table that is there while a backup is restored, and stays if that is interrupted.
const MARK: &str = "parlance_restore";
/// A backup and a restore take as long as they take.
const NO_TIMEOUTS: &str =
    "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0";

/// The moment of a backup.
#[derive(Clone, Debug, QueryableByName)]
pub struct Moment {
    /// By this name, other connections see the database as of this moment.
    #[diesel(sql_type = Text)]
    pub snapshot: String,
    /// The latest migration of the database.
    #[diesel(sql_type = Text)]
    pub schema: String,
    #[diesel(sql_type = Bool)]
    has_files: bool,
}

/// A file that has a row.
#[derive(Clone, Debug, QueryableByName)]
pub struct FileRow {
    /// The key of its bytes.
    #[diesel(sql_type = Text)]
    pub key: String,
    /// Whether a thumbnail is stored beside it.
    #[diesel(sql_type = Bool)]
    pub has_thumbnail: bool,
}

/// Holds a moment until the connection is closed: what is read over it is as of then, and no bytes of files are deleted.
pub fn begin(conn: &mut PgConnection) -> DbResult<Moment> {
    conn.batch_execute(NO_TIMEOUTS)?;
    // Before the snapshot is taken.
    conn.batch_execute(&format!("SELECT pg_advisory_lock_shared({LOCK})"))?;
    conn.batch_execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    Ok(sql_query(
        "SELECT pg_export_snapshot() AS snapshot, to_regclass('attachments') IS NOT NULL AS has_files, \
         (SELECT max(version) FROM __diesel_schema_migrations)::text AS schema",
    )
    .get_result(conn)?)
}

/// The files that have rows at the moment, by key, after one.
pub fn list_files(
    conn: &mut PgConnection,
    moment: &Moment,
    after: &str,
    limit: i64,
) -> DbResult<Vec<FileRow>> {
    if !moment.has_files {
        return Ok(Vec::new());
    }
    let files = sql_query(
        "SELECT key, has_thumbnail FROM (\
         SELECT key, thumbnail_type IS NOT NULL AS has_thumbnail FROM attachments \
         UNION ALL SELECT avatar_key, false FROM users WHERE avatar_key IS NOT NULL \
         UNION ALL SELECT avatar_key, false FROM rooms WHERE avatar_key IS NOT NULL) AS files \
         WHERE key > $1 ORDER BY key LIMIT $2",
    );
    Ok(files.bind::<Text, _>(after).bind::<BigInt, _>(limit).load(conn)?)
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

fn ask(conn: &mut PgConnection, question: &str) -> DbResult<bool> {
    Ok(sql_query(format!("SELECT ({question}) AS answer")).get_result::<Answer>(conn)?.answer)
}

/// Whether a backup holds a moment.
pub(super) fn is_running(conn: &mut PgConnection) -> DbResult<bool> {
    // Without a transaction, the lock is released at once.
    ask(conn, &format!("NOT pg_try_advisory_xact_lock({LOCK})"))
}

/// The major version of the server.
pub fn server_major(conn: &mut PgConnection) -> DbResult<u32> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Integer)]
        major: i32,
    }

    let version = sql_query("SELECT current_setting('server_version_num')::int / 10000 AS major");
    Ok(version.get_result::<Version>(conn)?.major.unsigned_abs())
}

/// Whether this program knows a schema, by its latest migration.
pub fn knows_schema(schema: &str) -> bool {
    let migrations = MigrationSource::<Pg>::migrations(&MIGRATIONS).unwrap_or_default();
    migrations.iter().any(|migration| migration.name().version().to_string().as_str() >= schema)
}

/// Whether a database has no tables, but for one of this name.
fn is_empty_but_for(conn: &mut PgConnection, table: &str) -> DbResult<bool> {
    // Tables of extensions may have been there before.
    let others = format!(
        "SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace \
         WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND relname <> '{table}' \
         AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')"
    );
    ask(conn, &format!("NOT EXISTS ({others})"))
}

/// Marks an empty database as one into which a backup is restored: no server starts on it. Returns false if it is not empty.
pub fn begin_restore(conn: &mut PgConnection) -> DbResult<bool> {
    conn.batch_execute(NO_TIMEOUTS)?;
    // One restore at a time, until the connection is closed. One that was interrupted left nothing but its mark.
    let is_free = ask(conn, &format!("pg_try_advisory_lock({LOCK})"))?;
    let is_empty = is_free && is_empty_but_for(conn, MARK)?;
    if is_empty {
        conn.batch_execute(&format!("CREATE TABLE IF NOT EXISTS {MARK} ()"))?;
    }
    Ok(is_empty)
}

/// Makes a restored database one that servers start on, with a history of its own.
pub fn finish_restore(conn: &mut PgConnection) -> DbResult<()> {
    super::transaction(conn, |conn| {
        // A database from before there were epochs gets its own by the migration.
        conn.batch_execute(&format!(
            "DO $$ BEGIN UPDATE server_settings SET epoch = gen_random_uuid(); \
             EXCEPTION WHEN undefined_column OR undefined_table THEN NULL; END $$; DROP TABLE {MARK}"
        ))?;
        Ok::<_, DbError>(())
    })?;
    // Or the planner would know nothing about the tables at first.
    Ok(conn.batch_execute("ANALYZE")?)
}

/// Leaves a database empty into which nothing was restored. Otherwise the mark stays.
pub fn abandon_restore(conn: &mut PgConnection) -> DbResult<()> {
    if is_empty_but_for(conn, MARK)? {
        conn.batch_execute(&format!("DROP TABLE {MARK}"))?;
    }
    Ok(())
}

/// Whether a backup is being restored, or that was interrupted.
pub(super) fn is_being_restored(conn: &mut PgConnection) -> DbResult<bool> {
    ask(conn, &format!("to_regclass('{MARK}') IS NOT NULL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_knows_its_own_schema_and_older_ones() {
        assert!(knows_schema("20261122000001") && knows_schema("20261130000004"));
        assert!(!knows_schema("29990101000000"));
    }
}
