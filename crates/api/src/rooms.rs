//! What is done in rooms: each function is the work of one transaction, which the writer runs, repeats if the connection
//! breaks, and publishes.
//!
//! Every function begins a [`Transaction`], which locks the room. Whatever decides about a right is read and judged
//! under that lock, so nothing slips between the check and the commit. The same functions serve the command line, which
//! works directly on the database.

pub mod attachments;
pub mod bans;
pub mod edits;
pub mod error;
pub mod invites;
pub mod members;
pub mod messages;
pub mod pins;
pub mod reactions;
pub mod settings;
pub mod succession;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::events::{MemberChange, RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::members::{LeaveReason, Member, Operation, Role, Viewer};
use shared::rooms::{Room, RoomName, Visibility};
use shared::timestamp::Timestamp;
use shared::users::UserKind;

use self::error::{Refusal, RoomError, RoomResult};
use crate::clock;
use crate::db::members::Membership;
use crate::db::{self, Conn, DbError};
use crate::policy::{self, Actor, Decision, Standing};
use crate::realtime::publication::{Audience, Publication};

/// The result of a transaction, and what it changed.
#[derive(Debug)]
pub struct Done<T> {
    /// The answer.
    pub value: T,
    /// What is published after the commit; `None` if nothing changed.
    pub publication: Option<Publication>,
}

impl<T> Done<T> {
    /// Nothing changed.
    pub fn unchanged(value: T) -> Self {
        Self { value, publication: None }
    }
}

/// An attempt to make a change. If the connection breaks, there is another one.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The time of the change, which all attempts share: in whole milliseconds.
    pub at: DateTime<Utc>,
    /// Whether an earlier attempt may be stored.
    pub is_retry: bool,
}

impl Attempt {
    /// The first attempt, now.
    pub fn first() -> Self {
        Self { at: clock::now(), is_retry: false }
    }

    /// Whether an earlier attempt stored what has this timestamp. The timestamp alone does not tell: another request may
    /// have come in the same millisecond.
    pub fn has_stored(self, at: impl Into<Timestamp>) -> bool {
        self.is_retry && at.into() == self.at.into()
    }
}

/// Changes to one room, under its lock.
pub struct Transaction<'conn> {
    conn: &'conn mut Conn,
    now: DateTime<Utc>,
    room: Room,
    changes: Vec<(Rev, ServerEvent)>,
    /// Users whose rights in the room changed.
    touched: HashSet<UserId>,
    /// Whether anything changed that decides who may write.
    is_about_rights: bool,
    /// What users could do before the settings changed.
    viewers_before: HashMap<UserId, Viewer>,
    audience: Option<Audience>,
    former_name: Option<RoomName>,
    /// Users whose unread mentions may have changed.
    mentioned: Vec<UserId>,
    /// Events about single users, for their connections alone.
    told: Vec<(UserId, ServerEvent)>,
}

impl<'conn> Transaction<'conn> {
    /// Locks a room that the user sees. Also returns the user's membership.
    ///
    /// A hidden room is not even locked, so that the refusal takes as long as for an unknown one.
    ///
    /// # Errors
    /// `room_not_found` if there is none, or they may not see it.
    pub fn begin(
        conn: &'conn mut Conn,
        room_id: RoomId,
        by: UserId,
        attempt: Attempt,
    ) -> RoomResult<(Self, Membership)> {
        let before = db::members::or_nobody(db::members::get(conn, room_id, by, attempt.at))?;
        let is_in = before.is_some_and(|before| before.role.is_some());
        let room = found(db::rooms::lock_seen(conn, room_id, is_in))?;
        let mut transaction = Self::of_locked(conn, room, attempt);
        let me = transaction.actor(by)?;
        Ok((transaction, me))
    }

    /// Locks a room for the server itself.
    ///
    /// # Errors
    /// `room_not_found` if there is none.
    pub fn begin_for_server(conn: &'conn mut Conn, room_id: RoomId, attempt: Attempt) -> RoomResult<Self> {
        let room = found(db::rooms::lock(conn, room_id))?;
        Ok(Self::of_locked(conn, room, attempt))
    }

    fn of_locked(conn: &'conn mut Conn, room: Room, attempt: Attempt) -> Self {
        Self {
            conn,
            now: attempt.at,
            room,
            changes: Vec::new(),
            touched: HashSet::new(),
            is_about_rights: false,
            viewers_before: HashMap::new(),
            audience: None,
            former_name: None,
            mentioned: Vec::new(),
            told: Vec::new(),
        }
    }

    /// A user, and what they are in the room.
    ///
    /// # Errors
    /// `user_not_found` if there is no such user, or they deleted themselves.
    fn find(&mut self, user: UserId) -> RoomResult<Membership> {
        let found = db::members::or_nobody(db::members::get(self.conn, self.room.id, user, self.now))?;
        found.filter(|found| found.user.deleted_at.is_none()).ok_or_else(|| ErrorCode::UserNotFound.into())
    }

