//! Memberships in the database. A row stays when the user leaves: its mute, its clock and its cap outlive that.
//!
//! Every write happens under the lock of the room, in the transaction that moves the room's `rev`.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::exists;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::ids::{Rev, RoomId, Seq, UserId};
use shared::members::{LeaveReason, Member, MembershipChange, Operation, Role, Viewer};
use shared::page::{Cursor, Page};
use shared::read_marks::{Notify, ReadMark};
use shared::rooms::{Room, Visibility};
use shared::users::{User, UserKind};
use uuid::Uuid;

use super::page::{self, Direction, InvalidCursor};
use super::read_marks::notify_from_text;
use super::roles::{role_from_number, role_number};
use super::rooms::RoomRow;
use super::schema::{bans, memberships, mentions, read_marks, rooms, users};
use super::users::UserRow;
use super::{DbError, DbResult};
use crate::formatting::mentions::EVERYONE;
use crate::policy::{self, Actor, Standing};

/// How long a ban of a guest also holds for later guests from the same address.
const ADDRESS_BAN: TimeDelta = TimeDelta::hours(24);
/// The maximal number of rooms that a user is in.
pub const MAX_MEMBERSHIPS: i64 = 500;

/// A user, and what they are in a room.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The user.
    pub user: User,
    /// Whether the user administers the server.
    pub is_admin: bool,
    /// Whether the user may sign in: not disabled and not deleted.
    pub is_active: bool,
    /// The role; `None` while the user is no member.
    pub role: Option<Role>,
    /// When the user joined last.
    pub joined_at: Option<DateTime<Utc>>,
    /// Until when the user is muted, if that lies ahead.
    pub muted_until: Option<DateTime<Utc>>,
    /// The highest role that the user gets, unless a user with the right raises it.
    pub role_cap: Option<Role>,
    /// When the user last wrote in a room with a slow mode.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the user was last removed.
    pub removed_at: Option<DateTime<Utc>>,
    /// Whether the user is banned, or is a guest from the address of one who is.
    pub is_banned: bool,
    /// How far the user has read. It stays when the user leaves, and does not count then.
    pub read: Option<ReadMark>,
    /// Which messages notify the user; `None` is the default of the room.
    pub notify: Option<Notify>,
}

impl Membership {
    /// The user as the policy knows them.
    pub fn actor(&self) -> Actor {
        Actor::User { kind: self.user.kind, is_admin: self.is_admin }
    }

    /// What the user is in a room, as the policy asks for it.
    pub fn standing(&self, room: &Room) -> Standing {
        Standing {
            visibility: room.visibility,
            is_own: room.is_own,
            posting: room.posting,
            role: self.role,
            is_banned: self.is_banned,
            is_muted: self.muted_until.is_some(),
        }
    }

    /// What the user is and may do in a room, as clients receive it.
    pub fn viewer(&self, room: &Room) -> Viewer {
        let standing = self.standing(room);
        let read = self.read.filter(|_| self.role.is_some());
        let by_default = if room.visibility == Visibility::Private { Notify::All } else { Notify::Mentions };
        Viewer {
            role: policy::role(self.actor(), &standing),
            muted_until: self.muted_until.map(Into::into),
            banned: self.is_banned && policy::rank(self.actor(), &standing) != policy::Rank::Admin,
            last_read_seq: read.map(|read| read.seq),
            mentions: read.map(|read| read.mentions),
            read_version: read.map(|read| read.version),
            notify: self.role.map(|_| self.notify.unwrap_or(by_default)),
            may: policy::allowed(self.actor(), &standing),
        }
    }

    /// The member; `None` while the user is none.
    pub fn member(&self) -> Option<Member> {
        Some(Member {
            user: self.user.clone(),
            role: self.role?,
            joined_at: self.joined_at?.into(),
            muted_until: self.muted_until.map(Into::into),
        })
    }
}

/// What a user, or nobody in particular, is and may do in a room.
///
/// # Errors
/// [`DbError::NotFound`] if they may not see it.
pub fn viewer(
    conn: &mut PgConnection,
    room: &Room,
    user_id: Option<UserId>,
    now: DateTime<Utc>,
) -> DbResult<Viewer> {
    let viewer = match user_id {
        Some(user_id) => get(conn, room.id, user_id, now)?.viewer(room),
        None => viewer_of_nobody(room),
    };
    if viewer.may(Operation::View) { Ok(viewer) } else { Err(DbError::NotFound) }
}

