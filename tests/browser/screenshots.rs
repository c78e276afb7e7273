//! Every page fits on every screen; asked to, the test leaves pictures of that.

use std::path::PathBuf;
use std::{env, fs};

use serde_json::json;
use shared::bans::ban_path;
use shared::invites::{NewInvite, invites_path};
use shared::members::{Member, member_path, members_path, mute_path};
use shared::messages::{message_path, messages_path};
use shared::page::Page;
use shared::rooms::room_path;

use crate::chrome::screen::Screen;
use crate::members::member;
use crate::pages::{Person, TestFile};
use crate::stage;
use crate::wait::eventually;

const SIZES: [(u32, u32); 4] = [(360, 740), (768, 1024), (1280, 800), (1920, 1080)];

/// Looks at the page on every screen; with `PARLANCE_SCREENSHOTS`, leaves pictures in that folder.
#[track_caller]
fn look_at(person: &Person<'_>, name: &str) {
    let folder = env::var_os("PARLANCE_SCREENSHOTS").map(PathBuf::from);
    for is_dark in [false, true] {
        for (width, height) in SIZES {
            person.chrome.show_on(Screen { width, height, is_phone: width < 700, is_dark });
            person.let_it_settle();
            assert!(!person.scrolls_sideways(), "{name} is wider than {width} pixels");
            assert_eq!(person.things_off_screen(), [""; 0], "{name} at {width} pixels");
            if let Some(folder) = &folder {
                let theme = if is_dark { "dark" } else { "light" };
                let file = folder.join(format!("{name}-{theme}-{width}.png"));
                let written =
                    fs::create_dir_all(folder).and_then(|()| fs::write(&file, person.chrome.picture()));
                written.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            }
        }
    }
    person.chrome.show_on(Screen::WIDE);
}

#[test]
// reference: pages-rooms
fn the_screens_about_accounts_fit_on_every_screen() {
    let stage = stage::alone();
    stage.app.member("Admin One");
    let (grace, _) = stage.guest("Grace Hopper");
    grace.open("/setup#a-secret");
    eventually(|| grace.page_words().is_empty(), false);
    look_at(&grace, "setup");
    grace.open("/reset#a-secret");
    eventually(|| grace.page_words().is_empty(), false);
    look_at(&grace, "reset");
    grace.open(&format!("/rooms/{}", stage.app.lobby().id));
    eventually(|| grace.called(), "Grace Hopper, guest");
    grace.sidebar().settings();
    eventually(|| grace.dialog().title(), "Settings");
    look_at(&grace, "settings-of-a-guest");
    grace.dialog().press("Sign in");
    eventually(|| grace.dialog().title(), "Sign in");
    grace.account().fill("Name", "Grace Hopper");
    grace.account().fill("Password", "not the password");
    grace.account().press("Sign in");
    eventually(|| grace.account().whole_error().is_empty(), false);
    look_at(&grace, "sign-in");
    grace.dialog().choose("Create account");
    grace.account().fill("Password", "short");
    grace.account().press("Create account");
    eventually(|| grace.account().error("Password").is_empty(), false);
    look_at(&grace, "sign-up");
    grace.account().fill("Password", support::client::PASSWORD);
    grace.account().press("Create account");
    eventually(|| grace.called(), "Grace Hopper, member");
    for part in ["Profile", "Password", "Sessions", "Appearance", "Connection"] {
        grace.open_settings(part);
        eventually(|| grace.sessions().len(), usize::from(part == "Sessions"));
        look_at(&grace, &format!("settings-{}", part.to_lowercase()));
        grace.dialog().press("Done");
        eventually(|| grace.dialog().is_open(), false);
    }
    grace.sign_out();
    eventually(|| grace.room().asks_for_name(), true);
    look_at(&grace, "newcomer-with-sign-in");
}

