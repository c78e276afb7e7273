//! Reactions: who reacted how, live, on resume, and what is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;
use std::thread;

use serde_json::{Value, json};
use shared::errors::ErrorCode;
use shared::events::ServerEvent;
use shared::ids::MessageId;
use shared::members::Role;
use shared::messages::{Message, MessageAnswer, MessagePage, changes_path, message_path, messages_path};
use shared::page::Page;
use shared::reactions::{Reaction, reaction_path};
use shared::rooms::Room;
use shared::text::InvalidCode;
use shared::users::User;
use support::app::{TestApp, start_server};
use support::client::TestClient;
use support::http::Response;
use support::socket::TestSocket;

const TADA: &str = "%F0%9F%8E%89";
const HEART: &str = "%E2%9D%A4%EF%B8%8F";

fn react(client: &TestClient, message: &Message, emoji: &str) -> Response {
    client.put(&reaction_path(message.room_id, message.id, emoji), &json!({}))
}

fn take_back(client: &TestClient, message: &Message, emoji: &str) -> Response {
    client.delete(&reaction_path(message.room_id, message.id, emoji))
}

fn reactions(message: &Message) -> Vec<Reaction> {
    message.reactions.as_ref().and_then(|stored| stored.value()).cloned().unwrap_or_default()
}

fn updated(event: &ServerEvent) -> Option<Message> {
    if let ServerEvent::MessageUpdated(change) = event { Some(change.message.clone()) } else { None }
}

fn reacted(event: &ServerEvent) -> Option<(MessageId, String, bool)> {
    if let ServerEvent::Reacted { message_id, emoji, active, .. } = event {
        Some((*message_id, emoji.clone(), *active))
    } else {
        None
    }
}

/// A room of Ada, in which Grace is, too, and a message of Ada.
fn stage() -> (TestApp, TestClient, TestClient, Room, Message) {
    let app = TestApp::start();
    let (ada, grace) = (app.member("Ada"), app.member("Grace"));
    let room = ada.create_room("engines");
    grace.join(room.id);
    let message = ada.send(room.id, "it weaves patterns");
    (app, ada, grace, room, message)
}

#[test]
fn a_reaction_is_answered_counted_and_seen_by_all_with_a_rev() {
    let (app, ada, grace, room, message) = stage();
    let mut follower = app.socket();
    let before = follower.subscribe(room.id).rev;
    let answer: MessageAnswer = react(&grace, &message, TADA).expect(200).json();
    assert_eq!(answer.message.rev, before.next());
    let one = Reaction { emoji: "🎉".to_owned(), count: 1, user_ids: vec![grace.id()] };
    assert_eq!(reactions(&answer.message), std::slice::from_ref(&one));
    assert_eq!(answer.mine[&message.id], ["🎉"]);
    assert_eq!(follower.expect(updated), answer.message);
    react(&ada, &message, HEART).expect(200);
    let both: MessageAnswer = react(&ada, &message, TADA).expect(200).json();
    let expected = [
        Reaction { count: 2, user_ids: vec![grace.id(), ada.id()], ..one },
        Reaction { emoji: "❤️".to_owned(), count: 1, user_ids: vec![ada.id()] },
    ];
    assert_eq!(reactions(&both.message), expected, "in the order of their first use");
    assert_eq!(both.mine[&message.id], ["🎉", "❤️"]);
    assert_eq!(reactions(&ada.message(room.id, message.id)), expected);
}

#[test]
fn a_repeat_moves_nothing_and_the_last_one_taken_back_leaves_nothing() {
    let (_app, _ada, grace, room, message) = stage();
    react(&grace, &message, TADA).expect(200);
    let rev = grace.room(room.id).rev;
    react(&grace, &message, TADA).expect(200);
    take_back(&grace, &message, HEART).expect(200);
    assert_eq!(grace.room(room.id).rev, rev);
    let answer = take_back(&grace, &message, TADA).expect(200).value();
    assert_eq!((answer.get("reactions"), answer.get("mine")), (None, None), "{answer}");
    take_back(&grace, &message, TADA).expect(200);
    assert_eq!(grace.room(room.id).rev, rev.next());
}

