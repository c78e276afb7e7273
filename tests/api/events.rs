//! The changes of a room without a socket: as server-sent events, and by waiting for them.

use std::time::{Duration, Instant};

use shared::admin::admin_user_path;
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::{Rev, RoomId};
use shared::members::Role;
use shared::messages::{Changes, changes_path};
use shared::rooms::room_path;
use shared::sessions::CURRENT_SESSION_PATH;
use support::app::TestApp;
use support::builders::unknown_room_id;
use support::client::TestClient;
use support::http::Response;
use support::socket::TestSocket;
use support::stream::{EventReader, SentEvent};

fn events_path(room_id: RoomId) -> String {
    format!("{}/events", room_path(room_id))
}

fn follow(client: &TestClient, room_id: RoomId, since: Rev) -> EventReader {
    EventReader::open(client, &format!("{}?since={since}", events_path(room_id)), &[])
}

/// What an event is: its type and its `rev`, which are also in its data.
#[track_caller]
fn change(event: &SentEvent) -> (&str, Rev) {
    let parsed: ServerEvent = serde_json::from_str(&event.data).expect("an event of the socket");
    let id = event.id.as_deref().and_then(|id| id.parse().ok()).map(Rev);
    assert_eq!(parsed.rev(), id, "{event:?}");
    let value: serde_json::Value = serde_json::from_str(&event.data).expect("JSON");
    assert_eq!(value["type"].as_str(), event.event.as_deref());
    (event.event.as_deref().expect("a type"), id.expect("a rev"))
}

fn wait(client: &TestClient, room_id: RoomId, since: Rev, seconds: u32) -> Response {
    client.get(&format!("{}?since={since}&wait={seconds}", changes_path(room_id)))
}

#[test]
fn changes_come_as_they_happen_and_presence_and_typing_do_not() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut reader = EventReader::open(&app.anonymous(), &events_path(room.id), &[]);
    let mut socket = TestSocket::connect(&alice);
    let online = socket.subscribe(room.id);
    assert_eq!(online.visitors, 0, "who reads the changes is not present");
    socket.send(&shared::events::ClientCommand::Typing { room_id: room.id, active: true });
    socket.settle();
    let message = alice.send(room.id, "hello");
    alice.edit(&message, "hello all");
    alice.rename_room(room.id, "Another name");
    alice.delete_message(&message);
    alice.create_room("Another room");
    let events: Vec<SentEvent> = (0..4).map(|_| reader.expect_event()).collect();
    let kinds: Vec<_> = events.iter().map(change).collect();
    let rev = room.rev.0;
    assert_eq!(
        kinds,
        [
            ("message_created", Rev(rev + 1)),
            ("message_updated", Rev(rev + 2)),
            ("room_updated", Rev(rev + 3)),
            ("message_deleted", Rev(rev + 4)),
        ]
    );
    alice.delete_room(room.id);
    let last = reader.rest();
    assert_eq!(change(&last[0]), ("room_deleted", Rev(rev + 5)));
    assert_eq!(last.len(), 1, "and then it ends");
}

#[test]
fn a_reader_resumes_after_the_last_id_or_else_after_since() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let messages = alice.send_many(room.id, 5);
    let expected: Vec<Rev> = messages.iter().map(|message| message.rev).collect();
    let mut reader = follow(&alice, room.id, room.rev);
    let revs: Vec<Rev> = (0..5).map(|_| change(&reader.expect_event()).1).collect();
    assert_eq!(revs, expected);

    let id = expected[2].to_string();
    let path = format!("{}?since=0", events_path(room.id));
    let mut reader = EventReader::open(&alice, &path, &[("last-event-id", &id)]);
    let later = alice.send(room.id, "live");
    let revs: Vec<Rev> = (0..3).map(|_| change(&reader.expect_event()).1).collect();
    assert_eq!(revs, [expected[3], expected[4], later.rev], "without a gap and without a repeat");
}

