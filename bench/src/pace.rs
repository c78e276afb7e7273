//! When to send: as soon as an answer has arrived, at intended times, or while the receivers keep up. And the time that a
//! text carries from its sender to its receivers.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Decimal digits of the nanoseconds since 1970, until the year 2286.
pub const STAMP_LENGTH: usize = 19;

/// The pace of sending.
#[derive(Clone, Copy)]
pub enum Pace<'a> {
    /// Each connection sends when its last request is answered.
    Closed,
    /// A number per second, at times that do not depend on answers. A late send counts from its intended time.
    Open(f64),
    /// Like `Closed`, while the gate returns true for the number sent so far.
    Gated(&'a dyn Fn(u64) -> bool),
}

/// When the next send is due.
pub enum Turn {
    /// It has been due since then.
    Due(Instant),
    /// Ask again after this long.
    Wait(Duration),
}

impl Pace<'_> {
    /// When the send after `sent` others is due, in a run that began at `start`.
    pub fn turn(&self, sent: u64, start: Instant, now: Instant) -> Turn {
        match self {
            Self::Closed => Turn::Due(now),
            Self::Open(per_second) => {
                let due = start + Duration::from_secs_f64(sent as f64 / per_second);
                if due <= now { Turn::Due(due) } else { Turn::Wait(due - now) }
            }
            Self::Gated(is_open) if is_open(sent) => Turn::Due(now),
            Self::Gated(_) => Turn::Wait(Duration::from_millis(1)),
        }
    }
}

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// Everything that is due in this time.
    Lasting(Duration),
    /// A number of sends.
    Count(u64),
}

impl Amount {
    /// Whether it includes a send that is due at `due`.
    pub fn covers(&self, sent: u64, start: Instant, due: Instant) -> bool {
        match self {
            Self::Lasting(time) => due < start + *time,
            Self::Count(count) => sent < *count,
        }
    }
}

/// Now, in nanoseconds since 1970.
pub fn nanos_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

/// A text of `length` bytes that begins with the time `due`.
pub fn stamped_text(due: Instant, length: usize) -> String {
    let nanos = nanos_now() - due.elapsed().as_nanos() as u64;
    format!("{nanos:019}{}", "x".repeat(length.saturating_sub(STAMP_LENGTH)))
}

/// How long ago the time was that a text begins with; `None` when it does not begin with a time.
pub fn age(text: &[u8], now: u64) -> Option<Duration> {
    let nanos: u64 = std::str::from_utf8(text.get(..STAMP_LENGTH)?).ok()?.parse().ok()?;
    Some(Duration::from_nanos(now.saturating_sub(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_a_text_is_read_from_it() {
        let text = stamped_text(Instant::now(), 100);
        assert_eq!(text.len(), 100);
        let age = age(text.as_bytes(), nanos_now() + 5_000_000).expect("it begins with a time");
        assert!(age >= Duration::from_millis(5) && age < Duration::from_secs(5), "{age:?}");
        assert_eq!(super::age(b"no time at all, but long", 0), None);
    }

    #[test]
    fn an_open_pace_does_not_wait_for_answers() {
        let start = Instant::now();
        let now = start + Duration::from_secs(1);
        let turn = |sent| Pace::Open(10.0).turn(sent, start, now);
        assert!(matches!(turn(5), Turn::Due(due) if due == start + Duration::from_millis(500)));
        assert!(matches!(turn(11), Turn::Wait(wait) if wait == Duration::from_millis(100)));
    }
}
