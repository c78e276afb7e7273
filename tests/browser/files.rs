//! Files of messages: attached, uploaded whatever the network does, seen and downloaded by others.

use std::fs;

use serde_json::json;
use shared::files::MAX_ATTACHMENTS;
use shared::members::Role;
use shared::messages::messages_path;
use shared::rooms::Room;
use support::client::TestClient;
use support::files::png;
use support::temp_dir::TempDir;
use thirtyfour::prelude::Key;

use crate::chrome::screen::Screen;
use crate::pages::{Person, TestFile};
use crate::stage::{self, Stage};
use crate::wait::{eventually, eventually_where};

/// A room, and Adam in it.
fn adam_in_design(stage: &Stage) -> (Person<'_>, TestClient, Room) {
    let (adam, by_api) = stage.guest("Adam");
    let room = by_api.create_room("Design");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().can_attach(), true);
    (adam, by_api, room)
}

/// Grace, who looks at a room.
fn grace_in<'stage>(stage: &'stage Stage, room: &Room) -> Person<'stage> {
    let (grace, _) = stage.guest("Grace");
    grace.open(&format!("/rooms/{}", room.id));
    eventually(|| grace.room().name(), "Design");
    grace
}

#[test]
fn a_pasted_picture_reaches_a_friend_and_has_its_place_before_it_is_loaded() {
    let stage = stage::together();
    let (adam, by_api, room) = adam_in_design(&stage);
    by_api.send_many(room.id, 30);
    let grace = grace_in(&stage, &room);
    eventually(|| grace.room().texts().len(), 30);

    adam.room().paste(&[TestFile::image("cat.png", 1_200, 600)], "");
    eventually(|| adam.room().draft_files().iter().any(|file| file.has_picture), true);
    eventually(|| adam.room().stored_files(), 1);
    assert_eq!(adam.room().draft_files_note(), "Images lose their metadata, such as the location.");
    adam.room().describe_image("A cat on a roof");
    stage.network.hold("GET /files/");
    adam.room().write("Look");
    adam.room().send();
    eventually(|| grace.room().texts().last().cloned(), Some("Look".to_owned()));
    eventually(|| grace.room().image_places().len(), 1);
    eventually(|| grace.room().is_at_end(), true);
    let before = grace.room().image_places();
    assert_eq!((before[0].width, before[0].height, before[0].is_loaded), (384.0, 192.0, false));
    stage.network.release();
    eventually(|| grace.room().image_places().iter().all(|place| place.is_loaded), true);
    let after = grace.room().image_places();
    assert_eq!(
        (after[0].width, after[0].height, after[0].top),
        (before[0].width, before[0].height, before[0].top)
    );
    assert!(grace.room().is_at_end());
    assert_eq!(grace.room().message_files().pop(), Some(vec!["image A cat on a roof".to_owned()]));
    let name = grace.room().row_names().pop().expect("a row");
    assert!(name.ends_with(": Look\nImage: A cat on a roof"), "{name}");
    eventually(|| grace.announced(), ["Adam: Look\nImage: A cat on a roof"]);
    assert!(adam.room().draft_files().is_empty());
}

#[test]
fn files_are_dropped_onto_the_room_and_sent_without_a_text() {
    let stage = stage::together();
    let (adam, _, room) = adam_in_design(&stage);
    let grace = grace_in(&stage, &room);
    let files = [
        TestFile::image("one.png", 300, 900),
        TestFile::image("two.png", 900, 300),
        TestFile::text("notes.txt", "Hello"),
    ];
    adam.room().drag_over(&files);
    let words = "Drop files here to attach them to your message in Design";
    eventually(|| adam.room().drop_words(), words);
    adam.chrome.press(Key::Escape);
    eventually(|| adam.room().drop_words(), "");
    adam.room().drag_over(&files);
    eventually(|| adam.room().drop_words(), words);
    adam.room().drop_files(&files);
    eventually(|| adam.room().stored_files(), 3);
    assert_eq!(adam.room().drop_words(), "");
    adam.room().send();
    let all = [["image one.png", "image two.png", "file notes.txt 5 bytes"]];
    eventually(|| grace.room().message_files(), all);
    eventually(|| adam.room().message_files(), all);
    assert_eq!(grace.room().texts(), [""], "there is no line for a text");
    assert!(grace.room().heights().is_empty());
    eventually(|| grace.room().image_places().iter().all(|place| place.is_loaded), true);
    let places = grace.room().image_places();
    assert_eq!(places[0].width, places[1].width, "a grid");
    assert_eq!(places[0].top, places[1].top);
}

