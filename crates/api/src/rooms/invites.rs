//! Making, revoking and redeeming invites.

use chrono::{DateTime, Utc};
use shared::audit::AuditDetail;
use shared::errors::ErrorCode;
use shared::ids::{InviteId, RoomId, UserId};
use shared::invites::{Invite, Redeemed};
use shared::members::{Operation, Role};
use shared::rooms::Room;

use super::error::{Refusal, RoomError, RoomResult};
use super::{Attempt, Done, Transaction};
use crate::db::invites::{NewInvite, StoredInvite};
use crate::db::token_hash::TokenHash;
use crate::db::{self, Conn, DbError};
use crate::policy;

/// The maximal number of invites of a room that are not revoked.
const MAX_INVITES: i64 = 500;

/// Makes an invite.
///
/// # Errors
/// The refusal.
pub fn create(conn: &mut Conn, new: &NewInvite, attempt: Attempt) -> RoomResult<Done<Invite>> {
    let by = new.created_by;
    let (mut transaction, me) = Transaction::begin(conn, new.room_id, by, attempt)?;
    transaction.check(&me, Operation::ManageInvites)?;
    let highest = policy::highest_invited(transaction.role(&me));
    if highest.is_none_or(|highest| new.role < highest) {
        return Err(ErrorCode::NotAllowed.into());
    }
    if attempt.is_retry
        && let Ok(invite) = db::invites::get(transaction.conn, new.room_id, new.id)
    {
        // An earlier attempt made it.
        return Ok(Done::unchanged(invite));
    }
    if db::invites::count(transaction.conn, new.room_id, attempt.at)? >= MAX_INVITES {
        return Err(Refusal::too_many_invites().into());
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
    attempt: Attempt,
) -> RoomResult<Done<()>> {
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, attempt)?;
    let found = db::invites::get(transaction.conn, room_id, id);
    // A caller who may not list invites learns nothing about their ids.
    transaction.check(&me, Operation::ManageInvites)?;
    match found {
        // An earlier attempt revoked it.
        Err(DbError::NotFound) if attempt.is_retry => return Ok(Done::unchanged(())),
        Err(DbError::NotFound) => return Err(ErrorCode::InviteNotFound.into()),
        found => found?,
    };
    db::invites::revoke(transaction.conn, id, attempt.at)?;
    transaction.audit(Some(by), "invite_revoke", None, &AuditDetail::default())?;
    transaction.finish(())
}

/// The highest role that an invite gives now; `None` if it is used up, expired or revoked, or its maker may make none any
/// more.
///
/// # Errors
/// Errors of the database.
pub fn highest_now(
    conn: &mut Conn,
    room: &Room,
    stored: &StoredInvite,
    now: DateTime<Utc>,
) -> db::DbResult<Option<Role>> {
    if !stored.is_valid(now) {
        return Ok(None);
    }
    let maker = db::members::get(conn, room.id, stored.invite.created_by.id, now)?;
    let role = policy::role(maker.actor(), &maker.standing(room));
    Ok(policy::highest_invited(role).filter(|_| maker.is_active && !maker.is_banned))
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
    attempt: Attempt,
) -> RoomResult<Done<Redeemed>> {
    let mut transaction = match Transaction::begin_for_server(conn, room_id, attempt) {
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
    let Some(highest) = highest_now(transaction.conn, &transaction.room, &stored, attempt.at)? else {
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
