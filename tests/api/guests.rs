//! Guests and their credentials: tokens, cookies, origins.

use serde_json::json;
use shared::errors::ErrorCode;
use shared::messages::{changes_path, message_path, messages_path};
use shared::rooms::{ROOMS_PATH, room_path};
use shared::sessions::CURRENT_SESSION_PATH;
use shared::text::InvalidCode;
use shared::users::{CURRENT_USER_PATH, GUESTS_PATH, Guest, User, UserKind};
use support::app::TestApp;
use support::builders::unknown_room_id;
use support::client::TestClient;

use crate::shape::{assert_keys, assert_timestamp, assert_uuid_v7};

/// The origin of the server's own pages.
fn own_origin(app: &TestApp) -> String {
    format!("http://{}", app.addr())
}

#[test]
fn a_name_makes_a_guest_with_a_token_and_a_cookie() {
    let app = TestApp::start();
    let answer = app.anonymous().post(GUESTS_PATH, &json!({ "username": "  Grace  " })).expect(201);
    let body = answer.value();
    assert_keys(&body, &["token", "user"]);
    assert_keys(&body["user"], &["created_at", "id", "kind", "username"]);
    assert_eq!(body["user"]["username"], "Grace");
    assert_eq!(body["user"]["kind"], "guest");
    assert_uuid_v7(&body["user"]["id"]);
    assert_timestamp(&body["user"]["created_at"]);

    let token = body["token"].as_str().expect("text");
    let cookie = answer.header("set-cookie").expect("a session cookie");
    assert!(cookie.contains(&format!("={token};")), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{attribute} is missing in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn behind_https_the_cookie_is_secure_and_bound_to_the_host() {
    let app = TestApp::with(&["--rate-limits", "off", "--public-url", "https://chat.example.org"]);
    let answer = app.anonymous().post(GUESTS_PATH, &json!({ "username": "Grace" })).expect(201);
    let cookie = answer.header("set-cookie").expect("a session cookie");
    assert!(cookie.starts_with("__Host-"), "{cookie}");
    assert!(cookie.split("; ").any(|part| part == "Secure"), "{cookie}");
}

// reference: messages-limits
#[test]
fn a_guests_name_has_4_to_20_visible_characters() {
    let app = TestApp::start();
    let anonymous = app.anonymous();
    for name in ["Adam", "日本語名", &"é".repeat(20), "  Adam  ", "Ada L"] {
        anonymous.post(GUESTS_PATH, &json!({ "username": name })).expect(201);
    }
    for (username, code) in [
        (json!("Ada"), InvalidCode::TooShort),
        (json!("  Ada  "), InvalidCode::TooShort),
        (json!("x".repeat(21)), InvalidCode::TooLong),
        (json!(""), InvalidCode::Required),
        (json!("      "), InvalidCode::Required),
        (json!("\u{200B}\u{200B}\u{200B}\u{200B}"), InvalidCode::Required),
        (json!("Ada\nL"), InvalidCode::InvalidCharacters),
        (json!("Ada\u{0}L"), InvalidCode::InvalidCharacters),
        (json!(null), InvalidCode::InvalidType),
        (json!(4711), InvalidCode::InvalidType),
        (json!(["Adam"]), InvalidCode::InvalidType),
    ] {
        let answer = anonymous.post(GUESTS_PATH, &json!({ "username": username }));
        answer.invalid(&[("/username", code)]);
    }
    anonymous.post(GUESTS_PATH, &json!({})).invalid(&[("/username", InvalidCode::Required)]);
}

#[test]
fn guests_may_share_a_name_and_are_distinct() {
    let app = TestApp::start();
    let (one, other) = (app.guest("Grace"), app.guest("Grace"));
    assert_ne!(one.user().id, other.user().id);
    assert_ne!(one.token(), other.token());
}

#[test]
fn no_guest_takes_the_name_of_an_account_regardless_of_case() {
    let app = TestApp::start();
    app.db().execute(
        "INSERT INTO users (id, username, username_key, kind, created_at) \
         VALUES (gen_random_uuid(), 'Grace Hopper', 'grace hopper', 'member', now())",
    );
    for name in ["Grace Hopper", "GRACE HOPPER", " grace hopper "] {
        let answer = app.anonymous().post(GUESTS_PATH, &json!({ "username": name }));
        answer.problem(409, ErrorCode::UsernameTaken);
    }
    app.guest("Grace Hoppe");
}

#[test]
fn a_guest_cannot_choose_more_than_the_name() {
    let app = TestApp::start();
    let forged = json!({
        "username": "Mallory", "id": "0190a5b0-0000-7000-8000-000000000001", "kind": "bot",
        "created_at": "2000-01-01T00:00:00.000Z"
    });
    let guest: Guest = app.anonymous().post(GUESTS_PATH, &forged).expect(201).json();
    assert_eq!(guest.user.kind, UserKind::Guest);
    assert_ne!(guest.user.id.to_string(), "0190a5b0-0000-7000-8000-000000000001");
}

#[test]
fn the_token_identifies_the_user() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let answer = grace.get(CURRENT_USER_PATH).expect(200);
    assert_eq!(answer.json::<User>(), *grace.user());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn a_missing_and_an_invalid_token_are_distinguished() {
    let app = TestApp::start();
    let answer = app.anonymous().get(CURRENT_USER_PATH);
    answer.problem(401, ErrorCode::AuthenticationRequired);
    assert!(answer.header("www-authenticate").is_some(), "RFC 9110 wants it with every 401");
    let token = app.guest("Grace").token().expect("a guest").to_owned();
    for wrong in ["x", &token[1..], &format!("{token}x"), &token.to_uppercase()] {
        let request = app.anonymous().request("GET", CURRENT_USER_PATH);
        request
            .header("authorization", &format!("Bearer {wrong}"))
            .send()
            .problem(401, ErrorCode::InvalidToken);
    }
}

#[test]
fn the_scheme_of_the_token_is_case_insensitive() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let header = format!("bearer {}", grace.token().expect("a guest"));
    app.anonymous().request("GET", CURRENT_USER_PATH).header("authorization", &header).send().expect(200);
}

#[test]
fn every_write_requires_a_session() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let anonymous = app.anonymous();
    let message_path = message_path(room.id, message.id);
    for (method, path, body) in [
        ("POST", ROOMS_PATH.to_owned(), Some(json!({ "name": "mine" }))),
        ("PATCH", room_path(room.id), Some(json!({ "name": "mine" }))),
        ("DELETE", room_path(room.id), None),
        ("POST", messages_path(room.id), Some(json!({ "text": "hello" }))),
        ("PATCH", message_path.clone(), Some(json!({ "text": "forged" }))),
        ("DELETE", message_path.clone(), None),
        ("DELETE", CURRENT_SESSION_PATH.to_owned(), None),
    ] {
        let mut request = anonymous.request(method, &path);
        if let Some(body) = &body {
            request = request.json(body);
        }
        request.clone().send().problem(401, ErrorCode::AuthenticationRequired);
        request.header("authorization", "Bearer wrong").send().problem(401, ErrorCode::InvalidToken);
    }
    assert_eq!(anonymous.message(room.id, message.id), message);
}