#[test]
fn files_are_attached_to_a_reply_in_a_thread_and_the_draft_of_the_room_keeps_its_own() {
    let stage = stage::together();
    let (adam, by_api, room) = adam_in_design(&stage);
    let grace = grace_in(&stage, &room);
    let question = by_api.send(room.id, "Which cat?");
    let reply = json!({ "text": "The one on the roof", "reply_to": question.id });
    by_api.post(&messages_path(room.id), &reply).expect(201);
    adam.room().paste(&[TestFile::text("notes.txt", "Hello")], "");
    eventually(|| adam.room().stored_files(), 1);
    eventually(|| adam.room().words(".thread-link"), ["1 reply"]);
    adam.room().press_what(".thread-link");
    eventually(|| adam.room().thread().len(), 2);
    adam.room().drag_over_thread(&[TestFile::image("cat.png", 300, 200)]);
    eventually(|| adam.room().drop_words(), "Drop files here to attach them to your reply");
    adam.room().drop_files(&[TestFile::image("cat.png", 300, 200)]);
    eventually(|| adam.room().stored_files(), 2);
    assert_eq!(adam.room().draft_files_in("#thread"), ["cat.png"]);
    assert_eq!(adam.room().draft_files_in("#main"), ["notes.txt"]);
    adam.room().say_in_thread("This one");
    eventually(|| grace.room().message_files().pop(), Some(vec!["image cat.png".to_owned()]));
    eventually(|| adam.room().draft_files_in("#thread"), Vec::<String>::new());
    assert_eq!(adam.room().draft_files_in("#main"), ["notes.txt"]);
    assert_eq!(adam.room().thread().last().cloned(), Some("This one".to_owned()));
}

#[test]
fn files_are_taken_before_what_takes_them_is_loaded_and_never_replace_the_page() {
    let stage = stage::alone();
    let (adam, by_api) = stage.guest("Adam");
    let room = by_api.create_room("Design");
    stage.network.hold("GET /later-");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().offers_files(), true);
    assert!(!adam.room().can_attach(), "it is not loaded yet");
    assert!(!adam.room().drop_onto(".log", &[TestFile::text("dropped.txt", "Hello")]));
    assert!(!adam.room().drop_onto("#sidebar", &[TestFile::text("elsewhere.txt", "Hello")]));
    adam.room().paste(&[TestFile::text("pasted.txt", "Hello")], "");
    adam.room().press_attach();
    stage.network.release();
    eventually(|| adam.room().stored_files(), 2);
    let names: Vec<_> = adam.room().draft_files().into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["dropped.txt", "pasted.txt"]);
    eventually(|| adam.room().times_chosen(), 1);
    adam.room().press_attach();
    eventually(|| adam.room().times_chosen(), 2);
}

#[test]
fn the_browser_asks_before_files_are_lost() {
    let stage = stage::alone();
    let (adam, ..) = adam_in_design(&stage);
    assert!(!adam.room().is_guarded());
    stage.network.hold("/uploads?");
    adam.room().choose_files(&[TestFile::text("notes.txt", "Hello")]);
    eventually(|| adam.room().is_guarded(), true);
    stage.network.release();
    eventually(|| adam.room().stored_files(), 1);
    assert!(adam.room().is_guarded());
    adam.room().send();
    eventually(|| adam.room().is_guarded(), false);
}

#[test]
fn text_that_is_pasted_with_a_file_is_pasted_too() {
    let stage = stage::alone();
    let (adam, ..) = adam_in_design(&stage);
    adam.room().paste(&[TestFile::text("notes.txt", "Hello")], "and words");
    eventually(|| adam.room().draft_files().len(), 1);
    assert_eq!(adam.room().draft(), "and words");
    adam.room().paste(&[TestFile::text("more.txt", "Hello")], "more.txt");
    eventually(|| adam.room().draft_files().len(), 2);
    assert_eq!(adam.room().draft(), "and words", "the name of a copied file is no text");
}

