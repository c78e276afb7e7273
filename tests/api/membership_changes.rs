//! Membership is part of a room's order: each change has its `rev`, its event, and its place in resuming.

use serde_json::json;
use shared::events::{MemberChange, ServerEvent};
use shared::ids::{Rev, RoomId, UserId};
use shared::members::{LeaveReason, MembershipChange, Role, member_path};
use shared::messages::{Changes, Message, changes_path};
use support::app::TestApp;
use support::client::TestClient;
use support::socket::{TestSocket, rev};

/// A change of a membership in short: whom it concerns and what it is.
fn short(event: &ServerEvent) -> (UserId, String) {
    match event {
        ServerEvent::MemberJoined(change) => {
            (change.member.user.id, format!("joined {}", change.member.role.name()))
        }
        ServerEvent::MemberUpdated(change) => {
            (change.member.user.id, format!("updated {}", change.member.role.name()))
        }
        ServerEvent::MemberLeft { user_id, reason, .. } => (*user_id, reason.name().to_owned()),
        other => panic!("{other:?} is no change of a membership"),
    }
}

fn is_about_members(event: &ServerEvent) -> bool {
    matches!(
        event,
        ServerEvent::MemberJoined(_) | ServerEvent::MemberUpdated(_) | ServerEvent::MemberLeft { .. }
    )
}

/// What a client that resumes after `since` gets before live delivery.
fn replay(client: &TestClient, room_id: RoomId, since: Rev) -> Vec<ServerEvent> {
    let mut socket = TestSocket::connect(client);
    socket.resume(room_id, since);
    socket.settle().into_iter().filter(|event| rev(event).is_some()).collect()
}

fn changed(client: &TestClient, member: &TestClient, username: &str) {
    client.patch(shared::users::CURRENT_USER_PATH, &json!({ "username": username })).expect(200);
    assert_ne!(member.user().username.as_str(), username);
}

#[test]
fn joining_leaving_roles_and_mutes_take_the_next_rev_each_and_are_published() {
    let app = TestApp::start();
    let alice = app.member("Alice");
    let room = alice.create_room("in order");
    assert_eq!(room.rev, Rev(1), "the creator joined");
    let ada = app.member("Ada Lovelace");
    let mut followers = [app.socket(), TestSocket::connect(&ada)];
    for follower in &mut followers {
        assert_eq!(follower.subscribe(room.id).rev, room.rev);
    }
    let steps: [(&dyn Fn(), &str); 10] = [
        (&|| drop(ada.join(room.id)), "joined member"),
        (&|| drop(alice.add(room.id, &ada, Role::Moderator)), "updated moderator"),
        (&|| alice.mute(room.id, &ada), "updated moderator"),
        (&|| alice.unmute(room.id, &ada), "updated moderator"),
        (&|| ada.leave(room.id), "left"),
        (&|| drop(alice.add(room.id, &ada, Role::Member)), "joined member"),
        (&|| alice.remove(room.id, &ada), "removed"),
        (&|| drop(ada.join_by_invite_of(&alice, room.id, Role::Guest)), "joined guest"),
        (&|| alice.ban(room.id, &ada), "banned"),
        (&|| alice.unban(room.id, &ada), "nothing"),
    ];
    let mut last = room.rev;
    for (step, expected) in steps {
        step();
        if expected == "nothing" {
            followers.iter_mut().for_each(TestSocket::assert_quiet);
            continue;
        }
        for follower in &mut followers {
            let (next, event) = follower.next_change();
            assert_eq!((next, short(&event)), (last.next(), (ada.id(), expected.to_owned())));
            if let ServerEvent::MemberJoined(MemberChange { room_id, member, .. })
            | ServerEvent::MemberUpdated(MemberChange { room_id, member, .. }) = &event
            {
                assert_eq!((*room_id, &member.user), (room.id, ada.user()));
            }
        }
        last = last.next();
        assert_eq!(alice.room(room.id).rev, last);
    }
}

