//! Formatting, reactions, replies, threads and what is unread, between two people.

use serde_json::{Value, json};
use shared::messages::messages_path;
use shared::read_marks::read_path;
use support::builders::new_message_id;
use support::client::TestClient;
use thirtyfour::Key;

use crate::stage;
use crate::wait::{eventually, eventually_where};

#[test]
fn marks_become_formatting_and_secrets_stay_hidden_until_they_are_asked_for() {
    let stage = stage::alone();
    let author = stage.app.member("Ada");
    let room = author.create_room("Design");
    let text = "# Plan\nSome **bold**, *italic*, ~~old~~ and `code` at https://a.example\n\n- one\n- two\n\n> quoted\n\n\
        ```rust\nlet x = 1;\n```\n\n[bank.example](https://evil.example/x) ||he dies||";
    author.send(room.id, text);
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", room.id));
    eventually(|| reader.room().words(".formatted h4"), ["Plan"]);
    assert_eq!(reader.room().words(".formatted strong"), ["bold"]);
    assert_eq!(reader.room().words(".formatted em"), ["italic"]);
    assert_eq!(reader.room().words(".formatted s"), ["old"]);
    assert_eq!(reader.room().words(".formatted li"), ["one", "two"]);
    assert_eq!(reader.room().words(".formatted blockquote"), ["quoted"]);
    assert_eq!(reader.room().words(".code-head span"), ["rust"]);
    assert_eq!(reader.room().words(".url-host"), ["(evil.example)"]);
    let names = reader.room().row_names();
    assert!(names[0].contains("bank.example") && !names[0].contains("dies"), "{names:?}");
    let hidden = "return getComputedStyle(document.querySelector('.spoiler-text')).visibility";
    assert_eq!(reader.chrome.eval::<String>(hidden), "hidden");
    reader.chrome.eval::<()>("document.querySelector('.spoiler').focus()");
    reader.chrome.type_text(" ");
    eventually(|| reader.chrome.eval::<String>(hidden), "visible");
    reader.room().press_what(".code-head button");
    eventually(|| reader.room().words(".code-head button"), ["Copied"]);
}

#[test]
fn reactions_are_seen_by_both_and_taken_back() {
    let stage = stage::together();
    let (ada, ada_by_api) = stage.guest("Adam");
    let (grace, _) = stage.guest("Grace");
    let room = ada_by_api.create_room("Design");
    ada_by_api.send(room.id, "Shall we?");
    for person in [&ada, &grace] {
        person.open(&format!("/rooms/{}", room.id));
        eventually(|| person.room().texts(), ["Shall we?"]);
    }
    grace.room().react_quickly("Shall we?", "🎉");
    let party = |count, is_mine| vec![("🎉".to_owned(), count, is_mine)];
    eventually(|| grace.room().reactions(), party(1, true));
    eventually(|| ada.room().reactions(), party(1, false));
    ada.room().toggle_reaction("🎉");
    eventually(|| ada.room().reactions(), party(2, true));
    eventually(|| grace.room().reactions(), party(2, true));
    eventually(|| grace.room().who_reacted(), "🎉, 2 reactions: You and Adam");
    grace.room().react_by_name("Shall we?", "crab");
    eventually(|| ada.room().reactions().len(), 2);
    ada.reload();
    eventually(|| ada.room().reactions(), [("🎉".to_owned(), 2, true), ("🦀".to_owned(), 1, false)]);
    ada.room().toggle_reaction("🎉");
    eventually(|| grace.room().reactions(), [("🎉".to_owned(), 1, true), ("🦀".to_owned(), 1, true)]);
    assert_eq!(grace.room().who_reacted(), "🎉, 1 reaction: You");
}

