//! Rate limits: who may do how much in what time. Token buckets (GCRA, by `governor`), kept in memory.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use shared::errors::LimitScope;
use shared::ids::{RoomId, UserId};

use crate::config::{Config, Switch};
use crate::realtime::admission::SocketLimits;
use crate::realtime::connection::ConnectionId;
use crate::realtime::directory::MAX_ROOMS_PER_CONNECTION;

/// How often one may begin to type: once in 3 s.
const TYPING: Quota = Quota::per_minute(NonZeroU32::new(20).unwrap());
/// How often at once: who sends short messages in a row stops and begins with each of them.
const TYPING_BURST: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// Too much in too little time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Whose limit it is.
    pub scope: LimitScope,
    /// Whole seconds after which it may go on, rounded up.
    pub retry_after: u64,
}

type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock>;

/// All limits; none of them when they are switched off.
pub struct Limits {
    buckets: Option<Buckets>,
    /// How many sockets there may be.
    pub sockets: SocketLimits,
}

struct Buckets {
    sends_of_user: Keyed<UserId>,
    sends_to_room: Keyed<RoomId>,
    requests_of_user: Keyed<UserId>,
    requests_of_address: Keyed<IpAddr>,
    rooms_of_user: Keyed<UserId>,
    guests_of_address: Keyed<IpAddr>,
    frames_of_socket: Keyed<ConnectionId>,
    subscribes_of_socket: Keyed<ConnectionId>,
    typing_of_socket: Keyed<ConnectionId>,
}

impl Limits {
    /// The limits that the settings ask for.
    pub fn new(config: &Config) -> Self {
        let settings = &config.limits;
        let is_on = config.rate_limits == Switch::On;
        let total = settings.sockets as usize;
        let buckets = is_on.then(|| Buckets {
            sends_of_user: RateLimiter::hashmap(
                Quota::per_second(count(settings.sends_per_second)).allow_burst(count(settings.sends_burst)),
            ),
            sends_to_room: RateLimiter::hashmap(Quota::per_second(count(settings.room_sends_per_second))),
            requests_of_user: RateLimiter::hashmap(Quota::per_second(count(
                settings.user_requests_per_second,
            ))),
            requests_of_address: RateLimiter::hashmap(Quota::per_second(count(
                settings.address_requests_per_second,
            ))),
            rooms_of_user: RateLimiter::hashmap(Quota::per_hour(count(settings.rooms_per_hour))),
            guests_of_address: RateLimiter::hashmap(Quota::per_hour(count(settings.guests_per_hour))),
            frames_of_socket: RateLimiter::hashmap(Quota::per_minute(count(settings.frames_per_minute))),
            subscribes_of_socket: RateLimiter::hashmap(Quota::per_minute(count(
                MAX_ROOMS_PER_CONNECTION as u32,
            ))),
            typing_of_socket: RateLimiter::hashmap(TYPING.allow_burst(TYPING_BURST)),
        });
        Self {
            buckets,
            sockets: SocketLimits {
                per_user: if is_on { settings.sockets_per_user as usize } else { total },
                per_address: if is_on { settings.sockets_per_address as usize } else { total },
                total,
            },
        }
    }

    /// A request by somebody, or by nobody from an address.
    ///
    /// # Errors
    /// [`Limited`] when there were too many.
    pub fn request(&self, user: Option<UserId>, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        match user {
            Some(user) => check(&buckets.requests_of_user, &user, LimitScope::User),
            None => check(&buckets.requests_of_address, &address, LimitScope::Ip),
        }
    }

    /// A message by a user to a room.
    ///
    /// # Errors
    /// [`Limited`] when there were too many.
    pub fn send(&self, user: UserId, room: RoomId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.sends_of_user, &user, LimitScope::User)?;
        check(&buckets.sends_to_room, &room, LimitScope::Room)
    }

    /// A new room.
    ///
    /// # Errors
    /// [`Limited`] when there were too many.
    pub fn create_room(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.rooms_of_user, &user, LimitScope::User)
    }

    /// A new guest.
    ///
    /// # Errors
    /// [`Limited`] when there were too many.
    pub fn create_guest(&self, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.guests_of_address, &address, LimitScope::Ip)
    }

    /// A frame on a socket. Resuming all rooms after a break takes a frame a room, so `subscribe` has a count of its
    /// own, large enough for as many rooms as a socket may follow.
    ///
    /// # Errors
    /// [`Limited`] when there were too many.
    pub fn frame(&self, socket: ConnectionId, is_subscribe: bool) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let limiter = if is_subscribe { &buckets.subscribes_of_socket } else { &buckets.frames_of_socket };
        check(limiter, &socket, LimitScope::User)
    }

    /// Beginning to type, on a socket.
    ///
    /// # Errors
    /// [`Limited`] when it began too often.
    pub fn typing(&self, socket: ConnectionId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.typing_of_socket, &socket, LimitScope::User)
    }

    /// Forgets those who have been quiet for long.
    pub fn forget_the_quiet(&self) {
        let Some(buckets) = &self.buckets else { return };
        buckets.sends_of_user.retain_recent();
        buckets.sends_to_room.retain_recent();
        buckets.requests_of_user.retain_recent();
        buckets.requests_of_address.retain_recent();
        buckets.rooms_of_user.retain_recent();
        buckets.guests_of_address.retain_recent();
        buckets.frames_of_socket.retain_recent();
        buckets.subscribes_of_socket.retain_recent();
        buckets.typing_of_socket.retain_recent();
    }
}

fn check<K: Hash + Eq + Clone>(limiter: &Keyed<K>, key: &K, scope: LimitScope) -> Result<(), Limited> {
    limiter.check_key(key).map_err(|until| {
        let wait = until.wait_time_from(DefaultClock::default().now());
        Limited { scope, retry_after: wait.saturating_add(Duration::from_millis(999)).as_secs().max(1) }
    })
}

/// Settings are at least 1; clap sees to it.
fn count(setting: u32) -> NonZeroU32 {
    NonZeroU32::new(setting).unwrap_or(NonZeroU32::MIN)
}
