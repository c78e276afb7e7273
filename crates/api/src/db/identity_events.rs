//! What other servers on the same database must learn about sessions and users.

use chrono::TimeDelta;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Timestamptz};
use shared::ids::UserId;
use shared::users::User;
use uuid::Uuid;

use super::schema::{identity_events, users};
use super::token_hash::TokenHash;
use super::users::UserRow;
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

impl IdentityEvent {
    /// The user has another name, kind or rights.
    pub fn changed(user: UserId) -> Self {
        Self { user, session: None, is_disabled: false }
    }
}

/// An event and what must be known to follow it.
pub struct Followed {
    /// The id of the event.
    pub id: Uuid,
    /// The event.
    pub event: IdentityEvent,
    /// The user as they are now.
    pub user: User,
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

/// The events of the last seconds, by the database's clock, oldest first.
pub fn list(conn: &mut PgConnection, seconds: i32) -> DbResult<Vec<Followed>> {
    let rows: Vec<(Uuid, Option<Vec<u8>>, bool, UserRow)> = identity_events::table
        .inner_join(users::table.on(users::id.eq(identity_events::user_id)))
        .filter(identity_events::at.gt(ago!(seconds)))
        .order(identity_events::at)
        .select((
            identity_events::id,
            identity_events::token_hash,
            identity_events::is_disabled,
            UserRow::as_select(),
        ))
        .load(conn)?;
    let followed = |(id, hash, is_disabled, user): (Uuid, Option<Vec<u8>>, bool, UserRow)| {
        let user = User::from(user);
        // A check constraint of `sessions` gives each hash its length.
        let session = hash.and_then(|hash| hash.try_into().ok());
        Followed { id, event: IdentityEvent { user: user.id, session, is_disabled }, user }
    };
    Ok(rows.into_iter().map(followed).collect())
}

/// Deletes old events.
pub fn delete_old(conn: &mut PgConnection) -> DbResult<usize> {
    let seconds = i32::try_from(KEPT.num_seconds()).unwrap_or(i32::MAX);
    diesel::delete(identity_events::table.filter(identity_events::at.lt(ago!(seconds))))
        .execute(conn)
        .map_err(DbError::from)
}
