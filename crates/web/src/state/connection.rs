//! The connection to the server: when to connect, to wait, to give up, and what to tell the reader.
//!
//! Pure: a state machine over the clock, the socket's events and a random number. What a close code asks for is
//! RELIABILITY.md section 3.
//!
//! A WebSocket comes first. Where it is refused, or not open in time, a stream with server-sent events takes its place,
//! and where these do not come through, one with long-poll. For a day, connections begin with the fallback that worked;
//! every second attempt in a row begins with a WebSocket nevertheless, because something else may be wrong. While a
//! fallback is in use, a WebSocket is tried beside it from time to time, and takes over when the server greets on it.

mod banner;
mod release;
mod transport;

use shared::events::CloseCode;

pub use self::banner::Banner;
use self::release::Release;
pub use self::transport::{Memory, Transport};
use crate::state::backoff;

/// How long the reader is not bothered with a lost connection.
pub const QUIET_MILLIS: i64 = 2_000;
/// How long a WebSocket has to open before a stream is tried.
const WEB_SOCKET_MILLIS: i64 = 2_500;
/// How long server-sent events have to bring the first one.
const FIRST_EVENT_MILLIS: i64 = 5_000;
/// How long a fallback is in use before a WebSocket is tried again. The time doubles with each try, up to an hour.
const RETRY_MILLIS: i64 = 60_000;
const MAX_DOUBLINGS: u32 = 6;
/// What a browser reports when a connection broke without a close frame (RFC 6455, section 7.1.5).
pub const ABNORMAL: u16 = 1006;
/// An attempt that is not open by then has failed.
const ATTEMPT_MILLIS: i64 = 10_000;
/// A connection that held this long starts the backoff afresh.
const STEADY_MILLIS: i64 = 5_000;
const OVERLOAD_WAIT_MILLIS: i64 = 5_000;
const RESTART_WAIT_MILLIS: f64 = 10_000.0;
/// How long an answer may take when there is a reason to doubt the connection.
const PROBE_MILLIS: i64 = 2_500;
/// Timers that are this late were stopped: the machine slept, or the page was frozen.
const SLEPT_MILLIS: i64 = 5_000;
/// After these the first attempt is made at once.
const AT_ONCE: [CloseCode; 4] =
    [CloseCode::SlowConsumer, CloseCode::ImpossibleRev, CloseCode::SessionEnded, CloseCode::Forbidden];

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// Open a connection.
    Connect(Transport),
    /// Say something, so that the server answers.
    Ping,
    /// Let go of the connection, which says nothing any more.
    Abandon,
    /// Open a WebSocket beside the connection, to take its place when the server greets on it.
    TryWebSocket,
}

/// What a close means for all that is not the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aftermath {
    /// Resume.
    Resume,
    /// Forget the revs and load everything again.
    Reload,
    /// The session has ended.
    SignedOut,
    /// An admin disabled the account. The session has ended, too.
    Disabled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    Connecting {
        since: i64,
    },
    Open {
        since: i64,
    },
    Waiting {
        until: i64,
    },
    /// The page is not shown any more, but may come back.
    Suspended,
    Stopped,
}

/// The connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    phase: Phase,
    /// Of the present connection or attempt.
    transport: Transport,
    /// Of the next attempt, if it is decided.
    next: Option<Transport>,
    memory: Memory,
    /// Whether events come by this transport.
    is_proven: bool,
    /// How often a WebSocket was tried beside the present connection, and when it is tried next.
    tries: u32,
    try_at: i64,
    failures: u32,
    lost_since: Option<i64>,
    server_fault: bool,
    /// The browser says that there is no network. It is often wrong, so attempts go on.
    offline: bool,
    heartbeat_millis: i64,
    last_heard: i64,
    last_ping: i64,
    last_tick: i64,
    /// Whether the last ping needs a quick answer.
    is_probing: bool,
    release: Release,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            phase: Phase::Idle,
            transport: Transport::WebSocket,
            next: None,
            memory: Memory::default(),
            is_proven: false,
            tries: 0,
            try_at: 0,
            failures: 0,
            lost_since: None,
            server_fault: false,
            offline: false,
            heartbeat_millis: 25_000,
            last_heard: 0,
            last_ping: 0,
            last_tick: 0,
            is_probing: false,
            release: Release::default(),
        }
    }
}

impl Connection {
    /// Whether events come.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    /// How events come, while they do.
    pub fn transport(&self) -> Option<Transport> {
        self.is_open().then_some(self.transport)
    }

    /// What worked before, as far as the browser has kept it.
    pub fn remember(&mut self, memory: Memory) {
        self.memory = memory;
    }

