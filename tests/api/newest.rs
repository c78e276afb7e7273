//! The newest page of a followed room: it comes from a cache and equals that of the database.

use std::thread;

use shared::ids::RoomId;
use shared::messages::messages_path;
use support::app::{TestApp, start_server};
use support::builders::{new_message_id, texts};
use support::client::TestClient;

const QUERIES: [&str; 5] = ["", "?limit=1", "?limit=7", "?limit=99", "?limit=100"];

/// Bodies and links of the newest page in several lengths.
fn newest(client: &TestClient, room_id: RoomId) -> Vec<(String, Option<String>)> {
    let pages = QUERIES.iter().map(|query| {
        let answer = client.get(&format!("{}{query}", messages_path(room_id))).expect(200);
        (answer.text().to_owned(), answer.header("link").map(str::to_owned))
    });
    pages.collect()
}

#[test]
fn the_cached_page_equals_that_of_the_database_after_every_kind_of_change() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    // The room has no followers on this server, so the page comes from the database.
    let other = start_server(app.db().url(), &["--rate-limits", "off"]);
    let database = TestClient::anonymous(other.addr());
    let mut follower = app.socket();
    follower.subscribe(room.id);
    let same = |when: &str| assert_eq!(newest(&alice, room.id), newest(&database, room.id), "{when}");

    same("empty");
    let first = alice.send(room.id, "one");
    same("one message");
    let messages = alice.send_many(room.id, 6);
    same("seven");
    alice.edit(&messages[2], "an \"edited\" 🎉 message\nof two lines");
    same("an edit");
    alice.delete_message(&messages[4]);
    same("a deletion");
    alice.rename_room(room.id, "Alice's other room");
    same("a new name");
    alice.send_many(room.id, 93);
    same("a hundred");
    alice.send(room.id, "one more");
    same("more than are kept");
    alice.edit(&first, "edited long after it left the page");
    alice.delete_message(&messages[5]);
    alice.send(room.id, "after that");
    same("changes to old ones");
    // A repeat changes nothing.
    let (id, path) = (new_message_id(), messages_path(room.id));
    let body = serde_json::json!({ "text": "again and again", "id": id });
    alice.post(&path, &body).expect(201);
    alice.post(&path, &body).expect(200);
    same("a repeat");
    let member = app.member("writer");
    for _ in 0..40 {
        member.send(room.id, &"🎉".repeat(4_000));
    }
    same("too much to keep");
    drop(follower);
    same("nobody there any more");
    other.stop();
}

#[test]
fn the_cached_page_has_every_acknowledged_message_during_concurrent_writes() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut follower = app.socket();
    follower.subscribe(room.id);
    thread::scope(|scope| {
        for writer in 0..4 {
            let (alice, room) = (&alice, &room);
            scope.spawn(move || {
                for number in 0..30 {
                    let sent = alice.send(room.id, &format!("{writer}.{number}"));
                    let page = alice.messages(room.id, "limit=100");
                    assert!(page.items.contains(&sent), "it is on the page");
                    let seqs = page.items.iter().map(|message| message.seq.0);
                    let first = page.items[0].seq.0;
                    assert!(seqs.eq(first..first + page.items.len() as i64), "without a gap");
                }
            });
        }
    });
    assert_eq!(alice.messages(room.id, "limit=100").items.len(), 100);
}

#[test]
fn the_page_is_read_from_the_database_only_when_the_room_has_no_followers() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    alice.send(room.id, "as it was");
    let mut socket = app.socket();
    socket.subscribe(room.id);
    assert_eq!(texts(&alice.messages(room.id, "").items), ["as it was"]);
    app.db().execute("UPDATE messages SET text = 'behind its back'");
    assert_eq!(texts(&alice.messages(room.id, "").items), ["as it was"]);
    socket.leave();
    support::wait::until("nobody follows the room", || {
        (texts(&alice.messages(room.id, "").items) == ["behind its back"]).then_some(())
    });
    alice.delete_room(room.id);
    alice.get(&messages_path(room.id)).problem(404, shared::errors::ErrorCode::RoomNotFound);
}

#[test]
fn a_deleted_room_has_no_cached_page() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    alice.send(room.id, "hello");
    let mut socket = app.socket();
    socket.subscribe(room.id);
    alice.get(&messages_path(room.id)).expect(200);
    alice.delete_room(room.id);
    alice.get(&messages_path(room.id)).problem(404, shared::errors::ErrorCode::RoomNotFound);
}