#[test]
fn a_reply_shows_what_it_answers_and_the_thread_has_both() {
    let stage = stage::together();
    let (ada, ada_by_api) = stage.guest("Adam");
    let (grace, grace_by_api) = stage.guest("Grace");
    let room = ada_by_api.create_room("Design");
    let question = ada_by_api.send(room.id, "Which colour?");
    grace_by_api.send(room.id, "Something else");
    for person in [&ada, &grace] {
        person.open(&format!("/rooms/{}", room.id));
        eventually(|| person.room().texts().len(), 2);
    }
    grace.room().press_on("Which colour?", "Reply");
    eventually(|| grace.room().answered(), "Replying to AdamWhich colour?");
    grace.chrome.type_text("\u{E00C}");
    eventually(|| grace.room().answered(), "");
    grace.room().press_on("Which colour?", "Reply");
    grace.room().say("Green");
    for person in [&ada, &grace] {
        eventually(|| person.room().quotes(), ["Adam: Which colour?"]);
        eventually(|| person.room().words(".thread-link"), ["1 reply"]);
    }
    ada_by_api.edit(&question, "Which shade?");
    eventually(|| grace.room().quotes(), ["Adam: Which shade?"]);
    grace.room().press_what(".quote");
    eventually(|| grace.room().pointed(), "Which shade? edited");

    ada.room().press_what(".thread-link");
    eventually(|| ada.room().thread(), ["Which shade? edited", "Green"]);
    ada.room().say_in_thread("Dark green?");
    eventually(|| ada.room().thread(), ["Which shade? edited", "Green", "Dark green?"]);
    eventually(|| grace.room().words(".thread-link"), ["2 replies"]);
    eventually(|| grace.room().main_texts().last().cloned(), Some("Dark green?".to_owned()));
    let reply = json!({ "text": "No, light", "reply_to": question.id });
    grace_by_api.post(&messages_path(room.id), &reply).expect(201);
    eventually(|| ada.room().thread().last().cloned(), Some("No, light".to_owned()));
    ada_by_api.delete_message(&question);
    eventually(|| grace.room().quotes()[0].clone(), "Adam: This message was deleted.");
    ada.chrome.type_text("\u{E00C}");
    eventually(|| ada.room().thread().len(), 0);
}

#[test]
fn what_is_read_in_one_browser_is_read_in_the_other_and_mentions_stand_out() {
    let stage = stage::together();
    let (here, ada_by_api) = stage.guest("Adam");
    let there = stage.person();
    there.be(&ada_by_api);
    let maker = stage.app.member("Maker");
    let room = maker.create_room("Design");
    ada_by_api.send(room.id, "I am in");
    for person in [&here, &there] {
        person.open("/rooms");
        eventually(|| person.sidebar().names().contains(&"Design".to_owned()), true);
    }
    maker.send(room.id, "for all");
    maker.send(room.id, "for you, @Adam");
    let mentions = "return document.querySelector('#sidebar .mentions')?.firstChild.textContent ?? ''";
    for person in [&here, &there] {
        eventually(|| person.sidebar().unread("Design"), 2);
        eventually(|| person.chrome.eval::<String>(mentions), "1");
        eventually(|| person.title(), "(1) Parlance");
        assert_eq!(person.sidebar().names()[0], "Design", "it wants an answer");
    }
    here.sidebar().choose("Design");
    eventually(|| here.room().texts().len(), 3);
    for person in [&here, &there] {
        eventually(|| person.sidebar().unread("Design"), 0);
        eventually(|| person.chrome.eval::<String>(mentions), "");
    }
    eventually(|| there.title(), "Parlance");
    let mark = || ada_by_api.viewer(room.id).last_read_seq.map(|seq| seq.0);
    eventually(mark, Some(3));

    here.room().press_on("for all", "Mark unread");
    for person in [&here, &there] {
        eventually(|| person.sidebar().unread("Design"), 2);
    }
    eventually(mark, Some(1));
    eventually(|| here.room().separators().iter().any(|it| it.0 == "New" && it.1 == "for all"), true);
    assert_eq!(here.sidebar().unread("Design"), 2, "nothing is read by itself now");
    here.sidebar().choose("Lobby");
    eventually(|| here.room().name(), "Lobby");
    here.sidebar().choose("Design");
    eventually(|| here.sidebar().unread("Design"), 0);
    eventually(mark, Some(3));
    let moved = ada_by_api.put(&read_path(room.id), &json!({ "seq": 2, "exact": true })).expect(200);
    assert_eq!(moved.json::<Value>()["seq"], 2);
    eventually(|| there.sidebar().unread("Design"), 1);
    eventually_where(
        || here.sidebar().unread("Design"),
        "what another client marked as unread",
        |unread| *unread == 1,
    );
}