#[test]
// reference: pages-rooms, pages-room, pages-not-found
fn every_page_fits_on_every_screen() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam Lovelace");
    let design = adam_by_api.create_room("design");
    adam_by_api.create_room("A room with a rather long name that will hardly fit anywhere at all, will it?");
    let [grace, emmy, linus] = ["Grace", "Emmy Noether", "Linus"].map(|name| stage.app.guest(name));
    grace.send(design.id, "Morning! Has anybody looked at the new drafts?");
    grace.send(design.id, "I have put them on the table by the window.");
    let sent = adam_by_api.send(design.id, "Yes. The second one is the one.");
    adam_by_api.edit(&sent, "Yes: the second one, without a doubt.");
    let gone = linus.send(design.id, "A word too many");
    linus.delete_message(&gone);
    emmy.send(design.id, &format!("A long word: {}", "Donaudampfschiff".repeat(8)));
    emmy.send(design.id, "שלום, איך הולך? 🎉🦀👩‍👩‍👧‍👧");
    linus.send(design.id, "One line,\nand another,\nand the last of three.");
    for number in 1..=3 {
        grace.send(stage.app.lobby().id, &format!("Welcome, number {number}"));
    }
    let mut sockets: Vec<_> = [&grace, &emmy, &linus].map(support::socket::TestSocket::connect).into();
    for socket in &mut sockets {
        socket.subscribe(design.id);
    }

    adam.open("/rooms");
    eventually(|| adam.sidebar().names().len(), 3);
    look_at(&adam, "rooms");
    adam.sidebar().choose("Lobby");
    eventually(|| adam.room().texts().len(), 3);
    adam.sidebar().choose("design");
    eventually(|| adam.room().texts().len(), 7);
    grace.send(stage.app.lobby().id, "Something unread");
    eventually(|| adam.sidebar().unread("Lobby"), 1);
    eventually(|| adam.room().people().len(), 4);
    adam.room().write("A draft");
    adam.room().point_at("Yes: the second one, without a doubt. edited");
    look_at(&adam, "room");
    adam.sidebar().choose("A room with a rather long name that will hardly fit anywhere at all, will it?");
    eventually(|| adam.room().texts().is_empty(), true);
    look_at(&adam, "empty-room");
    adam.open_room_dialog("Leave or delete");
    adam.dialog().press("Delete room…");
    eventually(|| adam.dialog().title().starts_with("Delete"), true);
    look_at(&adam, "question");
    adam.dialog().press("Cancel");
    adam.dialog().press("Done");
    adam.sidebar().settings();
    eventually(|| adam.dialog().title(), "Settings");
    look_at(&adam, "settings");
    adam.dialog().press("Done");
    eventually(|| adam.dialog().title(), "");
    adam.chrome.press_with_control('k');
    eventually(|| adam.dialog().is_open(), true);
    look_at(&adam, "finder");
    adam.dialog().close();
    adam.open(&format!("/rooms/{}", support::builders::unknown_room_id()));
    eventually(|| adam.heading(), "There is nothing here");
    look_at(&adam, "not-found");
    adam.open(&format!("/rooms/{}/messages/{}", design.id, support::builders::new_message_id()));
    eventually(|| adam.toasts().texts().len(), 1);
    adam.toasts().hold();
    stage.network.cut();
    adam.room().say("Written without a connection");
    eventually(|| adam.banner().is_empty(), false);
    look_at(&adam, "disconnected");
    stage.network.mend();
    eventually(|| adam.banner(), "");

    let newcomer_to_be = adam;
    newcomer_to_be.chrome.forget_everything();
    newcomer_to_be.open(&format!("/rooms/{}", design.id));
    eventually(|| newcomer_to_be.room().asks_for_name(), true);
    look_at(&newcomer_to_be, "newcomer");
    newcomer_to_be.chrome.show_on(Screen::PHONE);
    newcomer_to_be.sidebar().open();
    eventually(|| newcomer_to_be.sidebar().share_of_screen(), 1.0);
    newcomer_to_be.let_it_settle();
    assert!(!newcomer_to_be.scrolls_sideways());
}

