//! The socket: the handshake, `hello`, following rooms, signing out.

use serde_json::json;
use shared::errors::ErrorCode;
use shared::events::{ClientCommand, CloseCode, ServerEvent};
use shared::server::{SOCKET_PATH, SOCKET_PROTOCOL};
use shared::sessions::CURRENT_SESSION_PATH;
use shared::users::User;
use support::app::TestApp;
use support::builders::unknown_room_id;
use support::client::{Request, TestClient};
use support::socket::TestSocket;
use support::{on_each_transport, transport::Transport};

on_each_transport!(
    hello_to_an_anonymous_socket_has_no_user,
    a_bearer_token_signs_the_socket_in,
    an_invalid_token_in_a_frame_closes_the_socket,
    signing_out_closes_only_the_sockets_of_the_session,
    subscribing_returns_the_room_and_the_users_in_it,
    without_since_nothing_is_replayed,
    an_unknown_or_deleted_room_cannot_be_followed_and_the_socket_stays_open,
    unsubscribing_ends_the_messages_of_a_room_but_not_the_changes_of_rooms,
    one_socket_follows_many_rooms,
    subscribing_again_restarts_delivery_without_duplicates,
    a_ping_is_answered_with_its_id,
    unknown_commands_and_unknown_fields_are_ignored,
);

fn hello(socket: &mut TestSocket) -> Option<User> {
    match socket.next_event() {
        ServerEvent::Hello { server_version, heartbeat_seconds, user, .. } => {
            assert_eq!(server_version.split('.').count(), 3, "{server_version}");
            assert_eq!(heartbeat_seconds, 25);
            user
        }
        event => panic!("the first event is {event:?}"),
    }
}

/// The handshake of RFC 6455, section 1.2, as a plain request.
fn handshake(client: &TestClient) -> Request {
    client
        .request("GET", SOCKET_PATH)
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", SOCKET_PROTOCOL)
}

fn own_origin(app: &TestApp) -> String {
    format!("http://{}", app.addr())
}

#[test]
fn the_handshake_accepts_the_subprotocol() {
    let app = TestApp::start();
    let raw = format!(
        "GET {SOCKET_PATH} HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         sec-websocket-protocol: other, {SOCKET_PROTOCOL}\r\n\r\n",
        app.addr()
    );
    let answer = support::http::exchange(app.addr(), raw.as_bytes()).expect(101);
    assert_eq!(answer.header("sec-websocket-protocol"), Some(SOCKET_PROTOCOL));
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
}

fn hello_to_an_anonymous_socket_has_no_user(transport: Transport) {
    let app = TestApp::start().by(transport);
    assert_eq!(hello(&mut TestSocket::open(&app.anonymous())), None);
}

fn a_bearer_token_signs_the_socket_in(transport: Transport) {
    let app = TestApp::start().by(transport);
    let grace = app.guest("Grace");
    assert_eq!(hello(&mut TestSocket::open(&grace)).as_ref(), Some(grace.user()));
}

#[test]
fn the_cookie_signs_the_socket_in_only_from_an_allowed_origin() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let (cookie, origin) = (grace.cookie(), own_origin(&app));
    let mut socket = TestSocket::open_with(app.addr(), &[("cookie", cookie), ("origin", &origin)]);
    assert_eq!(hello(&mut socket).as_ref(), Some(grace.user()));

    let with_cookie = handshake(&app.anonymous()).header("cookie", cookie);
    with_cookie.clone().send().problem(403, ErrorCode::OriginRefused);
    for origin in ["null", "https://evil.example", "http://127.0.0.1"] {
        with_cookie.clone().header("origin", origin).send().problem(403, ErrorCode::OriginRefused);
    }
}

#[test]
fn a_foreign_origin_gets_no_socket() {
    let app = TestApp::start();
    for origin in ["https://evil.example", "null"] {
        let answer = handshake(&app.anonymous()).header("origin", origin).send();
        answer.problem(403, ErrorCode::OriginRefused);
    }
}

