//! Accounts: signing up and in, and names. `accounts/` has what is done with them: by their users with passwords and
//! tokens, and by admins.

pub mod admin;
mod defaults;
mod error;
pub mod passwords;
mod tokens;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared::admin::{Guests, Registration};
use shared::events::CloseCode;
use shared::ids::UserId;
use shared::timestamp::Timestamp;
use shared::users::{CreateUser, Me, Password, User, UserKind, Username};
use uuid::Uuid;

use self::defaults::Defaults;
use self::error::or_none;
pub use self::error::{AccountError, AccountResult};
use crate::clock;
use crate::config::Config;
use crate::db::identity_events::{self, IdentityEvent};
use crate::db::token_hash::TokenHash;
use crate::db::users::{self, Account};
use crate::db::{self, Conn, Db, DbError};
use crate::passwords::{Comparison, Passwords, check_new};
use crate::realtime::connection::Identity;
use crate::realtime::hub::Hub;
use crate::sessions::{Client, Sessions};

/// How many characters of a name are looked up: more than any account's name has.
const MAX_LOOKED_UP: usize = 64;

/// The accounts.
pub struct Accounts {
    db: Db,
    hub: Arc<Hub>,
    passwords: Passwords,
    defaults: Defaults,
}

impl Accounts {
    /// Creates the accounts on top of `db`. On a server that listens on loopback only, the first account is an admin.
    ///
    /// # Errors
    /// If the operating system has no threads or randomness.
    pub fn start(db: Db, hub: Arc<Hub>, config: &Config) -> std::io::Result<Self> {
        let defaults = Defaults::new(config).map_err(std::io::Error::other)?;
        Ok(Self { db, hub, passwords: Passwords::start()?, defaults })
    }

    /// The secret with which the first admin signs up; `None` if none is needed or the first admin was decided.
    ///
    /// # Errors
    /// If the database does not answer.
    pub fn setup_secret(&self, conn: &mut Conn) -> db::DbResult<Option<String>> {
        self.defaults.setup_secret(conn)
    }

    /// Creates a guest with a session. Returns the token, of which only the hash is stored.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when an account has the name.
    pub async fn create_guest(
        &self,
        sessions: &Sessions,
        client: &Client,
        username: Username,
    ) -> AccountResult<(User, String)> {
        let (new, token) = Sessions::prepare(client)?;
        let user = new_user(username, UserKind::Guest, new.created_at);
        let (guest, session, defaults) = (user.clone(), new.clone(), self.defaults.clone());
        self.write(move |conn| {
            if defaults.guests(conn)? != Guests::Open {
                return Err(AccountError::RegistrationClosed);
            }
            users::check_name(conn, &guest.username, guest.id, session.created_at)?;
            users::create(conn, &guest, false)?;
            Ok(db::sessions::create(conn, guest.id, &session)?)
        })
        .await?;
        let me = Me { user: user.clone(), is_admin: false, has_password: false };
        sessions.remember(&me, &new);
        Ok((user, token))
    }

    /// Creates an account with a session. If `by` is a guest, the guest becomes the member and keeps id, messages and
    /// rooms; their earlier sessions end.
    ///
    /// # Errors
    /// See [`AccountError`].
    pub async fn sign_up(
        &self,
        sessions: &Sessions,
        client: &Client,
        by: Option<&Identity>,
        create: CreateUser,
    ) -> AccountResult<(Me, String)> {
        let CreateUser { username, password, setup } = create;
        if by.is_some_and(|by| by.user.kind != UserKind::Guest) {
            return Err(AccountError::AlreadyMember);
        }
        check_new(&password, &username).map_err(AccountError::InvalidPassword)?;
        let (new, token) = Sessions::prepare(client)?;
        let guest = by.map(|by| by.user.id);
        let user = new_user(username, UserKind::Member, new.created_at);
        let user = User { id: guest.unwrap_or(user.id), ..user };

        // Every refusal that costs little comes before the hash.
        let (defaults, early_setup) = (self.defaults.clone(), setup.clone());
        let (name, id, now) = (user.username.clone(), user.id, new.created_at);
        self.read(move |conn| {
            // The secret of the first admin also opens a closed server.
            let has_secret =
                defaults.may_be_first_admin(conn, early_setup.as_deref())? && early_setup.is_some();
            if defaults.registration(conn)? == Registration::Closed && !has_secret {
                return Err(AccountError::RegistrationClosed);
            }
            Ok(users::check_name(conn, &name, id, now)?)
        })
        .await?;
        let hash = self.passwords.hash(client.address, &password).await?;

        let (defaults, session) = (self.defaults.clone(), new.clone());
        let (me, ended) = self
            .write(move |conn| {
                users::check_name(conn, &user.username, user.id, session.created_at)?;
                let is_admin = defaults.claim_first_admin(conn, setup.as_deref(), session.created_at)?;
                let user = match guest {
                    Some(id) => match users::make_member(conn, id, &user.username, is_admin) {
                        Err(DbError::NotFound) => {
                            let is_disabled = users::get(conn, id)?.disabled_at.is_some();
                            let error = AccountError::AlreadyMember;
                            return Err(if is_disabled { AccountError::Disabled } else { error });
                        }
                        member => member?,
                    },
                    None => {
                        users::create(conn, &user, is_admin)?;
                        user
                    }
                };
                db::passwords::set(conn, user.id, &hash)?;
                let ended = db::sessions::delete_others(conn, user.id, None)?;
                db::sessions::create(conn, user.id, &session)?;
                identity_events::create(conn, &[IdentityEvent::changed(user.id)])?;
                Ok((Me { user, is_admin, has_password: true }, ended))
            })
            .await?;
        sessions.end(&ended, CloseCode::SessionEnded);
        sessions.user_changed(&me.user);
        sessions.remember(&me, &new);
        Ok((me, token))
    }

