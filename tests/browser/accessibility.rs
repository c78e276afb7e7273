//! The pages stand up to axe's rules in every dress, and the colours to the contrast that reading needs.

use std::path::PathBuf;
use std::{env, fs};

use serde_json::json;
use shared::invites::{NewInvite, invites_path};
use shared::members::member_path;
use shared::messages::{message_path, messages_path};
use shared::rooms::room_path;

use crate::chrome::screen::Screen;
use crate::pages::{Person, TestFile};
use crate::stage;
use crate::wait::eventually;

/// Where `script/setup` puts axe, from the home folder.
const AXE: &str = ".cache/parlance/tools/node/node_modules/axe-core/axe.min.js";

const SCREENS: [Screen; 4] = [
    Screen::WIDE,
    Screen { is_dark: true, ..Screen::WIDE },
    Screen::PHONE,
    Screen { is_dark: true, ..Screen::PHONE },
];

fn axe() -> String {
    let given = env::var_os("PARLANCE_TEST_AXE").map(PathBuf::from);
    let path = given.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(AXE))).expect("a home folder");
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; `./script/setup test` installs axe", path.display()))
}

const RUN_AXE: &str = "const done = arguments[arguments.length - 1];
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];
    axe.run(document, { runOnly: { type: 'tag', values: tags } }).then(
        result => done(result.violations.flatMap(violation => violation.nodes.map(node =>
            `${violation.id}: ${node.html}\\n${node.failureSummary}`))),
        error => done([String(error)]))";

/// Looks at the page on every screen.
#[track_caller]
fn assert_accessible(person: &Person<'_>, axe: &str, what: &str) {
    if !person.chrome.eval::<bool>("return 'axe' in window") {
        person.chrome.eval::<()>(axe);
    }
    for screen in SCREENS {
        person.chrome.show_on(screen);
        person.let_it_settle();
        let violations: Vec<String> = person.chrome.eval_async(RUN_AXE);
        assert!(violations.is_empty(), "{what} on {screen:?}:\n{}", violations.join("\n"));
    }
    person.chrome.show_on(Screen::WIDE);
    person.let_it_settle();
}

#[test]
// reference: pages-rooms, pages-room, pages-not-found
fn the_pages_pass_axe_in_both_themes_on_phone_and_desktop() {
    let (stage, axe) = (stage::alone(), axe());
    let (adam, adam_by_api) = stage.guest("Adam");
    let room = adam_by_api.create_room("Design");
    let sent = adam_by_api.send_many(room.id, 3);
    adam_by_api.edit(&sent[0], "an edited one");
    adam_by_api.delete_message(&sent[1]);
    let grace_by_api = stage.app.guest("Grace");
    grace_by_api.send(room.id, "from somebody else");

    adam.open("/rooms");
    assert_accessible(&adam, &axe, "the page of rooms");
    adam.sidebar().create_new();
    adam.room_form().write("lobby");
    adam.room_form().submit();
    eventually(|| adam.room_form().state().is_invalid, true);
    assert_accessible(&adam, &axe, "the form for a room, with an error");
    adam.open(&format!("/rooms/{}", support::builders::unknown_room_id()));
    eventually(|| adam.heading(), "There is nothing here");
    assert_accessible(&adam, &axe, "the page of what is not found");

    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().texts().len(), 4);
    eventually(|| adam.room().asks_for_name(), false);
    adam.sidebar().choose("Lobby");
    eventually(|| adam.room().name(), "Lobby");
    assert_accessible(&adam, &axe, "an empty room");
    grace_by_api.send(room.id, "an unread one");
    eventually(|| adam.sidebar().unread("Design"), 1);
    adam.sidebar().choose("Design");
    eventually(|| adam.room().texts().len(), 5);
    adam.room().point_at("message 3");
    assert_accessible(&adam, &axe, "a room with messages");
    adam.room().press_on("message 3", "Edit message");
    adam.room().rewrite_message("x");
    eventually(|| adam.room().edit_error().is_empty(), false);
    adam.room().write(&"a".repeat(151));
    eventually(|| adam.room().can_send(), false);
    assert_accessible(&adam, &axe, "a room with errors");
}

