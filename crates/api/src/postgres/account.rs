//! Whom Postgres runs as: ourselves, or, as it refuses to run as root, an account without rights.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::ClusterError;

/// A user and group that owns the cluster and runs its programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
    /// Whether we are root and lend the programs this account.
    lent: bool,
}

impl Account {
    /// Ourselves; as root the cluster's owner if there is one, else `postgres`, else `nobody`.
    pub(super) fn choose(cluster_owner: Option<(u32, u32)>) -> Result<Self, ClusterError> {
        let (uid, gid) = ourselves();
        if uid != 0 {
            return Ok(Self { name: "this account".to_owned(), uid, gid, lent: false });
        }
        if let Some((uid, gid)) = cluster_owner.filter(|(uid, _)| *uid != 0) {
            return Ok(Self { name: format!("with the id {uid}"), uid, gid, lent: true });
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| find_in_passwd(&passwd, name))
            .ok_or(ClusterError::NoAccount)
    }

    /// Its name, for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a file or folder is the account's.
    pub(super) fn owns(&self, metadata: &fs::Metadata) -> bool {
        metadata.uid() == self.uid
    }

    /// Whether a file or folder is our own and still to be given.
    pub(super) fn may_be_given(&self, metadata: &fs::Metadata) -> bool {
        self.lent && metadata.uid() == ourselves().0
    }

    /// Gives the account a file or folder that we made.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        if self.lent { chown(path, Some(self.uid), Some(self.gid)) } else { Ok(()) }
    }

    /// Whether the account can get into a folder.
    pub(super) fn can_enter(&self, directory: &Path) -> bool {
        if !self.lent {
            return true;
        }
        let entered =
            self.command("sh").args(["-c", "cd -- \"$0\""]).arg(directory).stderr(Stdio::null()).status();
        entered.is_ok_and(|status| status.success())
    }

    /// A program that will run as the account: with nothing of our environment, and in a process group of its own,
    /// so that a Ctrl-C meant for the server does not stop Postgres under it.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
        command.current_dir("/").process_group(0).stdin(Stdio::null()).stdout(Stdio::null());
        if self.lent {
            command.gid(self.gid).uid(self.uid);
        }
        command
    }
}

/// Our own user and group; std has no call for it, but the kernel shows it as the owner of our `/proc` entry.
fn ourselves() -> (u32, u32) {
    fs::metadata("/proc/self").map_or((u32::MAX, u32::MAX), |metadata| (metadata.uid(), metadata.gid()))
}

/// An account's line of `/etc/passwd`: `name:password:uid:gid:…`.
fn find_in_passwd(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { name: name.to_owned(), uid, gid, lent: true })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\n\
        # a comment\n\
        postgresql:x:7:7::/:/bin/sh\n\
        broken:x\n\
        postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash\n";

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let account = find_in_passwd(PASSWD, "postgres").expect("it is there");
        assert_eq!((account.uid, account.gid), (101, 104));
    }

    #[test]
    fn a_broken_or_missing_line_is_no_account() {
        assert_eq!(find_in_passwd(PASSWD, "broken"), None);
        assert_eq!(find_in_passwd(PASSWD, "nobody"), None);
    }
}
