//! When to send: as soon as an answer is there, at intended times, or as long as receivers keep up. And the time that a
//! text carries from its sender to its receivers.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970, in decimal: as many digits until the year 2286.
pub const STAMP_LENGTH: usize = 19;

/// How sends follow one another.
#[derive(Clone, Copy)]
pub enum Pace<'a> {
    /// Each connection sends when its last request was answered.
    Closed,
    /// So many a second, at times that do not wait for answers: what comes late is counted from when it was due.
    Open(f64),
    /// Like `Closed`, while the gate says yes to the number sent so far.
    Gated(&'a dyn Fn(u64) -> bool),
}

/// When the next one goes out.
pub enum Turn {
    /// It is due since then.
    Due(Instant),
    /// Ask again after this long.
    Wait(Duration),
}

impl Pace<'_> {
    /// Whether it is time for the send that `sent` others went before, in a run that began at `start`.
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
    /// All that is due in this time.
    Lasting(Duration),
    /// So many.
    Count(u64),
}

impl Amount {
    /// Whether a send that is due at `due` still belongs to it.
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

/// A text of `length` bytes that begins with the moment `due`.
pub fn stamped_text(due: Instant, length: usize) -> String {
    let nanos = nanos_now() - due.elapsed().as_nanos() as u64;
    format!("{nanos:019}{}", "x".repeat(length.saturating_sub(STAMP_LENGTH)))
}

/// How long ago the moment was that a text begins with; `None` when it does not begin with one.
pub fn age(text: &[u8], now: u64) -> Option<Duration> {
    let nanos: u64 = std::str::from_utf8(text.get(..STAMP_LENGTH)?).ok()?.parse().ok()?;
    Some(Duration::from_nanos(now.saturating_sub(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_tells_its_age() {
        let text = stamped_text(Instant::now(), 100);
        assert_eq!(text.len(), 100);
        let age = age(text.as_bytes(), nanos_now() + 5_000_000).expect("it begins with a time");
        assert!(age >= Duration::from_millis(5) && age < Duration::from_secs(5), "{age:?}");
        assert_eq!(super::age(b"no time at all, but long", 0), None);
    }

    #[test]
    fn an_open_pace_does_not_wait_for_the_slow() {
        let start = Instant::now();
        let now = start + Duration::from_secs(1);
        let turn = |sent| Pace::Open(10.0).turn(sent, start, now);
        assert!(matches!(turn(5), Turn::Due(due) if due == start + Duration::from_millis(500)));
        assert!(matches!(turn(11), Turn::Wait(wait) if wait == Duration::from_millis(100)));
    }
}