/// What nobody in particular may do in a room.
pub fn viewer_of_nobody(room: &Room) -> Viewer {
    let Room { visibility, is_own, posting, .. } = *room;
    let standing = Standing { visibility, is_own, posting, role: None, is_banned: false, is_muted: false };
    let may = policy::allowed(Actor::Nobody, &standing);
    Viewer {
        role: None,
        muted_until: None,
        banned: false,
        last_read_seq: None,
        mentions: None,
        read_version: None,
        notify: None,
        may,
    }
}

/// The columns of `memberships` that a [`Membership`] has.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = memberships)]
struct MembershipRow {
    role: Option<i16>,
    joined_at: DateTime<Utc>,
    rev: i64,
    removed_at: Option<DateTime<Utc>>,
    muted_until: Option<DateTime<Utc>>,
    role_cap: Option<i16>,
    sent_at: Option<DateTime<Utc>>,
}

/// The columns of `read_marks`.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = read_marks)]
struct ReadMarkRow {
    seq: i64,
    version: i64,
    notify: Option<String>,
}

type FoundRow = (
    UserRow,
    bool,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    Option<MembershipRow>,
    bool,
    bool,
    Option<ReadMarkRow>,
    Option<i64>,
);

fn membership(row: FoundRow, now: DateTime<Utc>) -> Membership {
    let (user, is_admin, disabled_at, deleted_at, row, is_banned, is_address_banned, mark, mentions) = row;
    let user = User::from(user);
    let is_address_banned = is_address_banned && user.kind == UserKind::Guest;
    let row = row.as_ref();
    Membership {
        is_admin,
        is_active: disabled_at.is_none() && deleted_at.is_none(),
        role: row.and_then(|row| row.role).map(role_from_number),
        joined_at: row.map(|row| row.joined_at),
        muted_until: row.and_then(|row| row.muted_until).filter(|until| *until > now),
        role_cap: row.and_then(|row| row.role_cap).map(role_from_number),
        sent_at: row.and_then(|row| row.sent_at),
        removed_at: row.and_then(|row| row.removed_at),
        is_banned: is_banned || is_address_banned,
        read: mark.as_ref().map(|mark| ReadMark {
            seq: Seq(mark.seq),
            mentions: mentions.and_then(|count| u32::try_from(count).ok()).unwrap_or_default(),
            version: mark.version,
        }),
        notify: mark.and_then(|mark| mark.notify).map(|text| notify_from_text(&text)),
        user,
    }
}

/// The columns of a [`FoundRow`]: a user with what they are in a room.
macro_rules! found_columns {
    ($room_id:expr, $now:expr) => {
        (
            UserRow::as_select(),
            users::is_admin,
            users::disabled_at,
            users::deleted_at,
            Option::<MembershipRow>::as_select(),
            exists(bans::table.filter(bans::room_id.eq($room_id)).filter(bans::user_id.eq(users::id))),
            exists(
                bans::table
                    .filter(bans::room_id.eq($room_id))
                    .filter(bans::address_hash.eq(users::address_hash))
                    .filter(bans::created_at.le(users::created_at))
                    .filter(bans::created_at.gt($now - ADDRESS_BAN)),
            ),
            Option::<ReadMarkRow>::as_select(),
            mentions::table
                .filter(mentions::user_id.eq(users::id).or(mentions::user_id.eq(EVERYONE.0)))
                .filter(mentions::room_id.eq($room_id))
                .filter(mentions::seq.gt(read_marks::seq))
                .filter(mentions::author_id.ne(users::id))
                .count()
                .single_value(),
        )
    };
}

/// A query for [`FoundRow`]s of one room.
macro_rules! found {
    ($room_id:expr, $now:expr) => {
        users::table
            .left_join(
                memberships::table
                    .on(memberships::user_id.eq(users::id).and(memberships::room_id.eq($room_id.0))),
            )
            .left_join(
                read_marks::table
                    .on(read_marks::user_id.eq(users::id).and(read_marks::room_id.eq($room_id.0))),
            )
            .select(found_columns!($room_id.0, $now))
    };
}

