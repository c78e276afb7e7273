//! Rate limits: token buckets (GCRA, by `governor`), kept in memory.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use quick_cache::sync::Cache;
use shared::errors::LimitScope;
use shared::ids::{RoomId, UserId};
use shared::users::Username;

use crate::config::{Config, Switch};
use crate::realtime::admission::SocketLimits;
use crate::realtime::connection::ConnectionId;
use crate::realtime::directory::MAX_ROOMS_PER_CONNECTION;

/// The number of buckets kept per limit. Beyond it the least used bucket is dropped, so it is full again.
const MAX_BUCKETS: usize = 20_000;
/// The burst of token lookups per address, in seconds of the regular rate. After a restart no token is cached, and many
/// users may share an address.
const LOOK_UP_BURST_SECONDS: u32 = 20;
/// Subscriptions per second of a user, or of an address without a session.
const SUBSCRIBE: Quota = Quota::per_second(NonZeroU32::new(20).unwrap());
/// The burst of subscriptions: two sockets that each resume the maximal number of rooms.
const SUBSCRIBE_BURST: NonZeroU32 = NonZeroU32::new(2 * MAX_ROOMS_PER_CONNECTION as u32).unwrap();
/// Typing commands of a socket: one per 3 s.
const TYPING: Quota = Quota::per_minute(NonZeroU32::new(20).unwrap());
/// The burst of typing commands: a user who sends short messages starts to type again after each.
const TYPING_BURST: NonZeroU32 = NonZeroU32::new(4).unwrap();
/// Tries to sign up per hour of an address.
const SIGN_UPS_PER_HOUR: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// Passwords that an address may try per quarter of an hour for an account.
const SIGN_INS_PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(5).unwrap();
/// Passwords that an address may try per quarter of an hour in total.
const SIGN_INS_PER_ADDRESS: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Passwords that anybody may try per hour for an account.
const SIGN_INS_PER_NAME: NonZeroU32 = NonZeroU32::new(50).unwrap();
/// Changes of a user's name per hour.
const RENAMES_PER_HOUR: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// Changes of a user's picture per hour.
const AVATARS_PER_HOUR: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Files that are loaded per second by a user, or by an address without a session.
const FILES: Quota =
    Quota::per_second(NonZeroU32::new(100).unwrap()).allow_burst(NonZeroU32::new(500).unwrap());
/// Links to a new password per hour and user.
const RESETS_PER_HOUR: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// Changes of memberships, bans and invites per second of a user: a moderator may clean up after a raid.
const MEMBERSHIP_CHANGES: Quota =
    Quota::per_second(NonZeroU32::new(5).unwrap()).allow_burst(NonZeroU32::new(30).unwrap());
/// Users that a user may add to rooms per hour.
const ADDITIONS_PER_HOUR: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Invites that an address may look at or redeem per minute.
const INVITES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Reactions of a user: 10 per 10 s.
const REACTIONS: Quota =
    Quota::per_second(NonZeroU32::new(1).unwrap()).allow_burst(NonZeroU32::new(10).unwrap());
/// Moves of read marks per second of a user: a client sends at most one a second and room.
const READ_MARKS: Quota =
    Quota::per_second(NonZeroU32::new(20).unwrap()).allow_burst(NonZeroU32::new(100).unwrap());
/// Previews of messages per second of a user.
const PREVIEWS: Quota =
    Quota::per_second(NonZeroU32::new(2).unwrap()).allow_burst(NonZeroU32::new(10).unwrap());
/// Mentions of everybody per hour of a room.
const EVERYONE_PER_HOUR: NonZeroU32 = NonZeroU32::new(3).unwrap();
/// Readiness checks per second of an address: far more than any monitoring sends.
const PROBE: Quota = Quota::per_second(NonZeroU32::new(50).unwrap());

/// A rate limit was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// What the limit applies to.
    pub scope: LimitScope,
    /// Seconds until the next attempt may succeed, rounded up.
    pub retry_after: u64,
}

/// What is counted: the user of a session, or the address without a session. IPv6 addresses are counted by /64; see
/// `http::address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    User(UserId),
    Address(IpAddr),
}

impl Subject {
    fn new(user: Option<UserId>, address: IpAddr) -> Self {
        user.map_or(Self::Address(address), Self::User)
    }

    fn scope(self) -> LimitScope {
        match self {
            Self::User(_) => LimitScope::User,
            Self::Address(_) => LimitScope::Ip,
        }
    }
}

/// All limits. There are no buckets if limits are switched off.
pub struct Limits {
    buckets: Option<Buckets>,
    /// The limits of open sockets.
    pub sockets: SocketLimits,
}

