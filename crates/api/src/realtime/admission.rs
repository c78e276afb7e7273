//! Limits of open connections: per user, per address and in total.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use shared::ids::UserId;

/// The maximal numbers of open connections.
#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    /// Per user.
    pub per_user: usize,
    /// Per address.
    pub per_address: usize,
    /// In total.
    pub total: usize,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The user has too many connections.
    User,
    /// The address has too many connections.
    Address,
    /// The server has too many connections.
    Server,
    /// The server is stopping.
    Draining,
}

/// Counts connections and refuses those beyond the limits.
#[derive(Debug)]
pub(super) struct Admission {
    limits: SocketLimits,
    total: usize,
    by_user: HashMap<UserId, usize>,
    by_address: HashMap<IpAddr, usize>,
    is_draining: bool,
}

impl Admission {
    pub(super) fn new(limits: SocketLimits) -> Self {
        Self { limits, total: 0, by_user: HashMap::new(), by_address: HashMap::new(), is_draining: false }
    }

    /// Counts a new connection.
    ///
    /// # Errors
    /// The limit that is reached, or [`Refusal::Draining`].
    pub(super) fn admit(&mut self, address: IpAddr, user: Option<UserId>) -> Result<(), Refusal> {
        if self.is_draining {
            return Err(Refusal::Draining);
        }
        if self.total >= self.limits.total {
            return Err(Refusal::Server);
        }
        if self.by_address.get(&address).is_some_and(|count| *count >= self.limits.per_address) {
            return Err(Refusal::Address);
        }
        if let Some(user) = user {
            self.admit_user(user)?;
        }
        self.total += 1;
        *self.by_address.entry(address).or_default() += 1;
        Ok(())
    }

    /// Counts an open connection for another user than before.
    ///
    /// # Errors
    /// If the new user has too many connections.
    pub(super) fn change_user(&mut self, before: Option<UserId>, now: UserId) -> Result<(), Refusal> {
        if before == Some(now) {
            return Ok(());
        }
        self.admit_user(now)?;
        if let Some(before) = before {
            release(&mut self.by_user, before);
        }
        Ok(())
    }

    /// Removes a connection from the counts.
    pub(super) fn release(&mut self, address: IpAddr, user: Option<UserId>) {
        self.total = self.total.saturating_sub(1);
        release(&mut self.by_address, address);
        if let Some(user) = user {
            release(&mut self.by_user, user);
        }
    }

    /// Refuses every connection from now on.
    pub(super) fn drain(&mut self) {
        self.is_draining = true;
    }

    fn admit_user(&mut self, user: UserId) -> Result<(), Refusal> {
        if self.by_user.get(&user).is_some_and(|count| *count >= self.limits.per_user) {
            return Err(Refusal::User);
        }
        *self.by_user.entry(user).or_default() += 1;
        Ok(())
    }
}

fn release<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use uuid::Uuid;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::BROADCAST);

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    #[test]
    fn each_limit_refuses_until_a_connection_is_released() {
        let mut admission = Admission::new(SocketLimits { per_user: 2, per_address: 3, total: 4 });
        assert_eq!(admission.admit(HERE, Some(user(1))), Ok(()));
        assert_eq!(admission.admit(HERE, Some(user(1))), Ok(()));
        assert_eq!(admission.admit(HERE, Some(user(1))), Err(Refusal::User));
        assert_eq!(admission.admit(HERE, None), Ok(()));
        assert_eq!(admission.admit(HERE, None), Err(Refusal::Address));
        assert_eq!(admission.admit(THERE, Some(user(2))), Ok(()));
        assert_eq!(admission.admit(THERE, None), Err(Refusal::Server));
        admission.release(HERE, Some(user(1)));
        assert_eq!(admission.admit(HERE, Some(user(1))), Ok(()));
        admission.drain();
        admission.release(THERE, Some(user(2)));
        assert_eq!(admission.admit(THERE, None), Err(Refusal::Draining));
    }

    #[test]
    fn a_connection_that_changes_its_user_counts_only_for_the_new_user() {
        let mut admission = Admission::new(SocketLimits { per_user: 1, per_address: 9, total: 9 });
        assert_eq!(admission.admit(HERE, None), Ok(()));
        assert_eq!(admission.change_user(None, user(1)), Ok(()));
        assert_eq!(admission.change_user(Some(user(1)), user(1)), Ok(()));
        assert_eq!(admission.admit(HERE, Some(user(1))), Err(Refusal::User));
        assert_eq!(admission.change_user(Some(user(1)), user(2)), Ok(()));
        assert_eq!(admission.admit(HERE, Some(user(1))), Ok(()));
        assert_eq!(admission.change_user(Some(user(1)), user(2)), Err(Refusal::User));
    }
}