/// A user, and what they are in a room.
///
/// # Errors
/// [`DbError::NotFound`] if there is no such user.
pub fn get(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_id: UserId,
    now: DateTime<Utc>,
) -> DbResult<Membership> {
    let row: FoundRow = found!(room_id, now).filter(users::id.eq(user_id.0)).first(conn)?;
    Ok(membership(row, now))
}

/// The same for several users. Unknown ones are left out.
pub fn get_many(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_ids: &[UserId],
    now: DateTime<Utc>,
) -> DbResult<Vec<Membership>> {
    if user_ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = user_ids.iter().map(|id| id.0).collect();
    let rows: Vec<FoundRow> = found!(room_id, now).filter(users::id.eq_any(ids)).load(conn)?;
    Ok(rows.into_iter().map(|row| membership(row, now)).collect())
}

/// Rooms with what a user, or nobody in particular, is in each of them, read by one statement. Those that they may not see
/// are left out.
pub fn seen_rooms(
    conn: &mut PgConnection,
    rooms: &[RoomId],
    user_id: Option<UserId>,
    now: DateTime<Utc>,
) -> DbResult<Vec<(RoomRow, Viewer)>> {
    let ids: Vec<Uuid> = rooms.iter().map(|id| id.0).collect();
    let Some(user_id) = user_id else {
        let rows: Vec<RoomRow> =
            rooms::table.filter(rooms::public_id.eq_any(&ids)).select(RoomRow::as_select()).load(conn)?;
        let viewed = rows.into_iter().map(|row| {
            let viewer = viewer_of_nobody(&row.clone().into());
            (row, viewer)
        });
        return Ok(viewed.collect());
    };
    let rows: Vec<(RoomRow, FoundRow)> = rooms::table
        .inner_join(users::table.on(users::id.eq(user_id.0)))
        .left_join(
            memberships::table.on(memberships::user_id.eq(users::id).and(memberships::room_id.eq(rooms::id))),
        )
        .left_join(
            read_marks::table.on(read_marks::user_id.eq(users::id).and(read_marks::room_id.eq(rooms::id))),
        )
        .filter(rooms::id.eq_any(&ids))
        .filter(rooms::deleted_at.is_null())
        .select((RoomRow::as_select(), found_columns!(rooms::id, now)))
        .load(conn)?;
    let viewed = rows.into_iter().map(|(row, found)| {
        let viewer = membership(found, now).viewer(&row.clone().into());
        (row, viewer)
    });
    Ok(viewed.filter(|(_, viewer)| viewer.may(Operation::View)).collect())
}

type UserInRoomsRow = (UserRow, bool, Option<DateTime<Utc>>, Option<DateTime<Utc>>, Option<Vec<u8>>);

/// What one user is in several rooms.
pub fn in_rooms(
    conn: &mut PgConnection,
    user_id: UserId,
    rooms: &[RoomId],
    now: DateTime<Utc>,
) -> DbResult<Vec<(RoomId, Membership)>> {
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = rooms.iter().map(|id| id.0).collect();
    let (user, is_admin, disabled_at, deleted_at, address_hash): UserInRoomsRow = users::table
        .find(user_id.0)
        .select((
            UserRow::as_select(),
            users::is_admin,
            users::disabled_at,
            users::deleted_at,
            users::address_hash,
        ))
        .first(conn)?;
    let found: Vec<(Uuid, MembershipRow)> = memberships::table
        .filter(memberships::user_id.eq(user_id.0))
        .filter(memberships::room_id.eq_any(&ids))
        .select((memberships::room_id, MembershipRow::as_select()))
        .load(conn)?;
    let marks: Vec<(Uuid, ReadMarkRow, Option<i64>)> = read_marks::table
        .filter(read_marks::user_id.eq(user_id.0))
        .filter(read_marks::room_id.eq_any(&ids))
        .select((
            read_marks::room_id,
            ReadMarkRow::as_select(),
            mentions::table
                .filter(mentions::user_id.eq(user_id.0).or(mentions::user_id.eq(EVERYONE.0)))
                .filter(mentions::room_id.eq(read_marks::room_id))
                .filter(mentions::seq.gt(read_marks::seq))
                .filter(mentions::author_id.ne(user_id.0))
                .count()
                .single_value(),
        ))
        .load(conn)?;
    let banned: Vec<Uuid> = bans::table
        .filter(bans::user_id.eq(user_id.0))
        .filter(bans::room_id.eq_any(&ids))
        .select(bans::room_id)
        .load(conn)?;
    let created_at = DateTime::<Utc>::from(User::from(user.clone()).created_at);
    let address_banned: Vec<Uuid> = match address_hash {
        Some(hash) => bans::table
            .filter(bans::room_id.eq_any(&ids))
            .filter(bans::address_hash.eq(hash))
            .filter(bans::created_at.le(created_at))
            .filter(bans::created_at.gt(now - ADDRESS_BAN))
            .select(bans::room_id)
            .load(conn)?,
        None => Vec::new(),
    };
    let of_room = |room_id: &RoomId| {
        let row = found.iter().find(|(id, _)| *id == room_id.0).map(|(_, row)| row.clone());
        let (is_banned, is_address_banned) =
            (banned.contains(&room_id.0), address_banned.contains(&room_id.0));
        let mark = marks.iter().find(|(id, ..)| *id == room_id.0);
        let (mark, mentions) = (mark.map(|(_, mark, _)| mark.clone()), mark.and_then(|mark| mark.2));
        let row = (
            user.clone(),
            is_admin,
            disabled_at,
            deleted_at,
            row,
            is_banned,
            is_address_banned,
            mark,
            mentions,
        );
        (*room_id, membership(row, now))
    };
    Ok(rooms.iter().map(of_room).collect())
}

