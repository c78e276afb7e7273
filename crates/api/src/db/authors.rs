//! Who wrote a message.

use diesel::prelude::*;
use shared::ids::UserId;
use shared::messages::Author;
use shared::users::Username;
use uuid::Uuid;

use super::schema::users;
use super::users::kind_from_text;
use crate::files::key;

/// The author of a message: columns of `users`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = users)]
pub(super) struct AuthorRow {
    pub(super) id: Uuid,
    pub(super) username: String,
    pub(super) kind: String,
    pub(super) avatar_key: Option<String>,
}

impl From<AuthorRow> for Author {
    fn from(row: AuthorRow) -> Self {
        let AuthorRow { id, username, kind, avatar_key } = row;
        Self {
            id: UserId(id),
            username: Username::from_stored(username),
            kind: kind_from_text(&kind),
            avatar_url: avatar_key.as_deref().map(key::path),
        }
    }
}

/// The columns of an author, from `users`.
pub(super) fn columns() -> diesel::dsl::AsSelect<AuthorRow, diesel::pg::Pg> {
    AuthorRow::as_select()
}
