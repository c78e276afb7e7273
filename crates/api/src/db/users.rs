//! Users in the database.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use shared::ids::UserId;
use shared::users::{User, UserKind, Username};
use uuid::Uuid;

use super::name_key::name_key;
use super::schema::users;
use super::{DbError, DbResult};

/// The public columns of `users`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct UserRow {
    id: Uuid,
    username: String,
    kind: String,
    created_at: DateTime<Utc>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let UserRow { id, username, kind, created_at } = row;
        Self {
            id: UserId(id),
            username: Username::from_stored(username),
            kind: kind_from_text(&kind),
            created_at: created_at.into(),
        }
    }
}

/// The constraint that keeps the names of accounts unique. `crate::error` maps it to an error code.
pub const ACCOUNT_NAME_KEY: &str = "users_account_name_key";

/// The condition of the partial index [`ACCOUNT_NAME_KEY`], verbatim. If it had a parameter, a generic plan could not
/// use the index.
const IS_ACCOUNT: &str = "users.kind <> 'guest'";

/// Creates a guest. It must be called in a transaction.
///
/// # Errors
/// [`DbError::Conflict`] with [`ACCOUNT_NAME_KEY`] if an account has the name.
pub fn create_guest(conn: &mut PgConnection, guest: &User) -> DbResult<()> {
    let key = name_key(guest.username.as_str());
    let is_taken: bool = diesel::select(diesel::dsl::exists(
        users::table.filter(sql::<Bool>(IS_ACCOUNT)).filter(users::username_key.eq(&key)),
    ))
    .get_result(conn)?;
    if is_taken {
        return Err(DbError::Conflict(ACCOUNT_NAME_KEY.to_owned()));
    }
    diesel::insert_into(users::table)
        .values((
            users::id.eq(guest.id.0),
            users::username.eq(guest.username.as_str()),
            users::username_key.eq(&key),
            users::kind.eq(kind_text(guest.kind)),
            users::created_at.eq(DateTime::<Utc>::from(guest.created_at)),
        ))
        .execute(conn)?;
    Ok(())
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
