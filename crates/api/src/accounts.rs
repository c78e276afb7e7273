//! Accounts: signing up and in, and names. `accounts/` has what is done with them: by their users with passwords and
//! tokens, and by admins.

pub mod admin;
mod defaults;
mod error;
pub mod passwords;
mod tokens;

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared::admin::{Guests, Registration};
use shared::errors::ErrorCode;
use shared::events::CloseCode;
use shared::ids::{RoomId, SessionId, UserId};
use shared::timestamp::Timestamp;
use shared::users::{CreateUser, DeletedMessages, Me, Password, User, UserKind, Username};
use uuid::Uuid;

use self::defaults::Defaults;
use self::error::or_none;
pub use self::error::{AccountError, AccountResult};
use crate::clock;
use crate::config::Config;
use crate::db::identity_events::{self, IdentityEvent};
use crate::db::token_hash::TokenHash;
use crate::db::user_tasks::{self, Task};
use crate::db::users::{self, Account};
use crate::db::{self, Conn, Db, DbError};
use crate::files::key::FileKey;
use crate::passwords::{Comparison, Passwords, check_new};
use crate::realtime::connection::Identity;
use crate::realtime::hub::Hub;
use crate::rooms::Done;
use crate::rooms::error::RoomError;
use crate::rooms::invites::redeem;
use crate::sessions::{self, Client, Sessions};
use crate::writer::Writer;

/// How many characters of a name are looked up: more than any account's name has.
const MAX_LOOKED_UP: usize = 64;

