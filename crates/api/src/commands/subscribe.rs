//! The command `subscribe`: replays the changes after a `rev`, then continues with live events, without gap or repeat.

use std::collections::{HashMap, HashSet};

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
use crate::read_marks;

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
    /// Follows rooms. Those in which the client missed nothing are read together, by one statement.
    pub(super) async fn subscribe_all(&self, rooms: Vec<Subscription>) -> Handled {
        if let [room] = rooms[..] {
            return self.subscribe(room, Some(MAX_REPLAY)).await;
        }
        let mut known = HashSet::new();
        let (rooms, repeats): (Vec<_>, Vec<_>) =
            rooms.into_iter().partition(|room| known.insert(room.room_id));
        let begun: Vec<_> = rooms.into_iter().filter(|room| self.begin(room.room_id)).collect();
        for room in self.subscribe_quiet(begun).await? {
            self.resume(room, Some(MAX_REPLAY)).await?;
        }
        for room in repeats {
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

    async fn subscribe(&self, room: Subscription, max_replay: Option<usize>) -> Handled {
        if self.begin(room.room_id) { self.resume(room, max_replay).await } else { Ok(()) }
    }

    /// Has the hub hold the events of a room, unless the client may not follow it, of which it is told.
    fn begin(&self, room_id: RoomId) -> bool {
        let user = self.connection.user().map(|user| user.id);
        let refusal = if self.app.config.access == Access::Members && user.is_none() {
            ErrorCode::AuthenticationRequired
        // Every subscription reads the database, so anonymous connections are limited too.
        } else if self.app.limits.subscribe(user, self.connection.address).is_err()
            || self.app.hub.join(self.connection, room_id).is_err()
        {
            ErrorCode::RateLimited
        } else {
            return true;
        };
        self.refuse(refusal, Some(room_id));
        false
    }

    /// Follows those of the begun rooms in which the client missed nothing. Returns the others.
    async fn subscribe_quiet(&self, rooms: Vec<Subscription>) -> Result<Vec<Subscription>, CloseCode> {
        let user = self.connection.user().map(|user| user.id);
        let ids: Vec<RoomId> = rooms.iter().map(|room| room.room_id).collect();
        let read = self.app.db.run(move |conn| db::members::seen_rooms(conn, &ids, user, clock::now())).await;
        let (mut found, failure): (HashMap<_, _>, _) = match read {
            Ok(rows) => {
                let rooms = rows.into_iter().map(|(row, viewer)| Room { viewer: Some(viewer), ..row.into() });
                (rooms.map(|room| (room.id, room)).collect(), ErrorCode::RoomNotFound)
            }
            Err(error) => (HashMap::new(), code_of(error)),
        };
        let mut missed = Vec::new();
        for subscription in rooms {
            let Subscription { room_id, since, present } = subscription;
            match found.remove(&room_id) {
                Some(room) if since.is_some_and(|since| since < room.rev) => missed.push(subscription),
                Some(room) => {
                    let Some(room) = self.seen(room).await else { continue };
                    if self.confirm(&room, since, present)? {
                        self.app.hub.go_live(self.connection, room_id, room.rev);
                    }
                }
                None => {
                    self.app.hub.leave(self.connection, room_id);
                    self.refuse(failure, Some(room_id));
                }
            }
        }
        Ok(missed)
    }

    /// The room with the read mark of the user, unless the database does not answer, of which the client is told.
    async fn seen(&self, room: Room) -> Option<Room> {
        let (room_id, user) = (room.id, self.connection.user().map(|user| user.id));
        match read_marks::seen_by(self.app, user, room).await {
            Ok(room) => Some(room),
            Err(error) => {
                self.app.hub.leave(self.connection, room_id);
                self.refuse(code_of(error), Some(room_id));
                None
            }
        }
    }

    /// Sends `subscribed` for a room as it was read. Returns whether the client follows it.
    fn confirm(&self, room: &Room, since: Option<Rev>, present: bool) -> Result<bool, CloseCode> {
        if since.is_some_and(|since| since > room.rev) {
            return Err(CloseCode::ImpossibleRev);
        }
        let is_followed = self.app.hub.send_subscribed(self.connection, room, present);
        if !is_followed {
            // The room was deleted meanwhile, or the user lost sight of it.
            self.refuse(ErrorCode::RoomNotFound, Some(room.id));
        }
        Ok(is_followed)
    }

    /// Follows a begun room. More than `max_replay` missed changes are not replayed.
    ///
    /// The hub holds events before the database is read. The database shows the room at one `rev`; of the held events,
    /// only later ones are sent.
    async fn resume(&self, room: Subscription, max_replay: Option<usize>) -> Handled {
        let Subscription { room_id, since, present } = room;
        let hub = &self.app.hub;
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
        let Some(room) = self.seen(room).await else { return Ok(()) };
        let rev = room.rev;
        if !self.confirm(&room, since, present)? {
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
