//! Sessions: storage, expiry, sign-out and deletion, also while the database does not answer.

use std::io::Write;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use serde_json::{Value, json};
use shared::errors::ErrorCode;
use shared::events::CloseCode;
use shared::rooms::ROOMS_PATH;
use shared::sessions::{CURRENT_SESSION_PATH, SESSIONS_PATH, Session, Sessions, session_path};
use shared::users::CURRENT_USER_PATH;
use support::app::{TestApp, start_server};
use support::client::{PASSWORD, TestClient};
use support::db::TestDb;
use support::proxy::DbProxy;
use support::socket::TestSocket;
use support::wait::until;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[test]
fn a_token_is_stored_as_its_hash_only() {
    let app = TestApp::start();
    let token = app.guest("Grace").token().expect("a guest").to_owned();
    let secret = token.rsplit('_').next().expect("text").to_owned();
    let mut conn = app.db().connect();
    let everything = "SELECT count(*) AS count FROM sessions";
    assert_eq!(sql_query(everything).get_result::<Count>(&mut conn).expect("a count").count, 1);
    let clear = format!(
        "SELECT count(*) AS count FROM sessions WHERE sessions::text LIKE '%{secret}%' \
         OR position(convert_to('{secret}', 'UTF8') IN token_hash) > 0"
    );
    assert_eq!(sql_query(clear).get_result::<Count>(&mut conn).expect("a count").count, 0);
}

#[test]
fn sessions_are_listed_and_ended_one_by_one_or_all_others() {
    let app = TestApp::start();
    let grace = app.member("Grace");
    let request = app.anonymous().request("POST", SESSIONS_PATH).header("user-agent", "tablet/1.0");
    let tablet = request.json(&json!({ "username": "Grace", "password": PASSWORD })).send().expect(201);
    let tablet = TestClient::signed_in(app.addr(), &tablet);
    let phone = TestClient::signed_in(app.addr(), &app.sign_in("Grace", PASSWORD).expect(201));
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
fn signing_out_ends_only_this_session() {
    let app = TestApp::start();
    let (grace, ada) = (app.guest("Grace"), app.guest("Ada Lovelace"));
    let answer = grace.delete(CURRENT_SESSION_PATH).expect(204);
    let cookie = answer.header("set-cookie").expect("the cookie expires").to_owned();
    assert!(cookie.contains("Max-Age=0") || cookie.contains("1970"), "{cookie}");
    grace.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    grace.delete(CURRENT_SESSION_PATH).problem(401, ErrorCode::InvalidToken);
    grace.post(ROOMS_PATH, &json!({ "name": "too late" })).problem(401, ErrorCode::InvalidToken);
    ada.get(CURRENT_USER_PATH).expect(200);
}

/// The number of sessions in the database.
fn stored_sessions(db: &TestDb) -> i64 {
    let count = sql_query("SELECT count(*) AS count FROM sessions");
    count.get_result::<Count>(&mut db.connect()).expect("a count").count
}

#[test]
fn signing_out_completes_although_the_client_resets_its_connection() {
    let db = TestDb::new();
    let proxy = DbProxy::new(&db);
    let server = start_server(&proxy.url(&db), &["--rate-limits", "off"]);
    let grace = TestClient::guest(server.addr(), "Grace");
    grace.get(CURRENT_USER_PATH).expect(200);
    let socket = TestSocket::connect(&grace);

    proxy.hang();
    let mut connection = support::http::connect(server.addr());
    let token = grace.token().expect("a guest");
    let request = format!(
        "DELETE {CURRENT_SESSION_PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).expect("the server listens");
    // The database has not answered yet.
    assert_eq!(socket.closed(), CloseCode::SessionEnded.number());
    support::http::reset(connection);
    grace.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    proxy.release();
    until("the session is deleted", || (stored_sessions(&db) == 0).then_some(()));
    grace.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    server.stop();
}

#[test]
fn a_session_that_the_database_cannot_delete_is_rejected_at_once_and_deleted_later() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let socket = TestSocket::connect(&grace);
    let mut locker = app.db().connect();
    let mut run = |sql: &str| sql_query(sql).execute(&mut locker).expect("it runs");
    run("BEGIN");
    run("SELECT 1 FROM sessions FOR UPDATE");

    let answer = grace.delete(CURRENT_SESSION_PATH);
    answer.problem(503, ErrorCode::OutcomeUnknown);
    let cookie = answer.header("set-cookie").expect("the cookie expires");
    assert!(cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(socket.closed(), CloseCode::SessionEnded.number());
    grace.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    assert_eq!(stored_sessions(app.db()), 1);

    run("ROLLBACK");
    until("the session is deleted", || (stored_sessions(app.db()) == 0).then_some(()));
    grace.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
}

#[test]
fn a_session_that_cannot_be_marked_as_used_is_still_valid() {
    let db = TestDb::new();
    let token = "parlance_of_yesterday";
    for sql in [
        "INSERT INTO users (id, username, username_key, kind, created_at) \
         VALUES (gen_random_uuid(), 'Grace', 'grace', 'guest', now())",
        &format!(
            "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at) \
             SELECT sha256('{token}'), id, now() - interval '1 day', now() - interval '1 day' FROM users"
        ),
    ] {
        db.execute(sql);
    }
    let app = TestApp::over(db, &["--rate-limits", "off"]);
    let mut locker = app.db().connect();
    let mut run = |sql: &str| sql_query(sql).execute(&mut locker).expect("it runs");
    run("BEGIN");
    run("SELECT 1 FROM sessions FOR UPDATE");
    let request = app.anonymous().request("GET", CURRENT_USER_PATH);
    request.header("authorization", &format!("Bearer {token}")).send().expect(200);
    run("ROLLBACK");
}

#[test]
fn expired_sessions_are_deleted() {
    let db = TestDb::new();
    for sql in [
        "INSERT INTO users (id, username, username_key, kind, created_at) \
         SELECT gen_random_uuid(), 'guest ' || n, 'guest ' || n, 'guest', now() FROM generate_series(1, 2500) AS n",
        "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at) \
         SELECT sha256(username::bytea), id, now() - interval '20 days', now() - interval '15 days' FROM users",
        "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at) \
         SELECT sha256(id::text::bytea), id, now() - interval '91 days', now() FROM users",
        "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at) \
         SELECT sha256('good'), id, now() - interval '89 days', now() - interval '13 days' FROM users LIMIT 1",
    ] {
        db.execute(sql);
    }
    let app = TestApp::over(db, &["--rate-limits", "off"]);
    until("the old ones are deleted", || (stored_sessions(app.db()) == 1).then_some(()));
    let request = app.anonymous().request("GET", CURRENT_USER_PATH);
    request.header("authorization", "Bearer good").send().expect(200);
}

#[test]
fn a_session_outlives_the_server() {
    let mut app = TestApp::start();
    let grace = app.guest("Grace");
    app.restart(&["--rate-limits", "off"]);
    let header = format!("Bearer {}", grace.token().expect("a guest"));
    let answer = app.anonymous().request("GET", CURRENT_USER_PATH).header("authorization", &header).send();
    assert_eq!(answer.expect(200).json::<Value>()["username"], "Grace");
}
