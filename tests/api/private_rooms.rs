//! Private rooms: who sees them on which path, and what is told to whom when that changes.

use serde_json::json;
use shared::errors::ErrorCode;
use shared::events::{ClientCommand, ServerEvent};
use shared::ids::RoomId;
use shared::members::{RemovalReason, Role, own_membership_path};
use shared::messages::{changes_path, message_path, messages_path};
use shared::rooms::{ROOMS_PATH, Room, Visibility, room_path};
use shared::text::InvalidCode;
use shared::users::user_path;
use support::app::TestApp;
use support::builders::{shared_room, texts};
use support::client::TestClient;
use support::socket::TestSocket;
use support::{on_each_transport, transport::Transport};

on_each_transport!(
    whoever_is_added_gains_sight_on_all_sockets_and_subscribes,
    whoever_is_out_again_is_told_why_and_hears_nothing_more,
    whoever_is_removed_from_a_public_room_keeps_sight_and_hears_what_they_may_do_now,
    viewer_updated_follows_roles_mutes_and_settings_on_all_sockets_of_that_person_only,
    a_room_that_becomes_private_vanishes_for_everybody_without_membership,
    a_room_that_becomes_public_is_created_for_everybody_else_with_its_whole_history,
    a_private_room_counts_and_lists_people_for_its_members_only,
);

/// An owner and a member of a private room, an account outside, and an admin of the server outside.
struct Stage {
    app: TestApp,
    admin: TestClient,
    owner: TestClient,
    member: TestClient,
    outsider: TestClient,
    room: Room,
}

impl Stage {
    fn new() -> Self {
        Self::by(Transport::WebSocket)
    }

    fn by(transport: Transport) -> Self {
        let app = TestApp::start().by(transport);
        let [admin, owner, member, outsider] =
            ["Administrator", "The owner", "The member", "The outsider"].map(|name| app.member(name));
        let room = owner.create_private_room("behind the curtain");
        owner.add(room.id, &member, Role::Member);
        Self { app, admin, owner, member, outsider, room }
    }

    /// Sockets of everybody who is not in the room.
    fn outside(&self) -> [TestSocket; 4] {
        let guest = self.app.guest("Grace");
        [
            TestSocket::connect(&self.outsider),
            TestSocket::connect(&self.admin),
            TestSocket::connect(&guest),
            self.app.socket(),
        ]
    }
}

/// Events of one room, without presence and typing.
fn about(socket: &mut TestSocket, room: RoomId) -> Vec<ServerEvent> {
    let events = socket.settle().into_iter().filter(|event| event.room_id() == Some(room));
    events
        .filter(|event| !matches!(event, ServerEvent::Presence { .. } | ServerEvent::Typing { .. }))
        .collect()
}

#[track_caller]
fn removed(socket: &mut TestSocket, room: &Room) -> RemovalReason {
    socket.expect(|event| match event {
        ServerEvent::RoomRemoved { room_id, name, reason } if *room_id == room.id => {
            assert_eq!(*name, room.name);
            Some(*reason)
        }
        _ => None,
    })
}

#[track_caller]
fn added(socket: &mut TestSocket, room_id: RoomId) -> Room {
    socket.expect(|event| match event {
        ServerEvent::RoomAdded { room } if room.id == room_id => Some(room.clone()),
        _ => None,
    })
}

#[test]
fn a_private_room_is_listed_for_its_members_only_also_between_pages() {
    let stage = Stage::new();
    for number in 0..5 {
        stage.outsider.create_room(&format!("public {number}"));
        stage.outsider.create_private_room(&format!("private {number}"));
    }
    let names = |client: &TestClient| -> Vec<String> {
        client.rooms().iter().map(|room| room.name.as_str().to_owned()).collect()
    };
    let everybody: Vec<_> = ["Lobby"]
        .into_iter()
        .map(str::to_owned)
        .chain((0..5).map(|number| format!("public {number}")))
        .collect();
    assert_eq!(names(&stage.app.anonymous()), everybody);
    assert_eq!(names(&stage.admin), everybody);
    assert!(names(&stage.member).contains(&"behind the curtain".to_owned()));
    assert_eq!(names(&stage.member).len(), 7);
    let outside = names(&stage.outsider);
    assert_eq!(outside.len(), 11);
    assert!(!outside.contains(&"behind the curtain".to_owned()));
    // Page by page the same, without gaps and repeats.
    for client in [&stage.member, &stage.outsider] {
        let mut path = format!("{ROOMS_PATH}?limit=2");
        let mut paged = Vec::new();
        loop {
            let page: shared::page::Page<Room> = client.get(&path).expect(200).json();
            paged.extend(page.items.iter().map(|room| room.name.as_str().to_owned()));
            let Some(cursor) = page.next_cursor else { break };
            path = format!("{ROOMS_PATH}?limit=2&cursor={cursor}");
        }
        assert_eq!(paged, names(client));
    }
}

