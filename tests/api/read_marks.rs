//! How far members have read, on all their devices.

use serde_json::{Value, json};
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::Seq;
use shared::members::Viewer;
use shared::page::Page;
use shared::read_marks::{Notify, ReadMark, notify_path, read_path};
use shared::rooms::{ROOMS_PATH, Room};
use shared::text::InvalidCode;
use support::app::TestApp;
use support::client::TestClient;
use support::socket::TestSocket;
use support::wait::until;

fn mark(client: &TestClient, room: &Room, body: Value) -> ReadMark {
    client.put(&read_path(room.id), &body).expect(200).json()
}

fn read(event: &ServerEvent) -> Option<ReadMark> {
    if let ServerEvent::Read { mark, .. } = event { Some(*mark) } else { None }
}

fn stage() -> (TestApp, TestClient, TestClient, Room) {
    let app = TestApp::start();
    let (ada, grace) = (app.member("Ada"), app.member("Grace"));
    let room = ada.create_room("engines");
    for number in 0..3 {
        ada.send(room.id, &format!("note {number}"));
    }
    grace.join(room.id);
    (app, ada, grace, room)
}

fn last_read(client: &TestClient, room: &Room) -> Option<Seq> {
    client.viewer(room.id).last_read_seq
}

#[test]
fn who_joins_has_read_everything_and_who_sends_their_own_message() {
    let (app, ada, grace, room) = stage();
    let Viewer { last_read_seq, mentions, notify, .. } = grace.viewer(room.id);
    assert_eq!((last_read_seq, mentions, notify), (Some(Seq(3)), Some(0), Some(Notify::Mentions)));
    ada.send(room.id, "one more");
    assert_eq!(last_read(&grace, &room), Some(Seq(3)));
    grace.send(room.id, "an answer");
    assert_eq!(last_read(&grace, &room), Some(Seq(5)), "at once");
    let outside = app.member("Mary").room(room.id).viewer.expect("a viewer");
    assert_eq!((outside.last_read_seq, outside.mentions, outside.notify), (None, None, None));
    let nobody = app.anonymous().room(room.id).viewer.expect("a viewer");
    assert_eq!(nobody.last_read_seq, None);
}

#[test]
fn a_mark_moves_forward_only_and_at_most_to_the_last_message() {
    let (_app, ada, grace, room) = stage();
    ada.send(room.id, "four");
    ada.send(room.id, "five");
    let first = mark(&grace, &room, json!({ "seq": 4 }));
    assert_eq!((first.seq, first.mentions), (Seq(4), 0));
    assert_eq!(mark(&grace, &room, json!({ "seq": 2 })), first, "nothing changed");
    let last = mark(&grace, &room, json!({ "seq": 1000 }));
    assert_eq!(last.seq, Seq(5));
    assert!(last.version > first.version);
    let back = mark(&grace, &room, json!({ "seq": 1, "exact": true }));
    assert_eq!(back.seq, Seq(1));
    assert!(back.version > last.version);
    assert_eq!(last_read(&grace, &room), Some(Seq(1)));
}

#[test]
fn ones_other_sockets_hear_of_the_mark_and_nobody_else() {
    let (_app, ada, grace, room) = stage();
    ada.send(room.id, "four");
    let mut other = TestSocket::connect(&grace);
    let mut of_another = TestSocket::connect(&ada);
    of_another.subscribe(room.id);
    let rev = ada.room(room.id).rev;
    let moved = mark(&grace, &room, json!({ "seq": 4 }));
    assert_eq!(other.expect(read), moved);
    assert_eq!(ada.room(room.id).rev, rev, "it moves no rev");
    let told = of_another.settle();
    let of_ada = ada.viewer(room.id).last_read_seq;
    let foreign = told.iter().filter_map(read).find(|mark| Some(mark.seq) != of_ada);
    assert_eq!(foreign, None);
}

