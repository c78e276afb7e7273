//! The protocol's JSON, letter by letter: whoever changes one of these changes what strangers have to read.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::edits::Edit;
use shared::errors::{ErrorCode, FieldError, LimitScope, Problem};
use shared::events::{
    ClientCommand, MemberChange, MessageChange, RoomChange, ServerEvent, Subscription, Subscriptions,
};
use shared::files::{AltText, Attachment, AttachmentClaim};
use shared::formatting::{Block, Element, Inline};
use shared::ids::{MessageId, Rev, RoomId, Seq, UserId};
use shared::members::{LeaveReason, Member, MembershipChange, Operation, RemovalReason, Role, Viewer};
use shared::messages::{Author, Changes, CreateMessage, Message, UpdateMessage};
use shared::page::{Cursor, Page};
use shared::reactions::{Mine, Reaction};
use shared::read_marks::{Notify, PutNotify, PutRead, ReadMark};
use shared::replies::{Context, Quote, ReplyTo, Thread};
use shared::rooms::{CreateRoom, Posting, Room, RoomName, Topic, UpdateRoom, Visibility};
use shared::stored::Stored;
use shared::text::{Invalid, InvalidCode, Length};
use shared::timestamp::Timestamp;
use shared::users::{User, UserKind, Username};

const ROOM: &str = "0190a5b0-0000-7000-8000-000000000001";
const MESSAGE: &str = "0190a5b0-0000-7000-8000-000000000002";
const USER: &str = "0190a5b0-0000-7000-8000-000000000003";

fn time(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_700_000_000_000 + millis).expect("in the calendar")
}

fn room_id() -> RoomId {
    ROOM.parse().expect("a UUID")
}

fn message_id() -> MessageId {
    MESSAGE.parse().expect("a UUID")
}

fn user_id() -> UserId {
    USER.parse().expect("a UUID")
}

fn room() -> Room {
    Room {
        id: room_id(),
        name: RoomName::from_stored("Lobby".to_owned()),
        topic: Some(Topic::from_stored("All of it".to_owned())),
        visibility: Visibility::Public,
        is_own: true,
        avatar_url: None,
        created_by: None,
        created_at: time(0),
        updated_at: time(1),
        last_seq: Seq(41),
        rev: Rev(42),
        online: 2,
        member_count: 3,
        slow_mode_seconds: 4,
        posting: Posting::All,
        viewer: None,
    }
}

fn room_json() -> Value {
    json!({
        "id": ROOM, "name": "Lobby", "topic": "All of it", "visibility": "public", "is_own": true,
        "created_by": null, "created_at": "2023-11-14T22:13:20.000Z", "updated_at": "2023-11-14T22:13:20.001Z",
        "last_seq": 41, "rev": 42, "online": 2, "member_count": 3, "slow_mode_seconds": 4, "posting": "all"
    })
}

fn viewer() -> Viewer {
    Viewer {
        role: Some(Role::Moderator),
        muted_until: Some(time(6)),
        banned: false,
        last_read_seq: Some(Seq(40)),
        mentions: Some(1),
        read_version: Some(3),
        notify: Some(Notify::Mentions),
        may: vec![Operation::View, Operation::DeleteAnyMessage],
    }
}

fn viewer_json() -> Value {
    json!({
        "role": "moderator", "muted_until": "2023-11-14T22:13:20.006Z", "banned": false,
        "last_read_seq": 40, "mentions": 1, "read_version": 3, "notify": "mentions",
        "may": ["view", "delete_any_message"]
    })
}

fn member() -> Member {
    Member { user: user(), role: Role::Guest, joined_at: time(7), muted_until: None }
}

fn member_json() -> Value {
    json!({ "user": user_json(), "role": "guest", "joined_at": "2023-11-14T22:13:20.007Z" })
}

fn user() -> User {
    User {
        id: user_id(),
        username: Username::from_stored("Grace".to_owned()),
        kind: UserKind::Guest,
        avatar_url: None,
        created_at: time(2),
        deleted_at: None,
    }
}

