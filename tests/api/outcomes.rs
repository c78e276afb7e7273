//! Lost answers of the database: a stored change is acknowledged or reported as unknown, and published once.

use std::thread;

use diesel::connection::SimpleConnection;
use serde_json::json;
use shared::errors::{ErrorCode, Problem};
use shared::events::{MessageChange, ServerEvent};
use shared::ids::MessageId;
use shared::messages::{Message, MessageAnswer, message_path, messages_path};
use shared::reactions::reaction_path;
use shared::rooms::Room;
use shared::sessions::CURRENT_SESSION_PATH;
use shared::users::GUESTS_PATH;
use support::app::start_server;
use support::builders::{new_message_id, seqs, texts};
use support::client::TestClient;
use support::db::TestDb;
use support::proxy::{DbProxy, NewConnections};
use support::socket::TestSocket;
use support::wait::until;

/// A server whose connections to the database can be broken.
pub struct Stage {
    // The order of the fields is that of dropping: the server first.
    server: Option<api::Server>,
    /// The proxy between the server and its database.
    pub proxy: DbProxy,
    db: TestDb,
    /// The owner of `room`.
    pub alice: TestClient,
    /// The room of the test.
    pub room: Room,
}

impl Stage {
    /// A server with one room.
    pub fn new() -> Self {
        let db = TestDb::new();
        let proxy = DbProxy::new(&db);
        let server = start_server(&proxy.url(&db), &["--rate-limits", "off"]);
        let alice = TestClient::guest(server.addr(), "Alice");
        let room = alice.create_room("cut off");
        Self { server: Some(server), proxy, db, alice, room }
    }

    /// The path of the room's messages.
    fn path(&self) -> String {
        messages_path(self.room.id)
    }

    /// A socket that follows no room.
    pub fn socket(&self) -> TestSocket {
        TestSocket::connect(&TestClient::anonymous(self.alice.addr()))
    }

    /// A socket that follows the room.
    pub fn follower(&self) -> TestSocket {
        let mut socket = self.socket();
        socket.subscribe(self.room.id);
        socket
    }

    /// Waits until Postgres has committed `count` rows of that kind.
    fn committed(&self, table: &str, condition: &str, count: i64) {
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let sql = format!("SELECT count(*) AS count FROM {table} WHERE {condition}");
        let mut conn = self.db.connect();
        until("it is committed", || {
            let found: Count =
                diesel::RunQueryDsl::get_result(diesel::sql_query(&sql), &mut conn).expect("a count");
            (found.count == count).then_some(())
        });
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.proxy.disarm();
        self.proxy.open();
        self.proxy.release();
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }
}

/// Makes every edit take 50 ms.
const SLOW_EDITS: &str = "
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END';
    CREATE TRIGGER slow AFTER UPDATE ON messages FOR EACH STATEMENT EXECUTE FUNCTION wait();";

/// Repeats a request with its id until the outcome is known.
pub fn send_until_known(client: &TestClient, path: &str, id: MessageId, text: &str) -> Message {
    let body = json!({ "text": text, "id": id });
    until("the message is stored", || {
        let answer = client.post(path, &body);
        match answer.status {
            200 | 201 => Some(answer.json()),
            503 => {
                let problem: Problem = answer.json();
                let known = [ErrorCode::Unavailable, ErrorCode::OutcomeUnknown, ErrorCode::Overloaded];
                assert!(known.contains(&problem.code), "{problem:?}");
                assert!(answer.header("retry-after").is_some(), "{problem:?}");
                None
            }
            other => panic!("{other}: {}", answer.text()),
        }
    })
}

/// The next change, which creates a message.
fn created(socket: &mut TestSocket) -> MessageChange {
    match socket.next_change().1 {
        ServerEvent::MessageCreated(change) => change,
        event => panic!("{event:?}"),
    }
}