#[test]
fn a_bad_bearer_is_refused_before_the_upgrade() {
    let app = TestApp::start();
    let answer = handshake(&app.anonymous()).header("authorization", "Bearer wrong").send();
    answer.problem(401, ErrorCode::InvalidToken);
}

#[test]
fn a_plain_get_is_told_to_upgrade() {
    let app = TestApp::start();
    let answer = app.anonymous().get(SOCKET_PATH);
    answer.problem(426, ErrorCode::UpgradeRequired);
    assert_eq!(answer.header("upgrade").map(str::to_ascii_lowercase).as_deref(), Some("websocket"));
}

#[test]
fn a_handshake_of_another_version_or_without_a_key_is_refused() {
    let app = TestApp::start();
    let request = app.anonymous().request("GET", SOCKET_PATH).header("connection", "upgrade");
    let request = request.header("upgrade", "websocket");
    let other_version = request.clone().header("sec-websocket-version", "8").send();
    other_version.problem(426, ErrorCode::UpgradeRequired);
    assert_eq!(other_version.header("sec-websocket-version"), Some("13"));
    let without_key = request.header("sec-websocket-version", "13");
    without_key.send().problem(400, ErrorCode::BadRequest);
}

#[test]
fn a_token_in_the_first_frame_signs_in_and_is_answered_with_hello() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let mut socket = TestSocket::open(&app.anonymous());
    assert_eq!(hello(&mut socket), None);
    let token = grace.token().expect("a guest").to_owned();
    socket.send(&ClientCommand::Authenticate { token });
    assert_eq!(hello(&mut socket).as_ref(), Some(grace.user()));
}

fn an_invalid_token_in_a_frame_closes_the_socket(transport: Transport) {
    let app = TestApp::start().by(transport);
    let mut socket = app.socket();
    socket.send(&ClientCommand::Authenticate { token: "wrong".to_owned() });
    assert_eq!(socket.closed(), CloseCode::SessionEnded.number());
}

fn signing_out_closes_only_the_sockets_of_the_session(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (grace, ada) = (app.guest("Grace"), app.guest("Ada Lovelace"));
    let cookie = grace.cookie();
    let first = TestSocket::connect(&grace);
    let by_cookie = TestSocket::open_with(app.addr(), &[("cookie", cookie), ("origin", &own_origin(&app))]);
    // A stream would belong to the session from then on.
    let mut by_frame = TestSocket::connect(&app.anonymous().by(Transport::WebSocket));
    by_frame.send(&ClientCommand::Authenticate { token: grace.token().expect("a guest").to_owned() });
    hello(&mut by_frame);
    let mut others = [TestSocket::connect(&ada), app.socket()];
    grace.delete(CURRENT_SESSION_PATH).expect(204);
    for socket in [first, by_cookie, by_frame] {
        assert_eq!(socket.closed(), CloseCode::SessionEnded.number());
    }
    for socket in &mut others {
        assert_eq!(socket.settle(), []);
    }
}

fn subscribing_returns_the_room_and_the_users_in_it(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let subscribed = TestSocket::connect(&alice).subscribe(room.id);
    assert_eq!(subscribed.rev, message.rev);
    assert_eq!((subscribed.room.id, subscribed.room.rev), (room.id, message.rev));
    assert_eq!(subscribed.room.last_seq, message.seq);
    assert_eq!(subscribed.room.online, 1);
    assert_eq!(subscribed.online, [alice.user().clone()]);
    assert_eq!(subscribed.visitors, 0);
}

fn without_since_nothing_is_replayed(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    alice.send_many(room.id, 3);
    let mut socket = app.socket();
    socket.subscribe(room.id);
    socket.assert_quiet();
    let message = alice.send(room.id, "live");
    assert_eq!(socket.next_change().0, message.rev);
}

