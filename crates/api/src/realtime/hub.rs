//! Who is connected and follows what, and the one door through which events go out.
//!
//! The hub knows neither HTTP nor the database. Its lock is a plain one: it is held for memory work only, never
//! across an await, and everything under it is ordered, which is what makes delivery so.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use shared::events::{CloseCode, MessageChange, RoomChange, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::messages::Message;
use shared::rooms::Room as RoomDto;
use shared::users::User;

use super::frame::Frame;
use super::newest::NewestPage;
use super::outbox::Outbox;
use super::postman::Postman;
use super::room::Room;
use crate::config::Access;

/// How often [`Hub::tick`] wants to be called.
pub const TICK: Duration = Duration::from_millis(100);
/// How many rooms one connection may follow.
pub const MAX_ROOMS_PER_CONNECTION: usize = 500;

/// Which connection. Never reused.
pub type ConnectionId = u64;
/// Names a signed-in session without being its token.
pub type SessionKey = [u8; 32];

/// One open socket.
#[derive(Debug)]
pub struct Connection {
    /// Which one it is.
    pub id: ConnectionId,
    /// What is on its way to it.
    pub outbox: Arc<Outbox>,
    address: IpAddr,
    identity: RwLock<Option<Identity>>,
}

/// Who a connection belongs to.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user.
    pub user: Arc<User>,
    /// The session they signed in with.
    pub session: SessionKey,
}

impl Connection {
    /// Whose it is; nobody's as long as it is anonymous.
    pub fn user(&self) -> Option<Arc<User>> {
        self.identity().map(|identity| identity.user)
    }

    fn identity(&self) -> Option<Identity> {
        self.identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How many sockets there may be.
#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    /// One user's.
    pub per_user: usize,
    /// One address's.
    pub per_address: usize,
    /// All.
    pub total: usize,
}

/// Why a socket is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The user has too many.
    User,
    /// The address has too many.
    Address,
    /// The server has too many.
    Server,
    /// The server is stopping.
    Draining,
}

/// Too many rooms on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyRooms;

/// The connections and the rooms they follow.
pub struct Hub {
    state: Mutex<State>,
    /// The last connection went.
    emptied: Condvar,
    next_id: AtomicU64,
    limits: SocketLimits,
    access: Access,
}

#[derive(Default)]
struct State {
    connections: HashMap<ConnectionId, Member>,
    rooms: HashMap<RoomId, Room>,
    by_user: HashMap<UserId, usize>,
    by_address: HashMap<IpAddr, usize>,
    /// Rooms in which the clock may have something to do.
    ticking: HashSet<RoomId>,
    is_draining: bool,
}

struct Member {
    connection: Arc<Connection>,
    /// A list: they are few, and an idle connection has to be small.
    rooms: Vec<RoomId>,
}

impl Hub {
    /// An empty hub. `access` says whether sockets without a name hear of rooms.
    pub fn new(limits: SocketLimits, access: Access) -> Self {
        Self { state: Mutex::default(), emptied: Condvar::new(), next_id: AtomicU64::new(1), limits, access }
    }

    /// Lets a socket in, whose frames `postman` will send, or says why not.
    ///
    /// # Errors
    /// The limit that is reached, or that the server is stopping.
    pub fn connect(
        &self,
        address: IpAddr,
        identity: Option<Identity>,
        postman: Arc<Postman>,
    ) -> Result<Arc<Connection>, Refusal> {
        let mut state = self.lock();
        let user_id = identity.as_ref().map(|identity| identity.user.id);
        if state.is_draining {
            return Err(Refusal::Draining);
        }
        if state.connections.len() >= self.limits.total {
            return Err(Refusal::Server);
        }
        if state.by_address.get(&address).is_some_and(|count| *count >= self.limits.per_address) {
            return Err(Refusal::Address);
        }
        if user_id.is_some_and(|id| state.has_all_sockets(id, self.limits)) {
            return Err(Refusal::User);
        }
        let connection = Arc::new(Connection {
            id: self.next_id.fetch_add(1, Ordering::Relaxed),
            outbox: Arc::new(Outbox::new(postman)),
            address,
            identity: RwLock::new(identity),
        });
        *state.by_address.entry(address).or_default() += 1;
        if let Some(user_id) = user_id {
            *state.by_user.entry(user_id).or_default() += 1;
        }
        let member = Member { connection: connection.clone(), rooms: Vec::new() };
        state.connections.insert(connection.id, member);
        Ok(connection)
    }

    /// The connection says who it is, once or again.
    ///
    /// # Errors
    /// When that user has too many sockets.
    pub fn identify(&self, connection: &Connection, identity: Identity) -> Result<(), Refusal> {
        let mut state = self.lock();
        let before = connection.user().map(|user| user.id);
        let now = identity.user.id;
        if before != Some(now) {
            if state.has_all_sockets(now, self.limits) {
                return Err(Refusal::User);
            }
            *state.by_user.entry(now).or_default() += 1;
            if let Some(before) = before {
                release(&mut state.by_user, &before);
            }
        }
        *connection.identity.write().unwrap_or_else(PoisonError::into_inner) = Some(identity);
        for room_id in state.rooms_of(connection.id) {
            state.in_room(room_id, |room| room.identify(room_id, connection.id));
        }
        Ok(())
    }

