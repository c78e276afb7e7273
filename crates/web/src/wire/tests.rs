//! Each reader against the protocol's own serde implementation.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::server::{Limits, ServerInfo};
use shared::sessions::Sessions;
use shared::streams::{NewStream, StreamEvent, StreamEvents};
use shared::text::{Invalid, Length};

use super::*;
use crate::state::samples::{NOON, image, member, message, message_id, page, room, room_id, user, viewer};

fn check<T: Read + Serialize + DeserializeOwned + PartialEq + Debug>(sent: &T) {
    let text = serde_json::to_string(sent).unwrap();
    assert_eq!(parse::<T>(&text).as_ref(), Ok(sent), "{text}");
    assert_eq!(serde_json::from_str::<T>(&text).unwrap(), *sent, "{text}");
}

#[test]
fn every_type_is_read_as_the_protocol_says() {
    let time = Timestamp::from_unix_millis(NOON + 1);
    let user_id = Some(user(1, "adam").id);
    check(&user(1, "adam"));
    check(&room(1, "Lobby"));
    check(&Room { created_by: user_id, online: 3, ..room(1, "Lobby") });
    check(&message(1, 1));
    check(&Message { edited_at: time, ..message(1, 2) });
    check(&Message { text: None, deleted_at: time, ..message(1, 3) });
    let image = Attachment { alt: AltText::parse("A cat").unwrap(), ..image(1, "cat.png") };
    let plain = Attachment { width: None, height: None, thumbnail_url: None, alt: None, ..image.clone() };
    check(&Message { attachments: vec![image, plain], ..message(1, 4) });
    let cursor = Some(Cursor("next".to_owned()));
    check(&Page { items: vec![room(1, "a")], next_cursor: cursor.clone(), prev_cursor: None });
    let items = vec![message(1, 1), message(2, 2)];
    check(&MessagePage { prev_cursor: cursor.clone(), ..page(items.clone()) });
    let mine = Mine::from([(message_id(1), vec!["🎉".to_owned()])]);
    check(&MessagePage {
        context: context(),
        mine: mine.clone(),
        next_cursor: cursor,
        ..page(items.clone())
    });
    check(&MessageAnswer { message: message(1, 1), context: context(), mine: mine.clone() });
    check(&MessageAnswer { message: message(1, 1), context: Context::default(), mine: Mine::new() });
    let left = MembershipChange::Left {
        user_id: user(2, "eve").id,
        left: true,
        reason: LeaveReason::Banned,
        rev: Rev(1),
    };
    let members =
        vec![MembershipChange::Member { member: member(1, "adam", Role::Owner), rev: Rev(2) }, left];
    let changes = Changes {
        room: room(1, "a"),
        messages: items,
        context: Context::default(),
        mine: Mine::new(),
        members,
        rev: Rev(2),
        has_more: true,
    };
    check(&changes);
    check(&Changes { context: context(), mine, ..changes });
    check(&User { deleted_at: time, ..user(1, "Deleted user") });
    check(&User { avatar_url: Some("/files/a0".to_owned()), ..user(1, "adam") });
}

fn context() -> Context {
    let quote = Quote {
        id: message_id(1),
        rev: Rev(2),
        seq: Seq(1),
        author: message(1, 1).author,
        excerpt: "Hello".to_owned(),
        deleted: false,
    };
    let thread = Thread { root_id: message_id(1), count: 3, last_seq: Seq(9) };
    Context { quotes: vec![quote], threads: vec![thread] }
}

