//! Which rooms pass on to a new owner, and to whom.

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::{RoomId, UserId};
use shared::members::Role;
use shared::rooms::{Room, Visibility};
use shared::users::UserKind;
use uuid::Uuid;

use super::DbResult;
use super::roles::role_number;
use super::schema::{memberships, rooms, sessions, users};
use super::users::kind_text;

/// The condition for users who can act.
macro_rules! can_act {
    ($session_since:expr) => {
        users::disabled_at.is_null().and(users::deleted_at.is_null()).and(
            users::kind.ne(kind_text(UserKind::Guest)).or(exists(
                sessions::table
                    .filter(sessions::user_id.eq(users::id))
                    .filter(sessions::last_seen_at.gt($session_since)),
            )),
        )
    };
}

/// Whether a room has an owner besides this user who can act: neither disabled nor deleted, and no guest without a
/// session.
pub fn has_other_owner(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_id: UserId,
    session_since: DateTime<Utc>,
) -> DbResult<bool> {
    let others = memberships::table
        .inner_join(users::table)
        .filter(memberships::room_id.eq(room_id.0))
        .filter(can_act!(session_since))
        .filter(memberships::role.eq(role_number(Role::Owner)))
        .filter(memberships::user_id.ne(user_id.0));
    Ok(diesel::select(exists(others)).get_result(conn)?)
}

/// The member of a room who receives its ownership, the first in line: by rank, then accounts before guests,
/// then by the time of joining, then by id. Disabled and deleted users, bots and guests without a session are left out,
/// in private rooms all guests.
pub fn heir(
    conn: &mut PgConnection,
    room: &Room,
    except: UserId,
    session_since: DateTime<Utc>,
) -> DbResult<Option<UserId>> {
    let is_private = room.visibility == Visibility::Private;
    let guest = kind_text(UserKind::Guest);
    let has_session = exists(
        sessions::table
            .filter(sessions::user_id.eq(users::id))
            .filter(sessions::last_seen_at.gt(session_since)),
    );
    let in_line = memberships::table
        .inner_join(users::table)
        .filter(memberships::room_id.eq(room.id.0))
        .filter(memberships::role.is_not_null())
        .filter(memberships::user_id.ne(except.0))
        .filter(users::disabled_at.is_null())
        .filter(users::deleted_at.is_null())
        .filter(users::kind.eq(kind_text(UserKind::Member)).or(
            users::kind.eq(guest).and(has_session).and((!is_private).into_sql::<diesel::sql_types::Bool>()),
        ));
    let heir: Option<Uuid> = in_line
        .order((
            memberships::role.asc(),
            users::kind.eq(guest).asc(),
            memberships::joined_at.asc(),
            memberships::user_id.asc(),
        ))
        .select(memberships::user_id)
        .first(conn)
        .optional()?;
    Ok(heir.map(UserId))
}

/// The owners of rooms that nobody who can act owns: the rooms are to be passed on.
pub fn abandoned_rooms(
    conn: &mut PgConnection,
    session_since: DateTime<Utc>,
) -> DbResult<Vec<(RoomId, UserId)>> {
    let acting = memberships::table
        .inner_join(users::table)
        .filter(memberships::role.eq(role_number(Role::Owner)))
        .filter(can_act!(session_since))
        .select(memberships::room_id);
    let owners = diesel::alias!(memberships as owners);
    let rows: Vec<(Uuid, Uuid)> = owners
        .inner_join(rooms::table.on(rooms::id.eq(owners.field(memberships::room_id))))
        .filter(owners.field(memberships::role).eq(role_number(Role::Owner)))
        .filter(rooms::deleted_at.is_null())
        .filter(rooms::is_own.eq(false))
        .filter(rooms::id.ne_all(acting))
        .select((owners.field(memberships::room_id), owners.field(memberships::user_id)))
        .load(conn)?;
    Ok(rows.into_iter().map(|(room, user)| (RoomId(room), UserId(user))).collect())
}
