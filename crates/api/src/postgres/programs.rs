//! Finding the installed programs of Postgres.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::ClusterError;

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
        None => default_bin_dirs(),
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
        let major = major_version(&bin_dir.join("postgres"))?;
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

/// The directories where distributions install the programs, in the order in which they are tried.
fn default_bin_dirs() -> Vec<PathBuf> {
    let mut bin_dirs: Vec<PathBuf> = bin_dir_on_path().into_iter().collect();
    // Debian and Ubuntu; the Postgres project's packages for Red Hat.
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        bin_dirs.extend(newest_first(Path::new(parent), prefix).into_iter().map(|dir| dir.join("bin")));
    }
    bin_dirs.push(PathBuf::from("/usr/local/pgsql/bin"));
    bin_dirs
}

/// The directory of the `postgres` on the search path. The shell looks it up: only `config.rs` reads the environment.
fn bin_dir_on_path() -> Option<PathBuf> {
    let output = Command::new("sh").args(["-c", "command -v postgres"]).output().ok()?;
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

fn major_version(program: &Path) -> Result<Option<u32>, ClusterError> {
    let output = Command::new(program)
        .arg("-V")
        .output()
        .map_err(|reason| ClusterError::Program { program: program.to_owned(), reason })?;
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
