//! How connections to Postgres are made: with a bound on every wait that the network could cause.

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::CustomizeConnection;

use super::error::{DbError, DbResult};

/// One connection, as queries and writers hold it.
pub type Conn = PgConnection;

/// libpq's settings for a database that vanishes: connecting gives up after 3 s, bytes that nobody acknowledges break
/// the connection after 5 s, and an idle peer that does not answer three probes after 8 s. Unix sockets ignore all but
/// the first.
const BOUNDS: [(&str, &str); 5] = [
    ("connect_timeout", "3"),
    ("tcp_user_timeout", "5000"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "1"),
    ("keepalives_count", "3"),
];

/// The first line bounds what a single statement may cost; see RELIABILITY.md, "Database".
///
/// The rest is for plans. All that we ask for is found by keys. But a statement may be planned once, while a table is
/// still empty: then Postgres would read whole tables and keep doing so as they grow. It overestimates a `LIMIT` that
/// is a parameter so much that it would plan each page anew, which takes longer than reading it, or start the JIT
/// compiler, which takes longer still.
pub(super) const SESSION_SETTINGS: &str = "SET statement_timeout = '5s'; SET lock_timeout = '2s'; \
     SET idle_in_transaction_session_timeout = '10s'; SET timezone = 'UTC'; SET client_min_messages = 'warning'; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
     SET plan_cache_mode = force_generic_plan";

/// The user's database with our bounds on waiting, where the user has not set their own.
///
/// Of a setting that stands twice, libpq takes the second, so ours come first.
pub(super) fn bounded(database_url: &str) -> String {
    let Some(authority) = ["postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| database_url.starts_with(scheme).then_some(scheme.len()))
    else {
        // The other form that libpq knows: `host=… dbname=…`.
        let bounds = BOUNDS.map(|(name, value)| format!("{name}={value}")).join(" ");
        return format!("{bounds} {database_url}");
    };
    let bounds = BOUNDS.map(|(name, value)| format!("{name}={value}")).join("&");
    // As libpq reads it: what stands before the first `@` is the user, unless a `/` comes first.
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

/// A connection outside of the pool.
///
/// # Errors
/// [`DbError::Unavailable`] with the server's words when the database cannot be reached.
pub fn connect(database_url: &str) -> DbResult<Conn> {
    let mut conn = PgConnection::establish(&bounded(database_url))
        .map_err(|error| DbError::Unavailable(error.to_string()))?;
    set_up(&mut conn)?;
    Ok(conn)
}

fn set_up(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute(SESSION_SETTINGS)?;
    // May be refused to a user who is no superuser; then the server's own language stays.
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
    fn keywords_get_the_bounds_before_them() {
        assert_eq!(
            bounded("host=/run/postgresql connect_timeout = 30"),
            "connect_timeout=3 tcp_user_timeout=5000 keepalives_idle=5 keepalives_interval=1 keepalives_count=3 \
             host=/run/postgresql connect_timeout = 30"
        );
    }
}
