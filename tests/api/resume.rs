//! Resuming with `since`: the replayed events, their form, and when the client must read by REST.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use shared::errors::ErrorCode;
use shared::events::{ClientCommand, CloseCode, ServerEvent, Subscription, Subscriptions};
use shared::ids::{Rev, RoomId};
use shared::messages::Message;
use support::app::TestApp;
use support::builders::unknown_room_id;
use support::client::TestClient;
use support::db::TestDb;
use support::socket::{Subscribed, TestSocket};
use support::{on_each_transport, transport::Transport};

on_each_transport!(
    many_rooms_are_resumed_by_one_command,
    missed_messages_come_after_subscribed_and_before_live_events,
    a_client_that_missed_nothing_gets_no_replay,
    a_known_message_is_replayed_as_updated_and_a_new_one_as_created,
    a_tombstone_is_replayed_as_deleted,
    a_missed_rename_is_replayed_once,
    since_the_beginning_the_whole_room_is_replayed,
    presence_and_typing_are_not_replayed,
    a_rev_beyond_that_of_the_room_closes_the_socket,
    a_thousand_missed_changes_are_replayed,
    more_than_a_thousand_missed_changes_are_answered_with_resync,
    a_client_resumes_after_a_restart_of_the_server,
    a_subscriber_is_told_of_a_deletion_during_its_subscription,
    a_long_replay_is_complete_and_in_order_while_the_room_changes,
);

/// The replay: all changes up to `subscribed.rev`.
fn replay(socket: &mut TestSocket) -> Vec<ServerEvent> {
    socket.settle().into_iter().filter(|event| support::socket::rev(event).is_some()).collect()
}

fn resume(client: &TestClient, room_id: RoomId, since: Rev) -> (Subscribed, Vec<ServerEvent>) {
    let mut socket = TestSocket::connect(client);
    let subscribed = socket.resume(room_id, since);
    let events = replay(&mut socket);
    (subscribed, events)
}

/// The kind of each event and the text in it.
fn summary(events: &[ServerEvent]) -> Vec<(&'static str, Option<String>)> {
    let kinds = events.iter().map(|event| match event {
        ServerEvent::MessageCreated(change) => ("created", change.message.text.clone()),
        ServerEvent::MessageUpdated(change) => ("updated", change.message.text.clone()),
        ServerEvent::MessageDeleted(change) => ("deleted", change.message.text.clone()),
        ServerEvent::RoomUpdated(change) => ("room", Some(change.room.name.as_str().to_owned())),
        other => panic!("{other:?} has no place in a replay"),
    });
    kinds.collect()
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn missed_messages_come_after_subscribed_and_before_live_events(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let seen = alice.send(room.id, "seen");
    let missed: Vec<Message> = alice.send_many(room.id, 5);
    let mut socket = app.socket();
    let subscribed = socket.resume(room.id, seen.rev);
    assert_eq!(subscribed.rev, missed[4].rev);
    for message in &missed {
        let (rev, event) = socket.next_change();
        assert_eq!(rev, message.rev);
        assert!(
            matches!(&event, ServerEvent::MessageCreated(change) if change.message == *message),
            "{event:?}"
        );
    }
    let live = alice.send(room.id, "live");
    assert_eq!(socket.next_change().0, live.rev);
}

fn a_client_that_missed_nothing_gets_no_replay(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let (subscribed, events) = resume(&alice, room.id, message.rev);
    assert_eq!((subscribed.rev, events), (message.rev, vec![]));
}

fn a_known_message_is_replayed_as_updated_and_a_new_one_as_created(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let old = alice.send(room.id, "old");
    let since = old.rev;
    alice.edit(&old, "old, edited once");
    alice.edit(&old, "old, edited twice");
    let new = alice.send(room.id, "new");
    alice.edit(&new, "new, edited");
    let (_, events) = resume(&alice, room.id, since);
    assert_eq!(summary(&events), [("updated", text("old, edited twice")), ("created", text("new, edited"))]);
    let revs: Vec<_> = events.iter().filter_map(support::socket::rev).collect();
    assert!(revs.is_sorted(), "{revs:?}");
}

fn a_tombstone_is_replayed_as_deleted(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let old = alice.send(room.id, "old");
    let since = old.rev;
    let new = alice.send(room.id, "new");
    alice.delete_message(&old);
    alice.delete_message(&new);
    let (_, events) = resume(&alice, room.id, since);
    assert_eq!(summary(&events), [("deleted", None), ("deleted", None)]);
}

fn a_missed_rename_is_replayed_once(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    alice.rename_room(room.id, "first name");
    alice.rename_room(room.id, "second name");
    alice.send(room.id, "hello");
    let (subscribed, events) = resume(&alice, room.id, room.rev);
    let mut kinds = summary(&events);
    kinds.sort();
    assert_eq!(kinds, [("created", text("hello")), ("room", text("second name"))]);
    assert_eq!(subscribed.room.name.as_str(), "second name");
    // And not for a client that has it.
    let renamed = alice.rename_room(room.id, "third name");
    alice.send(room.id, "hello again");
    let (_, events) = resume(&alice, room.id, renamed.rev);
    assert_eq!(summary(&events), [("created", text("hello again"))]);
}

fn since_the_beginning_the_whole_room_is_replayed(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let messages = alice.send_many(room.id, 120);
    let (_, events) = resume(&app.anonymous(), room.id, room.rev);
    let revs: Vec<_> = events.iter().filter_map(support::socket::rev).collect();
    let expected: Vec<_> = messages.iter().map(|message| message.rev).collect();
    assert_eq!(revs, expected);
}

fn presence_and_typing_are_not_replayed(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let mut grace = TestSocket::connect(&app.guest("Grace"));
    grace.subscribe(room.id);
    grace.send(&ClientCommand::Typing { room_id: room.id, active: true });
    grace.leave();
    alice.send(room.id, "hello");
    let mut socket = app.socket();
    socket.resume(room.id, room.rev);
    let events = socket.settle();
    assert!(events.iter().all(|event| matches!(event, ServerEvent::MessageCreated(_))), "{events:?}");
}

fn a_rev_beyond_that_of_the_room_closes_the_socket(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    for since in [message.rev.next(), Rev(1_000_000), Rev(i64::MAX)] {
        let mut socket = app.socket();
        socket.send(&ClientCommand::subscribe(room.id, Some(since), true));
        assert_eq!(socket.closed(), CloseCode::ImpossibleRev.number(), "since {since}");
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Text)]
    id: String,
}

