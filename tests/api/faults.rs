//! The database dies, the connection breaks during a commit, the server stops: no acknowledged message is lost.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use api::postgres::{Cluster, Options};
use serde_json::json;
use shared::errors::ErrorCode;
use shared::events::{CloseCode, ServerEvent};
use shared::messages::{Message, messages_path};
use shared::rooms::ROOMS_PATH;
use support::app::{TestApp, start_server, try_start_server};
use support::builders::{new_message_id, seqs};
use support::client::TestClient;
use support::db::TestDb;
use support::proxy::DbProxy;
use support::socket::TestSocket;
use support::temp_dir::TempDir;
use support::wait::until;

use crate::outcomes::send_until_known;

/// Kills Postgres and waits until it was restarted.
fn kill_postmaster(dir: &TempDir) {
    let pid = || {
        let file = std::fs::read_to_string(dir.path().join("data/postgres/cluster/postmaster.pid")).ok()?;
        file.lines().next().map(str::to_owned)
    };
    let first = pid().expect("it runs");
    let kill = format!("kill -KILL {first}");
    let status = std::process::Command::new("sh").args(["-c", &kill]).status().expect("a shell");
    assert!(status.success());
    until("another Postgres runs", || pid().filter(|now| *now != first));
}

/// Raises a flag when it is dropped, also by a panic, so that no thread waits for the flag in vain.
pub struct RaiseAtEnd<'flag>(pub &'flag AtomicBool);

impl Drop for RaiseAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn postgres_killed_under_load_loses_no_acknowledged_message() {
    let dir = TempDir::new();
    let options = Options { data_dir: dir.path().join("data"), bin_dir: None };
    let cluster = Cluster::start(&options).expect("Postgres starts");
    let server = start_server(&cluster.database_url(), &["--rate-limits", "off"]);
    let alice = TestClient::guest(server.addr(), "Alice");
    let room = alice.create_room("under fire");
    let mut subscriber = TestSocket::connect(&TestClient::anonymous(server.addr()));
    subscriber.subscribe(room.id);

    let acknowledged = Mutex::new(Vec::new());
    let is_over = AtomicBool::new(false);
    let path = messages_path(room.id);
    thread::scope(|scope| {
        let _end = RaiseAtEnd(&is_over);
        for writer in 0..4 {
            let (alice, path, acknowledged, is_over) = (&alice, &path, &acknowledged, &is_over);
            scope.spawn(move || {
                let mut number = 0;
                while !is_over.load(Ordering::SeqCst) {
                    number += 1;
                    let text = format!("message {writer}.{number}");
                    let message = send_until_known(alice, path, new_message_id(), &text);
                    assert_eq!(message.text.as_deref(), Some(text.as_str()));
                    acknowledged.lock().expect("no panic").push(message);
                }
            });
        }
        let count = || acknowledged.lock().expect("no panic").len();
        for _ in 0..3 {
            let before = count();
            until("it runs well", || (count() > before + 50).then_some(()));
            kill_postmaster(&dir);
        }
        let before = count();
        until("it runs well again", || (count() > before + 50).then_some(()));
    });

    let mut acknowledged = acknowledged.into_inner().expect("no panic");
    acknowledged.sort_by_key(|message| message.seq);
    let history = alice.whole_history(room.id);
    assert_eq!(history, acknowledged, "everything once, in one order, and nothing else");
    assert_eq!(seqs(&history), (1..=history.len() as i64).collect::<Vec<_>>());
    // The subscriber received each of them in order, or `resync`.
    let mut rev = room.rev;
    while rev < history[history.len() - 1].rev {
        let event = subscriber.expect(|event| match event {
            ServerEvent::Resync { .. } => Some(None),
            event => support::socket::rev(event).map(Some),
        });
        rev = match event {
            Some(next) => {
                assert_eq!(next, rev.next());
                next
            }
            None => alice.changes(room.id, rev).rev,
        };
    }
    until("the server is ready", || {
        (TestClient::anonymous(server.addr()).get("/readyz").status == 200).then_some(())
    });
    server.stop();
    cluster.stop();
}

#[test]
fn the_server_reports_a_lost_database_and_recovers() {
    let dir = TempDir::new();
    let options = Options { data_dir: dir.path().join("data"), bin_dir: None };
    let cluster = Cluster::start(&options).expect("Postgres starts");
    let server = start_server(&cluster.database_url(), &["--rate-limits", "off"]);
    let alice = TestClient::guest(server.addr(), "Alice");
    let room = alice.create_room("on thin ice");
    let message = alice.send(room.id, "hello");
    cluster.stop();

    alice.get("/livez").expect(200);
    for path in ["/readyz", ROOMS_PATH, &messages_path(room.id)] {
        let answer = alice.get(path);
        answer.problem(503, ErrorCode::Unavailable);
        assert!(answer.header("retry-after").is_some(), "{path}");
    }
    let answer =
        alice.post(&messages_path(room.id), &json!({ "text": "into the void", "id": new_message_id() }));
    assert_eq!(answer.status, 503, "{}", answer.text());

    let cluster = Cluster::start(&options).expect("Postgres starts");
    until("the server is ready", || (alice.get("/readyz").status == 200).then_some(()));
    assert_eq!(alice.whole_history(room.id)[0], message);
    alice.send(room.id, "back again");
    server.stop();
    cluster.stop();
}