#[test]
// reference: pages-toasts, pages-connection-lost
fn dialogs_and_overlays_pass_axe() {
    let (stage, axe) = (stage::alone(), axe());
    let (adam, adam_by_api) = stage.guest("Adam");
    let room = adam_by_api.create_room("Design");
    adam_by_api.send_many(room.id, 2);
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().texts().len(), 2);
    eventually(|| adam.room().header_buttons().contains(&"Rename room".to_owned()), true);
    adam.open_room_dialog("Leave or delete");
    adam.dialog().press("Delete room…");
    eventually(|| adam.dialog().title(), "Delete Design and its 2 messages?");
    assert_accessible(&adam, &axe, "the question before deleting");
    adam.dialog().press("Cancel");
    adam.dialog().press("Done");
    eventually(|| adam.dialog().is_open(), false);
    adam.room().press("Rename room");
    eventually(|| adam.room().is_renaming(), true);
    assert_accessible(&adam, &axe, "the room being renamed");
    adam.sidebar().settings();
    eventually(|| adam.dialog().title(), "Settings");
    assert_accessible(&adam, &axe, "the settings");
    adam.dialog().press("Done");
    eventually(|| adam.dialog().title(), "");
    adam.chrome.press_with_control('k');
    eventually(|| adam.dialog().is_open(), true);
    assert_accessible(&adam, &axe, "the room finder");
    adam.dialog().close();
    eventually(|| adam.dialog().is_open(), false);

    stage.network.cut();
    adam.room().say("not sent yet");
    eventually(|| adam.banner().is_empty(), false);
    eventually(|| adam.room().rows().last().is_some_and(|row| row.is_pending), true);
    assert_accessible(&adam, &axe, "a room without a connection");
    stage.network.mend();
    eventually(|| adam.banner(), "");
    adam.open(&format!("/rooms/{}/messages/{}", room.id, support::builders::new_message_id()));
    eventually(|| adam.toasts().texts().len(), 1);
    adam.toasts().hold();
    assert_accessible(&adam, &axe, "a notice");
}

#[test]
// reference: messages-compose
fn anonymous_visitors_get_accessible_forms() {
    let (stage, axe) = (stage::alone(), axe());
    let newcomer = stage.person();
    newcomer.open(&format!("/rooms/{}", stage.app.lobby().id));
    eventually(|| newcomer.room().asks_for_name(), true);
    newcomer.room().write("Hello");
    newcomer.room().send();
    eventually(|| newcomer.room().name_error().is_empty(), false);
    assert_accessible(&newcomer, &axe, "the composer that asks for a name");
    newcomer.open("/rooms");
    newcomer.sidebar().create_new();
    eventually(|| newcomer.dialog().title().is_empty(), false);
    newcomer.dialog().answer("Ada");
    eventually(|| newcomer.dialog().error().is_empty(), false);
    assert_accessible(&newcomer, &axe, "the question for a name");
}

