//! Accounts: signing up and in, names, passwords and sessions, the links of the server and of admins.

use serde_json::json;
use shared::admin::{PasswordReset, admin_user_path, password_reset_path};
use shared::sessions::SESSIONS_PATH;
use support::client::{PASSWORD, TestClient};

use crate::pages::Person;
use crate::stage::{self, Stage};
use crate::wait::{eventually, eventually_where};

/// Opens the Lobby as this member, signed in by the form.
#[track_caller]
fn come_in<'stage>(stage: &'stage Stage, name: &str) -> Person<'stage> {
    let person = stage.person();
    person.open(&format!("/rooms/{}", stage.app.lobby().id));
    eventually(|| person.room().asks_for_name(), true);
    person.sign_in(name, PASSWORD);
    eventually(|| person.called(), format!("{name}, member"));
    person
}

/// What follows the server's address in a link.
fn path(url: &str) -> &str {
    let path = url.splitn(4, '/').nth(3).expect("a path");
    &url[url.len() - path.len() - 1..]
}

fn reset_link(admin: &TestClient, of: &TestClient) -> String {
    let answer = admin.post(&password_reset_path(of.user().id), &json!({})).expect(201);
    answer.json::<PasswordReset>().url
}

#[test]
// reference: messages-compose
fn a_guest_who_signs_up_keeps_name_messages_and_drafts_and_a_second_tab_follows() {
    let stage = stage::alone();
    let lobby = stage.app.lobby().id;
    let (adam, adam_by_api) = stage.guest("Adam");
    adam_by_api.send(lobby, "said as a guest");
    adam.open(&format!("/rooms/{lobby}"));
    let first = adam.chrome.open_tab();
    adam.open(&format!("/rooms/{lobby}"));
    let second = adam.chrome.go_to_tab(&first);
    eventually(|| adam.called(), "Adam, guest");
    adam.room().write("a draft");

    adam.sidebar().settings();
    adam.dialog().press("Create account");
    eventually(|| adam.dialog().title(), "Create your account");
    eventually(|| adam.focused(), "input account-username");
    assert!(adam.dialog().text().contains("You keep your messages"), "{}", adam.dialog().text());
    assert_eq!(adam.account().value("Name"), "Adam");
    assert_eq!(adam.account().autocomplete("Name"), "username");
    assert_eq!(adam.account().autocomplete("Password"), "new-password");
    adam.account().press("Create account");
    eventually(|| adam.account().error("Password"), "A password is required.");
    eventually(|| adam.focused(), "input account-password");
    adam.account().fill("Password", PASSWORD);
    eventually(|| adam.account().error("Password"), "");
    assert!(!adam.account().is_legible("Password"));
    adam.account().press("Show");
    eventually(|| adam.account().is_legible("Password"), true);
    adam.account().press("Create account");
    eventually(|| adam.dialog().is_open(), false);
    eventually(|| adam.called(), "Adam, member");
    eventually(|| adam.focused(), "button Settings");
    assert_eq!(adam.room().draft(), "a draft");
    adam.room().send();
    eventually(|| adam.room().rows().iter().filter(|row| !row.is_pending).count(), 2);
    adam.room().say("said as a member");
    eventually(|| adam.room().rows().iter().filter(|row| !row.is_pending).count(), 3);

    adam.chrome.go_to_tab(&second);
    eventually(|| adam.called(), "Adam, member");
    adam.room().say("and here");
    eventually(|| adam.room().rows().iter().filter(|row| !row.is_pending).count(), 4);
    let authors: Vec<_> =
        stage.app.anonymous().whole_history(lobby).into_iter().map(|it| it.author.id).collect();
    assert_eq!(authors, [adam_by_api.user().id; 4]);
}

#[test]
// reference: messages-compose
fn what_is_wrong_is_said_beside_the_field_or_above_the_button_and_the_form_stays() {
    let stage = stage::alone();
    stage.app.member("Grace");
    let visitor = stage.person();
    visitor.open(&format!("/rooms/{}", stage.app.lobby().id));
    eventually(|| visitor.room().asks_for_name(), true);
    visitor.room().write("a draft");
    visitor.chrome.click((".composer-name button", "I have an account"));
    eventually(|| visitor.dialog().title(), "Sign in");
    let form = visitor.account();
    assert_eq!(form.autocomplete("Password"), "current-password");
    form.press("Sign in");
    eventually(|| form.error("Name"), "Your name is required.");
    form.fill("Name", "Grace");
    form.fill("Password", "not the password");
    form.press("Sign in");
    eventually(|| form.whole_error(), "The name or the password is wrong.");
    assert_eq!(
        (form.value("Name"), form.value("Password")),
        ("Grace".to_owned(), "not the password".to_owned())
    );

    visitor.dialog().choose("Create account");
    eventually(|| visitor.dialog().title(), "Create your account");
    assert_eq!(form.whole_error(), "");
    form.fill("Password", "password123");
    form.press("Create account");
    eventually_where(|| form.error("Password"), "a reason", |error| !error.is_empty());
    form.fill("Password", PASSWORD);
    form.press("Create account");
    let taken = "This name belongs to somebody else, or looks like a name that does.";
    eventually(|| form.error("Name"), taken);
    visitor.dialog().choose("Sign in");
    eventually(|| visitor.dialog().title(), "Sign in");
    form.press("Sign in");
    eventually(|| visitor.called(), "Grace, member");
    eventually(|| visitor.room().asks_for_name(), false);
    assert_eq!(visitor.room().draft(), "a draft", "it was written by the same person");
}

