//! `parlance backup` and `parlance restore`.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use shared::events::ServerEvent;
use shared::ids::{Epoch, RoomId};
use shared::messages::Message;
use support::builders::{seqs, texts};
use support::client::TestClient;
use support::db::TestDb;
use support::files::png;
use support::socket::TestSocket;
use support::temp_dir::TempDir;
use support::wait::until;

use crate::migration::old_database;
use crate::program::{Program, command};

const MIB: usize = 1024 * 1024;
/// Names may have any characters.
const DATA: &str = "it's \"the data\" 100% é";
const BACKUP: &str = "it's \"a backup\", 100% é.tar";

/// A data directory, and a database if it has no private one.
struct Place {
    dir: TempDir,
    db: Option<TestDb>,
}

impl Place {
    fn private() -> Self {
        Self { dir: TempDir::new(), db: None }
    }

    fn over(db: TestDb) -> Self {
        Self { dir: TempDir::new(), db: Some(db) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn db(&self) -> &TestDb {
        self.db.as_ref().expect("a place with a database")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.arg("--data-dir").arg(self.path(DATA));
        if let Some(db) = &self.db {
            command.args(["--database-url", db.url()]);
        }
        command
    }

    fn server(&self) -> Command {
        self.command(&["--port", "0", "--rate-limits", "off"])
    }

    fn start(&self) -> Program {
        Program::start_command(&mut self.server())
    }

    fn run(&self, act: &str, file: &Path, flags: &[&str]) -> Output {
        self.command(&[act]).arg(file).args(flags).output().expect("it starts")
    }

    /// Backs up, and returns the file.
    #[track_caller]
    fn back_up(&self) -> PathBuf {
        let file = self.path(BACKUP);
        let output = self.run("backup", &file, &[]);
        assert!(output.status.success(), "{}", said(&output));
        file
    }

    #[track_caller]
    fn restore(&self, file: &Path) {
        let output = self.run("restore", file, &[]);
        assert!(output.status.success(), "{}", said(&output));
    }

    /// Runs an act that must fail, and returns what it says.
    #[track_caller]
    fn refused(&self, act: &str, file: &Path, flags: &[&str]) -> String {
        let output = self.run(act, file, flags);
        assert!(!output.status.success(), "it succeeded: {}", said(&output));
        let said = said(&output);
        let sentence = said.lines().last().expect("a sentence").to_owned();
        assert!(sentence.ends_with('.'), "{said}");
        sentence
    }

    /// Asserts that nothing was restored, by restoring a good backup.
    #[track_caller]
    fn assert_empty(&self, file: &Path) {
        let data = self.path(DATA);
        assert!(!data.join("files").exists() && !data.join("restoring").exists());
        assert!(!data.join("postgres/cluster").exists());
        self.restore(file);
    }
}

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(said).expect("UTF-8")
}

fn epoch(server: &Program) -> Epoch {
    TestSocket::open(&server.client()).expect(|event| match event {
        ServerEvent::Hello { epoch, .. } => Some(*epoch),
        _ => None,
    })
}

/// The same user on another server.
fn moved(client: &TestClient, server: &Program) -> TestClient {
    TestClient::known(server.client().addr(), client.user().clone(), client.token().expect("a session"))
}

/// The bytes of a file, by its name.
fn bytes_of(name: &str) -> Vec<u8> {
    let seed = name.bytes().fold(7_u8, u8::wrapping_add);
    (0..3_000_u32).map(|number| seed.wrapping_add((number % 239) as u8)).collect()
}

/// Sends, edits and deletes messages, one of ten with a file, until it is told to stop.
fn write(client: &TestClient, room_id: RoomId, number: usize, stop: &AtomicBool, sent: &AtomicUsize) {
    let mut with_file: Option<Message> = None;
    for count in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let text = format!("message {count} of writer {number}");
        match count % 10 {
            3 => {
                let name = format!("{number}-{count}.bin");
                let file = client.upload(room_id, &name, bytes_of(&name));
                let message = client.send_files(room_id, &text, &[&file]);
                if let Some(former) = with_file.replace(message) {
                    client.delete_message(&former);
                }
            }
            5 => drop(client.edit(&client.send(room_id, &text), "edited")),
            7 => client.delete_message(&client.send(room_id, &text)),
            _ => drop(client.send(room_id, &text)),
        }
        sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// Backs up a server while messages flow and files come and go, and compares it with what is restored.
fn a_busy_server_is_backed_up_and_restored(from: &Place, to: &Place) {
    let server = from.start();
    let addr = server.client().addr();
    let users = ["Alice", "Bobby", "Carol", "David"].map(|name| TestClient::guest(addr, name));
    let rooms = ["One", "Two"].map(|name| users[0].create_room(name).id);
    users[0].set_avatar(png(300, 300)).expect(200);
    users[0].set_room_avatar(rooms[0], png(200, 300)).expect(200);
    let image = users[0].upload(rooms[0], "cat.png", png(900, 900));
    users[0].send_files(rooms[0], "a cat", &[&image]);

    let (stop, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (file, before) = thread::scope(|scope| {
        for (number, user) in users.iter().enumerate() {
            let (stop, sent) = (&stop, &sent);
            scope.spawn(move || write(user, rooms[number % 2], number, stop, sent));
        }
        until("messages flow", || (sent.load(Ordering::Relaxed) > 100).then_some(()));
        let before = rooms.map(|room| server.client().room(room).last_seq);
        let at_start = sent.load(Ordering::Relaxed);
        let file = from.back_up();
        let at_end = sent.load(Ordering::Relaxed);
        stop.store(true, Ordering::Relaxed);
        assert!(at_end > at_start, "messages were sent meanwhile");
        (file, before)
    });
    assert_eq!(fs::metadata(&file).expect("it is there").permissions().mode() & 0o777, 0o600);

    to.restore(&file);
    let restored = to.start();
    assert_ne!(epoch(&restored), epoch(&server), "clients forget what they have");
    let mut files = 0;
    for (room_id, before) in rooms.into_iter().zip(before) {
        let (now, then) = (server.client(), restored.client());
        let room = then.room(room_id);
        let history = then.whole_history(room_id);
        assert!(room.last_seq >= before, "what was acknowledged before is there");
        assert_eq!(seqs(&history), (1..=room.last_seq.0).collect::<Vec<_>>(), "a prefix without holes");
        assert!(history.iter().all(|message| message.rev <= room.rev));
        let original = now.whole_history(room_id);
        for (message, original) in history.iter().zip(&original) {
            assert_eq!(message.id, original.id);
            assert!(message.rev <= original.rev);
            if message.rev == original.rev {
                assert_eq!(message, original);
            }
        }
        for attachment in history.iter().flat_map(|message| &message.attachments) {
            files += 1;
            let bytes = then.get(&attachment.url).expect(200).body;
            if attachment.filename != "cat.png" {
                assert!(bytes == bytes_of(&attachment.filename), "{}", attachment.filename);
            }
        }
    }
    assert!(files > 1, "there were files");
    let avatar = users[0].get("/api/v1/users/me").expect(200).value()["avatar_url"].clone();
    let avatar = avatar.as_str().expect("a picture");
    let (small, thumbnail) = (format!("{avatar}?size=64"), image.thumbnail_url.expect("a thumbnail"));
    for path in [avatar, &small, &image.url, &thumbnail] {
        assert_eq!(restored.client().get(path).expect(200).body, server.client().get(path).expect(200).body);
    }
    // Who was signed in still is.
    let alice = moved(&users[0], &restored);
    let last_seq = alice.room(rooms[0]).last_seq;
    assert_eq!(alice.send(rooms[0], "and on").seq.0, last_seq.0 + 1);
    restored.stop();
    server.stop();
    // Also when it does not run.
    fs::remove_file(&file).expect("ours");
    from.back_up();
}

#[test]
fn a_busy_server_with_a_private_database_is_backed_up_as_of_one_moment() {
    a_busy_server_is_backed_up_and_restored(&Place::private(), &Place::private());
}

#[test]
fn a_busy_server_over_a_database_is_backed_up_as_of_one_moment() {
    a_busy_server_is_backed_up_and_restored(&Place::over(TestDb::new()), &Place::over(TestDb::empty()));
}

#[test]
fn a_private_database_moves_to_another_postgres_and_back() {
    let places = [Place::private(), Place::over(TestDb::empty()), Place::private()];
    let server = places[0].start();
    let alice = TestClient::guest(server.client().addr(), "Alice");
    let room = alice.create_room("Moving").id;
    alice.send(room, "hello");
    server.stop();
    for two in places.windows(2) {
        two[1].restore(&two[0].back_up());
    }
    let server = places[2].start();
    assert_eq!(texts(&server.client().whole_history(room)), ["hello"]);
    server.stop();
}

#[test]
fn no_file_is_deleted_before_the_backup_has_it() {
    let (from, to) = (Place::over(TestDb::new()), Place::over(TestDb::empty()));
    let server = from.start();
    let alice = TestClient::guest(server.client().addr(), "Alice");
    let room = alice.create_room("Files").id;
    let sent: Vec<(Message, Vec<u8>)> = (1..=4_u8)
        .map(|number| {
            let bytes = vec![number; 3 * MIB];
            let file = alice.upload(room, "large.bin", bytes.clone());
            (alice.send_files(room, "a file", &[&file]), bytes)
        })
        .collect();
    // The backup waits for its reader.
    let mut backup = from.command(&["backup", "-"]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut output = backup.stdout.take().expect("a pipe");
    let mut bytes = vec![0; 512];
    output.read_exact(&mut bytes).expect("it has begun");
    for (message, _) in &sent {
        alice.delete_message(message);
    }
    // Another server cleans up when it starts.
    let log = from.path("log");
    let janitor = || {
        let log = File::options().create(true).append(true).open(&log).expect("writable");
        Program::start_command_logging(from.server().env("RUST_LOG", "api=debug"), log)
    };
    let cleaner = janitor();
    until("the janitor looks for files", || {
        fs::read_to_string(&log).expect("a log").contains("files are deleted later").then_some(())
    });
    cleaner.stop();
    output.read_to_end(&mut bytes).expect("a pipe");
    assert!(backup.wait().expect("it ends").success());
    let file = from.path(BACKUP);
    fs::write(&file, bytes).expect("writable");

    to.restore(&file);
    let restored = to.start();
    let history = restored.client().whole_history(room);
    assert_eq!(history.len(), sent.len());
    for (message, (_, bytes)) in history.iter().zip(sent) {
        assert!(restored.client().get(&message.attachments[0].url).expect(200).body == bytes);
    }
    restored.stop();
    // Afterwards they are.
    let cleaner = janitor();
    let stored = || fs::read_dir(from.path(DATA).join("files")).expect("a folder").flatten();
    until("the files are deleted", || {
        let mut names = stored().flat_map(|folder| fs::read_dir(folder.path()).expect("a folder"));
        names.next().is_none().then_some(())
    });
    cleaner.stop();
    server.stop();
}

#[test]
fn a_backup_of_an_older_version_is_migrated_when_the_server_starts() {
    let (from, to) = (Place::over(old_database()), Place::private());
    to.restore(&from.back_up());
    let server = to.start();
    let busy = server.client().rooms().into_iter().find(|room| room.name.as_str() == "Busy").expect("a room");
    assert_eq!(server.client().whole_history(busy.id).len(), 50);
    epoch(&server);
    server.stop();
}

/// A small server's backup.
fn small_backup(place: &Place) -> PathBuf {
    let server = place.start();
    let alice = TestClient::guest(server.client().addr(), "Alice");
    let room = alice.create_room("Small").id;
    let file = alice.upload(room, "large.bin", vec![3; MIB]);
    alice.send_files(room, "hello", &[&file]);
    server.stop();
    place.back_up()
}

/// Where a name is in bytes.
fn position(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).expect("it is there")
}

#[test]
fn what_is_no_whole_backup_is_refused_and_nothing_is_changed() {
    let from = Place::private();
    let file = small_backup(&from);
    let whole = fs::read(&file).expect("it is there");
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    let mut newer = whole.clone();
    let format = position(&whole, b"\"format\": 1");
    newer[format..format + 11].copy_from_slice(b"\"format\": 9");
    let mut newer_schema = whole.clone();
    let schema = position(&whole, b"\"schema\": \"20") + 11;
    newer_schema[schema..schema + 2].copy_from_slice(b"30");
    let dump = position(&whole, b"database/0000");
    let cut = |length: usize| whole[..length].to_vec();
    let end = whole.len();
    let cases = [
        (b"hello, this is no backup".to_vec(), "no backup"),
        (Vec::new(), "no backup"),
        (cut(300), "no backup"),
        (cut(1_024), "incomplete"),
        (cut(dump - 700), "incomplete"),
        (cut(dump), "incomplete"),
        (cut(dump + 5_000), "incomplete"),
        (cut(end - 2_048), "incomplete"),
        (changed, "damaged"),
        (newer, "newer"),
        (newer_schema, "newer"),
    ];
    for to in [Place::private(), Place::over(TestDb::empty())] {
        let bad = to.path("bad.tar");
        for (number, (bytes, expected)) in cases.iter().enumerate() {
            fs::write(&bad, bytes).expect("writable");
            let sentence = to.refused("restore", &bad, &[]);
            assert!(sentence.contains(expected) && sentence.contains("bad.tar"), "{number}: {sentence}");
            assert!(!to.path(DATA).exists(), "{number}");
        }
        assert!(to.refused("restore", &to.path("absent.tar"), &[]).contains("absent.tar"));
        assert!(to.refused("restore", to.dir.path(), &[]).contains("Cannot read"));
        to.assert_empty(&file);
    }
}

#[test]
fn a_name_that_leads_out_of_the_store_is_refused() {
    let from = Place::private();
    let file = small_backup(&from);
    let mut bytes = fs::read(&file).expect("it is there");
    let header = position(&bytes, b"files/f");
    let name = b"files/../../../evil";
    bytes[header..header + 100].fill(0);
    bytes[header..header + name.len()].copy_from_slice(name);
    // The checksum of the header counts itself as blanks.
    bytes[header + 148..header + 156].fill(b' ');
    let sum: u32 = bytes[header..header + 512].iter().map(|byte| u32::from(*byte)).sum();
    bytes[header + 148..header + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let to = Place::private();
    let bad = to.path("bad.tar");
    fs::write(&bad, bytes).expect("writable");
    assert!(to.refused("restore", &bad, &[]).contains("damaged"));
    assert_eq!(fs::read_dir(to.dir.path()).expect("ours").count(), 1, "nothing was written");
    to.assert_empty(&file);
}

#[test]
fn a_backup_is_restored_only_where_nothing_is() {
    let from = Place::private();
    let file = small_backup(&from);
    let server = from.start();
    assert!(from.refused("restore", &file, &[]).contains("There is data"));
    server.stop();
    assert!(from.refused("restore", &file, &[]).contains("There is data"));

    let foreign = Place::private();
    fs::create_dir_all(foreign.path(DATA).join("photos")).expect("writable");
    assert!(foreign.refused("restore", &file, &[]).contains("There are files"));
    fs::remove_dir(foreign.path(DATA).join("photos")).expect("ours");
    foreign.restore(&file);

    let over = Place::over(TestDb::new());
    assert!(over.refused("restore", &file, &[]).contains("not empty"));
    over.db().execute("DROP SCHEMA public CASCADE");
    over.db().execute("CREATE SCHEMA public");

    let files = over.path(DATA).join("files");
    fs::create_dir_all(&files).expect("writable");
    fs::write(files.join("theirs"), "x").expect("writable");
    assert!(over.refused("restore", &file, &[]).contains("There are files"));
    assert_eq!(fs::read(files.join("theirs")).expect("it is there"), b"x");
    fs::remove_file(files.join("theirs")).expect("ours");
    over.restore(&file);
    assert!(over.refused("restore", &file, &[]).contains("There are files"));
}

#[test]
fn a_backup_replaces_no_file_and_needs_a_server_that_was_there() {
    let place = Place::private();
    let file = small_backup(&place);
    let before = fs::read(&file).expect("it is there");
    assert!(place.refused("backup", &file, &[]).contains("choose another name"));
    assert!(fs::read(&file).expect("it is there") == before);
    let elsewhere = place.path("absent/backup.tar");
    assert!(place.refused("backup", &elsewhere, &[]).contains("Cannot write the backup"));

    let empty = Place::private();
    let file = empty.path(BACKUP);
    assert!(empty.refused("backup", &file, &[]).contains("There is no data"));
    let empty = Place::over(TestDb::empty());
    assert!(empty.refused("backup", &file, &[]).contains("start the server once"));
    assert!(!file.exists());
}

#[test]
fn a_store_that_is_not_the_servers_is_noticed() {
    let place = Place::over(TestDb::new());
    let file = small_backup(&place);
    fs::remove_file(&file).expect("ours");
    let files = place.path(DATA).join("files");
    fs::remove_dir_all(&files).expect("ours");
    assert!(place.refused("backup", &file, &[]).contains("--data-dir"));
    fs::create_dir(&files).expect("writable");
    assert!(place.refused("backup", &file, &[]).contains("None of the 1 uploaded files"));
    assert!(!file.exists());
}

/// A directory with these programs, as shell scripts that know their version.
fn programs(place: &Place, version: &str, dump: &str, restore: &str) -> PathBuf {
    let bin_dir = place.path(&format!("bin {version}"));
    fs::create_dir(&bin_dir).expect("writable");
    for (name, script) in [("pg_dump", dump), ("pg_restore", restore)] {
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = -V ] && echo '{name} (PostgreSQL) {version}' && exit 0\n{script}\n"
        );
        let mut file = File::create(bin_dir.join(name)).expect("writable");
        file.write_all(script.as_bytes()).expect("writable");
        file.set_permissions(fs::Permissions::from_mode(0o755)).expect("ours");
    }
    bin_dir
}

#[test]
fn programs_that_are_missing_too_old_or_fail_leave_no_file() {
    let place = Place::over(TestDb::new());
    place.start().stop();
    let file = place.path("backup.tar");
    let absent = place.path("absent");
    let old = programs(&place, "14.9", "exit 0", "exit 0");
    let failing = programs(&place, "16.1", "echo half; echo 'out of luck' >&2; exit 1", "exit 0");
    for (bin_dir, expected) in
        [(absent, "apt-get install postgresql-client-15"), (old, "found: 14"), (failing, "out of luck")]
    {
        let sentence =
            place.refused("backup", &file, &["--postgres-bin-dir", bin_dir.to_str().expect("text")]);
        assert!(sentence.contains("pg_dump") && sentence.contains(expected), "{sentence}");
    }
    let names: Vec<_> =
        fs::read_dir(place.dir.path()).expect("ours").flatten().map(|entry| entry.file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("backup")), "{names:?}");
}

#[test]
fn passwords_are_no_arguments() {
    let place = Place::over(TestDb::new());
    place.start().stop();
    let seen = place.path("seen");
    let script = format!("echo \"$PGPASSWORD $*\" > '{}'; exit 1", seen.display());
    let bin_dir = programs(&place, "15.0", &script, "exit 0");
    let url = place.db().url().replace("parlance@", "parlance:s%65cret@");
    let output = command(&["backup"])
        .arg(place.path("backup.tar"))
        .args(["--database-url", &url, "--postgres-bin-dir", bin_dir.to_str().expect("text")])
        .output();
    assert!(!output.expect("it starts").status.success());
    let seen = fs::read_to_string(seen).expect("it ran");
    assert!(seen.starts_with("secret ") && seen.matches("cret").count() == 1, "{seen}");
}

#[test]
fn a_restore_that_fails_leaves_nothing() {
    let from = Place::private();
    let file = small_backup(&from);
    let to = Place::over(TestDb::empty());
    let bin_dir = programs(&to, "15.0", "exit 1", "head -c 1000 > /dev/null; echo 'out of luck' >&2; exit 1");
    let sentence = to.refused("restore", &file, &["--postgres-bin-dir", bin_dir.to_str().expect("text")]);
    assert!(sentence.contains("pg_restore") && sentence.contains("out of luck"), "{sentence}");
    assert_eq!(to.db().text("SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"), "0");
    to.assert_empty(&file);
}

#[test]
fn no_server_serves_what_an_interrupted_restore_left() {
    let from = Place::private();
    let file = small_backup(&from);
    let server = from.start();
    let pid = fs::read_to_string(from.path(DATA).join("postgres/cluster/postmaster.pid")).expect("it runs");
    let postgres =
        fs::read_link(format!("/proc/{}/exe", pid.lines().next().expect("a pid"))).expect("it runs");
    server.stop();
    for to in [Place::over(TestDb::empty()), Place::private()] {
        // It kills what started it, when everything was read.
        let bin_dir = programs(&to, "15.0", "exit 1", "cat > /dev/null; kill -KILL $PPID");
        for name in ["postgres", "initdb"] {
            symlink(postgres.with_file_name(name), bin_dir.join(name)).expect("writable");
        }
        let output = to.run("restore", &file, &["--postgres-bin-dir", bin_dir.to_str().expect("text")]);
        assert_eq!(output.status.code(), None, "it was killed: {}", said(&output));
        if to.db.is_some() {
            let mut server =
                to.server().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
            until("it gives up", || server.try_wait().expect("a child"));
            let output = server.wait_with_output().expect("it ended");
            assert!(said(&output).contains("being restored"), "{}", said(&output));
            fs::remove_dir_all(to.path(DATA)).expect("ours");
        } else {
            assert!(!to.path(DATA).join("postgres/cluster").exists());
            fs::remove_dir_all(to.path(DATA).join("files")).expect("ours");
        }
        to.restore(&file);
        let server = to.start();
        let rooms = server.client().rooms();
        let small = rooms.into_iter().find(|room| room.name.as_str() == "Small").expect("it is restored");
        assert_eq!(texts(&server.client().whole_history(small.id)), ["hello"]);
        server.stop();
    }
}
