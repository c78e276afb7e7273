//! How long to wait before the next attempt: exponential, with jitter, so that clients that failed together do not
//! return together.
//!
//! Pure.

const SHORTEST_MILLIS: f64 = 500.0;
const LONGEST_MILLIS: f64 = 30_000.0;
/// What is longer is not believed.
const LONGEST_TOLD_SECONDS: i64 = 300;
const UNTOLD_SECONDS: i64 = 30;

/// The wait after this many earlier failures in a row. `random` lies in 0..1.
pub fn wait_millis(failures: u32, random: f64) -> i64 {
    let doublings = i32::try_from(failures.min(10)).unwrap_or(10) + 1;
    let longest = (SHORTEST_MILLIS * 2f64.powi(doublings)).min(LONGEST_MILLIS);
    #[allow(clippy::cast_possible_truncation)] // At most 30,000.
    let wait = (SHORTEST_MILLIS + random * (longest - SHORTEST_MILLIS)) as i64;
    wait
}

/// The wait that a sentence such as "retry after 12 s" asks for.
pub fn told_millis(sentence: &str) -> i64 {
    let digits = sentence.trim_start_matches(|character: char| !character.is_ascii_digit());
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    let seconds = digits[..end].parse().ok().filter(|seconds| *seconds <= LONGEST_TOLD_SECONDS);
    seconds.unwrap_or(UNTOLD_SECONDS) * 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_half_a_minute_and_is_spread() {
        let longest: Vec<_> = (0..8).map(|failures| wait_millis(failures, 1.0)).collect();
        assert_eq!(longest, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(wait_millis(7, 0.0), 500);
        assert_eq!(wait_millis(7, 0.5), 15_250);
        assert_eq!(wait_millis(u32::MAX, 1.0), 30_000);
    }
}
