//! How much anybody may do in what time, and what they are told beyond it.

use serde_json::json;
use shared::errors::{ErrorCode, LimitScope};
use shared::events::{ClientCommand, ServerEvent};
use shared::messages::messages_path;
use shared::rooms::ROOMS_PATH;
use shared::server::{SOCKET_PATH, SOCKET_PROTOCOL};
use shared::users::{CURRENT_USER_PATH, GUESTS_PATH};
use support::app::TestApp;
use support::client::TestClient;
use support::http::Response;
use support::socket::TestSocket;
use support::wait::until;

/// A 429 that says when to come back, in its header and in its body.
#[track_caller]
fn limited(answer: &Response, scope: LimitScope) -> u64 {
    let problem = answer.problem(429, ErrorCode::RateLimited);
    assert_eq!(problem.scope, Some(scope), "{problem:?}");
    let seconds: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!(seconds >= 1);
    assert_eq!(problem.retry_after, Some(seconds));
    seconds
}

fn send(client: &TestClient, room: &shared::rooms::Room) -> Response {
    client.post(&messages_path(room.id), &json!({ "text": "hello" }))
}

#[test]
fn a_user_sends_ten_at_once_and_is_then_slowed_down() {
    let app = TestApp::with(&[]);
    let (alice, room) = app.alice_in_a_room();
    let answers: Vec<Response> = (0..30).map(|_| send(&alice, &room)).collect();
    let refused: Vec<&Response> = answers.iter().filter(|answer| answer.status != 201).collect();
    assert!(answers[..10].iter().all(|answer| answer.status == 201), "the first ten come through");
    assert!(!refused.is_empty(), "thirty at once are too many");
    for answer in &refused {
        limited(answer, LimitScope::User);
    }
    let sent = answers.len() - refused.len();
    assert_eq!(alice.room(room.id).last_seq.0, sent as i64, "what was refused was not stored");
    // Somebody else is not slowed down by it, and Alice only for a moment.
    send(&app.guest("Grace"), &room).expect(201);
    until("Alice may send again", || (send(&alice, &room).status == 201).then_some(()));
}

#[test]
fn a_room_takes_so_much_from_all_together() {
    let app = TestApp::with(&["--room-sends-per-second", "3"]);
    let (_, room) = app.alice_in_a_room();
    let people: Vec<_> = (0..10).map(|number| app.guest(&format!("guest {number}"))).collect();
    let answers: Vec<_> = people.iter().map(|one| send(one, &room)).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 201).collect();
    assert!(!refused.is_empty());
    for answer in refused {
        limited(answer, LimitScope::Room);
    }
    let lobby = app.lobby();
    send(&people[0], &lobby).expect(201);
}

#[test]
fn a_user_creates_30_rooms_an_hour() {
    let app = TestApp::with(&[]);
    let grace = app.guest("Grace");
    for number in 0..30 {
        grace.create_room(&format!("room {number}"));
    }
    let answer = grace.post(ROOMS_PATH, &json!({ "name": "one too many" }));
    assert!(limited(&answer, LimitScope::User) > 30);
    app.guest("Ada Lovelace").create_room("of somebody else");
}

#[test]
fn an_address_brings_20_guests_an_hour() {
    let app = TestApp::with(&["--address-requests-per-second", "1000"]);
    for number in 0..20 {
        app.guest(&format!("guest {number}"));
    }
    let answer = app.anonymous().post(GUESTS_PATH, &json!({ "username": "one too many" }));
    assert!(limited(&answer, LimitScope::Ip) > 30);
}

#[test]
fn requests_are_counted_by_user_or_else_by_address() {
    let app = TestApp::with(&["--user-requests-per-second", "5", "--address-requests-per-second", "7"]);
    let (grace, ada) = (app.guest("Grace"), app.guest("Ada Lovelace"));
    let refused = |client: &TestClient, path: &str| {
        until("a request too many", || Some(client.get(path)).filter(|answer| answer.status == 429))
    };
    limited(&refused(&grace, CURRENT_USER_PATH), LimitScope::User);
    ada.get(CURRENT_USER_PATH).expect(200);
    limited(&refused(&app.anonymous(), ROOMS_PATH), LimitScope::Ip);
    // Health is asked by machines, in their own rhythm.
    for _ in 0..30 {
        app.anonymous().get("/livez").expect(200);
    }
}