/// An invite that is used to sign up.
#[derive(Clone, Copy, Debug)]
pub struct Invited {
    room_id: RoomId,
    secret_hash: TokenHash,
    /// Whether it lets in where registration is closed. Invites by guests do not.
    lets_in: bool,
}

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

    /// Creates a guest with a session. Returns the token, of which only the hash is stored. With an invite, the guest
    /// joins its room in the same transaction.
    ///
    /// # Errors
    /// [`DbError::Conflict`] when an account has the name.
    pub async fn create_guest(
        &self,
        sessions: &Sessions,
        writer: &Writer,
        client: &Client,
        username: Username,
        invite: Option<Invited>,
        address_hash: Vec<u8>,
    ) -> AccountResult<(User, String)> {
        let (new, token) = Sessions::prepare(client)?;
        let user = new_user(username, UserKind::Guest, new.created_at);
        let (guest, session, defaults) = (user.clone(), new.clone(), self.defaults.clone());
        let lets_in = invite.is_some_and(|invite| invite.lets_in);
        self.write_invited(writer, invite, user.id, session.id, move |conn| {
            match defaults.guests(conn)? {
                Guests::Open => {}
                Guests::Invited if lets_in => {}
                _ => return Err(AccountError::RegistrationClosed),
            }
            users::check_name(conn, &guest.username, guest.id, session.created_at)?;
            users::create(conn, &guest, false, Some(&address_hash))?;
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
        writer: &Writer,
        client: &Client,
        by: Option<&Identity>,
        create: CreateUser,
        invite: Option<Invited>,
    ) -> AccountResult<(Me, String)> {
        let CreateUser { username, password, setup, invite: _ } = create;
        let lets_in = invite.is_some_and(|invite| invite.lets_in);
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
            if defaults.registration(conn)? == Registration::Closed && !has_secret && !lets_in {
                return Err(AccountError::RegistrationClosed);
            }
            Ok(users::check_name(conn, &name, id, now)?)
        })
        .await?;
        let hash = self.passwords.hash(client.address, &password).await?;

        let (defaults, session) = (self.defaults.clone(), new.clone());
        let user_id = user.id;
        let stored = self
            .write_invited(writer, invite, user_id, session.id, move |conn| {
                let (user, hash) = (user.clone(), hash.clone());
                users::check_name(conn, &user.username, user.id, session.created_at)?;
                let is_admin = defaults.claim_first_admin(conn, setup.as_deref(), session.created_at)?;
                let user = match guest {
                    Some(id) => match users::make_member(conn, id, &user.username, is_admin) {
                        Err(DbError::NotFound) => {
                            let is_disabled = users::get(conn, id)?.disabled_at.is_some();
                            let error = AccountError::AlreadyMember;
                            return Err(if is_disabled { AccountError::Disabled } else { error });
                        }
                        member => {
                            user_tasks::create(conn, id, Task::Upgrade)?;
                            member?
                        }
                    },
                    None => {
                        users::create(conn, &user, is_admin, None)?;
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
        let (me, ended) = match stored {
            Some(stored) => stored,
            // An earlier attempt stored it. The sessions that it ended are found by the identity events.
            None => (self.get(user_id).await?.me, Vec::new()),
        };
        sessions.end(&ended, CloseCode::SessionEnded);
        sessions.user_changed(&me.user);
        sessions.remember(&me, &new);
        Ok((me, token))
    }

    /// The invite of a secret.
    ///
    /// # Errors
    /// [`AccountError::Refused`] if there never was one, or it is gone.
    pub async fn invited(&self, secret: String) -> AccountResult<Invited> {
        self.read(move |conn| {
            let secret_hash = sessions::hash(&secret);
            let found = match db::invites::find(conn, &secret_hash) {
                Err(DbError::NotFound) => Err(ErrorCode::InviteNotFound),
                found => Ok(found?),
            };
            let found = found.map_err(|code| AccountError::Refused(code.into()))?;
            if !found.is_valid(clock::now()) {
                return Err(AccountError::Refused(ErrorCode::InviteGone.into()));
            }
            let lets_in = found.invite.created_by.kind != UserKind::Guest;
            Ok(Invited { room_id: found.room_id, secret_hash, lets_in })
        })
        .await
    }

    /// Runs a transaction that stores a user with a session. With an invite, it also joins the user to the room, and so
    /// it is run by the writer. Returns `None` if an earlier attempt stored them.
    async fn write_invited<T: Send + 'static>(
        &self,
        writer: &Writer,
        invite: Option<Invited>,
        user: UserId,
        session: SessionId,
        work: impl Fn(&mut Conn) -> AccountResult<T> + Send + 'static,
    ) -> AccountResult<Option<T>> {
        let Some(Invited { room_id, secret_hash, .. }) = invite else {
            return self.write(move |conn| work(conn)).await.map(Some);
        };
        let stored = writer.change(room_id, move |conn, attempt| {
            if db::sessions::exists(conn, session)? {
                return Ok(Done::unchanged(Ok(None)));
            }
            // A savepoint: a refusal undoes everything.
            let stored = db::transaction(conn, |conn| {
                let stored = work(conn)?;
                match redeem(conn, room_id, &secret_hash, user, attempt) {
                    Ok(Done { publication, .. }) => Ok((stored, publication)),
                    Err(RoomError::Refused(refusal)) => Err(AccountError::Refused(refusal)),
                    Err(RoomError::Db(error)) => Err(error.into()),
                }
            });
            match stored {
                Ok((stored, publication)) => Ok(Done { value: Ok(Some(stored)), publication }),
                Err(AccountError::Db(error)) => Err(error.into()),
                Err(error) => Ok(Done::unchanged(Err(error))),
            }
        });
        match stored.await {
            Ok(stored) => stored,
            Err(error) => Err(error.into()),
        }
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
                user_tasks::create(conn, before.id, Task::Rename)?;
                Ok(users::get(conn, before.id)?.me)
            })
            .await?;
        sessions.user_changed(&me.user);
        Ok(me)
    }

    /// Changes the picture of a user, whose bytes are stored under the key; without a key, removes it.
    ///
    /// # Errors
    /// If the database does not confirm it.
    pub async fn set_avatar(
        &self,
        sessions: &Sessions,
        id: UserId,
        key: Option<FileKey>,
    ) -> AccountResult<Me> {
        let me = self
            .write(move |conn| {
                users::set_avatar(conn, id, key.as_ref().map(FileKey::as_str), clock::now())?;
                identity_events::create(conn, &[IdentityEvent::changed(id)])?;
                user_tasks::create(conn, id, Task::Rename)?;
                Ok(users::get(conn, id)?.me)
            })
            .await?;
        sessions.user_changed(&me.user);
        Ok(me)
    }

    /// Deletes a user at their own wish: their sessions, tokens and password are gone, and they leave all rooms. Their
    /// messages stay under another name, or are erased in the background.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`], and [`AccountError::LastAdmin`] for the last admin.
    pub async fn delete(
        &self,
        sessions: &Sessions,
        address: IpAddr,
        identity: &Identity,
        password: Option<Password>,
        messages: DeletedMessages,
    ) -> AccountResult<()> {
        let id = identity.user.id;
        let Account { hash, .. } = self.db.run(move |conn| users::get(conn, id)).await?;
        if hash.is_some() {
            let password = password.ok_or(AccountError::WrongPassword)?;
            if self.passwords.compare(address, &password, hash.clone()).await? == Comparison::Wrong {
                return Err(AccountError::WrongPassword);
            }
        }
        let ended = self
            .write(move |conn| {
                users::lock_admins(conn)?;
                if db::passwords::lock(conn, id)? != hash {
                    return Err(AccountError::WrongPassword);
                }
                let Account { me, .. } = users::get(conn, id)?;
                if me.is_admin && !users::has_other_admin(conn, id)? {
                    return Err(AccountError::LastAdmin);
                }
                let mut ended = db::tokens::delete_all(conn, id)?;
                ended.extend(db::sessions::delete_others(conn, id, None)?);
                db::passwords::delete(conn, id)?;
                db::password_resets::end_all(conn, id, clock::now())?;
                users::delete(conn, &me.user, clock::now())?;
                db::attachments::delete_unclaimed_of(conn, id, clock::now())?;
                user_tasks::create(conn, id, Task::Leave)?;
                if messages == DeletedMessages::Erase {
                    user_tasks::create(conn, id, Task::Erase)?;
                }
                identity_events::create(conn, &[IdentityEvent::changed(id)])?;
                Ok(ended)
            })
            .await?;
        sessions.end(&ended, CloseCode::SessionEnded);
        self.hub.end_user(id, CloseCode::SessionEnded);
        let deleted = self.get(id).await?.me.user;
        sessions.user_changed(&deleted);
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
    let (id, created_at) = (UserId(Uuid::now_v7()), Timestamp::from(now));
    User { id, username, kind, avatar_url: None, created_at, deleted_at: None }
}