#[test]
fn a_commit_whose_answer_was_lost_is_acknowledged_and_published_once() {
    let stage = Stage::new();
    let mut follower = stage.follower();
    stage.alice.send(stage.room.id, "before");

    stage.proxy.break_at("the unlucky one", NewConnections::Open);
    let id = new_message_id();
    let answer = stage.alice.post(&stage.path(), &json!({ "text": "the unlucky one", "id": id }));
    let message: Message = answer.expect(201).json();
    assert_eq!(stage.proxy.matches(), 1, "the connection broke");
    let after = stage.alice.send(stage.room.id, "after");
    assert_eq!(seqs(&stage.alice.whole_history(stage.room.id)), [1, 2, 3]);
    assert_eq!((message.seq.0, after.seq.0), (2, 3));
    for seq in 1..=3 {
        let change = created(&mut follower);
        assert_eq!((change.message.seq.0, change.rev.0), (seq, stage.room.rev.0 + seq));
    }
    follower.assert_quiet();
}

#[test]
fn a_subscription_between_a_commit_and_its_retry_does_not_prevent_publishing() {
    let stage = Stage::new();
    let mut before = stage.follower();
    let id = new_message_id();

    stage.proxy.break_at("the unlucky one", NewConnections::Held);
    let mut between = stage.socket();
    let message = thread::scope(|scope| {
        let sender = scope.spawn(|| send_until_known(&stage.alice, &stage.path(), id, "the unlucky one"));
        stage.committed("messages", "true", 1);
        let subscribed = between.subscribe(stage.room.id);
        assert_eq!(subscribed.rev, stage.room.rev.next(), "it is readable before it is published");
        stage.proxy.open();
        sender.join().expect("an answer")
    });
    assert_eq!(created(&mut before).message, message);
    assert_eq!(stage.alice.messages(stage.room.id, "limit=30").items, [message]);
    between.assert_quiet();
    let after = stage.alice.send(stage.room.id, "after");
    for socket in [&mut before, &mut between] {
        assert_eq!(created(socket).message, after);
        socket.assert_quiet();
    }
}

#[test]
fn an_unknown_outcome_is_reported_and_published_when_it_is_known() {
    let stage = Stage::new();
    let mut before = stage.follower();
    let id = new_message_id();

    stage.proxy.break_at("the unlucky one", NewConnections::Refused);
    let answer = stage.alice.post(&stage.path(), &json!({ "text": "the unlucky one", "id": id }));
    answer.problem(503, ErrorCode::OutcomeUnknown);
    assert!(answer.header("retry-after").is_some());
    let mut between = stage.follower();

    // The client does not repeat it: the server finds it.
    stage.proxy.open();
    let found = created(&mut before).message;
    assert_eq!((found.id, found.text.as_deref()), (id, Some("the unlucky one")));
    let message = send_until_known(&stage.alice, &stage.path(), id, "the unlucky one");
    assert_eq!(message, found);
    let next = stage.alice.send(stage.room.id, "after");
    assert_eq!(stage.alice.whole_history(stage.room.id), [message, next.clone()], "once");
    for socket in [&mut before, &mut between] {
        assert_eq!(created(socket).message, next);
        socket.assert_quiet();
    }
}

#[test]
fn changes_that_cannot_be_published_one_by_one_are_left_to_the_followers_to_read() {
    let stage = Stage::new();
    let room_id = stage.room.id;
    let mut follower = stage.follower();
    let before = stage.alice.send(room_id, "before");
    assert_eq!(created(&mut follower).message, before);

    stage.proxy.break_at("the unlucky one", NewConnections::Refused);
    let id = new_message_id();
    let body = json!({ "text": "the unlucky one", "id": id });
    stage.alice.post(&stage.path(), &body).problem(503, ErrorCode::OutcomeUnknown);
    // Meanwhile another server edits it, so that only its latest state can be found.
    let other = start_server(stage.db.url(), &["--rate-limits", "off"]);
    let token = stage.alice.token().expect("a guest");
    let alice = TestClient::known(other.addr(), stage.alice.user().clone(), token);
    let edited = alice.edit(&alice.edit(&alice.message(room_id, id), "edited"), "edited again");

    stage.proxy.open();
    follower
        .expect(|event| matches!(event, ServerEvent::Resync { room_id: id } if *id == room_id).then_some(()));
    assert_eq!(stage.alice.changes(room_id, before.rev).messages, [edited]);
    let after = stage.alice.send(room_id, "after");
    assert_eq!(created(&mut follower).message, after);
    other.stop();
}

