//! Changing a password, and setting a new one by a link.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use shared::events::CloseCode;
use shared::ids::UserId;
use shared::users::{Password, UserKind};

use super::Accounts;
use super::admin::check_admin;
use super::error::{AccountError, AccountResult, or_none};
use crate::clock;
use crate::db::token_hash::TokenHash;
use crate::db::users::Account;
use crate::db::{self, Conn, audit, password_resets, users};
use crate::passwords::{self, Comparison};
use crate::realtime::connection::Identity;
use crate::sessions::{self, Sessions};

/// How long a link to choose a new password is valid.
pub const RESET_LIFETIME: TimeDelta = TimeDelta::hours(24);

impl Accounts {
    /// Changes a password and ends the user's other sessions.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`] if `current` is wrong, or the user has none.
    pub async fn change_password(
        &self,
        sessions: &Sessions,
        address: IpAddr,
        identity: &Identity,
        current: &Password,
        new: &Password,
    ) -> AccountResult<()> {
        let user = identity.user.clone();
        passwords::check_new(new, &user.username).map_err(AccountError::InvalidPassword)?;
        let id = user.id;
        let Account { hash, .. } = self.db.run(move |conn| users::get(conn, id)).await?;
        if self.passwords.compare(address, current, hash.clone()).await? == Comparison::Wrong {
            return Err(AccountError::WrongPassword);
        }
        let new_hash = self.passwords.hash(address, new).await?;
        let session = identity.session;
        let ended = self
            .write(move |conn| {
                if db::passwords::lock(conn, id)? != hash {
                    return Err(AccountError::WrongPassword);
                }
                replace_password(conn, id, &new_hash, Some(&session))
            })
            .await?;
        sessions.end(&ended, CloseCode::SessionEnded);
        Ok(())
    }

    /// Makes a link that lets a member choose a new password once. Returns its secret and when it expires.
    ///
    /// # Errors
    /// [`AccountError::NoUser`] if there is no such member.
    pub async fn create_reset(&self, by: UserId, id: UserId) -> AccountResult<(String, DateTime<Utc>)> {
        self.write(move |conn| create_reset(conn, Some(by), id)).await
    }

    /// Sets a new password by a link, and ends all sessions and links of the user.
    ///
    /// # Errors
    /// [`AccountError::NoReset`] and [`AccountError::ResetGone`] if the link is not valid.
    pub async fn reset_password(
        &self,
        sessions: &Sessions,
        address: IpAddr,
        secret: &str,
        new: &Password,
    ) -> AccountResult<()> {
        let token_hash: TokenHash = sessions::hash(secret);
        let check = move |conn: &mut Conn| {
            let found = password_resets::lock(conn, &token_hash, clock::now());
            let (user, is_valid) = or_none(found)?.ok_or(AccountError::NoReset)?;
            if is_valid { Ok(user) } else { Err(AccountError::ResetGone) }
        };
        let id = self.read(check).await?;
        let Account { me, .. } = self.db.run(move |conn| users::get(conn, id)).await?;
        passwords::check_new(new, &me.user.username).map_err(AccountError::InvalidPassword)?;
        let hash = self.passwords.hash(address, new).await?;
        let ended = self
            .write(move |conn| {
                let id = check(conn)?;
                replace_password(conn, id, &hash, None)
            })
            .await?;
        sessions.end(&ended, CloseCode::SessionEnded);
        Ok(())
    }
}

/// Makes a link that lets a member choose a new password once.
///
/// # Errors
/// [`AccountError::NoUser`] if there is no such member.
pub fn create_reset(
    conn: &mut Conn,
    by: Option<UserId>,
    id: UserId,
) -> AccountResult<(String, DateTime<Utc>)> {
    check_admin(conn, by)?;
    let now = clock::now();
    let account = or_none(users::get(conn, id))?
        .filter(|account| account.me.user.kind == UserKind::Member && account.me.user.deleted_at.is_none());
    let account = account.ok_or(AccountError::NoUser)?;
    let secret = sessions::new_secret()?;
    let expires_at = now + RESET_LIFETIME;
    password_resets::create(conn, account.me.user.id, &sessions::hash(&secret), expires_at)?;
    audit::create(conn, by, "password_reset", Some(id), now)?;
    Ok((secret, expires_at))
}

fn replace_password(
    conn: &mut Conn,
    id: UserId,
    hash: &str,
    kept: Option<&TokenHash>,
) -> AccountResult<Vec<TokenHash>> {
    db::passwords::set(conn, id, hash)?;
    password_resets::end_all(conn, id, clock::now())?;
    let mut ended = db::tokens::delete_all(conn, id)?;
    ended.extend(db::sessions::delete_others(conn, id, kept)?);
    Ok(ended)
}
