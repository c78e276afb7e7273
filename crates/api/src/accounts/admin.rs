//! What admins, and the command line, do with accounts.

use shared::admin::{Guests, Registration, ServerSettings, UpdateServerSettings};
use shared::errors::ErrorCode;
use shared::events::CloseCode;
use shared::ids::UserId;
use shared::users::{User, UserKind, Username};

use super::Accounts;
use super::error::{AccountError, AccountResult, or_none};
use super::new_user;
use crate::clock;
use crate::db::identity_events::{self, IdentityEvent};
use crate::db::token_hash::TokenHash;
use crate::db::user_tasks::{self, Task};
use crate::db::users::Account;
use crate::db::{self, Conn, audit, settings, users};
use crate::sessions::Sessions;

impl Accounts {
    /// Makes an account an admin or not, and disables or enables it, on behalf of `by`.
    ///
    /// # Errors
    /// [`AccountError::LastAdmin`] if no enabled admin would remain.
    pub async fn administer(
        &self,
        sessions: &Sessions,
        by: UserId,
        id: UserId,
        is_admin: Option<bool>,
        is_disabled: Option<bool>,
    ) -> AccountResult<Account> {
        let (account, ended) =
            self.write(move |conn| administer(conn, Some(by), id, is_admin, is_disabled)).await?;
        if account.disabled_at.is_some() {
            // Also those of guests, whose sessions are kept.
            self.hub.end_user(id, CloseCode::Forbidden);
        }
        sessions.end(&ended, CloseCode::Forbidden);
        sessions.user_changed(&account.me.user);
        Ok(account)
    }

    /// Who may create an account, and who may come as a guest.
    ///
    /// # Errors
    /// Errors of the database.
    pub async fn settings(&self) -> AccountResult<ServerSettings> {
        let defaults = self.defaults.clone();
        self.read(move |conn| {
            Ok(ServerSettings { registration: defaults.registration(conn)?, guests: defaults.guests(conn)? })
        })
        .await
    }

    /// Changes the settings that are given, on behalf of `by`. Returns those that hold then.
    ///
    /// # Errors
    /// If the database does not confirm it.
    pub async fn update_settings(
        &self,
        by: UserId,
        update: UpdateServerSettings,
    ) -> AccountResult<ServerSettings> {
        let defaults = self.defaults.clone();
        self.write(move |conn| {
            check_admin(conn, Some(by))?;
            let UpdateServerSettings { registration, guests } = update;
            settings::update(conn, registration.map(Registration::name), guests.map(Guests::name))?;
            audit::create(conn, Some(by), "settings", None, clock::now())?;
            Ok(ServerSettings { registration: defaults.registration(conn)?, guests: defaults.guests(conn)? })
        })
        .await
    }
}

/// Locks who is an admin until the transaction ends, and checks that `by` still is one: a demotion may have come after
/// the request. `None` is the command line.
///
/// # Errors
/// `admin_only`.
pub(super) fn check_admin(conn: &mut Conn, by: Option<UserId>) -> AccountResult<()> {
    users::lock_admins(conn)?;
    match by {
        Some(by) if !users::is_admin(conn, by)? => Err(AccountError::Refused(ErrorCode::AdminOnly.into())),
        _ => Ok(()),
    }
}

/// Makes an account an admin or not, and disables or enables it. Returns the sessions that ended.
///
/// # Errors
/// [`AccountError::NoUser`], and [`AccountError::LastAdmin`] if no enabled admin would remain.
pub fn administer(
    conn: &mut Conn,
    by: Option<UserId>,
    id: UserId,
    is_admin: Option<bool>,
    is_disabled: Option<bool>,
) -> AccountResult<(Account, Vec<TokenHash>)> {
    check_admin(conn, by)?;
    let now = clock::now();
    let before = or_none(users::get(conn, id))?.ok_or(AccountError::NoUser)?;
    if before.me.user.deleted_at.is_some() {
        return Err(AccountError::NoUser);
    }
    if is_admin == Some(true) && before.me.user.kind != UserKind::Member {
        return Err(AccountError::NoUser);
    }
    if !users::update_account(conn, id, is_admin, is_disabled, now)? {
        return Err(AccountError::LastAdmin);
    }
    for (change, on, off) in [(is_admin, "promote", "demote"), (is_disabled, "disable", "enable")] {
        if let Some(change) = change {
            audit::create(conn, by, if change { on } else { off }, Some(id), now)?;
        }
    }
    if is_disabled == Some(true) {
        user_tasks::create(conn, id, Task::PassOn)?;
        db::invites::revoke_all_of(conn, id, false, now)?;
    }
    if is_admin == Some(false) {
        db::invites::revoke_all_of(conn, id, true, now)?;
    }
    if is_admin == Some(true) {
        // The server has an admin, however that came about: nobody becomes it by signing up.
        settings::claim_first_admin(conn, now)?;
    }
    // A guest has no password to come back with, so their session waits.
    let ended = if is_disabled == Some(true) && before.me.user.kind != UserKind::Guest {
        let mut ended = db::sessions::delete_disabled(conn, id)?;
        ended.extend(db::tokens::delete_all(conn, id)?);
        ended
    } else {
        Vec::new()
    };
    let event = IdentityEvent { is_disabled: is_disabled == Some(true), ..IdentityEvent::changed(id) };
    identity_events::create(conn, &[event])?;
    Ok((users::get(conn, id)?, ended))
}

/// Creates an account without a session, and with an unknown password: a link sets it.
///
/// # Errors
/// [`DbError::Conflict`] if an account has the name.
pub fn create(conn: &mut Conn, name: Username) -> AccountResult<User> {
    let now = clock::now();
    let user = new_user(name, UserKind::Member, now);
    users::check_name(conn, &user.username, user.id, now)?;
    users::create(conn, &user, false, None)?;
    audit::create(conn, None, "create", Some(user.id), now)?;
    Ok(user)
}