#[test]
fn a_change_in_doubt_is_published_before_the_changes_that_wait_are_stored() {
    const EDITS: usize = 40;
    let stage = Stage::new();
    let sent = stage.alice.send_many(stage.room.id, EDITS);
    let mut follower = stage.follower();
    stage.db.connect().batch_execute(SLOW_EDITS).expect("a trigger");

    stage.proxy.break_at("the unlucky one", NewConnections::Held);
    let body = json!({ "text": "the unlucky one", "id": new_message_id() });
    thread::scope(|scope| {
        let unlucky = scope.spawn(|| stage.alice.post(&stage.path(), &body));
        until("the connection broke", || (stage.proxy.matches() == 1).then_some(()));
        for message in &sent {
            let path = message_path(stage.room.id, message.id);
            let alice = &stage.alice;
            scope.spawn(move || alice.patch(&path, &json!({ "text": "an edit" })).expect(200));
        }
        unlucky.join().expect("an answer").problem(503, ErrorCode::OutcomeUnknown);
        stage.proxy.open();
        let first = created(&mut follower);
        assert_eq!(first.message.text.as_deref(), Some("the unlucky one"));
        let messages = stage.alice.whole_history(stage.room.id);
        let edited = messages.iter().filter(|message| message.edited_at.is_some()).count();
        assert!(edited < EDITS, "the follower waited for all edits");
    });
}

#[test]
fn an_edit_and_a_deletion_whose_answers_were_lost_are_published_once() {
    let stage = Stage::new();
    let message = stage.alice.send(stage.room.id, "hello");
    let mut follower = stage.follower();
    let path = message_path(stage.room.id, message.id);

    stage.proxy.break_at("COMMIT", NewConnections::Open);
    let edited: Message = stage.alice.patch(&path, &json!({ "text": "hello again" })).expect(200).json();
    assert_eq!(stage.proxy.matches(), 1, "the connection broke");
    assert!(edited.edited_at.is_some());
    assert_eq!(edited, stage.alice.message(stage.room.id, message.id));
    let (rev, event) = follower.next_change();
    assert_eq!(rev, message.rev.next());
    assert!(matches!(&event, ServerEvent::MessageUpdated(change) if change.message == edited), "{event:?}");

    stage.proxy.break_at("COMMIT", NewConnections::Open);
    stage.alice.delete(&path).expect(204);
    let tombstone = stage.alice.message(stage.room.id, message.id);
    assert_eq!(tombstone.rev, edited.rev.next());
    let (_, event) = follower.next_change();
    assert!(
        matches!(&event, ServerEvent::MessageDeleted(change) if change.message == tombstone),
        "{event:?}"
    );
    follower.assert_quiet();
}