fn user_json() -> Value {
    json!({ "id": USER, "username": "Grace", "kind": "guest", "created_at": "2023-11-14T22:13:20.002Z" })
}

fn message() -> Message {
    Message {
        id: message_id(),
        room_id: room_id(),
        seq: Seq(41),
        rev: Rev(42),
        author: Author::from(&user()),
        text: Some("hello".to_owned()),
        body: None,
        attachments: Vec::new(),
        reply_to: None,
        reactions: None,
        pinned_at: None,
        created_at: time(3),
        edited_at: Some(time(4)),
        deleted_at: None,
    }
}

fn message_json() -> Value {
    json!({
        "id": MESSAGE, "room_id": ROOM, "seq": 41, "rev": 42,
        "author": { "id": USER, "username": "Grace", "kind": "guest" }, "text": "hello",
        "created_at": "2023-11-14T22:13:20.003Z", "edited_at": "2023-11-14T22:13:20.004Z", "deleted_at": null
    })
}

/// The value is written so, and what is written so is that value.
#[track_caller]
fn golden<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T, wire: Value) {
    assert_eq!(serde_json::to_value(&value).expect("it is JSON"), wire);
    assert_eq!(serde_json::from_value::<T>(wire).expect("it is read"), value);
}

fn message_change() -> MessageChange {
    MessageChange::of(message())
}

fn room_change() -> RoomChange {
    RoomChange { room: room(), rev: Rev(42) }
}

#[test]
fn hello_greets_with_a_user_and_without() {
    let hello = |user| ServerEvent::Hello {
        server_version: "1.2.3".to_owned(),
        heartbeat_seconds: 25,
        epoch: ROOM.parse().unwrap(),
        user,
    };
    let greeting =
        json!({ "type": "hello", "server_version": "1.2.3", "heartbeat_seconds": 25, "epoch": ROOM });
    golden(hello(None), greeting);
    golden(
        hello(Some(user())),
        json!({
            "type": "hello", "server_version": "1.2.3", "heartbeat_seconds": 25, "epoch": ROOM,
            "user": user_json(),
        }),
    );
}

#[test]
fn subscribed_tells_the_room_its_rev_and_who_is_there() {
    golden(
        ServerEvent::Subscribed { room: room(), rev: Rev(42), online: vec![user()], visitors: 3 },
        json!({ "type": "subscribed", "room": room_json(), "rev": 42, "online": [user_json()], "visitors": 3 }),
    );
}

#[test]
fn changes_of_messages_carry_the_whole_message() {
    let wire = |kind: &str| json!({ "type": kind, "room_id": ROOM, "rev": 42, "message": message_json() });
    golden(ServerEvent::MessageCreated(message_change()), wire("message_created"));
    golden(ServerEvent::MessageUpdated(message_change()), wire("message_updated"));
    golden(ServerEvent::MessageDeleted(message_change()), wire("message_deleted"));
}

#[test]
fn a_tombstone_has_no_text_and_says_when() {
    let tombstone = Message { text: None, deleted_at: Some(time(5)), ..message() };
    let wire = serde_json::to_value(&tombstone).unwrap();
    assert_eq!((&wire["text"], &wire["deleted_at"]), (&Value::Null, &json!("2023-11-14T22:13:20.005Z")));
}

#[test]
fn changes_of_rooms_carry_the_whole_room() {
    let wire = |kind: &str| json!({ "type": kind, "room": room_json(), "rev": 42 });
    golden(ServerEvent::RoomCreated(room_change()), wire("room_created"));
    golden(ServerEvent::RoomUpdated(room_change()), wire("room_updated"));
    golden(ServerEvent::RoomDeleted(room_change()), wire("room_deleted"));
}