    /// What the browser is to keep, if it has changed since this was asked.
    pub fn take_memory(&mut self) -> Option<String> {
        self.memory.take_changed()
    }

    /// Begins.
    pub fn start(&mut self, now: i64) -> Action {
        self.lost_since = Some(now);
        self.connect(now)
    }

    /// The server said hello.
    pub fn opened(&mut self, now: i64, heartbeat_seconds: u32, server_version: &str) {
        self.release.greeted(server_version);
        self.phase = Phase::Open { since: now };
        self.lost_since = None;
        self.server_fault = false;
        self.heartbeat_millis = i64::from(heartbeat_seconds.max(1)) * 1_000;
        self.last_heard = now;
        self.last_ping = now;
        self.is_probing = false;
        self.tries = 0;
        self.try_at = now + RETRY_MILLIS;
        // The greeting of a stream comes before its events.
        self.is_proven = false;
        if self.transport == Transport::WebSocket {
            self.prove(now);
        }
    }

    /// The server greets on the WebSocket that was tried beside the connection, and that takes its place now.
    pub fn switch(&mut self, now: i64) {
        self.transport = Transport::WebSocket;
        self.phase = Phase::Connecting { since: now };
    }

    /// The server said something that this page cannot read.
    pub fn misunderstood(&mut self) {
        self.release.misunderstood();
    }

    /// Something came.
    pub fn heard(&mut self, now: i64) {
        self.last_heard = now;
        self.is_probing = false;
        if self.is_open() && !self.is_proven {
            self.prove(now);
        }
    }

    /// The connection closed, or could not be made. `random` lies in 0..1.
    pub fn closed(&mut self, code: u16, reason: &str, now: i64, random: f64) -> Aftermath {
        let is = |close: CloseCode| code == close.number();
        match self.phase {
            Phase::Open { since } if now - since >= STEADY_MILLIS => self.failures = 0,
            Phase::Stopped => return Aftermath::Resume,
            _ => {}
        }
        self.lost_since.get_or_insert(now);
        if code == ABNORMAL
            && let Some(next) = self.fallback(now)
        {
            self.next = Some(next);
            self.phase = Phase::Waiting { until: now };
            return Aftermath::Resume;
        }
        self.server_fault =
            [CloseCode::Internal, CloseCode::Restart, CloseCode::Overload].into_iter().any(is);
        if is(CloseCode::Unsupported) || is(CloseCode::BadCommand) {
            self.phase = Phase::Stopped;
            return Aftermath::Resume;
        }
        let backoff = backoff::wait_millis(self.failures, random);
        let wait = if is(CloseCode::Restart) {
            #[allow(clippy::cast_possible_truncation)] // At most 10,000.
            let wait = (random * RESTART_WAIT_MILLIS) as i64;
            wait
        } else if is(CloseCode::Overload) {
            OVERLOAD_WAIT_MILLIS + backoff
        } else if is(CloseCode::FrameRate) {
            backoff::told_millis(reason)
        } else if self.failures == 0 && AT_ONCE.into_iter().any(is) {
            0
        } else {
            backoff
        };
        self.failures += 1;
        self.phase = Phase::Waiting { until: now + wait };
        match code {
            code if code == CloseCode::ImpossibleRev.number() => Aftermath::Reload,
            code if code == CloseCode::SessionEnded.number() => Aftermath::SignedOut,
            code if code == CloseCode::Forbidden.number() => Aftermath::Disabled,
            _ => Aftermath::Resume,
        }
    }

    /// Time went by.
    pub fn tick(&mut self, now: i64) -> Action {
        let slept = self.last_tick != 0 && now - self.last_tick >= SLEPT_MILLIS;
        self.last_tick = now;
        let is_late = now - self.last_ping >= self.patience_millis();
        match self.phase {
            Phase::Waiting { until } if until <= now => self.connect(now),
            Phase::Connecting { since }
                if self.transport == Transport::WebSocket && now - since >= WEB_SOCKET_MILLIS =>
            {
                self.fall_back(now)
            }
            Phase::Connecting { since } if now - since >= ATTEMPT_MILLIS => Action::Abandon,
            Phase::Open { since } if now - since >= FIRST_EVENT_MILLIS && self.fallback(now).is_some() => {
                self.fall_back(now)
            }
            // Not how long the silence is but whether a question went unanswered: a page in the background may sleep
            // for minutes between two ticks.
            Phase::Open { .. } if is_late && self.last_heard < self.last_ping => Action::Abandon,
            Phase::Open { .. } if slept => self.probe(now),
            Phase::Open { .. } if is_late => self.ping(now),
            Phase::Open { .. } if self.transport != Transport::WebSocket && now >= self.try_at => {
                self.try_at = now + (RETRY_MILLIS << self.tries.min(MAX_DOUBLINGS));
                self.tries += 1;
                Action::TryWebSocket
            }
            _ => Action::None,
        }
    }

