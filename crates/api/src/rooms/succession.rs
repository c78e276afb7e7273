//! A room whose last owner is gone passes on to the next in line.

use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::ids::{RoomId, UserId};
use shared::members::{LeaveReason, Role};
use shared::rooms::Visibility;

use super::error::RoomResult;
use super::{Attempt, Done, Transaction, own_role};
use crate::db::members::Membership;
use crate::db::{self, Conn};
use crate::sessions::IDLE_LIFETIME;

impl Transaction<'_> {
    /// Whether the room has an owner besides this user who can act.
    pub(super) fn has_other_owner(&mut self, who: &Membership) -> RoomResult<bool> {
        let session_since = self.now - IDLE_LIFETIME;
        Ok(db::succession::has_other_owner(self.conn, self.room.id, who.user.id, session_since)?)
    }

    /// Finds a new owner if `leaving` is the last one. If nobody can be, a public room becomes the server's own, and a
    /// private one is deleted. Returns whether the room passed on.
    pub(super) fn pass_on(&mut self, leaving: &Membership) -> RoomResult<bool> {
        if leaving.role != Some(Role::Owner) || self.room.is_own || self.has_other_owner(leaving)? {
            return Ok(false);
        }
        let heir = db::succession::heir(self.conn, &self.room, leaving.user.id, self.now - IDLE_LIFETIME)?;
        match heir {
            Some(heir) => {
                let mut heir = self.member(heir)?;
                self.set_role(&mut heir, Role::Owner, None)?;
                self.audit(None, "succession", Some(heir.user.id), &AuditDetail::default())?;
            }
            None if self.room.visibility == Visibility::Private => self.delete()?,
            None => {
                self.is_about_rights = true;
                self.room.is_own = true;
                self.store_settings()?;
                self.audit(None, "succession", None, &AuditDetail::default())?;
            }
        }
        Ok(true)
    }
}

/// Passes a room on if its last owner was disabled, or is a guest who cannot come back. They stay a member.
///
/// # Errors
/// Errors of the database.
pub fn pass_on(conn: &mut Conn, room_id: RoomId, owner: UserId, attempt: Attempt) -> RoomResult<Done<()>> {
    let mut transaction = Transaction::begin_for_server(conn, room_id, attempt)?;
    let Ok(mut owner) = transaction.member(owner) else { return Ok(Done::unchanged(())) };
    if transaction.pass_on(&owner)? && !transaction.is_deleted() {
        let role = own_role(owner.user.kind);
        transaction.set_role(&mut owner, role, None)?;
    }
    transaction.finish(())
}

/// Takes a user who deleted themselves out of a room. If they were its last owner, it passes on.
///
/// # Errors
/// Errors of the database.
pub fn depart(conn: &mut Conn, room_id: RoomId, user: UserId, attempt: Attempt) -> RoomResult<Done<()>> {
    let mut transaction = Transaction::begin_for_server(conn, room_id, attempt)?;
    let Ok(mut user) = transaction.member(user) else { return Ok(Done::unchanged(())) };
    transaction.pass_on(&user)?;
    if !transaction.is_deleted() {
        transaction.leave(&mut user, LeaveReason::Left)?;
    }
    transaction.finish(())
}

/// Makes a user the owner of a room, beside those it has: for the command line.
///
/// # Errors
/// Errors of the database.
pub fn set_owner(conn: &mut Conn, room_id: RoomId, user: UserId, attempt: Attempt) -> RoomResult<Done<()>> {
    let mut transaction = Transaction::begin_for_server(conn, room_id, attempt)?;
    let mut owner = transaction.find(user)?;
    if !owner.is_active {
        return Err(ErrorCode::AccountDisabled.into());
    }
    if owner.is_banned {
        db::bans::delete(transaction.conn, room_id, user)?;
        owner.is_banned = false;
    }
    match owner.role {
        Some(Role::Owner) => return Ok(Done::unchanged(())),
        Some(_) => {
            transaction.set_role(&mut owner, Role::Owner, None)?;
        }
        None => {
            owner.role_cap = None;
            transaction.join(&mut owner, Role::Owner)?;
        }
    }
    transaction.audit(None, "transfer", Some(user), &AuditDetail::default())?;
    transaction.finish(())
}

/// Deletes a room without checking rights: for the command line.
///
/// # Errors
/// Errors of the database.
pub fn delete(conn: &mut Conn, room_id: RoomId, attempt: Attempt) -> RoomResult<Done<()>> {
    let mut transaction = Transaction::begin_for_server(conn, room_id, attempt)?;
    transaction.delete()?;
    transaction.finish(())
}