/// A database with a room of `count` messages, written by hand because sending so many takes long.
fn db_with_messages(count: usize) -> (TestDb, RoomId) {
    let db = TestDb::new();
    db.execute(
        "INSERT INTO users (id, username, username_key, kind, created_at) \
         VALUES (gen_random_uuid(), 'Alice', 'alice', 'guest', now())",
    );
    db.execute(&format!(
        "INSERT INTO rooms (id, name, name_key, created_by, created_at, updated_at, last_seq, rev) \
         SELECT gen_random_uuid(), 'Busy', 'busy', id, now(), now(), {count}, {count} FROM users"
    ));
    db.execute(&format!(
        "INSERT INTO messages (id, room_id, seq, rev, born_rev, author_id, text, sent_hash, created_at) \
         SELECT gen_random_uuid(), rooms.id, n, n, n, users.id, 'message ' || n, 0, now() \
         FROM rooms, users, generate_series(1, {count}) AS n WHERE rooms.name = 'Busy'"
    ));
    let found =
        sql_query("SELECT id::text FROM rooms WHERE name = 'Busy'").get_result::<Id>(&mut db.connect());
    let room_id = found.expect("the room").id.parse().expect("an id");
    (db, room_id)
}

fn a_thousand_missed_changes_are_replayed(transport: Transport) {
    let (db, room_id) = db_with_messages(1_000);
    let app = TestApp::over(db, &["--rate-limits", "off"]).by(transport);
    let mut socket = app.socket();
    assert_eq!(socket.resume(room_id, Rev::ZERO).rev, Rev(1_000));
    for number in 1..=1_000 {
        assert_eq!(socket.next_change().0, Rev(number));
    }
    assert_eq!(socket.settle(), []);
}

fn more_than_a_thousand_missed_changes_are_answered_with_resync(transport: Transport) {
    let (db, room_id) = db_with_messages(1_001);
    let app = TestApp::over(db, &["--rate-limits", "off"]).by(transport);
    let mut socket = app.socket();
    let subscribed = socket.resume(room_id, Rev::ZERO);
    assert_eq!(subscribed.rev, Rev(1_001));
    assert_eq!(socket.settle(), [ServerEvent::Resync { room_id }]);
    // Reading by REST closes the gap up to where live delivery began.
    let anonymous = app.anonymous();
    let mut since = Rev::ZERO;
    let mut count = 0;
    while since < subscribed.rev {
        let path = format!("{}?since={since}&limit=100", shared::messages::changes_path(room_id));
        let changes: shared::messages::Changes = anonymous.get(&path).expect(200).json();
        count += changes.messages.len();
        since = changes.rev;
    }
    assert_eq!((since, count), (subscribed.rev, 1_001));
    let grace = app.guest("Grace");
    grace.join(room_id);
    assert!(matches!(socket.next_change(), (Rev(1_002), ServerEvent::MemberJoined(_))));
    let live = grace.send(room_id, "live");
    assert_eq!((live.seq.0, socket.next_change().0), (1_002, live.rev));
    // A client that missed few changes of a long history gets a replay.
    let mut other = app.socket();
    other.resume(room_id, Rev(1_000));
    assert_eq!(other.next_change().0, Rev(1_001));
}

fn a_client_resumes_after_a_restart_of_the_server(transport: Transport) {
    let mut app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let seen = alice.send(room.id, "seen");
    let missed = alice.send(room.id, "missed");
    app.restart(&["--rate-limits", "off"]);
    let mut socket = app.socket();
    assert_eq!(socket.resume(room.id, seen.rev).rev, missed.rev);
    let (rev, event) = socket.next_change();
    assert_eq!(rev, missed.rev);
    assert!(matches!(&event, ServerEvent::MessageCreated(change) if change.message == missed), "{event:?}");
    let live = app.guest("Grace").send(room.id, "live");
    assert_eq!((live.seq, live.rev), (missed.seq.next(), missed.rev.next().next()), "it joins first");
}

