//! The connection breaks, life goes on, and who comes back has everything, without a reload.

use diesel::prelude::*;
use diesel::sql_query;
use shared::events::CloseCode;
use shared::members::own_membership_path;
use support::builders::texts;

use crate::pages::{Person, Row};
use crate::stage;
use crate::wait::{eventually, eventually_where};

/// The client waits a random time before it tries again. This fixes it: nought is the shortest, one the longest.
fn wait_like(person: &Person<'_>, random: f64) {
    person.chrome.prepare_pages(&format!("Math.random = () => {random}"));
}

const LOST: &str = "Connection lost. Trying to reach the server again.";
const FAULT: &str = "Something is wrong on the server. Trying again.";

#[test]
// reference: pages-connection-lost
fn a_client_that_was_disconnected_gets_everything_without_a_reload() {
    let stage = stage::alone();
    let (grace, grace_by_api) = stage.guest("Grace");
    let adam = stage.app.guest("Adam");
    let room = adam.create_room("Design");
    let other = adam.create_room("Doomed");
    let sent = adam.send_many(room.id, 4);
    wait_like(&grace, 0.0);
    grace.open(&format!("/rooms/{}", room.id));
    eventually(|| grace.room().texts().len(), 4);
    grace.sidebar().choose("Lobby");
    eventually(|| grace.room().name(), "Lobby");
    grace.sidebar().choose("Design");
    eventually(|| grace.room().texts().len(), 4);
    eventually(|| grace.room().asks_for_name(), false);
    grace.mark_page();

    grace.note_banners();
    stage.network.cut();
    adam.edit(&sent[0], "edited meanwhile");
    adam.delete_message(&sent[1]);
    adam.send(room.id, "said meanwhile");
    adam.rename_room(room.id, "Drawing");
    adam.delete_room(other.id);
    let made = adam.create_room("Made meanwhile");
    adam.send(stage.app.lobby().id, "elsewhere meanwhile");
    grace.room().say("written offline");
    eventually(|| grace.room().texts().last().cloned(), Some("written offline".to_owned()));
    let row = grace.room().rows().pop().expect("five messages");
    assert!(row.is_pending || !row.failure.is_empty(), "it is not said to be sent: {row:?}");
    eventually(|| grace.banner(), LOST);
    let banners = grace.banners();
    assert!(
        matches!(banners.as_slice(), [(_, after)] if *after >= 2_000.0),
        "not before two seconds: {banners:?}"
    );
    assert_eq!(grace.room().texts().len(), 5, "what was there stays readable");

    stage.network.mend();
    let expected = [
        "edited meanwhile",
        "This message was deleted.",
        "message 3",
        "message 4",
        "said meanwhile",
        "written offline",
    ];
    eventually(|| grace.room().texts(), expected);
    eventually(|| grace.banner(), "");
    eventually(|| grace.room().name(), "Drawing");
    // Since she wrote, the list is of the rooms she is in.
    eventually(|| grace.sidebar().names(), ["Lobby", "Drawing"]);
    grace_by_api.request("PUT", &own_membership_path(made.id)).send().expect(201);
    eventually(|| grace.sidebar().names(), ["Lobby", "Made meanwhile", "Drawing"]);
    eventually(|| grace.sidebar().unread("Lobby"), 1);
    let is_sent = |rows: &Vec<Row>| rows.iter().all(|row| !row.is_pending && row.failure.is_empty());
    eventually_where(|| grace.room().rows(), "every message sent", is_sent);
    let texts: Vec<_> =
        adam.whole_history(room.id).into_iter().map(|message| message.text.unwrap_or_default()).collect();
    assert_eq!(
        texts,
        ["edited meanwhile", "", "message 3", "message 4", "said meanwhile", "written offline"]
    );
    let last = grace_by_api.whole_history(room.id).pop().expect("six messages");
    assert_eq!(&last.author.id, &grace_by_api.user().id);
    assert!(grace.is_on_marked_page(), "the page was loaded again");
}

#[test]
// reference: pages-connection-lost
fn a_client_reconnects_after_a_restart_and_distinguishes_server_and_network_errors() {
    let (mut app, network, _seats) = stage::alone().apart();
    let adam = app.guest("Adam");
    let room = adam.create_room("Design");
    adam.send_many(room.id, 2);
    let grace = Person::new(&network);
    // Of the ten seconds over which clients spread out after a restart, she waits four.
    wait_like(&grace, 0.4);
    grace.open(&format!("/rooms/{}", room.id));
    eventually(|| grace.room().texts(), ["message 1", "message 2"]);
    grace.mark_page();
    grace.note_banners();
    app.stop();
    eventually_where(
        || grace.banners(),
        "a word about the server",
        |banners| banners.first().is_some_and(|(text, _)| text == FAULT),
    );
    app.restart(&["--rate-limits", "off"]);
    app.guest("Grace").send(room.id, "after the restart");
    network.lead_to(app.addr());
    eventually(|| grace.room().texts(), ["message 1", "message 2", "after the restart"]);
    eventually(|| grace.banner(), "");
    assert!(grace.is_on_marked_page(), "the page was loaded again");
}

