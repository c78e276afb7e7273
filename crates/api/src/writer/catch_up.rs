//! Recovery after an unknown outcome: changes that were stored but not published are found and published. Otherwise
//! clients would lack them until they reconnect.

use std::time::{Duration, Instant};

use chrono::Utc;
use shared::events::{RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::members::MembershipChange;
use shared::rooms::Room;

use super::change::Doubt;
use super::worker::Worker;
use crate::db::changes::{Changed, ChangesSince};
use crate::db::members::Membership;
use crate::db::{self, Conn, DbError, DbResult, Reader};
use crate::formatting::mentions::EVERYONE;
use crate::realtime::hub::Hub;
use crate::realtime::publication::{Audience, Publication};
use crate::rooms::audience;

/// If there are more changes than this, followers are told to read them by REST.
const MAX_CHANGES: usize = 1_000;
/// How many users are told what they are in the room now.
const MAX_VIEWERS: usize = 20;
/// The pause between two attempts.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

impl Worker {
    /// Publishes the unpublished changes of every room in doubt, if the pause has passed. A room whose read fails stays
    /// in doubt.
    ///
    /// # Errors
    /// [`DbError::ConnectionLost`], after which there is no connection.
    pub(super) fn catch_up(&mut self) -> DbResult<()> {
        if self.doubtful.is_empty() || self.catch_up_at.is_some_and(|at| Instant::now() < at) {
            return Ok(());
        }
        let Some(conn) = &mut self.conn else { return Ok(()) };
        self.catch_up_at = Some(Instant::now() + RETRY_PAUSE);
        let rooms: Vec<(RoomId, Doubt)> = self.doubtful.iter().map(|(id, doubt)| (*id, *doubt)).collect();
        for (room_id, doubt) in rooms {
            match catch_up_room(conn, &self.hub, room_id, doubt) {
                Ok(()) => {
                    self.doubtful.remove(&room_id);
                }
                Err(error @ DbError::ConnectionLost(_)) => {
                    self.conn = None;
                    return Err(error);
                }
                Err(error) => tracing::warn!(%error, %room_id, "a room may have unpublished changes"),
            }
        }
        Ok(())
    }
}

fn catch_up_room(conn: &mut Conn, hub: &Hub, room_id: RoomId, doubt: Doubt) -> DbResult<()> {
    if doubt == Doubt::Message && !hub.is_followed(room_id) {
        return Ok(());
    }
    let published = hub.published(room_id);
    // The lock waits for the end of a transaction whose connection was lost.
    let found = db::transaction(conn, |conn| {
        let room = db::rooms::lock(conn, room_id)?;
        // Followers ignore events they have, so this may be too early.
        let since = published.unwrap_or(Rev((room.rev.0 - MAX_CHANGES as i64).max(0)));
        let found = db::changes::list(conn, Reader::Server, room_id, Some(since), MAX_CHANGES)?;
        let changed: Vec<UserId> = found.changed.iter().rev().filter_map(user_of).take(MAX_VIEWERS).collect();
        let changed = db::members::get_many(conn, room_id, &changed, Utc::now())?;
        let audience = audience(conn, &room)?;
        let former_name = db::room_audit::former_name(conn, &room)?;
        Ok::<_, DbError>((found, changed, audience, former_name))
    });
    match found {
        Ok((found, changed, audience, former_name)) => {
            let publication = publication(hub, published, found, &changed, doubt);
            let audience = Some(audience);
            hub.publish_changes(Publication { audience, former_name, ..publication });
        }
        Err(DbError::NotFound) => match db::rooms::get_deleted(conn, room_id) {
            Ok(room) => {
                let change = RoomChange { rev: room.rev, room: room.clone() };
                let changes = vec![(room.rev, ServerEvent::RoomDeleted(change))];
                // Its members are still stored. Without a word of its creation, the hub may take it for a public one.
                let audience = match audience(conn, &room)? {
                    Audience::Members(members) => Some(Audience::Members(members)),
                    Audience::Everybody => None,
                };
                let (viewers, former_name) = (Vec::new(), None);
                let (mentioned, told) = (Vec::new(), Vec::new());
                hub.publish_changes(Publication {
                    room,
                    changes,
                    viewers,
                    audience,
                    former_name,
                    mentioned,
                    told,
                });
            }
            // It was never created, or is already purged.
            Err(DbError::NotFound) => {}
            Err(error) => return Err(error),
        },
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The user whose membership changed.
fn user_of(changed: &Changed) -> Option<UserId> {
    match changed {
        Changed::Message { .. } => None,
        Changed::Member(changed) => Some(match &changed.change {
            MembershipChange::Member { member, .. } => member.user.id,
            MembershipChange::Left { user_id, .. } => *user_id,
        }),
    }
}

/// The changes of messages, of members and of the room, in the order of `rev`.
fn publication(
    hub: &Hub,
    published: Option<Rev>,
    found: ChangesSince,
    changed: &[Membership],
    doubt: Doubt,
) -> Publication {
    let updated_rev = found.room.updated_rev();
    let room = Room::from(found.room);
    let mut events = Vec::new();
    if doubt == Doubt::Creation {
        // It comes first, with `rev` 0: followers that have later changes must not skip the following ones.
        let created = RoomChange { rev: room.rev, room: room.clone() };
        events.push((Rev::ZERO, ServerEvent::RoomCreated(created)));
    }
    let is_updated = updated_rev > published.unwrap_or(Rev::ZERO);
    // What changed more than once is found with its latest change only.
    let count = found.changed.len() as i64 + i64::from(is_updated);
    let has_gaps = published.is_some_and(|published| room.rev.0 - published.0 != count);
    let must_resync = found.has_more || has_gaps;
    if must_resync {
        hub.resync(room.id, room.rev);
    }
    for changed in found.changed {
        // Of a room that is read anew, only memberships matter here: they decide who sees it.
        if must_resync && matches!(changed, Changed::Message { .. }) {
            continue;
        }
        let rev = changed.rev();
        // If it is unknown what followers have, only what has no later changes is certainly new.
        let since = published.unwrap_or(Rev(rev.0 - 1));
        events.push((rev, changed.event(room.id, since)));
    }
    if is_updated {
        let update = RoomChange { room: room.clone(), rev: updated_rev };
        events.push((updated_rev, ServerEvent::RoomUpdated(update)));
    }
    events.sort_by_key(|(rev, _)| *rev);
    let viewers = changed.iter().map(|who| (who.user.id, who.viewer(&room))).collect();
    // Whom the changes mention is not read, so all who are connected have their mentions counted anew.
    let (mentioned, told) = (vec![EVERYONE], Vec::new());
    Publication { room, changes: events, viewers, audience: None, former_name: None, mentioned, told }
}
