//! Streams: what they have beyond a socket. What both have in common is tested once for each transport, where it belongs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::errors::{ErrorCode, LimitScope};
use shared::events::{CloseCode, ServerEvent};
use shared::ids::{RoomId, StreamId};
use shared::sessions::CURRENT_SESSION_PATH;
use shared::streams::{NewStream, STREAMS_PATH, StreamEvents};
use support::app::TestApp;
use support::client::TestClient;
use support::http::Response;
use support::socket::TestSocket;
use support::stream::EventReader;
use support::transport::Transport;
use support::wait::until;

fn open(client: &TestClient) -> NewStream {
    client.request("POST", STREAMS_PATH).send().expect(201).json()
}

fn path(id: StreamId) -> String {
    format!("{STREAMS_PATH}/{id}")
}

fn events_path(id: StreamId) -> String {
    format!("{STREAMS_PATH}/{id}/events")
}

fn command(client: &TestClient, id: StreamId, body: &Value) -> Response {
    client.post(&format!("{STREAMS_PATH}/{id}/commands"), body)
}

fn poll(client: &TestClient, id: StreamId, query: &str) -> Response {
    client.request("GET", &format!("{}?{query}", events_path(id))).header("accept", "application/json").send()
}

fn subscribe(room_id: RoomId) -> Value {
    json!({ "type": "subscribe", "room_id": room_id })
}

fn gone(answer: Response) {
    answer.problem(410, ErrorCode::StreamGone);
}

/// The events of a poll, which has some.
#[track_caller]
fn events(client: &TestClient, id: StreamId, after: u64) -> Vec<(u64, ServerEvent)> {
    let polled: StreamEvents = poll(client, id, &format!("after={after}&wait=10")).expect(200).json();
    assert_eq!(polled.next, polled.events.last().map_or(after, |event| event.n));
    polled.events.into_iter().map(|event| (event.n, event.event)).collect()
}

#[test]
fn a_new_stream_says_hello_to_the_session_that_opened_it() {
    let app = TestApp::start();
    let alice = app.guest("Alice");
    let answer = alice.request("POST", STREAMS_PATH).send().expect(201);
    let NewStream { id, hello } = answer.json();
    assert_eq!(answer.header("location"), Some(path(id).as_str()));
    let ServerEvent::Hello { user, epoch, .. } = hello else { panic!("{hello:?}") };
    assert_eq!(user.as_ref(), Some(alice.user()));
    let mut socket = TestSocket::open(&app.anonymous());
    let ServerEvent::Hello { epoch: of_socket, .. } = socket.next_event() else { panic!("a hello first") };
    assert_eq!(epoch, of_socket);
    let ServerEvent::Hello { user: None, .. } = open(&app.anonymous()).hello else { panic!("nobody") };
}

#[test]
fn a_stream_is_gone_for_everybody_but_its_session() {
    let app = TestApp::start();
    let (alice, grace) = (app.guest("Alice"), app.guest("Grace"));
    let id = open(&alice).id;
    for other in [&grace, &app.anonymous()] {
        gone(poll(other, id, "after=0"));
        gone(command(other, id, &json!({ "type": "ping", "id": "1" })));
        gone(other.delete(&path(id)));
    }
    let nobodys = open(&app.anonymous()).id;
    gone(poll(&alice, nobodys, "after=0"));
    alice.delete(&path(nobodys)).expect(204);
    for unknown in ["x", "0190a5b0-0000-7000-8000-000000000001"] {
        gone(alice.get(&format!("{STREAMS_PATH}/{unknown}/events?after=0")));
        gone(alice.delete(&format!("{STREAMS_PATH}/{unknown}")));
    }
    alice.delete(&path(id)).expect(204);
    gone(alice.delete(&path(id)));
    gone(poll(&alice, id, "after=0"));
}

#[test]
fn a_foreign_page_or_a_stranger_to_a_members_only_server_opens_no_stream() {
    let app = TestApp::with(&["--rate-limits", "off", "--access", "members"]);
    app.anonymous().request("POST", STREAMS_PATH).send().problem(401, ErrorCode::AuthenticationRequired);
    open(&app.guest("Alice"));
    let app = TestApp::start();
    let request = app.anonymous().request("POST", STREAMS_PATH);
    request.header("origin", "https://evil.example").send().problem(403, ErrorCode::OriginRefused);
}

