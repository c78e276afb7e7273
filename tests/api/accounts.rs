//! Accounts: signing up, names, passwords, and who sees whom.

use serde_json::{Value, json};
use shared::errors::ErrorCode;
use shared::events::CloseCode;
use shared::messages::messages_path;
use shared::page::Page;
use shared::text::InvalidCode;
use shared::users::{
    CURRENT_USER_PATH, GUESTS_PATH, Me, PASSWORD_PATH, USERS_PATH, User, UserKind, user_path,
};
use support::app::TestApp;
use support::client::{PASSWORD, TestClient};
use support::socket::TestSocket;
use uuid::Uuid;

use crate::shape::{assert_keys, assert_timestamp, assert_uuid_v7};

fn me(client: &TestClient) -> Me {
    client.get(CURRENT_USER_PATH).expect(200).json()
}

#[test]
fn signing_up_makes_a_member_with_a_token_and_a_cookie() {
    let app = TestApp::start();
    app.member("the admin");
    let answer = app.anonymous().sign_up("  Grace Hopper ").expect(201);
    let body = answer.value();
    assert_keys(&body, &["token", "user"]);
    assert_keys(&body["user"], &["created_at", "has_password", "id", "is_admin", "kind", "username"]);
    assert_eq!(body["user"]["username"], "Grace Hopper");
    assert_eq!(body["user"]["kind"], "member");
    assert_eq!((&body["user"]["is_admin"], &body["user"]["has_password"]), (&json!(false), &json!(true)));
    assert_uuid_v7(&body["user"]["id"]);
    assert_timestamp(&body["user"]["created_at"]);
    assert_eq!(
        answer.header("location"),
        Some(&*user_path(me(&TestClient::signed_in(app.addr(), &answer)).user.id))
    );
    let cookie = answer.header("set-cookie").expect("a session cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let text = answer.text();
    assert!(!text.contains(PASSWORD) && !text.contains("argon2"), "{text}");
}

#[test]
fn a_guest_who_signs_up_keeps_id_messages_and_rooms() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    alice.send(room.id, "as a guest");
    let mut socket = TestSocket::connect(&alice);
    let answer = alice.sign_up("Alice").expect(201);
    let member = TestClient::signed_in(app.addr(), &answer);
    assert_eq!(member.user().id, alice.user().id);
    assert_eq!(member.user().kind, UserKind::Member);
    // The sessions of the guest end.
    assert_eq!(socket.wait_closed(), CloseCode::SessionEnded.number());
    alice.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    member.send(room.id, "as a member");
    member.patch(&shared::rooms::room_path(room.id), &json!({ "name": "Alice's own" })).expect(200);
    let page: Page<shared::messages::Message> =
        app.anonymous().get(&messages_path(room.id)).expect(200).json();
    let kinds: Vec<UserKind> = page.items.iter().map(|message| message.author.kind).collect();
    assert_eq!(kinds, [UserKind::Member, UserKind::Member], "answers show the present kind");
}

#[test]
fn a_member_does_not_sign_up_again() {
    let app = TestApp::start();
    app.member("Grace").sign_up("Grace Again").problem(409, ErrorCode::AlreadyMember);
}

#[test]
fn names_and_passwords_outside_their_rules_are_refused() {
    let app = TestApp::start();
    let anonymous = app.anonymous();
    let post = |username: Value, password: Value| {
        anonymous.post(USERS_PATH, &json!({ "username": username, "password": password }))
    };
    for (username, code) in [
        (json!("a"), InvalidCode::TooShort),
        (json!("x".repeat(33)), InvalidCode::TooLong),
        (json!("   "), InvalidCode::Required),
        (json!("two  spaces"), InvalidCode::InvalidCharacters),
        (json!("a@b"), InvalidCode::InvalidCharacters),
        (json!("line\nbreak"), InvalidCode::InvalidCharacters),
        (json!(null), InvalidCode::InvalidType),
    ] {
        post(username, json!(PASSWORD)).invalid(&[("/username", code)]);
    }
    for (password, code) in [
        (json!("short"), InvalidCode::TooShort),
        (json!("x".repeat(129)), InvalidCode::TooLong),
        (json!(""), InvalidCode::Required),
        (json!("password"), InvalidCode::TooCommon),
        (json!("PASSWORD1"), InvalidCode::TooCommon),
        (json!("grace hopper"), InvalidCode::TooCommon),
        (json!(12345678), InvalidCode::InvalidType),
    ] {
        post(json!("Grace Hopper"), password).invalid(&[("/password", code)]);
    }
    anonymous
        .post(USERS_PATH, &json!({}))
        .invalid(&[("/username", InvalidCode::Required), ("/password", InvalidCode::Required)]);
    post(json!("日本 語"), json!("  spaces count  ")).expect(201);
}