#[test]
fn what_messages_have_besides_text_is_read_as_the_protocol_says() {
    let time = Timestamp::from_unix_millis(NOON);
    let text = |text: &str| Inline::Text(text.to_owned());
    let c = || vec![text("words")];
    let inlines = [
        Element::B { c: c() },
        Element::I { c: vec![Inline::Element(Element::S { c: c() })] },
        Element::Code { text: "x".to_owned() },
        Element::A { href: "https://a.example/".to_owned(), c: c() },
        Element::Br,
        Element::Spoiler { c: c() },
        Element::User { id: user(1, "adam").id, text: "@adam".to_owned() },
        Element::Room { id: room_id(1), text: "#Lobby".to_owned() },
        Element::Everyone,
    ];
    let body = vec![
        Block::P { c: inlines.into_iter().map(Inline::Element).chain(c()).collect() },
        Block::H { l: 2, c: c() },
        Block::Pre { lang: Some("rust".to_owned()), text: "let x;".to_owned() },
        Block::Pre { lang: None, text: "plain".to_owned() },
        Block::Quote { c: vec![Block::P { c: c() }] },
        Block::Ul { c: vec![vec![Block::P { c: c() }], vec![]] },
        Block::Ol { start: 3, c: vec![vec![Block::P { c: c() }]] },
    ];
    let reactions =
        vec![Reaction { emoji: "🎉".to_owned(), count: 12, user_ids: vec![user(1, "adam").id] }];
    check(&Message {
        body: Some(Stored::Value(body)),
        reply_to: Some(ReplyTo { id: message_id(1), root_id: message_id(2) }),
        reactions: Some(Stored::Value(reactions)),
        pinned_at: time,
        ..message(1, 5)
    });
    let newer = r#"[{"t":"p","c":["a",{"t":"sparkle","c":["b"]}]},{"t":"table","rows":[]}]"#;
    let known = vec![Block::P { c: vec![text("a"), Inline::Element(Element::Unknown)] }, Block::Unknown];
    assert_eq!(parse::<Vec<Block>>(newer), Ok(known));
    let items = vec![Edit { text: "before".to_owned(), at: time.unwrap() }];
    check(&Page { items, next_cursor: None, prev_cursor: None });
    check(&MessagePreview { body: None });
    check(&MessagePreview { body: Some(Stored::Value(vec![])) });
}

#[test]
fn rooms_and_their_members_are_read_as_the_protocol_says() {
    let time = Timestamp::from_unix_millis(NOON);
    let full = Room {
        topic: Topic::parse("Where we draw").unwrap(),
        visibility: Visibility::Private,
        is_own: true,
        avatar_url: Some("/files/a1".to_owned()),
        member_count: 4,
        slow_mode_seconds: 30,
        posting: Posting::Accounts,
        viewer: Some(Viewer { muted_until: time, banned: true, ..viewer(Some(Role::Moderator)) }),
        ..room(1, "Lobby")
    };
    check(&full);
    check(&Room { viewer: Some(viewer(None)), ..room(1, "Lobby") });
    for notify in Notify::ALL {
        let viewer = Viewer {
            last_read_seq: Some(Seq(3)),
            mentions: Some(2),
            read_version: Some(9),
            notify: Some(notify),
            ..viewer(Some(Role::Guest))
        };
        check(&viewer);
        check(&PutNotify { notify });
    }
    check(&ReadMark { seq: Seq(3), mentions: 2, version: 7 });
    check(&Page {
        items: vec![Member { muted_until: time, ..member(1, "adam", Role::Guest) }],
        next_cursor: None,
        prev_cursor: None,
    });
    let adam = user(1, "adam");
    let at = time.unwrap();
    let ban =
        Ban { user: adam.clone(), by: None, reason: Some(BanReason::parse("spam").unwrap()), created_at: at };
    check(&Page { items: vec![ban], next_cursor: None, prev_cursor: None });
    let invite = Invite {
        id: "0190a5b0-0000-7000-8000-000000000001".parse().unwrap(),
        role: Role::Guest,
        created_by: adam.clone(),
        created_at: at,
        expires_at: time,
        max_uses: Some(3),
        uses: 1,
    };
    check(&NewInvite { invite, url: "https://chat.example/invite#secret".to_owned() });
    let invited = InvitedRoom {
        name: RoomName::parse("design").unwrap(),
        topic: None,
        avatar_url: None,
        visibility: Visibility::Public,
        member_count: 2,
        online: Some(1),
    };
    check(&InvitePreview { room: invited, role: Role::Guest, expires_at: None, invited_by: adam.clone() });
    check(&Redeemed { room: full, member: member(1, "adam", Role::Member) });
    let detail =
        AuditDetail { before: Some("a".into()), after: Some("b".into()), reason: None, count: Some(2) };
    let entry = AuditEntry {
        id: "0190a5b0-0000-7000-8000-000000000001".parse().unwrap(),
        at,
        actor: None,
        action: "rename".into(),
        target: Some(adam),
        detail,
    };
    check(&Page { items: vec![entry], next_cursor: None, prev_cursor: None });
}

