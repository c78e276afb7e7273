//! The command `subscribe`: replays the changes after a `rev`, then continues with live events, without gap or repeat.

use shared::errors::ErrorCode;
use shared::events::{CloseCode, RoomChange, ServerEvent, Subscription};
use shared::ids::{Rev, RoomId};
use shared::rooms::Room;

use super::{Commands, Handled};
use crate::clock;
use crate::config::Access;
use crate::db::changes::{Changed, ChangesSince};
use crate::db::{self, DbError, DbResult, Reader};
use crate::error::AppError;

/// The maximal number of replayed changes. A client that missed more is told to read them by REST.
const MAX_REPLAY: usize = 1_000;
/// How many messages of a replay are read at once. This bounds the memory that a slow reader occupies.
const REPLAY_PAGE: usize = 100;

/// The changes to replay.
struct Replay {
    room_id: RoomId,
    /// The client has all changes up to this one.
    since: Rev,
    /// The replay ends with this change. Later ones are live events.
    until: Rev,
    /// The first page of what changed, by `rev`.
    page: Vec<Changed>,
    has_more: bool,
    /// The change of the room itself, if the client missed it.
    update: Option<RoomChange>,
}

impl Commands<'_> {
    /// Follows rooms.
    pub(super) async fn subscribe_all(&self, rooms: Vec<Subscription>) -> Handled {
        for room in rooms {
            self.subscribe(room, Some(MAX_REPLAY)).await?;
        }
        Ok(())
    }

    /// Follows a room for a client that only wants its changes, however many it missed.
    ///
    /// # Errors
    /// The code to close with.
    pub async fn follow(&self, room_id: RoomId, since: Option<Rev>) -> Handled {
        self.subscribe(Subscription { room_id, since, present: false }, None).await
    }

    /// Follows a room. More than `max_replay` missed changes are not replayed.
    ///
    /// The hub holds events before the database is read. The database shows the room at one `rev`; of the held events,
    /// only later ones are sent.
    async fn subscribe(&self, room: Subscription, max_replay: Option<usize>) -> Handled {
        let Subscription { room_id, since, present } = room;
        if self.app.config.access == Access::Members && self.connection.user().is_none() {
            self.refuse(ErrorCode::AuthenticationRequired, Some(room_id));
            return Ok(());
        }
        let hub = &self.app.hub;
        // Every subscription reads the database, so anonymous connections are limited too.
        let user = self.connection.user().map(|user| user.id);
        if self.app.limits.subscribe(user, self.connection.address).is_err() {
            self.refuse(ErrorCode::RateLimited, Some(room_id));
            return Ok(());
        }
        if hub.join(self.connection, room_id).is_err() {
            self.refuse(ErrorCode::RateLimited, Some(room_id));
            return Ok(());
        }
        let by = self.connection.principal();
        let read = self.app.db.run(move |conn| {
            let found = db::changes::list(conn, Reader::Client(by), room_id, since, REPLAY_PAGE)?;
            // After the changes, so that it is at least as new: later ones follow as `viewer_updated`.
            let viewer = db::members::viewer(conn, &found.room.clone().into(), by.id, clock::now())?;
            let is_too_much = match (since, max_replay) {
                (Some(since), Some(max)) if found.has_more => {
                    db::changes::are_more_than(conn, room_id, since, max)?
                }
                _ => false,
            };
            Ok((found, viewer, is_too_much))
        });
        let (ChangesSince { room: row, changed, has_more }, viewer, is_too_much) = match read.await {
            Ok(found) => found,
            Err(error) => {
                hub.leave(self.connection, room_id);
                self.refuse(code_of(error), Some(room_id));
                return Ok(());
            }
        };
        let updated_rev = row.updated_rev();
        let room = Room { viewer: Some(viewer), ..Room::from(row) };
        let rev = room.rev;
        if since.is_some_and(|since| since > rev) {
            return Err(CloseCode::ImpossibleRev);
        }
        if !hub.send_subscribed(self.connection, &room, present) {
            // The room was deleted meanwhile, or the user lost sight of it.
            self.refuse(ErrorCode::RoomNotFound, Some(room_id));
            return Ok(());
        }
        if is_too_much {
            hub.send_to_follower(self.connection, room_id, &ServerEvent::Resync { room_id });
        } else if let Some(since) = since {
            let update =
                (updated_rev > since).then(|| RoomChange { room: hub.with_online(room), rev: updated_rev });
            let replay = Replay { room_id, since, until: rev, page: changed, has_more, update };
            // Boxed, because most subscriptions have little or nothing to replay.
            Box::pin(self.replay(replay)).await?;
        }
        hub.go_live(self.connection, room_id, rev);
        Ok(())
    }

    /// Sends the missed changes at the pace of the client: a page is read when the previous one was sent.
    ///
    /// A message that changes again during the replay moves beyond `until`. It is sent as a live event.
    async fn replay(&self, mut replay: Replay) -> Handled {
        let room_id = replay.room_id;
        while let Some(last) = replay.page.last().map(Changed::rev) {
            for changed in std::mem::take(&mut replay.page) {
                let rev = changed.rev();
                if rev > replay.until {
                    break;
                }
                self.connection.outbox.drained().await;
                let update = replay.update.take_if(|update| update.rev < rev);
                let update = update.map(ServerEvent::RoomUpdated);
                for event in update.into_iter().chain([changed.event(room_id, replay.since)]) {
                    if !self.app.hub.send_to_follower(self.connection, room_id, &event) {
                        // The user lost sight of the room meanwhile, of which the client was told.
                        return Ok(());
                    }
                }
            }
            if !replay.has_more || last >= replay.until || self.connection.outbox.is_closing() {
                break;
            }
            match self.next_page(room_id, last).await {
                Ok(next) => (replay.page, replay.has_more) = (next.changed, next.has_more),
                // The room was deleted meanwhile, of which the client was told.
                Err(DbError::NotFound) => return Ok(()),
                // The rest of the changes is missing, so the client must resume.
                Err(error) => {
                    tracing::warn!(%error, "a replay failed");
                    return Err(CloseCode::Overload);
                }
            }
        }
        if let Some(update) = replay.update {
            self.app.hub.send_to_follower(self.connection, room_id, &ServerEvent::RoomUpdated(update));
        }
        Ok(())
    }

    async fn next_page(&self, room_id: RoomId, after: Rev) -> DbResult<ChangesSince> {
        let reader = Reader::Client(self.connection.principal());
        let next =
            move |conn: &mut db::Conn| db::changes::list(conn, reader, room_id, Some(after), REPLAY_PAGE);
        self.app.db.run(next).await
    }
}

fn code_of(error: DbError) -> ErrorCode {
    match error {
        DbError::NotFound => ErrorCode::RoomNotFound,
        other => AppError::from(other).code,
    }
}