#[test]
fn ones_own_reactions_come_with_pages_changes_and_replays_and_go_to_ones_other_sockets() {
    let (app, ada, grace, room, message) = stage();
    let since = room.rev;
    let mut other = TestSocket::connect(&grace);
    let mut of_another = TestSocket::connect(&ada);
    react(&grace, &message, TADA).expect(200);
    assert_eq!(other.expect(reacted), (message.id, "🎉".to_owned(), true));
    let page: MessagePage = grace.get(&messages_path(room.id)).expect(200).json();
    assert_eq!(page.mine[&message.id], ["🎉"]);
    // The same page from memory, because somebody follows the room.
    other.subscribe(room.id);
    for _ in 0..2 {
        let page: MessagePage = grace.get(&messages_path(room.id)).expect(200).json();
        assert_eq!(page.mine[&message.id], ["🎉"]);
        let page: Value = ada.get(&messages_path(room.id)).expect(200).value();
        assert_eq!(page.get("mine"), None);
    }
    let changes = grace.get(&format!("{}?since={since}", changes_path(room.id))).expect(200).value();
    assert_eq!(changes["mine"][message.id.to_string()], json!(["🎉"]));
    let one = grace.get(&message_path(room.id, message.id)).expect(200).value();
    assert_eq!(one["mine"][message.id.to_string()], json!(["🎉"]));
    let mut returning = TestSocket::connect(&grace);
    returning.resume(room.id, since);
    let replayed = returning.expect(|event| match event {
        ServerEvent::MessageCreated(change) => Some(change.clone()),
        _ => None,
    });
    assert_eq!(replayed.mine[&message.id], ["🎉"]);
    take_back(&grace, &message, TADA).expect(200);
    assert_eq!(other.expect(reacted), (message.id, "🎉".to_owned(), false));
    let told = of_another.settle();
    assert!(told.iter().all(|event| reacted(event).is_none()), "{told:?}");
    drop(app);
}

#[test]
fn only_one_emoji_of_the_named_version_is_a_reaction() {
    let (_app, _ada, grace, room, message) = stage();
    let version = grace.get(shared::server::SERVER_PATH).expect(200).value();
    assert_eq!(version["emoji_version"], "16.0");
    let invalid = [("/emoji", InvalidCode::UnknownEmoji)];
    for emoji in ["x", "tada", "%F0%9F%8E%89%F0%9F%8E%89", "1", "%20", "%3Cb%3E", "%F0%9F"] {
        react(&grace, &message, emoji).invalid(&invalid);
        take_back(&grace, &message, emoji).invalid(&invalid);
        grace.get(&reaction_path(room.id, message.id, emoji)).invalid(&invalid);
    }
    // Without the variation selector it is the same emoji.
    let answer: MessageAnswer = react(&grace, &message, "%E2%9D%A4").expect(200).json();
    assert_eq!(reactions(&answer.message)[0].emoji, "❤️");
    let dark = react(&grace, &message, "%F0%9F%91%8D%F0%9F%8F%BF").expect(200);
    assert_eq!(reactions(&dark.json::<MessageAnswer>().message)[1].emoji, "👍🏿");
}

#[test]
fn a_message_has_twenty_kinds_and_each_kind_lists_ten_users() {
    let (app, ada, grace, _, message) = stage();
    for number in 0..20 {
        react(&grace, &message, &format!("%F0%9F%8D%{:X}", 0x80 + number)).expect(200);
    }
    react(&ada, &message, TADA).problem(409, ErrorCode::TooManyReactions);
    react(&ada, &message, "%F0%9F%8D%80").expect(200);
    let members: Vec<TestClient> = (0..12).map(|number| app.member(&format!("Member {number}"))).collect();
    for member in &members {
        let answer: MessageAnswer = react(member, &message, "%F0%9F%8D%80").expect(200).json();
        assert_eq!(answer.mine[&message.id], ["🍀"]);
    }
    let answer = take_back(&members[11], &message, "%F0%9F%8D%80").expect(200).value();
    assert_eq!(answer.get("mine"), None, "{answer}");
    react(&members[11], &message, "%F0%9F%8D%80").expect(200);
    let kind = reactions(&ada.message(message.room_id, message.id)).remove(0);
    assert_eq!((kind.count, kind.user_ids.len()), (14, 10));
    // Users beyond the first ten find their own reactions too, also in the page from memory.
    let (mut follower, nobody) = (app.socket(), app.member("Nobody"));
    for _ in 0..2 {
        for (reader, own) in [(&grace, 20), (&ada, 1), (&members[11], 1), (&nobody, 0)] {
            let page: MessagePage = reader.get(&messages_path(message.room_id)).expect(200).json();
            assert_eq!(
                page.mine.get(&message.id).map_or(0, Vec::len),
                own,
                "{}",
                reader.user().username.as_str()
            );
        }
        follower.subscribe(message.room_id);
    }
    // A user who is listed makes room for the next one.
    take_back(&grace, &message, "%F0%9F%8D%80").expect(200);
    let kind = reactions(&ada.message(message.room_id, message.id)).remove(0);
    let expected: Vec<_> = std::iter::once(&ada).chain(&members).map(TestClient::id).take(10).collect();
    assert_eq!((kind.count, kind.user_ids), (13, expected));
    let path = reaction_path(message.room_id, message.id, "%F0%9F%8D%80");
    let first: Page<User> = ada.get(&format!("{path}?limit=10")).expect(200).json();
    let cursor = first.next_cursor.expect("there are more");
    let rest: Page<User> = ada.get(&format!("{path}?limit=10&cursor={cursor}")).expect(200).json();
    assert_eq!((first.items.len(), rest.items.len(), rest.next_cursor), (10, 3, None));
    ada.get(&format!("{path}?cursor=abc")).problem(400, ErrorCode::InvalidCursor);
}