#[test]
// reference: messages-compose
fn a_message_whose_answer_was_lost_appears_once() {
    let stage = stage::together();
    let lobby = stage.app.lobby();
    let (adam, adam_by_api) = stage.guest("Adam");
    let watcher = stage.person();
    for person in [&adam, &watcher] {
        person.open(&format!("/rooms/{}", lobby.id));
        eventually(|| person.room().name(), "Lobby");
    }
    eventually(|| adam.room().asks_for_name(), false);
    stage.network.lose_answer_to("POST /api/v1/rooms/");
    adam.room().say("only once");
    eventually(|| watcher.room().texts(), ["only once"]);
    let is_sent =
        |rows: &Vec<Row>| matches!(rows.as_slice(), [row] if !row.is_pending && row.failure.is_empty());
    eventually_where(|| adam.room().rows(), "one message, sent", is_sent);
    adam.room().say("and another");
    eventually(|| watcher.room().texts(), ["only once", "and another"]);
    assert_eq!(adam_by_api.whole_history(lobby.id).len(), 2);
}

#[test]
// reference: pages-connection-lost
fn a_room_that_the_server_could_not_subscribe_for_a_while_becomes_live_again() {
    let stage = stage::alone();
    let lobby = stage.app.lobby();
    let (grace, _) = stage.guest("Grace");
    let adam = stage.app.guest("Adam");
    adam.send(lobby.id, "said before");
    wait_like(&grace, 0.0);
    grace.note_sockets();
    grace.open(&format!("/rooms/{}", lobby.id));
    eventually(|| grace.room().people(), ["Grace"]);
    eventually(|| grace.room().texts(), ["said before"]);
    grace.mark_page();

    stage.network.cut();
    adam.send(lobby.id, "said meanwhile");
    let mut locker = stage.app.db().connect();
    let mut run = |sql: &str| sql_query(sql).execute(&mut locker).expect("it runs");
    run("BEGIN");
    // The server gives the reading of messages up after two seconds.
    run("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE");
    stage.network.mend();
    eventually_where(|| grace.refusals(), "a refusal", |refusals| !refusals.is_empty());
    assert_eq!(stage.app.lobby().online, 0, "she is not in the room");
    assert_eq!(grace.room().texts(), ["said before"], "what was there stays readable");
    run("ROLLBACK");
    eventually(|| grace.room().texts(), ["said before", "said meanwhile"]);
    eventually(|| stage.app.lobby().online, 1);
    adam.send(lobby.id, "said since");
    eventually(|| grace.room().texts(), ["said before", "said meanwhile", "said since"]);
    assert!(grace.refusals().iter().all(|code| code == "unavailable"), "{:?}", grace.refusals());
    assert_eq!(grace.sockets(), (2, 1), "it is repeated on the same connection");
    assert!(grace.is_on_marked_page(), "the page was loaded again");
}

#[test]
// reference: pages-connection-lost
fn a_server_that_was_set_back_to_a_backup_is_shown_as_it_is_now() {
    let (mut app, network, _seats) = stage::alone().apart();
    let adam = app.guest("Adam");
    let (room, other) = (adam.create_room("Design"), adam.create_room("Other"));
    let grace_by_api = app.guest("Grace");
    for room in [&room, &other] {
        grace_by_api.request("PUT", &own_membership_path(room.id)).send().expect(201);
        adam.send_many(room.id, 5);
    }
    let grace = Person::new(&network);
    grace.be(&grace_by_api);
    wait_like(&grace, 0.0);
    grace.note_sockets();
    grace.open(&format!("/rooms/{}", room.id));
    eventually(|| grace.room().people(), ["Grace"]);
    eventually(|| grace.room().texts().len(), 5);
    grace.mark_page();

    app.stop();
    grace.room().say("written meanwhile");
    app.db().execute("DELETE FROM messages WHERE seq > 3");
    app.db().execute(
        "UPDATE rooms SET last_seq = 3, rev = (SELECT max(rev) FROM messages WHERE room_id = rooms.id) \
         WHERE last_seq > 3",
    );
    app.restart(&["--rate-limits", "off"]);
    let adam = app.guest("Adam");
    adam.send(room.id, "said since");
    network.lead_to(app.addr());
    let mut expected = vec!["message 1", "message 2", "message 3", "said since", "written meanwhile"];
    eventually(|| grace.room().texts(), expected.clone());
    eventually(|| grace.room().rows().iter().any(|row| row.is_pending), false);
    let closings = grace.closings();
    assert!(closings.contains(&CloseCode::ImpossibleRev.number()), "{closings:?}");
    eventually(|| grace.room().people(), ["Grace"]);
    adam.send(room.id, "and now live");
    expected.push("and now live");
    eventually(|| grace.room().texts(), expected.clone());
    assert_eq!(texts(&adam.whole_history(room.id)), expected);
    assert_eq!(grace.sidebar().names(), ["Other", "Design", "Lobby"], "what is unread comes first");
    adam.send(other.id, "new there");
    eventually(|| grace.sidebar().unread("Other"), 4);
    eventually(|| grace.banner(), "");
    assert!(grace.is_on_marked_page(), "the page was loaded again");
}

#[test]
fn a_list_of_rooms_that_could_not_be_loaded_is_loaded_again_by_itself() {
    let stage = stage::alone();
    let reader = stage.person();
    stage.network.answer("GET /api/v1/rooms HTTP", 503, "unavailable", "The database does not answer.");
    reader.open("/rooms");
    eventually(|| reader.sidebar().names(), ["Lobby"]);
}

#[test]
fn members_that_could_not_be_loaded_come_with_the_connection() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    adam.be_impatient();
    let room = adam_by_api.create_room("Design");
    let path = format!("GET /api/v1/rooms/{}/members", room.id);
    stage.network.answer(&path, 503, "unavailable", "The database does not answer.");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().people(), ["Adam"]);
    stage.network.cut();
    stage.network.mend();
    eventually(|| adam.room().groups(), [("Owners 1".to_owned(), vec!["Adam".to_owned()])]);
}