#[test]
fn changes_of_memberships_carry_the_member_or_say_who_is_gone_and_why() {
    let change = || MemberChange { room_id: room_id(), rev: Rev(42), member: member() };
    let wire = |kind: &str| json!({ "type": kind, "room_id": ROOM, "rev": 42, "member": member_json() });
    golden(ServerEvent::MemberJoined(change()), wire("member_joined"));
    golden(ServerEvent::MemberUpdated(change()), wire("member_updated"));
    for (reason, name) in
        [(LeaveReason::Left, "left"), (LeaveReason::Removed, "removed"), (LeaveReason::Banned, "banned")]
    {
        golden(
            ServerEvent::MemberLeft { room_id: room_id(), rev: Rev(42), user_id: user_id(), reason },
            json!({ "type": "member_left", "room_id": ROOM, "rev": 42, "user_id": USER, "reason": name }),
        );
    }
}

#[test]
fn what_concerns_one_person_is_sent_to_that_person() {
    let mine = Room { viewer: Some(viewer()), ..room() };
    let mut mine_json = room_json();
    mine_json["viewer"] = viewer_json();
    golden(ServerEvent::RoomAdded { room: mine }, json!({ "type": "room_added", "room": mine_json }));
    golden(
        ServerEvent::ViewerUpdated { room_id: room_id(), viewer: viewer() },
        json!({ "type": "viewer_updated", "room_id": ROOM, "viewer": viewer_json() }),
    );
    for (reason, wire) in [
        (RemovalReason::Left, "left"),
        (RemovalReason::Removed, "removed"),
        (RemovalReason::Banned, "banned"),
        (RemovalReason::MadePrivate, "made_private"),
        (RemovalReason::Deleted, "deleted"),
    ] {
        let name = RoomName::from_stored("Lobby".to_owned());
        golden(
            ServerEvent::RoomRemoved { room_id: room_id(), name, reason },
            json!({ "type": "room_removed", "room_id": ROOM, "name": "Lobby", "reason": wire }),
        );
    }
}

#[test]
fn formatted_text_is_a_tree_of_tagged_nodes_and_bare_strings() {
    let text = |text: &str| Inline::Text(text.to_owned());
    let element = Inline::Element;
    let inline = vec![
        text("see "),
        element(Element::B { c: vec![text("this"), element(Element::Br)] }),
        element(Element::I { c: vec![element(Element::S { c: vec![text("or")] })] }),
        element(Element::Code { text: "that".to_owned() }),
        element(Element::A { href: "https://example.org".to_owned(), c: vec![text("there")] }),
        element(Element::Spoiler { c: vec![text("why")] }),
        element(Element::User { id: user_id(), text: "@Grace".to_owned() }),
        element(Element::Room { id: room_id(), text: "#Lobby".to_owned() }),
        element(Element::Everyone),
    ];
    let blocks = vec![
        Block::P { c: inline },
        Block::H { l: 2, c: vec![text("more")] },
        Block::Pre { lang: Some("rust".to_owned()), text: "fn main() {}".to_owned() },
        Block::Pre { lang: None, text: "x".to_owned() },
        Block::Quote { c: vec![Block::P { c: vec![text("quoted")] }] },
        Block::Ul { c: vec![vec![Block::P { c: vec![text("item")] }]] },
        Block::Ol { start: 1, c: vec![vec![Block::P { c: vec![text("first")] }]] },
    ];
    golden(
        Message { body: Some(Stored::Value(blocks)), ..message() }.body,
        json!([
            { "t": "p", "c": [
                "see ", { "t": "b", "c": ["this", { "t": "br" }] }, { "t": "i", "c": [{ "t": "s", "c": ["or"] }] },
                { "t": "code", "text": "that" }, { "t": "a", "href": "https://example.org", "c": ["there"] },
                { "t": "spoiler", "c": ["why"] }, { "t": "user", "id": USER, "text": "@Grace" },
                { "t": "room", "id": ROOM, "text": "#Lobby" }, { "t": "everyone" }
            ] },
            { "t": "h", "l": 2, "c": ["more"] },
            { "t": "pre", "lang": "rust", "text": "fn main() {}" },
            { "t": "pre", "text": "x" },
            { "t": "quote", "c": [{ "t": "p", "c": ["quoted"] }] },
            { "t": "ul", "c": [[{ "t": "p", "c": ["item"] }]] },
            { "t": "ol", "start": 1, "c": [[{ "t": "p", "c": ["first"] }]] }
        ]),
    );
    let newer: Vec<Block> =
        serde_json::from_value(json!([{ "t": "table", "rows": [] }])).expect("it is read");
    assert_eq!(newer, [Block::Unknown]);
}

