//! Accounts: signing up, names, passwords, first admin.

use serde_json::{Value, json};
use shared::admin::ADMIN_USERS_PATH;
use shared::errors::ErrorCode;
use shared::events::CloseCode;
use shared::messages::messages_path;
use shared::page::Page;
use shared::sessions::{CURRENT_SESSION_PATH, SESSIONS_PATH, Session, Sessions, session_path};
use shared::text::InvalidCode;
use shared::users::{
    CURRENT_USER_PATH, GUESTS_PATH, Me, PASSWORD_PATH, SignedIn, USERS_PATH, User, UserKind, user_path,
};
use support::app::TestApp;
use support::client::{PASSWORD, TestClient};
use support::http::Response;
use support::socket::TestSocket;
use support::wait::until;
use uuid::Uuid;

use crate::shape::{assert_keys, assert_timestamp, assert_uuid_v7};

fn sign_up(client: &TestClient, username: &str) -> Response {
    client.post(USERS_PATH, &json!({ "username": username, "password": PASSWORD }))
}

fn sign_in(app: &TestApp, username: &str, password: &str) -> Response {
    app.anonymous().post(SESSIONS_PATH, &json!({ "username": username, "password": password }))
}

fn me(client: &TestClient) -> Me {
    client.get(CURRENT_USER_PATH).expect(200).json()
}