#[test]
fn an_upload_that_is_cut_in_the_middle_is_repeated_and_done_once() {
    let stage = stage::together();
    let (adam, by_api, room) = adam_in_design(&stage);
    let grace = grace_in(&stage, &room);
    // The wire breaks after some hundred kilobytes.
    let text = format!("{}{}", "x".repeat(600_000), "the middle ".repeat(10_000));
    stage.network.fail("the middle");
    adam.room().choose_files(&[TestFile::text("long.txt", &text)]);
    let is_repeated = |note: &String| note.contains("trying again");
    let note = || adam.room().draft_files().pop().map(|file| file.note).unwrap_or_default();
    eventually_where(note, "another attempt", is_repeated);
    adam.room().say("Here it is");
    eventually(|| adam.room().sends_later(), true);
    assert_eq!(by_api.whole_history(room.id).len(), 0);
    stage.network.mend();
    eventually(|| grace.room().texts(), ["Here it is"]);
    eventually(|| grace.room().message_files(), [["file long.txt 693 KB"]]);
    let message = by_api.whole_history(room.id).pop().expect("a message");
    let [file] = message.attachments.as_slice() else { panic!("{:?}", message.attachments) };
    assert_eq!(by_api.get(&file.url).expect(200).body, text.as_bytes());
    eventually(|| adam.room().draft_files().is_empty(), true);
}

#[test]
fn an_upload_is_cancelled_and_the_message_goes_without_it() {
    let stage = stage::alone();
    let (adam, by_api, room) = adam_in_design(&stage);
    stage.network.hold("/uploads?");
    adam.room().choose_files(&[TestFile::text("wrong.txt", "Oh"), TestFile::text("right.txt", "Yes")]);
    eventually(|| adam.room().draft_files().len(), 2);
    adam.room().press_beside_file("Cancel wrong.txt");
    eventually(|| adam.room().draft_files().len(), 1);
    assert_eq!(adam.focused(), "textarea composer");
    stage.network.release();
    eventually(|| adam.room().stored_files(), 1);
    adam.room().press_beside_file("Remove right.txt");
    eventually(|| adam.room().draft_files().is_empty(), true);
    adam.room().say("Without files");
    eventually(|| adam.room().texts(), ["Without files"]);
    eventually(|| by_api.whole_history(room.id).len(), 1);
    assert!(by_api.whole_history(room.id)[0].attachments.is_empty());
}

#[test]
fn a_refusal_is_told_beside_the_file_and_the_user_may_try_again() {
    let stage = stage::alone();
    let (adam, _, _) = adam_in_design(&stage);
    stage.network.answer("/uploads?", 429, "upload_quota", "You have uploaded enough for today.");
    adam.room().choose_files(&[TestFile::text("notes.txt", "Hello")]);
    let error = || adam.room().draft_files().pop().map(|file| file.error).unwrap_or_default();
    eventually(error, "You have uploaded enough for today.");
    adam.room().say("With a file");
    eventually(|| adam.room().draft_error(), "A file could not be uploaded. Try it again, or remove it.");
    assert!(adam.room().texts().is_empty());
    adam.room().press_beside_file("Try again: notes.txt");
    eventually(|| adam.room().stored_files(), 1);
    eventually(|| adam.room().draft_error(), "");
    adam.room().send();
    eventually(|| adam.room().message_files(), [["file notes.txt 5 bytes"]]);
}

#[test]
fn a_file_that_is_too_large_is_not_sent_and_neither_are_more_than_ten() {
    let stage = stage::alone_at(&["--rate-limits", "off", "--upload-mib", "1"]);
    let (adam, ..) = adam_in_design(&stage);
    adam.room().choose_files(&[TestFile::text("large.txt", &"x".repeat(1_100_000))]);
    let error = || adam.room().draft_files().pop().map(|file| file.error).unwrap_or_default();
    eventually(error, "This file is larger than the limit of 1 MB.");
    assert_eq!(adam.room().buttons_beside_files(), ["Remove large.txt"], "another attempt would not help");
    adam.room().press_beside_file("Remove large.txt");
    eventually(|| adam.room().draft_files().is_empty(), true);
    assert_eq!(stage.network.arrived("POST /api/v1/rooms/"), 0);
    let many: Vec<_> = (1..=12).map(|number| TestFile::text(&format!("{number}.txt"), "x")).collect();
    adam.room().choose_files(&many);
    eventually(|| adam.room().stored_files(), MAX_ATTACHMENTS);
    assert_eq!(adam.room().draft_error(), "A message can have at most 10 files. 2 files were left out.");
}

