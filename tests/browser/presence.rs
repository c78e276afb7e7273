//! Who is there, and who is writing.

use std::time::{Duration, Instant};

use shared::events::ClientCommand;
use support::socket::TestSocket;
use support::wait::until;

use crate::stage;
use crate::wait::eventually;

/// Silence ends a typing line after five seconds; what is quicker has another cause.
const WELL_BEFORE_SILENCE: Duration = Duration::from_secs(4);

#[test]
// reference: presence-online
fn the_header_counts_people_and_not_their_tabs_and_they_are_listed_at_the_right() {
    let stage = stage::together();
    let lobby = format!("/rooms/{}", stage.app.lobby().id);
    let (adam, adam_by_api) = stage.guest("Adam");
    let (grace, _) = stage.guest("Grace");
    adam.open(&lobby);
    eventually(|| adam.room().online().trim().to_owned(), "1 Online");
    grace.open(&lobby);
    for person in [&adam, &grace] {
        eventually(|| person.room().online().trim().to_owned(), "2 Online");
        eventually(|| person.room().people(), ["Adam", "Grace"]);
    }

    let first_tab = grace.chrome.open_tab();
    grace.open(&lobby);
    eventually(|| grace.room().online().trim().to_owned(), "2 Online");
    // What the second tab has changed for him has come before this.
    adam_by_api.send(stage.app.lobby().id, "Is somebody else here?");
    eventually(|| adam.room().texts().len(), 1);
    assert_eq!(adam.room().online().trim(), "2 Online");
    grace.chrome.close_tab(&first_tab);
    adam_by_api.send(stage.app.lobby().id, "Still two?");
    eventually(|| adam.room().texts().len(), 2);
    assert_eq!(adam.room().online().trim(), "2 Online");

    let mut visitor = stage.app.socket();
    visitor.subscribe(stage.app.lobby().id);
    eventually(|| adam.room().visitors(), "and 1 person reading without a name");
    assert_eq!(adam.room().online().trim(), "2 Online", "who has no name is told apart");

    grace.open("/rooms");
    eventually(|| adam.room().online().trim().to_owned(), "1 Online");
    eventually(|| adam.room().people(), ["Adam"]);
}

#[test]
// reference: presence-online
fn whoever_leaves_the_page_at_once_is_not_present_and_is_again_after_going_back() {
    let stage = stage::alone();
    let lobby = stage.app.lobby().id;
    let grace = stage.person();
    let (adam, adam_by_api) = (stage.app.guest("Adam"), stage.app.anonymous());
    grace.be(&adam);
    // The browser keeps some of these pages for Back, and not always the same.
    for _ in 0..5 {
        grace.open(&format!("/rooms/{lobby}"));
        eventually(|| adam_by_api.room(lobby).online, 1);
        grace.open("/rooms");
        eventually(|| adam_by_api.room(lobby).online, 0);
    }
    grace.chrome.back();
    eventually(|| adam_by_api.room(lobby).online, 1);
    adam.send(lobby, "Welcome back");
    eventually(|| grace.room().texts(), ["Welcome back"]);
}

#[test]
// reference: typing-line
fn typing_shows_with_the_first_key_and_ends_on_sending_on_leaving_and_after_silence() {
    let stage = stage::together();
    let lobby = format!("/rooms/{}", stage.app.lobby().id);
    let (adam, _) = stage.guest("Adam");
    let (grace, _) = stage.guest("Grace");
    for person in [&adam, &grace] {
        person.open(&lobby);
        eventually(|| person.room().asks_for_name(), false);
    }
    eventually(|| grace.room().people(), ["Adam", "Grace"]);

    adam.room().write("H");
    eventually(|| grace.room().typing(), "Adam is typing…");
    assert_eq!(adam.room().typing(), "", "not oneself");
    let started = Instant::now();
    adam.room().say("Hello");
    eventually(|| grace.room().typing(), "");
    assert!(started.elapsed() < WELL_BEFORE_SILENCE, "sending ends it");
    eventually(|| grace.room().texts(), ["Hello"]);

    adam.room().write("A");
    eventually(|| grace.room().typing(), "Adam is typing…");
    let started = Instant::now();
    adam.sidebar().go_home();
    eventually(|| grace.room().typing(), "");
    assert!(started.elapsed() < WELL_BEFORE_SILENCE, "leaving ends it");

    adam.sidebar().choose("Lobby");
    eventually(|| adam.room().draft(), "A");
    adam.room().write("g");
    eventually(|| grace.room().typing(), "Adam is typing…");
    let started = Instant::now();
    eventually(|| grace.room().typing(), "");
    assert!(started.elapsed() >= WELL_BEFORE_SILENCE, "a short pause does not end it");
}

#[test]
// reference: typing-line
fn up_to_three_typing_users_are_named_and_more_are_counted() {
    let stage = stage::alone();
    let lobby = stage.app.lobby().id;
    let reader = stage.person();
    reader.open(&format!("/rooms/{lobby}"));
    eventually(|| reader.room().name(), "Lobby");
    let mut typists = Vec::new();
    for (name, line) in [
        ("Adam", "Adam is typing…"),
        ("Grace", "Adam and Grace are typing…"),
        ("Emmy", "Adam, Grace and Emmy are typing…"),
        ("Linus", "4 people are typing…"),
    ] {
        let mut socket = TestSocket::connect(&stage.app.guest(name));
        // The reader is there too, and sees what follows.
        until("the reader follows the room", || (socket.subscribe(lobby).visitors == 1).then_some(()));
        typists.push(socket);
        for socket in &mut typists {
            socket.send(&ClientCommand::Typing { room_id: lobby, active: true });
        }
        eventually(|| reader.room().typing(), line);
    }
}
