//! Clients that do not read, or do not stop sending: their cost, and when they are disconnected.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use shared::events::{ClientCommand, CloseCode, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::rooms::Room;
use shared::sessions::CURRENT_SESSION_PATH;
use support::app::TestApp;
use support::client::TestClient;
use support::socket::{TestSocket, frame};

const PING: u8 = 0x89;

/// Waits for the event that a user left.
fn wait_for_leave(watcher: &mut TestSocket, user_id: UserId) {
    watcher.expect(|event| match event {
        ServerEvent::Presence { left, .. } => left.contains(&user_id).then_some(()),
        _ => None,
    });
}

/// Waits for the event that a user joined. A user who leaves before it is never mentioned.
fn wait_for_arrival(watcher: &mut TestSocket, user_id: UserId) {
    watcher.expect(|event| match event {
        ServerEvent::Presence { joined, .. } => joined.iter().any(|user| user.id == user_id).then_some(()),
        _ => None,
    });
}

fn subscribe_since(socket: &mut TestSocket, room_id: RoomId, since: Rev) {
    socket.send(&ClientCommand::subscribe(room_id, Some(since), true));
}

/// A room whose replay is 2.4 MB, its creator, and a socket of the creator that follows it.
fn room_with_a_long_history(app: &TestApp) -> (TestClient, Room, TestSocket) {
    let (alice, room) = app.alice_in_a_room();
    let (member, text) = (app.member("writer"), "🎉".repeat(4_000));
    for _ in 0..150 {
        member.send(room.id, &text);
    }
    let mut watcher = TestSocket::connect(&alice);
    watcher.subscribe(room.id);
    (alice, room, watcher)
}

#[test]
fn a_client_that_pings_and_never_reads_is_disconnected() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut watcher = TestSocket::connect(&alice);
    watcher.subscribe(room.id);
    let grace = app.guest("Grace");
    let mut flooder = TestSocket::connect(&grace);
    flooder.subscribe(room.id);
    wait_for_arrival(&mut watcher, grace.user().id);
    let pings = frame(PING, &[b'x'; 125]).repeat(500);
    let mut stream = flooder.stream().try_clone().expect("a socket");
    let flood = std::thread::spawn(move || {
        // The write fails when the server disconnects. Before that, the server stops reading.
        stream.set_write_timeout(Some(support::wait::DEADLINE)).expect("a time-out that is not zero");
        loop {
            if let Err(error) = stream.write_all(&pings) {
                return error.kind();
            }
        }
    });
    wait_for_leave(&mut watcher, grace.user().id);
    let end = flood.join().expect("no panic");
    assert!(
        [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::TimedOut].contains(&end),
        "{end:?}"
    );
    assert_eq!(alice.room(room.id).online, 1);
}

#[test]
fn a_client_that_stalls_in_the_middle_of_a_replay_is_disconnected() {
    let app = TestApp::start();
    let (alice, room, mut watcher) = room_with_a_long_history(&app);
    let grace = app.guest("Grace");
    let mut stalled = TestSocket::connect(&grace);
    // None of the replays is read.
    for _ in 0..20 {
        subscribe_since(&mut stalled, room.id, room.rev);
    }
    wait_for_arrival(&mut watcher, grace.user().id);
    wait_for_leave(&mut watcher, grace.user().id);
    assert_eq!(alice.room(room.id).online, 1);
}

#[test]
fn a_client_that_closes_in_the_middle_of_a_replay_leaves_at_once() {
    let app = TestApp::start();
    let (_, room, mut watcher) = room_with_a_long_history(&app);
    let grace = app.guest("Grace");
    let mut leaving = TestSocket::connect(&grace);
    subscribe_since(&mut leaving, room.id, room.rev);
    wait_for_arrival(&mut watcher, grace.user().id);
    leaving.expect(|event| matches!(event, ServerEvent::MessageCreated(_)).then_some(()));
    let started = Instant::now();
    drop(leaving);
    wait_for_leave(&mut watcher, grace.user().id);
    assert!(started.elapsed() < Duration::from_secs(5), "not only by a time-out: {:?}", started.elapsed());
}

#[test]
fn a_socket_that_is_being_closed_ignores_commands() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut watcher = TestSocket::connect(&alice);
    watcher.subscribe(room.id);
    let mut slow = TestSocket::connect(&grace);
    slow.subscribe(room.id);
    wait_for_arrival(&mut watcher, grace.user().id);
    // More than the kernel takes, less than the outbox: the close has to wait behind it.
    let (member, text) = (app.member("writer"), "🎉".repeat(4_000));
    for _ in 0..60 {
        member.send(room.id, &text);
    }
    grace.delete(CURRENT_SESSION_PATH).expect(204);
    wait_for_leave(&mut watcher, grace.user().id);
    slow.send(&ClientCommand::subscribe(room.id, None, true));
    slow.send(&ClientCommand::Typing { room_id: room.id, active: true });
    assert_eq!(slow.closed(), CloseCode::SessionEnded.number());
    let told = watcher.settle();
    let heard =
        told.iter().any(|event| matches!(event, ServerEvent::Typing { .. } | ServerEvent::Presence { .. }));
    assert!(!heard, "{told:?}");
}

#[test]
fn frames_do_not_extend_the_time_to_sign_in() {
    let app = TestApp::with(&["--access", "members", "--rate-limits", "off"]);
    let mut socket = app.socket();
    let started = Instant::now();
    let code = loop {
        let id = "still here".to_owned();
        socket.send_bytes(&frame(0x81, format!("{{\"type\":\"ping\",\"id\":\"{id}\"}}").as_bytes()));
        match socket.next_or_close() {
            Ok(event) => assert_eq!(event, ServerEvent::Pong { id }),
            Err(code) => break code,
        }
        assert!(started.elapsed() < Duration::from_secs(15), "the time to sign in never ends");
    };
    assert_eq!(code, CloseCode::SessionEnded.number());
    assert!(started.elapsed() > Duration::from_secs(4), "{:?}", started.elapsed());
}
