//! Pagination by cursor: forwards, backwards and around a message.

use std::collections::BTreeMap;

use shared::errors::ErrorCode;
use shared::ids::RoomId;
use shared::messages::{Message, messages_path};
use shared::page::Page;
use shared::rooms::{ROOMS_PATH, Room};
use shared::text::InvalidCode;
use support::app::TestApp;
use support::builders::{new_message_id, seqs};
use support::client::TestClient;
use support::http::Response;

/// The targets of a `Link` header (RFC 8288) by their `rel`.
fn links(answer: &Response) -> BTreeMap<String, String> {
    let header = answer.header("link").unwrap_or_default();
    let links = header.split(", ").filter(|link| !link.is_empty()).map(|link| {
        let (target, parameters) = link.split_once('>').expect("a target in angle brackets");
        let rel =
            parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("rel=")).expect("a rel");
        (rel.trim_matches('"').to_owned(), target.trim_start_matches('<').to_owned())
    });
    links.collect()
}

/// The path and query of a link, absolute or not.
fn path_of(link: &str) -> String {
    match link.split_once("://") {
        Some((_, rest)) => rest[rest.find('/').expect("a path")..].to_owned(),
        None => link.to_owned(),
    }
}

fn names(page: &Page<Room>) -> Vec<&str> {
    page.items.iter().map(|room| room.name.as_str()).collect()
}

fn rooms(client: &TestClient, query: &str) -> Page<Room> {
    client.get(&format!("{ROOMS_PATH}?{query}")).expect(200).json()
}

fn alice_with_messages(app: &TestApp, count: usize) -> (TestClient, RoomId, Vec<Message>) {
    let (alice, room) = app.alice_in_a_room();
    let messages = alice.send_many(room.id, count);
    (alice, room.id, messages)
}

// reference: messages-history
#[test]
fn without_a_cursor_the_page_has_the_newest_30_messages_oldest_first() {
    let app = TestApp::start();
    let (alice, room_id, messages) = alice_with_messages(&app, 35);
    let page: Page<Message> = alice.get(&messages_path(room_id)).expect(200).json();
    assert_eq!(page.items, messages[5..]);
    assert_eq!(page.next_cursor, None, "these are the newest");
    assert!(page.prev_cursor.is_some(), "there are older ones");
}

#[test]
fn an_empty_room_is_one_empty_page() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let answer = alice.get(&messages_path(room.id)).expect(200);
    assert_eq!(answer.value(), serde_json::json!({ "items": [], "next_cursor": null, "prev_cursor": null }));
    assert_eq!(answer.header("link"), None);
}

// reference: messages-history
#[test]
fn walking_back_shows_every_message_once_and_ends_at_the_first() {
    let app = TestApp::start();
    let (alice, room_id, messages) = alice_with_messages(&app, 21);
    for limit in [1, 2, 7, 20, 21, 22] {
        let mut page = alice.messages(room_id, &format!("limit={limit}"));
        let mut seen = page.items.clone();
        while let Some(cursor) = &page.prev_cursor {
            page = alice.messages(room_id, &format!("limit={limit}&before={cursor}"));
            assert!(!page.items.is_empty() && page.items.len() <= limit, "{page:?}");
            assert!(page.next_cursor.is_some(), "there are newer ones");
            seen.splice(0..0, page.items.clone());
        }
        assert_eq!(seen, messages, "limit {limit}");
    }
}

#[test]
fn walking_forward_shows_every_message_once_and_ends_at_the_newest() {
    let app = TestApp::start();
    let (alice, room_id, messages) = alice_with_messages(&app, 21);
    for limit in [1, 5, 20] {
        let mut page = alice.messages(room_id, &format!("limit={limit}&around={}", messages[0].id));
        while let Some(cursor) = &page.prev_cursor {
            page = alice.messages(room_id, &format!("limit={limit}&before={cursor}"));
        }
        let mut seen = page.items.clone();
        while let Some(cursor) = &page.next_cursor {
            page = alice.messages(room_id, &format!("limit={limit}&after={cursor}"));
            assert!(!page.items.is_empty() && page.items.len() <= limit, "{page:?}");
            assert!(page.prev_cursor.is_some(), "there are older ones");
            seen.extend(page.items.clone());
        }
        assert_eq!(seen, messages, "limit {limit}");
    }
}

