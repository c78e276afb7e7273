//! The command `subscribe`: replays the changes after a `rev`, then continues with live events, without gap or repeat.

use shared::errors::ErrorCode;
use shared::events::{CloseCode, RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId};
use shared::rooms::Room;

use super::session::{Handled, Session};
use crate::config::Access;
use crate::db::changes::{Changed, ChangesSince};
use crate::db::{self, DbError, DbResult};
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
    /// The first page of changed messages, by `rev`.
    page: Vec<Changed>,
    has_more: bool,
    /// The change of the room itself, if the client missed it.
    update: Option<RoomChange>,
}

impl Session<'_> {
    /// Follows a room.
    ///
    /// The hub holds events before the database is read. The database shows the room at one `rev`; of the held events,
    /// only later ones are sent.
    pub(super) async fn subscribe(&self, room_id: RoomId, since: Option<Rev>, present: bool) -> Handled {
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
        let read = self.app.db.run(move |conn| {
            let found = db::changes::list(conn, room_id, since, REPLAY_PAGE)?;
            let is_too_much = match since {
                Some(since) if found.has_more => {
                    db::changes::are_more_than(conn, room_id, since, MAX_REPLAY)?
                }
                _ => false,
            };
            Ok((found, is_too_much))
        });
        let (ChangesSince { room: row, messages, has_more }, is_too_much) = match read.await {
            Ok(found) => found,
            Err(error) => {
                hub.leave(self.connection, room_id);
                self.refuse(code_of(error), Some(room_id));
                return Ok(());
            }
        };
        let updated_rev = row.updated_rev();
        let room = Room::from(row);
        let rev = room.rev;
        if since.is_some_and(|since| since > rev) {
            return Err(CloseCode::ImpossibleRev);
        }
        if !hub.send_subscribed(self.connection, &room, present) {
            // The room was deleted meanwhile.
            self.refuse(ErrorCode::RoomNotFound, Some(room_id));
            return Ok(());
        }
        if is_too_much {
            self.send(&ServerEvent::Resync { room_id });
        } else if let Some(since) = since {
            let update =
                (updated_rev > since).then(|| RoomChange { room: hub.with_online(room), rev: updated_rev });
            let replay = Replay { room_id, since, until: rev, page: messages, has_more, update };
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
        while let Some(last) = replay.page.last().map(|changed| changed.message.rev) {
            for changed in std::mem::take(&mut replay.page) {
                let rev = changed.message.rev;
                if rev > replay.until {
                    break;
                }
                self.connection.outbox.drained().await;
                if let Some(update) = replay.update.take_if(|update| update.rev < rev) {
                    self.send(&ServerEvent::RoomUpdated(update));
                }
                self.send(&changed.event(replay.since));
            }
            if !replay.has_more || last >= replay.until || self.connection.outbox.is_closing() {
                break;
            }
            match self.next_page(replay.room_id, last).await {
                Ok(next) => (replay.page, replay.has_more) = (next.messages, next.has_more),
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
            self.send(&ServerEvent::RoomUpdated(update));
        }
        Ok(())
    }

    async fn next_page(&self, room_id: RoomId, after: Rev) -> DbResult<ChangesSince> {
        self.app.db.run(move |conn| db::changes::list(conn, room_id, Some(after), REPLAY_PAGE)).await
    }
}

fn code_of(error: DbError) -> ErrorCode {
    match error {
        DbError::NotFound => ErrorCode::RoomNotFound,
        other => AppError::from(other).code,
    }
}