#[test]
fn many_marks_take_few_statements_and_the_last_one_counts() {
    let (_app, ada, grace, room) = stage();
    for number in 0..20 {
        ada.send(room.id, &format!("note {number}"));
    }
    let marks: Vec<ReadMark> = std::thread::scope(|scope| {
        let threads: Vec<_> = (4..=23)
            .map(|seq| {
                let (grace, room) = (&grace, &room);
                scope.spawn(move || mark(grace, room, json!({ "seq": seq })))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("it is answered")).collect()
    });
    assert_eq!(last_read(&grace, &room), Some(Seq(23)));
    let mut versions: Vec<i64> = marks.iter().map(|mark| mark.version).collect();
    versions.sort_unstable();
    versions.dedup();
    assert!(versions.len() < 10, "{} statements", versions.len());
}

#[test]
fn only_members_have_a_mark() {
    let (app, ada, grace, room) = stage();
    let stranger = app.member("Mary");
    stranger.put(&read_path(room.id), &json!({ "seq": 1 })).problem(404, ErrorCode::MemberNotFound);
    stranger.put(&notify_path(room.id), &json!({ "notify": "all" })).problem(404, ErrorCode::MemberNotFound);
    let nobody = app.anonymous();
    nobody.put(&read_path(room.id), &json!({ "seq": 1 })).problem(401, ErrorCode::AuthenticationRequired);
    let private = ada.create_private_room("behind the curtain");
    grace.put(&read_path(private.id), &json!({ "seq": 1 })).problem(404, ErrorCode::RoomNotFound);
    for (body, code) in [
        (json!({}), InvalidCode::Required),
        (json!({ "seq": -1 }), InvalidCode::OutOfRange),
        (json!({ "seq": "1" }), InvalidCode::InvalidType),
        (json!({ "seq": 1.5 }), InvalidCode::OutOfRange),
    ] {
        grace.put(&read_path(room.id), &body).invalid(&[("/seq", code)]);
    }
    let body = json!({ "seq": 1, "exact": 1 });
    grace.put(&read_path(room.id), &body).invalid(&[("/exact", InvalidCode::InvalidType)]);
    grace.leave(room.id);
    grace.put(&read_path(room.id), &json!({ "seq": 1 })).problem(404, ErrorCode::MemberNotFound);
}

#[test]
fn the_level_of_notifications_is_ones_own_in_each_room() {
    let (_app, ada, grace, room) = stage();
    let private = ada.create_private_room("behind the curtain");
    assert_eq!(ada.viewer(private.id).notify, Some(Notify::All));
    let mut other = TestSocket::connect(&grace);
    let answer = grace.put(&notify_path(room.id), &json!({ "notify": "none" })).expect(200).value();
    assert_eq!(answer, json!({ "notify": "none" }));
    assert_eq!(other.viewer_updated(room.id).notify, Some(Notify::None));
    assert_eq!(grace.viewer(room.id).notify, Some(Notify::None));
    assert_eq!(ada.viewer(room.id).notify, Some(Notify::Mentions));
    grace
        .put(&notify_path(room.id), &json!({ "notify": "loud" }))
        .invalid(&[("/notify", InvalidCode::InvalidFormat)]);
    grace.put(&notify_path(room.id), &json!({})).invalid(&[("/notify", InvalidCode::Required)]);
}

#[test]
fn the_rooms_that_a_user_is_in_come_by_latest_activity() {
    let (app, ada, _, engines) = stage();
    let looms = ada.create_room("looms");
    let curtain = ada.create_private_room("behind the curtain");
    let mine = |client: &TestClient, query: &str| -> Page<Room> {
        client.get(&format!("{ROOMS_PATH}?mine=true{query}")).expect(200).json()
    };
    let ids = |page: &Page<Room>| page.items.iter().map(|room| room.id).collect::<Vec<_>>();
    until("the newest room comes first", || {
        (ids(&mine(&ada, "")) == [curtain.id, looms.id, engines.id]).then_some(())
    });
    ada.send(engines.id, "anything new?");
    let page = mine(&ada, "");
    assert_eq!(ids(&page), [engines.id, curtain.id, looms.id]);
    assert!(page.items.iter().all(|room| room.viewer.as_ref().is_some_and(|viewer| viewer.role.is_some())));
    let first = mine(&ada, "&limit=2");
    let cursor = first.next_cursor.clone().expect("there are more");
    let rest = mine(&ada, &format!("&limit=2&cursor={cursor}"));
    assert_eq!((ids(&first).len(), ids(&rest)), (2, vec![looms.id]));
    assert_eq!(rest.next_cursor, None);
    let stranger = app.member("Mary");
    assert!(mine(&stranger, "").items.is_empty());
    app.anonymous().get(&format!("{ROOMS_PATH}?mine=true")).problem(401, ErrorCode::AuthenticationRequired);
}

/// What a member's read mark should be.
#[derive(Debug, Default)]
struct Model {
    /// The `seq` of messages that mention the member now.
    mentioned_in: std::collections::BTreeSet<i64>,
    last_read: i64,
}

impl Model {
    fn unread_mentions(&self) -> u32 {
        let unread = self.mentioned_in.range(self.last_read + 1..).count();
        u32::try_from(unread).expect("few")
    }
}

/// A small generator of numbers (Marsaglia, "Xorshift RNGs", 2003), so that each run does the same.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("it is below a usize")
    }
}