#[test]
fn a_storm_of_reactions_is_counted_exactly_and_moves_rev_without_gaps() {
    let (app, ada, _grace, room, message) = stage();
    let other = ada.send(room.id, "it weaves leaves");
    let members: Vec<TestClient> = (0..12).map(|number| app.member(&format!("Member {number}"))).collect();
    for member in &members {
        member.join(room.id);
    }
    let mut follower = app.socket();
    let mut rev = follower.subscribe(room.id).rev;
    let barrier = Barrier::new(members.len() + 1);
    thread::scope(|scope| {
        for member in &members {
            scope.spawn(|| {
                barrier.wait();
                react(member, &message, TADA).expect(200);
                let answer: MessageAnswer = react(member, &message, HEART).expect(200).json();
                assert_eq!(answer.mine[&message.id].len(), 2);
                react(member, &other, TADA).expect(200);
                let answer: MessageAnswer = take_back(member, &message, HEART).expect(200).json();
                assert_eq!(answer.mine[&message.id], ["🎉"]);
            });
        }
        scope.spawn(|| {
            barrier.wait();
            ada.send_many(room.id, 20);
        });
    });
    let last = ada.room(room.id).rev;
    let mut seen = BTreeMap::new();
    while rev < last {
        let (next, event) = follower.next_change();
        assert_eq!(next, rev.next(), "{event:?}");
        rev = next;
        seen.extend(updated(&event).map(|message| (message.id, message)));
    }
    for message in [&message, &other] {
        let stored = ada.message(room.id, message.id);
        assert_eq!(seen[&message.id], stored, "the last event is the stored state");
        let kinds = reactions(&stored);
        let [Reaction { emoji, count: 12, user_ids }] = kinds.as_slice() else { panic!("{kinds:?}") };
        assert_eq!((emoji.as_str(), user_ids.len()), ("🎉", 10));
    }
    let first: Page<User> = ada.get(&reaction_path(room.id, message.id, TADA)).expect(200).json();
    let listed: Vec<_> = first.items.iter().map(|user| user.id).take(10).collect();
    assert_eq!(
        reactions(&ada.message(room.id, message.id))[0].user_ids,
        listed,
        "the sum agrees with the rows"
    );
}

#[test]
fn two_servers_on_a_database_count_reactions_to_the_same_message() {
    let (app, ada, grace, room, message) = stage();
    let server = start_server(app.db().url(), &["--rate-limits", "off"]);
    let there = |client: &TestClient| {
        TestClient::known(server.addr(), client.user().clone(), client.token().expect("a session"))
    };
    let (ada_there, grace_there) = (there(&ada), there(&grace));
    thread::scope(|scope| {
        for (client, emoji) in [(&ada, TADA), (&grace, HEART), (&ada_there, HEART), (&grace_there, TADA)] {
            let message = &message;
            scope.spawn(move || {
                for _ in 0..20 {
                    react(client, message, emoji).expect(200);
                    take_back(client, message, emoji).expect(200);
                }
                react(client, message, emoji).expect(200);
            });
        }
    });
    let mut kinds: Vec<_> = reactions(&ada.message(room.id, message.id))
        .into_iter()
        .map(|kind| (kind.emoji, kind.count, kind.user_ids.into_iter().collect::<BTreeSet<_>>()))
        .collect();
    kinds.sort();
    let both = BTreeSet::from([ada.id(), grace.id()]);
    assert_eq!(kinds, [("❤️".to_owned(), 2, both.clone()), ("🎉".to_owned(), 2, both)]);
    server.stop();
}

