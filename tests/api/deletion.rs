//! Users who delete themselves: what stays, what is erased, and that the server finishes it.

use serde_json::json;
use shared::errors::ErrorCode;
use shared::events::{CloseCode, ServerEvent};
use shared::members::{LeaveReason, Role};
use shared::messages::Message;
use shared::users::{CURRENT_USER_PATH, DELETION_PATH, user_path};
use support::app::TestApp;
use support::client::{PASSWORD, TestClient};
use support::socket::TestSocket;
use support::wait::until;

/// Deletes an account.
#[track_caller]
fn delete(client: &TestClient, messages: &str) {
    client.post(DELETION_PATH, &json!({ "password": PASSWORD, "messages": messages })).expect(204);
}

/// An admin, and an account with a public room of somebody else in which it wrote.
fn stage() -> (TestApp, TestClient, TestClient, shared::rooms::Room, Message) {
    let app = TestApp::start();
    let admin = app.member("Administrator");
    let ada = app.member("Ada Lovelace");
    let room = admin.create_room("engines");
    let message = ada.send(room.id, "it weaves patterns");
    (app, admin, ada, room, message)
}

#[test]
fn who_goes_and_keeps_the_messages_leaves_them_under_deleted_user() {
    let (app, admin, ada, room, message) = stage();
    let mut own = TestSocket::connect(&ada);
    let mut follower = app.socket();
    let before = follower.subscribe(room.id).rev;
    delete(&ada, "keep");
    assert_eq!(own.wait_closed(), CloseCode::SessionEnded.number());
    ada.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    app.sign_in("Ada Lovelace", PASSWORD).problem(401, ErrorCode::InvalidCredentials);
    let (rev, event) = follower.next_change();
    assert_eq!(rev, before.next());
    let left =
        ServerEvent::MemberLeft { room_id: room.id, rev, user_id: ada.id(), reason: LeaveReason::Left };
    assert_eq!(event, left);
    let kept = admin.message(room.id, message.id);
    assert_eq!((kept.text.as_deref(), kept.rev), (Some("it weaves patterns"), message.rev));
    assert_eq!((kept.author.id, kept.author.username.as_str()), (ada.id(), "Deleted user"));
    assert_eq!(admin.whole_history(room.id), [kept]);
    admin.get(&user_path(ada.id())).problem(404, ErrorCode::UserNotFound);
    assert_eq!(admin.room(room.id).member_count, 1);
    let found = admin.get(&format!("{}?query=Ada", shared::users::USERS_PATH)).expect(200).value();
    assert_eq!(found["items"], json!([]));
    admin.put_member(room.id, &ada, Role::Member).problem(404, ErrorCode::UserNotFound);
}