#[test]
fn files_stay_with_the_draft_of_their_room_and_go_with_the_user() {
    let stage = stage::alone();
    let (adam, ..) = adam_in_design(&stage);
    adam.room().choose_files(&[TestFile::image("cat.png", 60, 40)]);
    eventually(|| adam.room().stored_files(), 1);
    adam.room().describe_image("A cat");
    adam.sidebar().choose("Lobby");
    eventually(|| adam.room().name(), "Lobby");
    assert!(adam.room().draft_files().is_empty());
    adam.sidebar().choose("Design");
    eventually(|| adam.room().stored_files(), 1);
    adam.room().send();
    eventually(|| adam.room().message_files(), [["image A cat"]]);
    adam.room().choose_files(&[TestFile::text("notes.txt", "Hello")]);
    eventually(|| adam.room().stored_files(), 1);
    adam.sign_out();
    eventually(|| adam.room().asks_for_name(), true);
    assert!(adam.room().draft_files().is_empty());
    // Visitors upload nothing.
    eventually(|| adam.room().can_attach(), false);
}

#[test]
fn a_message_with_files_survives_a_reload_and_goes_out_once() {
    let stage = stage::alone();
    let (adam, by_api, room) = adam_in_design(&stage);
    adam.room().choose_files(&[TestFile::image("cat.png", 60, 40), TestFile::text("notes.txt", "Hello")]);
    eventually(|| adam.room().stored_files(), 2);
    let send = format!("POST /api/v1/rooms/{}/messages", room.id);
    stage.network.fail(&send);
    adam.room().say("Both");
    let files = [["image cat.png", "file notes.txt 5 bytes"]];
    eventually(|| adam.room().message_files(), files);
    assert!(adam.room().rows()[0].is_pending);
    adam.reload();
    eventually(|| adam.room().message_files(), files);
    stage.network.mend();
    eventually(|| adam.room().rows().iter().any(|row| row.is_pending), false);
    let history = by_api.whole_history(room.id);
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].attachments.len(), 2);

    let gone = "The file is not there any more.";
    adam.room().choose_files(&[TestFile::text("more.txt", "Hello")]);
    eventually(|| adam.room().stored_files(), 1);
    stage.network.answer(&send, 422, "validation_failed", gone);
    adam.room().send();
    eventually(|| adam.room().rows().pop().map(|row| row.failure.contains(gone)), Some(true));
    adam.room().press_beside_failure("Discard");
    eventually(|| adam.room().rows().len(), 1);
}

#[test]
fn a_file_is_downloaded_under_its_name() {
    let stage = stage::together();
    let (adam, _, room) = adam_in_design(&stage);
    let grace = grace_in(&stage, &room);
    adam.room().choose_files(&[TestFile::text("Notes – café.txt", "Hello")]);
    eventually(|| adam.room().stored_files(), 1);
    adam.room().send();
    eventually(|| grace.room().message_files().len(), 1);
    let folder = TempDir::new();
    grace.chrome.download_to(folder.path());
    grace.room().download("Notes – café.txt");
    eventually(|| fs::read_to_string(folder.path().join("Notes – café.txt")).ok(), Some("Hello".to_owned()));
}

#[test]
fn sound_is_played_in_the_message() {
    let stage = stage::alone();
    let (adam, ..) = adam_in_design(&stage);
    adam.room().choose_files(&[TestFile::sound("hello.wav")]);
    eventually(|| adam.room().stored_files(), 1);
    adam.room().send();
    eventually_where(
        || adam.room().message_files().concat(),
        "a player",
        |files| files.iter().any(|file| file.starts_with("audio hello.wav")),
    );
    let duration = || adam.chrome.eval::<Option<f64>>("return document.querySelector('.log audio').duration");
    eventually(duration, Some(1.0));
}

#[test]
fn somebody_who_is_removed_can_open_no_file() {
    let stage = stage::together();
    let owner = stage.app.member("The owner");
    let room = owner.create_private_room("Design");
    let file = owner.upload(room.id, "plan.txt", "Secret");
    owner.send_files(room.id, "The plan", &[&file]);
    let (grace, by_api) = stage.guest("Grace");
    by_api.join_by_invite_of(&owner, room.id, Role::Guest);
    grace.open(&format!("/rooms/{}", room.id));
    eventually(|| grace.room().message_files().len(), 1);
    // As the page would load it, with the cookie.
    let load = || {
        let script = "const request = new XMLHttpRequest(); request.open('GET', '{}', false); request.send();
            return request.status";
        grace.chrome.eval::<u16>(&script.replace("{}", &file.url))
    };
    assert_eq!(load(), 200);
    owner.remove(room.id, &by_api);
    assert_eq!(load(), 404);
    eventually(|| grace.room().message_files().len(), 0);
}