#[test]
fn anonymous_clients_read_public_rooms() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let anonymous = app.anonymous();
    for path in [
        ROOMS_PATH.to_owned(),
        room_path(room.id),
        messages_path(room.id),
        message_path(room.id, message.id),
        format!("{}?since=0", changes_path(room.id)),
    ] {
        anonymous.get(&path).expect(200);
    }
}

#[test]
fn a_setting_makes_reading_require_a_session() {
    let app = TestApp::with(&["--rate-limits", "off", "--access", "members"]);
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let paths = [
        ROOMS_PATH.to_owned(),
        room_path(room.id),
        messages_path(room.id),
        message_path(room.id, message.id),
        format!("{}?since=0", changes_path(room.id)),
        // The response does not reveal whether the room exists.
        room_path(unknown_room_id()),
    ];
    for path in &paths {
        app.anonymous().get(path).problem(401, ErrorCode::AuthenticationRequired);
    }
    for path in &paths[..5] {
        alice.get(path).expect(200);
    }
}

fn with_cookie(app: &TestApp, client: &TestClient, origin: Option<&str>) -> u16 {
    let room_name = format!("room of {}", origin.unwrap_or("nowhere"));
    let mut request = app.anonymous().request("POST", ROOMS_PATH).header("cookie", client.cookie());
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    let answer = request.json(&json!({ "name": room_name })).send();
    if answer.status == 403 {
        answer.problem(403, ErrorCode::OriginRefused);
    }
    answer.status
}

