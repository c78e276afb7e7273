//! Rooms: create, read, rename, delete, and the events to everybody.

use serde_json::json;
use shared::errors::{ErrorCode, Problem};
use shared::events::ServerEvent;
use shared::messages::{changes_path, message_path, messages_path};
use shared::page::Page;
use shared::rooms::{ROOMS_PATH, Room, room_path};
use shared::text::InvalidCode;
use support::app::TestApp;
use support::builders::{new_message_id, shared_room, unknown_room_id};
use support::client::TestClient;
use support::db::TestDb;
use support::socket::TestSocket;

use crate::shape::{assert_keys, assert_timestamp, assert_uuid_v7};

fn names(client: &TestClient) -> Vec<String> {
    let page: Page<Room> = client.get(&format!("{ROOMS_PATH}?limit=100")).expect(200).json();
    page.items.iter().map(|room| room.name.as_str().to_owned()).collect()
}

#[test]
fn an_empty_database_gets_a_lobby_once() {
    let mut app = TestApp::over(TestDb::empty(), &["--rate-limits", "off"]);
    assert_eq!(names(&app.anonymous()), ["Lobby"]);
    app.restart(&["--rate-limits", "off"]);
    assert_eq!(names(&app.anonymous()), ["Lobby"]);
    assert_eq!(app.lobby().created_by, None);
}

#[test]
fn nobody_renames_or_deletes_the_lobby() {
    let app = TestApp::start();
    let (lobby, grace) = (app.lobby(), app.guest("Grace"));
    grace.patch(&room_path(lobby.id), &json!({ "name": "mine" })).problem(403, ErrorCode::NotAllowed);
    grace.delete(&room_path(lobby.id)).problem(403, ErrorCode::NotAllowed);
}

// reference: rooms-create
#[test]
fn creating_a_room_returns_it_and_its_location() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let answer = grace.post(ROOMS_PATH, &json!({ "name": "  Compilers  " })).expect(201);
    let body = answer.value();
    assert_keys(
        &body,
        &[
            "created_at",
            "created_by",
            "id",
            "is_own",
            "last_seq",
            "member_count",
            "name",
            "online",
            "posting",
            "rev",
            "slow_mode_seconds",
            "topic",
            "updated_at",
            "viewer",
            "visibility",
        ],
    );
    assert_uuid_v7(&body["id"]);
    assert_timestamp(&body["created_at"]);
    assert_timestamp(&body["updated_at"]);
    assert_eq!(body["name"], "Compilers");
    assert_eq!(body["created_by"], grace.user().id.to_string());
    assert_eq!((&body["last_seq"], &body["online"]), (&json!(0), &json!(0)));

    let room: Room = answer.json();
    let location = answer.header("location").expect("a Location");
    assert!(location.ends_with(&room_path(room.id)), "{location}");
    assert_eq!(grace.room(room.id), room);
    assert_eq!(shared_room(&app.anonymous().room(room.id)), shared_room(&room));
}

// reference: rooms-appear-live
#[test]
fn a_new_room_is_last_in_the_list_and_published_to_everybody() {
    let app = TestApp::start();
    let mut watcher = app.socket();
    let room = app.guest("Grace").create_room("Compilers");
    let change = watcher.expect(|event| match event {
        ServerEvent::RoomCreated(change) => Some(change.clone()),
        _ => None,
    });
    assert_eq!((change.rev, change.room), (room.rev, shared_room(&room)));
    assert_eq!(names(&app.anonymous()), ["Lobby", "Compilers"]);
}

