//! The file of a backup, a tar:
//!
//! ```text
//! manifest.json         what it is
//! files/<name> …        the bytes of uploaded files, by the name that the store has for them
//! database/00000000 …   the output of pg_dump, in parts, because a tar has the size of a file before its bytes
//! end.json              the hash of all that comes before; without it, the backup is incomplete
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::error::BackupError;
use crate::files::key;

/// The version of this format.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "database/";
const FILES: &str = "files/";
const END: &str = "end.json";
/// How many bytes of a dump are one part.
const PART_BYTES: usize = 4 * 1024 * 1024;
/// A manifest has no more bytes.
const MAX_JSON_BYTES: u64 = 64 * 1024;

/// What a backup is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    /// The version of the program that wrote it.
    pub(super) server_version: String,
    /// The latest migration of the database.
    pub(super) schema: String,
    /// The moment that it shows.
    pub(super) created_at: DateTime<Utc>,
}

impl Manifest {
    pub(super) fn new(server_version: &str, schema: String, created_at: DateTime<Utc>) -> Self {
        Self { format: FORMAT, server_version: server_version.to_owned(), schema, created_at }
    }
}

/// Of a manifest, what all formats have.
#[derive(Deserialize)]
struct AnyManifest {
    format: u32,
    server_version: String,
}

#[derive(Serialize, Deserialize)]
struct End {
    sha256: String,
}

/// Writes a backup.
pub(super) struct Writer<W: Write> {
    tar: Builder<W>,
    hash: Sha256,
    time: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn begin(output: W, manifest: &Manifest) -> io::Result<Self> {
        let time = manifest.created_at.timestamp().unsigned_abs();
        let mut writer = Self { tar: Builder::new(output), hash: Sha256::new(), time };
        let json = serde_json::to_vec_pretty(manifest)?;
        writer.append(MANIFEST, json.len() as u64, &json[..])?;
        Ok(writer)
    }

    /// Writes a dump, until its end.
    pub(super) fn dump(&mut self, dump: impl Read) -> io::Result<()> {
        let mut dump = dump;
        let mut part = Vec::with_capacity(PART_BYTES);
        for number in 0_u32.. {
            part.clear();
            dump.by_ref().take(PART_BYTES as u64).read_to_end(&mut part)?;
            if part.is_empty() {
                break;
            }
            self.append(&format!("{DATABASE}{number:08}"), part.len() as u64, &part[..])?;
        }
        Ok(())
    }

    /// Writes a file. It fails if there are less bytes than the size.
    pub(super) fn file(&mut self, name: &str, size: u64, bytes: impl Read) -> io::Result<()> {
        self.append(&format!("{FILES}{name}"), size, bytes)
    }

    /// Writes the end, after which the backup is complete.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let json = serde_json::to_vec(&End { sha256: hex(&self.hash.clone().finalize()) })?;
        self.append(END, json.len() as u64, &json[..])?;
        self.tar.into_inner()
    }

    fn append(&mut self, path: &str, size: u64, bytes: impl Read) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_path(path)?;
        header.set_entry_type(EntryType::Regular);
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(self.time);
        header.set_cksum();
        begin_hash(&mut self.hash, path, size);
        let mut hashed = Hashed { bytes, hash: &mut self.hash, left: size };
        self.tar.append(&header, &mut hashed)?;
        if hashed.left > 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// A part of a backup. What is not read of it is skipped.
