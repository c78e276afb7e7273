//! Hostile and broken clients of the socket, and the codes that close it.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::json;
use shared::events::{ClientCommand, CloseCode, ServerEvent};
use shared::server::SOCKET_PATH;
use support::app::TestApp;
use support::http;
use support::socket::{TestSocket, frame};
use tungstenite::Message;

const TEXT: u8 = 0x81;
const MAX_MESSAGE: usize = 64 * 1024;

/// The code of the close after these bytes.
fn close_after(app: &TestApp, bytes: &[u8]) -> u16 {
    let mut socket = app.socket();
    socket.send_bytes(bytes);
    socket.closed()
}

fn close_after_text(app: &TestApp, text: &str) -> u16 {
    close_after(app, &frame(TEXT, text.as_bytes()))
}

#[test]
fn close_codes_are_those_of_the_contract() {
    for (code, number) in [
        (CloseCode::Normal, 1000),
        (CloseCode::Protocol, 1002),
        (CloseCode::Unsupported, 1003),
        (CloseCode::InvalidUtf8, 1007),
        (CloseCode::TooBig, 1009),
        (CloseCode::Internal, 1011),
        (CloseCode::Restart, 1012),
        (CloseCode::Overload, 1013),
        (CloseCode::BadCommand, 4400),
        (CloseCode::SessionEnded, 4401),
        (CloseCode::Forbidden, 4403),
        (CloseCode::SlowConsumer, 4408),
        (CloseCode::ImpossibleRev, 4410),
        (CloseCode::FrameRate, 4429),
        (CloseCode::HeartbeatLost, 4440),
    ] {
        assert_eq!(code.number(), number);
    }
}

#[test]
fn text_that_is_not_json_closes_with_4400() {
    let app = TestApp::start();
    for text in [
        "",
        "hello",
        "{",
        "[1, 2",
        "{\"type\":\"ping\",\"id\":\"1\"} and more",
        "{\"type\":\"ping\",\"id\":NaN}",
    ] {
        assert_eq!(close_after_text(&app, text), 4400, "{text}");
    }
}

#[test]
fn a_known_command_with_wrong_fields_closes_with_4400() {
    let app = TestApp::start();
    let lobby = app.lobby().id;
    for command in [
        json!({ "type": "subscribe" }),
        json!({ "type": "subscribe", "room_id": "lobby" }),
        json!({ "type": "subscribe", "room_id": null }),
        json!({ "type": "subscribe", "room_id": lobby, "since": "1" }),
        json!({ "type": "subscribe", "room_id": lobby, "since": 1.5 }),
        json!({ "type": "unsubscribe", "room_id": 7 }),
        json!({ "type": "typing", "room_id": lobby }),
        json!({ "type": "typing", "room_id": lobby, "active": "yes" }),
        json!({ "type": "ping" }),
        json!({ "type": "ping", "id": 7 }),
        json!({ "type": "authenticate" }),
        json!({ "type": "authenticate", "token": null }),
    ] {
        assert_eq!(close_after_text(&app, &command.to_string()), 4400, "{command}");
    }
}

#[test]
fn json_that_nests_too_deeply_or_repeats_a_key_closes_with_4400() {
    let app = TestApp::start();
    let deep = format!("{{\"type\":\"ping\",\"id\":\"1\",\"x\":{}{}}}", "[".repeat(40), "]".repeat(40));
    let bottomless = format!("{{\"x\":{}", "[".repeat(60_000));
    for text in [&deep, &bottomless, "{\"type\":\"ping\",\"id\":\"1\",\"id\":\"2\"}"] {
        assert_eq!(close_after_text(&app, text), 4400, "{}", &text[..40]);
    }
}

#[test]
fn a_binary_frame_closes_with_1003() {
    let app = TestApp::start();
    assert_eq!(close_after(&app, &frame(0x82, b"{\"type\":\"ping\",\"id\":\"1\"}")), 1003);
}

#[test]
fn text_that_is_not_utf_8_closes_with_1007() {
    let app = TestApp::start();
    let surrogate = frame(TEXT, b"{\"type\":\"ping\",\"id\":\"\xED\xA0\x80\"}");
    let halves = [frame(0x01, b"\"\xC3"), frame(0x80, b"(\"")].concat();
    for bytes in [frame(TEXT, &[0xFF, 0xFE, 0xFD]), surrogate, halves] {
        assert_eq!(close_after(&app, &bytes), 1007, "{bytes:?}");
    }
}

