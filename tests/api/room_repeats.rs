//! Ids of rooms that clients choose: a repeated creation is harmless, a reused id is refused.

use std::thread;

use serde_json::json;
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::rooms::{ROOMS_PATH, Room};
use shared::text::InvalidCode;
use support::app::TestApp;
use support::builders::unknown_room_id;
use support::client::TestClient;

/// Creates a room with an id. Also returns the status.
fn create(client: &TestClient, name: &str, id: impl serde::Serialize) -> (u16, Room) {
    let answer = client.post(ROOMS_PATH, &json!({ "name": name, "id": id }));
    (answer.status, answer.json())
}

#[test]
fn a_rooms_id_that_the_client_chose_is_kept_in_lower_case() {
    let app = TestApp::start();
    let id = unknown_room_id();
    let (status, room) = create(&app.guest("Grace"), "Compilers", id.to_string().to_uppercase());
    assert_eq!((status, room.id), (201, id));
}

#[test]
fn an_invalid_room_id_is_reported_with_its_pointer() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    for (id, code) in [
        (json!("mine"), InvalidCode::InvalidFormat),
        (json!(7), InvalidCode::InvalidType),
        (json!(null), InvalidCode::InvalidType),
    ] {
        grace.post(ROOMS_PATH, &json!({ "name": "Compilers", "id": id })).invalid(&[("/id", code)]);
    }
}

#[test]
fn a_repeated_creation_returns_the_current_room_and_changes_nothing() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let mut watcher = app.socket();
    let id = unknown_room_id();
    let (status, room) = create(&grace, "Compilers", id);
    assert_eq!(status, 201);
    for name in ["Compilers", "  Compilers "] {
        assert_eq!(create(&grace, name, id), (200, room.clone()));
    }
    watcher.expect(|event| matches!(event, ServerEvent::RoomCreated(_)).then_some(()));
    watcher.assert_quiet();

    let renamed = grace.rename_room(id, "Linkers");
    let answer = grace.post(ROOMS_PATH, &json!({ "name": "Compilers", "id": id })).expect(200);
    assert!(answer.header("location").is_some_and(|location| location.ends_with(&id.to_string())));
    assert_eq!(answer.json::<Room>(), renamed);
    // Its old name is free, so a new room could have it.
    app.guest("Ada Lovelace").create_room("Compilers");
    assert_eq!(create(&grace, "Compilers", id), (200, renamed));
}

#[test]
fn of_many_concurrent_repeated_creations_one_creates() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let mut watcher = app.socket();
    let id = unknown_room_id();
    let answers: Vec<(u16, Room)> = thread::scope(|scope| {
        let attempts: Vec<_> = (0..30).map(|_| scope.spawn(|| create(&grace, "Compilers", id))).collect();
        attempts.into_iter().map(|attempt| attempt.join().expect("an answer")).collect()
    });
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, room)| matches!(status, 200 | 201) && *room == answers[0].1));
    watcher.expect(|event| matches!(event, ServerEvent::RoomCreated(_)).then_some(()));
    watcher.assert_quiet();
}

#[test]
fn a_rooms_id_cannot_be_used_for_another_name_or_by_another_person_or_after_deletion() {
    let app = TestApp::start();
    let (grace, ada) = (app.guest("Grace"), app.guest("Ada Lovelace"));
    let id = unknown_room_id();
    let (_, room) = create(&grace, "Compilers", id);
    let refused = |client: &TestClient, name: &str| {
        let answer = client.post(ROOMS_PATH, &json!({ "name": name, "id": id }));
        answer.problem(409, ErrorCode::RoomIdReused);
        answer.text().to_owned()
    };
    refused(&grace, "Linkers");
    for name in ["Compilers", "Linkers"] {
        let disclosed = refused(&ada, name);
        for secret in ["Compilers", "Grace", &grace.user().id.to_string()] {
            assert!(!disclosed.contains(secret), "{disclosed}");
        }
    }
    assert_eq!(grace.room(id), room);
    refused(&grace, &app.lobby().name.as_str().to_uppercase());
    grace.delete_room(id);
    refused(&grace, "Compilers");
    refused(&ada, "Compilers");
    // A room that the server created cannot be repeated by a user.
    let lobby = app.lobby();
    let body = json!({ "name": lobby.name, "id": lobby.id });
    grace.post(ROOMS_PATH, &body).problem(409, ErrorCode::RoomIdReused);
}

#[test]
fn a_name_that_is_taken_leaves_the_id_free() {
    let app = TestApp::start();
    let (grace, ada) = (app.guest("Grace"), app.guest("Ada Lovelace"));
    grace.create_room("Compilers");
    let id = unknown_room_id();
    let body = json!({ "name": "compilers", "id": id });
    for _ in 0..2 {
        ada.post(ROOMS_PATH, &body).problem(409, ErrorCode::RoomNameTaken);
    }
    assert_eq!(create(&ada, "Linkers", id).0, 201);
}

#[test]
fn a_repeated_creation_does_not_count_against_the_limit() {
    let app = TestApp::with(&["--rooms-per-hour", "2"]);
    let grace = app.guest("Grace");
    let id = unknown_room_id();
    assert_eq!(create(&grace, "Compilers", id).0, 201);
    for _ in 0..5 {
        assert_eq!(create(&grace, "Compilers", id).0, 200);
    }
    let last = unknown_room_id();
    assert_eq!(create(&grace, "Linkers", last).0, 201);
    grace.post(ROOMS_PATH, &json!({ "name": "Loaders" })).problem(429, ErrorCode::RateLimited);
    assert_eq!(create(&grace, "Linkers", last).0, 200, "also when nothing is left");
}