pub(super) enum Part<'a> {
    /// The first part.
    Manifest(&'a Manifest),
    /// The next bytes of the dump.
    Dump(&'a mut dyn Read),
    /// A file, by the name that the store has for it.
    File(&'a str, &'a mut dyn Read),
}

/// Reads a backup, part for part. Only when this succeeds is it known to be complete and undamaged.
pub(super) fn read(
    file: &Path,
    input: impl Read,
    mut visit: impl FnMut(Part<'_>) -> Result<(), BackupError>,
) -> Result<Manifest, BackupError> {
    let damaged = || BackupError::Damaged(file.to_owned());
    let no_backup = || BackupError::NoBackup(file.to_owned());
    // An error of the operating system, or else of the format.
    let failed = |error: io::Error, of_format: BackupError| match error.raw_os_error() {
        Some(_) => BackupError::Read { file: file.to_owned(), reason: error },
        None => of_format,
    };
    let mut archive = Archive::new(input);
    let mut hash = Sha256::new();
    let mut manifest: Option<Manifest> = None;
    let mut parts = 0_u32;
    // Raw: there are no long names, links or sparse files in a backup, and nothing here follows them.
    for entry in archive.entries().map_err(|error| failed(error, no_backup()))?.raw(true) {
        let of_format = || if manifest.is_none() { no_backup() } else { damaged() };
        let mut entry = entry.map_err(|error| failed(error, of_format()))?;
        let header = entry.header();
        let path = header.path_bytes();
        let path = std::str::from_utf8(&path).map_err(|_| of_format())?.to_owned();
        let size = header.entry_size().map_err(|_| of_format())?;
        if header.entry_type() != EntryType::Regular {
            return Err(of_format());
        }
        if path == END {
            let json = read_json(&mut entry, size).map_err(|error| failed(error, damaged()))?;
            let end: End = serde_json::from_slice(&json).map_err(|_| damaged())?;
            let is_whole = end.sha256 == hex(&hash.finalize()) && parts > 0;
            return manifest.filter(|_| is_whole).ok_or_else(damaged);
        }
        begin_hash(&mut hash, &path, size);
        let mut bytes = Hashed { bytes: entry, hash: &mut hash, left: size };
        match &manifest {
            None if path == MANIFEST => {
                let json = read_json(&mut bytes, size).map_err(|error| failed(error, no_backup()))?;
                let any: AnyManifest = serde_json::from_slice(&json).map_err(|_| no_backup())?;
                if any.format > FORMAT {
                    return Err(BackupError::Newer { file: file.to_owned(), version: any.server_version });
                }
                let read: Manifest = serde_json::from_slice(&json).map_err(|_| damaged())?;
                visit(Part::Manifest(&read))?;
                manifest = Some(read);
            }
            None => return Err(no_backup()),
            Some(_) if path == format!("{DATABASE}{parts:08}") => {
                parts += 1;
                visit(Part::Dump(&mut bytes))?;
            }
            Some(_) => {
                let name = path.strip_prefix(FILES).filter(|name| key::is_name(name)).ok_or_else(damaged)?;
                visit(Part::File(name, &mut bytes))?;
            }
        }
        io::copy(&mut bytes, &mut io::sink()).map_err(|error| failed(error, damaged()))?;
        if bytes.left > 0 {
            return Err(damaged());
        }
    }
    Err(if manifest.is_none() { no_backup() } else { damaged() })
}

fn read_json(bytes: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    let mut json = Vec::new();
    bytes.take(size.min(MAX_JSON_BYTES)).read_to_end(&mut json)?;
    Ok(json)
}

/// Bytes that are hashed while they are read.
struct Hashed<'a, R> {
    bytes: R,
    hash: &'a mut Sha256,
    /// How many are expected.
    left: u64,
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.bytes.read(&mut buffer[..wanted])?;
        self.hash.update(&buffer[..count]);
        self.left -= count as u64;
        Ok(count)
    }
}