#[test]
fn signing_up_makes_a_member_with_a_token_and_a_cookie() {
    let app = TestApp::start();
    app.member("the admin");
    let answer = sign_up(&app.anonymous(), "  Grace Hopper ").expect(201);
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
    let answer = sign_up(&alice, "Alice").expect(201);
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
    sign_up(&app.member("Grace"), "Grace Again").problem(409, ErrorCode::AlreadyMember);
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
        sign_up(&app.anonymous(), name).problem(409, ErrorCode::UsernameTaken);
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
fn the_name_of_an_account_is_found_regardless_of_case_and_refusals_say_nothing() {
    let app = TestApp::start();
    let grace = app.member("Grace");
    let answer = sign_in(&app, " GRACE ", PASSWORD).expect(201);
    let signed_in: SignedIn = answer.json();
    assert_eq!(signed_in.user.user, *grace.user());
    assert!(answer.header("set-cookie").is_some());
    // An account without a password.
    app.db().execute(
        "INSERT INTO users (id, username, username_key, kind, created_at) \
         VALUES (gen_random_uuid(), 'Robot', 'robot', 'bot', now())",
    );
    let refusals: Vec<Value> =
        [("Grace", "wrong password"), ("Nobody", PASSWORD), ("\0?", PASSWORD), ("Robot", "")]
            .into_iter()
            .map(|(name, password)| {
                let answer = sign_in(&app, name, password);
                answer.problem(401, ErrorCode::InvalidCredentials);
                assert!(answer.header("set-cookie").is_none());
                let mut body = answer.value();
                body["request_id"] = Value::Null;
                body
            })
            .collect();
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{refusals:?}");
    app.anonymous()
        .post(SESSIONS_PATH, &json!({}))
        .invalid(&[("/username", InvalidCode::Required), ("/password", InvalidCode::Required)]);
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
fn signing_in_ends_the_session_of_the_cookie_that_it_replaces() {
    let app = TestApp::start();
    let grace = app.member("Grace");
    let request = app.anonymous().request("POST", SESSIONS_PATH);
    let origin = format!("http://{}", app.addr());
    let body = json!({ "username": "Grace", "password": PASSWORD });
    request.header("cookie", grace.cookie()).header("origin", &origin).json(&body).send().expect(201);
    grace.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
}

#[test]
fn a_foreign_page_signs_nobody_in() {
    let app = TestApp::start();
    app.member("Grace");
    let bodies = [
        (USERS_PATH, json!({ "username": "Mallory", "password": PASSWORD })),
        (SESSIONS_PATH, json!({ "username": "Grace", "password": PASSWORD })),
        (GUESTS_PATH, json!({ "username": "Mallory" })),
    ];
    for (path, body) in bodies {
        let request = app.anonymous().request("POST", path).header("origin", "http://evil.example");
        request.json(&body).send().problem(403, ErrorCode::OriginRefused);
    }
}

#[test]
fn sessions_are_listed_and_ended_one_by_one_or_all_others() {
    let app = TestApp::start();
    let grace = app.member("Grace");
    let request = app.anonymous().request("POST", SESSIONS_PATH).header("user-agent", "tablet/1.0");
    let tablet = request.json(&json!({ "username": "Grace", "password": PASSWORD })).send().expect(201);
    let tablet = TestClient::signed_in(app.addr(), &tablet);
    let phone = TestClient::signed_in(app.addr(), &sign_in(&app, "Grace", PASSWORD).expect(201));
    let list = || grace.get(SESSIONS_PATH).expect(200).json::<Sessions>().items;
    let sessions: Vec<Session> = list();
    assert_eq!(sessions.len(), 3);
    assert_eq!(sessions.iter().filter(|session| session.is_current).count(), 1);
    assert!(sessions[2].is_current, "newest first");
    assert_eq!(sessions[1].user_agent.as_deref(), Some("tablet/1.0"));
    assert_eq!(sessions[1].address.as_deref(), Some("127.0.0.1"));
    let value = grace.get(SESSIONS_PATH).expect(200).value();
    assert!(!value.to_string().contains(phone.token().expect("a member")), "tokens are shown once");

    let mut socket = TestSocket::connect(&tablet);
    // Nobody ends the session of another user.
    let ada = app.member("Ada Lovelace");
    ada.delete(&session_path(sessions[1].id)).problem(404, ErrorCode::SessionNotFound);
    grace.delete(&format!("{SESSIONS_PATH}/nonsense")).problem(404, ErrorCode::SessionNotFound);
    grace.delete(&session_path(sessions[1].id)).expect(204);
    grace.delete(&session_path(sessions[1].id)).problem(404, ErrorCode::SessionNotFound);
    assert_eq!(socket.wait_closed(), CloseCode::SessionEnded.number());
    tablet.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    assert_eq!(list().len(), 2);

    grace.delete(SESSIONS_PATH).expect(204);
    phone.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    assert_eq!(list().len(), 1);
    ada.get(CURRENT_USER_PATH).expect(200);
    grace.delete(CURRENT_SESSION_PATH).expect(204);
    app.anonymous().get(SESSIONS_PATH).problem(401, ErrorCode::AuthenticationRequired);
}

#[test]
fn a_changed_password_ends_all_other_sessions() {
    let app = TestApp::start();
    let grace = app.member("Grace");
    let phone = TestClient::signed_in(app.addr(), &sign_in(&app, "Grace", PASSWORD).expect(201));
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
    sign_in(&app, "Grace", PASSWORD).problem(401, ErrorCode::InvalidCredentials);
    sign_in(&app, "Grace", "another horse").expect(201);
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

    sign_up(&app.anonymous(), "grace").problem(409, ErrorCode::UsernameTaken);
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
    sign_up(&app.anonymous(), "Grace").problem(403, ErrorCode::RegistrationClosed);
    app.anonymous()
        .post(GUESTS_PATH, &json!({ "username": "Grace" }))
        .problem(403, ErrorCode::RegistrationClosed);
    let invited = TestApp::with(&["--rate-limits", "off", "--guests", "invited"]);
    let refused = invited.anonymous().post(GUESTS_PATH, &json!({ "username": "Grace" }));
    refused.problem(403, ErrorCode::RegistrationClosed);
    sign_up(&invited.anonymous(), "Grace").expect(201);
}

#[test]
fn on_loopback_exactly_one_of_the_first_accounts_is_admin() {
    let app = TestApp::start();
    let admins = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let client = app.anonymous();
                // Only some may wait for their password to be hashed; the others are told to come again.
                let sign_up = move || {
                    let answer = sign_up(&client, &format!("user {number}"));
                    (answer.status != 503).then(|| answer.expect(201).json::<SignedIn>().user.is_admin)
                };
                scope.spawn(move || until("the sign-up", sign_up))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it signs up"))
            .filter(|is_admin| *is_admin)
            .count()
    });
    assert_eq!(admins, 1);
    let late: SignedIn = sign_up(&app.anonymous(), "late").expect(201).json();
    assert!(!late.user.is_admin);
}

#[test]
fn elsewhere_only_the_setup_secret_makes_the_first_admin() {
    let app = TestApp::with(&["--rate-limits", "off", "--bind", "0.0.0.0:0"]);
    let url = app.setup_url().expect("there is no admin yet");
    let secret = url.split_once("/setup#").expect("a link").1.to_owned();
    let sign_up_with = |name: &str, setup: &str| {
        app.anonymous().post(USERS_PATH, &json!({ "username": name, "password": PASSWORD, "setup": setup }))
    };
    assert!(!sign_up(&app.anonymous(), "first").expect(201).json::<SignedIn>().user.is_admin);
    sign_up_with("second", "a guess").invalid(&[("/setup", InvalidCode::InvalidFormat)]);
    let admin = sign_up_with("second", &secret).expect(201);
    assert!(admin.json::<SignedIn>().user.is_admin);
    sign_up_with("third", &secret).invalid(&[("/setup", InvalidCode::InvalidFormat)]);
    TestClient::signed_in(app.addr(), &admin).get(ADMIN_USERS_PATH).expect(200);
}

