//! Concurrent clients: one order without gaps, the same for all.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

use diesel::{RunQueryDsl, sql_query};
use serde_json::json;
use shared::events::ServerEvent;
use shared::ids::{MessageId, Rev};
use shared::messages::{Message, messages_path};
use support::app::TestApp;
use support::builders::new_message_id;
use support::socket::TestSocket;
use support::wait::until;

/// Keeps the copy with the higher `rev`, as every client does.
fn apply(copies: &mut BTreeMap<MessageId, Message>, message: &Message) {
    let newer = copies.get(&message.id).is_none_or(|known| known.rev < message.rev);
    if newer {
        copies.insert(message.id, message.clone());
    }
}

fn message_of(event: &ServerEvent) -> Option<&Message> {
    match event {
        ServerEvent::MessageCreated(change)
        | ServerEvent::MessageUpdated(change)
        | ServerEvent::MessageDeleted(change) => Some(&change.message),
        _ => None,
    }
}

#[test]
fn of_200_concurrent_posts_each_has_its_own_seq_and_all_subscribers_see_one_order() {
    const POSTS: usize = 200;
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let authors: Vec<_> = (0..10).map(|number| app.guest(&format!("author {number}"))).collect();
    for author in &authors {
        author.join(room.id);
    }
    let mut subscribers: Vec<TestSocket> = (0..3).map(|_| app.socket()).collect();
    for subscriber in &mut subscribers {
        subscriber.subscribe(room.id);
    }
    let barrier = Barrier::new(POSTS);
    let mut sent: Vec<Message> = thread::scope(|scope| {
        let posts: Vec<_> = (0..POSTS)
            .map(|number| {
                let (author, barrier) = (&authors[number % authors.len()], &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    author.send(room.id, &format!("post {number}"))
                })
            })
            .collect();
        posts.into_iter().map(|post| post.join().expect("an answer")).collect()
    });
    sent.sort_by_key(|message| message.seq);
    let seqs: Vec<i64> = sent.iter().map(|message| message.seq.0).collect();
    assert_eq!(seqs, (1..=POSTS as i64).collect::<Vec<_>>());
    assert!(sent.windows(2).all(|pair| pair[1].rev == pair[0].rev.next()));

    for subscriber in &mut subscribers {
        for message in &sent {
            let (rev, event) = subscriber.next_change();
            assert_eq!(rev, message.rev, "in steps of 1");
            assert_eq!(message_of(&event), Some(message));
        }
    }
    assert_eq!(alice.whole_history(room.id), sent);
}

#[test]
fn messages_of_one_sender_keep_their_order() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let grace = app.guest("Grace");
    thread::scope(|scope| {
        for client in [&alice, &grace] {
            scope.spawn(move || client.send_many(room.id, 40));
        }
    });
    let history = alice.whole_history(room.id);
    for client in [&alice, &grace] {
        let own = history.iter().filter(|message| message.author.id == client.user().id);
        let texts: Vec<_> = own.map(|message| message.text.clone().expect("it lives")).collect();
        let expected: Vec<_> = (1..=40).map(|number| format!("message {number}")).collect();
        assert_eq!(texts, expected);
    }
}

#[test]
fn concurrent_changes_of_every_kind_arrive_in_the_order_of_rev() {
    const ROUNDS: usize = 20;
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut subscriber = app.socket();
    let start = subscriber.subscribe(room.id).rev;
    thread::scope(|scope| {
        for writer in 0..4 {
            let (app, alice) = (&app, &alice);
            scope.spawn(move || {
                let author = app.guest(&format!("writer {writer}"));
                for round in 0..ROUNDS {
                    let message = author.send(room.id, &format!("hello {round}"));
                    author.edit(&message, &format!("hello again {round}"));
                    alice.rename_room(room.id, &format!("room {writer} {round}"));
                    author.delete_message(&message);
                }
            });
        }
    });
    let mut copies = BTreeMap::new();
    let mut rev = start;
    // The first message of a writer is two changes: it joins the room.
    for _ in 0..4 * (ROUNDS * 4 + 1) {
        let (next, event) = subscriber.next_change();
        assert_eq!(next, rev.next(), "{event:?}");
        rev = next;
        if let Some(message) = message_of(&event) {
            apply(&mut copies, message);
        }
    }
    assert_eq!(alice.room(room.id).rev, rev);
    let mut seen: Vec<Message> = copies.into_values().collect();
    seen.sort_by_key(|message| message.seq);
    assert_eq!(seen, alice.whole_history(room.id));
}

#[test]
fn a_client_that_resumes_during_writes_gets_every_message_once() {
    const MESSAGES: i64 = 300;
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for number in 0..MESSAGES / 3 {
                    alice.send(room.id, &format!("message {number}"));
                }
            });
        }
        // Each joins at another moment and stays until the end.
        let readers: Vec<_> = (0..12)
            .map(|number| {
                let app = &app;
                scope.spawn(move || {
                    let reader = app.anonymous();
                    let wanted = Rev(room.rev.0 + number * 20);
                    until("so much was written", || (reader.room(room.id).rev >= wanted).then_some(()));
                    let mut socket = TestSocket::connect(&reader);
                    let since = Rev(wanted.0 / 2);
                    let since = since.max(room.rev);
                    let subscribed = socket.resume(room.id, since);
                    let mut rev = since;
                    while rev.0 < room.rev.0 + MESSAGES {
                        let (next, event) = socket.next_change();
                        assert!(matches!(event, ServerEvent::MessageCreated(_)), "{event:?}");
                        assert_eq!(next, rev.next(), "replay up to {}, then live", subscribed.rev);
                        rev = next;
                    }
                    assert!(socket.settle().iter().all(|event| message_of(event).is_none()));
                })
            })
            .collect();
        for reader in readers {
            reader.join().expect("it saw everything");
        }
    });
}