#[test]
fn a_reaction_whose_answer_was_lost_is_acknowledged_and_published_once() {
    let stage = Stage::new();
    let message = stage.alice.send(stage.room.id, "it weaves patterns");
    let mut follower = stage.follower();
    // The sum, which is written, and not what is read before.
    stage.proxy.break_at(r#""count":1"#, NewConnections::Open);
    let path = reaction_path(stage.room.id, message.id, "%F0%9F%8E%89");
    let answer: MessageAnswer = stage.alice.put(&path, &json!({})).expect(200).json();
    assert_eq!(stage.proxy.matches(), 1, "the connection broke");
    assert_eq!(answer.mine[&message.id], ["🎉"]);
    let (rev, event) = follower.next_change();
    let ServerEvent::MessageUpdated(change) = event else { panic!("{event:?}") };
    assert_eq!((rev, &change.message), (answer.message.rev, &answer.message));
    let counts: Vec<u32> = change
        .message
        .reactions
        .iter()
        .flat_map(|sum| sum.value())
        .flatten()
        .map(|kind| kind.count)
        .collect();
    assert_eq!(counts, [1]);
    stage.alice.send(stage.room.id, "after");
    assert_eq!(created(&mut follower).rev, rev.next());
}

#[test]
fn messages_of_a_batch_are_acknowledged_even_if_a_repeat_among_them_fails() {
    let stage = Stage::new();
    let mut follower = stage.follower();
    let old = json!({ "text": "an old one", "id": new_message_id() });
    stage.alice.post(&stage.path(), &old).expect(201);
    created(&mut follower);

    // While the writer waits for the answer to this one, the others queue for the next commit.
    stage.proxy.hang_at("the gate");
    let path = stage.path();
    thread::scope(|scope| {
        let gate = scope.spawn(|| stage.alice.send(stage.room.id, "the gate"));
        until("the writer waits", || (stage.proxy.matches() == 1).then_some(()));
        let send = |body| {
            let (alice, path) = (&stage.alice, &path);
            scope.spawn(move || alice.post(path, &body))
        };
        let repeats: Vec<_> = (0..4).map(|_| send(old.clone())).collect();
        let news: Vec<_> = (0..4).map(|number| send(json!({ "text": format!("new {number}") }))).collect();
        for _ in 0..50 {
            stage.alice.get("/livez").expect(200);
        }
        // The query about a repeat, after the new messages are stored.
        stage.proxy.break_always_at("SELECT \"messages\".\"sent_hash\"");
        stage.proxy.release();
        gate.join().expect("an answer");
        for new in news {
            let message: Message = new.join().expect("an answer").expect(201).json();
            let other = created(&mut follower).message;
            assert!(other.text.is_some_and(|text| text.starts_with("new") || text == "the gate"));
            assert_eq!(stage.alice.message(stage.room.id, message.id), message);
        }
        for repeat in repeats {
            // They are judged in a transaction that may write.
            repeat.join().expect("an answer").problem(503, ErrorCode::OutcomeUnknown);
        }
    });
    created(&mut follower);
    follower.assert_quiet();
}

#[test]
fn a_message_that_always_breaks_the_connection_fails_alone() {
    let stage = Stage::new();
    let mut follower = stage.follower();
    let body = json!({ "text": "the poisonous one", "id": new_message_id() });
    stage.proxy.hang_at("the gate");
    let path = stage.path();
    thread::scope(|scope| {
        let gate = scope.spawn(|| stage.alice.send(stage.room.id, "the gate"));
        until("the writer waits", || (stage.proxy.matches() == 1).then_some(()));
        let poison = scope.spawn(|| stage.alice.post(&path, &body));
        let others: Vec<_> = (0..8)
            .map(|number| {
                let (alice, path) = (&stage.alice, &path);
                scope.spawn(move || alice.post(path, &json!({ "text": format!("other {number}") })))
            })
            .collect();
        for _ in 0..50 {
            stage.alice.get("/livez").expect(200);
        }
        stage.proxy.break_always_at("the poisonous one");
        stage.proxy.release();
        gate.join().expect("an answer");
        poison.join().expect("an answer").problem(503, ErrorCode::OutcomeUnknown);
        for other in others {
            other.join().expect("an answer").expect(201);
        }
    });
    assert!(stage.proxy.matches() <= 6, "it was tried {} times", stage.proxy.matches());
    let history = stage.alice.whole_history(stage.room.id);
    assert_eq!(texts(&history).iter().filter(|text| **text == "the poisonous one").count(), 1);
    for message in &history {
        assert_eq!(created(&mut follower).message, *message);
    }
    stage.proxy.disarm();
    stage.alice.post(&stage.path(), &body).expect(200);
    follower.assert_quiet();
}

#[test]
fn writes_outside_of_rooms_report_an_unknown_outcome_too() {
    let stage = Stage::new();
    stage.proxy.break_at("COMMIT", NewConnections::Open);
    let anonymous = TestClient::anonymous(stage.alice.addr());
    let answer = anonymous.post(GUESTS_PATH, &json!({ "username": "Grace" }));
    answer.problem(503, ErrorCode::OutcomeUnknown);
    assert!(answer.header("retry-after").is_some());

    let grace = TestClient::guest(stage.alice.addr(), "Grace");
    stage.proxy.break_at("DELETE FROM \"sessions\"", NewConnections::Open);
    grace.delete(CURRENT_SESSION_PATH).problem(503, ErrorCode::OutcomeUnknown);
    // A read has no unknown outcome.
    stage.proxy.break_at("LATERAL", NewConnections::Open);
    let elsewhere = stage.alice.create_room("elsewhere");
    stage.alice.get(&messages_path(elsewhere.id)).problem(503, ErrorCode::Unavailable);
}