#[test]
fn reacting_joins_a_public_room_and_needs_the_right() {
    let (app, ada, grace, room, message) = stage();
    let newcomer = app.guest("Newcomer");
    react(&newcomer, &message, TADA).expect(200);
    assert_eq!(ada.role_of(room.id, &newcomer), Some(Role::Guest));
    react(&app.anonymous(), &message, TADA).problem(401, ErrorCode::AuthenticationRequired);
    ada.mute(room.id, &grace);
    react(&grace, &message, TADA).problem(403, ErrorCode::Muted);
    ada.unmute(room.id, &grace);
    ada.set_room(room.id, json!({ "slow_mode_seconds": 3600 }));
    grace.send(room.id, "a message");
    react(&grace, &message, TADA).expect(200);
    ada.ban(room.id, &grace);
    react(&grace, &message, HEART).problem(403, ErrorCode::Banned);
    let unknown = Message { id: support::builders::new_message_id(), ..message.clone() };
    react(&ada, &unknown, TADA).problem(404, ErrorCode::MessageNotFound);
    let elsewhere = Message { room_id: ada.create_private_room("elsewhere").id, ..message.clone() };
    react(&ada, &elsewhere, TADA).problem(404, ErrorCode::MessageNotFound);
    react(&newcomer, &elsewhere, TADA).problem(404, ErrorCode::RoomNotFound);
    ada.delete_message(&message);
    react(&ada, &message, TADA).problem(409, ErrorCode::MessageDeleted);
    let tombstone = ada.get(&message_path(room.id, message.id)).expect(200).value();
    assert_eq!(tombstone.get("reactions"), None);
}

#[test]
fn moderators_remove_a_kind_whole() {
    let (app, ada, grace, room, message) = stage();
    let other = app.member("Mary");
    for client in [&grace, &other] {
        react(client, &message, TADA).expect(200);
    }
    react(&ada, &message, HEART).expect(200);
    let mut own = TestSocket::connect(&grace);
    let path = format!("{}?all=true", reaction_path(room.id, message.id, TADA));
    grace.delete(&path).problem(403, ErrorCode::NotAllowed);
    let answer: MessageAnswer = ada.delete(&path).expect(200).json();
    let kinds: Vec<String> = reactions(&answer.message).into_iter().map(|kind| kind.emoji).collect();
    assert_eq!(kinds, ["❤️"]);
    assert_eq!(own.expect(reacted), (message.id, "🎉".to_owned(), false));
    let rev = ada.room(room.id).rev;
    ada.delete(&path).expect(200);
    assert_eq!(ada.room(room.id).rev, rev);
    assert_eq!(ada.audit(room.id)[0].action, "delete_reactions");
    ada.delete(&path.replace("true", "maybe")).invalid(&[("/all", InvalidCode::InvalidType)]);
}

#[test]
fn erasing_an_account_removes_its_reactions() {
    let (_app, ada, grace, room, message) = stage();
    react(&ada, &message, TADA).expect(200);
    react(&grace, &message, TADA).expect(200);
    react(&grace, &message, HEART).expect(200);
    let body = json!({ "password": support::client::PASSWORD, "messages": "erase" });
    grace.post(shared::users::DELETION_PATH, &body).expect(204);
    support::wait::until("the reactions are gone", || {
        let left = reactions(&ada.message(room.id, message.id));
        let only = Reaction { emoji: "🎉".to_owned(), count: 1, user_ids: vec![ada.id()] };
        (left == [only]).then_some(())
    });
}

#[test]
fn a_user_reacts_ten_times_in_ten_seconds() {
    let app = TestApp::with(&[]);
    let ada = app.member("Ada");
    let room = ada.create_room("engines");
    let message = ada.send(room.id, "it weaves patterns");
    // The bucket fills again while requests are answered.
    let refused = (0..200).map(|_| react(&ada, &message, TADA)).find(|answer| answer.status != 200);
    refused.expect("too many").problem(429, ErrorCode::RateLimited);
}