/// Makes a user a member.
pub fn join(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_id: UserId,
    role: Role,
    rev: Rev,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::insert_into(memberships::table)
        .values((
            memberships::room_id.eq(room_id.0),
            memberships::user_id.eq(user_id.0),
            memberships::role.eq(role_number(role)),
            memberships::joined_at.eq(now),
            memberships::rev.eq(rev.0),
            memberships::joined_rev.eq(rev.0),
        ))
        .on_conflict((memberships::room_id, memberships::user_id))
        .do_update()
        .set((
            memberships::role.eq(role_number(role)),
            memberships::joined_at.eq(now),
            memberships::left_rev.eq(memberships::rev.nullable()),
            memberships::left_reason.eq(None::<String>),
            memberships::rev.eq(rev.0),
            memberships::joined_rev.eq(rev.0),
        ))
        .execute(conn)?;
    Ok(())
}

/// Ends a membership.
pub fn leave(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_id: UserId,
    reason: LeaveReason,
    rev: Rev,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let row = memberships::table.find((room_id.0, user_id.0));
    diesel::update(row)
        .set((
            memberships::role.eq(None::<i16>),
            memberships::left_reason.eq(reason.name()),
            memberships::rev.eq(rev.0),
        ))
        .execute(conn)?;
    if reason != LeaveReason::Left {
        diesel::update(row).set(memberships::removed_at.eq(now)).execute(conn)?;
    }
    Ok(())
}

/// Changes the role of a member, and the cap on later roles.
pub fn set_role(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_id: UserId,
    role: Role,
    cap: Option<Role>,
    rev: Rev,
) -> DbResult<()> {
    diesel::update(memberships::table.find((room_id.0, user_id.0)))
        .set((
            memberships::role.eq(role_number(role)),
            memberships::role_cap.eq(cap.map(role_number)),
            memberships::rev.eq(rev.0),
        ))
        .execute(conn)?;
    Ok(())
}

/// Mutes a member, or unmutes them.
pub fn set_mute(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_id: UserId,
    until: Option<DateTime<Utc>>,
    rev: Rev,
) -> DbResult<()> {
    diesel::update(memberships::table.find((room_id.0, user_id.0)))
        .set((memberships::muted_until.eq(until), memberships::rev.eq(rev.0)))
        .execute(conn)?;
    Ok(())
}

/// Marks a membership as changed, because the user changed.
pub fn set_rev(conn: &mut PgConnection, room_id: RoomId, user_id: UserId, rev: Rev) -> DbResult<()> {
    diesel::update(memberships::table.find((room_id.0, user_id.0)))
        .set(memberships::rev.eq(rev.0))
        .execute(conn)?;
    Ok(())
}