#[test]
fn invalid_commands_are_refused_together_and_the_stream_stays() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let id = open(&alice).id;
    let text =
        |text: &str| alice.request("POST", &format!("{STREAMS_PATH}/{id}/commands")).json_text(text).send();
    text("{").problem(400, ErrorCode::MalformedJson);
    text(r#"{"type":"ping","type":"ping","id":"1"}"#).problem(400, ErrorCode::MalformedJson);
    let pointers = |answer: Response| -> Vec<String> {
        let problem = answer.problem(422, ErrorCode::ValidationFailed);
        problem.errors.into_iter().map(|error| error.pointer).collect()
    };
    assert_eq!(pointers(text("7")), [""]);
    assert_eq!(pointers(command(&alice, id, &json!({ "type": "ping" }))), [""]);
    let mixed = json!([{ "type": "ping", "id": "1" }, { "type": "subscribe" }, 7]);
    assert_eq!(pointers(command(&alice, id, &mixed)), ["/1", "/2"]);
    let many = vec![json!({ "type": "ping", "id": "1" }); 101];
    assert_eq!(pointers(command(&alice, id, &many.into())), [""]);
    let rooms = vec![json!({ "room_id": room.id }); 101];
    assert_eq!(pointers(command(&alice, id, &json!({ "type": "subscribe", "rooms": rooms }))), [""]);

    command(&alice, id, &json!([{ "type": "dance" }, { "type": "ping", "id": "2" }])).expect(202);
    assert_eq!(events(&alice, id, 0), [(1, ServerEvent::Pong { id: "2".to_owned() })], "nothing came before");
}

#[test]
fn a_poll_waits_for_events_and_asking_after_one_acknowledges_it() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let id = open(&alice).id;
    let nothing: StreamEvents = poll(&alice, id, "after=0&wait=0").expect(200).json();
    assert_eq!((nothing.events.len(), nothing.next), (0, 0));

    command(&alice, id, &subscribe(room.id)).expect(202);
    let first = events(&alice, id, 0);
    assert!(matches!(first[..], [(1, ServerEvent::Subscribed { .. })]), "{first:?}");
    assert_eq!(events(&alice, id, 0).len(), 1, "it was not acknowledged");

    let waiting = std::thread::spawn({
        let alice = alice.clone();
        move || events(&alice, id, 1)
    });
    let sent = alice.send(room.id, "hello");
    let second = waiting.join().expect("the poll is answered");
    let [(2, ServerEvent::MessageCreated(change))] = &second[..] else { panic!("{second:?}") };
    assert_eq!(change.message, sent);
    gone(poll(&alice, id, "after=0"));
    gone(poll(&alice, id, "after=9"));
    for query in ["after=x", "after=-1", "wait=31", "wait=x"] {
        poll(&alice, id, query).problem(422, ErrorCode::ValidationFailed);
    }
    let repeated: StreamEvents = poll(&alice, id, "").expect(200).json();
    assert_eq!(repeated.next, 2, "without `after`, it continues after what was acknowledged");
}