#[test]
fn the_screens_about_rooms_and_members_fit_on_every_screen() {
    let stage = stage::alone();
    let (ada, linus) = (stage.app.member("Ada Lovelace"), stage.app.member("Linus"));
    let room = ada.create_room("design");
    let topic = "Where we draw, argue about it, and draw again: everything that has a shape or a colour belongs here.";
    ada.patch(&room_path(room.id), &json!({ "visibility": "private", "topic": topic })).expect(200);
    ada.put(&member_path(room.id, linus.user().id), &json!({ "role": "moderator" })).expect(201);
    ada.send(room.id, "Welcome!");
    let invite = ada.post(&invites_path(room.id), &json!({ "max_uses": 5 })).expect(201).json::<NewInvite>();
    let (_, secret) = invite.url.split_once("/invite").expect("a link");

    let grace = stage.person();
    grace.open(&format!("/invite{secret}"));
    eventually(|| grace.invite().is_empty(), false);
    look_at(&grace, "invite");
    grace.account().fill("Your name", "Grace Hopper");
    grace.account().press("Join as a guest");
    eventually(|| grace.room().texts(), ["Welcome!"]);
    let until = json!({ "until": "2126-01-01T00:00:00Z" });
    let members = ada.get(&members_path(room.id)).json::<Page<Member>>().items;
    let guest =
        members.iter().find(|member| member.user.username.as_str() == "Grace Hopper").expect("she joined");
    ada.put(&mute_path(room.id, guest.user.id), &until).expect(204);
    eventually(|| grace.room().closed().is_empty(), false);
    look_at(&grace, "muted");
    ada.put(
        &ban_path(room.id, guest.user.id),
        &json!({ "reason": "A very long reason, to see how it is shown" }),
    )
    .expect(204);
    eventually(|| grace.heading(), "You were banned from design.");
    look_at(&grace, "banned");
    grace.open("/rooms");
    grace.sidebar().create_new();
    eventually(|| grace.dialog().title(), "Create a room");
    look_at(&grace, "create-room");
    grace.dialog().press("Cancel");
    drop(grace);

    let ada = member(&stage, "Ada Lovelace", &format!("/rooms/{}", room.id));
    eventually(|| ada.room().texts(), ["Welcome!"]);
    eventually(|| ada.room().groups().len(), 2);
    look_at(&ada, "private-room");
    ada.sidebar().browse();
    eventually(|| ada.titles().is_empty(), false);
    look_at(&ada, "browse");
    ada.dialog().press("Close");
    for part in ["About", "Members", "Invites", "Bans", "Audit log", "Leave or delete"] {
        ada.open_room_dialog(part);
        if part == "Invites" {
            ada.dialog().press("Create invite link");
            eventually(|| ada.secret().is_empty(), false);
        }
        eventually(|| ada.dialog().text().contains("Loading"), false);
        look_at(&ada, &format!("room-{}", part.to_lowercase().replace(' ', "-")));
        ada.dialog().press("Done");
        eventually(|| ada.dialog().is_open(), false);
    }
    ada.room().choose_person("Linus");
    eventually(|| ada.dialog().title(), "design");
    look_at(&ada, "person");
    ada.dialog().press("Done");
    eventually(|| ada.dialog().is_open(), false);
    ada.open_settings("Profile");
    ada.choose_picture(600, 400);
    eventually(|| ada.is_cropping(), true);
    look_at(&ada, "crop");
    ada.account().press("Cancel");
    ada.dialog().press("Done");
    eventually(|| ada.dialog().is_open(), false);
    for part in ["Profile", "Tokens"] {
        ada.open_settings(part);
        look_at(&ada, &format!("settings-{}", part.to_lowercase()));
        ada.dialog().press("Done");
        eventually(|| ada.dialog().is_open(), false);
    }
    ada.open_settings("Delete account");
    look_at(&ada, "delete-account");
    ada.fill("Your password", "a password");
    ada.dialog().press("Done");
    eventually(|| ada.dialog().title(), "Discard your changes?");
    look_at(&ada, "discard");
    ada.dialog().press("Discard");
    eventually(|| ada.dialog().is_open(), false);
    ada.open("/admin");
    eventually(|| ada.titles().len(), 3);
    look_at(&ada, "admin");
}

