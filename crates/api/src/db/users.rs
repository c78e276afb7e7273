//! Users in the database.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::UserId;
use shared::users::{User, UserKind, Username};
use uuid::Uuid;

use super::name_key::name_key;
use super::schema::users;
use super::{DbError, DbResult};

/// A row of `users`, as far as people may see it.
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

/// The constraint that guards accounts' names; `error.rs` knows it.
pub const ACCOUNT_NAME_KEY: &str = "users_account_name_key";

/// Creates a guest.
///
/// # Errors
/// [`DbError::Conflict`] with [`ACCOUNT_NAME_KEY`] when an account has the name.
pub fn create_guest(conn: &mut PgConnection, guest: &User) -> DbResult<()> {
    conn.transaction(|conn| {
        let key = name_key(guest.username.as_str());
        let taken: bool = diesel::select(diesel::dsl::exists(
            users::table
                .filter(users::kind.ne(kind_text(UserKind::Guest)))
                .filter(users::username_key.eq(&key)),
        ))
        .get_result(conn)?;
        if taken {
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
    })
}

/// The text that `users.kind` holds.
pub(super) fn kind_text(kind: UserKind) -> &'static str {
    match kind {
        UserKind::Guest => "guest",
        UserKind::Member => "member",
        UserKind::Bot => "bot",
    }
}

/// The kind that `users.kind` means; its check constraint admits no other text.
pub(super) fn kind_from_text(text: &str) -> UserKind {
    match text {
        "member" => UserKind::Member,
        "bot" => UserKind::Bot,
        _ => UserKind::Guest,
    }
}