#[test]
fn server_sent_events_continue_after_the_last_id_and_the_second_reader_takes_the_place() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let id = open(&alice).id;
    let mut first = EventReader::open(&alice, &events_path(id), &[]);
    command(&alice, id, &subscribe(room.id)).expect(202);
    assert_eq!(first.expect_event().id.as_deref(), Some("1"));
    alice.send(room.id, "one");
    let one = first.expect_event();
    assert_eq!((one.id.as_deref(), one.event), (Some("2"), None));

    let mut second = EventReader::open(&alice, &events_path(id), &[("last-event-id", "1")]);
    assert_eq!(second.expect_event().data, one.data, "what was written may not have arrived");
    assert_eq!(first.rest(), []);
    alice.send(room.id, "two");
    assert_eq!(second.expect_event().id.as_deref(), Some("3"));

    let mut third = EventReader::open(&alice, &events_path(id), &[]);
    alice.send(room.id, "three");
    assert_eq!(third.expect_event().id.as_deref(), Some("4"), "without an id, it continues");
    let request = alice.request("GET", &events_path(id)).header("accept", "text/event-stream");
    gone(request.clone().header("last-event-id", "7").send());
    request.header("last-event-id", "x").send().problem(422, ErrorCode::ValidationFailed);

    let head = alice.request("HEAD", &events_path(id)).header("accept", "text/event-stream").send();
    assert_eq!(head.expect(200).header("content-type"), Some("text/event-stream"));
    alice.send(room.id, "four");
    assert_eq!(third.expect_event().id.as_deref(), Some("5"), "HEAD takes no place");
    alice.delete(&path(id)).expect(204);
    let rest = third.rest();
    assert_eq!(rest[0].data, r#"{"type":"closed","code":1000}"#);
}

#[test]
fn what_was_written_to_one_reader_comes_to_a_poll_that_lacks_it() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let id = open(&alice).id;
    let mut reader = EventReader::open(&alice, &events_path(id), &[]);
    command(&alice, id, &subscribe(room.id)).expect(202);
    // What is sent before the subscription is not an event of it.
    assert_eq!(reader.expect_event().id.as_deref(), Some("1"));
    alice.send(room.id, "one");
    alice.send(room.id, "two");
    for number in ["2", "3"] {
        assert_eq!(reader.expect_event().id.as_deref(), Some(number));
    }
    for _ in 0..2 {
        let numbers: Vec<u64> = events(&alice, id, 1).into_iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [2, 3]);
    }
    assert_eq!(events(&alice, id, 2).len(), 1);
    gone(poll(&alice, id, "after=1"));
}

#[test]
fn accept_is_read_as_the_standard_says() {
    let app = TestApp::start();
    let alice = app.guest("Alice");
    let id = open(&alice).id;
    let media_type = |accept: &str| {
        let request = alice.request("HEAD", &format!("{}?after=0", events_path(id))).header("accept", accept);
        request.send().expect(200).header("content-type").map(str::to_owned)
    };
    for accept in ["text/event-stream", "TEXT/Event-Stream;q=0.5", "text/html, text/event-stream"] {
        assert_eq!(media_type(accept).as_deref(), Some("text/event-stream"), "{accept}");
    }
    for accept in
        ["application/json", "text/event-stream;q=0", "text/event-stream; q=0.0, application/json", "*/*"]
    {
        assert_eq!(media_type(accept).as_deref(), Some("application/json"), "{accept}");
    }
}

#[test]
fn a_stream_that_is_being_closed_takes_no_commands() {
    let app = TestApp::start();
    let alice = app.guest("Alice");
    let id = open(&alice).id;
    command(&alice, id, &json!({ "type": "authenticate", "token": "x" })).expect(202);
    let ping = json!({ "type": "ping", "id": "1" });
    until("the stream is gone", || (command(&alice, id, &ping).status == 410).then_some(()));
    let last = events(&alice, id, 0).pop().map(|(_, event)| event);
    assert_eq!(last, Some(ServerEvent::Closed { code: CloseCode::SessionEnded.number() }));

    let id = open(&alice).id;
    command(&alice, id, &json!({ "type": "authenticate", "token": "x" })).expect(202);
    until("the stream is gone", || (command(&alice, id, &ping).status == 410).then_some(()));
    gone(alice.delete(&path(id)));
}

#[test]
fn a_stream_that_nobody_reads_is_gone_after_half_a_minute() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut watcher = TestSocket::connect(&app.guest("Grace"));
    watcher.subscribe(room.id);
    let started = Instant::now();
    let id = open(&alice).id;
    command(&alice, id, &subscribe(room.id)).expect(202);
    assert_eq!(events(&alice, id, 0).len(), 1);
    let mut is_there = true;
    while is_there && started.elapsed() < Duration::from_secs(60) {
        let left = |event: &ServerEvent| matches!(event, ServerEvent::Presence { left, .. } if left.contains(&alice.user().id));
        is_there = !watcher.settle().iter().any(left);
    }
    assert!(!is_there, "she is still there after a minute");
    assert!(started.elapsed() >= Duration::from_secs(30));
    until("the stream is gone", || (poll(&alice, id, "after=1").status == 410).then_some(()));
}

