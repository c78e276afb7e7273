//! Who is in a room and who is typing.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use shared::errors::ErrorCode;
use shared::events::{ClientCommand, ServerEvent};
use shared::ids::{RoomId, UserId};
use shared::users::User;
use support::app::TestApp;
use support::socket::TestSocket;
use support::wait::until;
use support::{on_each_transport, transport::Transport};

on_each_transport!(
    users_who_join_and_leave_are_announced,
    presence_counts_users_not_tabs,
    a_second_tab_is_told_of_the_next_visitor,
    users_who_join_within_moments_are_all_told_of_each_other,
    a_large_room_lists_a_hundred_users_and_counts_all,
    two_guests_with_one_name_are_two_users,
    anonymous_visitors_are_counted,
    a_visitor_who_signs_in_becomes_a_user,
    a_follower_that_is_not_present_is_not_in_the_room,
    presence_of_other_rooms_is_not_sent,
    typing_is_sent_to_others_until_it_stops,
    typing_expires_after_five_seconds,
    typing_ends_with_the_message,
    typing_ends_with_leaving,
    typing_requires_a_session,
);

/// The next presence event.
#[track_caller]
fn presence(socket: &mut TestSocket, room: RoomId) -> (Vec<User>, Vec<UserId>, u32) {
    socket.expect(|event| match event {
        ServerEvent::Presence { room_id, joined, left, visitors, .. } if *room_id == room => {
            Some((joined.clone(), left.clone(), *visitors))
        }
        _ => None,
    })
}

#[track_caller]
fn typing(socket: &mut TestSocket, user: &User) -> bool {
    socket.expect(|event| match event {
        ServerEvent::Typing { user: who, active, .. } if who.id == user.id => Some(*active),
        _ => None,
    })
}

fn type_in(socket: &mut TestSocket, room_id: RoomId, active: bool) {
    socket.send(&ClientCommand::Typing { room_id, active });
}

// reference: presence-online
fn users_who_join_and_leave_are_announced(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut inside = TestSocket::connect(&alice);
    inside.subscribe(room.id);
    let mut coming = TestSocket::connect(&grace);
    let subscribed = coming.subscribe(room.id);
    let mut online: Vec<_> = subscribed.online.iter().map(|user| user.id).collect();
    online.sort();
    let mut expected = [alice.user().id, grace.user().id];
    expected.sort();
    assert_eq!(online, expected, "oneself included");
    assert_eq!(subscribed.room.online, 2);
    assert_eq!(presence(&mut inside, room.id), (vec![grace.user().clone()], vec![], 0));
    coming.send(&ClientCommand::Unsubscribe { room_id: room.id });
    assert_eq!(presence(&mut inside, room.id), (vec![], vec![grace.user().id], 0));
    assert_eq!(alice.room(room.id).online, 1);
}

// reference: presence-online
fn presence_counts_users_not_tabs(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut inside = TestSocket::connect(&alice);
    inside.subscribe(room.id);
    let mut first_tab = TestSocket::connect(&grace);
    first_tab.subscribe(room.id);
    assert_eq!(presence(&mut inside, room.id).0, [grace.user().clone()]);
    let mut second_tab = TestSocket::connect(&grace);
    assert_eq!(second_tab.subscribe(room.id).online.len(), 2);
    assert_eq!(alice.room(room.id).online, 2);
    first_tab.leave();
    assert_eq!(inside.settle(), [], "Grace is still there");
    assert_eq!(alice.room(room.id).online, 2);
    second_tab.leave();
    assert_eq!(presence(&mut inside, room.id), (vec![], vec![grace.user().id], 0));
}

fn a_second_tab_is_told_of_the_next_visitor(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let mut first_tab = TestSocket::connect(&alice);
    first_tab.subscribe(room.id);
    let mut second_tab = TestSocket::connect(&alice);
    second_tab.subscribe(room.id);
    let mut visitor = app.socket();
    visitor.subscribe(room.id);
    for tab in [&mut first_tab, &mut second_tab] {
        assert_eq!(presence(tab, room.id), (vec![], vec![], 1));
    }
}

