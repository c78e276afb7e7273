//! The errors of the private Postgres, and of client programs.

use std::io;
use std::path::PathBuf;

/// Why the private Postgres does not start. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No Postgres is installed.
    #[error(
        "No Postgres programs were found on this machine: install them (Debian and Ubuntu: `apt-get install \
         postgresql`, Fedora: `dnf install postgresql-server`), name their directory with \
         --postgres-bin-dir, or set DATABASE_URL to an existing database."
    )]
    NoPrograms,
    /// The configured directory contains no Postgres.
    #[error(
        "The directory {} does not contain `initdb` and `postgres`: correct --postgres-bin-dir, or omit it to search \
         the default directories.", .0.display()
    )]
    NoProgramsIn(PathBuf),
    /// A program exists but cannot be run.
    #[error(
        "The program {} cannot be run ({reason}): repair the installation of Postgres, or name another one with \
         --postgres-bin-dir.", .program.display()
    )]
    Program {
        /// The program.
        program: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// The cluster belongs to another major version.
    #[error(
        "The database in {} was created by Postgres {cluster}, which is not installed (found: {found}): install \
         Postgres {cluster} (Debian: `apt-get install postgresql-{cluster}`), or choose another directory with \
         --data-dir or PARLANCE_DATA_DIR.", .directory.display()
    )]
    OtherMajor {
        /// The directory of the cluster.
        directory: PathBuf,
        /// Its major version.
        cluster: u32,
        /// The major versions that are installed.
        found: String,
    },
    /// The data directory cannot be used.
    #[error(
        "The directory {} cannot be written ({reason}): make it writable for the account that runs Parlance, or \
         choose another with --data-dir or PARLANCE_DATA_DIR.", .directory.display()
    )]
    NotWritable {
        /// The directory or file.
        directory: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// The account that runs Postgres cannot enter the data directory.
    #[error(
        "Postgres refuses to run as root, and the account `{account}`, which runs it instead, cannot enter {}: choose \
         a directory that this account can enter, such as /var/lib/parlance, with --data-dir or PARLANCE_DATA_DIR.",
        .directory.display()
    )]
    Unreachable {
        /// The directory.
        directory: PathBuf,
        /// The account's name.
        account: String,
    },
    /// There is no unprivileged account to run Postgres.
    #[error(
        "Postgres refuses to run as root, and this machine has neither an account `postgres` nor `nobody` to run it: \
         start Parlance as an ordinary user, or set DATABASE_URL."
    )]
    NoAccount,
    /// The user database cannot be read.
    #[error(
        "Postgres refuses to run as root, and the accounts of this machine cannot be looked up ({0}): start Parlance as \
         an ordinary user, or set DATABASE_URL."
    )]
    AccountLookup(io::Error),
    /// No server has ever run in the data directory.
    #[error("There is no data of a server in {}. Name its directory with --data-dir, or start the server once.", .0.display())]
    NoData(PathBuf),
    /// There is a cluster where none must be.
    #[error(
        "There is data of a server in {}: choose an empty directory with --data-dir or PARLANCE_DATA_DIR.", .0.display()
    )]
    HasData(PathBuf),
    /// Another server has locked the data directory.
    #[error(
        "Another Parlance is using the directory {}: stop it, or choose another directory with --data-dir or \
         PARLANCE_DATA_DIR.", .0.display()
    )]
    InUse(PathBuf),
    /// No directory for the socket is usable.
    #[error(
        "The Unix socket of Postgres cannot be in {}, because the path is too long or the directory belongs to another \
         account: choose a data directory with a shorter path with --data-dir or PARLANCE_DATA_DIR.", .0.display()
    )]
    SocketPath(PathBuf),
    /// `initdb` failed.
    #[error("Postgres could not create its database in {}: {output}.", .directory.display())]
    Create {
        /// The directory of the cluster.
        directory: PathBuf,
        /// The last lines of its output.
        output: String,
    },
    /// `postgres` ended before it accepted connections.
    #[error("Postgres does not start. Its log ({}) ends with: {output}.", .log.display())]
    Start {
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        output: String,
    },
}

/// Why a client program failed. Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// None is installed that fits the server.
    #[error(
        "`pg_dump` and `pg_restore` of Postgres {server} or newer were not found (found: {}): install them (Debian and \
         Ubuntu: `apt-get install postgresql-client-{server}`, Fedora: `dnf install postgresql`), or name their directory \
         with --postgres-bin-dir.", if .found.is_empty() { "none" } else { found }
    )]
    NoPrograms {
        /// The major version of the server.
        server: u32,
        /// The major versions that are installed.
        found: String,
    },
    /// A program exists but cannot be run.
    #[error(
        "The program {} cannot be run ({reason}): repair the installation of Postgres, or name another one with \
         --postgres-bin-dir.", .program.display()
    )]
    Program {
        /// The program.
        program: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// It ended with an error.
    #[error("`{program}` failed: {said}.")]
    Failed {
        /// Its name.
        program: &'static str,
        /// The last lines of what it said.
        said: String,
    },
}

/// The last lines of an output, joined to one.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let tail = lines[lines.len().saturating_sub(count)..].join(" | ");
    if tail.is_empty() { "nothing".to_owned() } else { tail.trim_end_matches('.').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_an_output_are_joined_to_one() {
        assert_eq!(last_lines("a\nb\n\nc.\n", 2), "b | c");
        assert_eq!(last_lines("\n", 2), "nothing");
    }
}