/// Sets the clock of the slow mode.
pub fn set_sent_at(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_id: UserId,
    now: DateTime<Utc>,
) -> DbResult<()> {
    diesel::update(memberships::table.find((room_id.0, user_id.0)))
        .set(memberships::sent_at.eq(now))
        .execute(conn)?;
    Ok(())
}

/// The number of rooms that a user is in.
pub fn count_of(conn: &mut PgConnection, user_id: UserId) -> DbResult<i64> {
    let of_user =
        memberships::table.filter(memberships::user_id.eq(user_id.0)).filter(memberships::role.is_not_null());
    Ok(of_user.count().get_result(conn)?)
}

/// The rooms that a user is in, or was in.
pub fn rooms_of(conn: &mut PgConnection, user_id: UserId, with_former: bool) -> DbResult<Vec<RoomId>> {
    let mut of_user = memberships::table
        .inner_join(rooms::table)
        .filter(memberships::user_id.eq(user_id.0))
        .filter(rooms::deleted_at.is_null())
        .into_boxed();
    if !with_former {
        of_user = of_user.filter(memberships::role.is_not_null());
    }
    let ids: Vec<Uuid> = of_user.order(memberships::room_id).select(memberships::room_id).load(conn)?;
    Ok(ids.into_iter().map(RoomId).collect())
}

/// Whether two users are members of the same room.
pub fn share_room(conn: &mut PgConnection, one: UserId, other: UserId) -> DbResult<bool> {
    let of_one = diesel::alias!(memberships as of_one);
    let rooms_of_one = of_one
        .filter(of_one.field(memberships::user_id).eq(one.0))
        .filter(of_one.field(memberships::role).is_not_null())
        .select(of_one.field(memberships::room_id));
    let of_other = memberships::table
        .filter(memberships::user_id.eq(other.0))
        .filter(memberships::role.is_not_null())
        .filter(memberships::room_id.eq_any(rooms_of_one));
    Ok(diesel::select(exists(of_other)).get_result(conn)?)
}

/// The ids of all members of a room.
pub fn ids(conn: &mut PgConnection, room_id: RoomId) -> DbResult<Vec<UserId>> {
    let ids: Vec<Uuid> = memberships::table
        .filter(memberships::room_id.eq(room_id.0))
        .filter(memberships::role.is_not_null())
        .select(memberships::user_id)
        .load(conn)?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// The members of all private rooms.
pub fn of_private_rooms(conn: &mut PgConnection) -> DbResult<Vec<(RoomId, Option<UserId>)>> {
    let rows: Vec<(Uuid, Option<Uuid>)> = rooms::table
        .left_join(
            memberships::table.on(memberships::room_id.eq(rooms::id).and(memberships::role.is_not_null())),
        )
        .filter(rooms::visibility.eq("private"))
        .filter(rooms::deleted_at.is_null())
        .select((rooms::id, memberships::user_id.nullable()))
        .load(conn)?;
    Ok(rows.into_iter().map(|(room, user)| (RoomId(room), user.map(UserId))).collect())
}

/// The key of a member in the list: role, time of joining and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberKey {
    role: i16,
    joined_at_micros: i64,
    id: Uuid,
}

const TAG: u8 = b'e';
const KEY_LENGTH: usize = 25;

impl MemberKey {
    /// Parses a cursor of the list.
    ///
    /// # Errors
    /// [`InvalidCursor`] for any other text.
    pub fn parse(cursor: &str) -> Result<Self, InvalidCursor> {
        let key = page::decode::<KEY_LENGTH>(TAG, cursor)?;
        let id = Uuid::from_slice(&key[9..]).map_err(|_| InvalidCursor)?;
        Ok(Self { role: i16::from(key[0]), joined_at_micros: page::number(&key[1..9])?, id })
    }

    fn cursor(member: &Member) -> Cursor {
        let mut key = [0; KEY_LENGTH];
        key[0] = role_number(member.role) as u8;
        let joined_at = DateTime::<Utc>::from(member.joined_at);
        key[1..9].copy_from_slice(&joined_at.timestamp_micros().to_be_bytes());
        key[9..].copy_from_slice(member.user.id.0.as_bytes());
        page::encode(TAG, &key)
    }
}

