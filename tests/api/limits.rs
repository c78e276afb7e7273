//! Rate limits, and the responses beyond them.

use std::thread;

use serde_json::json;
use shared::errors::{ErrorCode, LimitScope};
use shared::events::{ClientCommand, CloseCode, ServerEvent};
use shared::messages::{Message, message_path, messages_path};
use shared::rooms::{ROOMS_PATH, room_path};
use shared::server::{SOCKET_PATH, SOCKET_PROTOCOL};
use shared::users::{CURRENT_USER_PATH, GUESTS_PATH};
use support::app::{TestApp, start_server};
use support::client::TestClient;
use support::db::TestDb;
use support::http::Response;
use support::proxy::DbProxy;
use support::socket::TestSocket;
use support::wait::until;

/// Asserts a 429 with the time until a retry, in the header and the body.
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
fn a_user_sends_a_burst_of_ten_and_is_then_limited() {
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
    // Other users are not limited, and Alice only for a moment.
    send(&app.guest("Grace"), &room).expect(201);
    until("Alice may send again", || (send(&alice, &room).status == 201).then_some(()));
}

#[test]
fn the_rate_of_a_room_counts_all_users() {
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
fn edits_and_deletions_of_messages_count_like_sends() {
    let app = TestApp::with(&["--sends-per-second", "1", "--sends-burst", "5"]);
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let path = message_path(room.id, message.id);
    let edit = |number: usize| alice.patch(&path, &json!({ "text": format!("edit {number}") }));
    let answers: Vec<Response> = (0..30).map(edit).collect();
    assert!(answers[..4].iter().all(|answer| answer.status == 200), "the first ones come through");
    let refused = answers.iter().find(|answer| answer.status != 200).expect("thirty at once are too many");
    limited(refused, LimitScope::User);
    let refused = until("a deletion too many", || {
        let message =
            until("a message is sent", || Some(send(&alice, &room)).filter(|sent| sent.status == 201));
        let path = message_path(room.id, message.json::<Message>().id);
        Some(alice.delete(&path)).filter(|answer| answer.status != 204)
    });
    limited(&refused, LimitScope::User);
}

#[test]
fn edits_and_deletions_count_for_the_room_too() {
    let app = TestApp::with(&["--room-sends-per-second", "3"]);
    let (_, room) = app.alice_in_a_room();
    let messages: Vec<_> = (0..3)
        .map(|number| app.guest(&format!("guest {number}")))
        .map(|author| (message_path(room.id, author.send(room.id, "hello").id), author))
        .collect();
    let refused = until("a change too many", || {
        let mut answers =
            messages.iter().map(|(path, author)| author.patch(path, &json!({ "text": "hello" })));
        answers.find(|answer| answer.status != 200)
    });
    limited(&refused, LimitScope::Room);
}

#[test]
fn a_user_renames_and_deletes_as_many_rooms_per_hour_as_they_create() {
    let app = TestApp::with(&["--rooms-per-hour", "3"]);
    let alice = app.guest("Alice");
    let rooms: Vec<_> = (0..3).map(|number| alice.create_room(&format!("room {number}"))).collect();
    alice.rename_room(rooms[0].id, "another name");
    alice.delete_room(rooms[0].id);
    alice.delete_room(rooms[1].id);
    let rename = alice.patch(&room_path(rooms[2].id), &json!({ "name": "one too many" }));
    assert!(limited(&rename, LimitScope::User) > 30);
    assert!(limited(&alice.delete(&room_path(rooms[2].id)), LimitScope::User) > 30);
    assert_eq!(alice.room(rooms[2].id), rooms[2], "what was refused was not done");
    app.guest("Grace").create_room("of somebody else");
}

#[test]
fn a_user_creates_30_rooms_per_hour() {
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
fn an_address_creates_20_guests_per_hour() {
    let app = TestApp::with(&["--address-requests-per-second", "1000"]);
    for number in 0..20 {
        app.guest(&format!("guest {number}"));
    }
    let answer = app.anonymous().post(GUESTS_PATH, &json!({ "username": "one too many" }));
    assert!(limited(&answer, LimitScope::Ip) > 30);
}

#[test]
fn requests_are_counted_by_user_or_by_address_without_a_session() {
    let app = TestApp::with(&["--user-requests-per-second", "5", "--address-requests-per-second", "7"]);
    let (grace, ada) = (app.guest("Grace"), app.guest("Ada Lovelace"));
    let refused = |client: &TestClient, path: &str| {
        until("a request too many", || Some(client.get(path)).filter(|answer| answer.status == 429))
    };
    limited(&refused(&grace, CURRENT_USER_PATH), LimitScope::User);
    ada.get(CURRENT_USER_PATH).expect(200);
    limited(&refused(&app.anonymous(), ROOMS_PATH), LimitScope::Ip);
    // Health checks are sent by machines at their own rate.
    for _ in 0..30 {
        app.anonymous().get("/livez").expect(200);
    }
}

#[test]
fn guessed_tokens_are_refused_before_the_database_is_queried() {
    let db = TestDb::new();
    let proxy = DbProxy::new(&db);
    let server = start_server(&proxy.url(&db), &["--address-requests-per-second", "1"]);
    let addr = server.addr();
    let guess = move |number: usize| {
        let request = TestClient::anonymous(addr).request("GET", CURRENT_USER_PATH);
        request.header("authorization", &format!("Bearer guess {number}")).send()
    };
    let grace = TestClient::guest(server.addr(), "Grace");
    let refused = (0..200).map(guess).filter(|answer| answer.status == 429).count();
    assert!(refused > 100, "{refused} guesses were refused");
    // Now the database could only answer after seconds, with 503.
    proxy.hang();
    let answers: Vec<Response> = thread::scope(|scope| {
        let guesses: Vec<_> = (0..40).map(|number| scope.spawn(move || guess(number))).collect();
        guesses.into_iter().map(|guess| guess.join().expect("an answer")).collect()
    });
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(refused.len() > 30, "{} guesses were refused", refused.len());
    for answer in refused {
        limited(answer, LimitScope::Ip);
    }
    // A client at the same address whose token is cached is not refused.
    grace.get(CURRENT_USER_PATH).expect(200);
    proxy.release();
    server.stop();
}

#[test]
fn guesses_count_with_every_kind_of_credentials() {
    let app = TestApp::with(&["--address-requests-per-second", "1"]);
    let grace = app.guest("Grace");
    let cookie_name = grace.cookie().split('=').next().expect("a name").to_owned();
    let headers = |number: usize| match number % 3 {
        0 => ("authorization", format!("Bearer guess {number}")),
        1 => ("cookie", format!("{cookie_name}=guess{number}")),
        _ => ("authorization", format!("Basic guess{number}")),
    };
    for first in 0..3 {
        let refused = until("a guess too many", || {
            let (name, value) = headers(first);
            let answer = app.anonymous().request("GET", ROOMS_PATH).header(name, &value).send();
            Some(answer).filter(|answer| answer.status == 429)
        });
        limited(&refused, LimitScope::Ip);
    }
    let refused = until("a handshake too many", || {
        let request = app.anonymous().request("GET", SOCKET_PATH).header("authorization", "Bearer wrong");
        let request = request.header("connection", "upgrade").header("upgrade", "websocket");
        let request = request.header("sec-websocket-version", "13");
        let answer = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").send();
        Some(answer).filter(|answer| answer.status == 429)
    });
    limited(&refused, LimitScope::Ip);
    until("a guess too many on open sockets", || {
        let mut socket = TestSocket::connect(&grace);
        socket.send(&ClientCommand::Authenticate { token: "wrong".to_owned() });
        (socket.closed() == CloseCode::FrameRate.number()).then_some(())
    });
    grace.get(CURRENT_USER_PATH).expect(200);
}

#[test]
fn creating_guests_counts_as_requests_even_if_it_fails() {
    let app = TestApp::with(&["--address-requests-per-second", "3"]);
    let refused = until("a request too many", || {
        let answer = app.anonymous().post(GUESTS_PATH, &json!({ "username": "x" }));
        Some(answer).filter(|answer| answer.status != 422)
    });
    limited(&refused, LimitScope::Ip);
}

#[test]
fn readiness_checks_are_counted_separately() {
    let app = TestApp::with(&["--address-requests-per-second", "1"]);
    let anonymous = app.anonymous();
    let limited_request = || (anonymous.get(ROOMS_PATH).status == 429).then_some(());
    for _ in 0..10 {
        until("a request too many", limited_request);
        anonymous.get("/readyz").expect(200);
    }
    let refused =
        until("a probe too many", || Some(anonymous.get("/readyz")).filter(|answer| answer.status != 200));
    limited(&refused, LimitScope::Ip);
    anonymous.get("/livez").expect(200);
}

#[test]
fn ipv6_is_counted_by_the_network_of_a_subscriber() {
    let app = TestApp::with(&["--guests-per-hour", "1", "--trusted-proxies", "127.0.0.0/8"]);
    let guest = |address: &str| {
        let request = app.anonymous().request("POST", GUESTS_PATH).header("x-forwarded-for", address);
        request.json(&json!({ "username": "Grace" })).send().status
    };
    assert_eq!(guest("2001:db8:1:2::1"), 201);
    assert_eq!(guest("2001:db8:1:2:ffff::1"), 429);
    assert_eq!(guest("2001:db8:1:3::1"), 201);
    assert_eq!(guest("203.0.113.9"), 201);
    assert_eq!(guest("::ffff:203.0.113.9"), 429);
    // Hops to the left of an invalid one may be forged.
    assert_eq!(guest("198.51.100.1, unknown, 203.0.113.9:4711"), 429);
}

#[test]
fn a_forwarded_address_is_trusted_only_from_a_trusted_proxy() {
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
    // Hops that the client sent are ignored.
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

#[test]
fn anonymous_subscriptions_are_counted_by_address_and_refused_beyond_a_thousand() {
    let app = TestApp::with(&[]);
    let lobby = app.lobby().id;
    let mut refused = 0;
    for _ in 0..3 {
        let mut socket = app.socket();
        let subscribe = ClientCommand::subscribe(lobby, None, false);
        (0..480).for_each(|_| socket.send(&subscribe));
        let answered = |event: &ServerEvent| match event {
            ServerEvent::Subscribed { .. } => Some(false),
            ServerEvent::Error { code, .. } => {
                assert_eq!(*code, ErrorCode::RateLimited);
                Some(true)
            }
            _ => None,
        };
        refused += (0..480).filter(|_| socket.expect(answered)).count();
    }
    assert!((100..=440).contains(&refused), "{refused} of 1,440");
}
