//! Hashing and comparing passwords: Argon2id (RFC 9106) on threads of its own, because each takes tens of milliseconds
//! and 19 MiB.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use icu_normalizer::ComposingNormalizer;
use shared::text::{Invalid, InvalidCode};
use shared::users::{Password, Username};
use thiserror::Error;
use tokio::time::timeout;

use crate::db::name_key::name_key;
use crate::threads::{FreeThread, Threads};

/// How long a request waits for a thread and its hash.
const WAIT: Duration = Duration::from_secs(5);
/// How many requests of an address may wait for a thread.
const MAX_WAITING_PER_ADDRESS: usize = 2;
/// The most common passwords of eight characters or more, in lower case, most common first.
const COMMON: &str = include_str!("common_passwords.txt");
/// A hash of nothing that anybody knows. It is compared with where there is no hash, so that this takes as long.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$cGFybGFuY2UtZHVtbXk$6BJ3gMiJ/dGXoyyfhzn1eIGiL0pEzc9fn0GQaoe7k1c";

/// Passwords cannot be hashed or compared now.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// Too many requests wait for it.
    #[error("too many passwords are being checked")]
    Busy,
    /// The hash could not be computed, or the stored hash is damaged.
    #[error("{0}")]
    Failed(argon2::password_hash::Error),
}

/// The result of work on passwords.
pub type PasswordResult<T> = Result<T, PasswordError>;

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is another password.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, and its hash has weaker parameters than new ones.
    RightButWeak,
}

/// The threads that hash.
pub struct Passwords {
    threads: Threads,
    waiting: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Passwords {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the operating system refuses a thread.
    pub fn start() -> std::io::Result<Self> {
        Ok(Self { threads: Threads::start("password")?, waiting: Arc::default() })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] if it would take too long.
    pub async fn hash(&self, address: IpAddr, password: &Password) -> PasswordResult<String> {
        let password = normalized(password.as_str());
        self.run(address, move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash: PasswordHash| hash.to_string()).map_err(PasswordError::Failed)
        })
        .await
    }

    /// Compares a password with a stored hash. Without a hash it takes as long and is wrong.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] if it would take too long.
    pub async fn compare(
        &self,
        address: IpAddr,
        password: &Password,
        hash: Option<String>,
    ) -> PasswordResult<Comparison> {
        let password = normalized(password.as_str());
        // No stored hash belongs to a longer password.
        let hash = hash.filter(|_| password.chars().count() <= Password::LENGTH.max);
        let password = if hash.is_some() { password } else { String::new() };
        self.run(address, move || {
            let Some(hash) = hash else {
                // It is never right: nobody knows its password.
                let _ = compare(&password, DUMMY_HASH);
                return Ok(Comparison::Wrong);
            };
            compare(&password, &hash).map_err(PasswordError::Failed)
        })
        .await
    }

    async fn run<T, F>(&self, address: IpAddr, work: F) -> PasswordResult<T>
    where
        T: Send + 'static,
        F: FnOnce() -> PasswordResult<T> + Send + 'static,
    {
        let finished = async {
            let thread = self.thread(address).await?;
            self.threads.run(thread, work).await.map_err(|_| PasswordError::Busy)?
        };
        timeout(WAIT, finished).await.unwrap_or(Err(PasswordError::Busy))
    }

    /// Waits for a free thread.
    async fn thread(&self, address: IpAddr) -> PasswordResult<FreeThread> {
        if let Ok(thread) = self.threads.try_acquire() {
            return Ok(thread);
        }
        let _waiting = Waiting::enter(&self.waiting, address).ok_or(PasswordError::Busy)?;
        self.threads.acquire().await.map_err(|_| PasswordError::Busy)
    }
}

