//! A room whose last owner is gone passes on.

use serde_json::json;
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::RoomId;
use shared::members::{RemovalReason, Role};
use shared::rooms::room_path;
use shared::sessions::CURRENT_SESSION_PATH;
use shared::users::DELETION_PATH;
use support::app::TestApp;
use support::client::{PASSWORD, TestClient};
use support::socket::TestSocket;
use support::wait::until;

fn delete(client: &TestClient) {
    client.post(DELETION_PATH, &json!({ "password": PASSWORD, "messages": "keep" })).expect(204);
}

fn disable(admin: &TestClient, client: &TestClient, is_disabled: bool) {
    let path = shared::admin::admin_user_path(client.id());
    admin.patch(&path, &json!({ "is_disabled": is_disabled })).expect(200);
}

/// Waits until a room has this one owner.
#[track_caller]
fn owned_by(looker: &TestClient, room: RoomId, owner: &TestClient) {
    until("the room has passed on", || {
        let owners: Vec<_> =
            looker.roles(room).into_iter().filter(|(role, _)| *role == Role::Owner).collect();
        (owners == [(Role::Owner, owner.id())]).then_some(())
    });
}

#[test]
fn a_room_passes_on_by_rank_then_kind_then_the_time_of_joining() {
    let app = TestApp::start();
    let admin = app.member("Administrator");
    let people: Vec<_> = (0..3).map(|number| app.member(&format!("person {number}"))).collect();
    let guest = app.guest("Grace");
    // The guest of the server joined first, but accounts come before guests of the same rank.
    let cases: [(&[(usize, Role)], usize); 3] = [
        (&[(0, Role::Member), (1, Role::Moderator), (2, Role::Moderator)], 1),
        (&[(0, Role::Guest), (1, Role::Member), (2, Role::Member)], 1),
        (&[(2, Role::Guest), (1, Role::Guest)], 2),
    ];
    for (number, (members, heir)) in cases.into_iter().enumerate() {
        let owner = app.member(&format!("owner {number}"));
        let room = owner.create_room(&format!("room {number}")).id;
        guest.join(room);
        if members[0].1 != Role::Guest {
            owner.add(room, &guest, Role::Member);
        }
        for (index, role) in members {
            owner.add(room, &people[*index], *role);
        }
        let mut follower = app.socket();
        follower.subscribe(room);
        delete(&owner);
        owned_by(&admin, room, &people[heir]);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            match follower.next_change().1 {
                ServerEvent::MemberUpdated(change) => {
                    assert_eq!((change.member.user.id, change.member.role), (people[heir].id(), Role::Owner));
                    kinds.push("updated");
                }
                ServerEvent::MemberLeft { user_id, .. } => {
                    assert_eq!(user_id, owner.id());
                    kinds.push("left");
                }
                other => panic!("{other:?}"),
            }
        }
        kinds.sort_unstable();
        assert_eq!(kinds, ["left", "updated"]);
    }
}

#[test]
fn a_room_with_another_owner_does_not_pass_on() {
    let app = TestApp::start();
    let [admin, first, second, third] =
        ["Administrator", "First", "Second", "Third"].map(|name| app.member(name));
    let room = first.create_room("of two").id;
    first.add(room, &second, Role::Owner);
    first.add(room, &third, Role::Moderator);
    delete(&first);
    owned_by(&admin, room, &second);
    assert_eq!(admin.role_of(room, &third), Some(Role::Moderator));
}

#[test]
fn a_disabled_last_owner_becomes_a_member_when_the_room_passes_on() {
    let app = TestApp::start();
    let [admin, owner, disabled, heir] =
        ["Administrator", "The owner", "Disabled", "The heir"].map(|name| app.member(name));
    let room = owner.create_room("passing").id;
    owner.add(room, &disabled, Role::Moderator);
    owner.add(room, &heir, Role::Member);
    disable(&admin, &disabled, true);
    disable(&admin, &owner, true);
    owned_by(&admin, room, &heir);
    assert_eq!(admin.role_of(room, &owner), Some(Role::Member), "they stay in");
    disable(&admin, &owner, false);
    let owner = TestClient::signed_in(app.addr(), &app.sign_in("The owner", PASSWORD).expect(201));
    assert_eq!(owner.viewer(room).role, Some(Role::Member));
    assert_eq!(admin.role_of(room, &heir), Some(Role::Owner), "it does not go back");
}

#[test]
fn without_an_heir_a_public_room_becomes_the_servers_own_and_a_private_one_is_deleted() {
    let app = TestApp::start();
    let [admin, owner] = ["Administrator", "The owner"].map(|name| app.member(name));
    let (public, private) = (owner.create_room("public").id, owner.create_private_room("private").id);
    let guest = app.guest("Grace");
    guest.join_by_invite_of(&owner, private, Role::Moderator);
    let mut guests = TestSocket::connect(&guest);
    guests.subscribe(private);
    delete(&owner);
    until("the public one is the server's", || admin.room(public).is_own.then_some(()));
    assert_eq!(admin.room(public).member_count, 0);
    admin.set_room(public, json!({ "topic": "Ours now" }));
    // Kind guest never inherits a private room.
    let reason = guests.expect(|event| match event {
        ServerEvent::RoomRemoved { room_id, reason, .. } if *room_id == private => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, RemovalReason::Deleted);
    guest.get(&room_path(private)).problem(404, ErrorCode::RoomNotFound);
}

#[test]
fn a_guest_inherits_a_public_room_while_they_have_a_session() {
    let app = TestApp::start();
    let [admin, owner] = ["Administrator", "The owner"].map(|name| app.member(name));
    let (gone, there) = (app.guest("Gone"), app.guest("There"));
    let room = owner.create_room("for guests").id;
    for guest in [&gone, &there] {
        guest.join(room);
    }
    owner.add(room, &gone, Role::Moderator);
    gone.delete(CURRENT_SESSION_PATH).expect(204);
    delete(&owner);
    owned_by(&admin, room, &there);
}

#[test]
fn the_room_of_a_guest_whose_last_session_ended_passes_on() {
    let mut app = TestApp::start();
    let admin = app.member("Administrator");
    let (token, admin_user) = (admin.token().expect("a session").to_owned(), admin.user().clone());
    let (alice, room) = app.alice_in_a_room();
    let ada = app.member("Ada Lovelace");
    ada.join(room.id);
    let alone = app.guest("Alone");
    let lonely = alone.create_room("lonely");
    for guest in [&alice, &alone] {
        guest.delete(CURRENT_SESSION_PATH).expect(204);
    }
    // The janitor looks at its start and then now and again.
    app.restart(&["--rate-limits", "off"]);
    let admin = TestClient::known(app.addr(), admin_user, &token);
    owned_by(&admin, room.id, &ada);
    until("the other one is the server's", || admin.room(lonely.id).is_own.then_some(()));
    assert_eq!(admin.role_of(room.id, &alice), Some(Role::Guest), "they stay in");
}

#[test]
fn two_last_owners_who_go_at_once_leave_a_room_with_an_owner() {
    for round in 0..6 {
        let app = TestApp::start();
        let admin = app.member("Administrator");
        let owners = [app.member("First"), app.member("Second")];
        let heir = app.member("The heir");
        let room = owners[0].create_room(&format!("round {round}")).id;
        owners[0].add(room, &owners[1], Role::Owner);
        owners[0].add(room, &heir, Role::Guest);
        std::thread::scope(|scope| {
            for owner in &owners {
                scope.spawn(move || delete(owner));
            }
        });
        owned_by(&admin, room, &heir);
        assert_eq!(admin.members(room).len(), 1);
    }
}
