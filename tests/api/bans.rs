//! Bans: what they end, what they delete, who lifts them, and guests who come again from the same address.

use serde_json::json;
use shared::bans::{Ban, ban_path, bans_path};
use shared::errors::ErrorCode;
use shared::events::{ClientCommand, ServerEvent};
use shared::members::{Role, own_membership_path};
use shared::messages::{message_path, messages_path};
use shared::page::Page;
use shared::users::{CURRENT_USER_PATH, DELETION_PATH, GUESTS_PATH};
use support::app::TestApp;
use support::client::TestClient;
use support::http::Response;
use support::socket::{TestSocket, rev};
use support::wait::until;

use crate::shape::{assert_keys, assert_timestamp};

/// Owner, moderator and member of a public room.
struct Stage {
    app: TestApp,
    owner: TestClient,
    moderator: TestClient,
    member: TestClient,
    room: shared::rooms::Room,
}

impl Stage {
    fn new() -> Self {
        let app = TestApp::start();
        let [_admin, owner, moderator, member] =
            ["Administrator", "The owner", "The moderator", "The member"].map(|name| app.member(name));
        let room = owner.create_room("orderly");
        owner.add(room.id, &moderator, Role::Moderator);
        owner.add(room.id, &member, Role::Member);
        Self { app, owner, moderator, member, room }
    }

    fn send(&self, client: &TestClient) -> Response {
        client.post(&messages_path(self.room.id), &json!({ "text": "hello" }))
    }
}

#[test]
fn a_ban_needs_no_body() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    let (room, bob) = (owner.create_room("Open"), app.guest("Bobby"));
    bob.send(room.id, "hello");
    owner.request("PUT", &ban_path(room.id, bob.id())).send().expect(204);
    assert_eq!(owner.bans(room.id)[0].reason, None);
    owner.request("POST", &shared::invites::invites_path(room.id)).send().expect(201);
}

#[test]
fn a_ban_removes_and_keeps_out_until_it_is_lifted() {
    let stage = Stage::new();
    let (room, member) = (stage.room.id, &stage.member);
    let message = member.send(room, "hello");
    let body = json!({ "reason": "  Noise  " });
    stage.moderator.put(&ban_path(room, member.id()), &body).expect(204);
    assert_eq!(stage.owner.role_of(room, member), None);
    for refused in [
        stage.send(member),
        member.request("PUT", &own_membership_path(room)).send(),
        member.put_member(room, member, Role::Member),
        member.patch(&message_path(room, message.id), &json!({ "text": "edited" })),
        member.delete(&message_path(room, message.id)),
        stage.owner.put_member(room, member, Role::Member),
        stage.moderator.put_member(room, member, Role::Guest),
    ] {
        refused.problem(403, ErrorCode::Banned);
    }
    member.delete(&own_membership_path(room)).problem(404, ErrorCode::MemberNotFound);
    assert_eq!(member.whole_history(room), [message], "a public room may still be read");
    stage.moderator.unban(room, member);
    assert_eq!(member.viewer(room).role, None, "being unbanned is not being in");
    stage.send(member).expect(201);
}

#[test]
fn bans_are_listed_with_who_why_and_when() {
    let stage = Stage::new();
    let room = stage.room.id;
    let stranger = stage.app.member("The stranger");
    stage.moderator.put(&ban_path(room, stage.member.id()), &json!({ "reason": "  Noise " })).expect(204);
    stage.owner.put(&ban_path(room, stranger.id()), &json!({})).expect(204);
    let answer = stage.moderator.get(&bans_path(room)).expect(200);
    let body = answer.value();
    let page: Page<Ban> = answer.json();
    let (with, without) = if page.items[0].reason.is_some() { (0, 1) } else { (1, 0) };
    assert_keys(&body["items"][with], &["by", "created_at", "reason", "user"]);
    assert_keys(&body["items"][without], &["by", "created_at", "user"]);
    assert_timestamp(&body["items"][0]["created_at"]);
    let noise = &page.items[with];
    assert_eq!((&noise.user, noise.by.as_ref()), (stage.member.user(), Some(stage.moderator.user())));
    assert_eq!(noise.reason.as_ref().map(shared::bans::BanReason::as_str), Some("Noise"));
    assert_eq!(&page.items[without].user, stranger.user());

    for limit in [1, 2] {
        let first: Page<Ban> =
            stage.owner.get(&format!("{}?limit={limit}", bans_path(room))).expect(200).json();
        assert_eq!(first.items.len(), limit);
    }
    assert_eq!(stage.owner.bans(room).len(), 2);
    stage.owner.unban(room, &stranger);
    assert_eq!(stage.owner.bans(room).len(), 1);
}

