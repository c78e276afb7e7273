//! Who the user is: the same in all tabs, and gone from the browser after signing out.

use shared::events::CloseCode;
use shared::sessions::CURRENT_SESSION_PATH;
use support::client::PASSWORD;

use crate::members;
use crate::network::Network;
use crate::pages::{Person, Row};
use crate::stage;
use crate::wait::{eventually, eventually_where};

/// What the browser keeps that belongs to a person, and not to the browser.
fn personal(person: &Person<'_>) -> Vec<String> {
    // How far the rooms have been read is the same for everybody who comes now.
    let shared = ["parlance.theme", "parlance.epoch", "parlance.read"];
    person.kept().into_iter().filter(|name| !shared.contains(&name.as_str())).collect()
}

#[test]
// reference: pages-rooms
fn signing_out_clears_what_belongs_to_the_person_in_all_tabs_and_signing_in_reaches_them() {
    let stage = stage::alone();
    let path = format!("/rooms/{}", stage.app.lobby().id);
    let person = stage.person();
    person.open(&path);
    eventually(|| person.room().asks_for_name(), true);
    person.room().give_name("Adam");
    person.room().say("Hello");
    eventually(|| person.room().people(), ["Adam"]);
    let first = person.chrome.open_tab();
    person.open(&path);
    eventually(|| person.room().people(), ["Adam"]);
    person.room().write("a draft of Adam's");
    let second = person.chrome.go_to_tab(&first);
    person.sign_out();
    eventually(|| person.room().asks_for_name(), true);
    eventually(|| person.room().people(), [""; 0]);
    eventually(|| personal(&person), [""; 0]);

    person.chrome.go_to_tab(&second);
    eventually(|| person.room().asks_for_name(), true);
    eventually(|| person.room().draft(), "");
    person.room().give_name("Grace");
    person.room().say("I am new here");
    eventually(|| person.room().people(), ["Grace"]);
    person.chrome.go_to_tab(&first);
    eventually(|| person.room().asks_for_name(), false);
    person.room().say("and here");
    eventually(|| person.room().rows().iter().filter(|row| !row.is_pending).count(), 3);
    assert_eq!(person.room().rows()[2].author, "Grace");
    let history = stage.app.anonymous().whole_history(stage.app.lobby().id);
    assert_eq!(history[1].author.id, history[2].author.id);
}

#[test]
// reference: pages-rooms
fn two_tabs_that_give_a_name_at_once_make_one_guest() {
    let stage = stage::alone();
    let lobby = stage.app.lobby();
    let path = format!("/rooms/{}", lobby.id);
    let person = stage.person();
    person.open(&path);
    let first = person.chrome.open_tab();
    person.open(&path);
    stage.network.hold("POST /api/v1/guests");
    let introduce = |text: &str| {
        eventually(|| person.room().asks_for_name(), true);
        person.room().give_name("Adam");
        person.room().say(text);
    };
    introduce("from the second tab");
    person.chrome.go_to_tab(&first);
    introduce("from the first tab");
    stage.network.release();
    let history = || stage.app.anonymous().whole_history(lobby.id);
    eventually(|| history().len(), 2);
    let authors: Vec<_> = history().into_iter().map(|message| message.author.id).collect();
    assert_eq!(authors[0], authors[1], "one guest");
}

#[test]
// reference: messages-compose
fn a_user_who_is_signed_out_elsewhere_can_still_read_and_take_a_name_again() {
    let stage = stage::alone();
    let lobby = stage.app.lobby();
    let (adam, adam_by_api) = stage.guest("Adam");
    let grace = stage.app.guest("Grace");
    adam_by_api.send(lobby.id, "said before");
    adam.note_sockets();
    adam.open(&format!("/rooms/{}", lobby.id));
    eventually(|| adam.room().people(), ["Adam"]);
    adam.room().write("a draft");
    adam.mark_page();
    adam_by_api.delete(CURRENT_SESSION_PATH).expect(204);
    eventually(|| adam.closings(), [CloseCode::SessionEnded.number()]);
    eventually(|| adam.room().asks_for_name(), true);
    eventually(|| adam.room().people(), [""; 0]);
    grace.send(lobby.id, "said since");
    eventually(|| adam.room().texts(), ["said before", "said since"]);
    let buttons = adam.room().buttons_of("said before");
    assert!(!buttons.contains(&"Edit message".to_owned()), "it is nobody's in this browser: {buttons:?}");
    assert_eq!(adam.room().draft(), "a draft");
    assert_eq!(adam.banner(), "");
    eventually(|| adam.toasts().all_texts(), ["Your session has ended. You can still read."]);

    adam.room().give_name("Adam 2");
    adam.room().send();
    let is_sent = |rows: &Vec<Row>| {
        rows.last().is_some_and(|row| (row.text.as_str(), row.author.as_str()) == ("a draft", "Adam 2"))
            && rows.iter().all(|row| !row.is_pending)
    };
    eventually_where(|| adam.room().rows(), "the draft, sent", is_sent);
    eventually(|| adam.room().people(), ["Adam 2"]);
    assert_eq!(adam.sockets(), (3, 1), "as Adam, as nobody, as Adam 2");
    let last = stage.app.anonymous().whole_history(lobby.id).pop().expect("three messages");
    assert_ne!(last.author.id, adam_by_api.user().id);
    assert!(adam.is_on_marked_page(), "the page was loaded again");
}

