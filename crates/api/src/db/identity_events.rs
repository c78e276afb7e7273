//! What other servers on the same database must learn about sessions and users.

use chrono::TimeDelta;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Timestamptz};
use shared::ids::UserId;
use uuid::Uuid;

use super::schema::identity_events;
use super::token_hash::TokenHash;
use super::{DbError, DbResult};

/// How long an event is kept: longer than any server goes without asking.
const KEPT: TimeDelta = TimeDelta::hours(1);

/// The time so many seconds ago, by the database's clock.
macro_rules! ago {
    ($seconds:expr) => {
        sql::<Timestamptz>("now() - make_interval(secs => ").bind::<Integer, _>($seconds).sql(")")
    };
}

/// What happened to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentityEvent {
    /// The user.
    pub user: UserId,
    /// The session that ended; `None` if the user changed.
    pub session: Option<TokenHash>,
    /// Whether the account was disabled.
    pub is_disabled: bool,
}

/// Stores events, in the transaction of what they tell.
pub fn create(conn: &mut PgConnection, events: &[IdentityEvent]) -> DbResult<()> {
    let rows: Vec<_> = events
        .iter()
        .map(|event| {
            (
                identity_events::token_hash.eq(event.session.map(|hash| hash.to_vec())),
                identity_events::user_id.eq(event.user.0),
                identity_events::is_disabled.eq(event.is_disabled),
            )
        })
        .collect();
    diesel::insert_into(identity_events::table).values(rows).execute(conn)?;
    Ok(())
}

/// The events of the last seconds, by the database's clock, oldest first, with their ids.
pub fn list(conn: &mut PgConnection, seconds: i32) -> DbResult<Vec<(Uuid, IdentityEvent)>> {
    let rows: Vec<(Uuid, Option<Vec<u8>>, Uuid, bool)> = identity_events::table
        .filter(identity_events::at.gt(ago!(seconds)))
        .order(identity_events::at)
        .select((
            identity_events::id,
            identity_events::token_hash,
            identity_events::user_id,
            identity_events::is_disabled,
        ))
        .load(conn)?;
    let event = |(id, hash, user, is_disabled): (Uuid, Option<Vec<u8>>, Uuid, bool)| {
        // A check constraint of `sessions` gives each hash its length.
        let session = hash.and_then(|hash| hash.try_into().ok());
        (id, IdentityEvent { user: UserId(user), session, is_disabled })
    };
    Ok(rows.into_iter().map(event).collect())
}

/// Deletes old events.
pub fn delete_old(conn: &mut PgConnection) -> DbResult<usize> {
    let seconds = i32::try_from(KEPT.num_seconds()).unwrap_or(i32::MAX);
    diesel::delete(identity_events::table.filter(identity_events::at.lt(ago!(seconds))))
        .execute(conn)
        .map_err(DbError::from)
}