#[test]
fn what_a_message_refers_to_stands_beside_it() {
    let reply = ReplyTo { id: message_id(), root_id: message_id() };
    let reaction = Reaction { emoji: "🎉".to_owned(), count: 1, user_ids: vec![user_id()] };
    let message = Message {
        reply_to: Some(reply),
        reactions: Some(Stored::Value(vec![reaction])),
        pinned_at: Some(time(5)),
        ..message()
    };
    let quote = Quote {
        id: message_id(),
        rev: Rev(41),
        seq: Seq(40),
        author: Author::from(&user()),
        excerpt: "hi".to_owned(),
        deleted: false,
    };
    let thread = Thread { root_id: message_id(), count: 2, last_seq: Seq(41) };
    let context = Context { quotes: vec![quote], threads: vec![thread] };
    let mine = Mine::from([(message_id(), vec!["🎉".to_owned()])]);
    let mut wire = message_json();
    wire["reply_to"] = json!({ "id": MESSAGE, "root_id": MESSAGE });
    wire["reactions"] = json!([{ "emoji": "🎉", "count": 1, "user_ids": [USER] }]);
    wire["pinned_at"] = json!("2023-11-14T22:13:20.005Z");
    golden(
        ServerEvent::MessageUpdated(MessageChange { context, mine, ..MessageChange::of(message) }),
        json!({
            "type": "message_updated", "room_id": ROOM, "rev": 42, "message": wire,
            "context": {
                "quotes": [{ "id": MESSAGE, "rev": 41, "seq": 40,
                    "author": { "id": USER, "username": "Grace", "kind": "guest" }, "excerpt": "hi", "deleted": false }],
                "threads": [{ "root_id": MESSAGE, "count": 2, "last_seq": 41 }]
            },
            "mine": { MESSAGE: ["🎉"] }
        }),
    );
}

#[test]
fn what_is_for_one_person_comes_as_an_event_of_its_own() {
    let mark = ReadMark { seq: Seq(40), mentions: 1, version: 3 };
    golden(
        ServerEvent::Read { room_id: room_id(), mark },
        json!({ "type": "read", "room_id": ROOM, "seq": 40, "mentions": 1, "version": 3 }),
    );
    let emoji = "🎉".to_owned();
    golden(
        ServerEvent::Reacted { room_id: room_id(), message_id: message_id(), emoji, active: true },
        json!({ "type": "reacted", "room_id": ROOM, "message_id": MESSAGE, "emoji": "🎉", "active": true }),
    );
    golden(PutRead { seq: Seq(4), exact: true }, json!({ "seq": 4, "exact": true }));
    golden(PutNotify { notify: Notify::None }, json!({ "notify": "none" }));
    golden(
        Edit { text: "before".to_owned(), at: time(1) },
        json!({ "text": "before", "at": "2023-11-14T22:13:20.001Z" }),
    );
}

#[test]
fn who_is_no_member_has_a_role_of_null() {
    golden(
        Viewer {
            role: None,
            muted_until: None,
            banned: true,
            last_read_seq: None,
            mentions: None,
            read_version: None,
            notify: None,
            may: vec![Operation::View],
        },
        json!({ "role": null, "banned": true, "may": ["view"] }),
    );
}