    /// Asks an open connection for a quick answer, because it may be dead: the network changed, or the page slept.
    pub fn probe(&mut self, now: i64) -> Action {
        // The first question counts: asking again must not put the verdict off.
        if !self.is_open() || self.is_probing {
            return Action::None;
        }
        self.is_probing = true;
        self.ping(now)
    }

    /// The reader does not want to wait.
    pub fn try_now(&mut self, now: i64) -> Action {
        match self.phase {
            Phase::Waiting { .. } => self.connect(now),
            _ => Action::None,
        }
    }

    /// The reader looks at the page again.
    pub fn looked_at(&mut self, now: i64) -> Action {
        if self.is_open() { self.probe(now) } else { self.try_now(now) }
    }

    /// The user changed: connect again under the new session.
    pub fn renew(&mut self, now: i64) -> Action {
        match self.phase {
            Phase::Stopped | Phase::Suspended => Action::None,
            _ => self.connect(now),
        }
    }

    /// The user left the page. The browser may keep it for Back, with its socket: others would still see the user.
    /// Returns whether there is a socket to close.
    pub fn suspend(&mut self) -> bool {
        let is_ended = matches!(self.phase, Phase::Stopped | Phase::Suspended);
        if !is_ended {
            self.phase = Phase::Suspended;
        }
        !is_ended
    }

    /// The user came back to the page by Back or Forward.
    pub fn restore(&mut self, now: i64) -> Action {
        match self.phase {
            Phase::Suspended => self.start(now),
            _ => Action::None,
        }
    }

    /// The browser says that there is no network. An open connection is asked whether that is true.
    pub fn network_lost(&mut self, now: i64) -> Action {
        self.offline = true;
        self.probe(now)
    }

    /// The browser says that the network is back.
    pub fn network_back(&mut self, now: i64) -> Action {
        self.offline = false;
        self.failures = 0;
        // Another network may pass on what the one before did not.
        self.try_at = now;
        match self.phase {
            // The attempt was made without a network.
            Phase::Connecting { .. } => self.connect(now),
            _ => self.looked_at(now),
        }
    }

    /// What to tell the reader.
    pub fn banner(&self, now: i64) -> Option<Banner> {
        self.trouble(now).or_else(|| self.release.is_outdated().then_some(Banner::Outdated))
    }

    fn trouble(&self, now: i64) -> Option<Banner> {
        if matches!(self.phase, Phase::Stopped) {
            return Some(Banner::Stopped);
        }
        self.lost_since.filter(|since| now - since >= QUIET_MILLIS)?;
        let server_fault = self.server_fault;
        match self.phase {
            Phase::Waiting { .. } | Phase::Connecting { .. } if self.offline => Some(Banner::Offline),
            Phase::Waiting { until } if until > now => {
                Some(Banner::Waiting { seconds: (until - now + 999) / 1_000, server_fault })
            }
            Phase::Waiting { .. } | Phase::Connecting { .. } => Some(Banner::Trying { server_fault }),
            Phase::Idle | Phase::Open { .. } | Phase::Suspended | Phase::Stopped => None,
        }
    }

    fn patience_millis(&self) -> i64 {
        if self.is_probing || self.offline {
            self.heartbeat_millis.min(PROBE_MILLIS)
        } else {
            self.heartbeat_millis
        }
    }

    fn ping(&mut self, now: i64) -> Action {
        self.last_ping = now;
        Action::Ping
    }

    fn connect(&mut self, now: i64) -> Action {
        let kept = self.memory.fallback(now).filter(|_| self.failures.is_multiple_of(2));
        self.transport = self.next.take().or(kept).unwrap_or(Transport::WebSocket);
        self.phase = Phase::Connecting { since: now };
        Action::Connect(self.transport)
    }

    fn fall_back(&mut self, now: i64) -> Action {
        self.next = self.fallback(now);
        self.connect(now)
    }

    /// What to try where the present transport does not come through.
    fn fallback(&self, now: i64) -> Option<Transport> {
        match (self.phase, self.transport) {
            (Phase::Connecting { .. }, Transport::WebSocket) => {
                Some(self.memory.fallback(now).unwrap_or(Transport::ServerSentEvents))
            }
            (Phase::Open { .. }, Transport::ServerSentEvents) if !self.is_proven => Some(Transport::LongPoll),
            _ => None,
        }
    }

    fn prove(&mut self, now: i64) {
        self.is_proven = true;
        self.memory.note(self.transport, now);
    }
}

#[cfg(test)]
mod tests;
