//! Joining, leaving, adding, roles, mutes and ownership.

use chrono::{DateTime, Utc};
use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::ids::{RoomId, UserId};
use shared::members::{LeaveReason, Member, Operation, Role};
use shared::rooms::Room;
use shared::text::InvalidCode;
use shared::users::{User, UserKind};

use super::error::{Refusal, RoomError, RoomResult};
use super::{Attempt, Done, Transaction, from_to, member_of, own_role};
use crate::db::members::Membership;
use crate::db::{self, Conn};
use crate::policy::{self, Decision};

/// A member, and whether they were none before.
#[derive(Clone, Debug)]
pub struct Put {
    /// The member.
    pub member: Member,
    /// Whether they joined by this.
    pub is_new: bool,
}

/// Joins a public room. For members, nothing changes.
///
/// # Errors
/// The refusal.
pub fn join(conn: &mut Conn, room_id: RoomId, by: UserId, attempt: Attempt) -> RoomResult<Done<Put>> {
    let (mut transaction, mut me) = Transaction::begin(conn, room_id, by, attempt)?;
    transaction.check(&me, Operation::Join)?;
    if let Some(member) = me.member() {
        let is_new = me.joined_at.is_some_and(|at| attempt.has_stored(at));
        return Ok(Done::unchanged(Put { member, is_new }));
    }
    let role = own_role(me.user.kind);
    let member = transaction.join(&mut me, role)?;
    transaction.finish(Put { member, is_new: true })
}

/// Leaves a room.
///
/// # Errors
/// The refusal; `last_owner` for the last owner, unless the room is the server's own.
pub fn leave(conn: &mut Conn, room_id: RoomId, by: UserId, attempt: Attempt) -> RoomResult<Done<()>> {
    let begun = Transaction::begin(conn, room_id, by, attempt);
    // An earlier attempt left the room, which may have been private.
    let has_left = |error: &RoomError| {
        let codes = [ErrorCode::RoomNotFound, ErrorCode::MemberNotFound];
        attempt.is_retry && matches!(error, RoomError::Refused(refusal) if codes.contains(&refusal.code))
    };
    let (mut transaction, mut me) = match begun {
        Err(error) if has_left(&error) => return Ok(Done::unchanged(())),
        begun => begun?,
    };
    match transaction.check(&me, Operation::Leave) {
        Err(error) if has_left(&error) => return Ok(Done::unchanged(())),
        allowed => allowed?,
    }
    if transaction.is_last_owner(&me)? {
        return Err(ErrorCode::LastOwner.into());
    }
    transaction.leave(&mut me, LeaveReason::Left)?;
    transaction.finish(())
}

/// Adds a user to a room, or changes a member's role. With `by` as the target, the user joins, or lowers their own role.
///
/// # Errors
/// The refusal.
pub fn put(
    conn: &mut Conn,
    room_id: RoomId,
    by: UserId,
    target: UserId,
    role: Role,
    attempt: Attempt,
) -> RoomResult<Done<Put>> {
    if by == target {
        return put_self(conn, room_id, by, role, attempt);
    }
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, attempt)?;
    let mut other = transaction.find(target)?;
    let own = transaction.role(&me);
    let Some(before) = other.role else { return transaction.add(&me, own, other, role) };
    transaction.check(&me, Operation::SetRole)?;
    transaction.check_rank(&me, &other)?;
    if !policy::may_grant(own, role) {
        return Err(ErrorCode::NotAllowed.into());
    }
    if before == role && other.role_cap.is_none_or(|cap| cap <= role) {
        let member = member_of(&other)?;
        let is_new = other.joined_at.is_some_and(|at| attempt.has_stored(at));
        return Ok(Done::unchanged(Put { member, is_new }));
    }
    let cap = if role > before { Some(role) } else { None };
    let member = transaction.set_role(&mut other, role, cap)?;
    transaction.audit(Some(by), "role", Some(target), &from_to(before.name(), role.name()))?;
    transaction.finish(Put { member, is_new: false })
}

