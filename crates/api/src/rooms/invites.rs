//! Making, revoking and redeeming invites.

use chrono::{DateTime, Utc};
use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::ids::{InviteId, RoomId, UserId};
use shared::invites::{Invite, Redeemed};
use shared::members::Operation;

use super::error::{Refusal, RoomError, RoomResult};
use super::{Done, Transaction};
use crate::db::invites::NewInvite;
use crate::db::token_hash::TokenHash;
use crate::db::{self, Conn, DbError};
use crate::policy;

/// The maximal number of invites of a room that are not revoked.
const MAX_INVITES: i64 = 500;

/// Makes an invite.
///
/// # Errors
/// The refusal.
pub fn create(conn: &mut Conn, new: &NewInvite) -> RoomResult<Done<Invite>> {
    let by = new.created_by;
    let (mut transaction, me) = Transaction::begin(conn, new.room_id, by, new.created_at)?;
    transaction.check(&me, Operation::ManageInvites)?;
    let highest = policy::highest_invited(transaction.role(&me));
    if highest.is_none_or(|highest| new.role < highest) {
        return Err(ErrorCode::NotAllowed.into());
    }
    if db::invites::count(transaction.conn, new.room_id)? >= MAX_INVITES {
        return Err(Refusal::too_many_rooms().into());
    }
    db::invites::create(transaction.conn, new)?;
    let detail = AuditDetail { after: Some(new.role.name().to_owned()), ..AuditDetail::default() };
    transaction.audit(Some(by), "invite_create", None, &detail)?;
    let invite = db::invites::get(transaction.conn, new.room_id, new.id)?;
    transaction.finish(invite)
}

/// Revokes an invite.
///
/// # Errors
/// The refusal.
pub fn revoke(
    conn: &mut Conn,
    room_id: RoomId,
    id: InviteId,
    by: UserId,
    now: DateTime<Utc>,
) -> RoomResult<Done<()>> {
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, now)?;
    let found = db::invites::get(transaction.conn, room_id, id);
    // Who may not list invites learns nothing about their ids.
    transaction.check(&me, Operation::ManageInvites)?;
    match found {
        Err(DbError::NotFound) => return Err(ErrorCode::InviteNotFound.into()),
        found => found?,
    };
    db::invites::revoke(transaction.conn, id, now)?;
    transaction.audit(Some(by), "invite_revoke", None, &AuditDetail::default())?;
    transaction.finish(())
}

/// Joins a room by an invite. For members, nothing changes, whatever became of the invite.
///
/// # Errors
/// The refusal.
pub fn redeem(
    conn: &mut Conn,
    room_id: RoomId,
    secret_hash: &TokenHash,
    by: UserId,
    now: DateTime<Utc>,
) -> RoomResult<Done<Redeemed>> {
    let mut transaction = match Transaction::begin_for_server(conn, room_id, now) {
        Err(RoomError::Refused(_)) => return Err(ErrorCode::InviteGone.into()),
        transaction => transaction?,
    };
    let stored = match db::invites::find(transaction.conn, secret_hash) {
        Err(DbError::NotFound) => return Err(ErrorCode::InviteNotFound.into()),
        stored => stored?,
    };
    let mut me = transaction.find(by)?;
    transaction.check(&me, Operation::Redeem)?;
    if let Some(member) = me.member() {
        let room = transaction.seen_by(&me);
        return Ok(Done::unchanged(Redeemed { room, member }));
    }
    let invite = &stored.invite;
    if me.removed_at.is_some_and(|at| at > invite.created_at.into()) {
        return Err(ErrorCode::NotAllowed.into());
    }
    let maker = transaction.find(invite.created_by.id).ok().filter(|maker| maker.is_active);
    let highest = maker.as_ref().and_then(|maker| policy::highest_invited(transaction.role(maker)));
    let Some(highest) = highest.filter(|_| stored.is_valid(now)) else {
        return Err(ErrorCode::InviteGone.into());
    };
    let role = invite.role.max(highest);
    db::invites::count_use(transaction.conn, invite.id)?;
    let member = transaction.join(&mut me, role)?;
    let detail = AuditDetail { after: Some(member.role.name().to_owned()), ..AuditDetail::default() };
    transaction.audit(Some(by), "invite_use", Some(by), &detail)?;
    let room = transaction.seen_by(&me);
    transaction.finish(Redeemed { room, member })
}
