//! After an unknown outcome: what was stored unheard of is found and published, so that nobody's copy stays behind
//! until they happen to reconnect.

use std::time::Instant;

use shared::events::{RoomChange, ServerEvent};
use shared::ids::RoomId;
use shared::rooms::Room;

use super::Worker;
use crate::db::{self, DbError, DbResult};

/// More than this is for the followers to read for themselves.
const MAX_CHANGES: usize = 1_000;

impl Worker {
    /// Looks into every room that is in doubt; those that cannot be looked into stay so.
    pub(super) fn catch_up(&mut self) {
        for room_id in std::mem::take(&mut self.doubtful) {
            if let Err(error) = self.catch_up_room(room_id) {
                tracing::debug!(%error, "a room stays in doubt");
                self.conn = None;
                self.doubtful.insert(room_id);
            }
        }
    }

    fn catch_up_room(&mut self, room_id: RoomId) -> DbResult<()> {
        // Nobody follows it, so nobody missed anything.
        let Some(since) = self.hub.published(room_id) else { return Ok(()) };
        let hub = self.hub.clone();
        let conn = self.connect(Instant::now())?;
        let found = match db::changes::list(conn, room_id, Some(since), MAX_CHANGES) {
            Ok(found) => found,
            Err(DbError::NotFound) => {
                return match db::rooms::get_deleted(conn, room_id) {
                    Ok(room) => {
                        hub.room_deleted(room);
                        Ok(())
                    }
                    // Purged already: who asks for it is told that it is not there.
                    Err(DbError::NotFound) => Ok(()),
                    Err(error) => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        let updated_rev = found.room.updated_rev();
        let room = Room::from(found.room);
        if found.has_more {
            hub.resync(room_id, room.rev);
            return Ok(());
        }
        let mut update = (updated_rev > since).then(|| hub.with_online(room));
        for changed in found.messages {
            let rev = changed.message.rev;
            if let Some(room) = update.take_if(|_| updated_rev < rev) {
                hub.catch_up(
                    room_id,
                    updated_rev,
                    &ServerEvent::RoomUpdated(RoomChange { room, rev: updated_rev }),
                );
            }
            hub.catch_up(room_id, rev, &changed.event(since));
        }
        if let Some(room) = update {
            hub.catch_up(
                room_id,
                updated_rev,
                &ServerEvent::RoomUpdated(RoomChange { room, rev: updated_rev }),
            );
        }
        Ok(())
    }
}
