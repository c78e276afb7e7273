//! Slow mode and who may post.

use serde_json::json;
use shared::errors::{ErrorCode, LimitScope};
use shared::members::Role;
use shared::messages::messages_path;
use support::app::TestApp;
use support::builders::new_message_id;
use support::client::TestClient;
use support::http::Response;
use support::socket::TestSocket;
use support::wait::until;

/// An owner with a room of slow mode.
fn slow_room(app: &TestApp, seconds: u32) -> (TestClient, shared::rooms::Room) {
    let _admin = app.member("Administrator");
    let owner = app.member("The owner");
    let room = owner.create_room("slowly");
    let room = owner.set_room(room.id, json!({ "slow_mode_seconds": seconds }));
    (owner, room)
}

fn send(client: &TestClient, room: &shared::rooms::Room) -> Response {
    client.post(&messages_path(room.id), &json!({ "text": "hello" }))
}

#[track_caller]
fn slowed(answer: &Response, longest: u64) {
    let problem = answer.problem(429, ErrorCode::RateLimited);
    assert_eq!(problem.scope, Some(LimitScope::Room));
    let seconds = problem.retry_after.expect("when to come back");
    assert!((1..=longest).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("retry-after"), Some(&*seconds.to_string()));
}

#[test]
fn members_and_guests_wait_between_two_messages_and_higher_ranks_do_not() {
    let app = TestApp::start();
    let (owner, room) = slow_room(&app, 600);
    let (member, guest, moderator) =
        (app.member("The member"), app.guest("Grace"), app.member("The moderator"));
    owner.add(room.id, &moderator, Role::Moderator);
    for client in [&member, &guest] {
        send(client, &room).expect(201);
        for _ in 0..3 {
            slowed(&send(client, &room), 600);
        }
    }
    for client in [&owner, &moderator] {
        for _ in 0..3 {
            send(client, &room).expect(201);
        }
    }
    assert_eq!(owner.room(room.id).last_seq.0, 8, "what was refused was not stored");
}

#[test]
fn the_clock_of_the_slow_mode_outlives_leaving() {
    let app = TestApp::start();
    let (_, room) = slow_room(&app, 600);
    let member = app.member("The member");
    send(&member, &room).expect(201);
    member.leave(room.id);
    slowed(&send(&member, &room), 600);
    member.join(room.id);
    slowed(&send(&member, &room), 600);
}

#[test]
fn after_the_interval_the_next_message_passes_and_without_slow_mode_all_do() {
    let app = TestApp::start();
    let (owner, room) = slow_room(&app, 1);
    let member = app.member("The member");
    send(&member, &room).expect(201);
    until("the interval is over", || (send(&member, &room).status == 201).then_some(()));
    owner.set_room(room.id, json!({ "slow_mode_seconds": 3_600 }));
    slowed(&send(&member, &room), 3_600);
    owner.set_room(room.id, json!({ "slow_mode_seconds": 0 }));
    for _ in 0..3 {
        send(&member, &room).expect(201);
    }
}

#[test]
fn of_many_messages_at_once_slow_mode_lets_one_pass() {
    let app = TestApp::start();
    let (_, room) = slow_room(&app, 600);
    let member = app.member("The member");
    member.join(room.id);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let sends: Vec<_> = (0..12).map(|_| scope.spawn(|| send(&member, &room).status)).collect();
        sends.into_iter().map(|one| one.join().expect("an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 429)), "{statuses:?}");
}

#[test]
fn repeats_by_the_same_id_pass_slow_mode_mutes_and_posting() {
    let app = TestApp::start();
    let (owner, room) = slow_room(&app, 600);
    let guest = app.guest("Grace");
    let path = messages_path(room.id);
    let body = json!({ "text": "hello", "id": new_message_id() });
    let first = guest.post(&path, &body).expect(201);
    let repeated = |when: &str| {
        let again = guest.post(&path, &body);
        assert_eq!((again.status, again.text()), (200, first.text()), "{when}");
    };
    repeated("in slow mode");
    owner.mute(room.id, &guest);
    repeated("muted");
    guest.post(&path, &json!({ "text": "hello", "id": new_message_id() })).problem(403, ErrorCode::Muted);
    owner.unmute(room.id, &guest);
    owner.set_room(room.id, json!({ "posting": "accounts", "slow_mode_seconds": 0 }));
    repeated("posting for accounts");
    guest.leave(room.id);
    repeated("after leaving");
    assert_eq!(guest.viewer(room.id).role, None, "a repeat does not join");
}

#[test]
fn a_room_may_be_for_accounts_to_write_in_and_for_guests_to_read() {
    let app = TestApp::start();
    let (owner, room) = slow_room(&app, 0);
    let (guest, member) = (app.guest("Grace"), app.member("The member"));
    let message = guest.send(room.id, "while I may");
    owner.add(room.id, &guest, Role::Moderator);
    owner.set_room(room.id, json!({ "posting": "accounts" }));
    send(&guest, &room).problem(403, ErrorCode::MembersOnly);
    send(&member, &room).expect(201);
    let told: Vec<_> = guest.viewer(room.id).may.iter().map(|operation| operation.name()).collect();
    for absent in ["send", "react", "upload"] {
        assert!(!told.contains(&absent), "{told:?}");
    }
    assert!(told.contains(&"edit_message") && told.contains(&"delete_message"));
    guest.edit(&message, "what I said");
    TestSocket::connect(&guest).subscribe(room.id);
    // Who comes anew may join and read.
    let late = app.guest("Late");
    late.join(room.id);
    send(&late, &room).problem(403, ErrorCode::MembersOnly);
    owner.set_room(room.id, json!({ "posting": "all" }));
    send(&guest, &room).expect(201);
}

#[test]
fn settings_are_told_to_everybody_in_one_change() {
    let app = TestApp::start();
    let (owner, room) = slow_room(&app, 0);
    let mut watcher = app.socket();
    let after =
        owner.set_room(room.id, json!({ "slow_mode_seconds": 5, "posting": "accounts", "topic": "Slow" }));
    let change = watcher.expect(|event| match event {
        shared::events::ServerEvent::RoomUpdated(change) => Some(change.clone()),
        _ => None,
    });
    assert_eq!(change.room, support::builders::shared_room(&after));
    assert_eq!((change.rev, change.room.slow_mode_seconds), (room.rev.next(), 5));
}
