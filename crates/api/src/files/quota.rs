//! How many bytes users may upload in a day. Bytes are reserved while they arrive, and given back if the upload fails.
//!
//! Kept in memory, like the rate limits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shared::ids::UserId;
use shared::users::UserKind;
use thiserror::Error;

use crate::config::{Config, Switch};

/// How long an upload counts.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How many uploads of a user may arrive at once.
const MAX_AT_ONCE: usize = 4;
/// Beyond so many subjects, those that uploaded nothing for a day are forgotten.
const MANY_SUBJECTS: usize = 10_000;
const MIB: u64 = 1024 * 1024;

/// Why an upload is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QuotaError {
    /// Too many uploads of the user arrive at once.
    #[error("too many uploads at once")]
    TooMany,
    /// The file alone is larger than what may be uploaded in a day: it is never taken.
    #[error("the file is larger than the daily limit")]
    TooLarge {
        /// Whose limit it is.
        counted: Counted,
        /// How many bytes may be uploaded in a day.
        limit: u64,
    },
    /// With this file, it would be too many bytes in a day.
    #[error("too much was uploaded in the last day")]
    Full {
        /// Whose limit it is.
        counted: Counted,
        /// How many bytes may be uploaded in a day.
        limit: u64,
        /// Seconds until there is room for this file.
        retry_after: u64,
    },
}

/// Whose uploads are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Those of the user.
    User,
    /// Those of all guests of the address.
    GuestsOfAddress,
}

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    User(UserId),
    Address(IpAddr),
}

impl From<Subject> for Counted {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::User(_) => Self::User,
            Subject::Address(_) => Self::GuestsOfAddress,
        }
    }
}

/// What a subject uploaded.
#[derive(Debug, Default)]
struct Used {
    /// Uploads of the last day, the oldest first: when they ended, and their bytes.
    past: Vec<(Instant, u64)>,
    /// Bytes of uploads that arrive.
    reserved: u64,
    /// How many uploads arrive.
    running: usize,
}

impl Used {
    fn bytes(&mut self, now: Instant) -> u64 {
        self.past.retain(|(at, _)| now.duration_since(*at) < DAY);
        self.past.iter().map(|(_, bytes)| bytes).sum::<u64>() + self.reserved
    }

    /// Seconds until so many bytes no longer count. What arrives now may count for a whole day.
    fn retry_after(&self, excess: u64, now: Instant) -> u64 {
        let mut freed = 0;
        let enough = self.past.iter().find(|(_, bytes)| {
            freed += bytes;
            freed >= excess
        });
        enough.map_or(DAY, |(at, _)| DAY.saturating_sub(now.duration_since(*at))).as_secs().max(1)
    }
}

/// The limits, and what was uploaded.
pub struct Quota {
    /// The limits of members, guests and addresses; `None` if they are switched off.
    limits: Option<[u64; 3]>,
    used: Arc<Mutex<HashMap<Subject, Used>>>,
}

impl Quota {
    /// The limits of the settings.
    pub fn new(config: &Config) -> Self {
        let files = &config.files;
        let limits = [
            files.member_upload_mib_per_day,
            files.guest_upload_mib_per_day,
            files.address_upload_mib_per_day,
        ];
        let limits = limits.map(|mib| u64::from(mib) * MIB);
        Self { limits: (config.rate_limits == Switch::On).then_some(limits), used: Arc::default() }
    }

    /// How many bytes a member and a guest may upload in a day; `None` if the limits are switched off.
    pub fn daily_bytes(&self) -> Option<[u64; 2]> {
        self.limits.map(|[member, guest, of_address]| [member, guest.min(of_address)])
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// [`QuotaError::TooMany`].
    pub fn begin(&self, user: UserId, kind: UserKind, address: IpAddr) -> Result<Reservation, QuotaError> {
        let user = Subject::User(user);
        let limits = match self.limits {
            None => Vec::new(),
            Some([_, guest, of_address]) if kind == UserKind::Guest => {
                vec![(user, guest), (Subject::Address(address), of_address)]
            }
            Some([member, ..]) => vec![(user, member)],
        };
        let mut used = lock(&self.used);
        if used.len() > MANY_SUBJECTS {
            let now = Instant::now();
            used.retain(|_, used| used.running > 0 || used.bytes(now) > 0);
        }
        if !limits.is_empty() && used.get(&user).is_some_and(|used| used.running >= MAX_AT_ONCE) {
            return Err(QuotaError::TooMany);
        }
        for (subject, _) in &limits {
            used.entry(*subject).or_default().running += 1;
        }
        Ok(Reservation { used: self.used.clone(), limits, bytes: 0 })
    }
}

fn lock(used: &Mutex<HashMap<Subject, Used>>) -> MutexGuard<'_, HashMap<Subject, Used>> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes of an upload that arrives. They are given back when it is dropped, unless it is kept.
pub struct Reservation {
    used: Arc<Mutex<HashMap<Subject, Used>>>,
    limits: Vec<(Subject, u64)>,
    bytes: u64,
}

impl Reservation {
    /// Reserves bytes, up to this number in total.
    ///
    /// # Errors
    /// If the user or the address would exceed the limit.
    pub fn reserve(&mut self, total: u64) -> Result<(), QuotaError> {
        let Some(more) = total.checked_sub(self.bytes).filter(|more| *more > 0) else { return Ok(()) };
        let now = Instant::now();
        let mut used = lock(&self.used);
        for (subject, limit) in &self.limits {
            let used = used.entry(*subject).or_default();
            let (counted, limit) = (Counted::from(*subject), *limit);
            if total > limit {
                return Err(QuotaError::TooLarge { counted, limit });
            }
            let excess = (used.bytes(now) + more).saturating_sub(limit);
            if excess > 0 {
                let retry_after = used.retry_after(excess, now);
                return Err(QuotaError::Full { counted, limit, retry_after });
            }
        }
        for (subject, _) in &self.limits {
            used.entry(*subject).or_default().reserved += more;
        }
        self.bytes = total;
        Ok(())
    }