fn an_unknown_or_deleted_room_cannot_be_followed_and_the_socket_stays_open(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    alice.delete_room(room.id);
    let mut socket = app.socket();
    for room_id in [unknown_room_id(), room.id] {
        socket.send(&ClientCommand::subscribe(room_id, None, true));
        let refused = socket.expect(|event| match event {
            ServerEvent::Error { code, room_id, .. } => Some((*code, *room_id)),
            _ => None,
        });
        assert_eq!(refused, (ErrorCode::RoomNotFound, Some(room_id)));
    }
    socket.subscribe(app.lobby().id);
}

fn unsubscribing_ends_the_messages_of_a_room_but_not_the_changes_of_rooms(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let mut socket = app.socket();
    socket.subscribe(room.id);
    socket.send(&ClientCommand::Unsubscribe { room_id: room.id });
    socket.settle();
    alice.send(room.id, "not for you");
    assert_eq!(socket.settle(), []);
    let renamed = alice.rename_room(room.id, "renamed");
    let (rev, event) = socket.next_change();
    assert_eq!(rev, renamed.rev);
    assert!(matches!(event, ServerEvent::RoomUpdated(_)), "{event:?}");
}

fn one_socket_follows_many_rooms(transport: Transport) {
    let app = TestApp::start().by(transport);
    let alice = app.guest("Alice");
    let rooms: Vec<_> = (0..20).map(|number| alice.create_room(&format!("room {number}"))).collect();
    let mut socket = TestSocket::connect(&app.guest("Grace"));
    for room in &rooms {
        socket.subscribe(room.id);
    }
    for room in &rooms {
        let message = alice.send(room.id, "hello");
        let (rev, event) = socket.next_change();
        assert_eq!((rev, event.room_id()), (message.rev, Some(room.id)));
    }
}

fn subscribing_again_restarts_delivery_without_duplicates(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let mut socket = app.socket();
    socket.subscribe(room.id);
    socket.subscribe(room.id);
    let message = alice.send(room.id, "hello");
    assert_eq!(socket.next_change().0, message.rev);
    socket.assert_quiet();
}

fn a_ping_is_answered_with_its_id(transport: Transport) {
    let app = TestApp::start().by(transport);
    let mut socket = app.socket();
    for id in ["", "1", "日本語 \" \\ \u{1}", &"x".repeat(1_000)] {
        socket.send(&ClientCommand::Ping { id: id.to_owned() });
        let answered = socket.expect(|event| match event {
            ServerEvent::Pong { id } => Some(id.clone()),
            _ => None,
        });
        assert_eq!(answered, id);
    }
}

fn unknown_commands_and_unknown_fields_are_ignored(transport: Transport) {
    let app = TestApp::start().by(transport);
    let mut socket = app.socket();
    socket.send_text(&json!({ "type": "react", "emoji": "+1", "nested": { "a": [1, 2] } }).to_string());
    socket.send_text(&json!({ "type": "unknown" }).to_string());
    assert_eq!(socket.settle(), []);
    socket.send_text(&json!({ "later": null, "type": "ping", "id": "7", "priority": 1 }).to_string());
    assert_eq!(socket.next_event(), ServerEvent::Pong { id: "7".to_owned() });
}

#[test]
fn on_a_members_only_server_an_anonymous_socket_follows_no_room() {
    let app = TestApp::with(&["--rate-limits", "off", "--access", "members"]);
    let (alice, room) = app.alice_in_a_room();
    let mut socket = app.socket();
    socket.send(&ClientCommand::subscribe(room.id, None, true));
    let code = socket.expect(|event| match event {
        ServerEvent::Error { code, .. } => Some(*code),
        _ => None,
    });
    assert_eq!(code, ErrorCode::AuthenticationRequired);
    alice.create_room("a secret room");
    alice.send(room.id, "hello");
    assert_eq!(socket.settle(), [], "nor does it hear of rooms");
    TestSocket::connect(&alice).subscribe(room.id);
}