/// A request that waits for a thread.
struct Waiting {
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Waiting {
    /// Counts a request; `None` if too many of the address wait.
    fn enter(counts: &Arc<Mutex<HashMap<IpAddr, usize>>>, address: IpAddr) -> Option<Self> {
        let mut locked = lock(counts);
        let count = locked.entry(address).or_default();
        if *count >= MAX_WAITING_PER_ADDRESS {
            return None;
        }
        *count += 1;
        drop(locked);
        Some(Self { counts: counts.clone(), address })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

fn lock(counts: &Mutex<HashMap<IpAddr, usize>>) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same password may be typed in several encodings (RFC 8265, section 4.2.2).
fn normalized(password: &str) -> String {
    ComposingNormalizer::new_nfc().normalize(password).into_owned()
}

/// Validates a new password in its normal form, so that its length does not depend on the keyboard.
///
/// # Errors
/// Those of [`Password::parse_new`].
pub fn parse_new(text: &str) -> Result<Password, Invalid> {
    Password::parse_new(&normalized(text))
}

fn compare(password: &str, hash: &str) -> Result<Comparison, argon2::password_hash::Error> {
    let hash = PasswordHash::new(hash)?;
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => {
            let now = Params::default();
            let then = Params::try_from(&hash)?;
            let is_weak = then.m_cost() < now.m_cost() || then.t_cost() < now.t_cost();
            Ok(if is_weak { Comparison::RightButWeak } else { Comparison::Right })
        }
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Comparison::Wrong),
        Err(error) => Err(error),
    }
}

/// Refuses a new password that is common, or the user's name.
///
/// # Errors
/// [`InvalidCode::TooCommon`].
pub fn check_new(password: &Password, username: &Username) -> Result<(), Invalid> {
    static KNOWN: LazyLock<std::collections::HashSet<&str>> = LazyLock::new(|| COMMON.lines().collect());
    let lower = normalized(password.as_str()).to_lowercase();
    if KNOWN.contains(lower.as_str()) {
        return Err(Invalid::new(
            InvalidCode::TooCommon,
            "Many people use this password. Choose another one.",
        ));
    }
    if name_key(password.as_str()) == name_key(username.as_str()) {
        return Err(Invalid::new(InvalidCode::TooCommon, "Your name is no password."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn password(text: &str) -> Password {
        Password::to_compare(text)
    }

    #[tokio::test]
    async fn a_password_is_hashed_by_argon2id_and_found_again() {
        let passwords = Passwords::start().unwrap();
        let hash = passwords.hash(HERE, &password("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let compare = async |text: &str| passwords.compare(HERE, &password(text), Some(hash.clone())).await;
        assert_eq!(compare("correct horse").await.unwrap(), Comparison::Right);
        assert_eq!(compare("Correct horse").await.unwrap(), Comparison::Wrong);
        assert_eq!(passwords.compare(HERE, &password("any"), None).await.unwrap(), Comparison::Wrong);
    }

    #[tokio::test]
    async fn the_encoding_of_a_password_does_not_matter() {
        let passwords = Passwords::start().unwrap();
        let hash = passwords.hash(HERE, &password("caf\u{e9} noir")).await.unwrap();
        let decomposed = password("cafe\u{301} noir");
        assert_eq!(passwords.compare(HERE, &decomposed, Some(hash)).await.unwrap(), Comparison::Right);
    }

    #[tokio::test]
    async fn a_hash_with_weaker_parameters_is_recognised() {
        let passwords = Passwords::start().unwrap();
        let weak = Argon2::from(Params::new(8, 1, 1, None).unwrap());
        let hash: PasswordHash = weak.hash_password(b"correct horse").unwrap();
        let found = passwords.compare(HERE, &password("correct horse"), Some(hash.to_string())).await;
        assert_eq!(found.unwrap(), Comparison::RightButWeak);
    }

    #[test]
    fn the_dummy_hash_is_whole() {
        assert_eq!(compare("", DUMMY_HASH).unwrap(), Comparison::Wrong);
    }

    #[test]
    fn two_requests_of_an_address_may_wait() {
        let counts = Arc::default();
        let first = Waiting::enter(&counts, HERE);
        let second = Waiting::enter(&counts, HERE);
        assert!(first.is_some() && second.is_some());
        assert!(Waiting::enter(&counts, HERE).is_none());
        drop(first);
        assert!(Waiting::enter(&counts, HERE).is_some());
    }

    #[test]
    fn common_passwords_and_the_own_name_are_refused() {
        let grace = Username::from_stored("Grace Hopper".to_owned());
        for text in ["password", "PassWord", "12345678", "grace hopper", "GRACE HOPPER"] {
            assert_eq!(
                check_new(&password(text), &grace).unwrap_err().code,
                InvalidCode::TooCommon,
                "{text}"
            );
        }
        assert!(check_new(&password("correct horse"), &grace).is_ok());
        assert_eq!(COMMON.lines().count(), 3_000);
    }
}
