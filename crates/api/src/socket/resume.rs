//! Following a room: first everything after a `rev`, then live events, with no gap and no repeat between the two.

use shared::errors::ErrorCode;
use shared::events::{CloseCode, RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId};
use shared::rooms::Room;

use super::session::{Obeyed, Session};
use crate::config::Access;
use crate::db::changes::{Changed, ChangesSince};
use crate::db::{self, DbError, DbResult};
use crate::error::AppError;

/// How many missed changes are sent; whoever missed more is told to page by REST.
const MAX_REPLAY: usize = 1_000;
/// How many messages of a replay are read at once: what a slow reader can keep in memory.
const REPLAY_PAGE: usize = 100;

/// What is to be replayed.
struct Replay {
    room_id: RoomId,
    /// The client has everything up to here.
    since: Rev,
    /// The replay reaches up to here. Later changes come live.
    until: Rev,
    /// The first page of changed messages, by `rev`.
    page: Vec<Changed>,
    has_more: bool,
    /// The room's own change, if it is among those missed.
    update: Option<RoomChange>,
}

impl Session<'_> {
    /// Follows a room.
    ///
    /// Events are held from before the database is read. What it shows is the room at one `rev`; of what was held, only
    /// later changes go out.
    pub(super) async fn subscribe(&self, room_id: RoomId, since: Option<Rev>, present: bool) -> Obeyed {
        if self.app.config.access == Access::Members && self.connection.user().is_none() {
            self.refuse(ErrorCode::AuthenticationRequired, Some(room_id));
            return Ok(());
        }
        let hub = &self.app.hub;
        // Each subscription reads the database, whoever asks.
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
        if !hub.introduce(self.connection, &room, present) {
            // Deleted meanwhile: there is no room to follow.
            self.refuse(ErrorCode::RoomNotFound, Some(room_id));
            return Ok(());
        }
        if is_too_much {
            self.send(&ServerEvent::Resync { room_id });
        } else if let Some(since) = since {
            let update =
                (updated_rev > since).then(|| RoomChange { room: hub.with_online(room), rev: updated_rev });
            self.replay(Replay { room_id, since, until: rev, page: messages, has_more, update }).await?;
        }
        hub.go_live(self.connection, room_id, rev);
        Ok(())
    }

    /// Sends what was missed, at the pace of the client: one page is read when the one before has left.
    ///
    /// A message that changes again while the replay is at work moves beyond `until`: its change comes live, with the
    /// whole message.
    async fn replay(&self, mut replay: Replay) -> Obeyed {
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
                // Deleted meanwhile, which the client was told.
                Err(DbError::NotFound) => return Ok(()),
                // Without the rest there would be a gap: the client has to resume.
                Err(error) => {
                    tracing::warn!(%error, "a replay broke off");
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