#[test]
fn requests_fail_quickly_while_the_database_hangs() {
    let db = TestDb::new();
    let proxy = DbProxy::new(&db);
    let server = start_server(&proxy.url(&db), &["--rate-limits", "off"]);
    let alice = TestClient::guest(server.addr(), "Alice");
    let room = alice.create_room("frozen");
    let (id, path) = (new_message_id(), messages_path(room.id));

    proxy.hang();
    thread::scope(|scope| {
        let sender = scope.spawn(|| alice.post(&path, &json!({ "text": "hello", "id": id })));
        let readers: Vec<_> = (0..12).map(|_| scope.spawn(|| alice.get(ROOMS_PATH))).collect();
        for reader in readers {
            // Before the first failure, a database that hangs looks like one that is busy.
            let answer = reader.join().expect("an answer");
            assert_eq!(answer.status, 503);
            let problem: shared::errors::Problem = answer.json();
            assert!(matches!(problem.code, ErrorCode::Unavailable | ErrorCode::Overloaded), "{problem:?}");
            assert!(problem.retry_after.is_some() && answer.header("retry-after").is_some());
        }
        sender.join().expect("an answer").problem(503, ErrorCode::OutcomeUnknown);
    });
    alice.get("/livez").expect(200);
    alice.get("/readyz").problem(503, ErrorCode::Unavailable);
    // Now requests are refused immediately. Otherwise hundreds would wait for seconds, each in a thread.
    for _ in 0..200 {
        alice.get(ROOMS_PATH).problem(503, ErrorCode::Unavailable);
        let send = alice.post(&path, &json!({ "text": "too much", "id": new_message_id() }));
        send.problem(503, ErrorCode::Unavailable);
    }

    proxy.release();
    until("the server is ready", || (alice.get("/readyz").status == 200).then_some(()));
    let message = send_until_known(&alice, &path, id, "hello");
    assert_eq!(alice.whole_history(room.id), [message], "once");
    server.stop();
}

#[test]
fn a_locked_room_answers_503_until_it_is_unlocked() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut locker = app.db().connect();
    let run = |locker: &mut diesel::PgConnection, sql: &str| {
        diesel::RunQueryDsl::execute(diesel::sql_query(sql), locker).expect("it runs");
    };
    run(&mut locker, "BEGIN");
    run(&mut locker, &format!("SELECT 1 FROM rooms WHERE id = '{}' FOR UPDATE", room.id));
    let answer = alice.post(&messages_path(room.id), &json!({ "text": "hello", "id": new_message_id() }));
    assert_eq!(answer.status, 503, "{}", answer.text());
    let problem: shared::errors::Problem = answer.json();
    assert!(matches!(problem.code, ErrorCode::Unavailable | ErrorCode::Overloaded), "{problem:?}");
    run(&mut locker, "ROLLBACK");
    assert_eq!(alice.send(room.id, "hello").seq.0, 1);
}

#[test]
fn a_stopping_server_closes_its_sockets_and_finishes_its_requests() {
    let mut app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut sockets: Vec<TestSocket> = (0..5).map(|_| app.socket()).collect();
    for socket in &mut sockets {
        socket.subscribe(room.id);
    }
    let acknowledged = Mutex::new(Vec::new());
    let path = messages_path(room.id);
    thread::scope(|scope| {
        for writer in 0..4 {
            let (alice, path, acknowledged) = (&alice, &path, &acknowledged);
            scope.spawn(move || {
                let addr = alice.addr();
                for number in 0.. {
                    // The server stops during these requests: only answered ones count.
                    let Ok(stream) = std::net::TcpStream::connect(addr) else { break };
                    let body = format!("{{\"text\":\"message {writer}.{number}\"}}");
                    let token = alice.token().expect("a guest");
                    let Some(answer) = post(stream, path, token, &body) else { break };
                    match answer.status {
                        201 => acknowledged.lock().expect("no panic").push(answer.json::<Message>().seq),
                        503 => break,
                        other => panic!("{other}: {}", answer.text()),
                    }
                }
            });
        }
        until("it is busy", || (acknowledged.lock().expect("no panic").len() > 40).then_some(()));
        app.stop();
    });
    for socket in sockets {
        assert_eq!(socket.closed(), CloseCode::Restart.number());
    }
    assert!(std::net::TcpStream::connect(alice.addr()).is_err(), "nobody listens any more");
    app.restart(&["--rate-limits", "off"]);
    let stored = app.anonymous().whole_history(room.id);
    let acknowledged = acknowledged.into_inner().expect("no panic");
    let stored: std::collections::BTreeSet<_> = stored.iter().map(|message| message.seq).collect();
    assert!(acknowledged.iter().all(|seq| stored.contains(seq)));
}

/// A POST over a connection that may break at any point.
fn post(
    mut stream: std::net::TcpStream,
    path: &str,
    token: &str,
    body: &str,
) -> Option<support::http::Response> {
    use std::io::Write;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.set_read_timeout(Some(support::wait::DEADLINE)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    support::http::Response::read(&mut stream, false).ok()
}

#[test]
fn stopping_does_not_wait_for_sockets_that_do_not_answer() {
    let mut app = TestApp::start();
    let room = app.lobby();
    let mut socket = app.socket();
    socket.subscribe(room.id);
    let mut half_open = support::http::connect(app.addr());
    std::io::Write::write_all(&mut half_open, b"GET /api/v1/rooms HTTP/1.1\r\nhost:").expect("it listens");
    let started = std::time::Instant::now();
    app.stop();
    assert!(started.elapsed() < std::time::Duration::from_secs(25), "{:?}", started.elapsed());
    socket.send_bytes(b"");
    assert_eq!(socket.closed(), CloseCode::Restart.number());
}

#[test]
fn a_database_that_could_lose_messages_is_refused() {
    // The only one of the three that can be switched off for one database.
    let db = TestDb::new();
    db.execute(&format!("ALTER DATABASE {} SET synchronous_commit = off", db.name()));
    let refusal = try_start_server(db.url(), &[]).err().expect("it is refused").to_string();
    assert!(refusal.contains("synchronous_commit") && refusal.ends_with('.'), "{refusal}");
}
