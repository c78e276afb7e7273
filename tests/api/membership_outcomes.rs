//! Lost answers of the database to changes of memberships: each is done once, published once, and nobody who is out
//! hears more.

use serde_json::json;
use shared::bans::ban_path;
use shared::errors::ErrorCode;
use shared::events::{RoomChange, ServerEvent};
use shared::invites::{Invite, invite_path, invites_path};
use shared::members::{Role, mute_path, own_membership_path, owner_path};
use shared::rooms::Room;
use support::client::TestClient;
use support::http::Response;
use support::membership::in_an_hour;
use support::proxy::NewConnections;
use support::socket::TestSocket;
use support::wait::until;

use crate::outcomes::Stage;

/// An owner and a member of a private room behind the proxy.
fn private_room(stage: &Stage) -> (TestClient, TestClient, Room) {
    let addr = stage.alice.addr();
    let [_, owner, member] =
        ["Administrator", "The owner", "The member"].map(|name| TestClient::member(addr, name));
    let room = owner.create_private_room("behind the curtain");
    owner.add(room.id, &member, Role::Member);
    (owner, member, room)
}

fn joined(event: &ServerEvent) -> Option<shared::ids::UserId> {
    if let ServerEvent::MemberJoined(change) = event { Some(change.member.user.id) } else { None }
}

#[test]
fn a_joining_whose_answer_was_lost_is_answered_and_published_once() {
    let stage = Stage::new();
    let grace = TestClient::guest(stage.alice.addr(), "Grace");
    let mut follower = stage.follower();
    stage.proxy.break_at("COMMIT", NewConnections::Open);
    let answer = grace.request("PUT", &own_membership_path(stage.room.id)).send();
    assert_eq!(stage.proxy.matches(), 1, "the connection broke");
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (rev, event) = follower.next_change();
    assert_eq!((rev, joined(&event)), (stage.room.rev.next(), Some(grace.id())));
    follower.assert_quiet();
    assert_eq!(stage.alice.room(stage.room.id).member_count, 2);

    // And one whose outcome is unknown is published later.
    let ada = TestClient::guest(stage.alice.addr(), "Ada Lovelace");
    stage.proxy.break_at("COMMIT", NewConnections::Refused);
    let answer = ada.request("PUT", &own_membership_path(stage.room.id)).send();
    answer.problem(503, ErrorCode::OutcomeUnknown);
    stage.proxy.open();
    let (next, event) = follower.next_change();
    assert_eq!((next, joined(&event)), (rev.next(), Some(ada.id())));
    until("a repeat is answered", || {
        let answer = ada.request("PUT", &own_membership_path(stage.room.id)).send();
        (answer.status == 200).then_some(())
    });
    follower.assert_quiet();
}

#[test]
fn a_first_message_whose_answer_was_lost_joins_once_and_is_stored_once() {
    let stage = Stage::new();
    let grace = TestClient::guest(stage.alice.addr(), "Grace");
    let mut follower = stage.follower();
    stage.proxy.break_at("COMMIT", NewConnections::Open);
    let message = grace.send(stage.room.id, "hello");
    assert_eq!(stage.proxy.matches(), 1, "the connection broke");
    let (rev, event) = follower.next_change();
    assert_eq!((rev, joined(&event)), (stage.room.rev.next(), Some(grace.id())));
    let (rev, event) = follower.next_change();
    assert_eq!(rev, message.rev);
    assert!(matches!(&event, ServerEvent::MessageCreated(change) if change.message == message), "{event:?}");
    follower.assert_quiet();
    assert_eq!(stage.alice.whole_history(stage.room.id), [message]);
}

#[test]
fn whoever_was_removed_hears_nothing_more_even_if_the_answer_of_the_database_was_lost() {
    for how in [NewConnections::Open, NewConnections::Refused] {
        let stage = Stage::new();
        let (owner, member, room) = private_room(&stage);
        let mut own = [TestSocket::connect(&member), TestSocket::connect(&member)];
        own[0].subscribe(room.id);
        stage.proxy.break_at("COMMIT", how);
        let answer = owner.delete(&shared::members::member_path(room.id, member.id()));
        // The second attempt finds nobody to remove, and cannot tell why.
        if answer.status != 204 {
            answer.problem(503, ErrorCode::OutcomeUnknown);
        }
        stage.proxy.open();
        for socket in &mut own {
            socket.expect(|event| {
                matches!(event, ServerEvent::RoomRemoved { room_id, .. } if *room_id == room.id).then_some(())
            });
        }
        owner.send(room.id, "among ourselves");
        owner.rename_room(room.id, "another curtain");
        for socket in &mut own {
            let events = socket.settle();
            assert!(events.iter().all(|event| event.room_id() != Some(room.id)), "{events:#?}");
        }
    }
}

