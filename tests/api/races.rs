//! Races: two requests at the same time, exactly one of which may succeed.

use std::sync::Barrier;
use std::thread;

use serde_json::json;
use shared::admin::admin_user_path;
use shared::invites::{Invite, invites_path};
use shared::members::member_path;
use shared::page::Page;
use shared::rooms::{ROOMS_PATH, room_path};
use support::app::TestApp;
use support::builders::unknown_room_id;
use support::client::TestClient;

/// Each race takes place this often.
const ROUNDS: usize = 200;

/// Two clients send a request at the same time. Returns the statuses, which must be these two in either order, and which
/// of the clients got the first one.
#[track_caller]
fn race(
    clients: [&TestClient; 2],
    expected: [u16; 2],
    request: impl Fn(usize, &TestClient) -> u16 + Sync,
) -> usize {
    let barrier = Barrier::new(2);
    let attempt = |number: usize| {
        barrier.wait();
        request(number, clients[number])
    };
    let statuses: [u16; 2] = thread::scope(|scope| {
        let other = scope.spawn(|| attempt(1));
        [attempt(0), other.join().expect("an answer")]
    });
    let [winner, loser] = expected;
    assert!(statuses == expected || statuses == [loser, winner], "{statuses:?}");
    usize::from(statuses[0] != winner)
}

#[test]
fn of_two_racers_for_the_last_seat_one_gets_in() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    let room = owner.create_private_room("behind the curtain");
    let racers = [app.member("First"), app.member("Second")];
    for _ in 0..ROUNDS {
        let (made, secret) = owner.invite(room.id, json!({ "max_uses": 1 }));
        let winner = race(racers.each_ref(), [200, 410], |_, racer| racer.redeem(&secret).status);
        assert_eq!(owner.members(room.id).len(), 2);
        let invites: Page<Invite> = owner.get(&invites_path(room.id)).expect(200).json();
        assert!(invites.items.iter().all(|invite| invite.id != made.invite.id || invite.uses == 1));
        racers[winner].leave(room.id);
    }
}

#[test]
fn of_two_admins_who_demote_each_other_one_remains() {
    let app = TestApp::start();
    let admins = [app.member("one admin"), app.member("other admin")];
    for _ in 0..ROUNDS {
        app.db().execute("UPDATE users SET is_admin = true WHERE kind = 'member'");
        let demotes = |number: usize, admin: &TestClient| {
            let other = admins[1 - number].user().id;
            admin.patch(&admin_user_path(other), &json!({ "is_admin": false })).status
        };
        race(admins.each_ref(), [200, 403], demotes);
        assert_eq!(app.db().text("SELECT count(*)::text FROM users WHERE is_admin"), "1");
    }
}

#[test]
fn of_two_first_accounts_one_is_admin() {
    let app = TestApp::start();
    let racers = [app.anonymous(), app.anonymous()];
    for _ in 0..ROUNDS {
        race(racers.each_ref(), [201, 201], |number, racer| racer.sign_up(&format!("racer {number}")).status);
        assert_eq!(app.db().text("SELECT count(*)::text FROM users WHERE is_admin"), "1");
        // As if nobody had ever come.
        app.db().execute("TRUNCATE users CASCADE");
        app.db().execute("UPDATE server_settings SET first_admin_at = NULL");
    }
}

#[test]
fn of_two_accounts_of_one_name_one_is_made() {
    let app = TestApp::start();
    let racers = [app.anonymous(), app.anonymous()];
    for round in 0..ROUNDS {
        let names = [format!("racer {round}"), format!("Racer {round}")];
        race(racers.each_ref(), [201, 409], |number, racer| racer.sign_up(&names[number]).status);
    }
    let made = app.db().text("SELECT count(*)::text FROM users");
    assert_eq!(made, ROUNDS.to_string());
}

#[test]
fn of_two_rooms_of_one_name_that_become_public_one_does() {
    let app = TestApp::start();
    let owners = [app.member("one owner"), app.member("other owner")];
    let publish = json!({ "visibility": "public", "publish_history": true });
    for round in 0..ROUNDS {
        let rooms = owners.each_ref().map(|owner| owner.create_private_room(&format!("round {round}")));
        let winner = race(owners.each_ref(), [200, 409], |number, owner| {
            owner.patch(&room_path(rooms[number].id), &publish).status
        });
        let seen = rooms.map(|room| app.anonymous().get(&room_path(room.id)).status);
        assert_eq!((seen[winner], seen[1 - winner]), (200, 404));
    }
}

#[test]
fn of_two_equal_creations_of_a_room_one_creates() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    for round in 0..ROUNDS {
        let body = json!({ "name": format!("round {round}"), "id": unknown_room_id() });
        race([&grace, &grace], [201, 200], |_, grace| grace.post(ROOMS_PATH, &body).status);
    }
}

#[test]
fn of_two_equal_joins_one_joins() {
    let app = TestApp::start();
    let (owner, grace) = (app.member("The owner"), app.member("Grace"));
    for round in 0..ROUNDS {
        let room = owner.create_room(&format!("round {round}"));
        let path = member_path(room.id, grace.user().id);
        race([&grace, &grace], [201, 200], |_, grace| grace.put(&path, &json!({ "role": "member" })).status);
    }
}

#[test]
fn of_two_deletions_of_a_room_one_deletes() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    for round in 0..ROUNDS {
        let path = room_path(owner.create_room(&format!("round {round}")).id);
        race([&owner, &owner], [204, 404], |_, owner| owner.delete(&path).status);
    }
}
