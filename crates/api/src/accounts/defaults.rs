//! Who may sign up, who may come as a guest, and who is the first admin.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use shared::admin::{Guests, Registration};

use super::error::{AccountError, AccountResult};
use crate::config::Config;
use crate::db::{Conn, DbResult, settings, users};
use crate::sessions;

/// What holds while admins have not changed it.
#[derive(Clone)]
pub(super) struct Defaults {
    registration: Registration,
    guests: Guests,
    /// The secret with which the first admin signs up. `None` if the first account becomes the admin.
    setup: Option<String>,
}

impl Defaults {
    /// The defaults of a server with these settings. If it listens on loopback only, it needs no secret.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub(super) fn new(config: &Config) -> DbResult<Self> {
        let secret = sessions::new_secret()?;
        let is_local = config.address().ip().is_loopback();
        Ok(Self {
            registration: config.registration,
            guests: config.guests,
            setup: (!is_local).then_some(secret),
        })
    }

    /// The secret with which the first admin signs up; `None` if none is needed or the first admin was decided.
    pub(super) fn setup_secret(&self, conn: &mut Conn) -> DbResult<Option<String>> {
        let is_decided = settings::get(conn)?.first_admin_at.is_some();
        Ok(self.setup.clone().filter(|_| !is_decided))
    }

    /// Who may sign up.
    pub(super) fn registration(&self, conn: &mut Conn) -> AccountResult<Registration> {
        let stored = settings::get(conn)?.registration;
        let named = |name: String| Registration::ALL.into_iter().find(|known| known.name() == name);
        Ok(stored.and_then(named).unwrap_or(self.registration))
    }

    /// Who may come as a guest.
    pub(super) fn guests(&self, conn: &mut Conn) -> AccountResult<Guests> {
        let stored = settings::get(conn)?.guests;
        let named = |name: String| Guests::ALL.into_iter().find(|known| known.name() == name);
        Ok(stored.and_then(named).unwrap_or(self.guests))
    }

    /// Whether a new account can be the first admin: on loopback if it is the first account, elsewhere with the secret.
    pub(super) fn may_be_first_admin(&self, conn: &mut Conn, setup: Option<&str>) -> AccountResult<bool> {
        let may_be = match (&self.setup, setup) {
            (None, _) => !users::has_accounts(conn)?,
            (Some(_), None) => false,
            // Hashes, so that the time of the comparison tells nothing about the secret.
            (Some(secret), Some(setup)) => Sha256::digest(secret) == Sha256::digest(setup),
        };
        let may_be = may_be && settings::get(conn)?.first_admin_at.is_none();
        if setup.is_some() && !may_be {
            return Err(AccountError::InvalidSetup);
        }
        Ok(may_be)
    }

    /// Whether a new account is the first admin. It is decided once, also when several sign up at the same time.
    pub(super) fn claim_first_admin(
        &self,
        conn: &mut Conn,
        setup: Option<&str>,
        now: DateTime<Utc>,
    ) -> AccountResult<bool> {
        let is_first = self.may_be_first_admin(conn, setup)? && settings::claim_first_admin(conn, now)?;
        if setup.is_some() && !is_first {
            return Err(AccountError::InvalidSetup);
        }
        Ok(is_first)
    }
}