fn users_who_join_within_moments_are_all_told_of_each_other(transport: Transport) {
    const PEOPLE: usize = 25;
    let app = TestApp::start().by(transport);
    let (_, room) = app.alice_in_a_room();
    let guests: Vec<_> = (0..PEOPLE).map(|number| app.guest(&format!("guest {number}"))).collect();
    std::thread::scope(|scope| {
        let come = |guest| {
            scope.spawn(move || {
                let mut socket = TestSocket::connect(guest);
                let mut known: HashSet<UserId> =
                    socket.subscribe(room.id).online.iter().map(|user| user.id).collect();
                while known.len() < PEOPLE {
                    let (joined, left, _) = presence(&mut socket, room.id);
                    assert_eq!(left, []);
                    known.extend(joined.iter().map(|user| user.id));
                }
                // No client leaves before all know all.
                socket
            })
        };
        let coming: Vec<_> = guests.iter().map(come).collect();
        let sockets: Vec<_> =
            coming.into_iter().map(|socket| socket.join().expect("it learns of all")).collect();
        assert_eq!(guests[0].room(room.id).online as usize, sockets.len());
    });
}

fn a_large_room_lists_a_hundred_users_and_counts_all(transport: Transport) {
    const PEOPLE: usize = 130;
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let mut sockets: Vec<(UserId, TestSocket)> = (0..PEOPLE)
        .map(|number| {
            let guest = app.guest(&format!("guest {number}"));
            let mut socket = TestSocket::connect(&guest);
            socket.subscribe(room.id);
            (guest.user().id, socket)
        })
        .collect();
    let mut inside = TestSocket::connect(&alice);
    let subscribed = inside.subscribe(room.id);
    assert_eq!(subscribed.room.online as usize, PEOPLE + 1);
    assert!((100..=101).contains(&subscribed.online.len()), "{}", subscribed.online.len());
    assert!(subscribed.online.contains(alice.user()), "oneself included");

    // When a listed user leaves, another is listed. Others only change the number.
    let mut listed: HashSet<UserId> = subscribed.online.iter().map(|user| user.id).collect();
    let mut online = PEOPLE as u32 + 1;
    while online > 1 {
        let (_, socket) = sockets.pop().expect("as many as are online");
        drop(socket);
        let before = online;
        while online == before {
            inside.expect(|event| match event {
                ServerEvent::Presence { joined, left, online: now, .. } => {
                    left.iter().for_each(|id| assert!(listed.remove(id), "{id} was not listed"));
                    listed.extend(joined.iter().map(|user| user.id));
                    online = *now;
                    Some(())
                }
                _ => None,
            });
        }
        assert!(
            listed.len() <= 101 && listed.len() >= (online as usize).min(100),
            "{online}: {}",
            listed.len()
        );
    }
    assert_eq!(listed.into_iter().collect::<Vec<_>>(), [alice.user().id]);
}

fn two_guests_with_one_name_are_two_users(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let mut first = TestSocket::connect(&alice);
    first.subscribe(room.id);
    let mut second = TestSocket::connect(&app.guest("Alice"));
    assert_eq!(second.subscribe(room.id).online.len(), 2);
}

#[test]
fn a_user_whose_connection_breaks_leaves() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut inside = TestSocket::connect(&alice);
    inside.subscribe(room.id);
    let mut broken = TestSocket::connect(&grace);
    broken.subscribe(room.id);
    presence(&mut inside, room.id);
    // No close frame, as when a laptop's lid closes and the kernel gives up.
    drop(broken);
    assert_eq!(presence(&mut inside, room.id), (vec![], vec![grace.user().id], 0));
}

fn anonymous_visitors_are_counted(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let mut inside = TestSocket::connect(&alice);
    inside.subscribe(room.id);
    let mut visitor = app.socket();
    let subscribed = visitor.subscribe(room.id);
    assert_eq!((subscribed.online, subscribed.visitors), (vec![alice.user().clone()], 1));
    assert_eq!(presence(&mut inside, room.id), (vec![], vec![], 1));
    let mut other = app.socket();
    assert_eq!(other.subscribe(room.id).visitors, 2);
    assert_eq!(presence(&mut inside, room.id).2, 2);
    assert_eq!(alice.room(room.id).online, 1, "the list's length, without visitors");
    visitor.leave();
    assert_eq!(presence(&mut inside, room.id), (vec![], vec![], 1));
}

fn a_visitor_who_signs_in_becomes_a_user(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut inside = TestSocket::connect(&alice);
    inside.subscribe(room.id);
    let mut visitor = app.socket();
    visitor.subscribe(room.id);
    assert_eq!(presence(&mut inside, room.id).2, 1);
    visitor.send(&ClientCommand::Authenticate { token: grace.token().expect("a guest").to_owned() });
    let (mut joined, mut visitors) = (Vec::new(), 1);
    until("Grace is there and no visitor is", || {
        let (came, _, now) = presence(&mut inside, room.id);
        joined.extend(came);
        visitors = now;
        (joined.len() == 1 && visitors == 0).then_some(())
    });
    assert_eq!(joined, [grace.user().clone()]);
    assert_eq!(alice.room(room.id).online, 2);
}