#[test]
fn keys_format_what_is_selected_and_the_preview_shows_it() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    let room = adam_by_api.create_room("Design");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().words(".tool.wide"), ["Preview"]);
    adam.room().write("plain bold");
    adam.chrome.eval::<()>("document.querySelector('#composer').setSelectionRange(6, 10)");
    adam.chrome.press_with_control('b');
    eventually(|| adam.room().draft(), "plain **bold**");
    adam.chrome.press_with_control('b');
    eventually(|| adam.room().draft(), "plain bold");
    adam.chrome.press_with_control('i');
    eventually(|| adam.room().draft(), "plain *bold*");
    adam.chrome.press_with_control('z');
    eventually(|| adam.room().draft(), "plain bold");
    adam.room().press_what(".tool.strike");
    eventually(|| adam.room().draft(), "plain ~~bold~~");
    adam.room().press_what(".tool.wide");
    eventually(|| adam.room().words(".field-preview s"), ["bold"]);
    adam.room().send();
    eventually(|| adam.room().words(".log .formatted s"), ["bold"]);
    assert_eq!(adam.room().words(".field-preview"), [""; 0]);
}

#[test]
fn names_rooms_and_emoji_are_completed_while_one_types() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    let grace = stage.app.member("Grace");
    let room = adam_by_api.create_room("Design");
    grace.send(room.id, "I am here");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().words(".tool.wide"), ["Preview"]);
    eventually(|| adam.room().groups().len(), 2);
    let offers = || adam.room().words(".offers.on li");
    adam.room().write("Hi @gr");
    eventually(|| offers().len(), 1);
    let field = "const field = document.querySelector('#composer');
        return [field.getAttribute('role'), field.getAttribute('aria-expanded'),
            document.getElementById(field.getAttribute('aria-activedescendant')).getAttribute('aria-selected')]";
    assert_eq!(adam.chrome.eval::<[String; 3]>(field), ["combobox", "true", "true"]);
    adam.room().write("\u{E007}");
    eventually(|| adam.room().draft(), "Hi @Grace ");
    adam.room().write("see #lob");
    eventually(|| offers().len(), 1);
    adam.room().write("\u{E004}");
    eventually(|| adam.room().draft(), "Hi @Grace see #[Lobby] ");
    adam.room().write(":tada");
    eventually(|| offers().is_empty(), false);
    adam.room().write("\u{E007}");
    eventually(|| adam.room().draft(), "Hi @Grace see #[Lobby] 🎉 ");
    adam.room().write("@ad");
    adam.room().write("\u{E00C}");
    eventually(|| offers().len(), 0);
    adam.room().send();
    eventually(|| adam.room().words(".formatted .mention"), ["@Grace", "#Lobby"]);
    eventually(|| grace.viewer(room.id).mentions, Some(1));
    adam.room().press_what(".formatted a.mention");
    eventually(|| adam.room().name(), "Lobby");

    adam.sidebar().choose("Design");
    eventually(|| adam.room().name(), "Design");
    adam.room().say("wake up, @everyone ");
    eventually(|| adam.dialog().title(), "Notify 1 other member?");
    adam.dialog().press("Cancel");
    eventually(|| adam.dialog().title(), "");
    adam.chrome.let_it_paint();
    adam.chrome.type_text("!");
    eventually(|| adam.room().draft(), "wake up, @everyone !");
    adam.room().send();
    eventually(|| adam.dialog().title(), "Notify 1 other member?");
    adam.dialog().press("Send");
    eventually(|| grace.viewer(room.id).mentions, Some(2));
    eventually(|| adam.room().draft(), "");
}