    /// Counts the bytes for a day: the upload is stored.
    pub fn keep(self) {
        let now = Instant::now();
        let mut used = lock(&self.used);
        for (subject, _) in &self.limits {
            used.entry(*subject).or_default().past.push((now, self.bytes));
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut used = lock(&self.used);
        for (subject, _) in &self.limits {
            if let Some(used) = used.get_mut(subject) {
                used.reserved = used.reserved.saturating_sub(self.bytes);
                used.running = used.running.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use clap::Parser;
    use uuid::Uuid;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn quota() -> Quota {
        let daily = ["--guest-upload-mib-per-day", "2", "--address-upload-mib-per-day", "3"];
        Quota::new(&Config::parse_from(["parlance"].iter().chain(&daily)))
    }

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    #[test]
    fn a_failed_upload_gives_its_bytes_back_and_a_stored_one_counts() {
        let quota = quota();
        let mut failed = quota.begin(user(1), UserKind::Guest, HERE).unwrap();
        failed.reserve(2 * MIB).unwrap();
        let mut second = quota.begin(user(1), UserKind::Guest, HERE).unwrap();
        assert!(matches!(second.reserve(1), Err(QuotaError::Full { counted: Counted::User, .. })));
        drop(failed);
        second.reserve(2 * MIB).unwrap();
        second.keep();
        let mut third = quota.begin(user(1), UserKind::Guest, HERE).unwrap();
        let refused = third.reserve(1).unwrap_err();
        assert!(matches!(refused, QuotaError::Full { retry_after: 86_000..=86_400, .. }), "{refused:?}");
    }

    #[test]
    fn a_file_that_is_larger_than_a_days_limit_is_told_so() {
        let quota = quota();
        let mut upload = quota.begin(user(1), UserKind::Guest, HERE).unwrap();
        let too_large = QuotaError::TooLarge { counted: Counted::User, limit: 2 * MIB };
        assert_eq!(upload.reserve(2 * MIB + 1), Err(too_large));
        upload.reserve(2 * MIB).unwrap();
        upload.keep();
        let mut another = quota.begin(user(1), UserKind::Guest, HERE).unwrap();
        assert_eq!(another.reserve(2 * MIB + 1), Err(too_large), "not that it may succeed tomorrow");
        assert_eq!(quota.daily_bytes(), Some([100 * MIB, 2 * MIB]));
    }

    #[test]
    fn there_is_room_again_when_enough_bytes_no_longer_count() {
        let now = Instant::now() + DAY;
        let hours_ago = |hours: u64| now - Duration::from_secs(hours * 3_600);
        let used = Used { past: vec![(hours_ago(20), 10), (hours_ago(5), 10)], reserved: 5, running: 1 };
        let hours = |excess| used.retry_after(excess, now) / 3_600;
        assert_eq!([hours(1), hours(10), hours(11), hours(20), hours(21)], [4, 4, 19, 19, 24]);
    }

    #[test]
    fn guests_share_the_limit_of_their_address_and_members_have_none() {
        let quota = quota();
        for (number, bytes) in [(1, 2 * MIB), (2, MIB)] {
            let mut upload = quota.begin(user(number), UserKind::Guest, HERE).unwrap();
            upload.reserve(bytes).unwrap();
            upload.keep();
        }
        let mut guest = quota.begin(user(3), UserKind::Guest, HERE).unwrap();
        assert!(matches!(guest.reserve(1), Err(QuotaError::Full { counted: Counted::GuestsOfAddress, .. })));
        let mut member = quota.begin(user(4), UserKind::Member, HERE).unwrap();
        member.reserve(50 * MIB).unwrap();
    }

    #[test]
    fn four_uploads_of_a_user_arrive_at_once() {
        let quota = quota();
        let begin = || quota.begin(user(1), UserKind::Member, HERE);
        let running: Vec<_> = (0..4).map(|_| begin().unwrap()).collect();
        assert_eq!(begin().err(), Some(QuotaError::TooMany));
        drop(running);
        assert!(begin().is_ok());
    }
}
