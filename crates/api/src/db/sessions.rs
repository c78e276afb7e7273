//! Sessions in the database.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::{SessionId, UserId};
use shared::sessions::Session;
use shared::users::Me;
use uuid::Uuid;

use super::identity_events::{self, IdentityEvent};
use super::schema::{passwords, sessions, users};
use super::token_hash::TokenHash;
use super::users::UserRow;
use super::{DbError, DbResult};

/// The precision of the time of the last use. It avoids a write for every request.
const LAST_SEEN_STEP: TimeDelta = TimeDelta::hours(1);

/// A session to store.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The id.
    pub id: SessionId,
    /// The hash of the token.
    pub token_hash: TokenHash,
    /// The program that signs in, as it calls itself.
    pub user_agent: Option<String>,
    /// The address from which the user signs in.
    pub address: String,
    /// The server's time.
    pub created_at: DateTime<Utc>,
}

/// Stores a new session of a user.
pub fn create(conn: &mut PgConnection, user: UserId, new: &NewSession) -> DbResult<()> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(new.id.0),
            sessions::token_hash.eq(new.token_hash.as_slice()),
            sessions::user_id.eq(user.0),
            sessions::created_at.eq(new.created_at),
            sessions::last_seen_at.eq(new.created_at),
            sessions::user_agent.eq(&new.user_agent),
            sessions::address.eq(&new.address),
        ))
        .execute(conn)?;
    Ok(())
}

/// Whether a session is stored.
pub fn exists(conn: &mut PgConnection, id: SessionId) -> DbResult<bool> {
    let row = sessions::table.filter(sessions::id.eq(id.0));
    Ok(diesel::select(diesel::dsl::exists(row)).get_result(conn)?)
}

type SessionRow = (Uuid, Vec<u8>, DateTime<Utc>, DateTime<Utc>, Option<String>, Option<String>);

/// The sessions of a user that were created after `oldest` and used after `idle_since`, newest first.
pub fn list(
    conn: &mut PgConnection,
    user: UserId,
    current: &TokenHash,
    oldest: DateTime<Utc>,
    idle_since: DateTime<Utc>,
) -> DbResult<Vec<Session>> {
    let rows: Vec<SessionRow> = sessions::table
        .filter(sessions::user_id.eq(user.0))
        .filter(sessions::created_at.gt(oldest))
        .filter(sessions::last_seen_at.gt(idle_since))
        .order((sessions::created_at.desc(), sessions::id))
        .select((
            sessions::id,
            sessions::token_hash,
            sessions::created_at,
            sessions::last_seen_at,
            sessions::user_agent,
            sessions::address,
        ))
        .load(conn)?;
    let session = |(id, hash, created_at, last_seen_at, user_agent, address): SessionRow| Session {
        id: SessionId(id),
        created_at: created_at.into(),
        last_seen_at: last_seen_at.into(),
        user_agent,
        address,
        is_current: hash == current,
    };
    Ok(rows.into_iter().map(session).collect())
}

/// The hash of a session's token.
///
/// # Errors
/// [`DbError::NotFound`] if the user has no such session.
pub fn find(conn: &mut PgConnection, user: UserId, id: SessionId) -> DbResult<TokenHash> {
    let hash: Vec<u8> = sessions::table
        .filter(sessions::id.eq(id.0))
        .filter(sessions::user_id.eq(user.0))
        .select(sessions::token_hash)
        .first(conn)?;
    hash.try_into().map_err(|_| DbError::NotFound)
}

/// Deletes the sessions of a user, except one. Returns the hashes of their tokens.
pub fn delete_others(
    conn: &mut PgConnection,
    user: UserId,
    except: Option<&TokenHash>,
) -> DbResult<Vec<TokenHash>> {
    let except: &[u8] = except.map_or(&[], TokenHash::as_slice);
    let hashes: Vec<Vec<u8>> = diesel::delete(
        sessions::table.filter(sessions::user_id.eq(user.0)).filter(sessions::token_hash.ne(except)),
    )
    .returning(sessions::token_hash)
    .get_results(conn)?;
    ended(conn, user, hashes, false)
}