#[test]
fn no_path_shows_a_private_room_to_others_not_even_the_page_from_memory() {
    let stage = Stage::new();
    let message = stage.owner.send(stage.room.id, "hello");
    let mut follower = TestSocket::connect(&stage.member);
    follower.subscribe(stage.room.id);
    stage.owner.get(&messages_path(stage.room.id)).expect(200);
    let id = stage.room.id;
    for path in [
        room_path(id),
        messages_path(id),
        format!("{}?limit=7", messages_path(id)),
        format!("{}?around={}", messages_path(id), message.id),
        message_path(id, message.id),
        format!("{}?since=0", changes_path(id)),
        shared::members::members_path(id),
    ] {
        stage.member.get(&path).expect(200);
        for client in [&stage.outsider, &stage.admin, &stage.app.guest("Grace"), &stage.app.anonymous()] {
            client.get(&path).problem(404, ErrorCode::RoomNotFound);
        }
    }
    // A message is not found by way of another room.
    let other = stage.outsider.create_room("elsewhere");
    let path = message_path(other.id, message.id);
    stage.outsider.get(&path).problem(404, ErrorCode::MessageNotFound);
    let around = format!("{}?around={}", messages_path(other.id), message.id);
    stage.outsider.get(&around).problem(404, ErrorCode::MessageNotFound);
    let body = json!({ "text": "hello", "id": message.id });
    let answer = stage.outsider.post(&messages_path(other.id), &body);
    answer.problem(409, ErrorCode::MessageIdReused);
    assert!(!answer.text().contains(&id.to_string()));
}

#[test]
fn names_of_private_rooms_are_nobodys_business() {
    let stage = Stage::new();
    stage.outsider.create_private_room("behind the curtain");
    let public = stage.outsider.create_room("Behind the Curtain");
    stage.member.create_private_room("Lobby");
    stage.member.post(ROOMS_PATH, &json!({ "name": "Lobby" })).problem(409, ErrorCode::RoomNameTaken);
    // A reused id discloses nothing either.
    let body = json!({ "name": "behind the curtain", "id": stage.room.id });
    let answer = stage.outsider.post(ROOMS_PATH, &body);
    answer.problem(409, ErrorCode::RoomIdReused);
    assert!(!answer.text().contains("curtain"));

    // Only a public one needs a name of its own; the missing confirmation is said first.
    let publish = |body| stage.owner.patch(&room_path(stage.room.id), &body);
    publish(json!({ "visibility": "public" })).invalid(&[("/publish_history", InvalidCode::Required)]);
    for confirmation in [json!(false), json!(null)] {
        let body = json!({ "visibility": "public", "publish_history": confirmation });
        let problem = publish(body).problem(422, ErrorCode::ValidationFailed);
        assert_eq!(problem.errors[0].pointer, "/publish_history");
    }
    publish(json!({ "visibility": "public", "publish_history": true }))
        .problem(409, ErrorCode::RoomNameTaken);
    assert_eq!(stage.owner.room(stage.room.id).visibility, Visibility::Private);
    stage.outsider.set_room(public.id, json!({ "visibility": "private" }));
    publish(json!({ "visibility": "public", "publish_history": true })).expect(200);
    let back = json!({ "visibility": "public", "publish_history": true });
    stage.outsider.patch(&room_path(public.id), &back).problem(409, ErrorCode::RoomNameTaken);
}

