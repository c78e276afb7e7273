//! Admins of the server: users, settings, links to a new password; also from the command line and between servers.

use serde_json::{Value, json};
use shared::admin::{
    ADMIN_SETTINGS_PATH, ADMIN_USERS_PATH, AdminUser, PasswordReset, admin_user_path, password_reset_path,
};
use shared::errors::ErrorCode;
use shared::events::CloseCode;
use shared::ids::UserId;
use shared::page::Page;
use shared::text::InvalidCode;
use shared::users::{CURRENT_USER_PATH, DELETION_PATH, GUESTS_PATH, Me, PASSWORD_RESETS_PATH, USERS_PATH};
use support::app::{TestApp, start_server};
use support::client::{PASSWORD, TestClient};
use support::http::Response;
use support::socket::TestSocket;
use support::wait::until;
use support::{on_each_transport, transport::Transport};
use uuid::Uuid;

on_each_transport!(a_disabled_user_is_out_at_once_and_may_come_back,);

fn update(admin: &TestClient, id: UserId, body: &Value) -> Response {
    admin.patch(&admin_user_path(id), body)
}

#[test]
fn only_admins_administer() {
    let app = TestApp::start();
    let (admin, grace, guest) = (app.member("root"), app.member("Grace"), app.guest("Adam"));
    let requests: [&dyn Fn(&TestClient) -> Response; 4] = [
        &|client| client.get(ADMIN_USERS_PATH),
        &|client| client.patch(&admin_user_path(grace.user().id), &json!({ "is_admin": false })),
        &|client| client.post(&password_reset_path(grace.user().id), &json!({})),
        &|client| client.patch(ADMIN_SETTINGS_PATH, &json!({ "guests": "off" })),
    ];
    for request in requests {
        request(&app.anonymous()).problem(401, ErrorCode::AuthenticationRequired);
        request(&guest).problem(403, ErrorCode::AdminOnly);
        request(&grace).problem(403, ErrorCode::AdminOnly);
        assert!(request(&admin).status < 300);
    }
}

#[test]
fn admins_list_everybody_and_promote_and_demote() {
    let app = TestApp::start();
    let (admin, grace, guest) = (app.member("root"), app.member("Grace"), app.guest("Adam"));
    let list: Page<AdminUser> = admin.get(ADMIN_USERS_PATH).expect(200).json();
    let names: Vec<&str> = list.items.iter().map(|user| user.user.username.as_str()).collect();
    assert_eq!(names, ["root", "Grace", "Adam"]);
    assert_eq!(list.items.iter().map(|user| user.is_admin).collect::<Vec<_>>(), [true, false, false]);
    let found: Page<AdminUser> = admin.get(&format!("{ADMIN_USERS_PATH}?query=ad")).expect(200).json();
    assert_eq!(found.items.len(), 1);

    let promoted: AdminUser =
        update(&admin, grace.user().id, &json!({ "is_admin": true })).expect(200).json();
    assert!(promoted.is_admin && !promoted.is_disabled);
    assert!(grace.get(CURRENT_USER_PATH).expect(200).json::<Me>().is_admin);
    update(&admin, guest.user().id, &json!({ "is_admin": true })).problem(404, ErrorCode::UserNotFound);
    update(&admin, UserId(Uuid::now_v7()), &json!({})).problem(404, ErrorCode::UserNotFound);
    update(&admin, grace.user().id, &json!({ "is_admin": "yes" }))
        .invalid(&[("/is_admin", InvalidCode::InvalidType)]);
    update(&grace, admin.user().id, &json!({ "is_admin": false })).expect(200);
    admin.get(ADMIN_USERS_PATH).problem(403, ErrorCode::AdminOnly);
    update(&grace, grace.user().id, &json!({ "is_admin": false })).problem(409, ErrorCode::LastAdmin);
    update(&grace, grace.user().id, &json!({ "is_disabled": true })).problem(409, ErrorCode::LastAdmin);
    assert_eq!(app.db().text("SELECT count(*)::text FROM server_audit"), "2", "refused acts leave nothing");
}

fn a_disabled_user_is_out_at_once_and_may_come_back(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (admin, grace, guest) = (app.member("root"), app.member("Grace"), app.guest("Adam"));
    let mut socket = TestSocket::connect(&grace);
    let disabled: AdminUser =
        update(&admin, grace.user().id, &json!({ "is_disabled": true })).expect(200).json();
    assert!(disabled.is_disabled);
    assert_eq!(socket.wait_closed(), CloseCode::Forbidden.number());
    grace.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    app.sign_in("Grace", PASSWORD).problem(403, ErrorCode::AccountDisabled);
    app.sign_in("Grace", "wrong password").problem(401, ErrorCode::InvalidCredentials);
    // The name stays taken.
    let taken = app.anonymous().post(USERS_PATH, &json!({ "username": "grace", "password": PASSWORD }));
    taken.problem(409, ErrorCode::UsernameTaken);
    let mut socket = TestSocket::connect(&guest);
    update(&admin, guest.user().id, &json!({ "is_disabled": true })).expect(200);
    assert_eq!(socket.wait_closed(), CloseCode::Forbidden.number());
    guest.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    // A guest has no password to come back with, so the session waits.
    update(&admin, guest.user().id, &json!({ "is_disabled": false })).expect(200);
    guest.get(CURRENT_USER_PATH).expect(200);
    update(&admin, grace.user().id, &json!({ "is_disabled": false })).expect(200);
    app.sign_in("Grace", PASSWORD).expect(201);
}