#[test]
fn files_leave_a_message_by_an_edit_and_with_it() {
    let stage = stage::together();
    let (adam, by_api, room) = adam_in_design(&stage);
    let grace = grace_in(&stage, &room);
    adam.room().choose_files(&[TestFile::text("a.txt", "a"), TestFile::text("b.txt", "b")]);
    eventually(|| adam.room().stored_files(), 2);
    adam.room().say("Two");
    eventually(|| grace.room().message_files(), [["file a.txt 1 byte", "file b.txt 1 byte"]]);
    adam.room().press_on("Two", "Edit message");
    adam.room().remove_in_editor("a.txt");
    adam.room().save_edit();
    eventually(|| grace.room().message_files(), [["file b.txt 1 byte"]]);
    eventually(|| adam.room().is_editing(), false);
    let message = by_api.whole_history(room.id).pop().expect("a message");
    by_api.delete_message(&message);
    eventually(|| grace.room().texts(), ["This message was deleted."]);
    assert_eq!(grace.room().message_files(), [[""; 0]]);
}

#[test]
fn an_image_that_cannot_be_loaded_says_so_and_is_loaded_again_on_demand() {
    let stage = stage::alone();
    let (adam, ..) = adam_in_design(&stage);
    adam.room().choose_files(&[TestFile::image("cat.png", 600, 400)]);
    eventually(|| adam.room().stored_files(), 1);
    stage.network.answer("GET /files/", 404, "file_not_found", "There is no such file.");
    adam.room().send();
    eventually(|| adam.room().message_files(), [["lost image"]]);
    adam.room().press_image();
    eventually(|| adam.room().message_files(), [["image cat.png"]]);
    eventually(|| adam.room().image_places().iter().all(|place| place.is_loaded), true);
}

#[test]
fn what_could_not_be_loaded_is_loaded_when_the_connection_is_back() {
    let stage = stage::alone();
    let (adam, _, room) = adam_in_design(&stage);
    let friend = stage.app.guest("Friend");
    friend.join(room.id);
    stage.network.fail("GET /files/");
    let file = friend.upload(room.id, "cat.png", png(600, 400));
    friend.send_files(room.id, "Look", &[&file]);
    eventually(|| adam.room().message_files(), [["lost image"]]);
    stage.network.cut();
    stage.network.mend();
    eventually(|| adam.room().message_files(), [["image cat.png"]]);
    eventually(|| adam.room().image_places().iter().all(|place| place.is_loaded), true);
}

#[test]
fn the_editor_of_the_last_message_is_in_view_and_says_anew_what_an_image_shows() {
    let stage = stage::alone();
    let (adam, by_api, room) = adam_in_design(&stage);
    by_api.send_many(room.id, 30);
    adam.room().choose_files(&[TestFile::image("cat.png", 60, 40), TestFile::text("notes.txt", "Hello")]);
    eventually(|| adam.room().stored_files(), 2);
    adam.room().describe_image("A cat");
    adam.room().say("Look");
    eventually(|| adam.room().message_files().pop().map(|files| files.len()), Some(2));
    eventually(|| adam.room().is_at_end(), true);
    adam.room().press_on("Look", "Edit message");
    eventually(|| adam.room().described_in_editor(), "A cat");
    eventually(|| adam.room().editor_is_in_view(), true);
    adam.room().describe_in_editor("A cat asleep");
    adam.room().save_edit();
    let files = vec!["image A cat asleep".to_owned(), "file notes.txt 5 bytes".to_owned()];
    eventually(|| adam.room().message_files().pop(), Some(files));
    let message = by_api.whole_history(room.id).pop().expect("a message");
    assert_eq!(message.attachments[0].alt.as_ref().map(|alt| alt.as_str()), Some("A cat asleep"));
}