#[test]
fn a_new_private_room_is_told_to_its_creator_alone() {
    let stage = Stage::new();
    let mut outside = stage.outside();
    let mut own = [TestSocket::connect(&stage.owner), TestSocket::connect(&stage.owner)];
    let room = stage.owner.create_private_room("quiet");
    for socket in &mut own {
        let added = added(socket, room.id);
        assert_eq!(added, room, "with what the creator may do there");
        assert_eq!(about(socket, room.id), []);
    }
    stage.owner.rename_room(room.id, "quieter");
    stage.owner.set_room(room.id, json!({ "topic": "Nothing" }));
    stage.owner.send(room.id, "hello");
    for socket in &mut own {
        let events = about(socket, room.id);
        let updates = events.iter().filter(|event| matches!(event, ServerEvent::RoomUpdated(_))).count();
        assert_eq!((updates, events.len()), (2, 2), "{events:#?}");
    }
    stage.owner.delete_room(room.id);
    for socket in &mut own {
        assert_eq!(
            removed(socket, &Room { name: "quieter".parse_name(), ..room.clone() }),
            RemovalReason::Deleted
        );
        assert_eq!(about(socket, room.id), []);
    }
    for socket in &mut outside {
        assert_eq!(about(socket, room.id), []);
    }
}

/// A room's name in a test.
trait ParseName {
    fn parse_name(&self) -> shared::rooms::RoomName;
}

impl ParseName for str {
    fn parse_name(&self) -> shared::rooms::RoomName {
        shared::rooms::RoomName::parse(self).expect("a name")
    }
}

#[test]
fn a_public_room_is_told_to_everybody_by_its_creation_and_its_end() {
    let stage = Stage::new();
    let mut sockets = stage.outside();
    let room = stage.owner.create_room("for all");
    stage.owner.delete_room(room.id);
    for socket in &mut sockets {
        let events = about(socket, room.id);
        assert!(
            matches!(&events[..], [ServerEvent::RoomCreated(created), ServerEvent::RoomDeleted(_)]
                if created.room == shared_room(&room)),
            "{events:#?}"
        );
    }
}

fn whoever_is_added_gains_sight_on_all_sockets_and_subscribes(transport: Transport) {
    let stage = Stage::by(transport);
    let mut others = stage.outside();
    let mut follower = TestSocket::connect(&stage.member);
    let before = follower.subscribe(stage.room.id).rev;
    let mut own = [TestSocket::connect(&stage.outsider), TestSocket::connect(&stage.outsider)];
    stage.owner.send(stage.room.id, "before you came");
    stage.owner.add(stage.room.id, &stage.outsider, Role::Guest);
    for socket in &mut own {
        let room = added(socket, stage.room.id);
        let online = room.online;
        assert_eq!(room, Room { online, ..stage.outsider.room(stage.room.id) });
        assert_eq!(room.viewer.expect("for one person").role, Some(Role::Guest));
        assert!(socket.subscribe(stage.room.id).rev > before);
    }
    follower.next_change();
    let (_, event) = follower.next_change();
    assert!(matches!(event, ServerEvent::MemberJoined(_)), "{event:?}");
    assert_eq!(texts(&stage.outsider.whole_history(stage.room.id)), ["before you came"]);
    for socket in &mut others[1..] {
        assert_eq!(about(socket, stage.room.id), []);
    }
}

fn whoever_is_out_again_is_told_why_and_hears_nothing_more(transport: Transport) {
    type Step = fn(&Stage);
    let steps: [(Step, RemovalReason); 4] = [
        (|stage| stage.member.leave(stage.room.id), RemovalReason::Left),
        (|stage| stage.owner.remove(stage.room.id, &stage.member), RemovalReason::Removed),
        (|stage| stage.owner.ban(stage.room.id, &stage.member), RemovalReason::Banned),
        (|stage| stage.owner.delete_room(stage.room.id), RemovalReason::Deleted),
    ];
    for (step, reason) in steps {
        let stage = Stage::by(transport);
        let mut inside = TestSocket::connect(&stage.owner);
        inside.subscribe(stage.room.id);
        let mut own = [TestSocket::connect(&stage.member), TestSocket::connect(&stage.member)];
        own[0].subscribe(stage.room.id);
        inside.expect(|event| matches!(event, ServerEvent::Presence { online: 2, .. }).then_some(()));
        step(&stage);
        for socket in &mut own {
            assert_eq!(removed(socket, &stage.room), reason);
        }
        stage.member.get(&room_path(stage.room.id)).problem(404, ErrorCode::RoomNotFound);
        assert!(stage.member.rooms().iter().all(|room| room.id != stage.room.id));
        if reason != RemovalReason::Deleted {
            inside.expect(|event| matches!(event, ServerEvent::Presence { online: 1, .. }).then_some(()));
            stage.owner.send(stage.room.id, "among ourselves");
            stage.owner.rename_room(stage.room.id, "another curtain");
            inside.send(&ClientCommand::Typing { room_id: stage.room.id, active: true });
        }
        inside.settle();
        for socket in &mut own {
            let heard: Vec<_> =
                socket.settle().into_iter().filter(|e| e.room_id() == Some(stage.room.id)).collect();
            assert_eq!(heard, [], "{reason:?}");
            socket.send(&ClientCommand::subscribe(stage.room.id, None, true));
            let refused = socket.expect(|event| match event {
                ServerEvent::Error { code, .. } => Some(*code),
                _ => None,
            });
            assert_eq!(refused, ErrorCode::RoomNotFound);
        }
    }
}

