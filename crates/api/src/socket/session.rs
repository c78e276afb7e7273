//! The commands of a connection.

use std::sync::Arc;
use std::time::Duration;

use actix_ws::AggregatedMessage;
use shared::errors::ErrorCode;
use shared::events::{ClientCommand, CloseCode, MAX_SUBSCRIPTIONS, ServerEvent, Subscription};
use shared::ids::{Rev, RoomId, UserId};

use crate::app::App;
use crate::clock;
use crate::db::{self, DbError};
use crate::error::AppError;
use crate::http::identity;
use crate::http::server::VERSION;
use crate::json;
use crate::policy::Use;
use crate::realtime::connection::Connection;
use crate::realtime::frame::Frame;
use crate::realtime::room::{Silent, Voice};

/// The interval between two pings of the server. `hello` tells it to the client.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(25);

/// A connection and what its commands need.
pub(super) struct Session<'app> {
    pub(super) app: &'app App,
    pub(super) connection: &'app Arc<Connection>,
}

/// The result of a command: the connection stays open, or is closed with a code.
pub(super) type Handled = Result<(), CloseCode>;

impl<'app> Session<'app> {
    pub(super) fn new(app: &'app App, connection: &'app Arc<Connection>) -> Self {
        Self { app, connection }
    }

    /// Sends `hello`: the server's version, and the user of the connection.
    pub(super) fn greet(&self) {
        self.send(&ServerEvent::Hello {
            server_version: VERSION.to_owned(),
            heartbeat_seconds: HEARTBEAT.as_secs() as u32,
            epoch: self.app.epoch,
            user: self.connection.user().map(|user| user.as_ref().clone()),
        });
    }

    /// Handles a message from the client.
    ///
    /// # Errors
    /// The code to close with.
    pub(super) async fn handle(&self, message: AggregatedMessage) -> Handled {
        match message {
            AggregatedMessage::Text(text) => {
                // As strict as request bodies: no deep nesting, no duplicate keys.
                let object = json::parse(text.as_bytes()).map_err(|_| CloseCode::BadCommand)?;
                let command = serde_json::from_value(object.into()).map_err(|_| CloseCode::BadCommand)?;
                self.count(matches!(command, ClientCommand::Subscribe { .. }))?;
                self.execute(command).await
            }
            AggregatedMessage::Ping(payload) => {
                self.count(false)?;
                self.connection.outbox.push(Frame::pong(self.app.hub.budget(), payload));
                Ok(())
            }
            AggregatedMessage::Pong(_) | AggregatedMessage::Close(_) => self.count(false),
            AggregatedMessage::Binary(_) => Err(CloseCode::Unsupported),
        }
    }

    fn count(&self, is_subscribe: bool) -> Handled {
        self.app.limits.frame(self.connection.id, is_subscribe).map_err(|_| CloseCode::FrameRate)
    }

    async fn execute(&self, command: ClientCommand) -> Handled {
        match command {
            ClientCommand::Authenticate { token } => self.authenticate(&token).await,
            ClientCommand::Subscribe(subscriptions) => {
                let rooms = subscriptions.into_vec();
                let is_valid = |room: &Subscription| room.since.is_none_or(|since| since >= Rev::ZERO);
                if rooms.len() > MAX_SUBSCRIPTIONS || !rooms.iter().all(is_valid) {
                    return Err(CloseCode::BadCommand);
                }
                for Subscription { room_id, since, present } in rooms {
                    self.subscribe(room_id, since, present).await?;
                }
                Ok(())
            }
            ClientCommand::Unsubscribe { room_id } => {
                self.app.hub.leave(self.connection, room_id);
                Ok(())
            }
            // Typing beyond the rate is dropped silently.
            ClientCommand::Typing { active: true, .. }
                if self.app.limits.typing(self.connection.id).is_err() =>
            {
                Ok(())
            }
            ClientCommand::Typing { room_id, active } => {
                let identity = self.connection.identity();
                if identity.is_none() {
                    self.refuse(ErrorCode::AuthenticationRequired, Some(room_id));
                } else if identity.is_some_and(|it| identity::check_scopes(&it, Use::Write).is_err()) {
                    self.refuse(ErrorCode::InsufficientScope, Some(room_id));
                } else if let Err(silent) = self.app.hub.set_typing(self.connection, room_id, active) {
                    let code = match silent {
                        Silent::Absent => ErrorCode::RoomNotFound,
                        Silent::Banned => ErrorCode::Banned,
                        Silent::Muted => ErrorCode::Muted,
                    };
                    self.refuse(code, Some(room_id));
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

    async fn authenticate(&self, token: &str) -> Handled {
        match identity::authenticate(self.app, token, self.connection.address).await {
            Ok(Some(identity)) if identity::check_scopes(&identity, Use::Read).is_err() => {
                self.refuse(ErrorCode::InsufficientScope, None);
                Ok(())
            }
            Ok(Some(identity)) => {
                let voices = self.voices(identity.user.id).await?;
                let identified = self.app.sessions.identify(self.connection, identity, &voices);
                identified.map_err(|_| CloseCode::Overload)?;
                self.greet();
                Ok(())
            }
            Ok(None) => Err(CloseCode::SessionEnded),
            Err(error) if error.code == ErrorCode::RateLimited => Err(CloseCode::FrameRate),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be authenticated");
                Err(CloseCode::Overload)
            }
        }
    }

    /// What a user may say in the rooms that the connection follows.
    async fn voices(&self, user: UserId) -> Result<Vec<(RoomId, Voice)>, CloseCode> {
        let followed = self.app.hub.followed_by(self.connection);
        if followed.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.app.db.run(move |conn| {
            let memberships = db::members::in_rooms(conn, user, &followed, clock::now())?;
            let mut voices = Vec::new();
            for (room_id, me) in memberships {
                match db::rooms::get(conn, room_id) {
                    Ok(room) => voices.push((room_id, Voice::from(&me.viewer(&room.into())))),
                    Err(DbError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(voices)
        });
        read.await.map_err(|error| {
            tracing::warn!(%error, "the rights of a connection could not be read");
            CloseCode::Overload
        })
    }

    /// Tells the client that a command was refused. The connection stays open.
    pub(super) fn refuse(&self, code: ErrorCode, room_id: Option<RoomId>) {
        let detail = AppError::new(code).detail;
        self.send(&ServerEvent::Error { code, detail, room_id });
    }

    pub(super) fn send(&self, event: &ServerEvent) {
        if let Some(frame) = Frame::event(self.app.hub.budget(), event) {
            self.connection.outbox.push(frame);
        }
    }
}