#[test]
fn no_name_is_that_of_an_account_or_looks_like_it() {
    let app = TestApp::start();
    app.member("paypal");
    for name in
        ["paypal", " PayPal ", "раураl", "Deleted user", "EVERYONE", "admin", "here", "system", "server"]
    {
        app.anonymous().sign_up(name).problem(409, ErrorCode::UsernameTaken);
    }
    for name in
        ["PAYPAL", "раураl", "admin ", "everyone", "system", "Deleted \u{a0}user", "\u{1d5d7}eleted user"]
    {
        let guest = app.anonymous().post(GUESTS_PATH, &json!({ "username": name }));
        if name.trim().chars().count() >= 4 {
            guest.problem(409, ErrorCode::UsernameTaken);
        }
    }
}

#[test]
fn a_password_is_stored_as_a_hash_only() {
    let app = TestApp::start();
    app.member("Grace");
    let hash = app.db().text("SELECT hash FROM passwords");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_eq!(app.db().text("SELECT count(*)::text FROM users WHERE users::text LIKE '%argon2%'"), "0");
}

#[test]
fn a_changed_password_ends_all_other_sessions() {
    let app = TestApp::start();
    let grace = app.member("Grace");
    let phone = TestClient::signed_in(app.addr(), &app.sign_in("Grace", PASSWORD).expect(201));
    let mut socket = TestSocket::connect(&phone);
    let put = |client: &TestClient, current: &str, new: &str| {
        client.put(PASSWORD_PATH, &json!({ "current_password": current, "new_password": new }))
    };
    put(&grace, "wrong password", "another horse").problem(403, ErrorCode::WrongPassword);
    put(&grace, PASSWORD, "short").invalid(&[("/new_password", InvalidCode::TooShort)]);
    put(&grace, PASSWORD, "password").invalid(&[("/new_password", InvalidCode::TooCommon)]);
    put(&app.guest("Adam"), PASSWORD, "another horse").problem(403, ErrorCode::WrongPassword);
    put(&app.anonymous(), PASSWORD, "another horse").problem(401, ErrorCode::AuthenticationRequired);
    phone.get(CURRENT_USER_PATH).expect(200);
    put(&grace, PASSWORD, "another horse").expect(204);
    assert_eq!(socket.wait_closed(), CloseCode::SessionEnded.number());
    phone.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    grace.get(CURRENT_USER_PATH).expect(200);
    app.sign_in("Grace", PASSWORD).problem(401, ErrorCode::InvalidCredentials);
    app.sign_in("Grace", "another horse").expect(201);
}

#[test]
fn a_renamed_user_has_the_new_name_everywhere_and_the_old_one_is_kept_for_them() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let grace = app.member("Grace");
    grace.send(room.id, "hello");
    // The newest page is cached while somebody follows the room.
    let mut socket = TestSocket::connect(&alice);
    socket.subscribe(room.id);
    let author = || {
        let page: Page<shared::messages::Message> = alice.get(&messages_path(room.id)).expect(200).json();
        page.items.last().expect("a message").author.username.as_str().to_owned()
    };
    assert_eq!(author(), "Grace");
    let rename =
        |client: &TestClient, name: &str| client.patch(CURRENT_USER_PATH, &json!({ "username": name }));
    let renamed: Me = rename(&grace, "Grace Hopper").expect(200).json();
    assert_eq!(renamed.user.username.as_str(), "Grace Hopper");
    assert_eq!(author(), "Grace Hopper");
    grace.send(room.id, "hello again");
    assert_eq!(author(), "Grace Hopper");

    app.anonymous().sign_up("grace").problem(409, ErrorCode::UsernameTaken);
    rename(&alice, "Grace Hopper").problem(409, ErrorCode::UsernameTaken);
    rename(&alice, "Al").invalid(&[("/username", InvalidCode::TooShort)]);
    rename(&grace, "a@b").invalid(&[("/username", InvalidCode::InvalidCharacters)]);
    rename(&app.anonymous(), "Nobody").problem(401, ErrorCode::AuthenticationRequired);
    rename(&alice, "Alice Liddell").expect(200);
    assert_eq!(me(&alice).user.username.as_str(), "Alice Liddell");
    grace.patch(CURRENT_USER_PATH, &json!({})).expect(200);
    rename(&grace, "Grace").expect(200);
}