    /// The account of that name. An ill-formed name is looked up like any other, so that it takes as long.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn find(&self, username: &str) -> AccountResult<Option<Account>> {
        // Postgres has no NUL.
        let name: String = username.trim().chars().take(MAX_LOOKED_UP).filter(|it| *it != '\0').collect();
        Ok(or_none(self.db.run(move |conn| users::find(conn, &name)).await)?)
    }

    /// Opens a session by name and password. The session `replaced` of the same browser ends.
    ///
    /// # Errors
    /// [`AccountError::InvalidCredentials`] says neither whether there is such an account nor whether it has a password.
    pub async fn sign_in(
        &self,
        sessions: &Sessions,
        client: &Client,
        replaced: Option<TokenHash>,
        username: &str,
        password: &Password,
    ) -> AccountResult<(Me, String)> {
        let account = self.find(username).await?;
        let hash = account.as_ref().and_then(|account| account.hash.clone());
        let found = self.passwords.compare(client.address, password, hash).await?;
        let Some(Account { me, disabled_at, hash: Some(hash) }) =
            account.filter(|_| found != Comparison::Wrong)
        else {
            return Err(AccountError::InvalidCredentials);
        };
        if disabled_at.is_some() {
            return Err(AccountError::Disabled);
        }
        let rehashed = match found {
            Comparison::RightButWeak => Some(self.passwords.hash(client.address, password).await?),
            _ => None,
        };
        let (new, token) = Sessions::prepare(client)?;
        let session = new.clone();
        let me = self
            .write(move |conn| {
                // The password may have been changed, or the account disabled, meanwhile.
                if db::passwords::lock(conn, me.user.id)?.as_ref() != Some(&hash) {
                    return Err(AccountError::InvalidCredentials);
                }
                let Account { me, disabled_at, .. } = users::get(conn, me.user.id)?;
                if disabled_at.is_some() {
                    return Err(AccountError::Disabled);
                }
                if let Some(rehashed) = rehashed {
                    db::passwords::set(conn, me.user.id, &rehashed)?;
                }
                db::sessions::delete(conn, replaced.as_slice())?;
                db::sessions::create(conn, me.user.id, &session)?;
                Ok(me)
            })
            .await?;
        sessions.end(replaced.as_slice(), CloseCode::SessionEnded);
        sessions.remember(&me, &new);
        Ok((me, token))
    }

    /// A user with what only they and admins see.
    ///
    /// # Errors
    /// [`AccountError::NoUser`] if there is no such user.
    pub async fn get(&self, id: UserId) -> AccountResult<Account> {
        or_none(self.db.run(move |conn| users::get(conn, id)).await)?.ok_or(AccountError::NoUser)
    }

    /// Renames a user.
    ///
    /// # Errors
    /// [`DbError::Conflict`] if an account has the name.
    pub async fn rename(&self, sessions: &Sessions, user: &User, name: Username) -> AccountResult<Me> {
        let before = user.clone();
        let me = self
            .write(move |conn| {
                let now = clock::now();
                users::check_name(conn, &name, before.id, now)?;
                users::rename(conn, &before, &name, now)?;
                identity_events::create(conn, &[IdentityEvent::changed(before.id)])?;
                Ok(users::get(conn, before.id)?.me)
            })
            .await?;
        sessions.user_changed(&me.user);
        Ok(me)
    }

    /// Ends all sessions of a user but the one of the request.
    ///
    /// # Errors
    /// If the database does not confirm it.
    pub async fn end_other_sessions(&self, sessions: &Sessions, identity: &Identity) -> AccountResult<()> {
        let (user, kept) = (identity.user.id, identity.session);
        let ended = self.write(move |conn| Ok(db::sessions::delete_others(conn, user, Some(&kept))?)).await?;
        sessions.end(&ended, CloseCode::SessionEnded);
        Ok(())
    }

    /// Runs a read.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> AccountResult<T> + Send + 'static,
    ) -> AccountResult<T> {
        self.db.run(move |conn| as_value(work(conn))).await?
    }

    /// Runs a transaction.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> AccountResult<T> + Send + 'static,
    ) -> AccountResult<T> {
        self.db.write(move |conn| as_value(db::transaction(conn, work))).await?
    }
}

/// A result whose errors travel as a value, unless they are the database's: the pool knows only those.
fn as_value<T>(result: AccountResult<T>) -> db::DbResult<AccountResult<T>> {
    match result {
        Err(AccountError::Db(error)) => Err(error),
        other => Ok(other),
    }
}

fn new_user(username: Username, kind: UserKind, now: DateTime<Utc>) -> User {
    User { id: UserId(Uuid::now_v7()), username, kind, created_at: Timestamp::from(now) }
}