#[test]
fn presence_and_typing_name_people() {
    golden(
        ServerEvent::Presence {
            room_id: room_id(),
            joined: vec![user()],
            left: vec![user_id()],
            online: 2,
            visitors: 1,
        },
        json!({ "type": "presence", "room_id": ROOM, "joined": [user_json()], "left": [USER], "online": 2, "visitors": 1 }),
    );
    golden(
        ServerEvent::Typing { room_id: room_id(), user: user(), active: true },
        json!({ "type": "typing", "room_id": ROOM, "user": user_json(), "active": true }),
    );
}

#[test]
fn resync_pong_and_error_are_short() {
    golden(ServerEvent::Resync { room_id: room_id() }, json!({ "type": "resync", "room_id": ROOM }));
    golden(ServerEvent::Pong { id: "7".to_owned() }, json!({ "type": "pong", "id": "7" }));
    golden(ServerEvent::Closed { code: 4401 }, json!({ "type": "closed", "code": 4401 }));
    let error =
        |room_id| ServerEvent::Error { code: ErrorCode::RoomNotFound, detail: "No.".to_owned(), room_id };
    golden(error(None), json!({ "type": "error", "code": "room_not_found", "detail": "No." }));
    golden(
        error(Some(room_id())),
        json!({ "type": "error", "code": "room_not_found", "detail": "No.", "room_id": ROOM }),
    );
}

#[test]
fn commands_are_what_a_client_types() {
    golden(
        ClientCommand::Authenticate { token: "t".to_owned() },
        json!({ "type": "authenticate", "token": "t" }),
    );
    golden(ClientCommand::subscribe(room_id(), None, true), json!({ "type": "subscribe", "room_id": ROOM }));
    golden(
        ClientCommand::subscribe(room_id(), Some(Rev(41)), false),
        json!({ "type": "subscribe", "room_id": ROOM, "since": 41, "present": false }),
    );
    let rooms = vec![
        Subscription { room_id: room_id(), since: Some(Rev(41)), present: false },
        Subscription { room_id: room_id(), since: None, present: true },
    ];
    golden(
        ClientCommand::Subscribe(Subscriptions::Many { rooms }),
        json!({ "type": "subscribe", "rooms": [
            { "room_id": ROOM, "since": 41, "present": false }, { "room_id": ROOM },
        ] }),
    );
    golden(
        ClientCommand::Unsubscribe { room_id: room_id() },
        json!({ "type": "unsubscribe", "room_id": ROOM }),
    );
    golden(
        ClientCommand::Typing { room_id: room_id(), active: false },
        json!({ "type": "typing", "room_id": ROOM, "active": false }),
    );
    golden(ClientCommand::Ping { id: "7".to_owned() }, json!({ "type": "ping", "id": "7" }));
}

#[test]
fn what_a_later_version_says_is_unknown_and_no_error() {
    let later = json!({ "type": "poll_opened", "question": { "text": "?" }, "options": [1, 2] });
    assert_eq!(serde_json::from_value::<ServerEvent>(later.clone()).unwrap(), ServerEvent::Unknown);
    assert_eq!(serde_json::from_value::<ClientCommand>(later).unwrap(), ClientCommand::Unknown);
    let code: ErrorCode = serde_json::from_value(json!("teapot")).unwrap();
    assert_eq!(code, ErrorCode::Unknown);
    // And a field that it adds is passed over.
    let added = json!({ "type": "pong", "id": "7", "at": "2023-11-14T22:13:20.000Z" });
    assert_eq!(
        serde_json::from_value::<ServerEvent>(added).unwrap(),
        ServerEvent::Pong { id: "7".to_owned() }
    );
}

#[test]
fn a_page_has_its_cursors_always() {
    let page =
        Page { items: vec![Seq(1)], next_cursor: None, prev_cursor: Some(Cursor("b3BhcXVl".to_owned())) };
    golden(page, json!({ "items": [1], "next_cursor": null, "prev_cursor": "b3BhcXVl" }));
}

