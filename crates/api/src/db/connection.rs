//! Connections to Postgres, with a bound on every wait for the network.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::CustomizeConnection;

use super::error::{DbError, DbResult};

/// One connection, as queries and writers hold it.
pub type Conn = PgConnection;

/// libpq's settings for an unreachable database: an attempt to connect fails after 3 s. A connection breaks when bytes
/// are not acknowledged for 5 s, or when an idle peer does not answer three probes, after 8 s. Unix sockets ignore all
/// but the first.
const BOUNDS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("tcp_user_timeout", "5000"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "1"),
    ("keepalives_count", "3"),
];

/// The timeouts bound the cost of a single statement.
///
/// The `enable_…`, `jit` and `plan_cache_mode` settings control plans. All queries use indexes. But a generic plan may
/// be made while a table is still empty: Postgres would then scan the table, also when it has grown. It also
/// overestimates a `LIMIT` that is a parameter. It would then plan each page anew, or start the JIT compiler, and both
/// take longer than reading the page.
pub(super) const SESSION_SETTINGS: &str = "SET statement_timeout = '5s'; SET lock_timeout = '2s'; \
     SET idle_in_transaction_session_timeout = '10s'; SET timezone = 'UTC'; SET client_min_messages = 'warning'; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
     SET plan_cache_mode = force_generic_plan";

/// Adds [`BOUNDS`] to a database URL or connection string, except for settings that it contains.
///
/// Of duplicate settings, libpq takes the last, so the bounds come first.
pub(super) fn bounded(database_url: &str) -> String {
    let Some(authority) = ["postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| database_url.starts_with(scheme).then_some(scheme.len()))
    else {
        // A connection string: `host=… dbname=…`.
        let bounds = BOUNDS.map(|(name, value)| format!("{name}={value}")).join(" ");
        return format!("{bounds} {database_url}");
    };
    let bounds = BOUNDS.map(|(name, value)| format!("{name}={value}")).join("&");
    // Like libpq: the text before the first `@` is the user, unless a `/` comes first.
    let host = match database_url[authority..].find(['@', '/']) {
        Some(end) => authority + end,
        None => authority,
    };
    match database_url[host..].find('?') {
        Some(mark) => {
            let (address, settings) = database_url.split_at(host + mark);
            format!("{address}?{bounds}&{}", &settings[1..])
        }
        None => format!("{database_url}?{bounds}"),
    }
}

/// Opens a connection outside of the pool.
///
/// # Errors
/// [`DbError::Unavailable`] with libpq's message if the database cannot be reached.
pub fn connect(database_url: &str) -> DbResult<Conn> {
    let mut conn = PgConnection::establish(&bounded(database_url))
        .map_err(|error| DbError::Unavailable(error.to_string()))?;
    set_up(&mut conn)?;
    Ok(conn)
}

fn set_up(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute(SESSION_SETTINGS)?;
    // This may be refused to users who are not superusers. Then the language of the server remains.
    let _ = conn.batch_execute("SET lc_messages = 'C'");
    Ok(())
}

/// Sets up the pool's connections.
#[derive(Debug)]
pub(super) struct Settings;

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for Settings {
    fn on_acquire(&self, conn: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        set_up(conn).map_err(diesel::r2d2::Error::QueryError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL_BOUNDS: &str = "connect_timeout=3&tcp_user_timeout=5000&keepalives_idle=5&keepalives_interval=1\
        &keepalives_count=3";

    #[test]
    fn a_url_gets_the_bounds_before_its_own_settings() {
        for (before, after) in [
            ("postgres://alice@db/chat", format!("postgres://alice@db/chat?{URL_BOUNDS}")),
            ("postgresql://", format!("postgresql://?{URL_BOUNDS}")),
            (
                "postgres://%2Frun%2Fpostgresql/chat",
                format!("postgres://%2Frun%2Fpostgresql/chat?{URL_BOUNDS}"),
            ),
            (
                "postgres:///chat?host=/run/postgresql",
                format!("postgres:///chat?{URL_BOUNDS}&host=/run/postgresql"),
            ),
            (
                "postgres://a:b?c@[::1]:5432,db/chat?connect_timeout=30",
                format!("postgres://a:b?c@[::1]:5432,db/chat?{URL_BOUNDS}&connect_timeout=30"),
            ),
            ("postgres://db/chat?", format!("postgres://db/chat?{URL_BOUNDS}&")),
        ] {
            assert_eq!(bounded(before), after);
        }
    }

    #[test]
    fn a_connection_string_gets_the_bounds_before_its_own_settings() {
        assert_eq!(
            bounded("host=/run/postgresql connect_timeout = 30"),
            "connect_timeout=3 tcp_user_timeout=5000 keepalives_idle=5 keepalives_interval=1 keepalives_count=3 \
             host=/run/postgresql connect_timeout = 30"
        );
    }
}