#[test]
fn enter_sends_what_was_typed_faster_than_the_page_is_painted() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    let room = adam_by_api.create_room("Design");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().words(".tool.wide"), ["Preview"]);
    adam.room().write("wake up @ev");
    eventually(|| adam.room().words(".offers.on li").len(), 1);
    adam.hold_frames();
    adam.chrome.type_text("ery day");
    adam.chrome.press(Key::Enter);
    eventually(|| adam.room().draft(), "");
    adam.let_frames_come();
    eventually(|| adam.room().texts(), ["wake up @every day"]);
}

#[test]
fn an_offer_is_taken_by_a_click_and_all_go_when_the_field_is_left() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    let room = adam_by_api.create_room("Design");
    adam_by_api.send(room.id, "Which colour?");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().words(".tool.wide"), ["Preview"]);
    let offers = || adam.room().words(".offers.on li");
    adam.room().write("see #lob");
    eventually(|| offers().len(), 1);
    adam.chrome.click(".offers.on li");
    eventually(|| adam.room().draft(), "see #[Lobby] ");
    adam.room().write("and #lob");
    eventually(|| offers().len(), 1);
    adam.chrome.click(".message .text");
    eventually(|| offers().len(), 0);
    adam.reload();
    eventually(|| adam.room().draft(), "see #[Lobby] and #lob");
    eventually(|| adam.room().words(".tool.wide"), ["Preview"]);
    adam.chrome.click("#composer");
    adam.room().write("b");
    eventually(|| offers().len(), 1);
}

#[test]
fn an_edit_completes_names_and_means_whom_the_message_meant() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    let (first, second) = (stage.app.guest("Grace"), stage.app.guest("Grace"));
    let ada = stage.app.member("Lovelace");
    let room = adam_by_api.create_room("Design");
    for person in [&first, &second, &ada] {
        person.send(room.id, "I am in");
    }
    let sent = json!({ "id": new_message_id(), "text": "hi @Grace", "mentions": [second.id()] });
    adam_by_api.post(&messages_path(room.id), &sent).expect(201);
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().words(".formatted .mention"), ["@Grace"]);
    eventually(|| adam.room().words(".composer .tool.wide"), ["Preview"]);
    adam.chrome.eval::<()>("document.querySelector('#composer').focus()");
    adam.chrome.press(Key::Up);
    eventually(|| adam.room().words(".editor .tool.wide"), ["Preview"]);
    let field = || adam.chrome.eval::<String>("return document.querySelector('#editor').value");
    adam.chrome.type_text(" and @lo");
    eventually(field, "hi @Grace and @lo");
    eventually(|| adam.room().words(".editor .offers.on li").len(), 1);
    adam.chrome.press(Key::Enter);
    eventually(field, "hi @Grace and @Lovelace ");
    adam.room().press_what(".editor .tool.wide");
    eventually(|| adam.room().words(".editor .field-preview .mention"), ["@Grace", "@Lovelace"]);
    adam.room().save_edit();
    eventually(|| adam.room().words(".formatted .mention"), ["@Grace", "@Lovelace"]);
    let mentions = |person: &TestClient| person.viewer(room.id).mentions;
    eventually(|| [mentions(&first), mentions(&second), mentions(&ada)], [Some(0), Some(1), Some(1)]);
}