#[test]
fn tokens_and_what_admins_see_are_read_as_the_protocol_says() {
    let time = Timestamp::from_unix_millis(NOON).unwrap();
    let info = Token {
        id: "0190a5b0-0000-7000-8000-000000000001".parse().unwrap(),
        name: TokenName::parse("bot").unwrap(),
        scopes: Scope::ALL.to_vec(),
        created_at: time,
        last_used_at: None,
        expires_at: Some(time),
    };
    check(&info);
    check(&NewToken { token: "parlance_pat_x".to_owned(), info });
    check(&Me { user: user(1, "adam"), is_admin: true, has_password: false });
    check(&AdminUser { user: user(1, "adam"), is_admin: true, is_disabled: true });
    check(&PasswordReset { url: "https://chat.example/reset#x".to_owned(), expires_at: time });
    for guests in Guests::ALL {
        check(&ServerSettings { registration: Registration::Closed, guests });
    }
}

#[test]
fn sessions_are_read_as_the_protocol_says() {
    let id: SessionId = "0190a5b0-0000-7000-8000-000000000001".parse().unwrap();
    let time = Timestamp::from_unix_millis(NOON).unwrap();
    let session = Session {
        id,
        created_at: time,
        last_seen_at: time,
        user_agent: Some("curl/8".to_owned()),
        address: Some("::1".to_owned()),
        is_current: true,
    };
    let bare = Session { user_agent: None, address: None, is_current: false, ..session.clone() };
    let sent = Sessions { items: vec![session, bare] };
    let text = serde_json::to_string(&sent).unwrap();
    assert_eq!(parse::<Items<Session>>(&text), Ok(Items(sent.items)));
    let me = shared::users::Me { user: user(1, "adam"), is_admin: false, has_password: true };
    let sent =
        serde_json::to_string(&shared::users::SignedIn { user: me.clone(), token: "t".into() }).unwrap();
    assert_eq!(parse::<NewSession>(&sent), Ok(NewSession { user: me.user }));
}

#[test]
fn the_limits_of_files_are_read_as_the_protocol_says() {
    let length = Length { min: 1, max: 2 };
    let limits = Limits {
        guest_username: length,
        room_name: length,
        guest_message: length,
        member_message: length,
        page_default: 30,
        page_max: 100,
        body_bytes: 65_536,
        upload_bytes: 26_214_400,
        member_upload_bytes_per_day: Some(104_857_600),
        guest_upload_bytes_per_day: None,
        avatar_bytes: 5_242_880,
        attachments: 10,
    };
    let sent = ServerInfo {
        name: "Parlance".to_owned(),
        version: "1.0.0".to_owned(),
        limits,
        features: vec![],
        emoji_version: "16.0".to_owned(),
        registration: Registration::Open,
        guests: Guests::ALL[0],
        is_open: true,
    };
    let text = serde_json::to_string(&sent).unwrap();
    let limits =
        FileLimits { upload_bytes: 26_214_400, of_member_per_day: Some(104_857_600), of_guest_per_day: None };
    assert_eq!(parse::<FileLimits>(&text), Ok(limits));
    assert_eq!(parse::<FileLimits>("{}"), Err(Malformed));
}

#[test]
fn a_problem_is_read_as_the_protocol_says() {
    let invalid = Invalid::new(InvalidCode::TooShort, "Too short.");
    let full = Problem {
        kind: "/docs/problems#rate_limited".to_owned(),
        title: "Slow down".to_owned(),
        status: 429,
        detail: "Wait.".to_owned(),
        code: ErrorCode::RateLimited,
        request_id: "1".to_owned(),
        errors: vec![FieldError::new("text", invalid)],
        retry_after: Some(3),
        scope: Some(LimitScope::User),
    };
    check(&full);
    check(&Problem { errors: vec![], retry_after: None, scope: None, ..full });
}

