//! Users in the database.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use shared::ids::UserId;
use shared::page::{Cursor, Page};
use shared::users::{Me, User, UserKind, Username};
use uuid::Uuid;

use super::name_key::{name_key, name_skeleton};
use super::page::{self, Direction, InvalidCursor};
use super::schema::{passwords, retired_names, server_settings, users};
use super::{DbError, DbResult, file_deletions};
use crate::files::key;

/// The public columns of `users`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct UserRow {
    id: Uuid,
    username: String,
    kind: String,
    created_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    avatar_key: Option<String>,
}

/// The columns of [`UserRow`], for aliases of the table.
pub(super) const COLUMNS: (
    users::id,
    users::username,
    users::kind,
    users::created_at,
    users::deleted_at,
    users::avatar_key,
) = (users::id, users::username, users::kind, users::created_at, users::deleted_at, users::avatar_key);

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let UserRow { id, username, kind, created_at, deleted_at, avatar_key } = row;
        Self {
            id: UserId(id),
            username: Username::from_stored(username),
            kind: kind_from_text(&kind),
            avatar_url: avatar_key.as_deref().map(key::path),
            created_at: created_at.into(),
            deleted_at: deleted_at.map(Into::into),
        }
    }
}

/// The constraint that keeps the names of accounts unique. `crate::error` maps it to an error code.
pub const ACCOUNT_NAME_KEY: &str = "users_account_name_key";
/// The constraint that keeps accounts from looking alike. `crate::error` maps it to an error code.
pub const ACCOUNT_SKELETON_KEY: &str = "users_account_skeleton_key";

/// The condition of the partial indexes [`ACCOUNT_NAME_KEY`] and [`ACCOUNT_SKELETON_KEY`], verbatim. If it had a
/// parameter, a generic plan could not use the indexes.
const IS_ACCOUNT: &str = "users.kind <> 'guest'";

/// Names that nobody may have.
const RESERVED: [&str; 6] = ["Deleted user", "everyone", "here", "admin", "system", "server"];

/// How long nobody else may take a name that an account gave up.
const RETIREMENT: TimeDelta = TimeDelta::days(90);

/// A user with what only the user themselves and admins see.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user.
    pub me: Me,
    /// Since when the account is disabled.
    pub disabled_at: Option<DateTime<Utc>>,
    /// The hash of the password.
    pub hash: Option<String>,
}

type AccountRow = (UserRow, bool, Option<DateTime<Utc>>, Option<String>);

fn account((row, is_admin, disabled_at, hash): AccountRow) -> Account {
    Account { me: Me { user: row.into(), is_admin, has_password: hash.is_some() }, disabled_at, hash }
}

/// A query for accounts.
macro_rules! accounts {
    () => {
        users::table.left_join(passwords::table).select((
            UserRow::as_select(),
            users::is_admin,
            users::disabled_at,
            passwords::hash.nullable(),
        ))
    };
}

/// A user.
///
/// # Errors
/// [`DbError::NotFound`] if there is none.
pub fn get(conn: &mut PgConnection, id: UserId) -> DbResult<Account> {
    Ok(account(accounts!().filter(users::id.eq(id.0)).first(conn)?))
}

/// The account of that name, regardless of case.
///
/// # Errors
/// [`DbError::NotFound`] if there is none.
pub fn find(conn: &mut PgConnection, name: &str) -> DbResult<Account> {
    let of_name = accounts!().filter(sql::<Bool>(IS_ACCOUNT)).filter(users::username_key.eq(name_key(name)));
    Ok(account(of_name.first(conn)?))
}

/// Fails if nobody but `by` may take this name: an account has it or looks like it, it was given up a short time ago,
/// or it is reserved.
///
/// # Errors
/// [`DbError::Conflict`] with [`ACCOUNT_NAME_KEY`].
pub fn check_name(conn: &mut PgConnection, name: &Username, by: UserId, now: DateTime<Utc>) -> DbResult<()> {
    let key = name_key(name.as_str());
    let skeleton = name_skeleton(&key);
    let is_reserved = RESERVED.iter().any(|reserved| name_skeleton(&name_key(reserved)) == skeleton);
    let is_taken = is_reserved
        || diesel::select(diesel::dsl::exists(
            users::table
                .filter(sql::<Bool>(IS_ACCOUNT))
                .filter(users::username_key.eq(&key))
                .filter(users::id.ne(by.0)),
        ))
        .get_result(conn)?
        || diesel::select(diesel::dsl::exists(
            users::table
                .filter(sql::<Bool>(IS_ACCOUNT))
                .filter(users::username_skeleton.eq(&skeleton))
                .filter(users::id.ne(by.0)),
        ))
        .get_result(conn)?
        || diesel::select(diesel::dsl::exists(
            retired_names::table
                .filter(retired_names::username_skeleton.eq(&skeleton))
                .filter(retired_names::user_id.ne(by.0))
                .filter(retired_names::until.gt(now)),
        ))
        .get_result(conn)?;
    if is_taken { Err(DbError::Conflict(ACCOUNT_NAME_KEY.to_owned())) } else { Ok(()) }
}

