//! Nothing that a person has written is lost, sent twice or out of order, whatever the network does.

use support::client::TestClient;

use crate::pages::{Person, Row};
use crate::stage::{self, Stage};
use crate::wait::{eventually, eventually_where};

const SEND: &str = "POST /api/v1/rooms/";

/// The texts of the lobby, as the server has them.
fn stored(stage: &Stage) -> Vec<String> {
    let history = stage.app.anonymous().whole_history(stage.app.lobby().id);
    history.into_iter().map(|message| message.text.unwrap_or_default()).collect()
}

/// Adam with the lobby open, known to the server.
fn adam_in_the_lobby(stage: &Stage) -> (Person<'_>, TestClient) {
    let (adam, by_api) = stage.guest("Adam");
    adam.be_impatient();
    adam.open(&lobby(stage));
    eventually(|| adam.room().people(), ["Adam"]);
    (adam, by_api)
}

fn lobby(stage: &Stage) -> String {
    format!("/rooms/{}", stage.app.lobby().id)
}

/// The rows of the lobby are these, and all are sent.
#[track_caller]
fn shows_as_sent(person: &Person<'_>, texts: &[&str]) {
    let is_sent = |rows: &Vec<Row>| {
        rows.iter().map(|row| row.text.as_str()).eq(texts.iter().copied())
            && rows.iter().all(|row| !row.is_pending && row.failure.is_empty())
    };
    eventually_where(|| person.room().rows(), &format!("{texts:?}, sent"), is_sent);
}

#[test]
// reference: messages-compose
fn what_is_written_before_the_user_is_known_waits_and_is_sent() {
    let stage = stage::alone();
    let (adam, by_api) = stage.guest("Adam");
    stage.network.hold("GET /api/v1/users/me");
    stage.network.hold("GET /api/v1/ws");
    stage.network.hold("POST /api/v1/streams");
    adam.open(&lobby(&stage));
    adam.room().say("early");
    let pending = |rows: &Vec<Row>| matches!(rows.as_slice(), [row] if row.text == "early" && row.is_pending);
    eventually_where(|| adam.room().rows(), "the message, pending", pending);
    assert_eq!(adam.room().rows()[0].author, "Adam");
    assert_eq!(stored(&stage), [""; 0]);
    stage.network.release();
    shows_as_sent(&adam, &["early"]);
    let message = by_api.whole_history(stage.app.lobby().id).pop().expect("a message");
    assert_eq!(message.author.id, by_api.user().id);
}

#[test]
// reference: messages-compose
fn whoever_has_no_session_any_more_becomes_a_guest_under_the_remembered_name() {
    let stage = stage::alone();
    let adam = stage.person();
    adam.remember_name("Adam");
    stage.network.hold("GET /api/v1/users/me");
    stage.network.hold("GET /api/v1/ws");
    stage.network.hold("POST /api/v1/streams");
    adam.open(&lobby(&stage));
    adam.room().say("still here");
    eventually(|| adam.room().texts(), ["still here"]);
    stage.network.release();
    shows_as_sent(&adam, &["still here"]);
    let message = stage.app.anonymous().whole_history(stage.app.lobby().id).pop().expect("a message");
    assert_eq!(message.author.username.as_str(), "Adam");
    eventually(|| adam.room().asks_for_name(), false);
}

#[test]
// reference: messages-compose
fn unsent_messages_survive_a_reload_and_go_out_once_and_in_order() {
    let stage = stage::alone();
    let (adam, _) = adam_in_the_lobby(&stage);
    stage.network.fail(SEND);
    adam.room().say("one");
    adam.room().say("two");
    eventually(|| adam.room().texts(), ["one", "two"]);
    adam.reload();
    let pending = |rows: &Vec<Row>| rows.len() == 2 && rows.iter().all(|row| row.is_pending);
    eventually_where(|| adam.room().rows(), "two pending messages", pending);
    adam.room().say("three");
    stage.network.mend();
    shows_as_sent(&adam, &["one", "two", "three"]);
    assert_eq!(stored(&stage), ["one", "two", "three"]);
    eventually(|| adam.kept().iter().any(|name| name.starts_with("parlance.outbox.")), false);
    adam.reload();
    shows_as_sent(&adam, &["one", "two", "three"]);
}

#[test]
// reference: messages-compose
fn another_tab_shows_what_waits_and_sends_it_when_the_first_one_closes() {
    let stage = stage::alone();
    let (adam, _) = adam_in_the_lobby(&stage);
    let first = adam.chrome.open_tab();
    adam.open(&lobby(&stage));
    eventually(|| adam.room().people(), ["Adam"]);
    let second = adam.chrome.go_to_tab(&first);
    stage.network.fail(SEND);
    adam.room().say("from the first tab");
    eventually(|| adam.room().texts(), ["from the first tab"]);
    adam.chrome.close_tab(&second);
    eventually(|| adam.room().texts(), ["from the first tab"]);
    stage.network.mend();
    shows_as_sent(&adam, &["from the first tab"]);
    assert_eq!(stored(&stage), ["from the first tab"]);
}