#[test]
fn members_see_members_and_guests_only_themselves() {
    let app = TestApp::start();
    let (grace, guest) = (app.member("Grace Brewster"), app.guest("Gregor"));
    for name in ["Ada Lovelace", "Mary_Grace", "Al. 100", "Edsger"] {
        app.member(name);
    }
    let found = |query: &str| {
        let page: Page<User> = grace.get(&format!("{USERS_PATH}?{query}")).expect(200).json();
        page.items.iter().map(|user| user.username.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("query=gra"), ["Grace Brewster"]);
    assert_eq!(found("query=LOVE"), ["Ada Lovelace"], "any word of a name");
    assert_eq!(found("query=_"), Vec::<String>::new(), "no wildcards");
    assert_eq!(found("query=%25"), Vec::<String>::new());
    assert_eq!(found("").len(), 5);
    let first: Page<User> = grace.get(&format!("{USERS_PATH}?limit=2")).expect(200).json();
    let cursor = first.next_cursor.expect("there are more");
    let second: Page<User> = grace.get(&format!("{USERS_PATH}?limit=100&cursor={cursor}")).expect(200).json();
    assert_eq!((first.items.len(), second.items.len(), second.next_cursor), (2, 3, None));
    grace.get(&format!("{USERS_PATH}?cursor=nonsense")).problem(400, ErrorCode::InvalidCursor);
    grace.get(&format!("{USERS_PATH}?query=%00")).invalid(&[("/query", InvalidCode::InvalidCharacters)]);
    guest.get(USERS_PATH).problem(403, ErrorCode::MembersOnly);
    app.anonymous().get(USERS_PATH).problem(401, ErrorCode::AuthenticationRequired);

    let ada: User = second.items[0].clone();
    assert_eq!(grace.get(&user_path(ada.id)).expect(200).json::<User>(), ada);
    guest.get(&user_path(guest.user().id)).expect(200);
    guest.get(&user_path(ada.id)).problem(404, ErrorCode::UserNotFound);
    grace.get(&user_path(guest.user().id)).problem(404, ErrorCode::UserNotFound);
    grace.get(&user_path(shared::ids::UserId(Uuid::now_v7()))).problem(404, ErrorCode::UserNotFound);
    grace.get(&format!("{USERS_PATH}/nonsense")).problem(404, ErrorCode::UserNotFound);
}

#[test]
fn a_closed_server_takes_no_accounts_and_no_guests() {
    let app = TestApp::with(&["--rate-limits", "off", "--registration", "closed", "--guests", "off"]);
    app.anonymous().sign_up("Grace").problem(403, ErrorCode::RegistrationClosed);
    app.anonymous()
        .post(GUESTS_PATH, &json!({ "username": "Grace" }))
        .problem(403, ErrorCode::RegistrationClosed);
    let invited = TestApp::with(&["--rate-limits", "off", "--guests", "invited"]);
    let refused = invited.anonymous().post(GUESTS_PATH, &json!({ "username": "Grace" }));
    refused.problem(403, ErrorCode::RegistrationClosed);
    invited.anonymous().sign_up("Grace").expect(201);
}

#[test]
fn the_length_of_a_password_does_not_depend_on_its_encoding() {
    let app = TestApp::start();
    let post = |name: &str, password: &str| {
        app.anonymous().post(USERS_PATH, &json!({ "username": name, "password": password }))
    };
    post("short", &"e\u{301}".repeat(4)).invalid(&[("/password", InvalidCode::TooShort)]);
    post("Grace", &"e\u{301}".repeat(100)).expect(201);
    app.sign_in("Grace", &"\u{e9}".repeat(100)).expect(201);
    app.sign_in("Grace", &"e\u{301}".repeat(100)).expect(201);
}
