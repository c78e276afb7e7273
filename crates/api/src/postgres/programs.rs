//! Finding the installed programs of Postgres.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{ClientError, ClusterError};

/// One installation of Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Programs {
    /// The directory of `initdb` and `postgres`.
    pub(super) bin_dir: PathBuf,
}

/// The installation to use: the configured one, else the first in the default directories. An existing cluster needs an
/// installation of its own major version.
pub(super) fn find(
    setting: Option<&Path>,
    cluster_major: Option<u32>,
    cluster: &Path,
) -> Result<Programs, ClusterError> {
    let mut installed: Vec<PathBuf> = match setting {
        Some(bin_dir) => vec![bin_dir.to_owned()],
        None => default_bin_dirs("postgres"),
    };
    installed.retain(|bin_dir| bin_dir.join("postgres").is_file() && bin_dir.join("initdb").is_file());
    let Some(first) = installed.first() else {
        return Err(
            setting.map_or(ClusterError::NoPrograms, |dir| ClusterError::NoProgramsIn(dir.to_owned()))
        );
    };
    let Some(cluster_major) = cluster_major else {
        return Ok(Programs { bin_dir: first.clone() });
    };
    let mut found = Vec::new();
    for bin_dir in installed {
        let program = bin_dir.join("postgres");
        let major = major_version(&program).map_err(|reason| ClusterError::Program { program, reason })?;
        if major == Some(cluster_major) {
            return Ok(Programs { bin_dir });
        }
        found.extend(major.map(|major| major.to_string()));
    }
    found.dedup();
    Err(ClusterError::OtherMajor {
        directory: cluster.to_owned(),
        cluster: cluster_major,
        found: found.join(", "),
    })
}

/// The directory of the clients to use with a server of a major version: those of that version, else the oldest newer ones.
/// Clients of a newer version may write what the server does not understand, and older ones refuse it.
pub(super) fn find_clients(setting: Option<&Path>, server_major: u32) -> Result<PathBuf, ClientError> {
    let mut installed: Vec<PathBuf> = match setting {
        Some(bin_dir) => vec![bin_dir.to_owned()],
        None => default_bin_dirs("pg_dump"),
    };
    installed.retain(|bin_dir| bin_dir.join("pg_dump").is_file() && bin_dir.join("pg_restore").is_file());
    let mut found = Vec::new();
    for bin_dir in installed {
        let program = bin_dir.join("pg_dump");
        let major = major_version(&program).map_err(|reason| ClientError::Program { program, reason })?;
        found.extend(major.map(|major| (major, bin_dir)));
    }
    found.sort();
    let fitting = found.iter().find(|(major, _)| *major >= server_major);
    fitting.map(|(_, bin_dir)| bin_dir.clone()).ok_or_else(|| {
        let found: Vec<String> = found.iter().map(|(major, _)| major.to_string()).collect();
        ClientError::NoPrograms { server: server_major, found: found.join(", ") }
    })
}

/// The directories where distributions install the programs, in the order in which they are tried. That of a `program` on
/// the search path comes first.
fn default_bin_dirs(program: &str) -> Vec<PathBuf> {
    let mut bin_dirs: Vec<PathBuf> = bin_dir_on_path(program).into_iter().collect();
    // Debian and Ubuntu; the Postgres project's packages for Red Hat.
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        bin_dirs.extend(newest_first(Path::new(parent), prefix).into_iter().map(|dir| dir.join("bin")));
    }
    bin_dirs.push(PathBuf::from("/usr/local/pgsql/bin"));
    bin_dirs
}

/// The directory of a program on the search path. The shell looks it up: only `config.rs` reads the environment.
fn bin_dir_on_path(program: &str) -> Option<PathBuf> {
    let output = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output().ok()?;
    let program = String::from_utf8(output.stdout).ok()?;
    let program = fs::canonicalize(program.trim_end()).ok()?;
    program.parent().map(Path::to_owned)
}

/// The directories in `parent` whose names are `prefix` and a version number.
fn newest_first(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path()))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, path)| path).collect()
}

fn major_version(program: &Path) -> io::Result<Option<u32>> {
    let output = Command::new(program).arg("-V").output()?;
    Ok(parse_version(&String::from_utf8_lossy(&output.stdout)))
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian 15.18-1)` or `… 19beta1`.
fn parse_version(output: &str) -> Option<u32> {
    let version = output.split_once("(PostgreSQL) ")?.1;
    let digits = version.find(|character: char| !character.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_the_output_of_postgres() {
        assert_eq!(parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta1\n"), Some(19));
        assert_eq!(parse_version("postgres (PostgreSQL) 18"), Some(18));
        assert_eq!(parse_version("something else"), None);
    }
}