fn whoever_is_removed_from_a_public_room_keeps_sight_and_hears_what_they_may_do_now(transport: Transport) {
    let stage = Stage::by(transport);
    let room = stage.owner.create_room("open");
    stage.owner.add(room.id, &stage.member, Role::Moderator);
    let mut sockets = [TestSocket::connect(&stage.member), TestSocket::connect(&stage.member)];
    sockets[0].subscribe(room.id);
    stage.owner.remove(room.id, &stage.member);
    for socket in &mut sockets {
        let viewer = socket.viewer_updated(room.id);
        assert_eq!((viewer.role, viewer.banned), (None, false));
        assert_eq!(viewer, stage.member.viewer(room.id));
    }
    stage.owner.ban(room.id, &stage.member);
    for socket in &mut sockets {
        let viewer = socket.viewer_updated(room.id);
        assert_eq!((viewer.role, viewer.banned), (None, true));
    }
    let message = stage.owner.send(room.id, "still to be read");
    let got = sockets[0].expect(|event| match event {
        ServerEvent::MessageCreated(change) => Some(change.message.id),
        ServerEvent::RoomRemoved { .. } => panic!("a public room stays in sight"),
        _ => None,
    });
    assert_eq!(got, message.id);
    stage.owner.unban(room.id, &stage.member);
    assert!(!sockets[1].viewer_updated(room.id).banned);
}

fn viewer_updated_follows_roles_mutes_and_settings_on_all_sockets_of_that_person_only(transport: Transport) {
    let stage = Stage::by(transport);
    let (room_id, member) = (stage.room.id, &stage.member);
    let mut own = [TestSocket::connect(member), TestSocket::connect(member)];
    let mut owners = TestSocket::connect(&stage.owner);
    let steps: [&dyn Fn(); 4] = [
        &|| drop(stage.owner.add(room_id, member, Role::Moderator)),
        &|| stage.owner.mute(room_id, member),
        &|| stage.owner.unmute(room_id, member),
        &|| drop(member.put_member(room_id, member, Role::Member).expect(200)),
    ];
    for step in steps {
        step();
        for socket in &mut own {
            assert_eq!(socket.viewer_updated(room_id), member.viewer(room_id));
        }
    }
    let told = owners.settle();
    assert!(told.iter().all(|event| !matches!(event, ServerEvent::ViewerUpdated { .. })), "{told:#?}");
    // Settings decide for guests of the server what they may do.
    let grace = stage.app.guest("Grace");
    let open = stage.owner.create_room("open");
    grace.join(open.id);
    let mut hers = TestSocket::connect(&grace);
    stage.owner.set_room(open.id, json!({ "posting": "accounts" }));
    let viewer = hers.viewer_updated(open.id);
    assert!(viewer.may.iter().all(|operation| operation.name() != "send"), "{viewer:?}");
}