#[test]
fn the_cookie_identifies_the_user() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let answer = app.anonymous().request("GET", CURRENT_USER_PATH).header("cookie", grace.cookie()).send();
    assert_eq!(answer.expect(200).json::<User>(), *grace.user());
}

#[test]
fn a_write_with_the_cookie_requires_an_allowed_origin() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let port = app.addr().port();
    assert_eq!(with_cookie(&app, &grace, Some(&own_origin(&app))), 201);
    for origin in [
        None,
        Some("null"),
        Some("https://evil.example"),
        Some(&*format!("ftp://127.0.0.1:{port}")),
        Some("http://127.0.0.1"),
        Some(&*format!("http://127.0.0.1:{port}.evil.example")),
        Some(&*format!("http://127.0.0.1:{}", port ^ 1)),
    ] {
        assert_eq!(with_cookie(&app, &grace, origin), 403, "{origin:?}");
    }
}

#[test]
fn signing_out_by_cookie_requires_an_allowed_origin() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let request = app.anonymous().request("DELETE", CURRENT_SESSION_PATH).header("cookie", grace.cookie());
    request.clone().send().problem(403, ErrorCode::OriginRefused);
    request.header("origin", &own_origin(&app)).send().expect(204);
}

#[test]
fn behind_a_proxy_the_public_url_is_an_allowed_origin() {
    let app = TestApp::with(&["--rate-limits", "off", "--public-url", "https://chat.example.org"]);
    let grace = app.guest("Grace");
    assert_eq!(with_cookie(&app, &grace, Some("https://chat.example.org")), 201);
    assert_eq!(with_cookie(&app, &grace, Some("https://chat.example.org:8443")), 403);
    assert_eq!(with_cookie(&app, &grace, Some("https://other.example.org")), 403);
}

#[test]
fn a_setting_allows_another_origin() {
    let app = TestApp::with(&["--rate-limits", "off", "--allowed-origins", "http://localhost:8080"]);
    let grace = app.guest("Grace");
    assert_eq!(with_cookie(&app, &grace, Some("http://localhost:8080")), 201);
    assert_eq!(with_cookie(&app, &grace, Some("http://localhost:8081")), 403);
}

#[test]
fn a_bearer_token_is_valid_from_any_origin() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let request = grace.request("POST", ROOMS_PATH).header("origin", "https://elsewhere.example");
    request.json(&json!({ "name": "from elsewhere" })).send().expect(201);
}

#[test]
fn an_invalid_cookie_is_anonymous() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let cookie = grace.cookie();
    let name = cookie.split('=').next().expect("a name");
    let request =
        app.anonymous().request("GET", CURRENT_USER_PATH).header("cookie", &format!("{name}=wrong"));
    assert_eq!(request.send().status, 401);
    // It prevents neither reading public rooms nor creating a guest.
    let request = app.anonymous().request("GET", ROOMS_PATH).header("cookie", &format!("{name}=wrong"));
    request.send().expect(200);
    let request = app.anonymous().request("POST", GUESTS_PATH).header("cookie", &format!("{name}=wrong"));
    request.header("origin", &own_origin(&app)).json(&json!({ "username": "Grace" })).send().expect(201);
}