#[test]
fn somebody_who_was_never_in_can_be_banned_and_an_unknown_user_cannot() {
    let stage = Stage::new();
    let stranger = stage.app.member("The stranger");
    stage.moderator.ban(stage.room.id, &stranger);
    stage.send(&stranger).problem(403, ErrorCode::Banned);
    stage.moderator.ban(stage.room.id, &stranger);
    assert_eq!(stage.owner.bans(stage.room.id).len(), 1);
    let unknown = shared::ids::UserId(uuid::Uuid::now_v7());
    stage.moderator.put(&ban_path(stage.room.id, unknown), &json!({})).problem(404, ErrorCode::UserNotFound);
}

#[test]
fn nobody_lifts_what_a_higher_rank_banned() {
    let stage = Stage::new();
    let room = stage.room.id;
    stage.owner.ban(room, &stage.member);
    stage.moderator.delete(&ban_path(room, stage.member.id())).problem(403, ErrorCode::NotAllowed);
    stage.send(&stage.member).problem(403, ErrorCode::Banned);
    // Repeating the ban does not make it one of a lower rank.
    let _ = stage.moderator.put(&ban_path(room, stage.member.id()), &json!({}));
    stage.moderator.delete(&ban_path(room, stage.member.id())).problem(403, ErrorCode::NotAllowed);
    stage.owner.unban(room, &stage.member);
    stage.moderator.ban(room, &stage.member);
    stage.owner.unban(room, &stage.member);
    stage.member.join(room);
}

#[test]
fn the_newest_messages_of_who_is_banned_become_tombstones_with_a_rev_each() {
    let stage = Stage::new();
    let (room, member) = (stage.room.id, &stage.member);
    let old = member.send(room, "said long ago");
    let deleted = member.send(room, "already deleted");
    member.delete_message(&deleted);
    stage.app.db().execute(&format!(
        "UPDATE messages SET created_at = now() - interval '2 hours' WHERE id = '{}'",
        old.id
    ));
    let new: Vec<_> = (0..120).map(|number| member.send(room, &format!("noise {number}"))).collect();
    let other = stage.owner.send(room, "from somebody else");
    let mut follower = stage.app.socket();
    let before = follower.subscribe(room).rev;
    stage.moderator.put(&ban_path(room, member.id()), &json!({ "delete_seconds": 3_600 })).expect(204);
    let (mut last, mut gone, mut has_left) = (before, Vec::new(), false);
    while gone.len() < new.len() || !has_left {
        let (next, event) = follower.next_change();
        assert_eq!(next, last.next());
        last = next;
        match event {
            ServerEvent::MessageDeleted(change) => {
                assert_eq!(change.message.text, None);
                gone.push(change.message.id);
            }
            ServerEvent::MemberLeft { user_id, .. } => has_left = user_id == member.id(),
            other => panic!("{other:?}"),
        }
    }
    follower.assert_quiet();
    gone.sort();
    let mut expected: Vec<_> = new.iter().map(|message| message.id).collect();
    expected.sort();
    assert_eq!(gone, expected);
    let history = stage.owner.whole_history(room);
    let left: Vec<_> = history.iter().filter_map(|message| message.text.as_deref()).collect();
    assert_eq!(left, ["said long ago", "from somebody else"]);
    assert_eq!(history.last().map(|message| message.id), Some(other.id));
    let audit = stage.owner.audit(room);
    let bans: Vec<_> = audit.iter().filter(|entry| entry.action == "ban").collect();
    assert_eq!((bans.len(), bans[0].detail.count), (1, Some(120)), "{bans:?}");
    assert!(audit.iter().all(|entry| !entry.action.contains("message")), "one row for the ban: {audit:?}");
}

#[test]
fn a_ban_outside_its_rules_is_refused() {
    let stage = Stage::new();
    let path = ban_path(stage.room.id, stage.member.id());
    for (body, pointer) in [
        (json!({ "reason": 7 }), "/reason"),
        (json!({ "reason": "x".repeat(251) }), "/reason"),
        (json!({ "delete_seconds": -1 }), "/delete_seconds"),
        (json!({ "delete_seconds": 86_401 }), "/delete_seconds"),
        (json!({ "delete_seconds": "all" }), "/delete_seconds"),
    ] {
        let problem = stage.moderator.put(&path, &body).problem(422, ErrorCode::ValidationFailed);
        assert_eq!(problem.errors[0].pointer, pointer, "{body}");
    }
    assert_eq!(stage.owner.bans(stage.room.id), []);
    stage.moderator.put(&path, &json!({ "delete_seconds": 86_400 })).expect(204);
}