fn begin_hash(hash: &mut Sha256, path: &str, size: u64) {
    hash.update(path);
    hash.update([0]);
    hash.update(size.to_be_bytes());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "fAAAAAAAAAAAAAAAAAAAAAAAA";

    fn manifest() -> Manifest {
        Manifest::new("1.2.3", "20261130000004".to_owned(), DateTime::UNIX_EPOCH)
    }

    fn written(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::begin(Vec::new(), &manifest()).unwrap();
        writer.dump(&vec![7; PART_BYTES + 1][..]).unwrap();
        for (name, bytes) in files {
            writer.file(name, bytes.len() as u64, *bytes).unwrap();
        }
        writer.finish().unwrap()
    }

    /// Names and bytes.
    type Files = Vec<(String, Vec<u8>)>;

    /// What is read of a backup: the length of the dump, and the files.
    fn contents(bytes: &[u8]) -> Result<(usize, Files), BackupError> {
        let (mut dump, mut files) = (Vec::new(), Vec::new());
        let read = read(Path::new("backup.tar"), bytes, |part| {
            match part {
                Part::Manifest(_) => {}
                Part::Dump(bytes) => drop(bytes.read_to_end(&mut dump).unwrap()),
                Part::File(name, bytes) => {
                    let mut file = Vec::new();
                    bytes.read_to_end(&mut file).unwrap();
                    files.push((name.to_owned(), file));
                }
            }
            Ok(())
        })?;
        assert_eq!(read, manifest());
        Ok((dump.len(), files))
    }

    #[test]
    fn what_was_written_is_read() {
        let large = vec![9; 100_000];
        let thumbnail = format!("{NAME}.800");
        let (dump, files) = contents(&written(&[(NAME, &large), (&thumbnail, b"")])).unwrap();
        assert_eq!(dump, PART_BYTES + 1);
        assert_eq!(files, [(NAME.to_owned(), large), (thumbnail, Vec::new())]);
    }

    #[test]
    fn a_backup_cut_off_anywhere_is_incomplete() {
        let bytes = written(&[(NAME, &[1; 700])]);
        // Up to the end of the hash: what follows is padding.
        let end = bytes.len() - 2 * 512 - 512 + 64;
        for length in (0..end).step_by(61).filter(|length| *length < 3_000 || *length > end - 3_000) {
            let error = contents(&bytes[..length]).unwrap_err();
            let expected = matches!(error, BackupError::Damaged(_) | BackupError::NoBackup(_));
            assert!(expected, "{length}: {error}");
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let bytes = written(&[(NAME, &[1; 700])]);
        let dump = 3 * 512 + 100;
        let file = bytes.len() - 6 * 512;
        for at in [dump, file] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(matches!(contents(&changed), Err(BackupError::Damaged(_))), "{at}");
        }
    }

    #[test]
    fn a_file_has_no_other_place_than_the_store() {
        for name in ["../../etc/passwd", "x", "", "..", "fAAAA/../AAAA"] {
            let mut writer = Writer::begin(Vec::new(), &manifest()).unwrap();
            writer.dump(&b"dump"[..]).unwrap();
            // The library refuses to write some of them itself.
            if writer.file(name, 1, &b"x"[..]).is_ok() {
                let bytes = writer.finish().unwrap();
                assert!(matches!(contents(&bytes), Err(BackupError::Damaged(_))), "{name}");
            }
        }
    }

    #[test]
    fn links_are_refused() {
        let mut tar = Builder::new(Writer::begin(Vec::new(), &manifest()).unwrap().tar.into_inner().unwrap());
        // The end of the first archive is cut off.
        tar.get_mut().truncate(1_024);
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, format!("{FILES}{NAME}"), "/etc/passwd").unwrap();
        assert!(matches!(contents(&tar.into_inner().unwrap()), Err(BackupError::Damaged(_))));
    }

    #[test]
    fn a_newer_format_is_told_from_garbage() {
        let newer = Manifest { format: FORMAT + 1, ..manifest() };
        let writer = Writer::begin(Vec::new(), &newer).unwrap();
        assert!(matches!(contents(&writer.finish().unwrap()), Err(BackupError::Newer { .. })));
        for garbage in [&b""[..], b"hello", &[0; 4_096], &[1; 4_096]] {
            assert!(matches!(contents(garbage), Err(BackupError::NoBackup(_))));
        }
    }

    #[test]
    fn a_file_that_is_shorter_than_its_size_is_not_written() {
        let mut writer = Writer::begin(Vec::new(), &manifest()).unwrap();
        assert!(writer.file(NAME, 10, &b"short"[..]).is_err());
    }
}