#[test]
fn whoever_was_added_is_told_even_if_the_answer_of_the_database_was_lost() {
    for how in [NewConnections::Open, NewConnections::Refused] {
        let stage = Stage::new();
        let (owner, _, room) = private_room(&stage);
        let newcomer = TestClient::member(stage.alice.addr(), "The newcomer");
        let mut own = TestSocket::connect(&newcomer);
        stage.proxy.break_at("COMMIT", how);
        let answer = owner.put_member(room.id, &newcomer, Role::Member);
        if how == NewConnections::Open {
            assert_eq!(answer.status, 201, "{}", answer.text());
        } else {
            answer.problem(503, ErrorCode::OutcomeUnknown);
            stage.proxy.open();
        }
        let added = own.expect(|event| match event {
            ServerEvent::RoomAdded { room } => Some(room.clone()),
            _ => None,
        });
        assert_eq!((added.id, added.viewer.and_then(|viewer| viewer.role)), (room.id, Some(Role::Member)));
        own.subscribe(room.id);
    }
}

#[test]
fn a_room_that_became_private_is_closed_to_others_even_if_the_answer_of_the_database_was_lost() {
    for how in [NewConnections::Open, NewConnections::Refused] {
        let stage = Stage::new();
        let (owner, ..) = private_room(&stage);
        let room = owner.create_room("glass house");
        let mut outside = [stage.socket(), TestSocket::connect(&stage.alice)];
        for socket in &mut outside {
            socket.subscribe(room.id);
        }
        stage.proxy.break_at("COMMIT", how);
        let answer = owner.patch(&shared::rooms::room_path(room.id), &json!({ "visibility": "private" }));
        if how == NewConnections::Open {
            assert_eq!(answer.status, 200, "{}", answer.text());
        } else {
            answer.problem(503, ErrorCode::OutcomeUnknown);
            stage.proxy.open();
        }
        for socket in &mut outside {
            socket.expect(|event| match event {
                ServerEvent::RoomRemoved { room_id, .. } => (*room_id == room.id).then_some(()),
                ServerEvent::RoomUpdated(RoomChange { room: told, .. }) => {
                    panic!("{} is told to others", told.name.as_str())
                }
                _ => None,
            });
        }
        owner.send(room.id, "with the curtain closed");
        for socket in &mut outside {
            let events = socket.settle();
            assert!(events.iter().all(|event| event.room_id() != Some(room.id)), "{events:#?}");
        }
    }
}

#[test]
fn a_redemption_whose_answer_was_lost_spends_one_use() {
    let stage = Stage::new();
    let (owner, _, room) = private_room(&stage);
    let (_, secret) = owner.invite(room.id, json!({ "max_uses": 1 }));
    let grace = TestClient::guest(stage.alice.addr(), "Grace");
    stage.proxy.break_at("COMMIT", NewConnections::Open);
    grace.redeem(&secret).expect(200);
    assert_eq!(stage.proxy.matches(), 1, "the connection broke");
    let list = owner.get(&invites_path(room.id)).expect(200).value();
    let invites: Vec<Invite> = serde_json::from_value(list["items"].clone()).expect("invites");
    assert!(invites.iter().all(|invite| invite.uses == 1), "{invites:?}");
    assert_eq!(owner.members(room.id).len(), 3);
}

#[test]
fn acts_whose_answers_were_lost_are_done_or_reported_as_unknown_and_logged_once() {
    let stage = Stage::new();
    let (owner, member, room) = private_room(&stage);
    let (made, _) = owner.invite(room.id, json!({}));
    let steps: [(&str, &dyn Fn() -> Response); 9] = [
        ("invite_create", &|| owner.post(&invites_path(room.id), &json!({ "role": "member" }))),
        ("invite_revoke", &|| owner.delete(&invite_path(room.id, made.invite.id))),
        ("role", &|| owner.put_member(room.id, &member, Role::Moderator)),
        ("mute", &|| owner.put(&mute_path(room.id, member.id()), &json!({ "until": in_an_hour() }))),
        ("unmute", &|| owner.delete(&mute_path(room.id, member.id()))),
        ("topic", &|| owner.patch(&shared::rooms::room_path(room.id), &json!({ "topic": "Lost" }))),
        ("ban", &|| owner.put(&ban_path(room.id, member.id()), &json!({}))),
        ("unban", &|| owner.delete(&ban_path(room.id, member.id()))),
        ("transfer", &|| {
            // Somebody must be there to take it.
            owner.put(&owner_path(room.id), &json!({ "user_id": stage.alice.id() }))
        }),
    ];
    stage.alice.join_by_invite_of(&owner, room.id, Role::Moderator);
    for (action, act) in steps {
        stage.proxy.break_at("COMMIT", NewConnections::Open);
        let answer = act();
        if answer.status >= 300 {
            answer.problem(503, ErrorCode::OutcomeUnknown);
        }
        let log = stage.alice.audit(room.id);
        let rows = log.iter().filter(|entry| entry.action == action).count();
        let expected = if action == "invite_create" { 3 } else { 1 };
        assert_eq!(rows, expected, "{action}: {} {log:#?}", answer.status);
    }
    assert_eq!(stage.alice.viewer(room.id).role, Some(Role::Owner));
    owner.delete(&own_membership_path(room.id)).expect(204);
    assert_eq!(stage.alice.members(room.id).len(), 1);
}