#[test]
fn the_setup_secret_opens_a_closed_server_and_no_later_account_is_the_first() {
    let far = TestApp::with(&["--rate-limits", "off", "--registration", "closed", "--bind", "0.0.0.0:0"]);
    sign_up(&far.anonymous(), "second").problem(403, ErrorCode::RegistrationClosed);
    let url = far.setup_url().expect("there is no admin yet");
    let setup = url.split_once("/setup#").expect("a link").1;
    let body = json!({ "username": "root", "password": PASSWORD, "setup": setup });
    far.anonymous().post(USERS_PATH, &body).expect(201);

    // The first account of this server was none of an admin, so no later one is.
    let mut moved = TestApp::with(&["--rate-limits", "off", "--bind", "0.0.0.0:0"]);
    sign_up(&moved.anonymous(), "first").expect(201);
    moved.restart(&["--rate-limits", "off"]);
    assert!(!sign_up(&moved.anonymous(), "second").expect(201).json::<SignedIn>().user.is_admin);
}

#[test]
fn the_length_of_a_password_does_not_depend_on_its_encoding() {
    let app = TestApp::start();
    let post = |name: &str, password: &str| {
        app.anonymous().post(USERS_PATH, &json!({ "username": name, "password": password }))
    };
    post("short", &"e\u{301}".repeat(4)).invalid(&[("/password", InvalidCode::TooShort)]);
    post("Grace", &"e\u{301}".repeat(100)).expect(201);
    sign_in(&app, "Grace", &"\u{e9}".repeat(100)).expect(201);
    sign_in(&app, "Grace", &"e\u{301}".repeat(100)).expect(201);
}

#[test]
fn tries_to_sign_up_and_in_are_limited() {
    let app = TestApp::with(&[]);
    let anonymous = app.anonymous();
    for name in ["Grace", "Grace", "a@b"] {
        sign_up(&anonymous, name);
    }
    sign_up(&anonymous, "Edsger").expect(201);
    sign_up(&anonymous, "Barbara").problem(429, ErrorCode::RateLimited);
    for _ in 0..5 {
        sign_in(&app, "Grace", "wrong password").problem(401, ErrorCode::InvalidCredentials);
    }
    let limited = sign_in(&app, "GRACE", PASSWORD).problem(429, ErrorCode::RateLimited);
    assert!(limited.retry_after.is_some_and(|seconds| seconds > 60), "{limited:?}");
    sign_in(&app, "Edsger", PASSWORD).expect(201);
}

#[test]
fn nobody_locks_a_user_out_whose_browser_has_signed_in_before() {
    let app = TestApp::with(&["--trusted-proxies", "127.0.0.1"]);
    let answer = sign_up(&app.anonymous(), "Grace").expect(201);
    let cookies: Vec<&str> = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .filter_map(|(_, cookie)| cookie.split(';').next())
        .collect();
    let device =
        *cookies.iter().find(|cookie| cookie.starts_with("parlance_device=")).expect("a device cookie");
    let try_from = |address: u32, cookie: &str, name: &str, password: &str| {
        let request = app.anonymous().request("POST", SESSIONS_PATH);
        let request =
            request.header("x-forwarded-for", &format!("198.51.100.{address}")).header("cookie", cookie);
        request.json(&json!({ "username": name, "password": password })).send()
    };
    let attack = |address| try_from(address, "", "grace", "wrong password").status;
    let limited = (1..=60).map(attack).filter(|status| *status == 429).count();
    assert!((5..=10).contains(&limited), "{limited} of 60 tries were refused");
    try_from(200, "", "Grace", PASSWORD).problem(429, ErrorCode::RateLimited);
    try_from(200, "parlance_device=forged", "Grace", PASSWORD).problem(429, ErrorCode::RateLimited);
    try_from(201, device, "Grace", PASSWORD).expect(201);
    // Other accounts are not affected.
    try_from(202, "", "Nobody", PASSWORD).problem(401, ErrorCode::InvalidCredentials);
}