#[test]
fn passing_ownership_on_is_two_changes() {
    let app = TestApp::start();
    app.member("Administrator");
    let (alice, room) = app.alice_in_a_room();
    let ada = app.member("Ada Lovelace");
    ada.join(room.id);
    let mut follower = app.socket();
    let before = follower.subscribe(room.id).rev;
    alice.transfer(room.id, &ada);
    let mut changes =
        [follower.next_change(), follower.next_change()].map(|(rev, event)| (short(&event), rev));
    assert_eq!((changes[0].1, changes[1].1), (before.next(), before.next().next()));
    changes.sort_by_key(|((id, _), _)| *id != ada.id());
    assert_eq!(changes[0].0, (ada.id(), "updated owner".to_owned()));
    assert_eq!(changes[1].0, (alice.id(), "updated moderator".to_owned()));
    follower.assert_quiet();
}

#[test]
fn joining_by_the_first_message_is_two_changes() {
    let app = TestApp::start();
    let (_, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut follower = app.socket();
    follower.subscribe(room.id);
    let message = grace.send(room.id, "hello");
    assert_eq!(message.rev, room.rev.next().next());
    let (rev, event) = follower.next_change();
    assert_eq!((rev, short(&event)), (room.rev.next(), (grace.id(), "joined guest".to_owned())));
    let (rev, event) = follower.next_change();
    assert_eq!(rev, message.rev);
    assert!(matches!(&event, ServerEvent::MessageCreated(change) if change.message == message), "{event:?}");
    // The second message is one.
    let second = grace.send(room.id, "hello again");
    assert_eq!((second.rev, follower.next_change().0), (message.rev.next(), second.rev));
}

#[test]
fn first_messages_at_once_join_each_author_once_and_keep_steps_of_one() {
    const PEOPLE: usize = 20;
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut follower = app.socket();
    follower.subscribe(room.id);
    let people: Vec<_> = (0..PEOPLE).map(|number| app.guest(&format!("guest {number}"))).collect();
    std::thread::scope(|scope| {
        for person in &people {
            for text in ["first", "second"] {
                scope.spawn(move || person.send(room.id, text));
            }
        }
    });
    let mut last = room.rev;
    let (mut joined, mut written) = (Vec::new(), 0);
    for _ in 0..3 * PEOPLE {
        let (rev, event) = follower.next_change();
        assert_eq!(rev, last.next());
        last = rev;
        match event {
            ServerEvent::MemberJoined(change) => joined.push(change.member.user.id),
            ServerEvent::MessageCreated(change) => {
                assert!(joined.contains(&change.message.author.id), "who writes is in");
                written += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    follower.assert_quiet();
    assert_eq!((joined.len(), written), (PEOPLE, 2 * PEOPLE));
    assert_eq!(alice.room(room.id).member_count as usize, PEOPLE + 1);
}

#[test]
fn what_changes_nothing_takes_no_rev() {
    let app = TestApp::start();
    app.member("Administrator");
    let (alice, room) = app.alice_in_a_room();
    let ada = app.member("Ada Lovelace");
    ada.join(room.id);
    let mut follower = app.socket();
    let before = follower.subscribe(room.id).rev;
    ada.join(room.id);
    alice.add(room.id, &ada, Role::Member);
    alice.unmute(room.id, &ada);
    let (_, secret) = alice.invite(room.id, json!({}));
    ada.redeem(&secret).expect(200);
    follower.assert_quiet();
    assert_eq!(alice.room(room.id).rev, before);
}

#[test]
fn changes_tell_members_with_their_rev_and_who_is_gone() {
    let app = TestApp::start();
    app.member("Administrator");
    let (alice, room) = app.alice_in_a_room();
    let [ada, grace, alan] = ["Ada Lovelace", "Grace", "Alan"].map(|name| app.member(name));
    for one in [&ada, &grace, &alan] {
        one.join(room.id);
    }
    let since = alice.room(room.id).rev;
    let message = alice.send(room.id, "between them");
    alice.add(room.id, &ada, Role::Moderator);
    alice.remove(room.id, &grace);
    alan.leave(room.id);
    let wire = alice.get(&format!("{}?since={since}", changes_path(room.id))).expect(200).value();
    let members = wire["members"].as_array().expect("members");
    assert_eq!(members.len(), 3, "{wire}");
    assert_eq!(members[0]["rev"], json!(message.rev.0 + 1));
    assert_eq!((&members[0]["role"], &members[0]["user"]["id"]), (&json!("moderator"), &json!(ada.id())));
    let removed =
        json!({ "user_id": grace.id(), "left": true, "reason": "removed", "rev": message.rev.0 + 2 });
    assert_eq!(members[1], removed);
    let left = json!({ "user_id": alan.id(), "left": true, "reason": "left", "rev": message.rev.0 + 3 });
    assert_eq!(members[2], left);
    let changes: Changes = serde_json::from_value(wire).expect("changes");
    assert_eq!((changes.messages.len(), changes.rev, changes.has_more), (1, alice.room(room.id).rev, false));
    assert!(matches!(
        &changes.members[1],
        MembershipChange::Left { reason: LeaveReason::Removed, user_id, .. } if *user_id == grace.id()
    ));
}

#[test]
fn the_limit_of_changes_counts_messages_and_members_together_by_rev() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let people: Vec<_> = (0..7).map(|number| app.guest(&format!("guest {number}"))).collect();
    for person in &people {
        person.send(room.id, "hello");
        alice.send(room.id, "welcome");
    }
    people[2].leave(room.id);
    alice.set_room(room.id, json!({ "topic": "Meeting" }));
    let end = alice.room(room.id).rev;
    let whole = alice.changes_of(room.id, Rev(0), 100);
    // The owner, and all but the one who came and went.
    assert_eq!((whole.0.len(), whole.1.len()), (14, 7));
    for limit in [1, 2, 3, 5, 100] {
        let (messages, mut members) = alice.changes_of(room.id, Rev(0), limit);
        // Between two pages, the one who came and went was a member for a while.
        members.retain(|change| matches!(change, MembershipChange::Member { .. }));
        assert_eq!((&messages, &members), (&whole.0, &whole.1), "limit {limit}");
    }
    assert_eq!(alice.changes(room.id, end).members, []);
}

/// Reads all changes in pages.
trait AllChanges {
    fn changes_of(&self, room_id: RoomId, since: Rev, limit: usize) -> (Vec<Message>, Vec<MembershipChange>);
}

impl AllChanges for TestClient {
    fn changes_of(
        &self,
        room_id: RoomId,
        mut since: Rev,
        limit: usize,
    ) -> (Vec<Message>, Vec<MembershipChange>) {
        let (mut messages, mut members) = (Vec::new(), Vec::new());
        loop {
            let page: Changes = self
                .get(&format!("{}?since={since}&limit={limit}", changes_path(room_id)))
                .expect(200)
                .json();
            assert!(page.messages.len() + page.members.len() <= limit, "{page:?}");
            let revs =
                page.messages.iter().map(|one| one.rev).chain(page.members.iter().map(MembershipChange::rev));
            assert!(revs.clone().all(|rev| rev > since && rev <= page.rev), "{page:?}");
            assert!(!page.has_more || page.messages.len() + page.members.len() == limit, "{page:?}");
            messages.extend(page.messages);
            members.extend(page.members);
            since = page.rev;
            if !page.has_more {
                return (messages, members);
            }
        }
    }
}

#[test]
fn in_a_replay_who_joined_since_has_joined_and_others_were_updated() {
    let app = TestApp::start();
    app.member("Administrator");
    let (alice, room) = app.alice_in_a_room();
    let [old, gone, passing, returned, new] =
        ["Old hand", "Gone", "Passing by", "Returned", "New"].map(|name| app.member(name));
    for one in [&old, &gone, &returned] {
        one.join(room.id);
    }
    let since = alice.room(room.id).rev;
    alice.add(room.id, &old, Role::Moderator);
    alice.mute(room.id, &old);
    gone.leave(room.id);
    passing.join(room.id);
    passing.leave(room.id);
    returned.leave(room.id);
    returned.join(room.id);
    new.join(room.id);
    alice.add(room.id, &new, Role::Moderator);
    for client in [&alice, &app.anonymous()] {
        let events = replay(client, room.id, since);
        let revs: Vec<_> = events.iter().filter_map(rev).collect();
        assert!(revs.is_sorted(), "{revs:?}");
        let found: Vec<_> = events.iter().map(short).collect();
        let expected = [
            (old.id(), "updated moderator"),
            (gone.id(), "left"),
            (returned.id(), "joined member"),
            (new.id(), "joined moderator"),
        ];
        let expected = expected.map(|(id, what)| (id, what.to_owned()));
        assert_eq!(found, expected);
        assert_eq!(alice.changes(room.id, since).members.len(), 4, "who came and went is left out");
    }
}

#[test]
fn a_replay_mixes_messages_members_and_the_room_and_live_events_follow_in_steps_of_one() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let message = grace.send(room.id, "hello");
    alice.mute(room.id, &grace);
    alice.set_room(room.id, json!({ "topic": "Quiet" }));
    let mut socket = app.socket();
    let subscribed = socket.resume(room.id, room.rev);
    let events: Vec<_> = socket.settle().into_iter().filter(|event| rev(event).is_some()).collect();
    assert_eq!(
        events.iter().filter(|event| is_about_members(event)).count(),
        1,
        "in the present state: {events:#?}"
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(event, ServerEvent::MessageCreated(change) if change.message == message))
    );
    assert!(events.iter().any(|event| matches!(event, ServerEvent::RoomUpdated(_))));
    alice.unmute(room.id, &grace);
    let (rev, event) = socket.next_change();
    assert_eq!((rev, short(&event)), (subscribed.rev.next(), (grace.id(), "updated guest".to_owned())));
}

#[test]
fn a_new_name_is_a_change_of_the_membership_in_every_room() {
    let app = TestApp::start();
    let ada = app.member("Ada Byron");
    let rooms: Vec<_> = (0..12).map(|number| ada.create_room(&format!("room {number}"))).collect();
    let grace = app.member("Grace");
    let private = grace.create_private_room("between us");
    grace.add(private.id, &ada, Role::Guest);
    let mut follower = TestSocket::connect(&grace);
    for room in rooms.iter().chain([&private]) {
        follower.subscribe(room.id);
    }
    changed(&ada, &grace, "Ada Lovelace");
    let mut missing: Vec<RoomId> = rooms.iter().chain([&private]).map(|room| room.id).collect();
    while !missing.is_empty() {
        let (_, event) = follower.next_change();
        let ServerEvent::MemberUpdated(change) = event else { panic!("{event:?}") };
        assert_eq!((change.member.user.id, change.member.user.username.as_str()), (ada.id(), "Ada Lovelace"));
        let at = missing.iter().position(|id| *id == change.room_id).expect("once in each room");
        missing.swap_remove(at);
    }
    for room in &rooms {
        let changes = ada.changes(room.id, room.rev);
        assert_eq!(changes.members.len(), 1, "{changes:?}");
        let found = replay(&ada, room.id, room.rev);
        assert!(matches!(
            found.as_slice(),
            [ServerEvent::MemberUpdated(change)] if change.member.user.username.as_str() == "Ada Lovelace"
        ));
    }
}

#[test]
fn a_guest_who_becomes_a_member_keeps_the_memberships() {
    let app = TestApp::start();
    app.member("Administrator");
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    grace.join(room.id);
    let member = TestClient::signed_in(app.addr(), &grace.sign_up("Grace Hopper").expect(201));
    assert_eq!(member.id(), grace.id());
    assert_eq!(member.viewer(room.id).role, Some(Role::Guest));
    support::wait::until("everybody sees the new name", || {
        let found = alice.members(room.id).into_iter().find(|one| one.user.id == grace.id())?;
        (found.user.username.as_str() == "Grace Hopper").then_some(())
    });
    // The one who owned a room owns it still.
    let owner = TestClient::signed_in(app.addr(), &alice.sign_up("Alice Liddell").expect(201));
    owner.add(room.id, &member, Role::Member);
    owner.put(&member_path(room.id, owner.id()), &json!({ "role": "member" })).expect(409);
}