#[test]
fn changes_say_how_far_they_reach() {
    golden(
        Changes {
            room: room(),
            messages: vec![message()],
            context: Context::default(),
            mine: Mine::new(),
            members: vec![
                MembershipChange::Member { member: member(), rev: Rev(41) },
                MembershipChange::Left {
                    user_id: user_id(),
                    left: true,
                    reason: LeaveReason::Removed,
                    rev: Rev(42),
                },
            ],
            rev: Rev(42),
            has_more: true,
        },
        json!({
            "room": room_json(), "messages": [message_json()],
            "members": [
                { "user": user_json(), "role": "guest", "joined_at": "2023-11-14T22:13:20.007Z", "rev": 41 },
                { "user_id": USER, "left": true, "reason": "removed", "rev": 42 }
            ],
            "rev": 42, "has_more": true
        }),
    );
}

#[test]
fn bodies_leave_out_what_is_absent() {
    let text = |text| serde_json::from_value(json!(text)).unwrap();
    golden(
        CreateMessage {
            text: text("hello"),
            id: None,
            attachments: Vec::new(),
            reply_to: None,
            mentions: Vec::new(),
        },
        json!({ "text": "hello" }),
    );
    golden(
        CreateMessage {
            text: text("hello"),
            id: Some(message_id()),
            attachments: Vec::new(),
            reply_to: Some(message_id()),
            mentions: vec![user_id()],
        },
        json!({ "text": "hello", "id": MESSAGE, "reply_to": MESSAGE, "mentions": [USER] }),
    );
    golden(UpdateMessage { text: None, attachments: None, mentions: Vec::new() }, json!({}));
    golden(
        CreateRoom {
            name: RoomName::from_stored("Lobby".to_owned()),
            id: None,
            topic: None,
            visibility: None,
        },
        json!({ "name": "Lobby" }),
    );
    golden(UpdateRoom::default(), json!({}));
    golden(UpdateRoom { topic: Some(None), ..UpdateRoom::default() }, json!({ "topic": null }));
}

#[test]
fn a_problem_is_rfc_9457_with_a_code() {
    let problem = Problem {
        kind: "/docs/problems#validation_failed".to_owned(),
        title: "Unprocessable Entity".to_owned(),
        status: 422,
        detail: "The input breaks a rule; see errors.".to_owned(),
        code: ErrorCode::ValidationFailed,
        request_id: "r".to_owned(),
        errors: vec![FieldError::new("name", Invalid::new(InvalidCode::TooLong, "Too long."))],
        retry_after: None,
        scope: None,
    };
    let wire = json!({
        "type": "/docs/problems#validation_failed", "title": "Unprocessable Entity", "status": 422,
        "detail": "The input breaks a rule; see errors.", "code": "validation_failed", "request_id": "r",
        "errors": [{ "pointer": "/name", "code": "too_long", "detail": "Too long." }]
    });
    golden(problem.clone(), wire.clone());
    let limited = Problem { errors: vec![], retry_after: Some(3), scope: Some(LimitScope::Ip), ..problem };
    let limited = serde_json::to_value(&limited).unwrap();
    assert_eq!((&limited["retry_after"], &limited["scope"]), (&json!(3), &json!("ip")));
    assert_eq!(limited.get("errors"), None);
}