    /// The connection is gone.
    pub fn disconnect(&self, connection: &Connection) {
        let mut state = self.lock();
        let Some(member) = state.connections.remove(&connection.id) else { return };
        release(&mut state.by_address, &connection.address);
        if let Some(user) = connection.user() {
            release(&mut state.by_user, &user.id);
        }
        for room_id in member.rooms {
            state.in_room(room_id, |room| room.remove(room_id, connection.id));
        }
        if state.connections.is_empty() {
            self.emptied.notify_all();
        }
    }

    /// First step of following a room: from now on its events are held for the connection, so that what it missed
    /// can be read without a gap.
    ///
    /// # Errors
    /// When the connection follows too many rooms.
    pub fn join(&self, connection: &Arc<Connection>, room_id: RoomId) -> Result<(), TooManyRooms> {
        let mut state = self.lock();
        let Some(member) = state.connections.get_mut(&connection.id) else { return Ok(()) };
        if !member.rooms.contains(&room_id) {
            if member.rooms.len() >= MAX_ROOMS_PER_CONNECTION {
                return Err(TooManyRooms);
            }
            member.rooms.push(room_id);
        }
        state.rooms.entry(room_id).or_default().join(connection);
        Ok(())
    }

    /// Second step: the room is there; says so with `subscribed` and counts the connection, as present or not.
    pub fn introduce(&self, connection: &Connection, room: RoomDto, present: bool) {
        let mut state = self.lock();
        let room_id = room.id;
        state.in_room(room_id, |live| {
            if !live.is_followed_by(connection.id) {
                return;
            }
            live.count(room_id, connection.id, present);
            let rev = room.rev;
            let room = RoomDto { online: live.online_count(), ..room };
            let event =
                ServerEvent::Subscribed { room, rev, online: live.online(), visitors: live.visitors() };
            if let Some(frame) = Frame::event(&event) {
                connection.outbox.push(frame);
            }
        });
    }

    /// Last step: everything up to `rev` is in the outbox; what was held follows, and then what comes.
    pub fn go_live(&self, connection: &Connection, room_id: RoomId, rev: Rev) {
        self.lock().in_room(room_id, |room| room.go_live(connection.id, rev));
    }

    /// The connection follows the room no longer.
    pub fn leave(&self, connection: &Connection, room_id: RoomId) {
        let mut state = self.lock();
        if let Some(member) = state.connections.get_mut(&connection.id) {
            member.forget(room_id);
        }
        state.in_room(room_id, |room| room.remove(room_id, connection.id));
    }

    /// Somebody began or stopped typing. False when the connection is not in that room.
    pub fn set_typing(&self, connection: &Connection, room_id: RoomId, active: bool) -> bool {
        let mut accepted = false;
        self.lock().in_room(room_id, |room| {
            accepted = room.set_typing(room_id, connection.id, active, Instant::now());
        });
        accepted
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
        self.lock().rooms.get(&room_id).and_then(|room| room.published)
    }

    /// Whether somebody follows a room.
    pub fn is_followed(&self, room_id: RoomId) -> bool {
        self.lock().rooms.contains_key(&room_id)
    }

    /// The newest page of a room that people are in, once it was kept.
    pub fn newest(&self, room_id: RoomId, limit: u32) -> Option<NewestPage> {
        self.lock().rooms.get(&room_id)?.newest(limit as usize)
    }

    /// From now on the newest page is served from memory, for as long as somebody follows the room. `messages` are its
    /// last ones, as many as are kept, as the database shows them at `rev`.
    pub fn keep_newest(&self, room_id: RoomId, rev: Rev, messages: &[Message]) {
        if let Some(room) = self.lock().rooms.get_mut(&room_id) {
            room.keep_newest(rev, messages);
        }
    }

    /// A message was stored.
    pub fn message_created(&self, message: Message) {
        let (room_id, author) = (message.room_id, message.author.id);
        // First, so that nobody is seen typing what is there to read.
        self.lock().in_room(room_id, |room| room.stop_typing(room_id, author));
        self.publish(room_id, message.rev, &ServerEvent::MessageCreated(change(message)));
    }

    /// A message was edited.
    pub fn message_updated(&self, message: Message) {
        let (room_id, rev) = (message.room_id, message.rev);
        self.publish(room_id, rev, &ServerEvent::MessageUpdated(change(message)));
    }

    /// A message was deleted; this is its tombstone.
    pub fn message_deleted(&self, message: Message) {
        let (room_id, rev) = (message.room_id, message.rev);
        self.publish(room_id, rev, &ServerEvent::MessageDeleted(change(message)));
    }

    /// A room was created.
    pub fn room_created(&self, room: RoomDto) {
        let (id, rev) = (room.id, room.rev);
        self.publish_to_all(id, rev, &ServerEvent::RoomCreated(RoomChange { room, rev }));
    }

