//! Replies: quotes, threads, and what they say of each other.

use serde_json::{Value, json};
use shared::errors::ErrorCode;
use shared::events::{MessageChange, ServerEvent};
use shared::ids::{MessageId, Rev};
use shared::messages::{Message, MessagePage, changes_path, message_path, messages_path};
use shared::replies::{Context, Quote, ReplyTo, Thread};
use shared::rooms::Room;
use shared::text::InvalidCode;
use support::app::TestApp;
use support::builders::{new_message_id, texts};
use support::client::TestClient;
use support::socket::TestSocket;

fn reply(client: &TestClient, to: &Message, text: &str) -> Message {
    let body = json!({ "text": text, "reply_to": to.id });
    client.post(&messages_path(to.room_id), &body).expect(201).json()
}

fn created(event: &ServerEvent) -> Option<MessageChange> {
    if let ServerEvent::MessageCreated(change) = event { Some(change.clone()) } else { None }
}

fn changed(event: &ServerEvent) -> Option<MessageChange> {
    match event {
        ServerEvent::MessageUpdated(change) | ServerEvent::MessageDeleted(change) => Some(change.clone()),
        _ => None,
    }
}

fn quote(of: &Message, excerpt: &str) -> Quote {
    Quote {
        id: of.id,
        rev: of.rev,
        seq: of.seq,
        author: of.author.clone(),
        excerpt: excerpt.to_owned(),
        deleted: false,
    }
}

fn stage() -> (TestApp, TestClient, TestClient, Room, Message) {
    let app = TestApp::start();
    let (ada, grace) = (app.member("Ada"), app.member("Grace"));
    let room = ada.create_room("engines");
    grace.join(room.id);
    let message = ada.send(room.id, "it weaves\n\npatterns");
    (app, ada, grace, room, message)
}

#[test]
fn a_reply_brings_the_quote_and_the_thread_and_its_root_stays_as_it_is() {
    let (app, ada, grace, room, root) = stage();
    let mut follower = app.socket();
    let before = follower.subscribe(room.id).rev;
    let first = reply(&grace, &root, "like a loom");
    assert_eq!(first.reply_to, Some(ReplyTo { id: root.id, root_id: root.id }));
    assert_eq!((first.rev, first.seq), (before.next(), root.seq.next()));
    let thread = |count, last: &Message| Thread { root_id: root.id, count, last_seq: last.seq };
    let context =
        Context { quotes: vec![quote(&root, "it weaves patterns")], threads: vec![thread(1, &first)] };
    assert_eq!(follower.expect(created).context, context);
    let second = reply(&ada, &first, "exactly");
    assert_eq!(second.reply_to, Some(ReplyTo { id: first.id, root_id: root.id }));
    let context = Context { quotes: vec![quote(&first, "like a loom")], threads: vec![thread(2, &second)] };
    assert_eq!(follower.expect(created).context, context);
    assert_eq!(ada.message(room.id, root.id).rev, root.rev);
    for _ in 0..2 {
        // From the database, and from memory.
        let page: MessagePage = ada.get(&messages_path(room.id)).expect(200).json();
        let quotes = vec![quote(&root, "it weaves patterns"), quote(&first, "like a loom")];
        assert_eq!(page.context.quotes, quotes);
        assert_eq!(page.context.threads, [thread(2, &second)]);
    }
    let changes = ada.get(&format!("{}?since={before}", changes_path(room.id))).expect(200).value();
    assert_eq!(changes["context"]["threads"][0]["count"], 2);
    let one = ada.get(&message_path(room.id, second.id)).expect(200).value();
    assert_eq!(one["context"]["quotes"].as_array().map(Vec::len), Some(1));
    let mut returning = TestSocket::connect(&grace);
    returning.resume(room.id, before);
    assert_eq!(returning.expect(created).context.quotes, [quote(&root, "it weaves patterns")]);
}

#[test]
fn a_page_without_replies_has_no_context() {
    let (_app, ada, _, room, message) = stage();
    let page: Value = ada.get(&messages_path(room.id)).expect(200).value();
    assert_eq!((page.get("context"), page.get("mine")), (None, None));
    let message: Value = ada.get(&message_path(room.id, message.id)).expect(200).value();
    assert_eq!((message.get("context"), message.get("reply_to")), (None, None));
}

