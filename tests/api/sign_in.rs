//! Signing in: uniform refusals, cookies and origins, limits.

use serde_json::{Value, json};
use shared::errors::ErrorCode;
use shared::sessions::SESSIONS_PATH;
use shared::text::InvalidCode;
use shared::users::{CURRENT_USER_PATH, GUESTS_PATH, SignedIn, USERS_PATH};
use support::app::TestApp;
use support::client::PASSWORD;

#[test]
fn the_name_of_an_account_is_found_regardless_of_case_and_refusals_say_nothing() {
    let app = TestApp::start();
    let grace = app.member("Grace");
    let answer = app.sign_in(" GRACE ", PASSWORD).expect(201);
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
                let answer = app.sign_in(name, password);
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
fn tries_to_sign_up_and_in_are_limited() {
    let app = TestApp::with(&[]);
    let anonymous = app.anonymous();
    for name in ["Grace", "Grace", "a@b"] {
        anonymous.sign_up(name);
    }
    anonymous.sign_up("Edsger").expect(201);
    anonymous.sign_up("Barbara").problem(429, ErrorCode::RateLimited);
    for _ in 0..5 {
        app.sign_in("Grace", "wrong password").problem(401, ErrorCode::InvalidCredentials);
    }
    let limited = app.sign_in("GRACE", PASSWORD).problem(429, ErrorCode::RateLimited);
    assert!(limited.retry_after.is_some_and(|seconds| seconds > 60), "{limited:?}");
    app.sign_in("Edsger", PASSWORD).expect(201);
}

#[test]
fn nobody_locks_a_user_out_whose_browser_has_signed_in_before() {
    let app = TestApp::with(&["--trusted-proxies", "127.0.0.1"]);
    let answer = app.anonymous().sign_up("Grace").expect(201);
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