#[test]
// reference: pages-rooms
fn the_screens_about_accounts_pass_axe() {
    let (stage, axe) = (stage::alone(), axe());
    let (admin, grace_by_api) = (stage.app.member("Admin One"), stage.app.member("Grace"));
    let grace = stage.person();
    grace.open("/setup#a-secret");
    eventually(|| grace.page_words().is_empty(), false);
    assert_accessible(&grace, &axe, "the page of the setup link");
    grace.open("/rooms");
    grace.open("/reset#a-secret");
    grace.account().press("Set password");
    eventually(|| grace.account().error("New password").is_empty(), false);
    assert_accessible(&grace, &axe, "the page of a link to a new password");
    grace.sidebar().settings();
    grace.dialog().press("Create account");
    grace.account().press("Create account");
    eventually(|| grace.account().error("Password").is_empty(), false);
    assert_accessible(&grace, &axe, "the form to sign up, with errors");
    grace.dialog().choose("Sign in");
    grace.account().fill("Name", "Grace");
    grace.account().fill("Password", "not the password");
    grace.account().press("Sign in");
    eventually(|| grace.account().whole_error().is_empty(), false);
    assert_accessible(&grace, &axe, "the form to sign in, with an error");
    grace.account().fill("Password", support::client::PASSWORD);
    grace.account().press("Sign in");
    eventually(|| grace.called(), "Grace, member");
    for part in ["Profile", "Password", "Sessions", "Tokens", "Appearance", "Connection", "Delete account"] {
        grace.open_settings(part);
        eventually(|| grace.sessions().len(), if part == "Sessions" { 2 } else { 0 });
        assert_accessible(&grace, &axe, &format!("the settings: {part}"));
        grace.dialog().press("Done");
        eventually(|| grace.dialog().is_open(), false);
    }
    drop((admin, grace_by_api));
}

#[test]
fn the_screens_about_rooms_and_members_pass_axe() {
    let (stage, axe) = (stage::alone(), axe());
    let (ada, linus) = (stage.app.member("Ada"), stage.app.member("Linus"));
    let room = ada.create_room("design");
    ada.patch(&room_path(room.id), &json!({ "visibility": "private", "topic": "Where we draw" })).expect(200);
    ada.put(&member_path(room.id, linus.user().id), &json!({ "role": "moderator" })).expect(201);
    ada.send(room.id, "Welcome!");
    let invite = ada.post(&invites_path(room.id), &json!({})).expect(201).json::<NewInvite>();
    let (_, secret) = invite.url.split_once("/invite").expect("a link");
    let person = stage.person();
    person.open(&format!("/invite{secret}"));
    eventually(|| person.invite().is_empty(), false);
    person.account().press("Join as a guest");
    eventually(|| person.account().error("Your name").is_empty(), false);
    assert_accessible(&person, &axe, "the page of an invite, with an error");
    person.open("/rooms");
    person.sign_in("Ada", support::client::PASSWORD);
    eventually(|| person.called(), "Ada, member");
    person.sidebar().create_new();
    eventually(|| person.dialog().title(), "Create a room");
    assert_accessible(&person, &axe, "the form for a room");
    person.dialog().press("Cancel");
    person.sidebar().browse();
    eventually(|| person.titles().is_empty(), false);
    assert_accessible(&person, &axe, "the list of public rooms");
    person.dialog().press("Close");
    person.open(&format!("/rooms/{}", room.id));
    eventually(|| person.room().groups().len(), 2);
    assert_accessible(&person, &axe, "a private room");
    person.open_room_dialog("About");
    person.choose_picture(300, 200);
    eventually(|| person.is_cropping(), true);
    assert_accessible(&person, &axe, "cropping a picture");
    person.account().press("Cancel");
    person.dialog().press("Done");
    eventually(|| person.dialog().is_open(), false);
    for part in ["About", "Members", "Invites", "Bans", "Audit log", "Leave or delete"] {
        person.open_room_dialog(part);
        eventually(|| person.dialog().text().contains("Loading"), false);
        assert_accessible(&person, &axe, &format!("the dialog about a room: {part}"));
        person.dialog().press("Done");
        eventually(|| person.dialog().is_open(), false);
    }
    person.room().choose_person("Linus");
    eventually(|| person.dialog().title(), "design");
    assert_accessible(&person, &axe, "the card of a person");
    person.dialog().press("Done");
    person.open("/admin");
    eventually(|| person.titles().len(), 2);
    assert_accessible(&person, &axe, "the page of admins");
}

