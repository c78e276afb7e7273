//! The public interface of the realtime state: connections are registered, follow rooms and receive events.
//!
//! The hub knows neither HTTP nor the database. Its lock is held only for work in memory, never across an await. It
//! orders all operations, and thereby the delivery of events.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::events::{CloseCode, ServerEvent};
use shared::ids::{Rev, RoomId, Seq, UserId};
use shared::members::Viewer;
use shared::messages::Message;
use shared::replies::Context;
use shared::rooms::Room as RoomDto;
use shared::users::User;

use super::admission::{Admission, Refusal, SocketLimits};
use super::audience::Audiences;
use super::budget::Budget;
use super::connection::{Connection, Identity, SessionKey};
use super::directory::{Directory, TooManyRooms};
use super::frame::Frame;
use super::newest::{NewestPage, NewestPages};
use super::presence::Snapshot;
use super::read_marks::PendingMarks;
use super::room::{Room, Silent, Typed, Voice};
use crate::config::Access;

/// The interval at which [`Hub::tick`] must be called.
pub const TICK: Duration = Duration::from_millis(100);
/// The memory budget of all undelivered frames, in bytes.
const MAX_FRAME_BYTES: usize = 256 * 1024 * 1024;
/// How often the presence in a `subscribed` event is taken anew because followers were told of a change meanwhile.
const MAX_SNAPSHOTS: usize = 3;

/// The connections and the rooms they follow.
pub struct Hub {
    state: Mutex<State>,
    /// Notified when the last connection is removed.
    emptied: Condvar,
    next_id: AtomicU64,
    /// Read marks that are to be stored.
    pub marks: PendingMarks,
    pub(super) budget: Arc<Budget>,
    pub(super) access: Access,
}

pub(super) struct State {
    pub(super) admission: Admission,
    pub(super) directory: Directory,
    pub(super) rooms: HashMap<RoomId, Room>,
    pub(super) newest: NewestPages,
    pub(super) audiences: Audiences,
    /// Rooms with news that depends on time: delayed presence, or typing that may expire.
    waiting: HashSet<RoomId>,
}

impl Hub {
    /// Creates an empty hub. `access` decides whether anonymous connections receive events of rooms.
    pub fn new(limits: SocketLimits, access: Access) -> Self {
        Self::with_budget(limits, access, MAX_FRAME_BYTES)
    }

    pub(super) fn with_budget(limits: SocketLimits, access: Access, bytes: usize) -> Self {
        let state = State {
            admission: Admission::new(limits),
            directory: Directory::default(),
            rooms: HashMap::new(),
            newest: NewestPages::default(),
            audiences: Audiences::default(),
            waiting: HashSet::new(),
        };
        Self {
            state: Mutex::new(state),
            emptied: Condvar::new(),
            next_id: AtomicU64::new(1),
            marks: PendingMarks::default(),
            budget: Arc::new(Budget::new(bytes)),
            access,
        }
    }

    /// Sets who sees which room, before the first connection.
    pub fn set_audiences(&self, audiences: Audiences) {
        self.lock().audiences = audiences;
    }

    /// Whether a user sees a room, as far as it was published. A room that is not known counts as public.
    pub fn sees(&self, user: UserId, room_id: RoomId) -> bool {
        self.lock().audiences.sees(Some(user), room_id)
    }

    /// The memory budget of frames.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Registers a connection until the registration is dropped.
    ///
    /// # Errors
    /// The limit that is reached, or [`Refusal::Draining`].
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