#[test]
fn who_is_banned_follows_a_public_room_as_a_visitor_without_a_name() {
    let stage = Stage::new();
    let room = stage.room.id;
    let mut watcher = TestSocket::connect(&stage.owner);
    watcher.subscribe(room);
    let mut inside = TestSocket::connect(&stage.member);
    inside.subscribe(room);
    watcher.expect(|event| matches!(event, ServerEvent::Presence { online: 2, .. }).then_some(()));
    stage.moderator.ban(room, &stage.member);
    let (left, visitors) = watcher.expect(|event| match event {
        ServerEvent::Presence { left, visitors, .. } if !left.is_empty() => Some((left.clone(), *visitors)),
        _ => None,
    });
    assert_eq!(left, [stage.member.id()]);
    if visitors != 1 {
        watcher.expect(|event| matches!(event, ServerEvent::Presence { visitors: 1, .. }).then_some(()));
    }
    let message = stage.owner.send(room, "still to be read");
    inside.expect(|event| (rev(event) == Some(message.rev)).then_some(()));
    inside.send(&ClientCommand::Typing { room_id: room, active: true });
    let refused =
        inside.expect(|event| if let ServerEvent::Error { code, .. } = event { Some(*code) } else { None });
    assert_eq!(refused, ErrorCode::Banned);
    let mut again = TestSocket::connect(&stage.member);
    let subscribed = again.subscribe(room);
    let online: Vec<_> = subscribed.online.iter().map(|user| user.id).collect();
    assert_eq!(online, [stage.owner.id()]);
    assert!(subscribed.visitors >= 1);
}

#[test]
fn removing_the_sole_owner_passes_the_room_on() {
    let app = TestApp::start();
    let admin = app.member("Administrator");
    let (owner, moderator) = (app.member("The owner"), app.member("The moderator"));
    for ban in [false, true] {
        let room = owner.create_room(if ban { "banned" } else { "removed" });
        owner.add(room.id, &moderator, Role::Moderator);
        if ban {
            admin.ban(room.id, &owner);
        } else {
            admin.remove(room.id, &owner);
        }
        assert_eq!(admin.roles(room.id), [(Role::Owner, moderator.id())]);
    }
}

/// A guest who comes from another address, as a proxy reports it.
fn guest_from(app: &TestApp, username: &str, address: &str) -> TestClient {
    let request = app.anonymous().request("POST", GUESTS_PATH).header("x-forwarded-for", address);
    let answer = request.json(&json!({ "username": username })).send().expect(201);
    let guest: shared::users::Guest = answer.json();
    TestClient::known(app.addr(), guest.user, &guest.token)
}

#[test]
fn guests_who_come_after_a_banned_one_from_the_same_address_do_not_write_there() {
    let app = TestApp::with(&["--rate-limits", "off", "--trusted-proxies", "127.0.0.1"]);
    let owner = app.member("The owner");
    let (room, other_room) = (owner.create_room("orderly"), owner.create_room("elsewhere"));
    let send = |client: &TestClient, room| client.post(&messages_path(room), &json!({ "text": "hello" }));
    let before = guest_from(&app, "Before", "192.0.2.7");
    let noisy = guest_from(&app, "Noisy", "192.0.2.7");
    send(&noisy, room.id).expect(201);
    owner.ban(room.id, &noisy);
    let again = guest_from(&app, "Noisy again", "192.0.2.7");
    send(&again, room.id).problem(403, ErrorCode::Banned);
    send(&again, other_room.id).expect(201);
    assert_eq!(again.whole_history(room.id).len(), 1, "but reads it");
    let elsewhere = guest_from(&app, "Elsewhere", "192.0.2.8");
    send(&elsewhere, room.id).expect(201);
    send(&before, room.id).expect(201);
    // Accounts are never hit.
    let account = TestClient::signed_in(app.addr(), &again.sign_up("Signed up").expect(201));
    send(&account, room.id).expect(201);
    // The address is shown to nobody, and stored as a hash.
    assert!(!owner.get(&bans_path(room.id)).expect(200).text().contains("192.0.2"));
    assert!(!app.db().text("SELECT string_agg(bans::text, ' ') FROM bans").contains("192.0.2"));
    // The unban lifts it.
    let late = guest_from(&app, "Late", "192.0.2.7");
    send(&late, room.id).problem(403, ErrorCode::Banned);
    owner.unban(room.id, &noisy);
    send(&late, room.id).expect(201);
    late.get(CURRENT_USER_PATH).expect(200);
}