#[test]
fn what_surrounds_the_text_of_messages_passes_axe() {
    let (stage, axe) = (stage::alone(), axe());
    let (adam, adam_by_api) = stage.guest("Adam");
    let grace = stage.app.member("Grace");
    let room = adam_by_api.create_room("Design");
    let text = "# Plan\n**bold** *italic* ~~old~~ `code` https://a.example [bank.example](https://evil.example) ||secret|| \
        @Adam #[Lobby]\n\n- one\n\n1. two\n\n> quoted\n\n```rust\nlet a_rather_long_line = \"that is wider than a phone, so it is scrolled\";\n```";
    let sent = grace.send(room.id, text);
    adam_by_api.post(&messages_path(room.id), &json!({ "text": "Yes!", "reply_to": sent.id })).expect(201);
    adam_by_api
        .put(&format!("{}/reactions/%F0%9F%8E%89", message_path(room.id, sent.id)), &json!({}))
        .expect(200);
    grace.edit(&sent, &format!("{text}\n\nthe end"));
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().reactions().len(), 1);
    adam.room().point_at("Yes!");
    assert_accessible(&adam, &axe, "a conversation");
    adam.room().react_by_name("Yes!", "crab");
    eventually(|| adam.room().reactions().len(), 2);
    adam.room().press_on("Yes!", "Add reaction");
    eventually(|| adam.dialog().is_open(), true);
    assert_accessible(&adam, &axe, "the emoji");
    adam.dialog().close();
    adam.room().press_what("button.edited");
    eventually(|| adam.room().words(".former-texts .text").len(), 1);
    assert_accessible(&adam, &axe, "former texts");
    adam.dialog().press("Close");
    adam.room().press_on("Yes!", "Reply");
    adam.room().write("@gr");
    eventually(|| adam.room().words(".offers.on li").len(), 1);
    assert_accessible(&adam, &axe, "a reply to a message, and names to choose from");
    adam.room().press_what(".thread-link");
    eventually(|| adam.room().thread().len(), 2);
    assert_accessible(&adam, &axe, "a thread");
    for part in ["Pinned messages", "Notifications"] {
        adam.open_room_dialog(part);
        eventually(|| adam.dialog().text().contains("Loading"), false);
        assert_accessible(&adam, &axe, &format!("the dialog about a room: {part}"));
        adam.dialog().press("Done");
        eventually(|| adam.dialog().is_open(), false);
    }
    adam.open_settings("Notifications");
    assert_accessible(&adam, &axe, "the settings: Notifications");
}

#[test]
fn files_and_the_image_viewer_pass_axe() {
    let (stage, axe) = (stage::alone(), axe());
    let (adam, adam_by_api) = stage.guest("Adam");
    let room = adam_by_api.create_room("Design");
    adam.open(&format!("/rooms/{}", room.id));
    eventually(|| adam.room().can_attach(), true);
    let files = [
        TestFile::image("one.png", 900, 600),
        TestFile::image("two.png", 600, 900),
        TestFile::sound("song.wav"),
    ];
    adam.room().choose_files(&files);
    eventually(|| adam.room().stored_files(), 3);
    stage.network.answer("/uploads?", 429, "upload_quota", "You have uploaded enough for today.");
    adam.room().choose_files(&[TestFile::text("notes.txt", "Hello")]);
    eventually(|| adam.room().draft_files().iter().any(|file| !file.error.is_empty()), true);
    stage.network.hold("/uploads?");
    adam.room().choose_files(&[TestFile::text("more.txt", "Hello")]);
    eventually(|| adam.room().draft_files().len(), 5);
    adam.room().say("Look");
    assert_accessible(&adam, &axe, "a composer with files");
    stage.network.release();
    adam.room().press_beside_file("Remove notes.txt");
    eventually(|| adam.room().stored_files(), 4);
    adam.room().send();
    eventually(|| adam.room().message_files().len(), 1);
    eventually(|| adam.room().image_places().iter().all(|place| place.is_loaded), true);
    assert_accessible(&adam, &axe, "a message with files");
    adam.room().press_on("Look", "Edit message");
    assert_accessible(&adam, &axe, "the editor of a message with files");
    adam.room().cancel_edit();
    adam.room().press_image();
    eventually(|| adam.viewed().is_some(), true);
    assert_accessible(&adam, &axe, "the viewer");
    adam.dialog().close();
    eventually(|| adam.dialog().is_open(), false);
    adam.room().drag_over(&files);
    eventually(|| adam.room().drop_words().is_empty(), false);
    assert_accessible(&adam, &axe, "the place where files are dropped");
}