fn put_self(
    conn: &mut Conn,
    room_id: RoomId,
    by: UserId,
    role: Role,
    attempt: Attempt,
) -> RoomResult<Done<Put>> {
    let (mut transaction, mut me) = Transaction::begin(conn, room_id, by, attempt)?;
    let Some(before) = me.role else {
        drop(transaction);
        return join(conn, room_id, by, attempt);
    };
    if role < before {
        return Err(ErrorCode::NotAllowed.into());
    }
    if role == before {
        let member = member_of(&me)?;
        return Ok(Done::unchanged(Put { member, is_new: false }));
    }
    if transaction.is_last_owner(&me)? {
        return Err(ErrorCode::LastOwner.into());
    }
    let cap = me.role_cap;
    let member = transaction.set_role(&mut me, role, cap)?;
    transaction.audit(Some(by), "role", Some(by), &from_to(before.name(), role.name()))?;
    transaction.finish(Put { member, is_new: false })
}

/// Whether a user may know of another one in a room: they are or were a member of it, or [`may_know`] says so.
///
/// # Errors
/// Errors of the database.
pub fn is_known(conn: &mut Conn, me: &Membership, other: &Membership) -> db::DbResult<bool> {
    Ok(me.is_admin || other.joined_at.is_some() || may_know(conn, &me.user, &other.user)?)
}

/// Whether a user may know of another one. Members know all members; all users know those in their rooms.
///
/// # Errors
/// Errors of the database.
pub fn may_know(conn: &mut Conn, one: &User, other: &User) -> db::DbResult<bool> {
    let are_members = one.kind == UserKind::Member && other.kind == UserKind::Member;
    let is_deleted = other.deleted_at.is_some();
    Ok(!is_deleted && (one.id == other.id || are_members || db::members::share_room(conn, one.id, other.id)?))
}

impl Transaction<'_> {
    /// Whether a user is the last owner of a room that needs one.
    fn is_last_owner(&mut self, who: &Membership) -> RoomResult<bool> {
        Ok(who.role == Some(Role::Owner) && !self.room.is_own && !self.has_other_owner(who)?)
    }

    fn add(
        mut self,
        me: &Membership,
        own: Option<Role>,
        mut other: Membership,
        role: Role,
    ) -> RoomResult<Done<Put>> {
        if !other.is_active || !may_know(self.conn, &me.user, &other.user)? {
            return Err(ErrorCode::UserNotFound.into());
        }
        self.check(me, Operation::InviteUser)?;
        if !policy::may_grant(own, role) {
            return Err(ErrorCode::NotAllowed.into());
        }
        if other.is_banned {
            return Err(ErrorCode::Banned.into());
        }
        // A right to change roles also lifts the cap.
        let may_raise =
            policy::may(me.actor(), Operation::SetRole, &me.standing(&self.room)) == Decision::Allow;
        let raised = other.role_cap.filter(|cap| may_raise && role < *cap);
        if raised.is_some() {
            other.role_cap = None;
        }
        let mut member = self.join(&mut other, role)?;
        if raised.is_some() {
            db::members::set_role(self.conn, self.room.id, other.user.id, role, None, self.room.rev)?;
            member.role = role;
        }
        self.audit(
            Some(me.user.id),
            "add",
            Some(other.user.id),
            &AuditDetail { after: Some(member.role.name().to_owned()), ..AuditDetail::default() },
        )?;
        self.finish(Put { member, is_new: true })
    }

    /// A member of the room.
    pub(super) fn member(&mut self, id: UserId) -> RoomResult<Membership> {
        let missing = || ErrorCode::MemberNotFound.into();
        let found = db::members::or_nobody(db::members::get(self.conn, self.room.id, id, self.now))?;
        found.filter(|found| found.role.is_some()).ok_or_else(missing)
    }
}

