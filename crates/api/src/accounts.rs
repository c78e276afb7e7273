//! Accounts: signing up and in, names, passwords, and what admins do with accounts.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use shared::admin::{Guests, Registration, ServerSettings, UpdateServerSettings};
use shared::events::CloseCode;
use shared::ids::{TokenId, UserId};
use shared::text::Invalid;
use shared::timestamp::Timestamp;
use shared::tokens::{CreateToken, NewToken};
use shared::users::{CreateUser, Me, Password, User, UserKind, Username};
use thiserror::Error;
use uuid::Uuid;

use crate::api_tokens;
use crate::clock;
use crate::config::Config;
use crate::db::identity_events::{self, IdentityEvent};
use crate::db::token_hash::TokenHash;
use crate::db::users::Account;
use crate::db::{self, Conn, Db, DbError, passwords as hashes, settings, users};
use crate::passwords::{self, Comparison, PasswordError, Passwords};
use crate::policy::Scopes;
use crate::realtime::connection::Identity;
use crate::realtime::hub::Hub;
use crate::sessions::{self, Client, Sessions};

/// How long a link to choose a new password is valid.
pub const RESET_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// How many characters of a name are looked up: more than any account's name has.
const MAX_LOOKED_UP: usize = 64;

/// Why an account was not created, opened or changed.
#[derive(Debug, Error)]
pub enum AccountError {
    /// The user has an account already.
    #[error("already a member")]
    AlreadyMember,
    /// The server accepts no new accounts, or no new guests.
    #[error("registration is closed")]
    RegistrationClosed,
    /// There is no such account, or the password is wrong.
    #[error("wrong name or password")]
    InvalidCredentials,
    /// An admin disabled the account.
    #[error("the account is disabled")]
    Disabled,
    /// The current password is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The new password is not acceptable.
    #[error("{0}")]
    InvalidPassword(Invalid),
    /// The setup secret is wrong, or the first admin was decided before.
    #[error("invalid setup secret")]
    InvalidSetup,
    /// Only users with an account may do this.
    #[error("members only")]
    MembersOnly,
    /// The user has no such token.
    #[error("no such token")]
    NoToken,
    /// There is no such user.
    #[error("no such user")]
    NoUser,
    /// No enabled admin would remain.
    #[error("the last admin")]
    LastAdmin,
    /// There never was such a link.
    #[error("no such link")]
    NoReset,
    /// The link was used or has expired.
    #[error("the link is used up")]
    ResetGone,
    /// Passwords cannot be checked now.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// An error of the database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The result of an operation on accounts.
pub type AccountResult<T> = Result<T, AccountError>;

/// The accounts.
pub struct Accounts {
    db: Db,
    hub: Arc<Hub>,
    passwords: Passwords,
    defaults: Defaults,
}

/// What holds while admins have not changed it.
#[derive(Clone)]
struct Defaults {
    registration: Registration,
    guests: Guests,
    /// The secret of the first admin; `None` if whoever signs up first becomes it.
    setup: Option<String>,
}

impl Accounts {
    /// Creates the accounts on top of `db`. On a server that listens on loopback only, the first account is an admin.
    ///
    /// # Errors
    /// If the operating system has no threads or randomness.
    pub fn start(db: Db, hub: Arc<Hub>, config: &Config) -> std::io::Result<Self> {
        let secret = sessions::new_secret().map_err(std::io::Error::other)?;
        let is_local = config.address().ip().is_loopback();
        let defaults = Defaults {
            registration: config.registration,
            guests: config.guests,
            setup: (!is_local).then_some(secret),
        };
        Ok(Self { db, hub, passwords: Passwords::start()?, defaults })
    }