#[test]
fn frames_that_break_the_protocol_close_with_1002() {
    let app = TestApp::start();
    let mut unmasked = vec![TEXT, 2];
    unmasked.extend(b"hi");
    for bytes in [
        unmasked,
        frame(0x83, b"opcode 3"),
        frame(0x8F, b"opcode 15"),
        frame(0xC1, b"reserved bit"),
        frame(0x80, b"nothing to continue"),
        frame(0x09, b"a ping in parts"),
        frame(0x89, &[b'x'; 126]),
        [frame(0x01, b"a"), frame(TEXT, b"b")].concat(),
        frame(0x88, &[3]),
        frame(0x88, &1005_u16.to_be_bytes()),
    ] {
        assert_eq!(close_after(&app, &bytes), 1002, "{bytes:?}");
    }
}

#[test]
fn a_message_above_64_kib_closes_with_1009() {
    let app = TestApp::start();
    let halves = [frame(0x01, &[b'x'; MAX_MESSAGE / 2]), frame(0x80, &[b'x'; MAX_MESSAGE / 2 + 1])].concat();
    let announced = [&[TEXT, 0x80 | 127][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    for bytes in [frame(TEXT, &[b'x'; MAX_MESSAGE + 1]), halves, announced] {
        assert_eq!(close_after(&app, &bytes), 1009, "{} bytes", bytes.len());
    }
}

#[test]
fn a_message_of_64_kib_is_accepted() {
    let app = TestApp::start();
    let mut socket = app.socket();
    let around = "{\"type\":\"ping\",\"id\":\"\"}".len();
    let id = "x".repeat(MAX_MESSAGE - around);
    socket.send_text(&format!("{{\"type\":\"ping\",\"id\":\"{id}\"}}"));
    assert_eq!(socket.next_event(), ServerEvent::Pong { id });
}

#[test]
fn a_message_may_have_16_continuation_frames_and_no_more() {
    let app = TestApp::start();
    let ping = |continuations: usize| {
        let mut bytes = frame(0x01, b"{\"type\":\"ping\",");
        bytes.extend(frame(0x00, b" ").repeat(continuations - 1));
        bytes.extend(frame(0x80, b"\"id\":\"in pieces\"}"));
        bytes
    };
    let mut socket = app.socket();
    socket.send_bytes(&ping(16));
    socket.expect(|event| matches!(event, ServerEvent::Pong { id } if id == "in pieces").then_some(()));
    assert_eq!(close_after(&app, &ping(17)), 1009);
}

#[test]
fn a_message_in_too_many_fragments_closes_with_1009() {
    let app = TestApp::start();
    let crumbs = [frame(0x01, b"{"), frame(0x00, b" ").repeat(17)].concat();
    assert_eq!(close_after(&app, &crumbs), 1009);
}

#[test]
fn a_fragmented_message_is_assembled_around_a_ping() {
    let app = TestApp::start();
    let mut socket = app.socket();
    let text = b"{\"type\":\"ping\",\"id\":\"1\"}";
    for part in
        [frame(0x01, &text[..7]), frame(0x89, b"now"), frame(0x00, &text[7..8]), frame(0x80, &text[8..])]
    {
        socket.send_bytes(&part);
    }
    assert_eq!(socket.next_event(), ServerEvent::Pong { id: "1".to_owned() });
}

#[test]
fn websockets_own_ping_and_close_are_answered() {
    let app = TestApp::start();
    let mut socket = app.socket();
    socket.send_message(Message::Ping("are you there".into()));
    socket.settle();
    socket.send_bytes(&frame(0x88, &[&1000_u16.to_be_bytes()[..], b"bye"].concat()));
    assert_eq!(socket.closed(), 1000);
}

#[test]
fn clients_that_vanish_within_a_frame_do_not_affect_others() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let whole = frame(TEXT, json!({ "type": "subscribe", "room_id": room.id }).to_string().as_bytes());
    for end in 0..whole.len() {
        let mut socket = app.socket();
        socket.send_bytes(&whole[..end]);
    }
    let mut grace = TestSocket::connect(&app.guest("Grace"));
    grace.subscribe(room.id);
    let message = alice.send(room.id, "hello");
    assert_eq!(grace.next_change().0, message.rev);
    let nobody = || (alice.room(room.id).online == 1).then_some(());
    support::wait::until("only Grace is there", nobody);
}

#[test]
fn garbage_on_one_socket_does_not_affect_others() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut grace = TestSocket::connect(&app.guest("Grace"));
    grace.subscribe(room.id);
    // A pseudo-random sequence (a linear congruential generator), so that a failure is reproducible.
    let mut state = 20_261_122_u32;
    for _ in 0..60 {
        let garbage: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(200)
        .collect();
        let mut socket = app.socket();
        socket.send_bytes(&garbage);
    }
    let message = alice.send(room.id, "hello");
    assert_eq!(grace.next_change().0, message.rev);
}

