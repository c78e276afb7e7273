//! The one door to everything live: connections come and go, follow rooms, and get events.
//!
//! The hub knows neither HTTP nor the database. Its lock is held for work in memory only, never across an await. What
//! is done under it is ordered, which is what makes delivery so.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shared::events::{CloseCode, ServerEvent};
use shared::ids::{Rev, RoomId};
use shared::messages::Message;
use shared::rooms::Room as RoomDto;

use super::admission::{Admission, Refusal, SocketLimits};
use super::budget::Budget;
use super::connection::{Connection, Identity, SessionKey};
use super::directory::{Directory, TooManyRooms};
use super::frame::Frame;
use super::newest::{NewestPage, NewestPages};
use super::room::{Room, Typed};
use crate::config::Access;

/// How often [`Hub::tick`] wants to be called.
pub const TICK: Duration = Duration::from_millis(100);
/// How much all frames that wait for readers may take together, in bytes.
const MAX_LIVE_BYTES: usize = 256 * 1024 * 1024;
/// How often a subscription is answered with newer presence because others were told of changes meanwhile.
const MAX_SNAPSHOTS: usize = 3;

/// The connections and the rooms they follow.
pub struct Hub {
    state: Mutex<State>,
    /// Signals that the last connection left.
    emptied: Condvar,
    next_id: AtomicU64,
    pub(super) budget: Arc<Budget>,
    pub(super) access: Access,
}

pub(super) struct State {
    admission: Admission,
    pub(super) directory: Directory,
    pub(super) rooms: HashMap<RoomId, Room>,
    pub(super) newest: NewestPages,
    /// Rooms in which time alone may bring something to tell.
    waiting: HashSet<RoomId>,
}

impl Hub {
    /// An empty hub. `access` says whether anonymous connections hear of rooms.
    pub fn new(limits: SocketLimits, access: Access) -> Self {
        Self::with_budget(limits, access, MAX_LIVE_BYTES)
    }

    pub(super) fn with_budget(limits: SocketLimits, access: Access, bytes: usize) -> Self {
        let state = State {
            admission: Admission::new(limits),
            directory: Directory::default(),
            rooms: HashMap::new(),
            newest: NewestPages::default(),
            waiting: HashSet::new(),
        };
        Self {
            state: Mutex::new(state),
            emptied: Condvar::new(),
            next_id: AtomicU64::new(1),
            budget: Arc::new(Budget::new(bytes)),
            access,
        }
    }