#[test]
fn more_unacknowledged_events_than_a_socket_may_have_close_the_stream() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let id = open(&alice).id;
    command(&alice, id, &subscribe(room.id)).expect(202);
    assert_eq!(events(&alice, id, 0).len(), 1);
    let text = "x".repeat(150);
    let mut last = 1;
    let closed = until("the stream is closed", || {
        (0..200).for_each(|_| drop(alice.send(room.id, &text)));
        let polled = poll(&alice, id, "after=0&wait=0");
        if polled.status == 410 {
            let rest: StreamEvents = poll(&alice, id, &format!("after={last}&wait=10")).expect(200).json();
            return rest.events.into_iter().next().map(|event| event.event);
        }
        last = polled.json::<StreamEvents>().next;
        None
    });
    assert_eq!(closed, ServerEvent::Closed { code: CloseCode::SlowConsumer.number() });
}

#[test]
fn the_last_event_tells_why_the_stream_is_closed() {
    let mut app = TestApp::start();
    let (alice, grace) = (app.guest("Alice"), app.guest("Grace"));
    let signed_out = EventReader::open(&alice, &events_path(open(&alice).id), &[]);
    alice.delete(CURRENT_SESSION_PATH).expect(204);
    assert_eq!(signed_out.rest()[0].data, r#"{"type":"closed","code":4401}"#);

    let id = open(&grace).id;
    let mut reader = EventReader::open(&grace, &events_path(id), &[]);
    command(&grace, id, &json!({ "type": "ping", "id": "1" })).expect(202);
    reader.expect_event();
    let polled = open(&grace).id;
    let waiting = std::thread::spawn({
        let grace = grace.clone();
        move || events(&grace, polled, 0)
    });
    command(&grace, polled, &json!({ "type": "authenticate", "token": "x" })).expect(202);
    let last = waiting.join().expect("the poll is answered");
    assert_eq!(last, [(1, ServerEvent::Closed { code: CloseCode::SessionEnded.number() })]);
    app.stop();
    assert_eq!(reader.rest()[0].data, r#"{"type":"closed","code":1012}"#);
}

#[test]
fn a_stream_counts_as_a_socket() {
    let app = TestApp::with(&["--sockets-per-user", "2"]);
    let alice = app.guest("Alice");
    let _socket = TestSocket::connect(&alice);
    let id = open(&alice).id;
    let refused = alice.request("POST", STREAMS_PATH).send().problem(429, ErrorCode::RateLimited);
    assert_eq!(refused.scope, Some(LimitScope::User));
    alice.delete(&path(id)).expect(204);
    until("its place is free", || (alice.request("POST", STREAMS_PATH).send().status == 201).then_some(()));
}

#[test]
fn too_many_commands_in_a_minute_close_the_stream() {
    let app = TestApp::with(&["--frames-per-minute", "10"]);
    let alice = app.guest("Alice").by(Transport::ServerSentEvents);
    let mut stream = TestSocket::connect(&alice);
    (0..20).for_each(|_| stream.send_text(r#"{"type":"ping","id":"1"}"#));
    assert_eq!(stream.closed(), CloseCode::FrameRate.number());
}

#[test]
fn of_two_polls_the_second_gets_the_events_and_the_first_none() {
    let app = TestApp::start();
    let alice = app.guest("Alice");
    let id = open(&alice).id;
    let (answered, answers) = std::sync::mpsc::channel();
    for _ in 0..2 {
        let (alice, answered) = (alice.clone(), answered.clone());
        std::thread::spawn(move || answered.send(poll(&alice, id, "after=0&wait=30")));
    }
    let count = || {
        let answer: Response = answers.recv().expect("it is answered");
        answer.expect(200).json::<StreamEvents>().events.len()
    };
    assert_eq!(count(), 0, "it was replaced");
    command(&alice, id, &json!({ "type": "ping", "id": "1" })).expect(202);
    assert_eq!(count(), 1);
}
