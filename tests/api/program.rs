//! The program: one binary, which needs only the programs of Postgres and creates its own database.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use shared::events::{CloseCode, ServerEvent};
use shared::members::Role;
use shared::messages::messages_path;
use shared::rooms::ROOMS_PATH;
use support::client::TestClient;
use support::db::{TestDb, shared_data_dir};
use support::proxy::DbProxy;
use support::socket::TestSocket;
use support::temp_dir::TempDir;
use support::wait::{DEADLINE, until};

/// The binary: that of the environment variable, or that of the test's target directory.
fn binary() -> PathBuf {
    let beside = || {
        let this = std::env::current_exe().expect("a test binary");
        this.ancestors().nth(2).expect("target/debug/deps").join("parlance")
    };
    let path = std::env::var_os("PARLANCE_TEST_SERVER").map_or_else(beside, PathBuf::from);
    assert!(path.exists(), "{} is not there: run `cargo build -p api` first", path.display());
    path
}

/// A running server and its output.
pub struct Program {
    process: Child,
    url: String,
}

/// The program with these flags, and only the environment that it needs to find Postgres.
pub fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(flags).env_clear().process_group(0);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", std::env::var_os("HOME").unwrap_or_default());
    command.env("PARLANCE_DATA_DIR", shared_data_dir());
    command.stdin(Stdio::null());
    command
}

impl Program {
    /// Starts with a data directory in `dir`. Returns when the program has printed its URL.
    fn start(dir: &TempDir) -> Self {
        let data_dir = dir.path().join("data");
        let log = File::options().create(true).append(true).open(dir.path().join("log")).expect("writable");
        let flags = ["--port", "0", "--rate-limits", "off", "--data-dir", data_dir.to_str().expect("text")];
        let mut command = command(&flags);
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().expect("it starts");
        let Some(url) = Self::read_url(&mut process) else {
            panic!("it ended: {}", fs::read_to_string(dir.path().join("log")).unwrap_or_default())
        };
        Self { process, url }
    }

    /// Starts a command of this program.
    pub fn start_command(command: &mut Command) -> Self {
        Self::start_command_logging(command, Stdio::null())
    }

