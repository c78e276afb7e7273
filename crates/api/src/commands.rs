//! The commands of a connection, whatever transport they come by.

mod subscribe;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
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

/// The interval at which a connection hears from the server. `hello` tells it to the client.
pub const HEARTBEAT: Duration = Duration::from_secs(25);

/// A connection and what its commands need.
pub struct Commands<'app> {
    app: &'app App,
    connection: &'app Arc<Connection>,
}

/// Reads a command. It is as strict as request bodies are: no deep nesting, no duplicate keys.
///
/// # Errors
/// Why it is no command.
pub fn parse(text: &[u8]) -> Result<ClientCommand, InvalidCommand> {
    read(json::parse(text).map_err(|_| InvalidCommand)?)
}

/// Reads a command from its JSON object.
///
/// # Errors
/// If its fields are invalid. A type that is not known is valid and means nothing.
pub fn read(object: Map<String, Value>) -> Result<ClientCommand, InvalidCommand> {
    let command = serde_json::from_value(object.into()).map_err(|_| InvalidCommand)?;
    if let ClientCommand::Subscribe(subscriptions) = &command {
        let rooms = subscriptions.as_slice();
        let is_valid = |room: &Subscription| room.since.is_none_or(|since| since >= Rev::ZERO);
        if rooms.len() > MAX_SUBSCRIPTIONS || !rooms.iter().all(is_valid) {
            return Err(InvalidCommand);
        }
    }
    Ok(command)
}

/// The text is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCommand;

/// The result of a command: the connection stays open, or is closed with a code.
pub type Handled = Result<(), CloseCode>;

impl<'app> Commands<'app> {
    /// The commands of a connection.
    pub fn new(app: &'app App, connection: &'app Arc<Connection>) -> Self {
        Self { app, connection }
    }

    /// The first event: the server's version, and the user of the connection.
    pub fn hello(&self) -> ServerEvent {
        ServerEvent::Hello {
            server_version: VERSION.to_owned(),
            heartbeat_seconds: HEARTBEAT.as_secs() as u32,
            epoch: self.app.epoch,
            user: self.connection.user().map(|user| user.as_ref().clone()),
        }
    }

    /// Sends `hello`.
    pub fn greet(&self) {
        self.send(&self.hello());
    }

    /// Counts a frame that is no command.
    ///
    /// # Errors
    /// [`CloseCode::FrameRate`] if there are too many.
    pub fn count_frame(&self) -> Handled {
        self.count(false)
    }

    fn count(&self, is_subscribe: bool) -> Handled {
        self.app.limits.frame(self.connection.id, is_subscribe).map_err(|_| CloseCode::FrameRate)
    }

    /// Executes a command.
    ///
    /// # Errors
    /// The code to close with.
    pub async fn execute(&self, command: ClientCommand) -> Handled {
        self.count(matches!(command, ClientCommand::Subscribe(_)))?;
        match command {
            ClientCommand::Authenticate { token } => self.authenticate(&token).await,
            ClientCommand::Subscribe(subscriptions) => self.subscribe_all(subscriptions.into_vec()).await,
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
    fn refuse(&self, code: ErrorCode, room_id: Option<RoomId>) {
        let detail = AppError::new(code).detail;
        self.send(&ServerEvent::Error { code, detail, room_id });
    }

    fn send(&self, event: &ServerEvent) {
        if let Some(frame) = Frame::event(self.app.hub.budget(), event) {
            self.connection.outbox.push(frame);
        }
    }
}