#[test]
fn marks_and_mentions_are_right_on_all_devices_whatever_happens() {
    let app = TestApp::start();
    let (ada, grace) = (app.member("Ada"), app.member("Grace"));
    let room = ada.create_room("engines");
    grace.join(room.id);
    let mut devices: Vec<TestSocket> = (0..2).map(|_| TestSocket::connect(&grace)).collect();
    let (mut numbers, mut model) = (Numbers(0x5EED), Model::default());
    // The messages of Ada that are not deleted, and all messages.
    let (mut messages, mut last_seq) = (Vec::new(), 0);
    for step in 0..120 {
        match numbers.below(9) {
            0 | 1 => {
                let mentions = numbers.below(2) == 0;
                let message = ada.send(room.id, if mentions { "look, @Grace" } else { "nothing special" });
                last_seq = message.seq.0;
                if mentions {
                    model.mentioned_in.insert(last_seq);
                }
                messages.push(message);
            }
            2 if !messages.is_empty() => {
                let message = &messages[numbers.below(messages.len())];
                let mentions = numbers.below(2) == 0;
                ada.edit(message, &format!("edited {step} {}", if mentions { "@Grace" } else { "" }));
                if mentions {
                    model.mentioned_in.insert(message.seq.0);
                } else {
                    model.mentioned_in.remove(&message.seq.0);
                }
            }
            3 if !messages.is_empty() => {
                let message = messages.swap_remove(numbers.below(messages.len()));
                ada.delete_message(&message);
                model.mentioned_in.remove(&message.seq.0);
            }
            4 => {
                last_seq = grace.send(room.id, "an answer").seq.0;
                model.last_read = last_seq;
            }
            5 | 6 => {
                let seq = numbers.below(usize::try_from(last_seq).expect("few") + 2) as i64;
                mark(&grace, &room, json!({ "seq": seq }));
                model.last_read = model.last_read.max(seq.min(last_seq));
            }
            7 => {
                let seq = numbers.below(usize::try_from(last_seq).expect("few") + 2) as i64;
                mark(&grace, &room, json!({ "seq": seq, "exact": true }));
                model.last_read = seq.min(last_seq);
            }
            8 if numbers.below(3) == 0 => {
                grace.leave(room.id);
                grace.join(room.id);
                model.last_read = last_seq;
            }
            _ => {}
        }
        let expected = (Some(Seq(model.last_read)), Some(model.unread_mentions()));
        let told = || {
            let viewer = grace.viewer(room.id);
            (viewer.last_read_seq, viewer.mentions)
        };
        assert_eq!(told(), expected, "after step {step}: {model:?}");
    }
    // A last move, so that every device hears of the state.
    let last = mark(&grace, &room, json!({ "seq": 0, "exact": true }));
    for device in &mut devices {
        let heard = device.expect(|event| read(event).filter(|mark| mark.version >= last.version));
        assert_eq!(heard, last);
    }
}