    /// Who acts, if they may see the room.
    ///
    /// # Errors
    /// `room_not_found` if they may not.
    fn actor(&mut self, by: UserId) -> RoomResult<Membership> {
        // Their session ended a moment ago: they deleted themselves, or were disabled.
        let is_gone = || ErrorCode::InvalidToken.into();
        let me = match self.find(by) {
            Err(RoomError::Refused(_)) => return Err(is_gone()),
            me => me?,
        };
        if !me.is_active {
            return Err(is_gone());
        }
        self.check(&me, Operation::View)?;
        Ok(me)
    }

    /// Asks the policy.
    ///
    /// # Errors
    /// Its refusal.
    fn check(&self, me: &Membership, operation: Operation) -> RoomResult<()> {
        check(me, operation, &self.room, self.now)
    }

    /// Checks that `me` ranks above `other`.
    ///
    /// # Errors
    /// `not_allowed`.
    fn check_rank(&self, me: &Membership, other: &Membership) -> RoomResult<()> {
        let rank = |who: &Membership| policy::rank(who.actor(), &who.standing(&self.room));
        if rank(me) < rank(other) { Ok(()) } else { Err(ErrorCode::NotAllowed.into()) }
    }

    /// The role of `me` that counts.
    fn role(&self, me: &Membership) -> Option<Role> {
        policy::role(me.actor(), &me.standing(&self.room))
    }

    fn next_rev(&mut self) -> Rev {
        self.room.rev = self.room.rev.next();
        self.room.rev
    }

    /// Makes a user a member. The role is at most what another lowered theirs to.
    ///
    /// # Errors
    /// `rate_limited` if they are in too many rooms.
    fn join(&mut self, who: &mut Membership, role: Role) -> RoomResult<Member> {
        if db::members::count_of(self.conn, who.user.id)? >= db::members::MAX_MEMBERSHIPS {
            return Err(Refusal::too_many_rooms().into());
        }
        let role = who.role_cap.map_or(role, |cap| role.max(cap));
        let rev = self.next_rev();
        db::members::join(self.conn, self.room.id, who.user.id, role, rev, self.now)?;
        who.read = Some(db::read_marks::begin(self.conn, self.room.id, who.user.id, self.room.last_seq)?);
        self.room.member_count += 1;
        (who.role, who.joined_at) = (Some(role), Some(self.now));
        self.touched.insert(who.user.id);
        let member = member_of(who)?;
        let change = MemberChange { room_id: self.room.id, rev, member: member.clone() };
        self.changes.push((rev, ServerEvent::MemberJoined(change)));
        Ok(member)
    }

    /// Ends a membership. The invites that the user made are revoked.
    fn leave(&mut self, who: &mut Membership, reason: LeaveReason) -> RoomResult<()> {
        let (room_id, user_id, rev) = (self.room.id, who.user.id, self.next_rev());
        db::members::leave(self.conn, room_id, user_id, reason, rev, self.now)?;
        db::invites::revoke_of(self.conn, room_id, user_id, self.now)?;
        self.room.member_count = self.room.member_count.saturating_sub(1);
        who.role = None;
        self.touched.insert(user_id);
        self.changes.push((rev, ServerEvent::MemberLeft { room_id, rev, user_id, reason }));
        Ok(())
    }

    /// Changes the role of a member. The invites that they made are revoked if they may make none any more.
    fn set_role(&mut self, who: &mut Membership, role: Role, cap: Option<Role>) -> RoomResult<Member> {
        let (room_id, user_id, rev) = (self.room.id, who.user.id, self.next_rev());
        db::members::set_role(self.conn, room_id, user_id, role, cap, rev)?;
        if policy::highest_invited(Some(role)).is_none() {
            db::invites::revoke_of(self.conn, room_id, user_id, self.now)?;
        }
        (who.role, who.role_cap) = (Some(role), cap);
        self.member_updated(who)
    }

    /// Publishes that a member changed, with the room's present `rev`.
    fn member_updated(&mut self, who: &Membership) -> RoomResult<Member> {
        self.touched.insert(who.user.id);
        let (rev, member) = (self.room.rev, member_of(who)?);
        let change = MemberChange { room_id: self.room.id, rev, member: member.clone() };
        self.changes.push((rev, ServerEvent::MemberUpdated(change)));
        Ok(member)
    }

    /// Stores what was done.
    fn audit(
        &mut self,
        by: Option<UserId>,
        action: &str,
        target: Option<UserId>,
        detail: &AuditDetail,
    ) -> RoomResult<()> {
        Ok(db::room_audit::create(self.conn, self.room.id, by, action, target, detail, self.now)?)
    }

    /// Stores the room's settings as a change.
    ///
    /// # Errors
    /// A conflict if another public room has the name.
    fn store_settings(&mut self) -> RoomResult<()> {
        let rev = self.next_rev();
        self.room.updated_at = self.now.into();
        db::rooms::update(self.conn, &self.room, self.now)?;
        let change = RoomChange { room: self.room.clone(), rev };
        self.changes.push((rev, ServerEvent::RoomUpdated(change)));
        Ok(())
    }