#[test]
fn changes_of_another_epoch_are_not_continued() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for path in [changes_path(room.id), events_path(room.id)] {
        let answer = alice.request("HEAD", &format!("{path}?since=0")).send().expect(200);
        let epoch = answer.header("parlance-epoch").expect("an epoch").to_owned();
        alice.request("HEAD", &format!("{path}?since=0&epoch={epoch}")).send().expect(200);
        for other in ["01890a5d-ac96-774b-bcce-b302099a8057", "x"] {
            let path = format!("{path}?since=0&epoch={other}");
            let problem = alice.get(&path).problem(422, ErrorCode::ValidationFailed);
            assert_eq!(problem.errors[0].pointer, "/epoch");
        }
    }
}

#[test]
fn more_than_a_thousand_missed_changes_come_all() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let (id, rev) = (room.id, room.rev);
    app.db().execute(&format!(
        "INSERT INTO messages (id, room_id, seq, rev, born_rev, author_id, text, sent_hash, created_at) \
         SELECT gen_random_uuid(), '{id}', n, {rev} + n, {rev} + n, '{}', 'again', 0, now() \
         FROM generate_series(1, 2500) AS n",
        alice.user().id,
    ));
    let after = rev.0 + 2_500;
    app.db().execute(&format!("UPDATE rooms SET last_seq = 2500, rev = {after} WHERE id = '{id}'"));
    let mut reader = follow(&alice, room.id, room.rev);
    for n in 1..=2_500 {
        assert_eq!(change(&reader.expect_event()), ("message_created", Rev(room.rev.0 + n)));
    }
    let live = alice.send(room.id, "live");
    assert_eq!(change(&reader.expect_event()).1, live.rev);
}

#[test]
fn what_cannot_be_followed_is_refused_before_the_stream_begins() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let private = app.member("Owner").create_private_room("hidden");
    for id in [unknown_room_id(), private.id] {
        alice.get(&events_path(id)).problem(404, ErrorCode::RoomNotFound);
        wait(&alice, id, Rev::ZERO, 5).problem(404, ErrorCode::RoomNotFound);
    }
    let beyond = Rev(room.rev.0 + 1);
    alice.get(&format!("{}?since={beyond}", events_path(room.id))).problem(422, ErrorCode::ValidationFailed);
    wait(&alice, room.id, beyond, 5).problem(422, ErrorCode::ValidationFailed);
    alice.get(&format!("{}?since=x", events_path(room.id))).problem(422, ErrorCode::ValidationFailed);
    for id in ["x", "12\u{e9}"] {
        let request = alice.request("GET", &events_path(room.id)).header("last-event-id", id);
        request.send().problem(422, ErrorCode::ValidationFailed);
    }
    for seconds in ["31", "-1", "x"] {
        let path = format!("{}?since=0&wait={seconds}", changes_path(room.id));
        alice.get(&path).problem(422, ErrorCode::ValidationFailed);
    }
    let head = alice.request("HEAD", &events_path(room.id)).send().expect(200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
}

#[test]
fn it_ends_with_the_right_to_see_the_room() {
    let app = TestApp::start();
    let [owner, member] = ["The owner", "The member"].map(|name| app.member(name));
    let room = owner.create_private_room("behind the curtain");
    owner.add(room.id, &member, Role::Member);
    let since = owner.room(room.id).rev;
    let reader = follow(&member, room.id, since);
    let waiting = std::thread::spawn({
        let member = member.clone();
        move || wait(&member, room.id, since, 20)
    });
    owner.remove(room.id, &member);
    owner.send(room.id, "between us");
    let events = reader.rest();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((events[0].event.as_deref(), &events[0].id), (Some("room_removed"), &None));
    waiting.join().expect("it is answered").problem(404, ErrorCode::RoomNotFound);
}

#[test]
fn strangers_lose_a_room_that_becomes_private() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    let room = owner.create_room("glass house");
    let reader = follow(&app.anonymous(), room.id, room.rev);
    let waiting = std::thread::spawn({
        let stranger = app.anonymous();
        move || wait(&stranger, room.id, room.rev, 20)
    });
    owner.patch(&room_path(room.id), &serde_json::json!({ "visibility": "private" })).expect(200);
    let events = reader.rest();
    assert_eq!(events.last().and_then(|event| event.event.as_deref()), Some("room_removed"));
    assert_eq!(events.len(), 1, "never the change that ended it");
    waiting.join().expect("it is answered").problem(404, ErrorCode::RoomNotFound);
}