#[test]
// reference: rooms-create
fn signing_in_instead_of_giving_a_name_continues_the_action() {
    let stage = stage::alone();
    stage.app.member("Grace");
    let grace = stage.person();
    grace.open("/rooms");
    grace.sidebar().create_new();
    eventually(|| grace.dialog().title(), "What should we call you?");
    grace.dialog().press("I have an account");
    eventually(|| grace.dialog().title(), "Sign in");
    grace.account().fill("Name", "grace");
    grace.account().fill("Password", PASSWORD);
    grace.account().press("Sign in");
    eventually(|| grace.dialog().title(), "Create a room");
    assert_eq!(grace.called(), "Grace, member");
}

#[test]
// reference: pages-rooms
fn a_session_is_ended_from_another_browser_and_who_signs_in_as_another_leaves_nothing_behind() {
    let stage = stage::together();
    let (_, linus) = (stage.app.member("Grace"), stage.app.member("Linus"));
    let (home, work) = (come_in(&stage, "Grace"), come_in(&stage, "Grace"));
    work.room().write("a draft of Grace's");
    home.open_settings("Sessions");
    eventually(|| home.sessions().len(), 3);
    assert_eq!(home.sessions()[0], ("Chrome on Linux".to_owned(), "This device".to_owned()));
    home.chrome.click(".session-row:nth-child(2) button");
    eventually(|| home.sessions().len(), 2);
    eventually(|| home.focused(), "div sessions");
    eventually(|| work.room().asks_for_name(), true);
    home.dialog().press("Sign out everywhere else");
    eventually(|| home.sessions().len(), 1);
    home.dialog().press("Done");
    eventually(|| home.called(), "Grace, member");

    work.sign_in("Linus", PASSWORD);
    eventually(|| work.called(), "Linus, member");
    eventually(|| work.room().draft(), "");
    work.room().say("Hello");
    eventually(|| stage.app.anonymous().whole_history(stage.app.lobby().id).len(), 1);
    assert_eq!(stage.app.anonymous().whole_history(stage.app.lobby().id)[0].author.id, linus.user().id);
}

#[test]
// reference: pages-rooms
fn a_new_password_signs_out_the_other_browser() {
    let stage = stage::together();
    stage.app.member("Grace");
    let (home, work) = (come_in(&stage, "Grace"), come_in(&stage, "Grace"));
    home.open_settings("Password");
    let form = home.account();
    form.fill("Current password", "not the password");
    form.fill("New password", "a better password");
    form.press("Change password");
    eventually(|| form.error("Current password"), "The current password is wrong.");
    form.fill("Current password", PASSWORD);
    form.press("Change password");
    eventually(|| form.done(), "Password changed. You are signed out everywhere else.");
    assert_eq!((form.value("Current password"), form.value("New password")), (String::new(), String::new()));
    eventually(|| work.room().asks_for_name(), true);
    work.sign_in("Grace", PASSWORD);
    eventually(|| work.account().whole_error(), "The name or the password is wrong.");
    work.account().fill("Password", "a better password");
    work.account().press("Sign in");
    eventually(|| work.called(), "Grace, member");
}

#[test]
// reference: presence-online
fn a_new_name_is_seen_by_its_user_and_by_the_others() {
    let stage = stage::together();
    let (grace, _) = stage.guest("Grace");
    let (adam, adam_by_api) = stage.guest("Adam");
    let lobby = stage.app.lobby().id;
    adam_by_api.send(lobby, "Hello");
    for person in [&adam, &grace] {
        person.open(&format!("/rooms/{lobby}"));
    }
    for person in [&adam, &grace] {
        eventually(|| person.room().people(), ["Adam", "Grace"]);
    }
    adam.sidebar().settings();
    adam.account().fill("Your name", "Bob");
    adam.account().press("Save name");
    eventually(|| adam.account().error("Your name"), "Your name needs at least 4 characters.");
    adam.account().fill("Your name", "Adam Ant");
    adam.account().press("Save name");
    eventually(|| adam.account().done(), "Saved");
    adam.dialog().press("Done");
    eventually(|| adam.called(), "Adam Ant, guest");
    adam.room().say("It is me");
    for person in [&adam, &grace] {
        let seen = || {
            (
                person.room().people(),
                person.room().rows().into_iter().map(|row| row.author).collect::<Vec<_>>(),
            )
        };
        let expected = |names: [&str; 2]| names.map(str::to_owned).to_vec();
        eventually(seen, (expected(["Adam Ant", "Grace"]), expected(["Adam Ant", "Adam Ant"])));
    }
}

