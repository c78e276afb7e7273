//! Personal API tokens and their scopes.

use serde_json::{Value, json};
use shared::admin::{ADMIN_SETTINGS_PATH, ADMIN_USERS_PATH, admin_user_path, password_reset_path};
use shared::errors::ErrorCode;
use shared::events::{ClientCommand, CloseCode, ServerEvent};
use shared::rooms::ROOMS_PATH;
use shared::sessions::{CURRENT_SESSION_PATH, SESSIONS_PATH};
use shared::text::InvalidCode;
use shared::tokens::{NewToken, TOKENS_PATH, Token, Tokens, token_path};
use shared::users::{CURRENT_USER_PATH, PASSWORD_PATH, USERS_PATH};
use support::app::TestApp;
use support::client::{PASSWORD, TestClient};
use support::http::Response;
use support::socket::TestSocket;
use support::wait::until;
use support::{on_each_transport, transport::Transport};

on_each_transport!(
    a_socket_of_a_token_listens_and_types_by_its_scopes,
    a_dead_token_is_refused_and_its_sockets_are_closed,
);

fn create(client: &TestClient, scopes: &[&str]) -> Response {
    client.post(TOKENS_PATH, &json!({ "name": "a script", "scopes": scopes, "password": PASSWORD }))
}

/// A client that uses a new token with these scopes.
fn program(app: &TestApp, owner: &TestClient, scopes: &[&str]) -> (TestClient, Token) {
    let NewToken { token, info } = create(owner, scopes).expect(201).json();
    (TestClient::known(app.addr(), owner.user().clone(), &token).by(owner.transport()), info)
}

#[test]
fn a_token_is_shown_once_and_listed_without_its_secret() {
    let app = TestApp::start();
    let grace = app.member("Grace");
    let body = json!({
        "name": " backup ", "scopes": ["write", "read"], "password": PASSWORD, "expires_in_seconds": 3_600
    });
    let answer = grace.post(TOKENS_PATH, &body).expect(201);
    let NewToken { token, info } = answer.json();
    let secret = token.strip_prefix("parlance_pat_").expect("the prefix");
    assert_eq!(secret.len(), 40);
    assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.value()["info"]["scopes"], json!(["read", "write"]));
    assert_eq!((info.name.as_str(), info.last_used_at), ("backup", None));
    assert!(info.expires_at.is_some());

    let list = grace.get(TOKENS_PATH).expect(200);
    assert!(!list.text().contains(secret));
    assert_eq!(list.json::<Tokens>().items, [info]);
    assert_eq!(
        app.db().text(&format!("SELECT count(*)::text FROM tokens WHERE tokens::text LIKE '%{secret}%'")),
        "0"
    );
    let user = TestClient::known(app.addr(), grace.user().clone(), &token);
    user.get(CURRENT_USER_PATH).expect(200);
    assert!(grace.get(TOKENS_PATH).expect(200).json::<Tokens>().items[0].last_used_at.is_some());
}

#[test]
fn a_token_needs_an_account_its_password_and_valid_input() {
    let app = TestApp::start();
    let (grace, guest) = (app.member("Grace"), app.guest("Adam"));
    create(&app.anonymous(), &["read"]).problem(401, ErrorCode::AuthenticationRequired);
    create(&guest, &["read"]).problem(403, ErrorCode::MembersOnly);
    guest.get(TOKENS_PATH).problem(403, ErrorCode::MembersOnly);
    let post = |name: Value, scopes: Value, password: Value, seconds: Value| {
        let body =
            json!({ "name": name, "scopes": scopes, "password": password, "expires_in_seconds": seconds });
        grace.post(TOKENS_PATH, &body)
    };
    let (name, scopes, password, seconds) = (json!("x"), json!(["read"]), json!(PASSWORD), json!(60));
    post(name.clone(), scopes.clone(), json!("wrong password"), seconds.clone())
        .problem(403, ErrorCode::WrongPassword);
    post(json!(" "), scopes.clone(), password.clone(), seconds.clone())
        .invalid(&[("/name", InvalidCode::Required)]);
    for (wrong, code) in [
        (json!([]), InvalidCode::Required),
        (json!("read"), InvalidCode::InvalidType),
        (json!(["read", 1]), InvalidCode::InvalidType),
        (json!(["all"]), InvalidCode::InvalidFormat),
        (json!(["read", "read"]), InvalidCode::InvalidFormat),
    ] {
        post(name.clone(), wrong, password.clone(), seconds.clone()).invalid(&[("/scopes", code)]);
    }
    for (wrong, code) in [
        (json!(0), InvalidCode::OutOfRange),
        (json!(1.5), InvalidCode::OutOfRange),
        (json!("60"), InvalidCode::InvalidType),
        (json!(null), InvalidCode::InvalidType),
    ] {
        post(name.clone(), scopes.clone(), password.clone(), wrong).invalid(&[("/expires_in_seconds", code)]);
    }
    grace.get(&format!("{TOKENS_PATH}/nonsense")).problem(405, ErrorCode::MethodNotAllowed);
    grace.delete(&format!("{TOKENS_PATH}/nonsense")).problem(404, ErrorCode::TokenNotFound);
}

