//! Waiting for changes of a room without following it: no thread, no query and no queue.

use std::net::IpAddr;
use std::sync::Arc;

use shared::ids::{Rev, RoomId, UserId};
use tokio::sync::watch;

use super::admission::Refusal;
use super::hub::Hub;

/// Waits for the changes of a room. It counts as a connection.
pub struct Watch {
    hub: Arc<Hub>,
    address: IpAddr,
    user: Option<UserId>,
    room_id: RoomId,
    latest: watch::Receiver<Option<Rev>>,
}

impl Hub {
    /// Begins to wait for changes of a room.
    ///
    /// # Errors
    /// The limit of connections that is reached, or [`Refusal::Draining`].
    pub fn watch(
        self: &Arc<Self>,
        address: IpAddr,
        user: Option<UserId>,
        room_id: RoomId,
    ) -> Result<Watch, Refusal> {
        let mut state = self.lock();
        state.admission.admit(address, user)?;
        let latest = state.rooms.entry(room_id).or_default().watch();
        drop(state);
        Ok(Watch { hub: self.clone(), address, user, room_id, latest })
    }
}

impl Watch {
    /// Waits until something was published in the room since the last call. Returns its latest `rev`, or `None` if the
    /// room was deleted.
    pub async fn changed(&mut self) -> Option<Rev> {
        self.latest.changed().await.ok()?;
        *self.latest.borrow_and_update()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.admission.release(self.address, self.user);
        let is_abandoned = state.rooms.get_mut(&self.room_id).is_some_and(|room| {
            room.unwatch();
            room.is_abandoned()
        });
        if is_abandoned {
            state.rooms.remove(&self.room_id);
            state.newest.forget(self.room_id);
        }
    }
}
