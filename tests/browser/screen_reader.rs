//! What people hear who do not see the page.

use crate::stage;
use crate::wait::eventually;

#[test]
// reference: messages-row
fn each_message_says_who_wrote_it_and_when_also_within_a_group() {
    let stage = stage::alone();
    let lobby = stage.app.lobby();
    let writer = stage.app.guest("Writer");
    let sent = writer.send_many(lobby.id, 3);
    writer.delete_message(&sent[2]);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", lobby.id));
    eventually(|| reader.room().texts().len(), 3);
    let rows = reader.room().rows();
    let names: Vec<_> =
        rows.iter().map(|row| format!("{}, {}: {}", row.author, row.time, row.text)).collect();
    assert_eq!(reader.room().row_names(), names);
    assert!(names[1].starts_with("Writer, ") && names[1].ends_with(": message 2"), "{names:?}");
}

#[test]
// reference: messages-row
fn only_what_others_newly_say_is_announced_once() {
    let stage = stage::alone();
    let lobby = stage.app.lobby();
    let (adam, adam_by_api) = stage.guest("Adam");
    let grace = stage.app.guest("Grace");
    let old = grace.send(lobby.id, "an old one");
    let design = adam_by_api.create_room("Design");
    adam.open(&format!("/rooms/{}", lobby.id));
    eventually(|| adam.room().texts(), ["an old one"]);
    eventually(|| adam.room().asks_for_name(), false);
    assert_eq!(adam.announced(), [""; 0], "history");
    assert_eq!(adam.live_regions(), ["banner-place", "composer-note", "news"]);
    adam.room().say("my own");
    eventually(|| adam.room().texts().len(), 2);
    grace.send(lobby.id, "a new one");
    eventually(|| adam.announced(), ["Grace: a new one"]);
    grace.edit(&old, "an edited one");
    grace.send(design.id, "elsewhere");
    eventually(|| adam.sidebar().unread("Design"), 1);
    assert_eq!(adam.announced(), ["Grace: a new one"]);
    stage.network.cut();
    stage.network.mend();
    grace.send(lobby.id, "another");
    eventually(|| adam.announced(), ["Grace: a new one", "Grace: another"]);
    adam.sidebar().choose("Design");
    eventually(|| adam.announced(), [""; 0]);
}