#[test]
fn a_slow_reader_is_closed_with_4408_and_resumes_without_delaying_others() {
    let app = TestApp::start();
    let (_, room) = app.alice_in_a_room();
    let (sleeper, member) = (app.guest("Sleeper"), app.member("writer"));
    sleeper.join(room.id);
    member.join(room.id);
    let mut slow = TestSocket::connect(&sleeper);
    let start = slow.subscribe(room.id).rev;
    let mut fast = TestSocket::connect(&app.guest("Grace"));
    fast.subscribe(room.id);

    // 16 KB each, so that they soon fill what the kernel and the queue of 1 MiB take for one reader.
    let text = "🎉".repeat(4_000);
    let mut rev = start;
    for _ in 0..400 {
        let message = member.send(room.id, &text);
        assert_eq!(fast.next_change().0, message.rev, "the other reader is as quick as ever");
        assert_eq!(message.rev, rev.next());
        rev = message.rev;
    }

    // It continues to read, and resumes from the last event that it got.
    let mut last = start;
    let code = loop {
        match slow.next_or_close() {
            Ok(ServerEvent::MessageCreated(change)) => {
                assert_eq!(change.rev, last.next());
                last = change.rev;
            }
            Ok(_) => {}
            Err(code) => break code,
        }
    };
    assert_eq!(code, CloseCode::SlowConsumer.number());
    assert!(last < rev, "it got everything, so it was not slow");
    let mut resumed = TestSocket::connect(&sleeper);
    assert_eq!(resumed.resume(room.id, last).rev, rev);
    while last < rev {
        let (next, _) = resumed.next_change();
        assert_eq!(next, last.next());
        last = next;
    }
    let live = sleeper.send(room.id, "awake again");
    assert_eq!(resumed.next_change().0, live.rev);
}

#[test]
fn a_reader_that_takes_no_bytes_is_disconnected() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let sleeper = app.guest("Sleeper");
    let mut watcher = TestSocket::connect(&alice);
    watcher.subscribe(room.id);
    let mut slow = TestSocket::connect(&sleeper);
    slow.subscribe(room.id);
    let (member, text) = (app.member("writer"), "🎉".repeat(4_000));
    let has_left = |event: &ServerEvent| match event {
        ServerEvent::Presence { left, .. } => left.contains(&sleeper.user().id),
        _ => false,
    };
    let mut is_gone = false;
    for _ in 0..400 {
        let sent = member.send(room.id, &text).rev;
        watcher.expect(|event| {
            is_gone |= has_left(event);
            (support::socket::rev(event) == Some(sent)).then_some(())
        });
    }
    if !is_gone {
        watcher.expect(|event| has_left(event).then_some(()));
    }
    assert_eq!(alice.room(room.id).online, 1);
}

#[test]
fn a_silent_client_is_pinged_and_closed_with_4440_after_a_minute() {
    let app = TestApp::start();
    let mut stream = http::connect(app.addr());
    let handshake = format!(
        "GET {SOCKET_PATH} HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        app.addr()
    );
    stream.write_all(handshake.as_bytes()).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(75))).expect("a time-out that is not zero");
    let started = Instant::now();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the server closes");
    let lasted = started.elapsed();
    assert!(lasted > Duration::from_secs(50) && lasted < Duration::from_secs(70), "{lasted:?}");
    let close = [0x88, 2, 0x11, 0x58];
    assert_eq!(u16::from_be_bytes([close[2], close[3]]), CloseCode::HeartbeatLost.number());
    assert!(bytes.ends_with(&close), "{bytes:?}");
    let pings = bytes.windows(2).filter(|bytes| *bytes == [0x89, 0]).count();
    assert!(pings >= 1, "it asked before it gave up");
}

#[test]
fn too_many_frames_close_with_4429() {
    let app = TestApp::with(&["--frames-per-minute", "20"]);
    let mut socket = app.socket();
    for number in 0..40 {
        let ping = serde_json::to_string(&ClientCommand::Ping { id: number.to_string() }).expect("JSON");
        socket.send_bytes(&frame(TEXT, ping.as_bytes()));
    }
    assert_eq!(socket.closed(), CloseCode::FrameRate.number());
}