#[test]
// reference: pages-rooms
fn the_setup_link_makes_an_admin_and_leaves_the_address_bar() {
    let stage = stage::alone_at(&["--bind", "0.0.0.0:0", "--rate-limits", "off"]);
    let link = stage.app.setup_url().expect("a server without an admin that others can reach");
    let first = stage.person();
    first.open("/setup");
    eventually(
        || first.page_words(),
        "This link is incomplete. Open the full link that the server printed at startup.",
    );
    // Another link opened on the same page.
    first.open("/setup#wrong");
    eventually(|| first.page_words(), "The account you create here will be an admin of this server.");
    first.chrome.reload();
    eventually(|| first.page_words(), "The account you create here will be an admin of this server.");
    assert_eq!(first.whole_address(), "/setup", "a reload keeps the link, and nobody sees it");
    let form = first.account();
    form.fill("Name", "Ada");
    form.fill("Password", PASSWORD);
    form.press("Create account");
    eventually_where(
        || form.whole_error(),
        "a reason",
        |error| error.starts_with("This setup link is wrong"),
    );
    first.open("/rooms");
    first.open(path(&link));
    eventually(|| first.page_words(), "The account you create here will be an admin of this server.");
    eventually(|| first.whole_address(), "/setup");
    form.fill("Name", "Ada");
    form.fill("Password", PASSWORD);
    form.press("Create account");
    eventually(|| first.toasts().all_texts(), ["You are now an admin of this server."]);
    eventually(|| first.address(), "/rooms");
    assert_eq!(first.called(), "Ada, member");
    let signed_in =
        stage.app.anonymous().post(SESSIONS_PATH, &json!({ "username": "Ada", "password": PASSWORD }));
    assert_eq!(signed_in.value()["user"]["is_admin"], true);
}

#[test]
// reference: pages-rooms
fn a_reset_link_sets_a_new_password_once() {
    let stage = stage::alone();
    let (admin, grace) = (stage.app.member("Admin One"), stage.app.member("Grace"));
    let link = reset_link(&admin, &grace);
    let person = stage.person();
    person.open(path(&link));
    eventually(|| person.whole_address(), "/reset");
    let form = person.account();
    assert_eq!(form.autocomplete("New password"), "new-password");
    form.fill("New password", "short");
    form.press("Set password");
    eventually(|| form.error("New password"), "The password needs at least 8 characters.");
    form.fill("New password", "a better password");
    form.press("Set password");
    eventually(|| person.page_words(), "Your new password is set.");
    eventually(|| person.focused(), "p reset-done");
    person.chrome.click((".account-page button", "Sign in"));
    form.fill("Name", "Grace");
    form.fill("Password", "a better password");
    form.press("Sign in");
    eventually(|| person.called(), "Grace, member");

    for (secret, words) in
        [(path(&link), "This link was used already"), ("/reset#x", "This link is not valid")]
    {
        person.open("/rooms");
        person.open(secret);
        form.fill("New password", "a better password");
        form.press("Set password");
        eventually_where(|| form.whole_error(), words, |error| error.starts_with(words));
    }
}

#[test]
// reference: pages-rooms
fn a_disabled_user_is_told_and_can_still_read() {
    let stage = stage::alone();
    let (admin, grace_by_api) = (stage.app.member("Admin One"), stage.app.member("Grace"));
    let grace = come_in(&stage, "Grace");
    grace.room().write("a draft");
    admin.patch(&admin_user_path(grace_by_api.user().id), &json!({ "is_disabled": true })).expect(200);
    eventually(
        || grace.toasts().all_texts(),
        ["An admin disabled your account. You can still read messages."],
    );
    eventually(|| grace.room().asks_for_name(), true);
    eventually(|| grace.room().draft(), "");
    admin.send(stage.app.lobby().id, "still to be read");
    eventually(|| grace.room().texts(), ["still to be read"]);
    assert_eq!(grace.banner(), "");
    grace.sign_in("Grace", PASSWORD);
    eventually(|| grace.account().whole_error(), "An admin of this server has disabled the account.");
}