    /// Remembers what users may do, before the settings change: those of the given ones who see the room.
    fn remember_viewers(&mut self, users: &[UserId]) -> RoomResult<()> {
        let found = db::members::get_many(self.conn, self.room.id, users, self.now)?;
        let room = &self.room;
        let viewers = found.iter().map(|who| (who.user.id, who.viewer(room)));
        self.viewers_before = viewers.filter(|(_, viewer)| viewer.may(Operation::View)).collect();
        Ok(())
    }

    /// Marks the room as deleted.
    fn delete(&mut self) -> RoomResult<()> {
        let rev = self.next_rev();
        self.room.updated_at = self.now.into();
        db::rooms::delete(self.conn, &self.room, self.now)?;
        let change = RoomChange { room: self.room.clone(), rev };
        self.changes.push((rev, ServerEvent::RoomDeleted(change)));
        Ok(())
    }

    /// Whether the room was deleted by this transaction.
    fn is_deleted(&self) -> bool {
        matches!(self.changes.last(), Some((_, ServerEvent::RoomDeleted(_))))
    }

    /// The room as `me` sees it.
    fn seen_by(&self, me: &Membership) -> Room {
        Room { viewer: Some(me.viewer(&self.room)), ..self.room.clone() }
    }

    /// Stores the counters, and collects what is published.
    ///
    /// # Errors
    /// Errors of the database.
    pub fn finish<T>(self, value: T) -> RoomResult<Done<T>> {
        let Self { conn, now, room, changes, touched, viewers_before, audience, .. } = self;
        let (former_name, mentioned, told) = (self.former_name, self.mentioned, self.told);
        let is_about_rights = self.is_about_rights || !touched.is_empty();
        if changes.is_empty() && !is_about_rights {
            return Ok(Done::unchanged(value));
        }
        db::rooms::advance(conn, &room, is_about_rights)?;
        let mut ids: Vec<UserId> = touched.iter().copied().collect();
        ids.extend(viewers_before.keys().filter(|id| !touched.contains(id)));
        let found = db::members::get_many(conn, room.id, &ids, now)?;
        let viewers = found.iter().map(|who| (who.user.id, who.viewer(&room)));
        let is_news = |(id, viewer): &(UserId, Viewer)| {
            touched.contains(id) || viewers_before.get(id).is_some_and(|before| before != viewer)
        };
        let viewers = viewers.filter(is_news).collect();
        let publication = Publication { room, changes, viewers, audience, former_name, mentioned, told };
        Ok(Done { value, publication: Some(publication) })
    }
}

fn found(room: db::DbResult<Room>) -> RoomResult<Room> {
    match room {
        Err(DbError::NotFound) => Err(ErrorCode::RoomNotFound.into()),
        room => Ok(room?),
    }
}

/// Asks the policy whether a user may do something in a room.
///
/// # Errors
/// Its refusal.
pub fn check(me: &Membership, operation: Operation, room: &Room, now: DateTime<Utc>) -> RoomResult<()> {
    match policy::may(me.actor(), operation, &me.standing(room)) {
        Decision::Allow => Ok(()),
        Decision::Hide => Err(ErrorCode::RoomNotFound.into()),
        Decision::Deny(ErrorCode::Muted) => {
            let rest = me.muted_until.map_or(0, |until| (until - now).num_milliseconds());
            Err(Refusal::muted(rest).into())
        }
        Decision::Deny(code) => Err(code.into()),
    }
}

/// Asks the policy whether a client without a session may do something in a room.
///
/// # Errors
/// Its refusal.
pub fn check_nobody(operation: Operation, room: &Room) -> RoomResult<()> {
    let Room { visibility, is_own, posting, .. } = *room;
    let standing = Standing { visibility, is_own, posting, role: None, is_banned: false, is_muted: false };
    match policy::may(Actor::Nobody, operation, &standing) {
        Decision::Allow => Ok(()),
        Decision::Hide => Err(ErrorCode::RoomNotFound.into()),
        Decision::Deny(code) => Err(code.into()),
    }
}

/// The role in which a user joins by themselves.
fn own_role(kind: UserKind) -> Role {
    if matches!(kind, UserKind::Member | UserKind::Bot) { Role::Member } else { Role::Guest }
}

fn member_of(who: &Membership) -> RoomResult<Member> {
    who.member().ok_or_else(|| ErrorCode::MemberNotFound.into())
}

/// A detail with the value before and after.
fn from_to(before: &str, after: &str) -> AuditDetail {
    AuditDetail { before: Some(before.to_owned()), after: Some(after.to_owned()), ..AuditDetail::default() }
}

/// Who sees a room.
///
/// # Errors
/// Errors of the database.
pub fn audience(conn: &mut Conn, room: &Room) -> db::DbResult<Audience> {
    Ok(match room.visibility {
        Visibility::Private => Audience::Members(db::members::ids(conn, room.id)?.into_iter().collect()),
        _ => Audience::Everybody,
    })
}