#[test]
fn every_event_is_read_as_the_protocol_says() {
    let message = MessageChange::of(message(2, 3));
    let mine = Mine::from([(message_id(2), vec!["🎉".to_owned()])]);
    let mark = ReadMark { seq: Seq(3), mentions: 2, version: 7 };
    let room_change = RoomChange { room: room(1, "Lobby"), rev: Rev(3) };
    let somebody = user(1, "adam");
    let id = room_id(1);
    let (server_version, heartbeat_seconds, epoch) = ("1.0.0".to_owned(), 25, Epoch(room_id(1).0));
    let hello =
        |user| ServerEvent::Hello { server_version: server_version.clone(), heartbeat_seconds, epoch, user };
    let events = [
        hello(Some(somebody.clone())),
        hello(None),
        ServerEvent::Subscribed {
            room: room(1, "Lobby"),
            rev: Rev(3),
            online: vec![somebody.clone()],
            visitors: 2,
        },
        ServerEvent::MessageCreated(message.clone()),
        ServerEvent::MessageUpdated(MessageChange { context: context(), mine, ..message.clone() }),
        ServerEvent::MessageDeleted(message),
        ServerEvent::RoomCreated(room_change.clone()),
        ServerEvent::RoomUpdated(room_change.clone()),
        ServerEvent::RoomDeleted(room_change),
        ServerEvent::MemberJoined(MemberChange {
            room_id: id,
            rev: Rev(4),
            member: member(1, "adam", Role::Owner),
        }),
        ServerEvent::MemberUpdated(MemberChange {
            room_id: id,
            rev: Rev(4),
            member: member(1, "adam", Role::Member),
        }),
        ServerEvent::MemberLeft {
            room_id: id,
            rev: Rev(5),
            user_id: somebody.id,
            reason: LeaveReason::Removed,
        },
        ServerEvent::RoomAdded { room: Room { viewer: Some(viewer(Some(Role::Guest))), ..room(1, "Lobby") } },
        ServerEvent::RoomRemoved {
            room_id: id,
            name: RoomName::parse("Lobby").unwrap(),
            reason: RemovalReason::MadePrivate,
        },
        ServerEvent::ViewerUpdated { room_id: id, viewer: viewer(Some(Role::Guest)) },
        ServerEvent::Presence {
            room_id: id,
            joined: vec![somebody.clone()],
            left: vec![somebody.id],
            online: 1,
            visitors: 0,
        },
        ServerEvent::Typing { room_id: id, user: somebody, active: true },
        ServerEvent::Read { room_id: id, mark },
        ServerEvent::Reacted { room_id: id, message_id: message_id(1), emoji: "🎉".into(), active: true },
        ServerEvent::Resync { room_id: id },
        ServerEvent::Pong { id: "7".into() },
        ServerEvent::Closed { code: 4401 },
        ServerEvent::Error { code: ErrorCode::RoomNotFound, detail: "Gone.".into(), room_id: Some(id) },
        ServerEvent::Error { code: ErrorCode::Internal, detail: "Oh.".into(), room_id: None },
        ServerEvent::Unknown,
    ];
    events.iter().for_each(check);
}