struct Buckets {
    message_changes_of_user: Limiter<UserId>,
    message_changes_of_room: Limiter<RoomId>,
    message_changes_of_hidden_room: Limiter<RoomId>,
    requests_of_user: Limiter<UserId>,
    requests_of_address: Limiter<IpAddr>,
    look_ups_of_address: Limiter<IpAddr>,
    rooms_of_user: Limiter<UserId>,
    room_changes_of_user: Limiter<UserId>,
    guests_of_address: Limiter<IpAddr>,
    sign_ups_of_address: Limiter<IpAddr>,
    sign_ins_of_account: Limiter<(String, IpAddr)>,
    sign_ins_of_address: Limiter<IpAddr>,
    sign_ins_of_name: Limiter<String>,
    renames_of_user: Limiter<UserId>,
    avatars_of_user: Limiter<UserId>,
    files: Limiter<Subject>,
    resets_of_user: Limiter<UserId>,
    membership_changes_of_user: Limiter<UserId>,
    additions_of_user: Limiter<UserId>,
    invites_of_address: Limiter<IpAddr>,
    probes_of_address: Limiter<IpAddr>,
    reactions_of_user: Limiter<UserId>,
    read_marks_of_user: Limiter<UserId>,
    previews_of_user: Limiter<UserId>,
    everyone_of_room: Limiter<RoomId>,
    subscribes: Limiter<Subject>,
    frames_of_socket: Limiter<ConnectionId>,
    subscribes_of_socket: Limiter<ConnectionId>,
    typing_of_socket: Limiter<ConnectionId>,
}

impl Limits {
    /// Creates the limits from the settings.
    pub fn new(config: &Config) -> Self {
        let settings = &config.limits;
        let is_on = config.rate_limits == Switch::On;
        let total = settings.sockets as usize;
        let buckets = is_on.then(|| {
            let sends = count(settings.sends_per_second);
            let per_address = count(settings.address_requests_per_second);
            let look_ups = per_address.saturating_mul(count(LOOK_UP_BURST_SECONDS));
            let rooms = Quota::per_hour(count(settings.rooms_per_hour));
            let sockets = MAX_BUCKETS.max(total);
            let new_subscribes = Quota::per_minute(count(MAX_ROOMS_PER_CONNECTION as u32));
            Buckets {
                message_changes_of_user: limiter(
                    Quota::per_second(sends).allow_burst(count(settings.sends_burst)),
                    MAX_BUCKETS,
                ),
                message_changes_of_room: limiter(
                    Quota::per_second(count(settings.room_sends_per_second)),
                    MAX_BUCKETS,
                ),
                message_changes_of_hidden_room: limiter(
                    Quota::per_second(count(settings.room_sends_per_second)),
                    MAX_BUCKETS,
                ),
                requests_of_user: limiter(
                    Quota::per_second(count(settings.user_requests_per_second)),
                    MAX_BUCKETS,
                ),
                requests_of_address: limiter(Quota::per_second(per_address), MAX_BUCKETS),
                look_ups_of_address: limiter(
                    Quota::per_second(per_address).allow_burst(look_ups),
                    MAX_BUCKETS,
                ),
                rooms_of_user: limiter(rooms, MAX_BUCKETS),
                room_changes_of_user: limiter(rooms, MAX_BUCKETS),
                guests_of_address: limiter(Quota::per_hour(count(settings.guests_per_hour)), MAX_BUCKETS),
                sign_ups_of_address: limiter(Quota::per_hour(SIGN_UPS_PER_HOUR), MAX_BUCKETS),
                sign_ins_of_account: limiter(quarter_hourly(SIGN_INS_PER_ACCOUNT), MAX_BUCKETS),
                sign_ins_of_address: limiter(quarter_hourly(SIGN_INS_PER_ADDRESS), MAX_BUCKETS),
                sign_ins_of_name: limiter(Quota::per_hour(SIGN_INS_PER_NAME), MAX_BUCKETS),
                renames_of_user: limiter(Quota::per_hour(RENAMES_PER_HOUR), MAX_BUCKETS),
                avatars_of_user: limiter(Quota::per_hour(AVATARS_PER_HOUR), MAX_BUCKETS),
                files: limiter(FILES, MAX_BUCKETS),
                membership_changes_of_user: limiter(MEMBERSHIP_CHANGES, MAX_BUCKETS),
                additions_of_user: limiter(Quota::per_hour(ADDITIONS_PER_HOUR), MAX_BUCKETS),
                invites_of_address: limiter(Quota::per_minute(INVITES_PER_MINUTE), MAX_BUCKETS),
                resets_of_user: limiter(Quota::per_hour(RESETS_PER_HOUR), MAX_BUCKETS),
                probes_of_address: limiter(PROBE, MAX_BUCKETS),
                reactions_of_user: limiter(REACTIONS, MAX_BUCKETS),
                read_marks_of_user: limiter(READ_MARKS, MAX_BUCKETS),
                previews_of_user: limiter(PREVIEWS, MAX_BUCKETS),
                everyone_of_room: limiter(Quota::per_hour(EVERYONE_PER_HOUR), MAX_BUCKETS),
                subscribes: limiter(SUBSCRIBE.allow_burst(SUBSCRIBE_BURST), MAX_BUCKETS),
                frames_of_socket: limiter(Quota::per_minute(count(settings.frames_per_minute)), sockets),
                subscribes_of_socket: limiter(new_subscribes, sockets),
                typing_of_socket: limiter(TYPING.allow_burst(TYPING_BURST), sockets),
            }
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

    /// Counts a request of a user, or of an address without a session.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn request(&self, user: Option<UserId>, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        match user {
            Some(user) => check(&buckets.requests_of_user, &user, LimitScope::User),
            None => check(&buckets.requests_of_address, &address, LimitScope::Ip),
        }
    }

    /// Counts the lookup of a token that is not cached, before the database is queried. This limits guessing.
    ///
    /// # Errors
    /// [`Limited`] if the address exceeds the rate.
    pub fn look_up(&self, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.look_ups_of_address, &address, LimitScope::Ip)
    }