#[test]
fn it_ends_with_the_session() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let reader = follow(&alice, room.id, room.rev);
    let waiting = std::thread::spawn({
        let alice = alice.clone();
        move || wait(&alice, room.id, room.rev, 20)
    });
    alice.delete(CURRENT_SESSION_PATH).expect(204);
    assert_eq!(reader.rest(), []);
    waiting.join().expect("it is answered").problem(401, ErrorCode::InvalidToken);
}

#[test]
fn it_ends_when_a_guest_is_disabled() {
    let app = TestApp::start();
    let admin = app.member("Administrator");
    let guest = app.guest("Grace");
    let room = guest.create_room("Open");
    let reader = follow(&guest, room.id, room.rev);
    let waiting = std::thread::spawn({
        let guest = guest.clone();
        move || wait(&guest, room.id, room.rev, 20)
    });
    let path = admin_user_path(guest.user().id);
    admin.patch(&path, &serde_json::json!({ "is_disabled": true })).expect(200);
    assert_eq!(reader.rest(), []);
    let disabled = Instant::now();
    let answer = waiting.join().expect("it is answered");
    answer.problem(401, ErrorCode::InvalidToken);
    assert!(disabled.elapsed() < Duration::from_secs(10), "{:?}", disabled.elapsed());
}

#[test]
fn whoever_waits_is_answered_by_the_next_change_or_with_an_empty_list() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let started = Instant::now();
    let nothing: Changes = wait(&alice, room.id, room.rev, 1).expect(200).json();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!((nothing.messages.len(), nothing.rev), (0, room.rev));

    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let (alice, room_id, rev) = (alice.clone(), room.id, room.rev);
            std::thread::spawn(move || -> Changes { wait(&alice, room_id, rev, 20).expect(200).json() })
        })
        .collect();
    let sent = alice.send(room.id, "hello");
    for waiting in waiting {
        let changes = waiting.join().expect("it is answered");
        assert_eq!(changes.messages, std::slice::from_ref(&sent));
        assert_eq!(changes.rev, sent.rev);
    }
    let missed: Changes = wait(&alice, room.id, room.rev, 20).expect(200).json();
    assert_eq!(missed.messages, [sent], "what is there already is not waited for");
    let renamed = alice.rename_room(room.id, "Another name");
    let changes: Changes = wait(&alice, room.id, missed.rev, 20).expect(200).json();
    assert_eq!((changes.rev, changes.room.name), (renamed.rev, renamed.name));
}

#[test]
fn readers_count_as_sockets_and_free_their_place() {
    let app = TestApp::with(&["--sockets-per-user", "1"]);
    let alice = app.guest("Alice");
    let room = alice.create_room("One place");
    let reader = follow(&alice, room.id, room.rev);
    alice.get(&events_path(room.id)).problem(429, ErrorCode::RateLimited);
    wait(&alice, room.id, room.rev, 5).problem(429, ErrorCode::RateLimited);
    drop(reader);
    // The server notices when it writes the next comment.
    let (dropped, mut status) = (Instant::now(), 429);
    while status != 200 && dropped.elapsed() < Duration::from_secs(60) {
        status = wait(&alice, room.id, room.rev, 1).status;
    }
    assert_eq!(status, 200, "the place is free");
    follow(&alice, room.id, room.rev);
}

#[test]
fn a_server_that_stops_answers_those_who_wait() {
    let mut app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let reader = follow(&alice, room.id, room.rev);
    let waiting = std::thread::spawn({
        let alice = alice.clone();
        move || wait(&alice, room.id, room.rev, 30)
    });
    let mut socket = TestSocket::connect(&alice);
    socket.settle();
    let started = Instant::now();
    app.stop();
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(reader.rest(), []);
    // Either it waited already, or it came too late.
    let status = waiting.join().map(|answer| answer.status);
    assert!(matches!(status, Ok(200 | 503) | Err(_)), "{status:?}");
}