#[test]
fn the_ban_of_a_guest_who_deleted_themselves_can_be_lifted() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    let room = owner.create_room("orderly").id;
    let noisy = app.guest("Noisy");
    noisy.send(room, "noise");
    owner.ban(room, &noisy);
    noisy.post(DELETION_PATH, &json!({ "messages": "erase" })).expect(204);
    let late = app.guest("Late");
    let send = || late.post(&messages_path(room), &json!({ "text": "hello" }));
    send().problem(403, ErrorCode::Banned);
    owner.delete(&ban_path(room, noisy.id())).expect(204);
    assert_eq!(owner.bans(room), []);
    send().expect(201);
    owner.delete(&ban_path(room, noisy.id())).problem(404, ErrorCode::UserNotFound);
}

#[test]
fn a_user_whom_the_caller_may_not_know_of_is_as_unknown_as_none() {
    let app = TestApp::start();
    app.member("Administrator");
    let (hidden, owner, guest) = (app.member("Hidden"), app.guest("The owner"), app.guest("A guest"));
    let room = owner.create_room("orderly").id;
    let unknown = shared::ids::UserId(uuid::Uuid::now_v7());
    for client in [&owner, &guest] {
        for user in [hidden.id(), unknown] {
            let path = ban_path(room, user);
            client.put(&path, &json!({})).problem(404, ErrorCode::UserNotFound);
            client.put(&path, &json!({ "reason": 7 })).problem(404, ErrorCode::UserNotFound);
            client.delete(&path).problem(404, ErrorCode::UserNotFound);
        }
    }
    // Users who wrote in the room stay known there after they leave.
    hidden.send(room, "hello");
    hidden.leave(room);
    guest.put(&ban_path(room, hidden.id()), &json!({})).problem(403, ErrorCode::NotAllowed);
    owner.put(&ban_path(room, hidden.id()), &json!({})).expect(204);
}

#[test]
fn the_ban_of_an_account_hits_nobody_else_at_its_address() {
    let stage = Stage::new();
    stage.moderator.ban(stage.room.id, &stage.member);
    stage.send(&stage.app.guest("Grace")).expect(201);
}

#[test]
fn a_repeat_by_the_same_id_does_not_pass_a_ban() {
    let stage = Stage::new();
    let body = json!({ "text": "hello", "id": support::builders::new_message_id() });
    let path = messages_path(stage.room.id);
    stage.member.post(&path, &body).expect(201);
    stage.member.post(&path, &body).expect(200);
    stage.moderator.ban(stage.room.id, &stage.member);
    stage.member.post(&path, &body).problem(403, ErrorCode::Banned);
    let private = stage.owner.create_private_room("behind the curtain");
    stage.owner.add(private.id, &stage.moderator, Role::Member);
    let body = json!({ "text": "hello", "id": support::builders::new_message_id() });
    stage.moderator.post(&messages_path(private.id), &body).expect(201);
    stage.owner.remove(private.id, &stage.moderator);
    stage.moderator.post(&messages_path(private.id), &body).problem(404, ErrorCode::RoomNotFound);
}

#[test]
fn a_ban_and_sends_at_once_leave_no_message_after_the_leaving() {
    let app = TestApp::start();
    let (owner, writer) = (app.member("The owner"), app.member("The writer"));
    for round in 0..10 {
        let room = owner.create_room(&format!("round {round}"));
        let mut follower = app.socket();
        follower.subscribe(room.id);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while writer.post(&messages_path(room.id), &json!({ "text": "noise" })).status == 201 {}
                });
            }
            until("it is noisy", || (owner.room(room.id).last_seq.0 > 5).then_some(()));
            owner.ban(room.id, &writer);
        });
        let end = owner.room(room.id).rev;
        let mut is_out = false;
        loop {
            let (rev, event) = follower.next_change();
            match event {
                ServerEvent::MemberLeft { .. } => is_out = true,
                ServerEvent::MessageCreated(_) => assert!(!is_out, "a message after the ban"),
                _ => {}
            }
            if rev == end {
                break;
            }
        }
        assert!(is_out);
    }
}