/// Removes a member. Who removes themselves leaves.
///
/// # Errors
/// The refusal.
pub fn remove(
    conn: &mut Conn,
    room_id: RoomId,
    by: UserId,
    target: UserId,
    attempt: Attempt,
) -> RoomResult<Done<()>> {
    if by == target {
        return leave(conn, room_id, by, attempt);
    }
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, attempt)?;
    let mut other = match transaction.member(target) {
        // An earlier attempt removed them.
        Err(RoomError::Refused(_)) if attempt.is_retry => return Ok(Done::unchanged(())),
        other => other?,
    };
    transaction.check(&me, Operation::Moderate)?;
    transaction.check_rank(&me, &other)?;
    transaction.pass_on(&other)?;
    transaction.leave(&mut other, LeaveReason::Removed)?;
    transaction.audit(Some(by), "remove", Some(target), &AuditDetail::default())?;
    transaction.finish(())
}

/// Mutes a member until a time, or unmutes them.
///
/// # Errors
/// The refusal.
pub fn mute(
    conn: &mut Conn,
    room_id: RoomId,
    by: UserId,
    target: UserId,
    until: Option<DateTime<Utc>>,
    attempt: Attempt,
) -> RoomResult<Done<()>> {
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, attempt)?;
    let mut other = transaction.member(target)?;
    transaction.check(&me, Operation::Moderate)?;
    transaction.check_rank(&me, &other)?;
    if until.is_some_and(|until| until <= attempt.at) {
        let detail = "until must lie in the future.";
        return Err(Refusal::invalid("until", InvalidCode::OutOfRange, detail).into());
    }
    if other.muted_until == until {
        return Ok(Done::unchanged(()));
    }
    let rev = transaction.next_rev();
    db::members::set_mute(transaction.conn, room_id, target, until, rev)?;
    other.muted_until = until;
    transaction.member_updated(&other)?;
    let action = if until.is_some() { "mute" } else { "unmute" };
    let after = until.map(|until| until.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    let detail = AuditDetail { after, ..AuditDetail::default() };
    transaction.audit(Some(by), action, Some(target), &detail)?;
    transaction.finish(())
}

/// Passes the ownership on. The former owner becomes moderator.
///
/// # Errors
/// The refusal.
pub fn transfer(
    conn: &mut Conn,
    room_id: RoomId,
    by: UserId,
    target: UserId,
    attempt: Attempt,
) -> RoomResult<Done<Room>> {
    let (mut transaction, mut me) = Transaction::begin(conn, room_id, by, attempt)?;
    let mut other = transaction.member(target)?;
    // An earlier attempt passed it on.
    let is_done = attempt.is_retry && other.role == Some(Role::Owner);
    if !is_done {
        transaction.check(&me, Operation::Transfer)?;
    }
    if by == target || is_done {
        let seen = transaction.seen_by(&me);
        return Ok(Done::unchanged(seen));
    }
    if !other.is_active {
        return Err(ErrorCode::MemberNotFound.into());
    }
    if other.role != Some(Role::Owner) {
        transaction.set_role(&mut other, Role::Owner, None)?;
    }
    if me.role == Some(Role::Owner) {
        transaction.set_role(&mut me, Role::Moderator, None)?;
    }
    transaction.audit(Some(by), "transfer", Some(target), &AuditDetail::default())?;
    let seen = transaction.seen_by(&me);
    transaction.finish(seen)
}

/// Publishes that a member has another name or picture, or with `changes_rights` another kind.
///
/// # Errors
/// Errors of the database.
pub fn user_changed(
    conn: &mut Conn,
    room_id: RoomId,
    user: UserId,
    changes_rights: bool,
    attempt: Attempt,
) -> RoomResult<Done<()>> {
    let mut transaction = Transaction::begin_for_server(conn, room_id, attempt)?;
    let Ok(who) = transaction.member(user) else { return Ok(Done::unchanged(())) };
    let rev = transaction.next_rev();
    db::members::set_rev(transaction.conn, room_id, user, rev)?;
    transaction.member_updated(&who)?;
    if !changes_rights {
        transaction.touched.clear();
    }
    transaction.finish(())
}