    /// The same with a place for the log.
    pub fn start_command_logging(command: &mut Command, log: impl Into<Stdio>) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().expect("it starts");
        let url = Self::read_url(&mut process).expect("it says where it runs");
        Self { process, url }
    }

    /// Starts on a running database.
    fn start_over(database_url: &str, log: File) -> Self {
        Self::start_logging(database_url, log, "info")
    }

    /// Starts on a running database, and logs from this level on.
    pub fn start_logging(database_url: &str, log: File, level: &str) -> Self {
        let flags = ["--port", "0", "--rate-limits", "off", "--database-url", database_url];
        let mut command = command(&flags);
        command.env("RUST_LOG", level);
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().expect("it starts");
        let url = Self::read_url(&mut process).expect("it says where it runs");
        Self { process, url }
    }

    /// The URL that the program prints.
    fn read_url(process: &mut Child) -> Option<String> {
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("text");
        line.trim_end().rsplit_once(' ').map(|(_, url)| url.to_owned())
    }

    /// A client without a session.
    pub fn client(&self) -> TestClient {
        let addr = self.url.strip_prefix("http://").expect("a URL");
        TestClient::anonymous(addr.parse().expect("an address"))
    }

    fn signal(&self, signal: &str) {
        // To the whole group, as a terminal does.
        let kill = format!("kill -{signal} -{}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }

    /// Stops the program and waits for its end.
    pub fn stop(mut self) {
        self.signal("TERM");
        assert!(self.ended().success());
    }

    fn ended(&mut self) -> ExitStatus {
        until("the program ends", || self.process.try_wait().expect("a child"))
    }

    /// The same for a stop that may take the maximal time.
    fn ended_within(&mut self, time: Duration) -> ExitStatus {
        let started = Instant::now();
        while started.elapsed() < time {
            if let Some(status) = self.process.try_wait().expect("a child") {
                return status;
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        panic!("the program did not end within {time:?}")
    }
}

/// Asserts that the program does not start, and returns the line that it prints.
fn refusal(flags: &[&str]) -> String {
    let mut process =
        command(flags).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let status = until("it gives up", || process.try_wait().expect("a child"));
    assert!(!status.success());
    let mut said = String::new();
    process.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    let sentence = said.lines().last().expect("a sentence").to_owned();
    assert!(sentence.ends_with('.') && sentence.starts_with(char::is_uppercase), "{said}");
    sentence
}

fn nobody_runs_in(dir: &TempDir) -> bool {
    let processes = fs::read_dir("/proc").expect("Linux").flatten();
    !processes
        .filter_map(|process| fs::read_link(process.path().join("cwd")).ok())
        .any(|cwd| cwd.starts_with(dir.path()))
}

#[test]
fn the_program_needs_only_a_data_directory_and_keeps_messages_in_it() {
    let dir = TempDir::new();
    let mut program = Program::start(&dir);
    let alice = TestClient::guest(program.client().addr(), "Alice");
    let room = alice.create_room("for ever");
    let message = alice.send(room.id, "hello");
    let mut socket = TestSocket::connect(&alice);
    socket.subscribe(room.id);
    let started = Instant::now();
    program.signal("TERM");
    assert_eq!(socket.closed(), CloseCode::Restart.number());
    assert!(program.ended().success());
    assert!(started.elapsed() < DEADLINE, "well inside the 25 seconds it may take");
    assert!(nobody_runs_in(&dir));

    let mut program = Program::start(&dir);
    assert_eq!(program.client().whole_history(room.id), [message]);
    program.signal("INT");
    assert!(program.ended().success());
    assert!(nobody_runs_in(&dir));
}

#[test]
fn a_killed_server_restarts_with_all_acknowledged_messages() {
    let dir = TempDir::new();
    let mut program = Program::start(&dir);
    let alice = TestClient::guest(program.client().addr(), "Alice");
    let room = alice.create_room("for ever");
    for round in 0..3 {
        // The same user on the new port.
        let addr = program.client().addr();
        let alice = TestClient::known(addr, alice.user().clone(), alice.token().expect("a guest"));
        alice.send(room.id, &format!("before the kill {round}"));
        program.process.kill().expect("it runs");
        program.process.wait().expect("it was killed");
        program = Program::start(&dir);
        let texts: Vec<_> =
            program.client().whole_history(room.id).into_iter().filter_map(|one| one.text).collect();
        let expected: Vec<_> = (0..=round).map(|round| format!("before the kill {round}")).collect();
        assert_eq!(texts, expected);
    }
    program.signal("TERM");
    assert!(program.ended().success());
}

#[test]
fn a_port_in_use_is_reported_in_a_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let dir = TempDir::new();
    let data_dir = dir.path().join("data");
    let sentence = refusal(&["--port", &port, "--data-dir", data_dir.to_str().expect("text")]);
    assert!(sentence.contains(&port) && sentence.contains("--port"), "{sentence}");
    assert!(!data_dir.exists(), "nothing else was touched");
}

#[test]
fn a_directory_that_is_in_use_or_not_writable_is_reported_in_a_sentence() {
    let dir = TempDir::new();
    let mut program = Program::start(&dir);
    let data_dir = dir.path().join("data");
    let sentence = refusal(&["--port", "0", "--data-dir", data_dir.to_str().expect("text")]);
    assert!(sentence.contains("Another Parlance"), "{sentence}");
    program.client().get(ROOMS_PATH).expect(200);
    program.signal("TERM");
    assert!(program.ended().success());
    let file = dir.path().join("log").join("data");
    let sentence = refusal(&["--port", "0", "--data-dir", file.to_str().expect("text")]);
    assert!(sentence.contains("--data-dir"), "{sentence}");
}

#[test]
fn a_database_that_hangs_does_not_prevent_the_stop() {
    let (dir, db) = (TempDir::new(), TestDb::new());
    let proxy = DbProxy::new(&db);
    let log = File::create(dir.path().join("log")).expect("writable");
    let mut program = Program::start_over(&proxy.url(&db), log);
    let alice = TestClient::guest(program.client().addr(), "Alice");
    let room = alice.create_room("frozen");
    proxy.hang_at("into the ice");
    std::thread::scope(|scope| {
        let path = messages_path(room.id);
        let send = serde_json::json!({ "text": "into the ice" });
        let request = alice.request("POST", &path).json(&send);
        // Any answer, or none.
        scope.spawn(move || request.try_send());
        let reads: Vec<_> = (0..3).map(|_| alice.request("GET", ROOMS_PATH)).collect();
        until("the writer waits", || (proxy.matches() == 1).then_some(()));
        for read in reads {
            scope.spawn(move || read.try_send());
        }
        program.signal("TERM");
        assert!(program.ended_within(Duration::from_secs(25)).success());
    });
    proxy.release();
}

#[test]
fn a_second_signal_ends_the_program_at_once_without_loss() {
    let dir = TempDir::new();
    let mut program = Program::start(&dir);
    let alice = TestClient::guest(program.client().addr(), "Alice");
    let room = alice.create_room("for ever");
    let message = alice.send(room.id, "hello");
    // A socket that does not answer is waited for.
    let mut stalled = TestSocket::connect(&alice);
    stalled.subscribe(room.id);
    program.signal("TERM");
    until("it is stopping", || (program.client().get("/readyz").status == 503).then_some(()));
    let started = Instant::now();
    program.signal("INT");
    let status = program.ended();
    assert!(!status.success(), "{status}");
    assert!(status.code().is_some(), "it ends by itself: {status}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    until("its Postgres ends too", || nobody_runs_in(&dir).then_some(()));

    let mut program = Program::start(&dir);
    assert_eq!(program.client().whole_history(room.id), [message]);
    program.signal("TERM");
    assert!(program.ended().success());
}

#[test]
fn a_database_that_accepts_connections_but_never_answers_is_reported() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    for database_url in [
        format!("postgres://nobody@127.0.0.1:{port}/nothing"),
        format!("host=127.0.0.1 port={port} user=nobody"),
    ] {
        let sentence = refusal(&["--port", "0", "--database-url", &database_url]);
        assert!(sentence.contains("DATABASE_URL"), "{sentence}");
    }
}

#[test]
fn the_database_can_be_given_as_a_connection_string() {
    let (dir, db) = (TempDir::new(), TestDb::new());
    let (server, name) =
        db.url().strip_prefix("postgres://parlance@").and_then(|rest| rest.split_once('/')).expect("our URL");
    let keywords = format!("host={} user=parlance dbname={name}", server.replace("%2F", "/"));
    let log = File::create(dir.path().join("log")).expect("writable");
    let mut program = Program::start_over(&keywords, log);
    TestClient::guest(program.client().addr(), "Alice").create_room("found");
    program.signal("TERM");
    assert!(program.ended().success());
}

#[test]
fn a_database_that_does_not_answer_is_reported_in_a_sentence() {
    let sentence = refusal(&["--port", "0", "--database-url", "postgres://nobody@127.0.0.1:1/nothing"]);
    assert!(sentence.contains("DATABASE_URL"), "{sentence}");
}

#[test]
fn without_postgres_programs_the_error_says_what_to_install() {
    let dir = TempDir::new();
    let (data_dir, bin_dir) = (dir.path().join("data"), dir.path().join("bin"));
    let flags = ["--port", "0", "--data-dir", data_dir.to_str().expect("text")];
    let bin_dir = ["--postgres-bin-dir", bin_dir.to_str().expect("text")];
    let sentence = refusal(&[&flags[..], &bin_dir].concat());
    assert!(sentence.contains("--postgres-bin-dir"), "{sentence}");
}

/// What `parlance admin` prints, and whether it succeeded.
fn administer(data_dir: &str, arguments: &[&str]) -> (String, bool) {
    let mut command = command(&["admin"]);
    let output = command.args(arguments).args(["--data-dir", data_dir]).output().expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).expect("UTF-8"), output.status.success())
}