#[test]
fn files_fit_on_every_screen() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam Lovelace");
    let grace = stage.app.guest("Grace");
    let room = adam_by_api.create_room("design");
    grace.send(room.id, "Morning! Has anybody looked at the new drafts?");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().can_attach(), true);
    let send = |files: &[TestFile], text: &str| {
        adam.room().choose_files(files);
        eventually(|| adam.room().stored_files(), files.len());
        adam.room().rewrite(text);
        adam.room().send();
        eventually(|| adam.room().rows().iter().any(|row| row.is_pending), false);
        eventually(|| adam.room().draft_files().is_empty(), true);
    };
    send(&[TestFile::image("draft.png", 1_600, 900)], "This is the second one");
    let four = ["a.png", "b.png", "c.png", "d.png"];
    send(&four.map(|name| TestFile::image(name, 700, 500)), "");
    grace.send(room.id, "Lovely. And the words?");
    let words = TestFile::text("The words of the second draft, with a name that is rather long.txt", "Words");
    send(&[words, TestFile::sound("song.wav")], "Here they are");
    send(&[TestFile::image("tall.png", 300, 1_400)], "");
    eventually(|| adam.room().image_places().iter().all(|place| place.is_loaded), true);
    look_at(&adam, "files");
    adam.room().press_image();
    eventually(|| adam.viewed().is_some(), true);
    look_at(&adam, "image");
    adam.dialog().close();
    eventually(|| adam.dialog().is_open(), false);

    adam.room().choose_files(&[TestFile::image("sketch.png", 900, 600)]);
    eventually(|| adam.room().stored_files(), 1);
    adam.room().describe_image("A first sketch of the door");
    stage.network.answer(
        "/uploads?",
        429,
        "upload_quota",
        "You have uploaded enough for today. Try again tomorrow.",
    );
    adam.room().choose_files(&[TestFile::text("notes.txt", "Hello")]);
    eventually(|| adam.room().draft_files().iter().any(|file| !file.error.is_empty()), true);
    stage.network.hold("the end");
    let film = format!("{}the end", "x".repeat(900_000));
    adam.room().choose_files(&[TestFile {
        content_type: "video/mp4".to_owned(),
        ..TestFile::text("film.mp4", &film)
    }]);
    eventually(|| adam.room().draft_files().len(), 3);
    adam.room().write("What do you think?");
    look_at(&adam, "draft-with-files");
    adam.room().drag_over(&[TestFile::text("more.txt", "")]);
    eventually(|| adam.room().drop_words().is_empty(), false);
    look_at(&adam, "drop");
    stage.network.release();
}

#[test]
fn a_conversation_fits_on_every_screen() {
    let stage = stage::alone();
    let (adam, adam_by_api) = stage.guest("Adam");
    let grace = stage.app.member("Grace");
    let room = adam_by_api.create_room("Design");
    let text = "## Plan for Monday\nSome **bold**, *italic*, ~~old~~ and `code`, see https://a.example or \
        [bank.example](https://evil.example). ||A secret|| for @Adam in #[Lobby]:\n\n- one\n- two\n\n> quoted\n\n\
        ```rust\nfn main() { println!(\"a rather long line that is wider than a phone\"); }\n```";
    let sent = grace.send(room.id, text);
    let answer = |text: &str| {
        adam_by_api.post(&messages_path(room.id), &json!({ "text": text, "reply_to": sent.id })).expect(201);
    };
    answer("Yes, let us do that!");
    answer("And then we go home.");
    for (client, emoji) in [
        (&adam_by_api, "%F0%9F%8E%89"),
        (&grace, "%F0%9F%8E%89"),
        (&grace, "%F0%9F%91%8D"),
        (&grace, "%F0%9F%A6%80"),
    ] {
        client.put(&format!("{}/reactions/{emoji}", message_path(room.id, sent.id)), &json!({})).expect(200);
    }
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().reactions().len(), 3);
    eventually(|| adam.room().words(".tool.wide"), ["Preview"]);
    look_at(&adam, "conversation");
    adam.room().press_on("And then we go home.", "Reply");
    adam.room().write("Hi @gr");
    eventually(|| adam.room().words(".offers.on li").len(), 1);
    look_at(&adam, "conversation-offers");
    adam.room().press_what(".thread-link");
    eventually(|| adam.room().thread().len(), 3);
    adam.room().drop_onto("#thread .log", &[TestFile::image("the plan.png", 600, 400)]);
    eventually(|| adam.room().stored_files(), 1);
    look_at(&adam, "thread");
    adam.room().press_what(".thread-close");
    adam.room().press_on("Yes, let us do that!", "Add reaction");
    eventually(|| adam.dialog().is_open(), true);
    look_at(&adam, "emoji");
}