/// Creates a guest or a member, after [`check_name`] in the same transaction.
///
/// # Errors
/// [`DbError::Conflict`] with [`ACCOUNT_NAME_KEY`] or [`ACCOUNT_SKELETON_KEY`] if an account has the name.
pub fn create(
    conn: &mut PgConnection,
    user: &User,
    is_admin: bool,
    address_hash: Option<&[u8]>,
) -> DbResult<()> {
    let (key, skeleton) = keys(&user.username, user.kind);
    diesel::insert_into(users::table)
        .values((
            users::id.eq(user.id.0),
            users::username.eq(user.username.as_str()),
            users::username_key.eq(key),
            users::username_skeleton.eq(skeleton),
            users::kind.eq(kind_text(user.kind)),
            users::created_at.eq(DateTime::<Utc>::from(user.created_at)),
            users::is_admin.eq(is_admin),
            users::address_hash.eq(address_hash),
        ))
        .execute(conn)?;
    Ok(())
}

/// Turns a guest into a member.
///
/// # Errors
/// [`DbError::NotFound`] if the user is no guest any more or disabled, and those of [`create`].
pub fn make_member(conn: &mut PgConnection, id: UserId, name: &Username, is_admin: bool) -> DbResult<User> {
    let (key, skeleton) = keys(name, UserKind::Member);
    let guest = users::table
        .find(id.0)
        .filter(users::kind.eq(kind_text(UserKind::Guest)))
        .filter(users::disabled_at.is_null());
    let row: UserRow = diesel::update(guest)
        .set((
            users::username.eq(name.as_str()),
            users::username_key.eq(key),
            users::username_skeleton.eq(skeleton),
            users::kind.eq(kind_text(UserKind::Member)),
            users::is_admin.eq(is_admin),
        ))
        .returning(UserRow::as_returning())
        .get_result(conn)?;
    Ok(row.into())
}

/// Renames a user, after [`check_name`] in the same transaction. The former name of an account is retired.
///
/// # Errors
/// Those of [`create`].
pub fn rename(conn: &mut PgConnection, user: &User, name: &Username, now: DateTime<Utc>) -> DbResult<User> {
    retire_name(conn, user, now)?;
    let (key, skeleton) = keys(name, user.kind);
    let row: UserRow = diesel::update(users::table.find(user.id.0))
        .set((
            users::username.eq(name.as_str()),
            users::username_key.eq(key),
            users::username_skeleton.eq(skeleton),
        ))
        .returning(UserRow::as_returning())
        .get_result(conn)?;
    Ok(row.into())
}

/// Keeps the name of an account from others for a while.
fn retire_name(conn: &mut PgConnection, user: &User, now: DateTime<Utc>) -> DbResult<()> {
    if user.kind == UserKind::Guest {
        return Ok(());
    }
    let until = now + RETIREMENT;
    let key = name_key(user.username.as_str());
    let skeleton = name_skeleton(&key);
    diesel::insert_into(retired_names::table)
        .values((
            retired_names::username_key.eq(&key),
            retired_names::username_skeleton.eq(skeleton),
            retired_names::user_id.eq(user.id.0),
            retired_names::until.eq(until),
        ))
        .on_conflict(retired_names::username_key)
        .do_update()
        .set((retired_names::user_id.eq(user.id.0), retired_names::until.eq(until)))
        .execute(conn)?;
    Ok(())
}

/// Changes the picture of a user, whose bytes are stored. Those of the former picture are deleted later.
pub fn set_avatar(
    conn: &mut PgConnection,
    id: UserId,
    key: Option<&str>,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let user = users::table.find(id.0);
    let former: Option<String> = user.select(users::avatar_key).for_update().first(conn)?;
    diesel::update(user).set(users::avatar_key.eq(key)).execute(conn)?;
    file_deletions::replace(conn, former.as_deref(), key, now)
}

/// Whether the picture of some user has this key.
pub fn has_avatar(conn: &mut PgConnection, key: &str) -> DbResult<bool> {
    let found = users::table.filter(users::avatar_key.eq(key));
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(conn)?)
}

/// What the name of a user who deleted themselves becomes.
const DELETED_NAME: &str = "Deleted user";