#[test]
fn who_erases_turns_every_message_into_a_tombstone_with_a_rev() {
    let (app, admin, ada, room, _) = stage();
    let private = admin.create_private_room("behind the curtain");
    admin.add(private.id, &ada, Role::Member);
    ada.send(private.id, "in confidence");
    let kept = admin.send(room.id, "by somebody else");
    for number in 0..30 {
        ada.send(room.id, &format!("note {number}"));
    }
    let since = admin.room(room.id).rev;
    let mut follower = app.socket();
    follower.subscribe(room.id);
    delete(&ada, "erase");
    let (mut last, mut tombstones) = (since, 0);
    while tombstones < 31 {
        let (rev, event) = follower.next_change();
        assert_eq!(rev, last.next());
        last = rev;
        match event {
            ServerEvent::MessageDeleted(change) => {
                assert_eq!((change.message.text, change.message.author.id), (None, ada.id()));
                tombstones += 1;
            }
            ServerEvent::MemberLeft { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    until("the other room is done, too", || {
        admin.whole_history(private.id).iter().all(|message| message.text.is_none()).then_some(())
    });
    let history = admin.whole_history(room.id);
    let left: Vec<_> = history.iter().filter(|message| message.text.is_some()).collect();
    assert_eq!(left, [&kept]);
    assert!(history.iter().all(|one| one.id == kept.id || one.author.username.as_str() == "Deleted user"));
    let changes = admin.get(&format!("{}?since={since}&limit=100", shared::messages::changes_path(room.id)));
    assert!(!changes.expect(200).text().contains("note "));
}

#[test]
fn erasing_clears_names_and_reasons_in_audit_logs_and_bans() {
    let app = TestApp::start();
    let [admin, ada, grace] = ["Administrator", "Ada Lovelace", "Grace"].map(|name| app.member(name));
    let room = admin.create_room("engines");
    admin.add(room.id, &ada, Role::Moderator);
    grace.send(room.id, "hello");
    let body = json!({ "reason": "A reason of hers" });
    ada.put(&shared::bans::ban_path(room.id, grace.id()), &body).expect(204);
    delete(&ada, "erase");
    until("the log is clean", || {
        let log = admin.get(&shared::audit::audit_path(room.id)).expect(200).text().to_owned();
        (!log.contains("Ada Lovelace") && !log.contains("A reason of hers")).then_some(())
    });
    let bans = admin.get(&shared::bans::bans_path(room.id)).expect(200).text().to_owned();
    assert!(bans.contains("Grace") && !bans.contains("A reason of hers"), "{bans}");
}

#[test]
fn the_server_finishes_erasing_after_a_restart() {
    let (mut app, admin, ada, room, message) = stage();
    app.db().execute(&format!(
        "INSERT INTO messages (id, room_id, seq, rev, born_rev, author_id, text, sent_hash, created_at) \
         SELECT gen_random_uuid(), '{room}', n, n + 2, n + 2, '{ada}', 'note ' || n, 0, now() \
         FROM generate_series(2, 3000) AS n",
        room = room.id,
        ada = ada.id()
    ));
    app.db().execute(&format!("UPDATE rooms SET last_seq = 3000, rev = 3002 WHERE id = '{}'", room.id));
    assert_eq!(message.seq.0, 1);
    delete(&ada, "erase");
    app.restart(&["--rate-limits", "off"]);
    let token = admin.token().expect("a session").to_owned();
    let admin = TestClient::known(app.addr(), admin.user().clone(), &token);
    until("all is erased", || {
        let left = app.db().text("SELECT count(*)::text FROM messages WHERE text IS NOT NULL");
        (left == "0").then_some(())
    });
    let now = admin.room(room.id);
    assert_eq!(now.last_seq.0, 3_000);
    // 3,000 tombstones and the leaving.
    assert_eq!(now.rev.0, 3_002 + 3_000 + 1);
    let first = admin.message(room.id, message.id);
    assert_eq!(first.author.username.as_str(), "Deleted user");
    until("no task is left", || {
        (app.db().text("SELECT count(*)::text FROM user_tasks") == "0").then_some(())
    });
}

#[test]
fn the_password_of_an_account_is_needed_and_a_guest_has_none() {
    let (app, admin, ada, room, _) = stage();
    let refused = ada.post(DELETION_PATH, &json!({ "password": "not this one", "messages": "keep" }));
    refused.problem(403, ErrorCode::WrongPassword);
    let missing = ada.post(DELETION_PATH, &json!({ "messages": "keep" }));
    assert!(matches!(missing.status, 403 | 422), "{}", missing.text());
    for body in [
        json!({ "password": PASSWORD }),
        json!({ "password": PASSWORD, "messages": "burn" }),
        json!({ "password": PASSWORD, "messages": null }),
    ] {
        let problem = ada.post(DELETION_PATH, &body).problem(422, ErrorCode::ValidationFailed);
        assert_eq!(problem.errors[0].pointer, "/messages", "{body}");
    }
    app.anonymous()
        .post(DELETION_PATH, &json!({ "messages": "keep" }))
        .problem(401, ErrorCode::AuthenticationRequired);
    ada.get(CURRENT_USER_PATH).expect(200);

    let guest = app.guest("Grace");
    let message = guest.send(room.id, "from a guest");
    // The same by DELETE.
    guest.request("DELETE", CURRENT_USER_PATH).json(&json!({ "messages": "erase" })).send().expect(204);
    guest.get(CURRENT_USER_PATH).problem(401, ErrorCode::InvalidToken);
    until("it is erased", || admin.message(room.id, message.id).text.is_none().then_some(()));
}

#[test]
fn the_last_admin_stays() {
    let app = TestApp::start();
    let (admin, ada) = (app.member("Administrator"), app.member("Ada Lovelace"));
    let body = json!({ "password": PASSWORD, "messages": "keep" });
    admin.post(DELETION_PATH, &body).problem(409, ErrorCode::LastAdmin);
    let path = shared::admin::admin_user_path(ada.id());
    admin.patch(&path, &json!({ "is_admin": true })).expect(200);
    admin.patch(&path, &json!({ "is_disabled": true })).expect(200);
    admin.post(DELETION_PATH, &body).problem(409, ErrorCode::LastAdmin);
    admin.patch(&path, &json!({ "is_disabled": false })).expect(200);
    admin.post(DELETION_PATH, &body).expect(204);
}

#[test]
fn of_two_admins_who_delete_or_demote_each_other_at_once_one_stays_admin() {
    for round in 0..10 {
        let app = TestApp::start();
        let (first, second) = (app.member("Administrator"), app.member("Ada Lovelace"));
        first.patch(&shared::admin::admin_user_path(second.id()), &json!({ "is_admin": true })).expect(200);
        let act = |by: &TestClient, other: &TestClient| {
            if round % 2 == 0 {
                by.post(DELETION_PATH, &json!({ "password": PASSWORD, "messages": "keep" })).status
            } else {
                by.patch(&shared::admin::admin_user_path(other.id()), &json!({ "is_admin": false })).status
            }
        };
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let acts = [scope.spawn(|| act(&first, &second)), scope.spawn(|| act(&second, &first))];
            acts.into_iter().map(|act| act.join().expect("an answer")).collect()
        });
        let admins = app.db().text("SELECT count(*)::text FROM users WHERE is_admin AND deleted_at IS NULL");
        assert_eq!(admins, "1", "round {round}: {statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status < 300).count(), 1, "round {round}: {statuses:?}");
    }
}

#[test]
fn sessions_tokens_and_the_name_are_gone_at_once() {
    let (app, admin, ada, ..) = stage();
    let body = json!({ "name": "script", "scopes": ["read"], "password": PASSWORD });
    let token = ada.post(shared::tokens::TOKENS_PATH, &body).expect(201).value()["token"].clone();
    let token = token.as_str().expect("a token").to_owned();
    let by_token = TestClient::known(app.addr(), ada.user().clone(), &token);
    by_token.get(shared::rooms::ROOMS_PATH).expect(200);
    let mut socket = TestSocket::connect(&by_token);
    let other_session = TestClient::signed_in(app.addr(), &app.sign_in("Ada Lovelace", PASSWORD).expect(201));
    delete(&ada, "keep");
    for dead in [&by_token, &other_session] {
        dead.get(shared::rooms::ROOMS_PATH).problem(401, ErrorCode::InvalidToken);
    }
    assert_eq!(socket.wait_closed(), CloseCode::SessionEnded.number());
    // Nobody takes the name for a while.
    app.anonymous().sign_up("ADA LOVELACE").problem(409, ErrorCode::UsernameTaken);
    let listed = admin.get(shared::admin::ADMIN_USERS_PATH).expect(200).text().to_owned();
    assert!(!listed.contains("Ada Lovelace"), "{listed}");
    for table in ["passwords", "sessions"] {
        let sql = format!("SELECT count(*)::text FROM {table} WHERE user_id = '{}'", ada.id());
        assert_eq!(app.db().text(&sql), "0", "{table}");
    }
    let name = app.db().text(&format!("SELECT username FROM users WHERE id = '{}'", ada.id()));
    assert!(!name.contains("Ada"), "{name}");
}