    /// Counts a message that a user sends, edits or deletes in a room. Those who do not see the room are counted apart:
    /// they use up nothing that its members need, and are limited as if it did not exist.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn change_message(&self, user: UserId, room: RoomId, is_seen: bool) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.message_changes_of_user, &user, LimitScope::User)?;
        let of_room =
            if is_seen { &buckets.message_changes_of_room } else { &buckets.message_changes_of_hidden_room };
        check(of_room, &room, LimitScope::Room)
    }

    /// Counts a reaction, or its end.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn react(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.reactions_of_user, &user, LimitScope::User)
    }

    /// Counts a move of a read mark.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn mark_read(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.read_marks_of_user, &user, LimitScope::User)
    }

    /// Counts a preview of a message.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn preview(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.previews_of_user, &user, LimitScope::User)
    }

    /// Counts a mention of everybody.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn mention_everyone(&self, room: RoomId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.everyone_of_room, &room, LimitScope::Room)
    }

    /// Counts a new room.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn create_room(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.rooms_of_user, &user, LimitScope::User)
    }

    /// Counts a room that a user renames or deletes, which is an event to every client. The rate is that of new rooms,
    /// in a bucket of its own, so that a user who created rooms can also delete them.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn change_room(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.room_changes_of_user, &user, LimitScope::User)
    }

    /// Counts a change of a membership, a ban or an invite.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn change_membership(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.membership_changes_of_user, &user, LimitScope::User)
    }

    /// Counts a new guest.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn create_guest(&self, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.guests_of_address, &address, LimitScope::Ip)
    }

    /// Counts a try to sign up, whether or not the name is taken.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn sign_up(&self, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.sign_ups_of_address, &address, LimitScope::Ip)
    }

    /// Counts a password that somebody tries for an account, by the key of its name.
    ///
    /// # Errors
    /// [`Limited`] if the address tries too many, for this account or for any.
    pub fn sign_in(&self, name_key: &str, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.sign_ins_of_address, &address, LimitScope::Ip)?;
        check(&buckets.sign_ins_of_account, &(bounded(name_key), address), LimitScope::Ip)
    }

    /// Counts a password that somebody tries for an account, from whatever address. A browser that has signed in to the
    /// account before is let in nevertheless.
    ///
    /// # Errors
    /// [`Limited`] if too many are tried.
    pub fn sign_in_from_anywhere(&self, name_key: &str) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.sign_ins_of_name, &bounded(name_key), LimitScope::User)
    }

    /// Counts a change of a user's name.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn rename(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.renames_of_user, &user, LimitScope::User)
    }

    /// Counts a change of a user's picture.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn change_avatar(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.avatars_of_user, &user, LimitScope::User)
    }

    /// Counts a file that is loaded by a user, or by an address without a session.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn load_file(&self, user: Option<UserId>, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let subject = Subject::new(user, address);
        check(&buckets.files, &subject, subject.scope())
    }

    /// Counts a link that lets a user choose a new password.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn reset_password(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.resets_of_user, &user, LimitScope::User)
    }

    /// Counts a user whom another adds to a room.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn add_member(&self, user: UserId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.additions_of_user, &user, LimitScope::User)
    }

    /// Counts an invite that an address looks at or redeems. This limits guessing.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn invite(&self, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.invites_of_address, &address, LimitScope::Ip)
    }

    /// Counts a readiness check. Other requests have other buckets, so they cannot make monitoring report an outage.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn probe(&self, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.probes_of_address, &address, LimitScope::Ip)
    }

    /// Counts a subscription, which reads the database, for all sockets of a user, or of an address without a session.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn subscribe(&self, user: Option<UserId>, address: IpAddr) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let subject = Subject::new(user, address);
        check(&buckets.subscribes, &subject, subject.scope())
    }

    /// Counts a frame on a socket. A client that reconnects sends a `subscribe` per room, so `subscribe` has a bucket
    /// of its own, which holds the maximal number of rooms per socket.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn frame(&self, socket: ConnectionId, is_subscribe: bool) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let limiter = if is_subscribe { &buckets.subscribes_of_socket } else { &buckets.frames_of_socket };
        check(limiter, &socket, LimitScope::User)
    }

    /// Counts a typing command on a socket.
    ///
    /// # Errors
    /// [`Limited`] if the rate is exceeded.
    pub fn typing(&self, socket: ConnectionId) -> Result<(), Limited> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        check(&buckets.typing_of_socket, &socket, LimitScope::User)
    }
}