    /// The secret with which the first admin signs up; `None` if none is needed or the first admin was decided.
    ///
    /// # Errors
    /// If the database does not answer.
    pub fn setup_secret(&self, conn: &mut Conn) -> db::DbResult<Option<String>> {
        let is_decided = settings::get(conn)?.first_admin_at.is_some();
        Ok(self.defaults.setup.clone().filter(|_| !is_decided))
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
        passwords::check_new(&password, &username).map_err(AccountError::InvalidPassword)?;
        let (new, token) = Sessions::prepare(client)?;
        let guest = by.map(|by| by.user.id);
        let user = new_user(username, UserKind::Member, new.created_at);
        let user = User { id: guest.unwrap_or(user.id), ..user };

        // Every refusal that costs little comes before the hash.
        let (defaults, early_setup) = (self.defaults.clone(), setup.clone());
        let (name, id, now) = (user.username.clone(), user.id, new.created_at);
        self.write(move |conn| {
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
                hashes::set(conn, user.id, &hash)?;
                let ended = db::sessions::delete_others(conn, user.id, None)?;
                db::sessions::create(conn, user.id, &session)?;
                Ok((Me { user, is_admin, has_password: true }, ended))
            })
            .await?;
        sessions.end(&ended, CloseCode::SessionEnded);
        self.changed(sessions, &me.user);
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
                if hashes::lock(conn, me.user.id)?.as_ref() != Some(&hash) {
                    return Err(AccountError::InvalidCredentials);
                }
                let Account { me, disabled_at, .. } = users::get(conn, me.user.id)?;
                if disabled_at.is_some() {
                    return Err(AccountError::Disabled);
                }
                if let Some(rehashed) = rehashed {
                    hashes::set(conn, me.user.id, &rehashed)?;
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
                identity_events::create(conn, &[changed(before.id)])?;
                Ok(users::get(conn, before.id)?.me)
            })
            .await?;
        self.changed(sessions, &me.user);
        Ok(me)
    }

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
                if hashes::lock(conn, id)? != hash {
                    return Err(AccountError::WrongPassword);
                }
                replace_password(conn, id, &new_hash, Some(&session))
            })
            .await?;
        sessions.end(&ended, CloseCode::SessionEnded);
        Ok(())
    }

    /// Creates an API token. Returns its text, of which only the hash is stored.
    ///
    /// # Errors
    /// [`AccountError::MembersOnly`], and [`AccountError::WrongPassword`] if the password is wrong.
    pub async fn create_token(
        &self,
        address: IpAddr,
        identity: &Identity,
        create: CreateToken,
    ) -> AccountResult<NewToken> {
        let CreateToken { name, scopes, password, expires_in_seconds } = create;
        if identity.user.kind == UserKind::Guest {
            return Err(AccountError::MembersOnly);
        }
        let id = identity.user.id;
        let Account { hash, .. } = self.db.run(move |conn| users::get(conn, id)).await?;
        if self.passwords.compare(address, &password, hash.clone()).await? == Comparison::Wrong {
            return Err(AccountError::WrongPassword);
        }
        let token = api_tokens::generate()?;
        let token_hash = sessions::hash(&token);
        let info = self
            .write(move |conn| {
                // A password that was changed meanwhile has revoked all tokens.
                if hashes::lock(conn, id)? != hash {
                    return Err(AccountError::WrongPassword);
                }
                let now = clock::now();
                let expires_at = expires_in_seconds.map(|seconds| now + TimeDelta::seconds(seconds));
                Ok(db::tokens::create(conn, id, &token_hash, &name, Scopes::of(&scopes), now, expires_at)?)
            })
            .await?;
        Ok(NewToken { token, info })
    }

    /// Deletes an API token, and closes its sockets.
    ///
    /// # Errors
    /// [`AccountError::NoToken`] if the user has no such token.
    pub async fn delete_token(&self, sessions: &Sessions, user: UserId, id: TokenId) -> AccountResult<()> {
        let ended = self
            .write(move |conn| or_none(db::tokens::delete(conn, user, id))?.ok_or(AccountError::NoToken))
            .await?;
        sessions.end(&[ended], CloseCode::SessionEnded);
        Ok(())
    }

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
        self.changed(sessions, &account.me.user);
        Ok(account)
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
            let found = hashes::lock_reset(conn, &token_hash, clock::now());
            let (user, is_valid) = or_none(found)?.ok_or(AccountError::NoReset)?;
            if is_valid { Ok(user) } else { Err(AccountError::ResetGone) }
        };
        let id = self.write(check).await?;
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
            let UpdateServerSettings { registration, guests } = update;
            settings::update(conn, registration.map(Registration::name), guests.map(Guests::name))?;
            settings::audit(conn, Some(by), "settings", None, clock::now())?;
            Ok(ServerSettings { registration: defaults.registration(conn)?, guests: defaults.guests(conn)? })
        })
        .await
    }

    /// Tells this server that a user has changed.
    fn changed(&self, sessions: &Sessions, user: &User) {
        sessions.user_changed(user.id);
        self.hub.user_changed(&Arc::new(user.clone()));
    }

    /// Runs a transaction.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> AccountResult<T> + Send + 'static,
    ) -> AccountResult<T> {
        // The pool knows only errors of the database, so the others travel as values.
        let outcome = self.db.write(move |conn| match db::transaction(conn, work) {
            Err(AccountError::Db(error)) => Err(error),
            other => Ok(other),
        });
        outcome.await?
    }
}