#[test]
fn every_code_has_its_name() {
    for (code, name) in [
        (ErrorCode::BadRequest, "bad_request"),
        (ErrorCode::MalformedJson, "malformed_json"),
        (ErrorCode::InvalidCursor, "invalid_cursor"),
        (ErrorCode::AuthenticationRequired, "authentication_required"),
        (ErrorCode::InvalidToken, "invalid_token"),
        (ErrorCode::OriginRefused, "origin_refused"),
        (ErrorCode::NotAuthor, "not_author"),
        (ErrorCode::NotAllowed, "not_allowed"),
        (ErrorCode::Banned, "banned"),
        (ErrorCode::Muted, "muted"),
        (ErrorCode::NotFound, "not_found"),
        (ErrorCode::RoomNotFound, "room_not_found"),
        (ErrorCode::MessageNotFound, "message_not_found"),
        (ErrorCode::UserNotFound, "user_not_found"),
        (ErrorCode::MemberNotFound, "member_not_found"),
        (ErrorCode::InviteNotFound, "invite_not_found"),
        (ErrorCode::MethodNotAllowed, "method_not_allowed"),
        (ErrorCode::RoomNameTaken, "room_name_taken"),
        (ErrorCode::UsernameTaken, "username_taken"),
        (ErrorCode::MessageIdReused, "message_id_reused"),
        (ErrorCode::RoomIdReused, "room_id_reused"),
        (ErrorCode::LastOwner, "last_owner"),
        (ErrorCode::InviteGone, "invite_gone"),
        (ErrorCode::StreamGone, "stream_gone"),
        (ErrorCode::MessageDeleted, "message_deleted"),
        (ErrorCode::RequestTimeout, "request_timeout"),
        (ErrorCode::BodyTooLarge, "body_too_large"),
        (ErrorCode::UriTooLong, "uri_too_long"),
        (ErrorCode::UnsupportedMediaType, "unsupported_media_type"),
        (ErrorCode::ValidationFailed, "validation_failed"),
        (ErrorCode::UpgradeRequired, "upgrade_required"),
        (ErrorCode::RateLimited, "rate_limited"),
        (ErrorCode::HeadersTooLarge, "headers_too_large"),
        (ErrorCode::Internal, "internal"),
        (ErrorCode::Unavailable, "unavailable"),
        (ErrorCode::Overloaded, "overloaded"),
        (ErrorCode::OutcomeUnknown, "outcome_unknown"),
        (ErrorCode::FileNotFound, "file_not_found"),
        (ErrorCode::AttachmentIdReused, "attachment_id_reused"),
        (ErrorCode::UnsupportedImage, "unsupported_image"),
        (ErrorCode::RangeNotSatisfiable, "range_not_satisfiable"),
        (ErrorCode::UploadQuota, "upload_quota"),
        (ErrorCode::StorageFull, "storage_full"),
    ] {
        golden(code, json!(name));
    }
}

#[test]
fn a_length_is_its_two_ends() {
    golden(Length { min: 4, max: 20 }, json!({ "min": 4, "max": 20 }));
}

#[test]
fn files_leave_out_what_they_do_not_have() {
    let id = "0190a5b0-0000-7000-b000-000000000001";
    let plain = Attachment {
        id: id.parse().unwrap(),
        filename: "notes.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        size: 5,
        width: None,
        height: None,
        url: "/files/f0".to_owned(),
        thumbnail_url: None,
        alt: None,
    };
    let json = json!({
        "id": id, "filename": "notes.txt", "content_type": "text/plain", "size": 5, "url": "/files/f0"
    });
    golden(plain.clone(), json.clone());
    let with_file = Message { attachments: vec![plain.clone()], ..message() };
    let mut expected = message_json();
    expected["attachments"] = json!([json]);
    golden(with_file, expected);
    let image = Attachment {
        width: Some(40),
        height: Some(30),
        thumbnail_url: Some("/files/f0?size=800".to_owned()),
        alt: AltText::parse("A cat").unwrap(),
        ..plain
    };
    let image = serde_json::to_value(image).unwrap();
    assert_eq!((&image["width"], &image["alt"]), (&json!(40), &json!("A cat")));
    golden(
        AttachmentClaim { id: id.parse().unwrap(), alt: Some(AltText::parse("A cat").unwrap()) },
        json!({ "id": id, "alt": "A cat" }),
    );
    golden(User { avatar_url: Some("/files/a0".to_owned()), ..user() }, {
        json!({
            "id": USER, "username": "Grace", "kind": "guest", "avatar_url": "/files/a0",
            "created_at": "2023-11-14T22:13:20.002Z"
        })
    });
}