/// A longer name is no account's, and would only take memory.
fn bounded(name_key: &str) -> String {
    name_key.chars().take(Username::ACCOUNT_LENGTH.max * 2).collect()
}

/// So many in a burst, and again within a quarter of an hour.
fn quarter_hourly(burst: NonZeroU32) -> Quota {
    let regular = Quota::per_hour(burst.saturating_mul(count(4)));
    regular.allow_burst(burst)
}

type Limiter<K> = RateLimiter<K, RecentBuckets<K>, DefaultClock>;

fn limiter<K: Hash + Eq + Clone>(quota: Quota, max_buckets: usize) -> Limiter<K> {
    RateLimiter::new(quota, RecentBuckets(Cache::new(max_buckets)), DefaultClock::default())
}

/// The most recently used buckets. Their number is bounded, regardless of the number of addresses.
struct RecentBuckets<K>(Cache<K, Arc<InMemoryState>>);

impl<K: Hash + Eq + Clone> StateStore for RecentBuckets<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, take: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let bucket = self.0.get_or_insert_with(key, || Ok::<_, std::convert::Infallible>(Arc::default()));
        bucket.unwrap_or_default().measure_and_replace(&NotKeyed::NonKey, take)
    }
}

fn check<K: Hash + Eq + Clone>(limiter: &Limiter<K>, key: &K, scope: LimitScope) -> Result<(), Limited> {
    limiter.check_key(key).map_err(|until| {
        let wait = until.wait_time_from(DefaultClock::default().now());
        Limited { scope, retry_after: wait.saturating_add(Duration::from_millis(999)).as_secs().max(1) }
    })
}

/// Converts a setting, which clap guarantees to be at least 1.
fn count(setting: u32) -> NonZeroU32 {
    NonZeroU32::new(setting).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use clap::Parser;
    use uuid::Uuid;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn sockets_resume_all_their_rooms_at_once_and_then_wait() {
        let limits = Limits::new(&Config::parse_from(["parlance"]));
        let user = Some(UserId(Uuid::now_v7()));
        for (who, scope) in [(None, LimitScope::Ip), (user, LimitScope::User)] {
            let mut rooms = 0..100 * MAX_ROOMS_PER_CONNECTION;
            let refusal =
                rooms.find_map(|_| limits.subscribe(who, ADDRESS).err()).expect("the bucket empties");
            assert_eq!(refusal.scope, scope);
            assert!(rooms.start > 2 * MAX_ROOMS_PER_CONNECTION, "{rooms:?}");
        }
    }

    #[test]
    fn memory_is_bounded_regardless_of_the_number_of_addresses() {
        let limiter = limiter::<IpAddr>(PROBE, 100);
        for number in 0..10_000_u32 {
            limiter.check_key(&IpAddr::V4(number.into())).unwrap();
        }
        assert!(limiter.into_state_store().0.len() <= 200);
    }

    #[test]
    fn switched_off_limits_admit_everything() {
        let limits = Limits::new(&Config::parse_from(["parlance", "--rate-limits", "off"]));
        assert!((0..100_000).all(|_| limits.subscribe(None, ADDRESS).is_ok()));
    }
}