impl Defaults {
    fn registration(&self, conn: &mut Conn) -> AccountResult<Registration> {
        let stored = settings::get(conn)?.registration;
        let named = |name: String| Registration::ALL.into_iter().find(|known| known.name() == name);
        Ok(stored.and_then(named).unwrap_or(self.registration))
    }

    fn guests(&self, conn: &mut Conn) -> AccountResult<Guests> {
        let stored = settings::get(conn)?.guests;
        let named = |name: String| Guests::ALL.into_iter().find(|known| known.name() == name);
        Ok(stored.and_then(named).unwrap_or(self.guests))
    }

    /// Whether a new account can be the first admin: on loopback if it is the first account, elsewhere with the secret.
    fn may_be_first_admin(&self, conn: &mut Conn, setup: Option<&str>) -> AccountResult<bool> {
        let may_be = match (&self.setup, setup) {
            (None, _) => !users::has_accounts(conn)?,
            (Some(_), None) => false,
            // Hashes, so that the time of the comparison tells nothing about the secret.
            (Some(secret), Some(setup)) => Sha256::digest(secret) == Sha256::digest(setup),
        };
        let may_be = may_be && settings::get(conn)?.first_admin_at.is_none();
        if setup.is_some() && !may_be {
            return Err(AccountError::InvalidSetup);
        }
        Ok(may_be)
    }

    /// Whether a new account is the first admin. It is decided once, also when several sign up at the same time.
    fn claim_first_admin(
        &self,
        conn: &mut Conn,
        setup: Option<&str>,
        now: DateTime<Utc>,
    ) -> AccountResult<bool> {
        let is_first = self.may_be_first_admin(conn, setup)? && settings::claim_first_admin(conn, now)?;
        if setup.is_some() && !is_first {
            return Err(AccountError::InvalidSetup);
        }
        Ok(is_first)
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
    let now = clock::now();
    let before = or_none(users::get(conn, id))?.ok_or(AccountError::NoUser)?;
    if is_admin == Some(true) && before.me.user.kind != UserKind::Member {
        return Err(AccountError::NoUser);
    }
    if !users::update_account(conn, id, is_admin, is_disabled, now)? {
        return Err(AccountError::LastAdmin);
    }
    for (change, on, off) in [(is_admin, "promote", "demote"), (is_disabled, "disable", "enable")] {
        if let Some(change) = change {
            settings::audit(conn, by, if change { on } else { off }, Some(id), now)?;
        }
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
    let event = IdentityEvent { is_disabled: is_disabled == Some(true), ..changed(id) };
    identity_events::create(conn, &[event])?;
    Ok((users::get(conn, id)?, ended))
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
    let now = clock::now();
    let account = or_none(users::get(conn, id))?.filter(|account| account.me.user.kind == UserKind::Member);
    let account = account.ok_or(AccountError::NoUser)?;
    let secret = sessions::new_secret()?;
    let expires_at = now + RESET_LIFETIME;
    hashes::create_reset(conn, account.me.user.id, &sessions::hash(&secret), expires_at)?;
    settings::audit(conn, by, "password_reset", Some(id), now)?;
    Ok((secret, expires_at))
}

/// Creates an account without a session, and with an unknown password: a link sets it.
///
/// # Errors
/// [`DbError::Conflict`] if an account has the name.
pub fn create(conn: &mut Conn, name: Username) -> AccountResult<User> {
    let now = clock::now();
    let user = new_user(name, UserKind::Member, now);
    users::check_name(conn, &user.username, user.id, now)?;
    users::create(conn, &user, false)?;
    settings::audit(conn, None, "create", Some(user.id), now)?;
    Ok(user)
}

fn replace_password(
    conn: &mut Conn,
    id: UserId,
    hash: &str,
    kept: Option<&TokenHash>,
) -> AccountResult<Vec<TokenHash>> {
    hashes::set(conn, id, hash)?;
    hashes::end_resets(conn, id, clock::now())?;
    let mut ended = db::tokens::delete_all(conn, id)?;
    ended.extend(db::sessions::delete_others(conn, id, kept)?);
    Ok(ended)
}

fn new_user(username: Username, kind: UserKind, now: DateTime<Utc>) -> User {
    User { id: UserId(Uuid::now_v7()), username, kind, created_at: Timestamp::from(now) }
}

fn changed(user: UserId) -> IdentityEvent {
    IdentityEvent { user, session: None, is_disabled: false }
}

fn or_none<T>(result: db::DbResult<T>) -> db::DbResult<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(DbError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
