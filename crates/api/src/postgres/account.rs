//! The account that Postgres runs as: the server's own, or an unprivileged one, as Postgres refuses to run as root.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User, getegid, geteuid};

use super::error::ClusterError;

/// The accounts to run Postgres as when the server runs as root, in order of preference.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// A user and group that owns the cluster and runs its programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    name: String,
    uid: Uid,
    gid: Gid,
    /// Whether the server runs as root and switches to this account for Postgres.
    switched: bool,
}

impl Account {
    /// The server's own account. For root: the cluster's owner if there is a cluster, else `postgres`, else `nobody`.
    pub(super) fn choose(cluster_owner: Option<(u32, u32)>) -> Result<Self, ClusterError> {
        if !geteuid().is_root() {
            return Ok(Self {
                name: "this account".to_owned(),
                uid: geteuid(),
                gid: getegid(),
                switched: false,
            });
        }
        let owner = cluster_owner.map(|(uid, gid)| (Uid::from_raw(uid), Gid::from_raw(gid)));
        if let Some((uid, gid)) = owner.filter(|(uid, _)| !uid.is_root()) {
            return Ok(Self { name: name_of(uid), uid, gid, switched: true });
        }
        for name in UNPRIVILEGED {
            let user =
                User::from_name(name).map_err(|error| ClusterError::AccountLookup(io::Error::from(error)))?;
            if let Some(user) = user {
                return Ok(Self { name: user.name, uid: user.uid, gid: user.gid, switched: true });
            }
        }
        Err(ClusterError::NoAccount)
    }

    /// Its name, for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a file or directory belongs to the account.
    pub(super) fn owns(&self, metadata: &fs::Metadata) -> bool {
        metadata.uid() == self.uid.as_raw()
    }

    /// Whether a file or directory belongs to the server's own account and has yet to be given to this one.
    pub(super) fn has_yet_to_own(&self, metadata: &fs::Metadata) -> bool {
        self.switched && metadata.uid() == geteuid().as_raw()
    }

    /// Makes the account the owner of a file or directory that the server created.
    pub(super) fn take_ownership(&self, path: &Path) -> io::Result<()> {
        if !self.switched {
            return Ok(());
        }
        chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
    }

    /// Whether the account may enter a directory. Only a process of the account can check this reliably.
    pub(super) fn can_enter(&self, directory: &Path) -> bool {
        if !self.switched {
            return true;
        }
        let entered =
            self.command("sh").args(["-c", "cd -- \"$0\""]).arg(directory).stderr(Stdio::null()).status();
        entered.is_ok_and(|status| status.success())
    }

    /// A command that runs as the account, with its own environment and process group: a Ctrl-C in the server's
    /// terminal must not stop Postgres before the server.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
        command.current_dir("/").process_group(0).stdin(Stdio::null()).stdout(Stdio::null());
        if self.switched {
            command.gid(self.gid.as_raw()).uid(self.uid.as_raw());
        }
        command
    }
}

/// The name of a user, or its number if it has none.
fn name_of(uid: Uid) -> String {
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_by_its_entry_in_the_user_database_or_by_its_number() {
        assert_eq!(name_of(Uid::from_raw(0)), "root");
        assert_eq!(name_of(Uid::from_raw(4_000_000_001)), "4000000001");
    }

    #[test]
    fn postgres_never_runs_as_root() {
        for owner in [None, Some((0, 0)), Some((4_000_000_001, 4_000_000_001))] {
            let account = Account::choose(owner).expect("there is an unprivileged account");
            assert!(!account.uid.is_root(), "{account:?}");
        }
    }

    #[test]
    fn an_existing_cluster_is_run_by_its_owner() {
        let account = Account::choose(Some((4_000_000_001, 4_000_000_002))).expect("it needs no entry");
        if geteuid().is_root() {
            assert_eq!((account.uid.as_raw(), account.gid.as_raw()), (4_000_000_001, 4_000_000_002));
        } else {
            assert_eq!(account.uid, geteuid());
        }
    }
}