// reference: rooms-name-rules
#[test]
fn a_rooms_name_has_1_to_80_visible_characters() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    for name in ["x", "日", &"é".repeat(80), "two words", "🎉"] {
        grace.create_room(name);
    }
    let room = grace.create_room("to be renamed");
    for (name, code) in [
        (json!(""), InvalidCode::Required),
        (json!(" \t "), InvalidCode::Required),
        (json!("\u{200B}"), InvalidCode::Required),
        (json!("\u{3164}"), InvalidCode::Required),
        (json!("x".repeat(81)), InvalidCode::TooLong),
        (json!("a\nb"), InvalidCode::InvalidCharacters),
        (json!("a\u{0}b"), InvalidCode::InvalidCharacters),
        (json!("a\u{7f}b"), InvalidCode::InvalidCharacters),
        (json!(null), InvalidCode::InvalidType),
        (json!(1), InvalidCode::InvalidType),
        (json!({}), InvalidCode::InvalidType),
    ] {
        let body = json!({ "name": name });
        grace.post(ROOMS_PATH, &body).invalid(&[("/name", code)]);
        grace.patch(&room_path(room.id), &body).invalid(&[("/name", code)]);
    }
    grace.post(ROOMS_PATH, &json!({})).invalid(&[("/name", InvalidCode::Required)]);
    assert_eq!(grace.room(room.id), room);
}

#[test]
fn a_name_is_taken_regardless_of_case() {
    let app = TestApp::start();
    let (grace, ada) = (app.guest("Grace"), app.guest("Ada Lovelace"));
    let mine = ada.create_room("mine");
    for (taken, same) in [
        ("Compilers", "cOMPILERS"),
        ("Straße", "STRASSE"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("ﬁsh", "FISH"),
        ("Ǆungla", "ǆungla"),
        ("ŉorth", "ʼNORTH"),
    ] {
        grace.create_room(taken);
        for name in [taken.to_owned(), same.to_owned(), format!(" {same} ")] {
            let body = json!({ "name": name });
            ada.post(ROOMS_PATH, &body).problem(409, ErrorCode::RoomNameTaken);
            ada.patch(&room_path(mine.id), &body).problem(409, ErrorCode::RoomNameTaken);
        }
    }
    assert_eq!(ada.room(mine.id), mine);
}

#[test]
fn of_many_concurrent_creations_with_one_name_one_succeeds() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let statuses = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..20)
            .map(|number| {
                let grace = &grace;
                let name = if number % 2 == 0 { "Compilers" } else { "COMPILERS" };
                scope.spawn(move || grace.post(ROOMS_PATH, &json!({ "name": name })).status)
            })
            .collect();
        attempts.into_iter().map(|attempt| attempt.join().expect("an answer")).collect::<Vec<_>>()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
}

#[test]
fn a_new_room_belongs_to_its_creator_regardless_of_the_body() {
    let app = TestApp::start();
    let (grace, ada) = (app.guest("Grace"), app.guest("Ada Lovelace"));
    let forged = json!({
        "name": "forged", "created_by": ada.user().id, "last_seq": 99, "rev": 99, "online": 99
    });
    let room: Room = grace.post(ROOMS_PATH, &forged).expect(201).json();
    assert_eq!(room.created_by, Some(grace.user().id));
    assert_eq!((room.last_seq.0, room.online), (0, 0));
}

// reference: rooms-rename-in-place
#[test]
fn renaming_increments_the_rev_and_reaches_everybody() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut inside = TestSocket::connect(&app.guest("Grace"));
    inside.subscribe(room.id);
    let mut outside = app.socket();
    let renamed = alice.rename_room(room.id, "  Quiet room ");
    assert_eq!(renamed.name.as_str(), "Quiet room");
    assert_eq!(renamed.rev, room.rev.next());
    assert_eq!((renamed.last_seq, renamed.created_at), (room.last_seq, room.created_at));
    assert!(renamed.updated_at >= room.updated_at);
    for socket in [&mut inside, &mut outside] {
        let change = socket.expect(|event| match event {
            ServerEvent::RoomUpdated(change) if change.room.id == room.id => Some(change.clone()),
            _ => None,
        });
        assert_eq!(change.rev, renamed.rev);
        assert_eq!((change.room.name, change.room.rev), (renamed.name.clone(), renamed.rev));
    }
    assert_eq!(alice.room(room.id).name, renamed.name);
}

#[test]
fn a_room_may_change_the_case_of_its_own_name() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    assert_eq!(alice.rename_room(room.id, "ALICE'S ROOM").name.as_str(), "ALICE'S ROOM");
}