fn a_room_that_becomes_private_vanishes_for_everybody_without_membership(transport: Transport) {
    let stage = Stage::by(transport);
    let room = stage.owner.create_room("glass house");
    stage.member.join(room.id);
    let mut inside = [TestSocket::connect(&stage.owner), TestSocket::connect(&stage.member)];
    let mut outside = stage.outside();
    for socket in inside.iter_mut().chain(&mut outside) {
        socket.subscribe(room.id);
    }
    let after = stage.owner.set_room(room.id, json!({ "visibility": "private" }));
    assert_eq!(after.visibility, Visibility::Private);
    for socket in &mut outside {
        assert_eq!(removed(socket, &room), RemovalReason::MadePrivate);
    }
    for socket in &mut inside {
        let change = socket.expect(|event| match event {
            ServerEvent::RoomUpdated(change) => Some(change.clone()),
            _ => None,
        });
        assert_eq!((change.rev, change.room.visibility), (after.rev, Visibility::Private));
    }
    stage.owner.send(room.id, "with the curtain closed");
    stage.owner.rename_room(room.id, "brick house");
    for socket in &mut outside {
        assert_eq!(about(socket, room.id), []);
    }
    for client in [&stage.outsider, &stage.admin, &stage.app.anonymous()] {
        client.get(&room_path(room.id)).problem(404, ErrorCode::RoomNotFound);
        client.get(&messages_path(room.id)).problem(404, ErrorCode::RoomNotFound);
        assert!(client.rooms().iter().all(|one| one.id != room.id));
    }
    assert_eq!(stage.owner.room(room.id).online, 2, "who cannot see it is not in it");
}

fn a_room_that_becomes_public_is_created_for_everybody_else_with_its_whole_history(transport: Transport) {
    let stage = Stage::by(transport);
    let message = stage.owner.send(stage.room.id, "said in confidence");
    let mut inside = TestSocket::connect(&stage.member);
    inside.subscribe(stage.room.id);
    let mut outside = stage.outside();
    let body = json!({ "visibility": "public", "publish_history": true });
    let after = stage.owner.set_room(stage.room.id, body);
    assert_eq!(after.visibility, Visibility::Public);
    for socket in &mut outside {
        let change = socket.expect(|event| match event {
            ServerEvent::RoomCreated(change) => Some(change.clone()),
            _ => None,
        });
        assert_eq!((change.room.id, change.rev), (stage.room.id, after.rev));
        assert_eq!(about(socket, stage.room.id), [], "once");
    }
    let (rev, event) = inside.next_change();
    assert_eq!(rev, after.rev);
    assert!(matches!(event, ServerEvent::RoomUpdated(_)), "{event:?}");
    assert_eq!(stage.app.anonymous().whole_history(stage.room.id), [message]);
    stage.outsider.join(stage.room.id);
    let told = stage.owner.audit(stage.room.id);
    assert!(told.iter().any(|entry| entry.action == "visibility"), "{told:?}");
}

#[test]
fn kind_guest_changes_no_visibility() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    alice
        .patch(&room_path(room.id), &json!({ "visibility": "private" }))
        .problem(403, ErrorCode::MembersOnly);
    assert_eq!(alice.room(room.id).visibility, Visibility::Public);
}

#[test]
fn a_visibility_or_a_topic_outside_its_rules_is_refused() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    let room = owner.create_room("strict");
    for (field, value) in [
        ("visibility", json!("secret")),
        ("visibility", json!(null)),
        ("topic", json!("x".repeat(251))),
        ("topic", json!("two\nlines")),
        ("topic", json!(7)),
        ("slow_mode_seconds", json!(-1)),
        ("slow_mode_seconds", json!(3_601)),
        ("slow_mode_seconds", json!("5")),
        ("posting", json!("nobody")),
        ("posting", json!(null)),
    ] {
        let problem = owner
            .patch(&room_path(room.id), &json!({ field: value }))
            .problem(422, ErrorCode::ValidationFailed);
        assert_eq!(problem.errors[0].pointer, format!("/{field}"), "{value}");
        if matches!(field, "visibility" | "topic") {
            let body = json!({ "name": "another", field: value });
            let answer = owner.post(ROOMS_PATH, &body);
            // An absent visibility is public, but null is not absent.
            assert_eq!(
                answer.problem(422, ErrorCode::ValidationFailed).errors[0].pointer,
                format!("/{field}")
            );
        }
    }
    let after = owner.set_room(
        room.id,
        json!({ "topic": "é".repeat(250), "slow_mode_seconds": 3_600, "posting": "accounts", "name": "lenient" }),
    );
    assert_eq!((after.slow_mode_seconds, after.rev), (3_600, room.rev.next()), "one change");
    assert_eq!(owner.set_room(room.id, json!({ "topic": null })).topic, None);
    assert_eq!(owner.set_room(room.id, json!({})).rev, room.rev.next().next());
}