#[test]
fn accounts_are_administered_from_the_command_line_while_the_server_runs_and_while_it_does_not() {
    let dir = TempDir::new();
    let data_dir = dir.path().join("data");
    let data_dir = data_dir.to_str().expect("text");
    let mut program = Program::start(&dir);
    let addr = program.url.strip_prefix("http://").expect("a URL").parse().expect("an address");
    let (grace, ada) = (TestClient::member(addr, "Grace"), TestClient::member(addr, "Ada Lovelace"));
    let socket = TestSocket::connect(&ada);
    let admin = |arguments: &[&str]| administer(data_dir, arguments);

    let (list, is_done) = admin(&["users"]);
    assert!(is_done && list.contains("Grace\tadmin") && list.contains("Ada Lovelace"), "{list}");
    let (text, is_done) = admin(&["demote", "grace"]);
    assert!(!is_done && text.contains("last admin"), "{text}");
    assert!(admin(&["promote", "ADA LOVELACE"]).1);
    assert!(admin(&["demote", "Grace"]).1);
    let is_admin = |client: &TestClient| {
        client.get(shared::users::CURRENT_USER_PATH).expect(200).value()["is_admin"] == true
    };
    until("the server follows", || (is_admin(&ada) && !is_admin(&grace)).then_some(()));
    assert!(admin(&["promote", "grace"]).1);
    assert!(admin(&["disable", "Ada Lovelace"]).1);
    assert_eq!(socket.closed(), CloseCode::Forbidden.number());
    let (text, is_done) = admin(&["enable", "Nobody"]);
    assert!(!is_done && text.contains("Nobody"), "{text}");
    assert!(!admin(&["create", "GRACE"]).1);
    let (text, is_done) = admin(&["create", "Edsger"]);
    let (_, secret) = text.split_once("/reset#").unwrap_or_else(|| panic!("no link: {text}"));
    let secret = secret.split(' ').next().expect("a secret");
    assert!(is_done);
    let body = serde_json::json!({ "token": secret, "new_password": support::client::PASSWORD });
    let anonymous = TestClient::anonymous(addr);
    anonymous.post(shared::users::PASSWORD_RESETS_PATH, &body).expect(204);
    let body = serde_json::json!({ "username": "Edsger", "password": support::client::PASSWORD });
    anonymous.post(shared::sessions::SESSIONS_PATH, &body).expect(201);

    program.signal("TERM");
    assert!(program.ended().success());
    let (list, is_done) = admin(&["users"]);
    assert!(is_done && list.contains("Edsger") && list.contains("Ada Lovelace\tadmin,disabled"), "{list}");
}

