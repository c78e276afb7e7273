//! The first visit, and coming back.

use shared::messages::Message;
use support::wait::until;

use crate::stage;
use crate::wait::eventually;

/// Where the reader lives: half an hour off any server's clock.
const FAR_AWAY: &str = "Asia/Kolkata";
const FAR_AWAY_MINUTES: i64 = 5 * 60 + 30;

/// The time in the far-away place, as its people write it.
fn far_away_time(message: &Message) -> String {
    let minutes = message.created_at.unix_millis() / 60_000 + FAR_AWAY_MINUTES;
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

#[test]
// reference: pages-rooms, messages-compose, messages-row
fn a_newcomer_reads_at_once_and_chooses_a_name_with_the_first_message() {
    let stage = stage::together();
    let lobby = stage.app.lobby();
    let (grace, grace_by_api) = stage.guest("Grace");
    grace_by_api.send(lobby.id, "Good morning");
    grace.open("/rooms");
    grace.sidebar().choose("Lobby");

    let newcomer = stage.person();
    newcomer.chrome.live_in(FAR_AWAY);
    newcomer.open("/");
    eventually(|| newcomer.address(), "/rooms");
    assert_eq!(newcomer.heading(), "Pick a room, or make one");
    assert_eq!(newcomer.sidebar().names(), ["Lobby"]);
    newcomer.sidebar().choose("Lobby");
    let room = newcomer.room();
    eventually(|| room.texts(), ["Good morning"]);

    eventually(|| room.asks_for_name(), true);
    room.write("Hello from far away");
    room.send();
    eventually(|| room.name_error(), "Your name is required.");
    room.give_name("Adam");
    room.send();
    eventually(|| grace.room().texts(), ["Good morning", "Hello from far away"]);
    assert_eq!(grace.room().rows()[1].author, "Adam");

    eventually(|| room.rows().iter().map(|row| row.is_pending).collect::<Vec<_>>(), [false, false]);
    let sent = grace_by_api.whole_history(lobby.id).pop().expect("two messages");
    let row = room.rows().pop().expect("two messages");
    assert_eq!((row.author.as_str(), row.time), ("Adam", far_away_time(&sent)));
    assert_eq!(row.datetime, sent.created_at.to_string());
    assert_eq!((row.edited.as_str(), row.failure.as_str()), ("", ""));
    assert_eq!(room.separators()[0], ("Today".to_owned(), "Good morning".to_owned()));
    assert_eq!(room.draft(), "", "sending clears the text");
    assert!(!room.asks_for_name(), "the name is kept");

    newcomer.reload();
    eventually(|| room.texts(), ["Good morning", "Hello from far away"]);
    eventually(|| room.asks_for_name(), false);
    room.say("Still Adam");
    eventually(|| grace.room().texts().len(), 3);
    assert_eq!(grace.room().rows()[2].author, "Adam");
}

#[test]
// reference: messages-limits
fn names_and_texts_outside_their_limits_are_refused_with_a_reason_beside_the_field() {
    let stage = stage::alone();
    let (lobby, adam) = (stage.app.lobby(), stage.person());
    adam.open(&format!("/rooms/{}", lobby.id));
    let room = adam.room();
    eventually(|| room.asks_for_name(), true);
    room.write("Hello");
    for (name, reason) in [
        ("Ada", "Your name needs at least 4 characters."),
        (&"a".repeat(21), "Your name can have at most 20 characters."),
    ] {
        room.give_name(name);
        room.send();
        eventually(|| room.name_error(), reason);
    }
    room.give_name("Adam");
    eventually(|| room.name_error(), "");

    room.rewrite("x");
    room.send();
    eventually(|| room.draft_error(), "A message needs at least 2 characters.");
    room.write("y");
    eventually(|| room.draft_error(), "");
    room.rewrite(&"a".repeat(119));
    eventually(|| room.counter(), "");
    room.write("b");
    eventually(|| room.counter(), "120 / 150");
    room.write(&"c".repeat(30));
    eventually(|| room.counter(), "150 / 150");
    assert!(room.can_send());
    room.write("d");
    eventually(|| room.draft_error(), "A message can have at most 150 characters.");
    assert!(!room.can_send());
    assert_eq!(room.counter(), "151 / 150");
    assert!(stage.app.anonymous().whole_history(lobby.id).is_empty());

    room.rewrite("Hi");
    room.send();
    let sent = until("the shortest message", || stage.app.anonymous().whole_history(lobby.id).pop());
    assert_eq!((sent.text.as_deref(), sent.author.username.as_str()), (Some("Hi"), "Adam"));
}

#[test]
// reference: messages-row
fn messages_stand_under_the_day_on_which_they_were_written() {
    let stage = stage::alone();
    let (_, room) = stage.room_with_messages("Days", 3);
    let day_before = |seq: i64, days: i64| {
        stage.app.db().execute(&format!(
            "UPDATE messages SET created_at = created_at - interval '{days} days' WHERE seq = {seq}"
        ));
    };
    day_before(1, 40);
    day_before(2, 1);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().texts().len(), 3);
    let separators = reader.room().separators();
    let [(long_ago, first), yesterday, today] = separators.as_slice() else { panic!("{separators:?}") };
    assert!(long_ago.chars().any(|character| character.is_ascii_digit()), "a date: {long_ago}");
    assert_eq!(first, "message 1");
    assert_eq!((yesterday.0.as_str(), yesterday.1.as_str()), ("Yesterday", "message 2"));
    assert_eq!((today.0.as_str(), today.1.as_str()), ("Today", "message 3"));
}