#[test]
// reference: pages-rooms
fn axe_sees_a_missing_label() {
    let (stage, axe) = (stage::alone(), axe());
    let reader = stage.person();
    reader.open("/rooms");
    reader.chrome.eval::<()>(&axe);
    reader.chrome.eval::<()>("document.querySelector('main').append(document.createElement('input'))");
    let violations: Vec<String> = reader.chrome.eval_async(RUN_AXE);
    assert!(matches!(violations.as_slice(), [one] if one.starts_with("label: ")), "{violations:?}");
}

/// Grounds that anything may stand on.
const GROUNDS: [&str; 4] = ["bg", "surface", "sunken", "hover"];

/// What is read, and on which grounds besides its own.
const TEXTS: [(&str, &[&str]); 10] = [
    ("text", &GROUNDS),
    ("text", &["accent-tint", "warn-tint"]),
    ("muted", &GROUNDS),
    ("muted", &["accent-tint"]),
    ("accent", &GROUNDS),
    ("accent", &["accent-tint"]),
    ("accent-strong", &["accent-tint"]),
    ("danger", &GROUNDS),
    ("on-accent", &["accent", "accent-strong"]),
    ("on-danger", &["danger"]),
];

/// What has to be seen though it is no text: the edges of fields, the ring of the focus, dots and icons that mean
/// something.
const MARKS: [(&str, &[&str]); 5] = [
    ("edge", &["bg", "surface", "sunken"]),
    ("accent", &GROUNDS),
    ("ok", &["bg", "surface", "sunken"]),
    ("danger", &["bg", "surface", "sunken"]),
    ("warn", &["bg", "surface", "warn-tint"]),
];

/// A colour's share of white's light, after WCAG.
fn luminance([red, green, blue]: [u8; 3]) -> f64 {
    let linear = |value: u8| {
        let value = f64::from(value) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// A token's colour as the browser paints it in the present theme.
#[track_caller]
fn painted(person: &Person<'_>, token: &str) -> [u8; 3] {
    let [red, green, blue, alpha]: [u8; 4] = person.chrome.eval_with(
        "const probe = document.createElement('i');
        probe.style.color = `var(--${arguments[0]}, transparent)`;
        document.body.append(probe);
        const canvas = new OffscreenCanvas(1, 1).getContext('2d');
        canvas.fillStyle = getComputedStyle(probe).color;
        canvas.fillRect(0, 0, 1, 1);
        probe.remove();
        return [...canvas.getImageData(0, 0, 1, 1).data]",
        json!(token),
    );
    assert_eq!(alpha, 255, "--{token} is an opaque colour");
    [red, green, blue]
}

#[test]
// reference: pages-rooms
fn the_colours_have_sufficient_contrast_in_both_themes() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.01, "black on white");
    assert!((contrast([119; 3], [255; 3]) - 4.48).abs() < 0.01, "the grey that just fails");
    let stage = stage::alone();
    let reader = stage.person();
    reader.open("/rooms");
    let mut too_faint = Vec::new();
    for screen in [Screen::WIDE, Screen::WIDE.dark()] {
        reader.chrome.show_on(screen);
        eventually(|| reader.is_dark(), screen.is_dark);
        let pairs = TEXTS.iter().map(|pair| (pair, 4.5)).chain(MARKS.iter().map(|pair| (pair, 3.0)));
        for ((front, grounds), least) in pairs {
            for ground in *grounds {
                let found = contrast(painted(&reader, front), painted(&reader, ground));
                if found < least {
                    too_faint
                        .push(format!("{front} on {ground}, dark: {}: {found:.2} < {least}", screen.is_dark));
                }
            }
        }
    }
    assert!(too_faint.is_empty(), "{too_faint:#?}");
}
