//! Who is typing in a room, as plain data.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::ids::UserId;
use shared::users::User;

use super::connection::ConnectionId;

/// Typing ends after this much silence.
const SILENCE: Duration = Duration::from_secs(5);
/// While a person continues to type, the others are told again this often.
const REPEAT: Duration = Duration::from_secs(3);

/// The people who are typing.
#[derive(Default)]
pub(super) struct Typing(HashMap<UserId, Typist>);

/// A person who is typing.
pub(super) struct Typist {
    pub(super) user: Arc<User>,
    /// Where they type; it is not told of its own typing.
    pub(super) connection: ConnectionId,
    until: Instant,
    told_at: Instant,
}

impl Typing {
    /// Whether nobody is typing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A person types on a connection. Returns whether the others are to be told.
    pub(super) fn start(&mut self, user: &Arc<User>, connection: ConnectionId, now: Instant) -> bool {
        let until = now + SILENCE;
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

    /// A person has stopped. Returns them if they were typing.
    pub(super) fn stop(&mut self, user_id: UserId) -> Option<Typist> {
        self.0.remove(&user_id)
    }

    /// Nobody types on this connection any more. Returns the person who did.
    pub(super) fn stop_on(&mut self, connection: ConnectionId) -> Option<Typist> {
        let user_id = self.0.iter().find(|(_, typist)| typist.connection == connection).map(|(id, _)| *id)?;
        self.stop(user_id)
    }

    /// Ends the typing of those who have been silent, and returns them.
    pub(super) fn stop_silent(&mut self, now: Instant) -> Vec<Typist> {
        let silent: Vec<UserId> =
            self.0.iter().filter(|(_, typist)| typist.until <= now).map(|(id, _)| *id).collect();
        silent.into_iter().filter_map(|user_id| self.stop(user_id)).collect()
    }
}
