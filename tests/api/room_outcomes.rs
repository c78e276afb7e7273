//! Lost answers of the database to changes of rooms, which are published to everybody.

use serde_json::json;
use shared::errors::ErrorCode;
use shared::events::{RoomChange, ServerEvent};
use shared::rooms::{ROOMS_PATH, Room, room_path};
use support::builders::{shared_room, unknown_room_id};
use support::http;
use support::proxy::NewConnections;
use support::wait::until;

use crate::outcomes::Stage;

fn room_created(event: &ServerEvent) -> Option<RoomChange> {
    if let ServerEvent::RoomCreated(change) = event { Some(change.clone()) } else { None }
}

fn room_deleted(event: &ServerEvent) -> Option<RoomChange> {
    if let ServerEvent::RoomDeleted(change) = event { Some(change.clone()) } else { None }
}

fn room_updated(event: &ServerEvent) -> Option<RoomChange> {
    if let ServerEvent::RoomUpdated(change) = event { Some(change.clone()) } else { None }
}

#[test]
fn a_rename_and_a_deletion_of_a_room_whose_answers_were_lost_are_published_once() {
    let stage = Stage::new();
    let (mut inside, mut outside) = (stage.follower(), stage.socket());
    let path = room_path(stage.room.id);

    stage.proxy.break_at("COMMIT", NewConnections::Open);
    let renamed: Room = stage.alice.patch(&path, &json!({ "name": "mended" })).expect(200).json();
    assert_eq!(stage.proxy.matches(), 1, "the connection broke");
    for socket in [&mut inside, &mut outside] {
        let change = socket.expect(room_updated);
        assert_eq!((change.rev, change.room.name), (renamed.rev, renamed.name.clone()));
        socket.assert_quiet();
    }

    stage.proxy.break_at("COMMIT", NewConnections::Open);
    stage.alice.delete(&path).expect(204);
    assert_eq!(stage.proxy.matches(), 1, "the connection broke");
    for socket in [&mut inside, &mut outside] {
        assert_eq!(socket.expect(room_deleted).room.id, stage.room.id);
        socket.assert_quiet();
    }
    stage.alice.delete(&path).problem(404, ErrorCode::RoomNotFound);
    stage.alice.get(&path).problem(404, ErrorCode::RoomNotFound);
}

#[test]
fn a_rename_and_a_deletion_of_a_room_with_unknown_outcome_are_published_later() {
    let stage = Stage::new();
    let (mut inside, mut outside) = (stage.follower(), stage.socket());
    let path = room_path(stage.room.id);

    stage.proxy.break_at("COMMIT", NewConnections::Refused);
    stage.alice.patch(&path, &json!({ "name": "mended" })).problem(503, ErrorCode::OutcomeUnknown);
    stage.proxy.open();
    for socket in [&mut inside, &mut outside] {
        assert_eq!(socket.expect(room_updated).room.name.as_str(), "mended");
        socket.assert_quiet();
    }

    stage.proxy.break_at("COMMIT", NewConnections::Refused);
    stage.alice.delete(&path).problem(503, ErrorCode::OutcomeUnknown);
    stage.proxy.open();
    for socket in [&mut inside, &mut outside] {
        assert_eq!(socket.expect(room_deleted).room.id, stage.room.id);
        socket.assert_quiet();
    }
}

#[test]
fn a_room_whose_creation_got_no_answer_is_published_once_and_confirmed_by_a_repeat() {
    let stage = Stage::new();
    let mut watcher = stage.socket();

    stage.proxy.break_at("COMMIT", NewConnections::Open);
    let room: Room = stage.alice.post(ROOMS_PATH, &json!({ "name": "found again" })).expect(201).json();
    assert_eq!(stage.proxy.matches(), 1, "the connection broke");
    assert_eq!(watcher.expect(room_created).room, shared_room(&room));
    watcher.assert_quiet();

    let body = json!({ "name": "found later", "id": unknown_room_id() });
    stage.proxy.break_at("COMMIT", NewConnections::Refused);
    stage.alice.post(ROOMS_PATH, &body).problem(503, ErrorCode::OutcomeUnknown);
    stage.proxy.open();
    let found = watcher.expect(room_created).room;
    let room: Room = stage.alice.post(ROOMS_PATH, &body).expect(200).json();
    assert_eq!(shared_room(&room), found);
    watcher.assert_quiet();
}

#[test]
fn a_room_whose_creator_resets_the_connection_is_published() {
    let stage = Stage::new();
    let mut watcher = stage.socket();
    stage.proxy.hang_at("made for nobody");
    let body = json!({ "name": "made for nobody" }).to_string();
    let token = stage.alice.token().expect("a guest");
    let mut stream = http::connect(stage.alice.addr());
    // The answer to the first request is never read, so closing resets the connection.
    let requests = format!(
        "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n\
         POST {ROOMS_PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    std::io::Write::write_all(&mut stream, requests.as_bytes()).expect("it listens");
    until("the first request is answered", || stream.peek(&mut [0]).ok());
    until("the creation is under way", || (stage.proxy.matches() == 1).then_some(()));
    drop(stream);
    stage.alice.get("/livez").expect(200);
    stage.proxy.release();
    let room = watcher.expect(room_created).room;
    assert_eq!(room.name.as_str(), "made for nobody");
    assert_eq!(stage.alice.room(room.id).created_by, Some(stage.alice.user().id));
}