#[test]
fn a_token_is_created_shown_once_and_deleted() {
    let stage = stage::alone();
    stage.app.member("Grace");
    let grace = come_in(&stage, "Grace");
    grace.open_settings("Tokens");
    eventually(|| grace.dialog().text().contains("You have no tokens."), true);
    grace.fill("Token name", "A bot");
    grace.account().press("Create token");
    eventually(|| grace.account().error("Your password"), "Your password is required.");
    grace.fill("Your password", PASSWORD);
    grace.account().press("Create token");
    eventually_where(|| grace.secret(), "a token", |token| token.starts_with("parlance_pat_"));
    eventually_where(
        || grace.rows(),
        "the token",
        |rows| matches!(rows.as_slice(), [(name, note)] if name == "A bot" && note.starts_with("read · never used · expires ")),
    );
    grace.press_in_row("A bot", "Delete");
    eventually(|| grace.dialog().text().contains("You have no tokens."), true);
    grace.dialog().press("Done");
    grace.open_settings("Tokens");
    assert_eq!(grace.secret(), "");
}

#[test]
fn an_account_is_deleted_with_its_messages_and_a_guest_without_a_password() {
    let stage = stage::alone();
    let lobby = stage.app.lobby().id;
    let (_, grace_by_api) = (stage.app.member("Admin One"), stage.app.member("Grace"));
    grace_by_api.send(lobby, "said by Grace");
    let grace = come_in(&stage, "Grace");
    eventually(|| grace.room().texts(), ["said by Grace"]);
    grace.open_settings("Delete account");
    grace.dialog().press("Delete account…");
    eventually(|| grace.account().error("Your password"), "Your password is required.");
    grace.fill("Your password", "not the password");
    grace.dialog().press("Delete account…");
    eventually(|| grace.dialog().title(), "Delete your account?");
    grace.dialog().confirm("Delete account");
    eventually(|| grace.account().error("Your password"), "The current password is wrong.");
    grace.dialog().choose("Delete them for everyone. Placeholders stay in their place.");
    grace.fill("Your password", PASSWORD);
    grace.dialog().press("Delete account…");
    grace.dialog().confirm("Delete account");
    eventually(|| grace.toasts().all_texts(), ["Your account is deleted."]);
    eventually(|| grace.called(), "Just looking around");
    eventually(|| grace.room().rows().iter().all(|row| row.text != "said by Grace"), true);

    grace.room().write("said by a guest");
    grace.room().give_name("Linus");
    grace.room().send();
    eventually(|| grace.called(), "Linus, guest");
    eventually(|| grace.room().rows().iter().filter(|row| !row.is_pending).count(), 2);
    grace.open_settings("Delete account");
    grace.dialog().press("Delete account…");
    grace.dialog().confirm("Delete account");
    eventually(|| grace.called(), "Just looking around");
    grace.reload();
    let author = || grace.room().rows().last().map(|row| row.author.clone());
    eventually(author, Some("Deleted user".to_owned()));
}

#[test]
fn an_admin_finds_disables_promotes_and_helps_users_and_changes_who_can_come() {
    let stage = stage::alone();
    let (_, grace) = (stage.app.member("Ada"), stage.app.member("Grace"));
    let ada = come_in(&stage, "Ada");
    ada.open_settings("Profile");
    eventually(|| ada.dialog().text().contains("You are an admin of this server."), true);
    ada.chrome.click(("dialog[open] a", "Server admin"));
    eventually(|| ada.heading(), "Server admin");
    eventually(|| ada.titles().len(), 2);
    ada.fill("Search by name", "gra");
    eventually(|| ada.rows(), [("Grace".to_owned(), "member".to_owned())]);
    ada.press_in_row("Grace", "Disable");
    eventually(|| ada.rows(), [("Grace".to_owned(), "member · disabled".to_owned())]);
    assert_eq!(stage.app.sign_in("Grace", PASSWORD).status, 403);
    ada.press_in_row("Grace", "Enable");
    eventually(|| ada.rows(), [("Grace".to_owned(), "member".to_owned())]);
    ada.press_in_row("Grace", "Make admin");
    eventually(|| ada.rows(), [("Grace".to_owned(), "member · admin".to_owned())]);
    ada.press_in_row("Grace", "Reset password");
    eventually_where(|| ada.secret(), "a link", |link| link.contains("/reset#"));
    ada.pick("Who can come as a guest", "Nobody");
    ada.account().press("Save");
    eventually(|| ada.account().done(), "Saved");
    assert_eq!(stage.app.anonymous().post("/api/v1/guests", &json!({ "username": "Linus" })).status, 403);
    drop(grace);
}