#[test]
fn a_client_that_resumes_during_edits_ends_in_the_state_of_the_server() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let before = alice.send_many(room.id, 20);
    let since = before[19].rev;
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..6 {
                for message in &before[..15] {
                    alice.edit(message, &format!("edit {round}"));
                }
                alice.send(room.id, &format!("new in round {round}"));
            }
            for message in &before[..5] {
                alice.delete_message(message);
            }
        });
        let readers: Vec<_> = (0..6)
            .map(|number| {
                let (app, before, alice) = (&app, &before, &alice);
                scope.spawn(move || {
                    let wanted = Rev(since.0 + number * 10);
                    until("so much was written", || (alice.room(room.id).rev >= wanted).then_some(()));
                    let mut copies: BTreeMap<_, _> = before.iter().map(|one| (one.id, one.clone())).collect();
                    let mut socket = app.socket();
                    let subscribed = socket.resume(room.id, since);
                    let end = Rev(since.0 + 6 * 16 + 5);
                    let mut live = subscribed.rev;
                    let mut replayed = since;
                    while live < end || replayed < subscribed.rev {
                        let (rev, event) = socket.next_change();
                        if rev > subscribed.rev {
                            assert_eq!(rev, live.next(), "live in steps of 1");
                            live = rev;
                        } else {
                            assert!(rev > since, "only what was missed: {event:?}");
                            replayed = replayed.max(rev);
                        }
                        apply(&mut copies, message_of(&event).expect("a message"));
                    }
                    copies
                })
            })
            .collect();
        writer.join().expect("it wrote everything");
        let server: BTreeMap<_, _> =
            alice.whole_history(room.id).into_iter().map(|one| (one.id, one)).collect();
        for reader in readers {
            assert_eq!(reader.join().expect("it saw everything"), server);
        }
    });
}

#[test]
fn concurrent_edits_and_deletions_of_a_message_leave_one_tombstone() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let path = shared::messages::message_path(room.id, message.id);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let attempts: Vec<_> = (0..24)
            .map(|number| {
                let (alice, path) = (&alice, &path);
                scope.spawn(move || match number % 4 {
                    0 => alice.delete(path).status,
                    _ => alice.patch(path, &json!({ "text": format!("edit {number}") })).status,
                })
            })
            .collect();
        attempts.into_iter().map(|attempt| attempt.join().expect("an answer")).collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 200 | 204 | 409)), "{statuses:?}");
    let tombstone = alice.message(room.id, message.id);
    assert_eq!(tombstone.text, None);
    let edits = statuses.iter().filter(|status| **status == 200).count() as i64;
    assert_eq!(tombstone.rev, Rev(message.rev.0 + edits + 1), "one rev for each change");
    assert_eq!(alice.room(room.id).rev, tombstone.rev);
}

#[test]
fn many_messages_with_ids_can_be_repeated_safely() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let path = messages_path(room.id);
    thread::scope(|scope| {
        for writer in 0..4 {
            let (alice, path) = (&alice, &path);
            scope.spawn(move || {
                for number in 0..25 {
                    let body = json!({ "text": format!("{writer}.{number}"), "id": new_message_id() });
                    let first: Message = alice.post(path, &body).expect(201).json();
                    let second: Message = alice.post(path, &body).expect(200).json();
                    assert_eq!(second, first);
                }
            });
        }
    });
    let seqs = support::builders::seqs(&alice.whole_history(room.id));
    assert_eq!(seqs, (1..=100).collect::<Vec<_>>());
}

#[test]
fn invalid_messages_of_a_batch_fail_alone() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let gone = alice.create_room("gone behind the server's back");
    let old = alice.send(room.id, "old");
    app.db().execute(&format!("UPDATE rooms SET deleted_at = now() WHERE id = '{}'", gone.id));
    let body = |text: &str, id: MessageId| json!({ "text": text, "id": id });
    let bodies = [
        (&room, body("good", new_message_id()), 201),
        (&room, body("not what it said", old.id), 409),
        (&gone, body("nobody is there", new_message_id()), 404),
        (&room, body("old", old.id), 200),
        (&room, body("good too", new_message_id()), 201),
    ];

    // While the first one's statement waits for the room, the others queue up behind it.
    let mut locker = app.db().connect();
    sql_query("BEGIN").execute(&mut locker).expect("it runs");
    let lock = format!("SELECT FROM rooms WHERE id = '{}' FOR UPDATE", room.id);
    sql_query(lock).execute(&mut locker).expect("it is there");
    let mut looker = app.db().connect();
    thread::scope(|scope| {
        let first =
            scope.spawn(|| alice.post(&messages_path(room.id), &body("first", new_message_id())).status);
        let waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        until("the writer waits", || {
            (sql_query(waits).execute(&mut looker).expect("it runs") > 0).then_some(())
        });
        let others: Vec<_> = bodies
            .iter()
            .map(|(room, body, status)| {
                let alice = &alice;
                scope.spawn(move || (alice.post(&messages_path(room.id), body).status, *status))
            })
            .collect();
        sql_query("ROLLBACK").execute(&mut locker).expect("it runs");
        assert_eq!(first.join().expect("an answer"), 201);
        for other in others {
            let (status, expected) = other.join().expect("an answer");
            assert_eq!(status, expected);
        }
    });
    assert_eq!(support::builders::seqs(&alice.whole_history(room.id)), [1, 2, 3, 4]);
}