#[test]
// reference: messages-compose
fn two_tabs_send_what_waits_once() {
    write_in_one_of_two_tabs("");
}

#[test]
// reference: messages-compose
fn two_tabs_send_what_waits_once_where_the_browser_has_no_locks() {
    write_in_one_of_two_tabs("Object.defineProperty(navigator, 'locks', { value: undefined })");
}

/// Both tabs run the script before the connection is lost.
fn write_in_one_of_two_tabs(script: &str) {
    let stage = stage::alone();
    let (adam, _) = adam_in_the_lobby(&stage);
    adam.chrome.eval::<()>(script);
    let first = adam.chrome.open_tab();
    adam.open(&lobby(&stage));
    adam.chrome.eval::<()>(script);
    eventually(|| adam.room().people(), ["Adam"]);
    stage.network.cut();
    for text in ["one", "two", "three"] {
        adam.room().say(text);
    }
    let second = adam.chrome.go_to_tab(&first);
    eventually(|| adam.room().texts(), ["one", "two", "three"]);
    stage.network.mend();
    shows_as_sent(&adam, &["one", "two", "three"]);
    adam.chrome.go_to_tab(&second);
    shows_as_sent(&adam, &["one", "two", "three"]);
    assert_eq!(stored(&stage), ["one", "two", "three"]);
    // The server drops repeats, so what is stored does not tell.
    assert_eq!(stage.network.arrived(SEND), 3);
}

#[test]
// reference: messages-compose
fn after_a_passing_failure_the_next_message_does_not_overtake() {
    let stage = stage::alone();
    let (adam, _) = adam_in_the_lobby(&stage);
    stage.network.answer(SEND, 503, "unavailable", "Later.");
    stage.network.answer(SEND, 429, "rate_limited", "Slower.");
    stage.network.answer(SEND, 503, "outcome_unknown", "Perhaps.");
    for text in ["one", "two", "three"] {
        adam.room().say(text);
    }
    shows_as_sent(&adam, &["one", "two", "three"]);
    assert_eq!(stored(&stage), ["one", "two", "three"]);
}

#[test]
// reference: messages-compose
fn what_is_too_fast_for_the_server_waits_and_is_sent_by_itself_once_and_in_order() {
    let stage = stage::alone_at(&["--sends-per-second", "1", "--sends-burst", "2"]);
    let (adam, _) = stage.guest("Adam");
    adam.open(&lobby(&stage));
    eventually(|| adam.room().people(), ["Adam"]);
    stage.network.hold(SEND);
    let texts = ["one", "two", "three", "four"];
    for text in texts {
        adam.room().say(text);
    }
    let pending = |rows: &Vec<Row>| rows.len() == texts.len() && rows.iter().all(|row| row.is_pending);
    eventually_where(|| adam.room().rows(), "four pending messages", pending);
    stage.network.release();
    shows_as_sent(&adam, &texts);
    assert_eq!(stored(&stage), texts);
    assert_eq!(adam.toasts().texts(), [""; 0]);
    let complaints = adam.chrome.complaints();
    assert!(complaints.iter().any(|complaint| complaint.contains("status of 429")), "{complaints:#?}");
}

#[test]
// reference: messages-compose
fn a_refused_message_can_be_retried_or_discarded_and_holds_nothing_up() {
    let stage = stage::alone();
    let (adam, _) = adam_in_the_lobby(&stage);
    let failures = || adam.room().rows().into_iter().map(|row| row.failure).collect::<Vec<_>>();
    let refuse = || stage.network.answer(SEND, 422, "validation_failed", "Not like this.");
    refuse();
    adam.room().say("refused");
    adam.room().say("fine");
    eventually(|| stored(&stage), ["fine"]);
    eventually(failures, ["", "Not sent. Not like this."]);
    adam.reload();
    eventually(failures, ["", "Not sent. Not like this."]);
    adam.room().press_beside_failure("Retry");
    shows_as_sent(&adam, &["fine", "refused"]);
    refuse();
    adam.room().say("never");
    eventually(failures, ["", "", "Not sent. Not like this."]);
    adam.room().press_beside_failure("Discard");
    shows_as_sent(&adam, &["fine", "refused"]);
    adam.reload();
    shows_as_sent(&adam, &["fine", "refused"]);
    assert_eq!(stored(&stage), ["fine", "refused"]);
}