fn a_subscriber_is_told_of_a_deletion_during_its_subscription(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let mut locker = app.db().connect();
    // Reading messages waits for this lock; deleting the room does not.
    sql_query("BEGIN").execute(&mut locker).expect("it runs");
    sql_query("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE").execute(&mut locker).expect("it runs");
    let mut joining = app.socket();
    joining.send(&ClientCommand::subscribe(room.id, Some(room.rev), true));
    support::wait::until("the subscription reads", || (waiting_for_locks(&app) > 0).then_some(()));
    alice.delete_room(room.id);
    sql_query("ROLLBACK").execute(&mut locker).expect("it runs");
    joining.expect(|event| {
        matches!(event, ServerEvent::RoomDeleted(change) if change.room.id == room.id).then_some(())
    });
    let refused = joining.expect(|event| match event {
        ServerEvent::Error { code, room_id, .. } => Some((*code, *room_id)),
        _ => None,
    });
    assert_eq!(refused, (ErrorCode::RoomNotFound, Some(room.id)));
}

/// How many statements of the test's database wait for a lock.
fn waiting_for_locks(app: &TestApp) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    sql_query(sql).get_result::<Count>(&mut app.db().connect()).expect("it runs").count
}

fn a_long_replay_is_complete_and_in_order_while_the_room_changes(transport: Transport) {
    let app = TestApp::start().by(transport);
    let (alice, room) = app.alice_in_a_room();
    let messages = alice.send_many(room.id, 450);
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for (number, message) in messages.iter().cycle().enumerate() {
                if stop.load(std::sync::atomic::Ordering::SeqCst) {
                    break;
                }
                alice.edit(message, &format!("edit {number}"));
            }
        });
        for _ in 0..10 {
            let mut socket = app.socket();
            let until = socket.resume(room.id, room.rev).rev;
            let mut copy = std::collections::HashMap::new();
            let mut last = room.rev;
            while copy.len() < messages.len() || last <= until {
                let (rev, event) = socket.next_change();
                assert!(rev > last, "{rev:?} comes after {last:?}");
                assert!(rev <= until || rev == last.max(until).next(), "live changes come in steps of one");
                last = rev;
                let (ServerEvent::MessageCreated(change) | ServerEvent::MessageUpdated(change)) = event
                else {
                    panic!("{event:?}")
                };
                copy.insert(change.message.id, change.message);
            }
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}

fn many_rooms_are_resumed_by_one_command(transport: Transport) {
    let app = TestApp::start().by(transport);
    let alice = app.guest("Alice");
    let [quiet, missed, fresh, deleted] =
        ["quiet", "missed", "fresh", "deleted"].map(|name| alice.create_room(name));
    let private = app.member("Owner").create_private_room("hidden");
    let unknown = unknown_room_id();
    alice.delete_room(deleted.id);
    let message = alice.send(missed.id, "while away");
    let room = |room_id, since| Subscription { room_id, since, present: room_id == quiet.id };
    let rooms = vec![
        room(missed.id, Some(missed.rev)),
        room(deleted.id, Some(Rev::ZERO)),
        room(quiet.id, Some(quiet.rev)),
        room(private.id, None),
        room(fresh.id, None),
        room(unknown, None),
    ];
    let mut socket = TestSocket::connect(&alice);
    socket.send(&ClientCommand::Subscribe(Subscriptions::Many { rooms }));
    let (mut subscribed, mut refused, mut replayed) = (Vec::new(), Vec::new(), Vec::new());
    for event in socket.settle() {
        match event {
            ServerEvent::Subscribed { room, rev, online, .. } => {
                assert_eq!(online.len(), usize::from(room.id == quiet.id));
                subscribed.push((room.id, rev));
            }
            ServerEvent::Error { code, room_id, .. } => {
                assert_eq!(code, ErrorCode::RoomNotFound);
                refused.extend(room_id);
            }
            ServerEvent::MessageCreated(change) => replayed.push(change.message),
            ServerEvent::Presence { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let by_id = |(id, _): &(RoomId, Rev)| *id;
    subscribed.sort_by_key(by_id);
    let mut expected = [(quiet.id, quiet.rev), (missed.id, message.rev), (fresh.id, fresh.rev)];
    expected.sort_by_key(by_id);
    assert_eq!(subscribed, expected);
    refused.sort();
    let mut hidden = [deleted.id, private.id, unknown];
    hidden.sort();
    assert_eq!(refused, hidden);
    assert_eq!(replayed, [message]);
    for room in [&quiet, &missed, &fresh] {
        let sent = alice.send(room.id, "live");
        let (rev, event) = socket.next_change();
        assert_eq!((rev, event.room_id()), (sent.rev, Some(room.id)));
    }
}