#[test]
fn a_rename_without_a_name_changes_nothing() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let same: Room = alice.patch(&room_path(room.id), &json!({ "created_by": null })).expect(200).json();
    assert_eq!(same, room);
}

#[test]
fn an_old_name_is_free_after_renaming_and_after_deletion() {
    let app = TestApp::start();
    let (grace, ada) = (app.guest("Grace"), app.guest("Ada Lovelace"));
    let first = grace.create_room("Compilers");
    grace.rename_room(first.id, "Linkers");
    let second = ada.create_room("COMPILERS");
    ada.delete_room(second.id);
    grace.rename_room(first.id, "compilers");
}

// reference: rooms-delete
#[test]
fn a_deleted_room_is_gone_with_its_messages_and_the_deletion_is_published() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let mut inside = TestSocket::connect(&app.guest("Grace"));
    let rev = inside.subscribe(room.id).rev;
    let mut outside = app.socket();
    alice.delete_room(room.id);
    for socket in [&mut inside, &mut outside] {
        let change = socket.expect(|event| match event {
            ServerEvent::RoomDeleted(change) => Some(change.clone()),
            _ => None,
        });
        assert_eq!((change.room.id, change.rev), (room.id, rev.next()));
        assert_eq!(change.room.name, room.name);
    }
    assert_eq!(names(&alice), ["Lobby"]);
    alice.get(&room_path(room.id)).problem(404, ErrorCode::RoomNotFound);
    alice.get(&messages_path(room.id)).problem(404, ErrorCode::RoomNotFound);
    alice.get(&message_path(room.id, message.id)).problem(404, ErrorCode::RoomNotFound);
    alice.delete(&room_path(room.id)).problem(404, ErrorCode::RoomNotFound);
}

#[test]
fn who_is_no_member_neither_renames_nor_deletes_a_room() {
    let app = TestApp::start();
    let (_, room) = app.alice_in_a_room();
    // Another user with the same name.
    let other = app.guest("Alice");
    other.patch(&room_path(room.id), &json!({ "name": "mine" })).problem(403, ErrorCode::NotAllowed);
    other.delete(&room_path(room.id)).problem(403, ErrorCode::NotAllowed);
    assert_eq!(shared_room(&other.room(room.id)), shared_room(&room));
}

#[test]
fn unknown_and_deleted_rooms_and_invalid_ids_look_the_same() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    alice.delete_room(room.id);
    let unknown = unknown_room_id();
    let message_id = new_message_id();
    let requests = |id: &str| {
        [
            ("GET", format!("{ROOMS_PATH}/{id}"), None),
            ("PATCH", format!("{ROOMS_PATH}/{id}"), Some(json!({ "name": "other" }))),
            ("DELETE", format!("{ROOMS_PATH}/{id}"), None),
            ("GET", format!("{ROOMS_PATH}/{id}/messages"), None),
            ("POST", format!("{ROOMS_PATH}/{id}/messages"), Some(json!({ "text": "hello" }))),
            ("GET", format!("{ROOMS_PATH}/{id}/messages/{message_id}"), None),
            ("PATCH", format!("{ROOMS_PATH}/{id}/messages/{message_id}"), Some(json!({ "text": "hello" }))),
            ("DELETE", format!("{ROOMS_PATH}/{id}/messages/{message_id}"), None),
            ("GET", format!("{ROOMS_PATH}/{id}/changes?since=0"), None),
        ]
    };
    let answers = |id: &str| -> Vec<Problem> {
        let problems = requests(id).into_iter().map(|(method, path, body)| {
            let mut request = alice.request(method, &path);
            if let Some(body) = body {
                request = request.json(&body);
            }
            let mut problem = request.send().problem(404, ErrorCode::RoomNotFound);
            problem.request_id.clear();
            problem
        });
        problems.collect()
    };
    let deleted = answers(&room.id.to_string());
    assert_eq!(answers(&unknown.to_string()), deleted);
    assert_eq!(answers("lobby"), deleted);
    assert_eq!(answers("%00"), deleted);
    assert_eq!(answers(&"7".repeat(600)), deleted);
    assert_eq!(changes_path(room.id), format!("{ROOMS_PATH}/{}/changes", room.id));
}