/// A page of the members of a room, by role, then by the time of joining.
pub fn list(
    conn: &mut PgConnection,
    room_id: RoomId,
    after: Option<MemberKey>,
    limit: u32,
    now: DateTime<Utc>,
) -> DbResult<Page<Member>> {
    use diesel::dsl::sql;
    use diesel::sql_types::{Bool, SmallInt, Timestamptz, Uuid as SqlUuid};

    let limit = limit as usize;
    let mut rows = memberships::table
        .inner_join(users::table)
        .filter(memberships::room_id.eq(room_id.0))
        .filter(memberships::role.is_not_null())
        .into_boxed();
    if let Some(after) = after {
        let joined_at = DateTime::from_timestamp_micros(after.joined_at_micros).unwrap_or_default();
        rows = rows.filter(
            sql::<Bool>("(memberships.role, memberships.joined_at, memberships.user_id) > (")
                .bind::<SmallInt, _>(after.role)
                .sql(", ")
                .bind::<Timestamptz, _>(joined_at)
                .sql(", ")
                .bind::<SqlUuid, _>(after.id)
                .sql(")"),
        );
    }
    let rows: Vec<(UserRow, MembershipRow)> = rows
        .order((memberships::role, memberships::joined_at, memberships::user_id))
        .limit(limit as i64 + 1)
        .select((UserRow::as_select(), MembershipRow::as_select()))
        .load(conn)?;
    let (rows, has_more) = page::trim(rows, limit, Direction::After);
    let items: Vec<Member> = rows.into_iter().filter_map(|(user, row)| member(user, row, now)).collect();
    let next_cursor = items.last().filter(|_| has_more).map(MemberKey::cursor);
    Ok(Page { items, next_cursor, prev_cursor: None })
}

fn member(user: UserRow, row: MembershipRow, now: DateTime<Utc>) -> Option<Member> {
    Some(Member {
        user: user.into(),
        role: row.role.map(role_from_number)?,
        joined_at: row.joined_at.into(),
        muted_until: row.muted_until.filter(|until| *until > now).map(Into::into),
    })
}

/// A membership that changed, and what tells whether it is new.
#[derive(Clone, Debug)]
pub struct ChangedMember {
    /// The current membership.
    pub change: MembershipChange,
    /// The rev of the latest joining.
    pub joined_rev: Rev,
}

/// The memberships of a room whose latest change lies after `since` and not after `until`, by rev, up to `limit`. Those
/// who came and went since are left out.
pub fn changed(
    conn: &mut PgConnection,
    room_id: RoomId,
    since: Rev,
    until: Rev,
    limit: usize,
    now: DateTime<Utc>,
) -> DbResult<Vec<ChangedMember>> {
    type Row = (UserRow, MembershipRow, i64, Option<String>);
    let was_member = memberships::joined_rev.le(since.0).or(memberships::left_rev.gt(since.0));
    let rows: Vec<Row> = memberships::table
        .inner_join(users::table)
        .filter(memberships::room_id.eq(room_id.0))
        .filter(memberships::rev.gt(since.0))
        .filter(memberships::rev.le(until.0))
        .filter(memberships::role.is_not_null().or(was_member.assume_not_null()))
        .order(memberships::rev)
        .limit(limit as i64)
        .select((
            UserRow::as_select(),
            MembershipRow::as_select(),
            memberships::joined_rev,
            memberships::left_reason,
        ))
        .load(conn)?;
    let changed = |(user, row, joined_rev, reason): Row| {
        let (rev, user_id) = (Rev(row.rev), User::from(user.clone()).id);
        let change = match member(user, row, now) {
            Some(member) => MembershipChange::Member { member, rev },
            None => {
                let reason = reason_from_text(reason.as_deref());
                MembershipChange::Left { user_id, left: true, reason, rev }
            }
        };
        ChangedMember { change, joined_rev: Rev(joined_rev) }
    };
    Ok(rows.into_iter().map(changed).collect())
}

fn reason_from_text(text: Option<&str>) -> LeaveReason {
    match text {
        Some("removed") => LeaveReason::Removed,
        Some("banned") => LeaveReason::Banned,
        _ => LeaveReason::Left,
    }
}

/// Maps a user that does not exist to nothing.
///
/// # Errors
/// Other errors of the database.
pub fn or_nobody(result: DbResult<Membership>) -> DbResult<Option<Membership>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(DbError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}