    /// What frames count against.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Registers a connection. It leaves when the registration is dropped.
    ///
    /// # Errors
    /// The limit that is reached, or that the server is stopping.
    pub fn connect(
        self: &Arc<Self>,
        address: IpAddr,
        identity: Option<Identity>,
    ) -> Result<Registration, Refusal> {
        let mut state = self.lock();
        state.admission.admit(address, identity.as_ref().map(|identity| identity.user.id))?;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection::new(id, address, identity));
        state.directory.insert(&connection);
        drop(state);
        Ok(Registration { hub: self.clone(), connection })
    }

    /// The connection says who it is, for the first time or again.
    ///
    /// # Errors
    /// When that user has too many connections.
    pub fn identify(&self, connection: &Connection, identity: Identity) -> Result<(), Refusal> {
        let mut state = self.lock();
        if !state.directory.contains(connection.id) {
            return Ok(());
        }
        let before = connection.user().map(|user| user.id);
        state.admission.change_user(before, identity.user.id)?;
        connection.set_identity(identity);
        for room_id in state.directory.rooms(connection.id).to_vec() {
            self.in_room(&mut state, room_id, |room| room.identify(connection.id));
        }
        Ok(())
    }

    fn disconnect(&self, connection: &Connection) {
        let mut state = self.lock();
        let Some(rooms) = state.directory.remove(connection.id) else { return };
        state.admission.release(connection.address, connection.user().map(|user| user.id));
        for room_id in rooms {
            self.remove_from_room(&mut state, connection, room_id);
        }
        if state.directory.len() == 0 {
            self.emptied.notify_all();
        }
    }

    /// The connection follows no room any more, because it is being closed.
    pub fn leave_all(&self, connection: &Connection) {
        let mut state = self.lock();
        for room_id in state.directory.unfollow_all(connection.id) {
            self.remove_from_room(&mut state, connection, room_id);
        }
    }

    /// First step of following a room: from now on its events are held for the connection, so that what it missed
    /// can be read without a gap.
    ///
    /// # Errors
    /// When the connection follows too many rooms.
    pub fn join(&self, connection: &Arc<Connection>, room_id: RoomId) -> Result<(), TooManyRooms> {
        let mut state = self.lock();
        // The transport may be gone while a command is still at work.
        if state.directory.contains(connection.id) {
            state.directory.follow(connection.id, room_id)?;
            state.rooms.entry(room_id).or_default().join(connection);
        }
        Ok(())
    }

    /// Second step: the room is there. Counts the connection, as present or not, and sends `subscribed`. Returns whether
    /// the connection still follows the room; not when it was deleted meanwhile.
    pub fn introduce(&self, connection: &Connection, room: &RoomDto, present: bool) -> bool {
        let (id, room_id) = (connection.id, room.id);
        let is_followed =
            |state: &State| state.rooms.get(&room_id).is_some_and(|live| live.is_followed_by(id));
        let mut state = self.lock();
        if !is_followed(&state) {
            return false;
        }
        self.in_room_with_typing(&mut state, room_id, |live| live.count(id, present).map(Typed::stopped));
        for attempt in 1..=MAX_SNAPSHOTS {
            let snapshot = state.rooms.get_mut(&room_id).and_then(|live| live.snapshot(id));
            let Some(snapshot) = snapshot else { return false };
            // A list of a hundred people is not written under the lock.
            drop(state);
            let event = ServerEvent::Subscribed {
                room: RoomDto { online: snapshot.count, ..room.clone() },
                rev: room.rev,
                online: snapshot.online.iter().map(|user| user.as_ref().clone()).collect(),
                visitors: snapshot.visitors,
            };
            let frame = Frame::event(&self.budget, &event);
            state = self.lock();
            let Some(live) = state.rooms.get_mut(&room_id) else { return false };
            if attempt == MAX_SNAPSHOTS || !live.is_outdated(snapshot.version) {
                if let Some(frame) = frame {
                    live.introduce(id, frame, snapshot.version);
                }
                break;
            }
        }
        // In the last attempt, others may have been told of changes that this connection was not.
        self.in_room(&mut state, room_id, |_| ());
        is_followed(&state)
    }

    /// Last step: everything up to `rev` is in the outbox. What was held follows, and then live events.
    pub fn go_live(&self, connection: &Connection, room_id: RoomId, rev: Rev) {
        let mut state = self.lock();
        if let Some(room) = state.rooms.get_mut(&room_id) {
            room.go_live(connection.id, rev);
            state.newest.forget_before(room_id, rev);
        }
    }

    /// The connection follows the room no longer.
    pub fn leave(&self, connection: &Connection, room_id: RoomId) {
        let mut state = self.lock();
        state.directory.unfollow(connection.id, room_id);
        self.remove_from_room(&mut state, connection, room_id);
    }

    /// A person types or stopped typing. Returns whether the connection is in that room.
    pub fn set_typing(&self, connection: &Connection, room_id: RoomId, active: bool) -> bool {
        let mut is_accepted = false;
        self.in_room_with_typing(&mut self.lock(), room_id, |room| {
            let typed = room.set_typing(connection.id, active, Instant::now());
            is_accepted = typed.is_some();
            typed.flatten()
        });
        is_accepted
    }

    /// How many people are in a room.
    pub fn online(&self, room_id: RoomId) -> u32 {
        self.lock().rooms.get(&room_id).map_or(0, Room::online_count)
    }

    /// The room with what only the hub knows of it.
    pub fn with_online(&self, room: RoomDto) -> RoomDto {
        RoomDto { online: self.online(room.id), ..room }
    }

    /// The latest change of a room that was published since somebody follows it; `None` when there was none.
    pub fn published(&self, room_id: RoomId) -> Option<Rev> {
        self.lock().rooms.get(&room_id).and_then(Room::published)
    }

    /// Whether somebody follows a room.
    pub fn is_followed(&self, room_id: RoomId) -> bool {
        self.lock().rooms.contains_key(&room_id)
    }

    /// The newest page of a room, if it is kept.
    pub fn newest(&self, room_id: RoomId, limit: u32) -> Option<NewestPage> {
        self.lock().newest.page(room_id, limit as usize)
    }

    /// Keeps the newest page of a followed room in memory. `messages` are its last ones, as many as are kept, as the
    /// database shows them at `rev`.
    pub fn keep_newest(&self, room_id: RoomId, rev: Rev, messages: &[Message]) {
        let mut state = self.lock();
        let known = state.rooms.get(&room_id).and_then(Room::known);
        if known.is_some_and(|known| known <= rev) {
            state.newest.keep(room_id, rev, messages);
        }
    }

    /// Closes a session's connections, because it ended.
    pub fn end_session(&self, session: &SessionKey) {
        for connection in self.lock().directory.connections() {
            if connection.identity().is_some_and(|identity| identity.session == *session) {
                connection.outbox.close(CloseCode::SessionEnded);
            }
        }
    }

    /// Refuses new connections, and tells all others to come back later.
    pub fn drain(&self) {
        let mut state = self.lock();
        state.admission.drain();
        for connection in state.directory.connections() {
            connection.outbox.close(CloseCode::Restart);
        }
    }

    /// Waits until no connection is open, or the time is over.
    pub fn wait_until_empty(&self, patience: Duration) {
        let state = self.lock();
        drop(self.emptied.wait_timeout_while(state, patience, |state| state.directory.len() > 0));
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.lock().directory.len()
    }

    /// Does what is due: presence that waited for its moment, typing that fell silent, memory that is short.
    pub fn tick(&self, now: Instant) {
        let mut state = self.lock();
        for room_id in std::mem::take(&mut state.waiting) {
            let silent = state.rooms.get_mut(&room_id).map(|room| room.stop_silent_typing(now));
            for typist in silent.into_iter().flatten() {
                self.in_room_with_typing(&mut state, room_id, |_| Some(Typed::stopped(typist)));
            }
            self.in_room(&mut state, room_id, |_| ());
        }
        self.shed(&state);
    }

    fn remove_from_room(&self, state: &mut State, connection: &Connection, room_id: RoomId) {
        self.in_room_with_typing(state, room_id, |room| room.remove(connection.id).map(Typed::stopped));
    }

    /// Changes a room, then tells its presence if it is time, and forgets a room that nobody follows.
    fn in_room<T>(
        &self,
        state: &mut State,
        room_id: RoomId,
        change: impl FnOnce(&mut Room) -> T,
    ) -> Option<T> {
        let room = state.rooms.get_mut(&room_id)?;
        let changed = change(room);
        if room.is_abandoned() {
            state.rooms.remove(&room_id);
            state.newest.forget(room_id);
            return Some(changed);
        }
        room.tell_presence(room_id, Instant::now(), &self.budget);
        if room.is_waiting() {
            state.waiting.insert(room_id);
        }
        Some(changed)
    }

    /// The same with a change of typing, which is told first: nobody types in a room that they have left.
    pub(super) fn in_room_with_typing(
        &self,
        state: &mut State,
        room_id: RoomId,
        change: impl FnOnce(&mut Room) -> Option<Typed>,
    ) {
        self.in_room(state, room_id, |room| {
            if let Some(typed) = change(room) {
                room.tell_typing(room_id, &typed, &self.budget);
            }
        });
    }

    /// Nothing panics under this lock, so a poisoned one is still consistent.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place in the hub. Dropping it is what makes the connection leave, however its task ended.
pub struct Registration {
    hub: Arc<Hub>,
    connection: Arc<Connection>,
}

impl Registration {
    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.hub.disconnect(&self.connection);
    }
}