/// Turns a user into one who deleted themselves. The row stays, because messages refer to it.
pub fn delete(conn: &mut PgConnection, user: &User, now: DateTime<Utc>) -> DbResult<()> {
    retire_name(conn, user, now)?;
    set_avatar(conn, user.id, None, now)?;
    // Keys are unique among accounts, and no name has the key of an id.
    let key = user.id.to_string();
    diesel::update(users::table.find(user.id.0))
        .set((
            users::username.eq(DELETED_NAME),
            users::username_key.eq(&key),
            users::username_skeleton.eq((user.kind != UserKind::Guest).then_some(&key)),
            users::is_admin.eq(false),
            users::deleted_at.eq(now),
            users::address_hash.eq(None::<Vec<u8>>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Locks who is an admin until the transaction ends: everybody who changes it locks the settings' row first. So two
/// admins cannot demote, disable or delete each other or themselves at once.
pub fn lock_admins(conn: &mut PgConnection) -> DbResult<()> {
    server_settings::table.find(true).select(server_settings::is_only).for_update().first::<bool>(conn)?;
    Ok(())
}

/// Whether a user is an enabled admin.
pub fn is_admin(conn: &mut PgConnection, id: UserId) -> DbResult<bool> {
    let found = users::table.find(id.0).filter(users::is_admin).filter(users::disabled_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(conn)?)
}

/// Whether an enabled admin remains besides this user.
pub fn has_other_admin(conn: &mut PgConnection, id: UserId) -> DbResult<bool> {
    let others =
        users::table.filter(users::is_admin).filter(users::disabled_at.is_null()).filter(users::id.ne(id.0));
    Ok(diesel::select(diesel::dsl::exists(others)).get_result(conn)?)
}

/// The key and the skeleton of a name. Guests may look alike.
fn keys(name: &Username, kind: UserKind) -> (String, Option<String>) {
    let key = name_key(name.as_str());
    let skeleton = (kind != UserKind::Guest).then(|| name_skeleton(&key));
    (key, skeleton)
}

/// The key of a user in the list: the name, and the id of those that share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserKey {
    id: UserId,
}

const CURSOR_TAG: u8 = b'u';

impl UserKey {
    /// Parses a cursor of the list.
    ///
    /// # Errors
    /// [`InvalidCursor`] for any other text.
    pub fn parse(cursor: &str) -> Result<Self, InvalidCursor> {
        let id: [u8; 16] = page::decode(CURSOR_TAG, cursor)?;
        Ok(Self { id: UserId(Uuid::from_bytes(id)) })
    }

    fn cursor(id: UserId) -> Cursor {
        page::encode(CURSOR_TAG, id.0.as_bytes())
    }
}

/// Which users a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Those with an account.
    Members,
    /// Guests, too.
    Everybody,
}

/// A page of users whose name, or any word of it, begins with `query`, oldest first.
pub fn list(
    conn: &mut PgConnection,
    listed: Listed,
    query: &str,
    after: Option<UserKey>,
    limit: u32,
) -> DbResult<Page<Account>> {
    let limit = limit as usize;
    let mut rows = accounts!().filter(users::deleted_at.is_null()).into_boxed();
    if listed == Listed::Members {
        rows = rows.filter(users::kind.eq(kind_text(UserKind::Member)));
    }
    let key = like_escaped(&name_key(query));
    if !key.is_empty() {
        rows = rows.filter(
            users::username_key.like(format!("{key}%")).or(users::username_key.like(format!("% {key}%"))),
        );
    }
    if let Some(after) = after {
        rows = rows.filter(users::id.gt(after.id.0));
    }
    let rows: Vec<AccountRow> = rows.order(users::id).limit(limit as i64 + 1).load(conn)?;
    let (rows, has_more) = page::trim(rows, limit, Direction::After);
    let items: Vec<Account> = rows.into_iter().map(account).collect();
    let next_cursor = items.last().filter(|_| has_more).map(|last| UserKey::cursor(last.me.user.id));
    Ok(Page { items, next_cursor, prev_cursor: None })
}

/// Escapes the wildcards of LIKE.
fn like_escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Makes a user an admin or not, and disables or enables them, under [`lock_admins`]. Returns false if no enabled admin
/// would remain.
pub fn update_account(
    conn: &mut PgConnection,
    id: UserId,
    is_admin: Option<bool>,
    is_disabled: Option<bool>,
    now: DateTime<Utc>,
) -> DbResult<bool> {
    if let Some(is_admin) = is_admin {
        diesel::update(users::table.find(id.0)).set(users::is_admin.eq(is_admin)).execute(conn)?;
    }
    if let Some(is_disabled) = is_disabled {
        let since = is_disabled.then_some(now);
        diesel::update(users::table.find(id.0)).set(users::disabled_at.eq(since)).execute(conn)?;
    }
    let takes_away = is_admin == Some(false) || is_disabled == Some(true);
    if !takes_away {
        return Ok(true);
    }
    Ok(diesel::select(diesel::dsl::exists(
        users::table.filter(users::is_admin).filter(users::disabled_at.is_null()),
    ))
    .get_result(conn)?)
}

/// Whether there is any account.
pub fn has_accounts(conn: &mut PgConnection) -> DbResult<bool> {
    let accounts = users::table.filter(sql::<Bool>(IS_ACCOUNT)).filter(users::username_key.is_not_null());
    Ok(diesel::select(diesel::dsl::exists(accounts)).get_result(conn)?)
}

/// The text of a kind in `users.kind`.
pub(super) fn kind_text(kind: UserKind) -> &'static str {
    match kind {
        // The server makes no users of a kind that it does not know.
        UserKind::Guest | UserKind::Unknown => "guest",
        UserKind::Member => "member",
        UserKind::Bot => "bot",
    }
}

/// The kind of a text in `users.kind`. A check constraint excludes other texts.
pub(super) fn kind_from_text(text: &str) -> UserKind {
    match text {
        "member" => UserKind::Member,
        "bot" => UserKind::Bot,
        _ => UserKind::Guest,
    }
}
