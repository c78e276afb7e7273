//! The server's clock.

use chrono::{DateTime, TimeDelta, Utc};

/// The current time, truncated to the milliseconds of the wire format, so that a stored time equals its DTO.
pub fn now() -> DateTime<Utc> {
    let now = Utc::now();
    now - TimeDelta::nanoseconds(i64::from(now.timestamp_subsec_nanos() % 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_time_has_whole_milliseconds() {
        assert_eq!(now().timestamp_subsec_nanos() % 1_000_000, 0);
        assert!((Utc::now() - now()).num_seconds() < 60);
    }
}