#[test]
// reference: messages-compose
fn a_request_that_hangs_holds_up_neither_its_room_nor_paging() {
    let stage = stage::alone();
    let (adam, by_api) = stage.guest("Adam");
    by_api.send_many(stage.app.lobby().id, 80);
    adam.be_impatient();
    stage.network.hold("messages?before=");
    adam.open(&lobby(&stage));
    eventually(|| adam.room().texts().last().cloned(), Some("message 80".to_owned()));
    eventually(|| adam.room().is_at_end(), true);
    adam.room().scroll_up(100);
    eventually(|| adam.toasts().texts().len(), 1);
    stage.network.release();
    adam.room().scroll_up(100_000);
    eventually(|| adam.room().texts().len() > 30, true);

    eventually(|| adam.room().people(), ["Adam"]);
    stage.network.swallow(SEND);
    adam.room().say("hangs");
    adam.room().say("waits");
    eventually(|| stored(&stage)[80..].to_vec(), ["hangs", "waits"]);
}

#[test]
// reference: messages-compose, messages-history
fn what_is_sent_beside_an_old_part_of_the_history_is_visible_and_a_failed_reload_hides_nothing() {
    let stage = stage::alone();
    let (adam, by_api) = stage.guest("Adam");
    let sent = by_api.send_many(stage.app.lobby().id, 90);
    adam.open(&format!("{}/messages/{}", lobby(&stage), sent[9].id));
    eventually(|| adam.room().pointed(), "message 10");
    eventually(|| adam.room().people(), ["Adam"]);
    // The newest page and the message.
    stage.network.fail("/messages HTTP/1.1");
    adam.room().say("from long ago");
    let pending =
        |rows: &Vec<Row>| rows.last().is_some_and(|row| row.text == "from long ago" && row.is_pending);
    eventually_where(|| adam.room().rows(), "the message, pending", pending);
    eventually(|| adam.toasts().texts().len(), 1);
    assert!(adam.room().texts().contains(&"message 10".to_owned()), "what was there stays");
    assert_eq!(adam.room().obstacle(), "");
    stage.network.mend();
    eventually(|| stored(&stage).pop(), Some("from long ago".to_owned()));
}

#[test]
// reference: messages-edit-delete
fn a_late_answer_closes_only_the_editor_that_asked() {
    let stage = stage::alone();
    let (adam, _) = adam_in_the_lobby(&stage);
    adam.room().say("first");
    adam.room().say("second");
    shows_as_sent(&adam, &["first", "second"]);
    stage.network.hold("PATCH /api/v1/rooms/");
    adam.room().press_on("first", "Edit message");
    adam.room().rewrite_message("first, edited");
    adam.room().cancel_edit();
    adam.room().press_on("second", "Edit message");
    eventually(|| adam.room().is_editing(), true);
    stage.network.release();
    eventually(|| stored(&stage), ["first, edited", "second"]);
    eventually(|| adam.room().rows()[0].edited.is_empty(), false);
    assert!(adam.room().is_editing(), "the other editor is still open");
    adam.room().rewrite_message("second, edited");
    eventually(|| stored(&stage), ["first, edited", "second, edited"]);
    eventually(|| adam.room().is_editing(), false);
}

#[test]
// reference: pages-room
fn an_answer_for_a_room_that_was_left_does_nothing() {
    let stage = stage::alone();
    let (adam, by_api) = stage.guest("Adam");
    let design = by_api.create_room("Design");
    let unknown = "0190a5b0-0000-7000-8000-000000000001";
    stage.network.hold("around=");
    adam.open(&format!("{}/messages/{unknown}", lobby(&stage)));
    adam.sidebar().choose("Design");
    eventually(|| adam.room().name(), "Design");
    stage.network.release();
    by_api.send(design.id, "after all");
    shows_as_sent(&adam, &["after all"]);
    assert_eq!(adam.address(), format!("/rooms/{}", design.id));
    assert_eq!(adam.toasts().texts(), [""; 0]);
}

#[test]
// reference: messages-compose
fn a_draft_is_not_kept_at_every_key_but_before_the_page_goes() {
    let stage = stage::alone();
    let (adam, _) = adam_in_the_lobby(&stage);
    let text = "as long as one likes to type";
    let writes = adam.room().writes_while_typing(text);
    assert!(writes <= 3, "{writes} writes for {} keys", text.len());
    adam.reload();
    eventually(|| adam.room().draft(), text);
}

#[test]
// reference: messages-compose
fn what_is_typed_while_the_name_is_on_its_way_stays_in_the_composer() {
    let stage = stage::alone();
    let adam = stage.person();
    adam.open(&lobby(&stage));
    eventually(|| adam.room().asks_for_name(), true);
    adam.room().give_name("Adam");
    stage.network.hold("POST /api/v1/guests");
    adam.room().say("Hello");
    adam.chrome.click("#composer");
    adam.chrome.type_text(", everybody");
    eventually(|| adam.room().draft(), "Hello, everybody");
    stage.network.release();
    shows_as_sent(&adam, &["Hello"]);
    assert_eq!(adam.room().draft(), ", everybody");
}