#[test]
// reference: messages-compose
fn what_waits_when_the_session_is_ended_elsewhere_is_sent_once_under_the_remembered_name() {
    for delay in [Network::fail, Network::hold] {
        let stage = stage::alone();
        let lobby = stage.app.lobby();
        let (adam, adam_by_api) = stage.guest("Adam");
        adam.note_sockets();
        adam.open(&format!("/rooms/{}", lobby.id));
        eventually(|| adam.room().people(), ["Adam"]);
        delay(&stage.network, "POST /api/v1/rooms/");
        for text in ["one", "two"] {
            adam.room().say(text);
        }
        eventually(|| adam.room().texts(), ["one", "two"]);
        adam_by_api.delete(CURRENT_SESSION_PATH).expect(204);
        eventually(|| adam.sockets(), (3, 1));
        eventually(|| adam.room().people(), ["Adam"]);
        assert!(adam.room().rows().iter().all(|row| row.is_pending && row.failure.is_empty()));
        stage.network.mend();
        stage.network.release();
        let is_sent = |rows: &Vec<Row>| {
            rows.iter().map(|row| row.text.as_str()).eq(["one", "two"])
                && rows.iter().all(|row| row.author == "Adam" && !row.is_pending && row.failure.is_empty())
        };
        eventually_where(|| adam.room().rows(), "both messages, sent", is_sent);
        eventually(|| adam.room().asks_for_name(), false);
        let history = stage.app.anonymous().whole_history(lobby.id);
        assert_eq!(support::builders::texts(&history), ["one", "two"]);
        for author in history.into_iter().map(|message| message.author) {
            assert_eq!(author.username.as_str(), "Adam");
            assert_ne!(author.id, adam_by_api.user().id, "another guest of the same name");
        }
    }
}

/// The newcomer is counted as a visitor, gives a name, and is then counted as a person only.
pub fn expect_a_newcomer_to_become_a_guest(newcomer: &Person<'_>, grace: &Person<'_>) {
    eventually(|| grace.room().visitors(), "and 1 person reading without a name");
    eventually(|| newcomer.room().asks_for_name(), true);
    newcomer.room().give_name("Adam");
    newcomer.room().say("Hello");
    eventually(|| grace.room().people(), ["Adam", "Grace"]);
    for person in [grace, newcomer] {
        eventually(|| person.room().visitors(), "");
    }
}

#[test]
// reference: presence-online
fn a_newcomer_who_gives_a_name_is_no_visitor_any_more() {
    let stage = stage::together();
    let path = format!("/rooms/{}", stage.app.lobby().id);
    let (grace, _) = stage.guest("Grace");
    grace.open(&path);
    let newcomer = stage.person();
    newcomer.note_sockets();
    newcomer.open(&path);
    expect_a_newcomer_to_become_a_guest(&newcomer, &grace);
    eventually(|| newcomer.sockets(), (2, 1));
}

#[test]
// reference: pages-connection-lost
fn a_page_that_is_older_than_the_server_offers_a_reload() {
    let stage = stage::alone();
    let (adam, _) = stage.guest("Adam");
    adam.chrome.prepare_pages(
        "Math.random = () => 0;
        const parse = JSON.parse;
        JSON.parse = text => {
            const value = parse(text);
            if (value?.type === 'hello' && window.isDeployed) value.server_version = '99.0.0';
            return value;
        }",
    );
    adam.open(&format!("/rooms/{}", stage.app.lobby().id));
    eventually(|| adam.room().people(), ["Adam"]);
    adam.chrome.eval::<()>("window.isDeployed = true");
    stage.network.cut();
    stage.network.mend();
    eventually(|| adam.banner(), "A new version of Parlance is available.");
    adam.room().say("It still works");
    eventually(|| adam.room().rows().iter().filter(|row| !row.is_pending).count(), 1);
    adam.press_banner("Reload");
    eventually(|| adam.banner(), "");
    eventually(|| adam.room().texts(), ["It still works"]);
}

#[test]
fn a_dialog_of_the_former_person_closes_when_somebody_else_signs_in_elsewhere() {
    let stage = stage::alone();
    stage.app.member("Grace");
    let person = members::member(&stage, "Grace", "/rooms");
    stage.app.member("Ada Lovelace");
    let first = person.chrome.open_tab();
    person.open("/rooms");
    eventually(|| person.called(), "Grace, member");
    person.sidebar().settings();
    eventually(|| person.dialog().title(), "Settings");
    let second = person.chrome.go_to_tab(&first);
    person.sign_out();
    eventually(|| person.called(), "Just looking around");
    person.sign_in("Ada Lovelace", PASSWORD);
    eventually(|| person.called(), "Ada Lovelace, member");
    person.chrome.go_to_tab(&second);
    eventually(|| person.dialog().is_open(), false);
    eventually(|| person.called(), "Ada Lovelace, member");
}
