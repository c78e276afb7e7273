//! What a connection says, and what comes of it.

use std::sync::Arc;

use shared::errors::ErrorCode;
use shared::events::{ClientCommand, CloseCode, RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId};
use shared::rooms::Room;

use super::connection::hello;
use crate::app::App;
use crate::config::Access;
use crate::db::changes::{Changed, ChangesSince};
use crate::db::{self, DbError};
use crate::error::AppError;
use crate::http::{body, identity};
use crate::realtime::frame::{Frame, Incoming};
use crate::realtime::hub::Connection;

/// How many missed changes come over the socket; whoever missed more is told to page by REST.
const MAX_REPLAY: usize = 1_000;

/// One connection's conversation.
pub(super) struct Session<'app> {
    app: &'app App,
    connection: &'app Arc<Connection>,
}

/// What becomes of the connection after a command.
type Obeyed = Result<(), CloseCode>;

impl<'app> Session<'app> {
    pub(super) fn new(app: &'app App, connection: &'app Arc<Connection>) -> Self {
        Self { app, connection }
    }

    /// Takes what the client sent.
    ///
    /// # Errors
    /// The code to close with.
    pub(super) async fn take(&mut self, incoming: Incoming) -> Obeyed {
        match incoming {
            Incoming::Text(text) => {
                // As strict as a request's body: no deep nesting, no key twice.
                let object = body::parse(text.as_bytes()).map_err(|_| CloseCode::BadCommand)?;
                let command = serde_json::from_value(object.into()).map_err(|_| CloseCode::BadCommand)?;
                self.count(matches!(command, ClientCommand::Subscribe { .. }))?;
                self.obey(command).await
            }
            Incoming::Ping(payload) => {
                self.count(false)?;
                self.connection.outbox.push(Frame::pong(&payload));
                Ok(())
            }
            Incoming::Pong | Incoming::Close => self.count(false),
        }
    }

    fn count(&self, is_subscribe: bool) -> Obeyed {
        self.app.limits.frame(self.connection.id, is_subscribe).map_err(|_| CloseCode::FrameRate)
    }

    async fn obey(&self, command: ClientCommand) -> Obeyed {
        match command {
            ClientCommand::Authenticate { token } => self.authenticate(&token).await,
            ClientCommand::Subscribe { since: Some(since), .. } if since < Rev::ZERO => {
                Err(CloseCode::BadCommand)
            }
            ClientCommand::Subscribe { room_id, since, present } => {
                self.subscribe(room_id, since, present).await
            }
            ClientCommand::Unsubscribe { room_id } => {
                self.app.hub.leave(self.connection, room_id);
                Ok(())
            }
            // One too many is not worth telling anybody.
            ClientCommand::Typing { active: true, .. }
                if self.app.limits.typing(self.connection.id).is_err() =>
            {
                Ok(())
            }
            ClientCommand::Typing { room_id, active } => {
                if self.connection.user().is_none() {
                    self.refuse(ErrorCode::AuthenticationRequired, Some(room_id));
                } else if !self.app.hub.set_typing(self.connection, room_id, active) {
                    self.refuse(ErrorCode::RoomNotFound, Some(room_id));
                }
                Ok(())
            }
            ClientCommand::Ping { id } => {
                self.send(&ServerEvent::Pong { id });
                Ok(())
            }
            ClientCommand::Unknown => Ok(()),
        }
    }

    async fn authenticate(&self, token: &str) -> Obeyed {
        match identity::authenticate(self.app, token, self.connection.address()).await {
            Ok(Some(identity)) => {
                let session = identity.session;
                self.app.hub.identify(self.connection, identity).map_err(|_| CloseCode::Overload)?;
                // Whoever signed out meanwhile had no connection in the hub yet.
                if self.app.sessions.has_ended(&session) {
                    return Err(CloseCode::SessionEnded);
                }
                hello(self.connection);
                Ok(())
            }
            Ok(None) => Err(CloseCode::SessionEnded),
            Err(error) if error.code == ErrorCode::RateLimited => Err(CloseCode::FrameRate),
            Err(error) => {
                tracing::warn!(%error, "a socket could not be authenticated");
                Err(CloseCode::Overload)
            }
        }
    }

    /// Follows a room: first everything after `since`, then what comes, with no gap and no repeat between the two.
    ///
    /// Events are held from before the database is read. What it shows is the state at one `rev`; of what was held,
    /// only later changes go out.
    async fn subscribe(&self, room_id: RoomId, since: Option<Rev>, present: bool) -> Obeyed {
        if self.app.config.access == Access::Members && self.connection.user().is_none() {
            self.refuse(ErrorCode::AuthenticationRequired, Some(room_id));
            return Ok(());
        }
        let hub = &self.app.hub;
        if hub.join(self.connection, room_id).is_err() {
            self.refuse(ErrorCode::RateLimited, Some(room_id));
            return Ok(());
        }
        let read = self.app.db.run(move |conn| db::changes::list(conn, room_id, since, MAX_REPLAY)).await;
        let ChangesSince { room: row, messages, has_more } = match read {
            Ok(found) => found,
            Err(error) => {
                hub.leave(self.connection, room_id);
                let code = match error {
                    DbError::NotFound => ErrorCode::RoomNotFound,
                    other => AppError::from(other).code,
                };
                self.refuse(code, Some(room_id));
                return Ok(());
            }
        };
        let updated_rev = row.updated_rev();
        let room = Room::from(row);
        let rev = room.rev;
        if since.is_some_and(|since| since > rev) {
            return Err(CloseCode::ImpossibleRev);
        }
        hub.introduce(self.connection, room.clone(), present);
        if has_more {
            self.send(&ServerEvent::Resync { room_id });
        } else if let Some(since) = since {
            let update =
                (updated_rev > since).then(|| RoomChange { room: hub.with_online(room), rev: updated_rev });
            self.replay(since, messages, update).await;
        }
        hub.go_live(self.connection, room_id, rev);
        Ok(())
    }

    /// Puts what was missed into the outbox as fast as the client reads: never more than there is room for, or a long
    /// replay would be taken for a slow reader.
    async fn replay(&self, since: Rev, messages: Vec<Changed>, mut update: Option<RoomChange>) {
        for changed in messages {
            self.connection.outbox.drained().await;
            if let Some(update) = update.take_if(|update| update.rev < changed.message.rev) {
                self.send(&ServerEvent::RoomUpdated(update));
            }
            self.send(&changed.event(since));
        }
        if let Some(update) = update {
            self.send(&ServerEvent::RoomUpdated(update));
        }
    }

    fn refuse(&self, code: ErrorCode, room_id: Option<RoomId>) {
        let detail = AppError::new(code).detail;
        self.send(&ServerEvent::Error { code, detail, room_id });
    }

    fn send(&self, event: &ServerEvent) {
        if let Some(frame) = Frame::event(event) {
            self.connection.outbox.push(frame);
        }
    }
}