#[test]
fn what_a_newer_server_adds_is_unknown_and_the_rest_is_read() {
    assert_eq!(parse::<ServerEvent>(r#"{"type":"dance","steps":[1]}"#), Ok(ServerEvent::Unknown));
    let mut sent = serde_json::to_value(message(1, 1)).unwrap();
    sent["author"]["kind"] = "robot".into();
    let kind = parse::<Message>(&sent.to_string()).map(|message| message.author.kind);
    assert_eq!(kind, Ok(UserKind::Unknown), "the message is not dropped");
    let sent = r#"{"role":"emperor","banned":false,"may":["view","rule"]}"#;
    let may = vec![Operation::View, Operation::Unknown];
    let expected = Viewer { may, ..viewer(Some(Role::Unknown)) };
    assert_eq!(parse::<Viewer>(sent), Ok(expected));
    let problem = r#"{"type":"","title":"","status":400,"detail":"","code":"new","request_id":""}"#;
    assert_eq!(parse::<Problem>(problem).map(|problem| problem.code), Ok(ErrorCode::Unknown));
}

#[test]
fn absent_or_null_is_none_and_malformed_is_an_error() {
    let sent = serde_json::to_value(message(1, 1)).unwrap();
    let with = |field: &str, value: Option<serde_json::Value>| {
        let mut message = sent.clone();
        let object = message.as_object_mut().unwrap();
        match value {
            Some(value) => object.insert(field.to_owned(), value),
            None => object.remove(field),
        };
        parse::<Message>(&message.to_string())
    };
    assert_eq!(with("edited_at", None).map(|message| message.edited_at), Ok(None));
    assert_eq!(with("edited_at", Some(serde_json::Value::Null)).map(|message| message.edited_at), Ok(None));
    assert_eq!(with("edited_at", Some("yesterday".into())), Err(Malformed));
    assert_eq!(with("edited_at", Some(7.into())), Err(Malformed));
    assert_eq!(with("text", Some(7.into())), Err(Malformed));
    assert_eq!(with("seq", Some(1.5.into())), Err(Malformed));
    assert_eq!(with("id", None), Err(Malformed));
    assert_eq!(with("id", Some(serde_json::Value::Null)), Err(Malformed));
}

#[test]
fn who_may_come_is_read_from_what_the_server_says_about_itself() {
    for registration in Registration::ALL {
        for guests in Guests::ALL {
            let (registration, guests) = (registration.name(), guests.name());
            let text =
                format!(r#"{{"name":"Parlance","registration":"{registration}","guests":"{guests}"}}"#);
            assert_eq!(parse::<Access>(&text), Ok(Access::new(registration, guests)));
        }
    }
    assert_eq!(parse::<Access>("{}"), Err(Malformed));
}

#[test]
fn what_is_missing_or_of_another_type_is_not_read() {
    for text in ["", "[]", "{}", "7", r#"{"id":7}"#, r#"{"items":[{}]}"#, r#"{"type":"typing","active":1}"#] {
        assert_eq!(parse::<Room>(text), Err(Malformed), "{text}");
        assert_eq!(parse::<Page<Room>>(text), Err(Malformed), "{text}");
        assert_eq!(parse::<ServerEvent>(text), Err(Malformed), "{text}");
    }
}

#[test]
fn streams_are_read_as_the_protocol_says_as_far_as_they_can_be() {
    let hello = ServerEvent::Hello {
        server_version: "1.0.0".to_owned(),
        heartbeat_seconds: 25,
        epoch: "0190a5b0-0000-7000-8000-000000000001".parse().unwrap(),
        user: None,
    };
    let id = "0190a5b0-0000-7000-8000-000000000002".parse().unwrap();
    let sent = NewStream { id, hello: hello.clone() };
    let read = parse(&serde_json::to_string(&sent).unwrap());
    assert_eq!(read, Ok(OpenedStream { id, hello: Ok(hello) }));

    let pong = ServerEvent::Pong { id: "1".to_owned() };
    let event = |n, event: &ServerEvent| StreamEvent { n, event: event.clone() };
    let closed = ServerEvent::Closed { code: 4401 };
    let sent = StreamEvents { events: vec![event(3, &pong), event(4, &closed)], next: 4 };
    let text = serde_json::to_string(&sent).unwrap();
    let read = |events| Ok(PolledEvents { events, next: 4 });
    assert_eq!(parse(&text), read(vec![Ok(pong), Ok(closed.clone())]));
    let odd = text.replace(r#""id":"1""#, r#""id":1"#);
    assert_eq!(parse(&odd), read(vec![Err(Malformed), Ok(closed)]), "the others are read nevertheless");
}