    /// A room was renamed.
    pub fn room_updated(&self, room: RoomDto) {
        let (id, rev, room) = (room.id, room.rev, self.with_online(room));
        self.publish_to_all(id, rev, &ServerEvent::RoomUpdated(RoomChange { room, rev }));
    }

    /// A room was deleted. Nobody follows it any more.
    pub fn room_deleted(&self, room: RoomDto) {
        let (id, rev) = (room.id, room.rev);
        self.publish_to_all(id, rev, &ServerEvent::RoomDeleted(RoomChange { room, rev }));
        let mut state = self.lock();
        state.rooms.remove(&id);
        for member in state.connections.values_mut() {
            member.forget(id);
        }
    }

    /// A change that nobody had heard of, found in the database.
    pub fn catch_up(&self, room_id: RoomId, rev: Rev, event: &ServerEvent) {
        self.publish(room_id, rev, event);
    }

    /// The same for a change that concerns everybody who may see the room.
    pub fn catch_up_all(&self, room_id: RoomId, rev: Rev, event: &ServerEvent) {
        self.publish_to_all(room_id, rev, event);
    }

    /// More changed unheard of than one wants to send: the room's followers read it for themselves, up to `rev`.
    pub fn resync(&self, room_id: RoomId, rev: Rev) {
        self.publish(room_id, rev, &ServerEvent::Resync { room_id });
    }

    fn publish(&self, room_id: RoomId, rev: Rev, event: &ServerEvent) {
        // Encoded before the lock is taken, and only if somebody listens.
        if !self.lock().rooms.contains_key(&room_id) {
            return;
        }
        let Some(frame) = Frame::event(event) else { return };
        if let Some(room) = self.lock().rooms.get_mut(&room_id) {
            room.publish(rev, event, &frame);
        }
    }

    /// To everybody who may see the room: to its followers in the order of its changes, to the others at once.
    fn publish_to_all(&self, room_id: RoomId, rev: Rev, event: &ServerEvent) {
        let Some(frame) = Frame::event(event) else { return };
        let mut state = self.lock();
        let state = &mut *state;
        if let Some(room) = state.rooms.get_mut(&room_id) {
            room.publish(rev, event, &frame);
        }
        for member in state.connections.values().filter(|member| !member.rooms.contains(&room_id)) {
            if self.access == Access::Open || member.connection.user().is_some() {
                member.connection.outbox.push(frame.clone());
            }
        }
    }

    /// The session ended: its sockets are closed.
    pub fn end_session(&self, session: &SessionKey) {
        for member in self.lock().connections.values() {
            if member.connection.identity().is_some_and(|identity| identity.session == *session) {
                member.connection.outbox.close(CloseCode::SessionEnded);
            }
        }
    }

    /// The server stops: nobody comes in any more, and everybody is told to come back later.
    pub fn drain(&self) {
        let mut state = self.lock();
        state.is_draining = true;
        for member in state.connections.values() {
            member.connection.outbox.close(CloseCode::Restart);
        }
    }

    /// Waits until no socket is open, or the time is over.
    pub fn wait_until_empty(&self, patience: Duration) {
        let state = self.lock();
        // Whoever is left then is cut off.
        drop(self.emptied.wait_timeout_while(state, patience, |state| !state.connections.is_empty()));
    }

    /// How many sockets are open.
    pub fn connections(&self) -> usize {
        self.lock().connections.len()
    }

    /// What the clock brings about: presence that waited for its moment, typing that fell silent.
    pub fn tick(&self, now: Instant) {
        let mut state = self.lock();
        for room_id in std::mem::take(&mut state.ticking) {
            state.in_room_at(room_id, now, |room| room.stop_silent_typing(room_id, now));
        }
    }

    /// No panic of ours happens under this lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    fn forget(&mut self, room_id: RoomId) {
        if let Some(position) = self.rooms.iter().position(|id| *id == room_id) {
            self.rooms.swap_remove(position);
        }
    }
}

impl State {
    fn has_all_sockets(&self, user_id: UserId, limits: SocketLimits) -> bool {
        self.by_user.get(&user_id).is_some_and(|count| *count >= limits.per_user)
    }

    fn rooms_of(&self, id: ConnectionId) -> Vec<RoomId> {
        self.connections.get(&id).map(|member| member.rooms.clone()).unwrap_or_default()
    }

    /// Changes a room and sees to what follows: its presence is told, it is put on the clock's list while there is
    /// something to wait for, and forgotten when nobody follows it.
    fn in_room(&mut self, room_id: RoomId, change: impl FnOnce(&mut Room)) {
        self.in_room_at(room_id, Instant::now(), change);
    }

    fn in_room_at(&mut self, room_id: RoomId, now: Instant, change: impl FnOnce(&mut Room)) {
        let Some(room) = self.rooms.get_mut(&room_id) else { return };
        change(room);
        if room.is_abandoned() {
            self.rooms.remove(&room_id);
            return;
        }
        room.tell_presence(room_id, now);
        if room.has_news() || room.has_typists() {
            self.ticking.insert(room_id);
        }
    }
}

fn change(message: Message) -> MessageChange {
    MessageChange { room_id: message.room_id, rev: message.rev, message }
}

fn release<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