#[test]
fn the_viewer_shows_the_whole_image_and_then_all_its_pixels() {
    let stage = stage::alone();
    let (adam, by_api, room) = adam_in_design(&stage);
    for (name, width, height) in
        [("tall.png", 700, 1_600), ("thin.png", 60, 3_000), ("square.png", 1_200, 1_200)]
    {
        let file = by_api.upload(room.id, name, png(width, height));
        let sent = by_api.send_files(room.id, name, &[&file]);
        eventually(|| adam.room().message_files().concat(), [format!("image {name}")]);
        adam.room().press_image();
        eventually(|| adam.viewed().map(|viewed| viewed.name), Some(name.to_owned()));
        let [left, top, right, bottom] = adam.viewed_edges();
        assert!(
            left >= 0.0 && top >= 0.0 && right <= 1_280.0 && bottom <= 800.0,
            "{name}: {:?}",
            (left, top, right, bottom)
        );
        let ratio = (right - left) * f64::from(height) / ((bottom - top) * f64::from(width));
        assert!((ratio - 1.0).abs() < 0.1 && bottom - top > 500.0, "{name}: {ratio}");
        assert_eq!(adam.viewed_beyond(), [0.0, 0.0], "{name}");
        adam.chrome.type_text("+");
        eventually(|| adam.viewed_width(), f64::from(width));
        let [_, down] = adam.viewed_beyond();
        let [_, top, _, bottom] = adam.viewed_edges();
        assert_eq!(bottom - top, f64::from(height), "{name}");
        assert!(
            down > 300.0 && top >= 0.0,
            "{name}: its beginning is in view, and the rest can be scrolled to"
        );
        adam.chrome.press(Key::Escape);
        eventually(|| adam.dialog().is_open(), false);
        by_api.delete_message(&sent);
        eventually(|| adam.room().message_files().concat(), [""; 0]);
    }
}

#[test]
fn an_image_opens_on_the_whole_screen_and_is_left_by_keys() {
    let stage = stage::alone();
    let (adam, ..) = adam_in_design(&stage);
    adam.room().choose_files(&[TestFile::image("one.png", 2_000, 1_000), TestFile::image("two.png", 50, 50)]);
    eventually(|| adam.room().stored_files(), 2);
    adam.room().send();
    eventually(|| adam.room().message_files(), [["image one.png", "image two.png"]]);
    adam.chrome.eval::<()>("document.querySelector('.thumbnail').focus()");
    adam.chrome.press(Key::Enter);
    let viewed = || adam.viewed().map(|viewed| (viewed.name, viewed.count));
    let one = Some(("one.png".to_owned(), "1 of 2".to_owned()));
    eventually(viewed, one.clone());
    assert!(adam.viewed_width() <= 1_280.0, "it fits");
    adam.chrome.type_text("+");
    eventually(|| adam.viewed_width(), 2_000.0);
    adam.chrome.type_text("-");
    eventually(|| adam.viewed_width() <= 1_280.0, true);
    adam.chrome.press(Key::Right);
    eventually(viewed, Some(("two.png".to_owned(), "2 of 2".to_owned())));
    assert_eq!(adam.viewed_width(), 50.0, "no larger than it is");
    adam.chrome.press(Key::Right);
    eventually(viewed, one.clone());
    adam.chrome.press(Key::Left);
    eventually(viewed, Some(("two.png".to_owned(), "2 of 2".to_owned())));
    adam.chrome.click("button[aria-label='Next image']");
    eventually(viewed, one);
    adam.chrome.press(Key::Escape);
    eventually(|| adam.dialog().is_open(), false);
    assert_eq!(adam.focused(), "button thumbnail", "where it was opened");
}

#[test]
fn files_fit_on_a_phone() {
    let stage = stage::alone();
    let (adam, ..) = adam_in_design(&stage);
    adam.chrome.show_on(Screen::PHONE);
    let files = [
        TestFile::image("a_very_long_name_that_does_not_fit_anywhere_on_a_phone.png", 2_000, 400),
        TestFile::image("two.png", 400, 2_000),
        TestFile::text("another_very_long_name_that_does_not_fit_anywhere_on_a_phone.txt", "Hello"),
    ];
    adam.room().choose_files(&files);
    eventually(|| adam.room().stored_files(), 3);
    assert!(!adam.scrolls_sideways());
    assert_eq!(adam.things_off_screen(), [""; 0]);
    assert!(adam.room().composer_is_on_screen());
    adam.room().send();
    eventually(|| adam.room().image_places().iter().filter(|place| place.is_loaded).count(), 2);
    assert!(!adam.scrolls_sideways());
    assert_eq!(adam.things_off_screen(), [""; 0]);
    adam.room().press_image();
    eventually(|| adam.viewed().is_some(), true);
    assert!(!adam.scrolls_sideways());
    assert_eq!(adam.things_off_screen(), [""; 0]);
}