/// Deletes the sessions of a user who was disabled. Returns the hashes of their tokens.
pub fn delete_disabled(conn: &mut PgConnection, user: UserId) -> DbResult<Vec<TokenHash>> {
    let hashes: Vec<Vec<u8>> = diesel::delete(sessions::table.filter(sessions::user_id.eq(user.0)))
        .returning(sessions::token_hash)
        .get_results(conn)?;
    ended(conn, user, hashes, true)
}

/// Tells other servers that sessions ended.
fn ended(
    conn: &mut PgConnection,
    user: UserId,
    hashes: Vec<Vec<u8>>,
    is_disabled: bool,
) -> DbResult<Vec<TokenHash>> {
    let hashes: Vec<TokenHash> = hashes.into_iter().filter_map(|hash| hash.try_into().ok()).collect();
    let events: Vec<IdentityEvent> =
        hashes.iter().map(|hash| IdentityEvent { user, session: Some(*hash), is_disabled }).collect();
    identity_events::create(conn, &events)?;
    Ok(hashes)
}

/// The user of a session that was created after `oldest` and used after `idle_since`. Marks it as used.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such session, or it has expired.
pub fn get(
    conn: &mut PgConnection,
    token_hash: &TokenHash,
    oldest: DateTime<Utc>,
    idle_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> DbResult<Me> {
    let live = sessions::table
        .inner_join(users::table.left_join(passwords::table))
        .filter(sessions::token_hash.eq(token_hash.as_slice()))
        .filter(sessions::created_at.gt(oldest))
        .filter(sessions::last_seen_at.gt(idle_since))
        .filter(users::disabled_at.is_null())
        .filter(users::deleted_at.is_null());
    let (row, is_admin, has_password, last_seen_at): (UserRow, bool, bool, DateTime<Utc>) = live
        .select((
            UserRow::as_select(),
            users::is_admin,
            passwords::user_id.nullable().is_not_null(),
            sessions::last_seen_at,
        ))
        .first(conn)?;
    if now - last_seen_at > LAST_SEEN_STEP {
        let marked = diesel::update(sessions::table.find(token_hash.as_slice()))
            .set(sessions::last_seen_at.eq(now))
            .execute(conn);
        // A failure is tolerated: a database with a full disk can still authenticate.
        if let Err(error) = marked {
            tracing::warn!(%error, "a session could not be marked as used");
        }
    }
    Ok(Me { user: row.into(), is_admin, has_password })
}

/// Deletes sessions, and tells other servers. Unknown ones are ignored. It must be called in a transaction.
pub fn delete(conn: &mut PgConnection, token_hashes: &[TokenHash]) -> DbResult<()> {
    let hashes: Vec<&[u8]> = token_hashes.iter().map(TokenHash::as_slice).collect();
    let deleted: Vec<(Vec<u8>, Uuid)> =
        diesel::delete(sessions::table.filter(sessions::token_hash.eq_any(hashes)))
            .returning((sessions::token_hash, sessions::user_id))
            .get_results(conn)?;
    let events: Vec<IdentityEvent> = deleted
        .into_iter()
        .map(|(hash, user)| IdentityEvent {
            user: UserId(user),
            session: hash.try_into().ok(),
            is_disabled: false,
        })
        .collect();
    identity_events::create(conn, &events)
}

/// Deletes up to `limit` sessions that expired by age, and as many that expired without use. Returns their number.
pub fn delete_expired(
    conn: &mut PgConnection,
    oldest: DateTime<Utc>,
    idle_since: DateTime<Utc>,
    limit: i64,
) -> DbResult<usize> {
    // Two queries, because each is one range of an index.
    let mut found: Vec<Vec<u8>> = sessions::table
        .filter(sessions::created_at.le(oldest))
        .order(sessions::created_at)
        .limit(limit)
        .select(sessions::token_hash)
        .load(conn)?;
    let unused: Vec<Vec<u8>> = sessions::table
        .filter(sessions::last_seen_at.le(idle_since))
        .order(sessions::last_seen_at)
        .limit(limit)
        .select(sessions::token_hash)
        .load(conn)?;
    found.extend(unused);
    if found.is_empty() {
        return Ok(0);
    }
    diesel::delete(sessions::table.filter(sessions::token_hash.eq_any(found)))
        .execute(conn)
        .map_err(DbError::from)
}