#[test]
fn messages_sent_meanwhile_do_not_shift_pages() {
    let app = TestApp::start();
    let (alice, room_id, messages) = alice_with_messages(&app, 9);
    let newest = alice.messages(room_id, "limit=3");
    alice.send_many(room_id, 4);
    let cursor = newest.prev_cursor.expect("there are older ones");
    let older = alice.messages(room_id, &format!("limit=3&before={cursor}"));
    assert_eq!(older.items, messages[3..6]);
    // And back: the page that was the newest now has a next one.
    let cursor = older.next_cursor.expect("there are newer ones");
    let newer = alice.messages(room_id, &format!("limit=3&after={cursor}"));
    assert_eq!(newer.items, messages[6..9]);
    let cursor = newer.next_cursor.expect("there are newer ones now");
    assert_eq!(seqs(&alice.messages(room_id, &format!("after={cursor}")).items), [10, 11, 12, 13]);
}

#[test]
fn a_cursor_stays_valid_when_its_message_is_deleted() {
    let app = TestApp::start();
    let (alice, room_id, messages) = alice_with_messages(&app, 9);
    let page = alice.messages(room_id, "limit=3");
    let before = page.prev_cursor.expect("there are older ones");
    let middle = alice.messages(room_id, &format!("limit=3&before={before}"));
    let after = middle.next_cursor.expect("there are newer ones");
    for message in &messages {
        alice.delete_message(message);
    }
    assert_eq!(seqs(&alice.messages(room_id, &format!("limit=3&before={before}")).items), [4, 5, 6]);
    assert_eq!(seqs(&alice.messages(room_id, &format!("limit=3&after={after}")).items), [7, 8, 9]);
    let tombstones = alice.whole_history(room_id);
    assert_eq!(seqs(&tombstones), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert!(tombstones.iter().all(|message| message.text.is_none() && message.deleted_at.is_some()));
}

#[test]
fn a_page_around_a_message_contains_it_and_has_both_cursors() {
    let app = TestApp::start();
    let (alice, room_id, messages) = alice_with_messages(&app, 21);
    for (index, message) in messages.iter().enumerate() {
        let page = alice.messages(room_id, &format!("limit=5&around={}", message.id));
        let found = seqs(&page.items);
        assert!(page.items.contains(message), "{found:?} does not hold {}", message.seq);
        assert_eq!(page.items.len(), 5, "there are enough around {}", message.seq);
        assert!(found.windows(2).all(|pair| pair[1] == pair[0] + 1), "{found:?}");
        assert_eq!(page.prev_cursor.is_none(), found[0] == 1, "{found:?}");
        assert_eq!(page.next_cursor.is_none(), found.last() == Some(&21), "{found:?}");
        if (2..19).contains(&index) {
            assert_eq!(page.items[2], *message, "it stands in the middle");
        }
        if let Some(cursor) = page.prev_cursor {
            let older = alice.messages(room_id, &format!("limit=5&before={cursor}"));
            assert_eq!(older.items.last().map(|message| message.seq.0), Some(found[0] - 1));
        }
        if let Some(cursor) = page.next_cursor {
            let newer = alice.messages(room_id, &format!("limit=5&after={cursor}"));
            assert_eq!(newer.items.first().map(|message| message.seq.0), found.last().map(|seq| seq + 1));
        }
    }
}

#[test]
fn a_page_can_lie_around_a_tombstone_a_number_or_a_cursor() {
    let app = TestApp::start();
    let (alice, room_id, messages) = alice_with_messages(&app, 9);
    alice.delete_message(&messages[4]);
    let page = alice.messages(room_id, &format!("limit=3&around={}", messages[4].id));
    assert_eq!(seqs(&page.items), [4, 5, 6]);
    assert_eq!(alice.messages(room_id, "limit=3&around=5"), page);
    let last = alice.messages(room_id, "limit=3&around=9223372036854775807");
    assert_eq!(seqs(&last.items), [7, 8, 9]);
    let cursor = page.prev_cursor.expect("there are older ones");
    let around = alice.messages(room_id, &format!("limit=5&around={cursor}"));
    assert!(seqs(&around.items).contains(&4), "{around:?}");
}

#[test]
fn a_page_around_an_unknown_message_is_not_found() {
    let app = TestApp::start();
    let (alice, room_id, messages) = alice_with_messages(&app, 1);
    let other = alice.create_room("other room");
    for (room_id, id) in [(room_id, new_message_id()), (other.id, messages[0].id)] {
        let answer = alice.get(&format!("{}?around={id}", messages_path(room_id)));
        answer.problem(404, ErrorCode::MessageNotFound);
    }
}

#[test]
fn links_refer_to_the_pages_of_the_cursors() {
    let app = TestApp::start();
    let (alice, room_id, messages) = alice_with_messages(&app, 9);
    let newest = alice.get(&format!("{}?limit=3", messages_path(room_id))).expect(200);
    let newest_links = links(&newest);
    assert_eq!(newest_links.keys().collect::<Vec<_>>(), ["prev"]);
    let middle = alice.get(&path_of(&newest_links["prev"])).expect(200);
    assert_eq!(middle.json::<Page<Message>>().items, messages[3..6]);
    let middle_links = links(&middle);
    assert_eq!(middle_links.keys().collect::<Vec<_>>(), ["next", "prev"]);
    assert_eq!(
        alice.get(&path_of(&middle_links["next"])).expect(200).body,
        newest_page_again(&alice, room_id)
    );
    let oldest = alice.get(&path_of(&middle_links["prev"])).expect(200);
    assert_eq!(oldest.json::<Page<Message>>().items, messages[..3]);
    assert_eq!(links(&oldest).keys().collect::<Vec<_>>(), ["next"]);
}

fn newest_page_again(alice: &TestClient, room_id: RoomId) -> Vec<u8> {
    alice.get(&format!("{}?limit=3", messages_path(room_id))).expect(200).body
}

#[test]
fn a_malformed_cursor_is_reported() {
    let app = TestApp::start();
    let (alice, room_id, _) = alice_with_messages(&app, 3);
    let real = alice.messages(room_id, "limit=1").prev_cursor.expect("there are older ones").0;
    let malformed = [
        "",
        "x",
        "!!!",
        "%00",
        "%FF%FE",
        "AAAA",
        "null",
        "-1",
        "3",
        &real[1..],
        &format!("{real}{real}"),
        &format!("{real}="),
        &"A".repeat(2_000),
    ]
    .map(str::to_owned);
    for cursor in &malformed {
        // Around a number is around the message that has it.
        let parameters: &[&str] =
            if cursor == "3" { &["before", "after"] } else { &["before", "after", "around"] };
        for parameter in parameters {
            let answer = alice.get(&format!("{}?{parameter}={cursor}", messages_path(room_id)));
            assert_eq!(answer.status, 400, "{parameter}={cursor}");
            answer.problem(400, ErrorCode::InvalidCursor);
        }
        let answer = alice.get(&format!("{ROOMS_PATH}?cursor={cursor}"));
        assert_eq!(answer.status, 400, "cursor={cursor}");
        answer.problem(400, ErrorCode::InvalidCursor);
    }
}

#[test]
fn positions_are_mutually_exclusive() {
    let app = TestApp::start();
    let (alice, room_id, messages) = alice_with_messages(&app, 3);
    let cursor = alice.messages(room_id, "limit=1").prev_cursor.expect("there are older ones");
    for query in [
        format!("before={cursor}&after={cursor}"),
        format!("before={cursor}&around={}", messages[0].id),
        format!("after={cursor}&around={}", messages[0].id),
    ] {
        let answer = alice.get(&format!("{}?{query}", messages_path(room_id)));
        let problem = answer.problem(422, ErrorCode::ValidationFailed);
        assert!(
            problem.errors.iter().all(|error| error.code == InvalidCode::MutuallyExclusive),
            "{problem:?}"
        );
        assert!(!problem.errors.is_empty());
    }
}

#[test]
fn a_page_has_1_to_100_items_by_choice() {
    let app = TestApp::start();
    let (alice, room_id, _) = alice_with_messages(&app, 3);
    for path in [ROOMS_PATH.to_owned(), messages_path(room_id), format!("{ROOMS_PATH}/{room_id}/changes")] {
        let since = if path.ends_with("changes") { "&since=0" } else { "" };
        for limit in ["1", "100"] {
            alice.get(&format!("{path}?limit={limit}{since}")).expect(200);
        }
        for limit in ["0", "101", "-1", "99999999999999999999", "1.5", "many", "", "%00"] {
            let answer = alice.get(&format!("{path}?limit={limit}{since}"));
            let problem = answer.problem(422, ErrorCode::ValidationFailed);
            let pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(pointers, ["/limit"], "limit={limit} of {path}");
        }
    }
}

// reference: rooms-list
#[test]
fn the_list_of_rooms_has_30_rooms_per_page_oldest_first() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let mut expected = vec!["Lobby".to_owned()];
    for number in 1..=33 {
        let name = format!("room {number}");
        grace.create_room(&name);
        expected.push(name);
    }
    let first: Page<Room> = grace.get(ROOMS_PATH).expect(200).json();
    assert_eq!(names(&first), expected[..30]);
    assert_eq!(first.prev_cursor, None);
    let second = rooms(&grace, &format!("cursor={}", first.next_cursor.expect("there are more")));
    assert_eq!(names(&second), expected[30..]);
    assert_eq!(second.next_cursor, None);
}