#[test]
fn settings_change_while_the_server_runs_and_outlive_it() {
    let mut app = TestApp::start();
    let admin = app.member("root");
    let settings = admin.patch(ADMIN_SETTINGS_PATH, &json!({ "guests": "off" })).expect(200).value();
    assert_eq!(settings, json!({ "registration": "open", "guests": "off" }));
    let guest = |app: &TestApp| app.anonymous().post(GUESTS_PATH, &json!({ "username": "Grace" }));
    guest(&app).problem(403, ErrorCode::RegistrationClosed);
    admin
        .patch(ADMIN_SETTINGS_PATH, &json!({ "registration": "maybe" }))
        .invalid(&[("/registration", InvalidCode::InvalidFormat)]);
    app.restart(&["--rate-limits", "off"]);
    guest(&app).problem(403, ErrorCode::RegistrationClosed);
}

#[test]
fn a_link_sets_a_new_password_once() {
    let app = TestApp::start();
    let (admin, grace) = (app.member("root"), app.member("Grace"));
    let link = |admin: &TestClient| -> PasswordReset {
        admin.post(&password_reset_path(grace.user().id), &json!({})).expect(201).json()
    };
    let secret = |link: &PasswordReset| link.url.split_once("/reset#").expect("a link").1.to_owned();
    let (first, second) = (secret(&link(&admin)), secret(&link(&admin)));
    assert_eq!(
        app.db().text(&format!(
            "SELECT count(*)::text FROM password_resets WHERE password_resets::text LIKE '%{first}%'"
        )),
        "0"
    );
    let reset = |token: &str, password: &str| {
        app.anonymous().post(PASSWORD_RESETS_PATH, &json!({ "token": token, "new_password": password }))
    };
    reset(&first, "short").invalid(&[("/new_password", InvalidCode::TooShort)]);
    reset(&first, "password").invalid(&[("/new_password", InvalidCode::TooCommon)]);
    reset("nonsense", "another horse").problem(404, ErrorCode::ResetNotFound);
    let mut socket = TestSocket::connect(&grace);
    reset(&first, "another horse").expect(204);
    assert_eq!(socket.wait_closed(), CloseCode::SessionEnded.number());
    app.sign_in("Grace", PASSWORD).problem(401, ErrorCode::InvalidCredentials);
    app.sign_in("Grace", "another horse").expect(201);
    reset(&first, "third horse").problem(410, ErrorCode::ResetGone);
    reset(&second, "third horse").problem(410, ErrorCode::ResetGone);
    let third = secret(&link(&admin));
    app.db()
        .execute("UPDATE password_resets SET expires_at = now() - interval '1 second' WHERE used_at IS NULL");
    reset(&third, "third horse").problem(410, ErrorCode::ResetGone);
    let deletion = json!({ "password": "another horse", "messages": "keep" });
    let again = TestClient::signed_in(app.addr(), &app.sign_in("Grace", "another horse").expect(201));
    again.post(DELETION_PATH, &deletion).expect(204);
    for user in [app.guest("Adam").user().id, grace.user().id] {
        admin.post(&password_reset_path(user), &json!({})).problem(404, ErrorCode::UserNotFound);
    }
}

#[test]
fn other_servers_on_the_database_follow_within_moments() {
    let app = TestApp::start();
    let (admin, grace, ada) = (app.member("root"), app.member("Grace"), app.member("Ada Lovelace"));
    let other = start_server(app.db().url(), &["--rate-limits", "off"]);
    let there = |client: &TestClient| {
        TestClient::known(other.addr(), client.user().clone(), client.token().expect("a member"))
    };
    let (grace_there, ada_there) = (there(&grace), there(&ada));
    let mut sockets = [TestSocket::connect(&grace_there), TestSocket::connect(&ada_there)];
    grace_there.get(CURRENT_USER_PATH).expect(200);
    ada_there.get(CURRENT_USER_PATH).expect(200);
    update(&admin, grace.user().id, &json!({ "is_disabled": true })).expect(200);
    ada.delete(shared::sessions::CURRENT_SESSION_PATH).expect(204);
    assert_eq!(sockets[0].wait_closed(), CloseCode::Forbidden.number());
    assert_eq!(sockets[1].wait_closed(), CloseCode::SessionEnded.number());
    until("both tokens are refused", || {
        let refused = |client: &&TestClient| client.get(CURRENT_USER_PATH).status == 401;
        [&grace_there, &ada_there].iter().all(refused).then_some(())
    });
    other.stop();
}

#[test]
fn a_new_name_reaches_the_pages_that_another_server_keeps_in_memory() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    alice.send(room.id, "hello");
    let other = start_server(app.db().url(), &["--rate-limits", "off"]);
    let there = TestClient::anonymous(other.addr());
    // The page is kept while somebody follows the room.
    let mut socket = TestSocket::connect(&there);
    socket.subscribe(room.id);
    let author = || {
        let page = there.get(&shared::messages::messages_path(room.id)).expect(200).value();
        page["items"][0]["author"]["username"].as_str().expect("a name").to_owned()
    };
    assert_eq!(author(), "Alice");
    alice.patch(CURRENT_USER_PATH, &json!({ "username": "Alice Liddell" })).expect(200);
    until("the other server follows", || (author() == "Alice Liddell").then_some(()));
    other.stop();
}
