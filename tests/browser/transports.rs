//! Networks that pass no WebSocket on: everything works by server-sent events, or by long-poll.

use diesel::prelude::*;
use diesel::sql_query;
use support::builders::texts;

use crate::pages::{Person, Row};
use crate::session::expect_a_newcomer_to_become_a_guest;
use crate::stage::{self, Stage};
use crate::wait::{eventually, eventually_where};

const OPEN_STREAM: &str = "POST /api/v1/streams HTTP";
const READ_STREAM: &str = "GET /api/v1/streams/";
const CLOSE_STREAM: &str = "DELETE /api/v1/streams/";
const OPEN_SOCKET: &str = "GET /api/v1/ws";

const BY_WEB_SOCKET: &str = "WebSocket";
const BY_EVENTS: &str = "Server-sent events";
const BY_POLLING: &str = "Long polling";

/// What the settings say about the connection, as soon as they say this. The settings stay open.
#[track_caller]
fn is_connected(person: &Person<'_>, how: &str) {
    if !person.dialog().is_open() {
        person.open_settings("Connection");
    }
    eventually_where(|| person.dialog().text(), how, |text| text.contains(how));
}

/// Adam and Grace, who are looking at the lobby.
fn two_in_the_lobby(stage: &Stage) -> [Person<'_>; 2] {
    let lobby = format!("/rooms/{}", stage.app.lobby().id);
    ["Adam", "Grace"].map(|name| {
        let (person, _) = stage.guest(name);
        person.chrome.prepare_pages("Math.random = () => 0");
        person.open(&lobby);
        eventually(|| person.room().asks_for_name(), false);
        person
    })
}

/// They come and go, write, change and delete, are cut off, and have everything when they are back.
fn talk(stage: &Stage, how: &str) {
    let lobby = stage.app.lobby().id;
    let [adam, grace] = two_in_the_lobby(stage);
    for person in [&adam, &grace] {
        is_connected(person, how);
        person.dialog().close();
        eventually(|| person.dialog().is_open(), false);
        eventually(|| person.room().people(), ["Adam", "Grace"]);
    }
    // Who leaves is gone before the server misses a reader, which takes half a minute.
    adam.open("/rooms");
    eventually(|| grace.room().people(), ["Grace"]);
    adam.chrome.back();
    eventually(|| grace.room().people(), ["Adam", "Grace"]);
    eventually(|| adam.room().people(), ["Adam", "Grace"]);
    adam.mark_page();
    grace.mark_page();
    adam.room().write("H");
    eventually(|| grace.room().typing(), "Adam is typing…");
    adam.room().say("Hello");
    eventually(|| grace.room().texts(), ["Hello"]);
    eventually(|| grace.room().typing(), "");
    grace.room().say("Hi, Adam");
    eventually(|| adam.room().texts(), ["Hello", "Hi, Adam"]);
    adam.room().press_on("Hello", "Edit message");
    adam.room().rewrite_message("Hello, Grace");
    eventually(|| grace.room().texts(), ["Hello, Grace", "Hi, Adam"]);
    grace.room().press_on("Hi, Adam", "Delete message");
    grace.dialog().press("Delete");
    eventually(|| adam.room().texts(), ["Hello, Grace", "This message was deleted."]);

    stage.network.cut();
    let by_api = stage.app.guest("Somebody");
    by_api.send(lobby, "said meanwhile");
    grace.room().say("written offline");
    let is_pending =
        |rows: &Vec<Row>| rows.last().is_some_and(|row| row.is_pending || !row.failure.is_empty());
    eventually_where(|| grace.room().rows(), "the message, not sent", is_pending);
    stage.network.mend();
    let expected = ["Hello, Grace", "This message was deleted.", "said meanwhile", "written offline"];
    for person in [&adam, &grace] {
        eventually(|| person.room().texts(), expected);
        eventually(|| person.banner(), "");
        eventually(|| person.room().people(), ["Adam", "Grace"]);
        is_connected(person, how);
        assert!(person.is_on_marked_page(), "the page was loaded again");
    }
    let history = by_api.whole_history(lobby);
    assert_eq!(texts(&history[2..]), expected[2..]);
}

#[test]
// reference: network-fallback
fn two_people_talk_by_web_socket() {
    let stage = stage::together();
    talk(&stage, BY_WEB_SOCKET);
    assert_eq!(stage.network.arrived(READ_STREAM), 0);
}

#[test]
// reference: network-fallback
fn two_people_talk_by_server_sent_events_where_web_sockets_are_refused() {
    let stage = stage::together();
    stage.network.refuse_web_sockets(true);
    talk(&stage, BY_EVENTS);
    assert!(stage.network.arrived(CLOSE_STREAM) > 0);
}

#[test]
// reference: network-fallback
fn two_people_talk_by_long_poll_where_events_are_held_up() {
    let stage = stage::together();
    stage.network.refuse_web_sockets(true);
    stage.network.collect_events();
    talk(&stage, BY_POLLING);
    assert!(stage.network.arrived(CLOSE_STREAM) > 0);
}

#[test]
// reference: network-fallback
fn a_web_socket_that_does_not_open_is_not_waited_for_and_what_worked_is_remembered() {
    let stage = stage::alone();
    stage.network.hold(OPEN_SOCKET);
    let (grace, _) = stage.guest("Grace");
    let lobby = stage.app.lobby().id;
    grace.note_sockets();
    grace.open(&format!("/rooms/{lobby}"));
    eventually(|| grace.room().people(), ["Grace"]);
    assert_eq!(grace.sockets(), (1, 0), "it was given up");
    is_connected(&grace, BY_EVENTS);
    eventually(|| grace.kept().contains(&"parlance.transport".to_owned()), true);

    grace.reload();
    eventually(|| grace.room().people(), ["Grace"]);
    is_connected(&grace, BY_EVENTS);
    assert_eq!(grace.sockets(), (0, 0), "today it begins with what worked");
    assert_eq!(stage.network.arrived(OPEN_STREAM), 2);
}