#[test]
fn frames_that_wait_for_a_slow_reader_do_not_come_after_the_removal() {
    let stage = Stage::new();
    let writer = stage.app.member("The writer");
    stage.owner.add(stage.room.id, &writer, Role::Member);
    let mut inside = TestSocket::connect(&stage.owner);
    inside.subscribe(stage.room.id);
    let mut slow = TestSocket::connect(&stage.member);
    slow.subscribe(stage.room.id);
    let text = "🎉".repeat(4_000);
    let mut last = stage.room.rev;
    for _ in 0..60 {
        last = writer.send(stage.room.id, &text).rev;
    }
    stage.owner.remove(stage.room.id, &stage.member);
    let after = writer.send(stage.room.id, "among ourselves").rev;
    inside.expect(|event| (support::socket::rev(event) == Some(after)).then_some(()));
    let mut revs = Vec::new();
    let reason = slow.expect(|event| match event {
        ServerEvent::MessageCreated(change) => {
            revs.push(change.rev);
            None
        }
        ServerEvent::RoomRemoved { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, RemovalReason::Removed);
    assert!(revs.is_sorted() && revs.iter().all(|rev| *rev <= last), "{revs:?}");
    let rest: Vec<_> =
        slow.settle().into_iter().filter(|event| event.room_id() == Some(stage.room.id)).collect();
    assert_eq!(rest, []);
}

#[test]
fn a_socket_that_becomes_somebody_else_follows_no_room_that_they_may_not_see() {
    let stage = Stage::new();
    let room_id = stage.room.id;
    // Nobody becomes a member.
    let mut socket = stage.app.socket();
    socket.send(&ClientCommand::subscribe(room_id, None, true));
    let refused =
        socket.expect(|event| if let ServerEvent::Error { code, .. } = event { Some(*code) } else { None });
    assert_eq!(refused, ErrorCode::RoomNotFound);
    let authenticate = |socket: &mut TestSocket, client: &TestClient| {
        socket.send(&ClientCommand::Authenticate { token: client.token().expect("a session").to_owned() });
        socket.next_or_close()
    };
    assert!(matches!(authenticate(&mut socket, &stage.member), Ok(ServerEvent::Hello { user: Some(_), .. })));
    socket.subscribe(room_id);
    // The member becomes an outsider: either the socket ends or it hears nothing of the room.
    let mut events = Vec::new();
    socket
        .send(&ClientCommand::Authenticate { token: stage.outsider.token().expect("a session").to_owned() });
    let is_open = loop {
        match socket.next_or_close() {
            Ok(ServerEvent::Hello { .. }) => break true,
            Ok(event) => events.push(event),
            Err(_) => break false,
        }
    };
    if is_open {
        stage.owner.send(room_id, "among ourselves");
        stage.owner.rename_room(room_id, "another curtain");
        let heard: Vec<_> =
            socket.settle().into_iter().filter(|event| event.room_id() == Some(room_id)).collect();
        assert!(heard.iter().all(|event| matches!(event, ServerEvent::RoomRemoved { .. })), "{heard:#?}");
        socket.send(&ClientCommand::subscribe(room_id, None, true));
        let refused = socket
            .expect(|event| if let ServerEvent::Error { code, .. } = event { Some(*code) } else { None });
        assert_eq!(refused, ErrorCode::RoomNotFound);
    }
    assert_eq!(stage.owner.room(room_id).online, 0);
}

#[test]
fn the_people_of_a_private_room_are_seen_by_each_other_also_as_guests() {
    let stage = Stage::new();
    let (grace, stranger) = (stage.app.guest("Grace"), stage.app.guest("Stranger"));
    grace.join_by_invite_of(&stage.owner, stage.room.id, Role::Guest);
    stage.owner.get(&user_path(grace.id())).expect(200);
    grace.get(&user_path(stage.member.id())).expect(200);
    stage.outsider.get(&user_path(grace.id())).problem(404, ErrorCode::UserNotFound);
    stranger.get(&user_path(grace.id())).problem(404, ErrorCode::UserNotFound);
    grace.get(&user_path(stage.outsider.id())).problem(404, ErrorCode::UserNotFound);
    grace.leave(stage.room.id);
    grace.get(&user_path(stage.member.id())).problem(404, ErrorCode::UserNotFound);
    // Of a private room, joining without an invite reveals nothing.
    grace.request("PUT", &own_membership_path(stage.room.id)).send().problem(404, ErrorCode::RoomNotFound);
}

fn a_private_room_counts_and_lists_people_for_its_members_only(transport: Transport) {
    let stage = Stage::by(transport);
    let mut inside = TestSocket::connect(&stage.owner);
    inside.subscribe(stage.room.id);
    let mut other = TestSocket::connect(&stage.member);
    let subscribed = other.subscribe(stage.room.id);
    assert_eq!((subscribed.online.len(), subscribed.visitors), (2, 0));
    assert_eq!(stage.owner.room(stage.room.id).online, 2);
    let mut outside = TestSocket::connect(&stage.outsider);
    outside.send(&ClientCommand::Typing { room_id: stage.room.id, active: true });
    let refused =
        outside.expect(|event| if let ServerEvent::Error { code, .. } = event { Some(*code) } else { None });
    assert_eq!(refused, ErrorCode::RoomNotFound);
    let heard = inside.settle();
    assert!(heard.iter().all(|event| !matches!(event, ServerEvent::Typing { .. })), "{heard:?}");
}

#[test]
fn a_since_beyond_everything_does_not_tell_a_hidden_room_from_an_unknown_one() {
    let stage = Stage::new();
    let mut socket = TestSocket::connect(&stage.outsider);
    for room_id in [stage.room.id, support::builders::unknown_room_id()] {
        for since in [shared::ids::Rev(0), shared::ids::Rev(1_000_000)] {
            socket.send(&ClientCommand::subscribe(room_id, Some(since), true));
            let refused = socket
                .expect(|event| if let ServerEvent::Error { code, .. } = event { Some(*code) } else { None });
            assert_eq!(refused, ErrorCode::RoomNotFound);
        }
    }
}

#[test]
fn requests_to_a_hidden_room_use_up_nothing_that_its_members_need() {
    let app = TestApp::with(&["--room-sends-per-second", "1", "--address-requests-per-second", "1000"]);
    let (owner, outsider) = (app.member("The owner"), app.guest("Grace"));
    let room = owner.create_private_room("behind the curtain");
    let statuses = |room_id| -> Vec<u16> {
        let send = |_| outsider.post(&messages_path(room_id), &json!({ "text": "hello" })).status;
        (0..3).map(send).collect()
    };
    let unknown = statuses(support::builders::unknown_room_id());
    assert_eq!(statuses(room.id), unknown, "limited as if it did not exist");
    owner.send(room.id, "hello");
}

#[test]
fn a_creator_who_is_out_learns_nothing_by_repeating_the_creation() {
    let stage = Stage::new();
    let id = support::builders::unknown_room_id();
    let body = json!({ "name": "mine once", "id": id, "visibility": "private" });
    stage.owner.post(ROOMS_PATH, &body).expect(201);
    stage.owner.post(ROOMS_PATH, &body).expect(200);
    stage.owner.add(id, &stage.member, Role::Owner);
    stage.owner.leave(id);
    stage.member.rename_room(id, "mine now");
    let answer = stage.owner.post(ROOMS_PATH, &body);
    answer.problem(409, ErrorCode::RoomIdReused);
    assert!(!answer.text().contains("mine"), "{}", answer.text());
}

#[test]
fn joining_by_a_message_tells_all_sockets_of_the_author_what_they_may_do_now() {
    let stage = Stage::new();
    let room = stage.owner.create_room("open");
    let grace = stage.app.guest("Grace");
    let mut own = [TestSocket::connect(&grace), TestSocket::connect(&grace)];
    grace.send(room.id, "hello");
    for socket in &mut own {
        let viewer = socket.viewer_updated(room.id);
        assert_eq!((viewer.role, &viewer), (Some(Role::Guest), &grace.viewer(room.id)));
    }
    grace.leave(room.id);
    for socket in &mut own {
        assert_eq!(socket.viewer_updated(room.id).role, None);
    }
}

#[test]
fn passing_ownership_on_tells_both_what_they_may_do_now() {
    let stage = Stage::new();
    let mut sockets = [TestSocket::connect(&stage.owner), TestSocket::connect(&stage.member)];
    stage.owner.transfer(stage.room.id, &stage.member);
    let roles = sockets.each_mut().map(|socket| socket.viewer_updated(stage.room.id).role);
    assert_eq!(roles, [Some(Role::Moderator), Some(Role::Owner)]);
}
