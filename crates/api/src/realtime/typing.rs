//! The users who are typing in a room, as plain data.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::ids::UserId;
use shared::users::User;

use super::connection::ConnectionId;

/// Typing expires this long after the last command.
const EXPIRY: Duration = Duration::from_secs(5);
/// While a user continues to type, the event is repeated at this interval.
const REPEAT: Duration = Duration::from_secs(3);

/// The users who are typing.
#[derive(Default)]
pub(super) struct Typing(HashMap<UserId, Typist>);

/// A user who is typing.
pub(super) struct Typist {
    pub(super) user: Arc<User>,
    /// The connection on which they type. It receives no event of its own typing.
    pub(super) connection: ConnectionId,
    until: Instant,
    told_at: Instant,
}

impl Typing {
    /// Whether no user is typing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Records typing on a connection. Returns whether to send an event.
    pub(super) fn start(&mut self, user: &Arc<User>, connection: ConnectionId, now: Instant) -> bool {
        let until = now + EXPIRY;
        match self.0.get_mut(&user.id) {
            Some(typist) => {
                (typist.until, typist.connection) = (until, connection);
                let is_due = now.duration_since(typist.told_at) >= REPEAT;
                if is_due {
                    typist.told_at = now;
                }
                is_due
            }
            None => {
                self.0.insert(user.id, Typist { user: user.clone(), connection, until, told_at: now });
                true
            }
        }
    }

    /// Ends the typing of a user. Returns them if they were typing.
    pub(super) fn stop(&mut self, user_id: UserId) -> Option<Typist> {
        self.0.remove(&user_id)
    }

    /// Ends the typing on a connection. Returns the user who was typing.
    pub(super) fn stop_on(&mut self, connection: ConnectionId) -> Option<Typist> {
        let user_id = self.0.iter().find(|(_, typist)| typist.connection == connection).map(|(id, _)| *id)?;
        self.stop(user_id)
    }

    /// Ends typing that expired. Returns those users.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Typist> {
        let expired: Vec<UserId> =
            self.0.iter().filter(|(_, typist)| typist.until <= now).map(|(id, _)| *id).collect();
        expired.into_iter().filter_map(|user_id| self.stop(user_id)).collect()
    }
}