#[test]
fn a_forwarded_address_is_believed_from_a_trusted_proxy_only() {
    let guest = |app: &TestApp, address: &str| {
        let request = app.anonymous().request("POST", GUESTS_PATH).header("x-forwarded-for", address);
        request.json(&json!({ "username": "Grace" })).send().status
    };
    let flags = ["--guests-per-hour", "1"];
    let alone = TestApp::with(&flags);
    assert_eq!(guest(&alone, "198.51.100.1"), 201);
    assert_eq!(guest(&alone, "198.51.100.2"), 429, "anybody can write that header");
    let behind = TestApp::with(&[&flags[..], &["--trusted-proxies", "127.0.0.1"]].concat());
    assert_eq!(guest(&behind, "198.51.100.1"), 201);
    assert_eq!(guest(&behind, "198.51.100.2"), 201);
    assert_eq!(guest(&behind, "198.51.100.2"), 429);
    // What a client put in front of what the proxy added does not count.
    assert_eq!(guest(&behind, "203.0.113.9, 198.51.100.2"), 429);
}

fn handshake(client: &TestClient) -> Response {
    let request =
        client.request("GET", SOCKET_PATH).header("connection", "upgrade").header("upgrade", "websocket");
    let request =
        request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    request.header("sec-websocket-protocol", SOCKET_PROTOCOL).send()
}

#[test]
fn sockets_are_counted_by_user_address_and_server_and_refused_before_the_upgrade() {
    let app = TestApp::with(&["--sockets-per-user", "2"]);
    let grace = app.guest("Grace");
    let first = TestSocket::connect(&grace);
    let _second = TestSocket::connect(&grace);
    limited(&handshake(&grace), LimitScope::User);
    let _other = TestSocket::connect(&app.guest("Ada Lovelace"));
    first.leave();
    until("there is room for another", || (handshake(&grace).status == 101).then_some(()));

    let app = TestApp::with(&["--sockets-per-address", "1"]);
    let _first = app.socket();
    limited(&handshake(&app.anonymous()), LimitScope::Ip);

    let app = TestApp::with(&["--sockets", "1", "--rate-limits", "off"]);
    let _first = app.socket();
    limited(&handshake(&app.anonymous()), LimitScope::Server);
}

#[test]
fn signing_in_on_open_sockets_does_not_get_around_the_limit() {
    let app = TestApp::with(&["--sockets-per-user", "2"]);
    let grace = app.guest("Grace");
    let token = grace.token().expect("a guest").to_owned();
    let mut signed_in = Vec::new();
    for _ in 0..4 {
        let mut socket = app.socket();
        socket.send(&ClientCommand::Authenticate { token: token.clone() });
        if let Ok(ServerEvent::Hello { user: Some(_), .. }) = socket.next_or_close() {
            signed_in.push(socket);
        }
    }
    assert_eq!(signed_in.len(), 2);
}

#[test]
// reference: typing-line
fn who_begins_to_type_over_and_over_is_told_of_a_few_times_only() {
    let app = TestApp::with(&[]);
    let (alice, room) = app.alice_in_a_room();
    let (mut typist, mut watcher) = (TestSocket::connect(&alice), TestSocket::connect(&app.guest("Grace")));
    watcher.subscribe(room.id);
    typist.subscribe(room.id);
    for _ in 0..10 {
        for active in [true, false] {
            typist.send(&ClientCommand::Typing { room_id: room.id, active });
        }
    }
    // Its pong comes after what went before it.
    typist.settle();
    let begun = |event: &&ServerEvent| matches!(event, ServerEvent::Typing { active: true, .. });
    let told = watcher.settle().iter().filter(begun).count();
    assert!((1..=4).contains(&told), "told {told} times");
}