#[test]
fn messages_are_pinned_and_former_texts_can_be_read_and_deleted() {
    let stage = stage::together();
    let (adam, adam_by_api) = stage.guest("Adam");
    let (grace, grace_by_api) = stage.guest("Grace");
    let room = adam_by_api.create_room("Design");
    let sent = adam_by_api.send(room.id, "my secret");
    grace_by_api.send(room.id, "I am in");
    adam_by_api.edit(&sent, "my plan");
    for person in [&adam, &grace] {
        person.open(&format!("/rooms/{}", room.id));
        eventually(|| person.room().texts(), ["my plan", "I am in"]);
    }
    eventually(|| grace.room().words("button.edited"), ["edited"]);
    grace.room().press_what("button.edited");
    eventually(|| grace.room().words(".former-texts .text"), ["my secret"]);
    grace.dialog().press("Close");
    adam.room().press_what("button.edited");
    eventually(|| adam.room().words(".former-texts .text"), ["my secret"]);
    adam.dialog().press("Delete edit history…");
    eventually(|| adam.dialog().title(), "Delete the edit history?");
    adam.dialog().press("Delete");
    eventually(|| adam.toasts().all_texts(), ["The edit history was deleted."]);
    grace.room().press_what("button.edited");
    eventually(|| grace.dialog().text().contains("There are no earlier versions."), true);
    grace.dialog().press("Close");

    adam.room().press_on("my plan edited", "Pin message");
    eventually(|| grace.room().words(".pinned"), ["Pinned"]);
    grace.open_room_dialog("Pinned messages");
    eventually(|| grace.titles(), ["my plan"]);
    grace.dialog().press("Show");
    eventually(|| grace.room().pointed(), "my plan edited");
    adam.room().press_on("my plan edited", "Unpin message");
    eventually(|| grace.room().words(".pinned"), [""; 0]);
}

#[test]
fn the_browser_notifies_of_what_the_room_asks_for_and_a_click_opens_it() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    let grace = stage.app.member("Grace");
    let room = adam_by_api.create_room("Design");
    grace.join(room.id);
    adam.chrome.prepare_pages(
        "window.notices = [];
        window.Notification = class {
            static permission = 'default';
            static async requestPermission() { return Notification.permission = window.refuses ? 'denied' : 'granted' }
            constructor(title, options) { Object.assign(this, { title, ...options }); window.notices.push(this) }
            close() {}
        }",
    );
    let notices = || {
        adam.chrome.eval::<Vec<(String, String, bool)>>(
            "return window.notices.map(({ title, body, silent }) => [title, body, silent])",
        )
    };
    adam.open("/rooms");
    adam.chrome.eval::<()>("window.refuses = true");
    adam.open_settings("Notifications");
    adam.room().press_what("dialog[open] input[type=checkbox]");
    eventually(|| adam.dialog().text().contains("The browser forbids"), true);
    adam.dialog().press("Done");
    adam.open("/rooms");
    adam.open_settings("Notifications");
    adam.room().press_what("dialog[open] input[type=checkbox]");
    eventually(|| adam.chrome.eval::<bool>("return Notification.permission === 'granted'"), true);
    adam.dialog().press("Done");
    // The permission belongs to the page that was loaded.
    grace.send(room.id, "for all");
    grace.send(room.id, "for you, @Adam");
    eventually(notices, [("Grace in Design".to_owned(), "for you, @Adam".to_owned(), true)]);
    adam.chrome.eval::<()>("window.notices[0].onclick()");
    eventually(|| adam.room().pointed(), "for you, @Adam");

    adam.open_room_dialog("Notifications");
    adam.room().press_what("dialog[open] .choice input");
    eventually(|| adam.dialog().text().contains("Saved"), true);
    adam.dialog().press("Done");
    grace.send(room.id, "in view");
    eventually(|| adam.room().texts().len(), 3);
    adam.sidebar().choose("Lobby");
    eventually(|| adam.room().name(), "Lobby");
    grace.send(room.id, "out of view");
    eventually(
        || notices().into_iter().map(|notice| notice.1).collect::<Vec<_>>(),
        ["for you, @Adam", "out of view"],
    );
}