#[test]
fn a_command_for_a_directory_without_data_creates_none() {
    let dir = TempDir::new();
    let data_dir = dir.path().join("mistyped");
    let (text, is_done) = administer(data_dir.to_str().expect("text"), &["users"]);
    assert!(!is_done && text.contains("--data-dir") && text.contains("mistyped"), "{text}");
    assert!(!data_dir.exists());
}

#[test]
fn rooms_are_administered_from_the_command_line_and_the_running_server_follows_within_two_seconds() {
    let dir = TempDir::new();
    let data_dir = dir.path().join("data");
    let data_dir = data_dir.to_str().expect("text");
    let program = Program::start(&dir);
    let addr = program.client().addr();
    let [_, grace, ada] =
        ["Administrator", "Grace", "Ada Lovelace"].map(|name| TestClient::member(addr, name));
    let (public, private) = (grace.create_room("Compilers"), grace.create_private_room("behind the curtain"));
    let admin = |arguments: &[&str]| administer(data_dir, arguments);
    let (list, is_done) = admin(&["rooms"]);
    assert!(is_done && list.contains("Compilers") && list.contains("Grace"), "{list}");
    let private_id = private.id.to_string();
    assert!(list.contains(&private_id), "{list}");

    let mut follower = TestSocket::connect(&program.client());
    follower.subscribe(public.id);
    let mut adas = TestSocket::connect(&ada);
    assert!(admin(&["set-owner", "compilers", "ada lovelace"]).1);
    let started = Instant::now();
    let (rev, event) = follower.next_change();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(rev, public.rev.next());
    assert!(
        matches!(&event, ServerEvent::MemberJoined(change) if change.member.user.id == ada.id()),
        "{event:?}"
    );
    assert_eq!(adas.viewer_updated(public.id).role, Some(Role::Owner));
    ada.rename_room(public.id, "Linkers");

    // A private one is named by its id.
    assert!(!admin(&["set-owner", "behind the curtain", "Ada Lovelace"]).1);
    assert!(admin(&["set-owner", &private_id, "Ada Lovelace"]).1);
    adas.expect(|event| {
        matches!(event, ServerEvent::RoomAdded { room } if room.id == private.id).then_some(())
    });
    assert_eq!(ada.viewer(private.id).role, Some(Role::Owner));

    assert!(admin(&["delete-room", &private_id]).1);
    let started = Instant::now();
    adas.expect(|event| {
        matches!(event, ServerEvent::RoomRemoved { room_id, .. } if *room_id == private.id).then_some(())
    });
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(admin(&["delete-room", "linkers"]).1);
    follower.expect(|event| {
        matches!(event, ServerEvent::RoomDeleted(change) if change.room.id == public.id).then_some(())
    });
    assert_eq!(ada.get(&shared::rooms::room_path(public.id)).status, 404);
    let (text, is_done) = admin(&["delete-room", "linkers"]);
    assert!(!is_done && text.contains("linkers"), "{text}");
    program.stop();
}
