//! A file that is there as a whole or not at all, and never in place of another.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags, linkat, open, renameat_with};
use rustix::io::Errno;

/// Only its owner may read it: a backup has the hashes of passwords.
const MODE: u32 = 0o600;

/// A file that has no name yet. Dropping it leaves nothing behind.
#[derive(Debug)]
pub(super) struct Output {
    file: File,
    path: PathBuf,
    /// The name that it has instead, where the file system has no files without names.
    partial: Option<PathBuf>,
}

impl Output {
    /// Begins the file.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        if let Ok(file) = open(directory_of(path), flags, Mode::from_raw_mode(MODE)) {
            return Ok(Self { file: file.into(), path: path.to_owned(), partial: None });
        }
        // Network file systems have no such files.
        let mut partial = path.as_os_str().to_owned();
        partial.push(format!(".{}.partial", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&partial)?;
        Ok(Self { file, path: path.to_owned(), partial: Some(partial.into()) })
    }

    /// Where to write.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, once it is on disk.
    pub(super) fn publish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        match &self.partial {
            None => {
                let unnamed = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                linkat(CWD, unnamed, CWD, &self.path, AtFlags::SYMLINK_FOLLOW)?;
            }
            Some(partial) => match renameat_with(CWD, partial, CWD, &self.path, RenameFlags::NOREPLACE) {
                // Not every file system can refuse to replace a file: it was not there at the beginning.
                Err(Errno::INVAL | Errno::NOSYS) => fs::rename(partial, &self.path)?,
                renamed => renamed?,
            },
        }
        self.partial = None;
        File::open(directory_of(&self.path))?.sync_all()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            let _ = fs::remove_file(partial);
        }
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("parlance-output-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_complete() {
        let folder = folder("whole");
        let path = folder.join("it's a \"backup\".tar");
        let output = Output::create(&path).unwrap();
        output.file().write_all(b"half").unwrap();
        drop(output);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

        let output = Output::create(&path).unwrap();
        output.file().write_all(b"whole").unwrap();
        output.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn no_file_is_replaced() {
        let folder = folder("kept");
        let path = folder.join("backup.tar");
        let partial = folder.join("backup.tar.partial");
        let named = |file: File| Output { file, path: path.clone(), partial: Some(partial.clone()) };
        let outputs = [Output::create(&path).unwrap(), named(File::create(&partial).unwrap())];
        fs::write(&path, "theirs").unwrap();
        for error in outputs.map(|output| output.publish().unwrap_err()) {
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(Output::create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
