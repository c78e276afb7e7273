//! Recovery after an unknown outcome: changes that were stored but not published are found and published. Otherwise
//! clients would lack them until they reconnect.

use std::time::{Duration, Instant};

use shared::events::{RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId};
use shared::rooms::Room;

use super::change::Doubt;
use super::worker::Worker;
use crate::db::changes::ChangesSince;
use crate::db::{self, Conn, DbError, DbResult};
use crate::realtime::hub::Hub;

/// If there are more changes than this, followers are told to read them by REST.
const MAX_CHANGES: usize = 1_000;
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
        db::changes::list(conn, room_id, Some(since), MAX_CHANGES)
    });
    match found {
        Ok(found) => {
            if doubt == Doubt::Creation {
                // It comes first, with `rev` 0: followers that have later changes must not skip the following ones.
                let room = hub.with_online(found.room.clone().into());
                let created = ServerEvent::RoomCreated(RoomChange { rev: room.rev, room });
                hub.catch_up_all(room_id, Rev::ZERO, created);
            }
            publish(hub, published, found, doubt);
        }
        Err(DbError::NotFound) => match db::rooms::get_deleted(conn, room_id) {
            Ok(room) => hub.room_deleted(room),
            // It was never created, or is already purged.
            Err(DbError::NotFound) => {}
            Err(error) => return Err(error),
        },
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Publishes the changes of messages and of the room, in the order of `rev`.
fn publish(hub: &Hub, published: Option<Rev>, found: ChangesSince, doubt: Doubt) {
    let updated_rev = found.room.updated_rev();
    let room = Room::from(found.room);
    let (room_id, room_rev) = (room.id, room.rev);
    let mut update = (updated_rev > published.unwrap_or(Rev::ZERO))
        .then(|| ServerEvent::RoomUpdated(RoomChange { room: hub.with_online(room), rev: updated_rev }));
    let publish_update = |event: ServerEvent| match doubt {
        Doubt::Message => hub.catch_up(room_id, updated_rev, event),
        Doubt::Room | Doubt::Creation => hub.catch_up_all(room_id, updated_rev, event),
    };
    // A message that changed more than once is found with its latest change only.
    let count = found.messages.len() as i64 + i64::from(update.is_some());
    let has_gaps = published.is_some_and(|published| room_rev.0 - published.0 != count);
    if found.has_more || has_gaps {
        hub.resync(room_id, room_rev);
    } else {
        for changed in found.messages {
            let rev = changed.message.rev;
            if let Some(event) = update.take_if(|_| updated_rev < rev) {
                publish_update(event);
            }
            // If it is unknown what followers have, only a message without later changes is certainly new.
            let since = published.unwrap_or(Rev(rev.0 - 1));
            hub.catch_up(room_id, rev, changed.event(since));
        }
    }
    if let Some(event) = update {
        publish_update(event);
    }
}