    /// Sets or replaces the identity of a connection. `voices` are what the user may say in rooms that it follows. It
    /// leaves those that the user does not see.
    ///
    /// # Errors
    /// If the user has too many connections.
    pub fn identify(
        &self,
        connection: &Connection,
        identity: Identity,
        voices: &[(RoomId, Voice)],
    ) -> Result<(), Refusal> {
        let mut state = self.lock();
        if !state.directory.contains(connection.id) {
            return Ok(());
        }
        let before = connection.user().map(|user| user.id);
        let user_id = identity.user.id;
        state.admission.change_user(before, user_id)?;
        connection.set_identity(identity);
        state.directory.change_user(connection.id, before, user_id);
        for room_id in state.directory.rooms(connection.id).to_vec() {
            if !state.audiences.sees(Some(user_id), room_id) {
                state.directory.unfollow(connection.id, room_id);
                self.remove_from_room(&mut state, connection, room_id);
                connection.outbox.forget_room(room_id);
                continue;
            }
            let voice = voices.iter().find(|(id, _)| *id == room_id).map(|(_, voice)| *voice);
            self.in_room(&mut state, room_id, |room| room.identify(connection.id, voice));
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

    /// Removes a connection from all rooms, because it is being closed.
    pub fn leave_all(&self, connection: &Connection) {
        let mut state = self.lock();
        for room_id in state.directory.unfollow_all(connection.id) {
            self.remove_from_room(&mut state, connection, room_id);
        }
    }

    /// The rooms that a connection follows.
    pub fn followed_by(&self, connection: &Connection) -> Vec<RoomId> {
        self.lock().directory.rooms(connection.id).to_vec()
    }

    /// The users who have an open connection.
    pub fn connected_users(&self) -> Vec<UserId> {
        self.lock().directory.users()
    }

    /// Sends an event of a room to a connection, if it follows the room. Returns whether it does.
    pub fn send_to_follower(&self, connection: &Connection, room_id: RoomId, event: &ServerEvent) -> bool {
        let Some(frame) = Frame::event(&self.budget, event) else { return true };
        let state = self.lock();
        let is_following = state.directory.follows(connection.id, room_id);
        if is_following {
            connection.outbox.push(frame);
        }
        is_following
    }

    /// Begins to follow a room (step 1 of 3): from now on its events are held for the connection, so that the missed
    /// changes can be read without a gap. A room that the user does not see is not followed: the database says why.
    ///
    /// # Errors
    /// If the connection follows too many rooms.
    pub fn join(&self, connection: &Arc<Connection>, room_id: RoomId) -> Result<(), TooManyRooms> {
        let mut state = self.lock();
        if !state.audiences.sees(connection.user().map(|user| user.id), room_id) {
            return Ok(());
        }
        // The transport may be gone while a command is still being processed.
        if state.directory.contains(connection.id) {
            state.directory.follow(connection.id, room_id)?;
            state.rooms.entry(room_id).or_default().join(connection);
        }
        Ok(())
    }

    /// Confirms an existing room (step 2 of 3): counts the connection, as present or absent, and sends `subscribed`.
    /// `room.viewer` is what the user is in it. Returns false if the user lost sight of the room meanwhile.
    pub fn send_subscribed(&self, connection: &Connection, room: &RoomDto, present: bool) -> bool {
        let voice = room.viewer.as_ref().map(Voice::from).unwrap_or_default();
        let (id, room_id) = (connection.id, room.id);
        let is_followed =
            |state: &State| state.rooms.get(&room_id).is_some_and(|live| live.is_followed_by(id));
        let mut state = self.lock();
        if !is_followed(&state) {
            return false;
        }
        self.in_room_with_typing(&mut state, room_id, |live| {
            live.confirm(id, present, voice).map(Typed::stopped)
        });
        for attempt in 1..=MAX_SNAPSHOTS {
            let snapshot = state.rooms.get_mut(&room_id).and_then(|live| live.snapshot(id));
            let Some(snapshot) = snapshot else { return false };
            let version = snapshot.version;
            // A list of 100 users is serialized without the lock, unless presence changes too fast for that.
            let frame = if attempt == MAX_SNAPSHOTS {
                self.subscribed(room, snapshot)
            } else {
                drop(state);
                let frame = self.subscribed(room, snapshot);
                state = self.lock();
                frame
            };
            let Some(live) = state.rooms.get_mut(&room_id) else { return false };
            if !live.is_outdated(version) {
                if let Some(frame) = frame {
                    live.send_subscribed(id, frame, version);
                }
                break;
            }
        }
        is_followed(&state)
    }

    fn subscribed(&self, room: &RoomDto, snapshot: Snapshot) -> Option<Frame> {
        let event = ServerEvent::Subscribed {
            room: RoomDto { online: snapshot.count, ..room.clone() },
            rev: room.rev,
            online: snapshot.online.iter().map(|user| user.as_ref().clone()).collect(),
            visitors: snapshot.visitors,
        };
        Frame::event(&self.budget, &event)
    }

    /// Starts live delivery (step 3 of 3): everything up to `rev` is in the outbox. The held events follow, then live
    /// events.
    pub fn go_live(&self, connection: &Connection, room_id: RoomId, rev: Rev) {
        let mut state = self.lock();
        if let Some(room) = state.rooms.get_mut(&room_id) {
            room.go_live(connection.id, rev);
            state.newest.forget_before(room_id, rev);
        }
    }

    /// Removes a connection from a room.
    pub fn leave(&self, connection: &Connection, room_id: RoomId) {
        let mut state = self.lock();
        state.directory.unfollow(connection.id, room_id);
        self.remove_from_room(&mut state, connection, room_id);
    }

    /// Records that a user types or stopped typing.
    ///
    /// # Errors
    /// Why the user is not shown as typing.
    pub fn set_typing(&self, connection: &Connection, room_id: RoomId, active: bool) -> Result<(), Silent> {
        let mut result = Err(Silent::Absent);
        self.in_room_with_typing(&mut self.lock(), room_id, |room| {
            let typed = room.set_typing(connection.id, active, Instant::now());
            result = typed.as_ref().map(|_| ()).map_err(|silent| *silent);
            typed.ok().flatten()
        });
        result
    }

    /// The number of users in a room.
    pub fn online(&self, room_id: RoomId) -> u32 {
        self.lock().rooms.get(&room_id).map_or(0, Room::online_count)
    }

    /// The room with its number of users, which only the hub knows.
    pub fn with_online(&self, room: RoomDto) -> RoomDto {
        RoomDto { online: self.online(room.id), ..room }
    }

    /// The room as an answer to a user: with its number of users, and a read mark that is about to be stored.
    pub fn seen_by(&self, user: Option<UserId>, room: RoomDto) -> RoomDto {
        let room = self.with_online(room);
        let viewer = room.viewer.clone().map(|viewer| match user {
            Some(user) => self.with_pending_mark(user, &room, viewer),
            None => viewer,
        });
        RoomDto { viewer, ..room }
    }

    /// What a user is in a room, with a read mark that is about to be stored.
    pub(super) fn with_pending_mark(&self, user: UserId, room: &RoomDto, viewer: Viewer) -> Viewer {
        let is_ahead = |seq: &Seq| viewer.last_read_seq.is_some_and(|stored| stored < *seq);
        let Some(ahead) = self.marks.ahead(user, room.id).filter(is_ahead) else { return viewer };
        let mentions = if ahead >= room.last_seq { Some(0) } else { viewer.mentions };
        // Storing it makes the next version.
        let read_version = viewer.read_version.map(|version| version + 1);
        Viewer { last_read_seq: Some(ahead.min(room.last_seq)), mentions, read_version, ..viewer }
    }

    /// The latest published change of a followed room; `None` if none was published since it is followed.
    pub fn published(&self, room_id: RoomId) -> Option<Rev> {
        self.lock().rooms.get(&room_id).and_then(Room::published)
    }

    /// Whether the followers of a room have all changes before this one, as far as the hub knows.
    pub fn has_all_before(&self, room_id: RoomId, rev: Rev) -> bool {
        self.published(room_id).is_none_or(|published| rev <= published.next())
    }

    /// Whether a room has followers.
    pub fn is_followed(&self, room_id: RoomId) -> bool {
        self.lock().rooms.contains_key(&room_id)
    }

    /// The newest page of a room, if it is cached and the user sees the room.
    pub fn newest(&self, user: Option<UserId>, room_id: RoomId, limit: u32) -> Option<NewestPage> {
        let state = self.lock();
        if !state.audiences.sees(user, room_id) {
            return None;
        }
        state.newest.page(room_id, limit as usize)
    }

    /// Caches the newest page of a followed room. `messages` are the last messages as of `rev`, as many as are cached.
    pub fn keep_newest(&self, room_id: RoomId, rev: Rev, messages: &[Message], context: &Context) {
        let mut state = self.lock();
        let known = state.rooms.get(&room_id).and_then(Room::known);
        if known.is_some_and(|known| known <= rev) {
            state.newest.keep(room_id, rev, messages, context);
        }
    }

    /// Closes the connections of an ended session.
    pub fn end_session(&self, session: &SessionKey, code: CloseCode) {
        self.end(|identity| identity.session == *session, code);
    }

    /// Closes the connections of a user.
    pub fn end_user(&self, id: UserId, code: CloseCode) {
        for connection in self.lock().directory.of_user(id) {
            connection.outbox.close(code);
        }
    }

    /// Closes the connections of API tokens that have expired.
    pub fn end_expired(&self, now: DateTime<Utc>) {
        self.end(|identity| identity.expires_at.is_some_and(|at| at <= now), CloseCode::SessionEnded);
    }

    fn end(&self, is_over: impl Fn(&Identity) -> bool, code: CloseCode) {
        for connection in self.lock().directory.connections() {
            if connection.identity().is_some_and(|identity| is_over(&identity)) {
                connection.outbox.close(code);
            }
        }
    }

    /// Follows a user's new name: open connections and presence carry it, and pages with the old one are forgotten.
    pub fn user_changed(&self, user: &Arc<User>) {
        let mut state = self.lock();
        let mut rooms = HashSet::new();
        for connection in state.directory.of_user(user.id) {
            if let Some(identity) = connection.identity() {
                connection.set_identity(Identity { user: user.clone(), ..identity });
            }
            rooms.extend(state.directory.rooms(connection.id));
        }
        for room_id in rooms {
            self.in_room(&mut state, room_id, |room| room.rename(user));
        }
        state.newest.clear();
    }

    /// Refuses new connections and closes all others with [`CloseCode::Restart`].
    pub fn drain(&self) {
        let mut state = self.lock();
        state.admission.drain();
        for connection in state.directory.connections() {
            connection.outbox.close(CloseCode::Restart);
        }
    }

    /// Waits until no connection is open, but not longer than `timeout`.
    pub fn wait_until_empty(&self, timeout: Duration) {
        let state = self.lock();
        drop(self.emptied.wait_timeout_while(state, timeout, |state| state.directory.len() > 0));
    }

    /// The number of open connections.
    pub fn connections(&self) -> usize {
        self.lock().directory.len()
    }

    /// Sends delayed presence, ends typing that expired, and enforces the memory budget.
    pub fn tick(&self, now: Instant) {
        let mut state = self.lock();
        for room_id in std::mem::take(&mut state.waiting) {
            let expired = state.rooms.get_mut(&room_id).map(|room| room.expire_typing(now));
            for typist in expired.into_iter().flatten() {
                self.in_room_with_typing(&mut state, room_id, |_| Some(Typed::stopped(typist)));
            }
            self.in_room(&mut state, room_id, |_| ());
        }
        self.shed(&state);
    }

    pub(super) fn remove_from_room(&self, state: &mut State, connection: &Connection, room_id: RoomId) {
        self.in_room_with_typing(state, room_id, |room| room.remove(connection.id).map(Typed::stopped));
    }

    /// Changes a room, then sends its presence if it is due. Removes a room without followers.
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
        room.send_presence(room_id, Instant::now(), &self.budget);
        if room.is_waiting() {
            state.waiting.insert(room_id);
        }
        Some(changed)
    }

    /// The same with a change of typing, which is sent before presence: a user stops typing before leaving.
    pub(super) fn in_room_with_typing(
        &self,
        state: &mut State,
        room_id: RoomId,
        change: impl FnOnce(&mut Room) -> Option<Typed>,
    ) {
        self.in_room(state, room_id, |room| {
            if let Some(typed) = change(room) {
                room.send_typing(room_id, &typed, &self.budget);
            }
        });
    }

    /// No code panics while it holds this lock, so a poisoned state is consistent.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registered connection. Dropping the registration removes the connection, even if its task panicked.
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_connection_leaves_when_its_registration_is_dropped_however_its_task_ended() {
        let limits = SocketLimits { per_user: 1, per_address: 1, total: 1 };
        let hub = Arc::new(Hub::new(limits, Access::Open));
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let room_id = RoomId(Uuid::nil());
        for _ in 0..2 {
            let registration = hub.connect(address, None).expect("the one before has left");
            hub.join(registration.connection(), room_id).expect("it follows one room");
            assert!(hub.is_followed(room_id));
            let task = std::thread::spawn(move || {
                let _registration = registration;
                panic!("the task fails");
            });
            assert!(task.join().is_err());
            assert_eq!((hub.connections(), hub.is_followed(room_id)), (0, false));
        }
    }
}
