//! Banning and unbanning.

use chrono::TimeDelta;
use shared::audit::AuditDetail;
use shared::bans::{BanReason, PutBan};
use shared::errors::ErrorCode;
use shared::ids::{RoomId, UserId};
use shared::members::{LeaveReason, Operation};

use super::error::RoomResult;
use super::members::is_known;
use super::{Attempt, Done, Transaction};
use crate::db::roles::role_number;
use crate::db::{self, Conn};
use crate::policy::{self, Rank};

/// The maximal number of messages that a ban deletes.
const MAX_DELETED: i64 = 10_000;

/// The number of a rank in the database: a higher rank has a lower number.
fn rank_number(rank: Rank) -> i16 {
    match rank {
        Rank::Admin => -1,
        Rank::Role(role) => role_number(role),
        Rank::Out => i16::MAX,
    }
}

/// Bans a user, and removes them. Their newest messages are deleted if that is asked for.
///
/// # Errors
/// The refusal.
pub fn create(
    conn: &mut Conn,
    room_id: RoomId,
    by: UserId,
    target: UserId,
    ban: &PutBan,
    attempt: Attempt,
) -> RoomResult<Done<()>> {
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, attempt)?;
    let mut other = transaction.find(target)?;
    let before = db::bans::get(transaction.conn, room_id, target)?;
    if before.is_none() && !is_known(transaction.conn, &me, &other)? {
        return Err(ErrorCode::UserNotFound.into());
    }
    transaction.check(&me, Operation::Moderate)?;
    transaction.check_rank(&me, &other)?;
    if before.is_some_and(|ban| attempt.has_stored(ban.created_at)) {
        // An earlier attempt banned them. What they may do is told again.
        transaction.touched.insert(target);
        return transaction.finish(());
    }
    let rank = rank_number(policy::rank(me.actor(), &me.standing(&transaction.room)));
    let rank = before.map_or(rank, |before| before.rank.min(rank));
    db::bans::create(transaction.conn, room_id, target, by, rank, ban.reason.as_ref(), attempt.at)?;
    transaction.touched.insert(target);
    if other.role.is_some() {
        transaction.pass_on(&other)?;
        transaction.leave(&mut other, LeaveReason::Banned)?;
    }
    let mut count = None;
    if let Some(seconds) = ban.delete_seconds.filter(|seconds| *seconds > 0) {
        let since = attempt.at - TimeDelta::seconds(seconds);
        let messages = db::messages::newest_of_author(transaction.conn, room_id, target, since, MAX_DELETED)?;
        count = Some(messages.len() as i64);
        transaction.delete_messages(messages)?;
    }
    let reason = ban.reason.as_ref().map(|reason| BanReason::as_str(reason).to_owned());
    let detail = AuditDetail { reason, count, ..AuditDetail::default() };
    transaction.audit(Some(by), "ban", Some(target), &detail)?;
    transaction.finish(())
}

/// Lifts a ban, unless a higher rank imposed it.
///
/// # Errors
/// The refusal.
pub fn delete(
    conn: &mut Conn,
    room_id: RoomId,
    by: UserId,
    target: UserId,
    attempt: Attempt,
) -> RoomResult<Done<()>> {
    let (mut transaction, me) = Transaction::begin(conn, room_id, by, attempt)?;
    let ban = db::bans::get(transaction.conn, room_id, target)?;
    if ban.is_none() {
        let other = transaction.find(target)?;
        if !is_known(transaction.conn, &me, &other)? {
            return Err(ErrorCode::UserNotFound.into());
        }
    }
    transaction.check(&me, Operation::Moderate)?;
    // Also of a user who deleted themselves: it may hold for guests from their address.
    let Some(ban) = ban else {
        if attempt.is_retry {
            // An earlier attempt lifted it. What they may do is told again.
            transaction.touched.insert(target);
        }
        return transaction.finish(());
    };
    if ban.rank < rank_number(policy::rank(me.actor(), &me.standing(&transaction.room))) {
        return Err(ErrorCode::NotAllowed.into());
    }
    db::bans::delete(transaction.conn, room_id, target)?;
    transaction.touched.insert(target);
    transaction.audit(Some(by), "unban", Some(target), &AuditDetail::default())?;
    transaction.finish(())
}