fn a_follower_that_is_not_present_is_not_in_the_room(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut inside = TestSocket::connect(&alice);
    inside.subscribe(room.id);
    let mut afar = TestSocket::connect(&grace);
    afar.send(&ClientCommand::subscribe(room.id, None, false));
    afar.expect(|event| matches!(event, ServerEvent::Subscribed { .. }).then_some(()));
    type_in(&mut inside, room.id, true);
    assert_eq!(
        inside.settle().iter().filter(|event| matches!(event, ServerEvent::Presence { .. })).count(),
        0
    );
    assert_eq!(alice.room(room.id).online, 1);
    let message = alice.send(room.id, "hello");
    let (rev, _) = afar.next_change();
    assert_eq!(rev, message.rev);
    assert!(afar.settle().is_empty(), "neither presence nor typing");
}

fn presence_of_other_rooms_is_not_sent(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let other = alice.create_room("other room");
    let mut inside = TestSocket::connect(&alice);
    inside.subscribe(room.id);
    let mut elsewhere = TestSocket::connect(&app.guest("Grace"));
    elsewhere.subscribe(other.id);
    type_in(&mut elsewhere, other.id, true);
    elsewhere.settle();
    assert_eq!(inside.settle(), []);
}

// reference: typing-line
fn typing_is_sent_to_others_until_it_stops(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut reader = TestSocket::connect(&alice);
    reader.subscribe(room.id);
    let mut writer = TestSocket::connect(&grace);
    writer.subscribe(room.id);
    type_in(&mut writer, room.id, true);
    let event = reader.expect(|event| matches!(event, ServerEvent::Typing { .. }).then(|| event.clone()));
    assert_eq!(event, ServerEvent::Typing { room_id: room.id, user: grace.user().clone(), active: true });
    type_in(&mut writer, room.id, false);
    assert!(!typing(&mut reader, grace.user()));
}

// reference: typing-line
fn typing_expires_after_five_seconds(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut reader = TestSocket::connect(&alice);
    reader.subscribe(room.id);
    let mut writer = TestSocket::connect(&grace);
    writer.subscribe(room.id);
    type_in(&mut writer, room.id, true);
    assert!(typing(&mut reader, grace.user()));
    let started = Instant::now();
    assert!(!typing(&mut reader, grace.user()));
    let lasted = started.elapsed();
    assert!(lasted > Duration::from_secs(4) && lasted < Duration::from_secs(7), "{lasted:?}");
}

// reference: typing-line
fn typing_ends_with_the_message(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut reader = TestSocket::connect(&alice);
    reader.subscribe(room.id);
    let mut writer = TestSocket::connect(&grace);
    writer.subscribe(room.id);
    type_in(&mut writer, room.id, true);
    assert!(typing(&mut reader, grace.user()));
    let started = Instant::now();
    grace.send(room.id, "done");
    assert!(!typing(&mut reader, grace.user()));
    assert!(started.elapsed() < Duration::from_secs(3), "at once, not by its own end");
}

// reference: typing-line
fn typing_ends_with_leaving(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    let mut reader = TestSocket::connect(&alice);
    reader.subscribe(room.id);
    for leave in [true, false] {
        let mut writer = TestSocket::connect(&grace);
        writer.subscribe(room.id);
        type_in(&mut writer, room.id, true);
        assert!(typing(&mut reader, grace.user()));
        let started = Instant::now();
        if leave {
            writer.leave();
        } else {
            writer.send(&ClientCommand::Unsubscribe { room_id: room.id });
        }
        assert!(!typing(&mut reader, grace.user()));
        assert!(started.elapsed() < Duration::from_secs(3), "at once, not by its own end");
    }
}

fn typing_requires_a_session(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let mut reader = TestSocket::connect(&alice);
    reader.subscribe(room.id);
    let mut visitor = app.socket();
    visitor.subscribe(room.id);
    reader.settle();
    type_in(&mut visitor, room.id, true);
    let refused = visitor.expect(|event| match event {
        ServerEvent::Error { code, .. } => Some(*code),
        _ => None,
    });
    assert_eq!(refused, ErrorCode::AuthenticationRequired);
    let events = reader.settle();
    assert!(events.iter().all(|event| !matches!(event, ServerEvent::Typing { .. })), "{events:?}");
}
