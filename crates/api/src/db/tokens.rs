//! Personal API tokens in the database.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::{TokenId, UserId};
use shared::tokens::{Scope, Token, TokenName};
use shared::users::Me;
use uuid::Uuid;

use super::identity_events::{self, IdentityEvent};
use super::schema::{passwords, tokens, users};
use super::token_hash::TokenHash;
use super::users::UserRow;
use super::{DbError, DbResult};
use crate::policy::Scopes;

/// The precision of the time of the last use. It avoids a write for every request.
const LAST_USED_STEP: TimeDelta = TimeDelta::hours(1);

#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
struct TokenRow {
    id: Uuid,
    name: String,
    may_read: bool,
    may_write: bool,
    may_administer: bool,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

impl TokenRow {
    fn scopes(&self) -> Scopes {
        Scopes { read: self.may_read, write: self.may_write, admin: self.may_administer }
    }
}

impl From<TokenRow> for Token {
    fn from(row: TokenRow) -> Self {
        let scopes = row.scopes();
        Self {
            id: TokenId(row.id),
            name: TokenName::from_stored(row.name),
            scopes: Scope::ALL.into_iter().filter(|scope| scopes.has(*scope)).collect(),
            created_at: row.created_at.into(),
            last_used_at: row.last_used_at.map(Into::into),
            expires_at: row.expires_at.map(Into::into),
        }
    }
}

/// Stores a new token of a user.
pub fn create(
    conn: &mut PgConnection,
    user: UserId,
    token_hash: &TokenHash,
    name: &TokenName,
    scopes: Scopes,
    now: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
) -> DbResult<Token> {
    let row: TokenRow = diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(Uuid::now_v7()),
            tokens::user_id.eq(user.0),
            tokens::token_hash.eq(token_hash.as_slice()),
            tokens::name.eq(name.as_str()),
            tokens::may_read.eq(scopes.read),
            tokens::may_write.eq(scopes.write),
            tokens::may_administer.eq(scopes.admin),
            tokens::created_at.eq(now),
            tokens::expires_at.eq(expires_at),
        ))
        .returning(TokenRow::as_returning())
        .get_result(conn)?;
    Ok(row.into())
}

/// The tokens of a user, newest first. Expired ones are left out.
pub fn list(conn: &mut PgConnection, user: UserId, now: DateTime<Utc>) -> DbResult<Vec<Token>> {
    let rows: Vec<TokenRow> = tokens::table
        .filter(tokens::user_id.eq(user.0))
        .filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(now)))
        .order(tokens::id.desc())
        .select(TokenRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Token::from).collect())
}

/// A token that was found by its hash.
pub struct Found {
    /// Its user.
    pub me: Me,
    /// What it may be used for.
    pub scopes: Scopes,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The user and the scopes of a token. Marks it as used.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such token, it has expired, or its user is disabled.
pub fn get(conn: &mut PgConnection, token_hash: &TokenHash, now: DateTime<Utc>) -> DbResult<Found> {
    let (user, is_admin, has_password, token): (UserRow, bool, bool, TokenRow) = tokens::table
        .inner_join(users::table.left_join(passwords::table))
        .filter(tokens::token_hash.eq(token_hash.as_slice()))
        .filter(tokens::expires_at.is_null().or(tokens::expires_at.gt(now)))
        .filter(users::disabled_at.is_null())
        .select((
            UserRow::as_select(),
            users::is_admin,
            passwords::user_id.nullable().is_not_null(),
            TokenRow::as_select(),
        ))
        .first(conn)?;
    if token.last_used_at.is_none_or(|at| now - at > LAST_USED_STEP) {
        let marked =
            diesel::update(tokens::table.find(token.id)).set(tokens::last_used_at.eq(now)).execute(conn);
        // A failure is tolerated: a database with a full disk can still authenticate.
        if let Err(error) = marked {
            tracing::warn!(%error, "a token could not be marked as used");
        }
    }
    let me = Me { user: user.into(), is_admin, has_password };
    Ok(Found { me, scopes: token.scopes(), expires_at: token.expires_at })
}

/// Deletes a token of a user, and tells other servers. Returns its hash. It must be called in a transaction.
///
/// # Errors
/// [`DbError::NotFound`] if the user has no such token.
pub fn delete(conn: &mut PgConnection, user: UserId, id: TokenId) -> DbResult<TokenHash> {
    let hash: Vec<u8> =
        diesel::delete(tokens::table.filter(tokens::id.eq(id.0)).filter(tokens::user_id.eq(user.0)))
            .returning(tokens::token_hash)
            .get_result(conn)?;
    let hashes = ended(conn, user, vec![hash])?;
    hashes.first().copied().ok_or(DbError::NotFound)
}

/// Deletes all tokens of a user, and tells other servers. Returns their hashes. It must be called in a transaction.
pub fn delete_all(conn: &mut PgConnection, user: UserId) -> DbResult<Vec<TokenHash>> {
    let hashes: Vec<Vec<u8>> = diesel::delete(tokens::table.filter(tokens::user_id.eq(user.0)))
        .returning(tokens::token_hash)
        .get_results(conn)?;
    ended(conn, user, hashes)
}

fn ended(conn: &mut PgConnection, user: UserId, hashes: Vec<Vec<u8>>) -> DbResult<Vec<TokenHash>> {
    let hashes: Vec<TokenHash> = hashes.into_iter().filter_map(|hash| hash.try_into().ok()).collect();
    let events: Vec<IdentityEvent> =
        hashes.iter().map(|hash| IdentityEvent { user, session: Some(*hash), is_disabled: false }).collect();
    identity_events::create(conn, &events)?;
    Ok(hashes)
}