#[test]
fn a_token_does_what_its_scopes_say() {
    let app = TestApp::start();
    let admin = app.member("root");
    let (_, room) = app.alice_in_a_room();
    let messages = shared::messages::messages_path(room.id);
    let insufficient = |answer: Response| drop(answer.problem(403, ErrorCode::InsufficientScope));
    let say = json!({ "text": "hello" });

    let (reader, _) = program(&app, &admin, &["read"]);
    reader.get(&messages).expect(200);
    reader.get(CURRENT_USER_PATH).expect(200);
    insufficient(reader.post(&messages, &say));
    insufficient(reader.get(ADMIN_USERS_PATH));

    let (writer, _) = program(&app, &admin, &["write"]);
    writer.post(&messages, &say).expect(201);
    insufficient(writer.get(&messages));
    insufficient(writer.get(CURRENT_USER_PATH));
    insufficient(writer.patch(ADMIN_SETTINGS_PATH, &json!({})));

    let (operator, _) = program(&app, &admin, &["read", "write", "admin"]);
    let grace = app.member("Grace");
    operator.get(ADMIN_USERS_PATH).expect(200);
    operator.patch(ADMIN_SETTINGS_PATH, &json!({})).expect(200);
    operator.patch(&admin_user_path(grace.user().id), &json!({ "is_disabled": false })).expect(200);
    insufficient(operator.patch(&admin_user_path(grace.user().id), &json!({ "is_admin": true })));
    insufficient(operator.post(&password_reset_path(grace.user().id), &json!({})));
    let (nobody, _) = program(&app, &admin, &["admin"]);
    insufficient(nobody.get(ADMIN_USERS_PATH));
    insufficient(nobody.get(ROOMS_PATH));
    // The scope makes nobody an admin.
    let (pretender, _) = program(&app, &grace, &["read", "write", "admin"]);
    pretender.get(ADMIN_USERS_PATH).problem(403, ErrorCode::AdminOnly);
}

#[test]
fn no_token_touches_sessions_tokens_and_the_account() {
    let app = TestApp::start();
    let grace = app.member("Grace");
    let (program, info) = program(&app, &grace, &["read", "write", "admin"]);
    let answers = [
        program.get(SESSIONS_PATH),
        program.delete(SESSIONS_PATH),
        program.delete(CURRENT_SESSION_PATH),
        program.get(TOKENS_PATH),
        create(&program, &["read"]),
        program.delete(&token_path(info.id)),
        program.patch(CURRENT_USER_PATH, &json!({ "username": "Mallory" })),
        program.put(PASSWORD_PATH, &json!({ "current_password": PASSWORD, "new_password": "another horse" })),
    ];
    for answer in answers {
        answer.problem(403, ErrorCode::TokenNotAllowed);
    }
    program.get(CURRENT_USER_PATH).expect(200);
}

fn a_socket_of_a_token_listens_and_types_by_its_scopes(transport: Transport) {
    let app = TestApp::start().by(transport);
    let grace = app.member("Grace");
    let (alice, room) = app.alice_in_a_room();
    let (reader, _) = program(&app, &grace, &["read"]);
    let mut socket = TestSocket::connect(&reader);
    socket.subscribe(room.id);
    alice.send(room.id, "hello");
    socket.next_change();
    socket.send(&ClientCommand::Typing { room_id: room.id, active: true });
    let code = socket.expect(|event| match event {
        ServerEvent::Error { code, .. } => Some(*code),
        _ => None,
    });
    assert_eq!(code, ErrorCode::InsufficientScope);

    let (writer, _) = program(&app, &grace, &["write"]);
    let mut socket = app.socket();
    socket.send(&ClientCommand::Authenticate { token: writer.token().expect("a token").to_owned() });
    let code = socket.expect(|event| match event {
        ServerEvent::Error { code, .. } => Some(*code),
        _ => None,
    });
    assert_eq!(code, ErrorCode::InsufficientScope);
    let request = writer.request("GET", shared::server::SOCKET_PATH);
    let handshake = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let request = handshake.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    request.send().problem(403, ErrorCode::InsufficientScope);
}

fn a_dead_token_is_refused_and_its_sockets_are_closed(transport: Transport) {
    let app = TestApp::start().by(transport);
    let admin = app.member("root");
    let grace = app.member("Grace");
    let refused = |client: &TestClient| client.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);

    let (deleted, info) = program(&app, &grace, &["read"]);
    let mut socket = TestSocket::connect(&deleted);
    app.member("Ada Lovelace").delete(&token_path(info.id)).problem(404, ErrorCode::TokenNotFound);
    grace.delete(&token_path(info.id)).expect(204);
    assert_eq!(socket.wait_closed(), CloseCode::SessionEnded.number());
    refused(&deleted);
    grace.delete(&token_path(info.id)).problem(404, ErrorCode::TokenNotFound);

    let body = json!({ "name": "x", "scopes": ["read"], "password": PASSWORD, "expires_in_seconds": 2 });
    let NewToken { token, .. } = grace.post(TOKENS_PATH, &body).expect(201).json();
    let expiring = TestClient::known(app.addr(), grace.user().clone(), &token).by(transport);
    let mut socket = TestSocket::connect(&expiring);
    assert_eq!(socket.wait_closed(), CloseCode::SessionEnded.number());
    until("the token has expired", || (expiring.get(CURRENT_USER_PATH).status == 401).then_some(()));

    let (old, _) = program(&app, &grace, &["read"]);
    let mut socket = TestSocket::connect(&old);
    grace
        .put(PASSWORD_PATH, &json!({ "current_password": PASSWORD, "new_password": PASSWORD.to_uppercase() }))
        .expect(204);
    assert_eq!(socket.wait_closed(), CloseCode::SessionEnded.number());
    refused(&old);

    let (program, _) = program(&app, &app.member("Edsger"), &["read"]);
    let mut socket = TestSocket::connect(&program);
    let id = program.user().id;
    admin.patch(&admin_user_path(id), &json!({ "is_disabled": true })).expect(200);
    assert_eq!(socket.wait_closed(), CloseCode::Forbidden.number());
    refused(&program);

    let damaged = format!("{}x", &token[..token.len() - 1]);
    refused(&TestClient::known(app.addr(), grace.user().clone(), &damaged));
    assert_eq!(grace.get(USERS_PATH).expect(200).status, 200);
}