#[test]
// reference: network-fallback
fn a_client_goes_back_to_web_socket_when_one_opens_without_missing_anything() {
    let stage = stage::alone();
    stage.network.refuse_web_sockets(true);
    let (grace, _) = stage.guest("Grace");
    let adam = stage.app.guest("Adam");
    let lobby = stage.app.lobby().id;
    grace.note_sockets();
    grace.open(&format!("/rooms/{lobby}"));
    is_connected(&grace, BY_EVENTS);
    grace.mark_page();
    let come_to_another_network = || grace.chrome.eval::<()>("window.dispatchEvent(new Event('online'))");
    come_to_another_network();
    eventually(|| grace.sockets().0, 2);
    adam.send(lobby, "said by events");
    eventually(|| grace.room().texts(), ["said by events"]);
    is_connected(&grace, BY_EVENTS);

    stage.network.refuse_web_sockets(false);
    come_to_another_network();
    is_connected(&grace, BY_WEB_SOCKET);
    adam.send(lobby, "said by socket");
    eventually(|| grace.room().texts(), ["said by events", "said by socket"]);
    eventually(|| stage.network.arrived(CLOSE_STREAM), 1);
    assert_eq!(grace.sockets(), (3, 1));
    assert_eq!(stage.app.lobby().online, 1);
    eventually(|| grace.kept().contains(&"parlance.transport".to_owned()), false);
    assert!(grace.is_on_marked_page(), "the page was loaded again");
}

#[test]
// reference: presence-online
fn a_newcomer_without_web_socket_who_gives_a_name_is_no_visitor_any_more() {
    let stage = stage::together();
    stage.network.refuse_web_sockets(true);
    let path = format!("/rooms/{}", stage.app.lobby().id);
    let (grace, _) = stage.guest("Grace");
    grace.open(&path);
    let newcomer = stage.person();
    newcomer.open(&path);
    expect_a_newcomer_to_become_a_guest(&newcomer, &grace);
    newcomer.sign_out();
    eventually(|| newcomer.room().asks_for_name(), true);
    eventually(|| grace.room().people(), ["Grace"]);
}

#[test]
fn a_client_in_many_rooms_comes_back_with_a_few_frames() {
    let stage = stage::alone();
    let (grace, by_api) = stage.guest("Grace");
    let rooms: Vec<_> = (0..200).map(|number| by_api.create_room(&format!("Room {number}"))).collect();
    grace.chrome.prepare_pages(
        "Math.random = () => 0;
        window.subscriptions = [];
        const send = WebSocket.prototype.send;
        WebSocket.prototype.send = function (text) {
            const { type, rooms } = JSON.parse(text);
            if (type === 'subscribe') window.subscriptions.push(rooms.length);
            send.call(this, text);
        }",
    );
    let adam = stage.app.guest("Adam");
    grace.open(&format!("/rooms/{}", rooms[7].id));
    let subscribed = || grace.chrome.eval::<Vec<usize>>("return window.subscriptions");
    eventually_where(subscribed, "all rooms", |frames| frames.iter().sum::<usize>() >= 201);
    eventually(|| grace.room().people(), ["Grace"]);
    stage.network.cut();
    adam.send(rooms[7].id, "said meanwhile");
    adam.send(rooms[150].id, "said there");
    grace.chrome.eval::<()>("window.subscriptions = []");
    stage.network.mend();
    eventually(|| grace.room().texts(), ["said meanwhile"]);
    eventually(|| grace.sidebar().unread("Room 150"), 1);
    assert_eq!(subscribed(), [1, 100, 100], "the open room first, and then all others");
}

#[test]
fn a_restored_database_is_shown_afresh_and_what_was_not_sent_goes_out() {
    let (mut app, network, _seats) = stage::alone().apart();
    let adam = app.guest("Adam");
    let room = adam.create_room("Design");
    adam.send_many(room.id, 3);
    let grace_by_api = app.guest("Grace");
    let grace = Person::new(&network);
    grace.be(&grace_by_api);
    grace.chrome.prepare_pages("Math.random = () => 0");
    grace.open(&format!("/rooms/{}", room.id));
    eventually(|| grace.room().people(), ["Grace"]);
    eventually(|| grace.room().texts(), ["message 1", "message 2", "message 3"]);
    grace.mark_page();

    app.stop();
    grace.room().say("written meanwhile");
    let mut database = app.db().connect();
    // As many messages and changes as before, but others.
    for sql in [
        "UPDATE messages SET text = 'restored ' || seq",
        "UPDATE server_settings SET epoch = gen_random_uuid()",
    ] {
        sql_query(sql).execute(&mut database).expect("it runs");
    }
    app.restart(&["--rate-limits", "off"]);
    network.lead_to(app.addr());
    let expected = ["restored 1", "restored 2", "restored 3", "written meanwhile"];
    eventually(|| grace.room().texts(), expected);
    eventually(|| grace.room().rows().iter().any(|row| row.is_pending), false);
    app.guest("Adam").send(room.id, "and now live");
    eventually(|| grace.room().texts().len(), 5);
    eventually(|| grace.room().people(), ["Grace"]);
    assert!(grace.is_on_marked_page(), "the page was loaded again");
}