#[test]
fn the_list_of_rooms_is_paged_in_both_directions() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    for name in ["b", "a", "d", "c", "e", "f"] {
        grace.create_room(name);
    }
    let expected = ["Lobby", "b", "a", "d", "c", "e", "f"];
    for limit in [1, 2, 3, 7] {
        let mut page = rooms(&grace, &format!("limit={limit}"));
        let mut seen: Vec<String> = names(&page).into_iter().map(str::to_owned).collect();
        while let Some(cursor) = &page.next_cursor {
            page = rooms(&grace, &format!("limit={limit}&cursor={cursor}"));
            seen.extend(names(&page).into_iter().map(str::to_owned));
        }
        assert_eq!(seen, expected, "forwards by {limit}");
        let mut seen: Vec<String> = names(&page).into_iter().map(str::to_owned).collect();
        while let Some(cursor) = &page.prev_cursor {
            page = rooms(&grace, &format!("limit={limit}&cursor={cursor}"));
            seen.splice(0..0, names(&page).into_iter().map(str::to_owned));
        }
        assert_eq!(seen, expected, "backwards by {limit}");
    }
}

#[test]
fn the_list_of_rooms_has_links_in_both_directions() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    for name in ["a", "b", "c", "d"] {
        grace.create_room(name);
    }
    let first = grace.get(&format!("{ROOMS_PATH}?limit=2")).expect(200);
    assert_eq!(links(&first).keys().collect::<Vec<_>>(), ["next"]);
    let second = grace.get(&path_of(&links(&first)["next"])).expect(200);
    assert_eq!(names(&second.json()), ["b", "c"]);
    assert_eq!(links(&second).keys().collect::<Vec<_>>(), ["next", "prev"]);
    assert_eq!(names(&grace.get(&path_of(&links(&second)["prev"])).expect(200).json()), ["Lobby", "a"]);
    let last = grace.get(&path_of(&links(&second)["next"])).expect(200);
    assert_eq!(names(&last.json()), ["d"]);
    assert_eq!(links(&last).keys().collect::<Vec<_>>(), ["prev"]);
}

#[test]
fn a_room_lists_cursor_stays_valid_when_its_room_is_deleted() {
    let app = TestApp::start();
    let grace = app.guest("Grace");
    let rooms_made = ["a", "b", "c", "d"].map(|name| grace.create_room(name));
    let first = rooms(&grace, "limit=3");
    assert_eq!(names(&first), ["Lobby", "a", "b"]);
    let cursor = first.next_cursor.expect("there are more");
    grace.delete_room(rooms_made[1].id);
    grace.delete_room(rooms_made[2].id);
    assert_eq!(names(&rooms(&grace, &format!("limit=3&cursor={cursor}"))), ["d"]);
}

#[test]
fn the_list_of_rooms_has_the_number_of_users_online() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut socket = support::socket::TestSocket::connect(&alice);
    socket.subscribe(room.id);
    let listed = rooms(&alice, "limit=100").items;
    let online: Vec<_> = listed.iter().map(|room| (room.name.as_str(), room.online)).collect();
    assert_eq!(online, [("Lobby", 0), ("Alice's room", 1)]);
    assert_eq!(alice.room(room.id).online, 1);
}
