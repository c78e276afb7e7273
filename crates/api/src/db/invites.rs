//! Invites in the database. The secret of a link is stored as its hash only.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::{InviteId, RoomId, UserId};
use shared::invites::Invite;
use shared::members::Role;
use uuid::Uuid;

use super::roles::{role_from_number, role_number};
use super::schema::{invites, memberships, rooms, users};
use super::token_hash::TokenHash;
use super::users::UserRow;
use super::{DbError, DbResult};

/// An invite, with what its redemption needs.
#[derive(Clone, Debug)]
pub struct StoredInvite {
    /// What is shown of it.
    pub invite: Invite,
    /// The room.
    pub room_id: RoomId,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl StoredInvite {
    /// Whether it can still be redeemed, as far as the invite itself goes.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        let Invite { expires_at, max_uses, uses, .. } = &self.invite;
        self.revoked_at.is_none()
            && expires_at.is_none_or(|at| DateTime::<Utc>::from(at) > now)
            && max_uses.is_none_or(|max| *uses < max)
    }
}

/// An invite to store.
#[derive(Clone, Debug)]
pub struct NewInvite {
    /// The id.
    pub id: InviteId,
    /// The room.
    pub room_id: RoomId,
    /// The hash of the secret.
    pub secret_hash: TokenHash,
    /// The role of those who join.
    pub role: Role,
    /// Who makes it.
    pub created_by: UserId,
    /// The server's time.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many people can join by it.
    pub max_uses: Option<i64>,
}

#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = invites)]
struct InviteRow {
    id: Uuid,
    room_id: Uuid,
    role: i16,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    max_uses: Option<i64>,
    uses: i64,
    revoked_at: Option<DateTime<Utc>>,
}

fn stored((row, by): (InviteRow, UserRow)) -> StoredInvite {
    let InviteRow { id, room_id, role, created_at, expires_at, max_uses, uses, revoked_at } = row;
    let invite = Invite {
        id: InviteId(id),
        role: role_from_number(role),
        created_by: by.into(),
        created_at: created_at.into(),
        expires_at: expires_at.map(Into::into),
        max_uses,
        uses,
    };
    StoredInvite { invite, room_id: RoomId(room_id), revoked_at }
}

/// Stores an invite, unless it is stored already.
pub fn create(conn: &mut PgConnection, new: &NewInvite) -> DbResult<()> {
    diesel::insert_into(invites::table)
        .values((
            invites::id.eq(new.id.0),
            invites::room_id.eq(new.room_id.0),
            invites::secret_hash.eq(new.secret_hash.as_slice()),
            invites::role.eq(role_number(new.role)),
            invites::created_by.eq(new.created_by.0),
            invites::created_at.eq(new.created_at),
            invites::expires_at.eq(new.expires_at),
            invites::max_uses.eq(new.max_uses),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    Ok(())
}

/// The invite of a secret.
///
/// # Errors
/// [`DbError::NotFound`] if there never was one.
pub fn find(conn: &mut PgConnection, secret_hash: &TokenHash) -> DbResult<StoredInvite> {
    let row = invites::table
        .inner_join(users::table)
        .filter(invites::secret_hash.eq(secret_hash.as_slice()))
        .select((InviteRow::as_select(), UserRow::as_select()))
        .first(conn)?;
    Ok(stored(row))
}

/// An invite of a room.
///
/// # Errors
/// [`DbError::NotFound`] if the room has no such invite, or it was revoked.
pub fn get(conn: &mut PgConnection, room_id: RoomId, id: InviteId) -> DbResult<Invite> {
    let row = invites::table
        .inner_join(users::table)
        .filter(invites::id.eq(id.0))
        .filter(invites::room_id.eq(room_id.0))
        .filter(invites::revoked_at.is_null())
        .select((InviteRow::as_select(), UserRow::as_select()))
        .first(conn)?;
    Ok(stored(row).invite)
}

/// The invites of a room that are not revoked, newest first.
pub fn list(conn: &mut PgConnection, room_id: RoomId) -> DbResult<Vec<Invite>> {
    let rows: Vec<(InviteRow, UserRow)> = invites::table
        .inner_join(users::table)
        .filter(invites::room_id.eq(room_id.0))
        .filter(invites::revoked_at.is_null())
        .order(invites::id.desc())
        .select((InviteRow::as_select(), UserRow::as_select()))
        .load(conn)?;
    Ok(rows.into_iter().map(|row| stored(row).invite).collect())
}

/// The number of invites of a room that can be redeemed.
pub fn count(conn: &mut PgConnection, room_id: RoomId, now: DateTime<Utc>) -> DbResult<i64> {
    let of_room = invites::table
        .filter(invites::room_id.eq(room_id.0))
        .filter(invites::revoked_at.is_null())
        .filter(invites::expires_at.is_null().or(invites::expires_at.gt(now)))
        .filter(invites::max_uses.is_null().or(invites::max_uses.gt(invites::uses.nullable())));
    Ok(of_room.count().get_result(conn)?)
}

/// Counts a use. The caller holds the lock of the room and has checked that one is left.
pub fn count_use(conn: &mut PgConnection, id: InviteId) -> DbResult<()> {
    diesel::update(invites::table.find(id.0)).set(invites::uses.eq(invites::uses + 1)).execute(conn)?;
    Ok(())
}

/// Revokes an invite.
pub fn revoke(conn: &mut PgConnection, id: InviteId, now: DateTime<Utc>) -> DbResult<()> {
    diesel::update(invites::table.find(id.0)).set(invites::revoked_at.eq(now)).execute(conn)?;
    Ok(())
}

/// Revokes all invites that a user made for a room.
pub fn revoke_of(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_id: UserId,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::update(
        invites::table
            .filter(invites::room_id.eq(room_id.0))
            .filter(invites::created_by.eq(user_id.0))
            .filter(invites::revoked_at.is_null()),
    )
    .set(invites::revoked_at.eq(now))
    .execute(conn)
    .map_err(DbError::from)?;
    Ok(())
}

/// Revokes all invites that a user made, because they were disabled; or those for the server's own rooms, because they
/// administer the server no more, and are no moderator there by themselves.
pub fn revoke_all_of(
    conn: &mut PgConnection,
    user_id: UserId,
    only_own_rooms: bool,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let of_user =
        invites::table.filter(invites::created_by.eq(user_id.0)).filter(invites::revoked_at.is_null());
    if only_own_rooms {
        let own = rooms::table.filter(rooms::is_own).select(rooms::id);
        let moderated = memberships::table
            .filter(memberships::user_id.eq(user_id.0))
            .filter(memberships::role.le(role_number(Role::Moderator)))
            .select(memberships::room_id);
        let lost = of_user.filter(invites::room_id.eq_any(own)).filter(invites::room_id.ne_all(moderated));
        diesel::update(lost).set(invites::revoked_at.eq(now)).execute(conn)?;
    } else {
        diesel::update(of_user).set(invites::revoked_at.eq(now)).execute(conn)?;
    }
    Ok(())
}