#[test]
fn a_quote_is_renewed_when_its_message_changes() {
    let (_app, ada, grace, room, root) = stage();
    let answer = reply(&grace, &root, "like a loom");
    let mut follower = TestSocket::connect(&grace);
    follower.subscribe(room.id);
    grace.get(&messages_path(room.id)).expect(200);
    let edited = ada.edit(&root, "it weaves algebraic patterns");
    assert_eq!(follower.expect(changed).context.quotes, [quote(&edited, "it weaves algebraic patterns")]);
    let page: MessagePage = grace.get(&messages_path(room.id)).expect(200).json();
    assert_eq!(page.context.quotes, [quote(&edited, "it weaves algebraic patterns")]);
    let missed = grace.changes(room.id, Rev(edited.rev.0 - 1));
    assert_eq!(missed.context.quotes, page.context.quotes, "whoever missed the change renews it as well");
    ada.delete_message(&root);
    let deleted = follower.expect(changed).context.quotes.remove(0);
    assert_eq!((deleted.id, deleted.excerpt.as_str(), deleted.deleted), (root.id, "", true));
    let page: MessagePage = grace.get(&messages_path(room.id)).expect(200).json();
    assert_eq!(page.context.quotes, [deleted]);
    // The tombstone of a reply keeps what it answered.
    grace.delete_message(&answer);
    let tombstone = follower.expect(changed).message;
    assert_eq!((tombstone.text, tombstone.reply_to), (None, answer.reply_to));
    let page: MessagePage = grace.get(&messages_path(room.id)).expect(200).json();
    assert_eq!(page.context.threads[0].count, 1, "tombstones count");
}

#[test]
fn a_thread_is_paged_through_with_its_root() {
    let (_app, ada, grace, room, root) = stage();
    ada.send(room.id, "something else");
    let replies: Vec<Message> =
        (0..5).map(|number| reply(&grace, &root, &format!("reply {number}"))).collect();
    ada.send(room.id, "and another thing");
    let path = format!("{}?thread={}", messages_path(room.id), root.id);
    let whole: MessagePage = ada.get(&path).expect(200).json();
    assert_eq!(whole.items.len(), 6);
    assert_eq!((whole.items[0].id, &whole.prev_cursor, &whole.next_cursor), (root.id, &None, &None));
    let newest: MessagePage = ada.get(&format!("{path}&limit=2")).expect(200).json();
    assert_eq!(texts(&newest.items), ["reply 3", "reply 4"]);
    let before = newest.prev_cursor.expect("there are older ones");
    let older: MessagePage = ada.get(&format!("{path}&limit=2&before={before}")).expect(200).json();
    assert_eq!(texts(&older.items), ["reply 1", "reply 2"]);
    let before = older.prev_cursor.expect("there are older ones");
    let answer = ada.get(&format!("{path}&limit=2&before={before}")).expect(200);
    let oldest: MessagePage = answer.json();
    assert_eq!((oldest.items[0].id, &oldest.prev_cursor), (root.id, &None));
    let link = answer.header("link").expect("a link");
    assert!(link.contains(&format!("thread={}", root.id)) && link.contains("rel=\"next\""), "{link}");
    let after = oldest.next_cursor.expect("there are newer ones");
    let newer: MessagePage = ada.get(&format!("{path}&limit=2&after={after}")).expect(200).json();
    assert_eq!(texts(&newer.items), ["reply 1", "reply 2"]);
    assert_eq!(replies.len(), 5);
    ada.get(&format!("{}?thread={}", messages_path(room.id), new_message_id()))
        .problem(404, ErrorCode::MessageNotFound);
    ada.get(&format!("{}?thread=abc", messages_path(room.id)))
        .invalid(&[("/thread", InvalidCode::InvalidFormat)]);
    ada.get(&format!("{path}&around={}", root.id)).invalid(&[("/around", InvalidCode::MutuallyExclusive)]);
}

#[test]
fn what_cannot_be_answered_is_refused_and_nothing_is_stored() {
    let (_app, ada, grace, room, root) = stage();
    let elsewhere = ada.create_room("elsewhere");
    let foreign = ada.send(elsewhere.id, "over here");
    let send = |reply_to: Value| {
        grace.post(&messages_path(room.id), &json!({ "text": "well", "reply_to": reply_to }))
    };
    for unknown in [foreign.id, new_message_id()] {
        send(json!(unknown)).invalid(&[("/reply_to", InvalidCode::UnknownMessage)]);
    }
    send(json!("abc")).invalid(&[("/reply_to", InvalidCode::InvalidFormat)]);
    send(json!(1)).invalid(&[("/reply_to", InvalidCode::InvalidType)]);
    ada.delete_message(&root);
    send(json!(root.id)).problem(409, ErrorCode::MessageDeleted);
    assert_eq!(ada.room(room.id).last_seq, root.seq);
}

#[test]
fn a_repeat_with_another_reply_is_no_repeat() {
    let (_app, ada, grace, room, root) = stage();
    let other = ada.send(room.id, "something else");
    let id = new_message_id();
    let send = |reply_to: Option<MessageId>| {
        let mut body = json!({ "text": "well", "id": id });
        if let Some(reply_to) = reply_to {
            body["reply_to"] = json!(reply_to);
        }
        grace.post(&messages_path(room.id), &body)
    };
    let first: Message = send(Some(root.id)).expect(201).json();
    assert_eq!(send(Some(root.id)).expect(200).json::<Message>(), first);
    send(Some(other.id)).problem(409, ErrorCode::MessageIdReused);
    send(None).problem(409, ErrorCode::MessageIdReused);
    let page: MessagePage = grace.get(&messages_path(room.id)).expect(200).json();
    assert_eq!(page.context.threads[0].count, 1);
}
