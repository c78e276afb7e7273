//! The pictures of users and rooms.

use shared::errors::ErrorCode;
use shared::events::{MemberChange, RoomChange, ServerEvent};
use shared::files::{CURRENT_AVATAR_PATH, room_avatar_path};
use shared::members::Role;
use shared::rooms::Room;
use shared::text::InvalidCode;
use shared::tokens::TOKENS_PATH;
use shared::users::{CURRENT_USER_PATH, Me};
use support::app::TestApp;
use support::client::PASSWORD;
use support::files::{encoded, picture, png};
use support::socket::TestSocket;
use support::wait::until;

#[test]
fn a_picture_is_set_seen_by_others_and_removed() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    assert_eq!(alice.user().avatar_url, None);
    let mut bob = TestSocket::connect(&app.guest("Bobby"));
    bob.subscribe(room.id);
    let me: Me = alice.set_avatar(png(300, 200)).expect(200).json();
    let url = me.user.avatar_url.clone().expect("a picture");
    assert!(url.starts_with("/files/"), "{url}");
    let member = bob.expect(|event| match event {
        ServerEvent::MemberUpdated(MemberChange { member, .. }) => Some(member.clone()),
        _ => None,
    });
    assert_eq!(member.user, me.user);
    let sent = alice.send(room.id, "a face");
    assert_eq!(sent.author.avatar_url.as_ref(), Some(&url));

    for (query, side) in [("", 256), ("?size=64", 64), ("?size=256", 256)] {
        let answer = app.anonymous().get(&format!("{url}{query}")).expect(200);
        assert_eq!(answer.header("content-type"), Some("image/webp"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
        let image = image::load_from_memory(&answer.body).expect("an image");
        assert_eq!((image.width(), image.height()), (side, side));
    }
    alice.get(&format!("{url}?size=65")).invalid(&[("/size", InvalidCode::OutOfRange)]);

    let another: Me = alice.set_avatar(png(10, 10)).expect(200).json();
    assert_ne!(another.user.avatar_url.as_ref(), Some(&url), "each setting has a key of its own");
    alice.get(&url).problem(404, ErrorCode::FileNotFound);
    let me: Me = alice.delete(CURRENT_AVATAR_PATH).expect(200).json();
    assert_eq!(me.user.avatar_url, None);
    assert_eq!(alice.delete(CURRENT_AVATAR_PATH).expect(200).json::<Me>(), me);
    assert_eq!(alice.get(CURRENT_USER_PATH).expect(200).json::<Me>(), me);
    assert_eq!(alice.message(room.id, sent.id).author.avatar_url, None, "answers show the present picture");
}

#[test]
fn only_images_are_pictures() {
    let app = TestApp::start();
    let alice = app.guest("Alice");
    for bytes in [b"<svg/>".to_vec(), Vec::new(), b"BM000000".to_vec()] {
        alice.set_avatar(bytes).problem(415, ErrorCode::UnsupportedImage);
    }
    let whole = png(50, 50);
    alice.set_avatar(&whole[..whole.len() - 20]).invalid(&[("", InvalidCode::InvalidFormat)]);
    let problem = alice.set_avatar(vec![0; 5 * 1024 * 1024 + 1]).problem(413, ErrorCode::BodyTooLarge);
    assert_eq!(problem.detail, "This file is larger than the limit of 5 MB.");
    app.anonymous().set_avatar(png(5, 5)).problem(401, ErrorCode::AuthenticationRequired);
    assert!(app.stored_files().is_empty());
    for format in [image::ImageFormat::Jpeg, image::ImageFormat::Gif, image::ImageFormat::WebP] {
        alice.set_avatar(encoded(&picture(80, 60), format)).expect(200);
    }
}

#[test]
fn moderators_set_the_picture_of_a_room() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    let (public, private) = (owner.create_room("Open"), owner.create_private_room("Closed"));
    let alice = app.member("Alice");
    let mut hears = TestSocket::connect(&alice);
    owner.add(private.id, &alice, Role::Member);
    for room in [&public, &private] {
        hears.subscribe(room.id);
        let set: Room = owner.set_room_avatar(room.id, png(90, 90)).expect(200).json();
        let url = set.avatar_url.clone().expect("a picture");
        assert!(set.viewer.is_some());
        let heard = hears.expect(|event| match event {
            ServerEvent::RoomUpdated(RoomChange { room, .. }) => Some(room.clone()),
            _ => None,
        });
        assert_eq!(heard.avatar_url.as_ref(), Some(&url));
        alice.get(&url).expect(200);
        let is_audited = owner.audit(room.id).iter().any(|entry| entry.action == "avatar");
        assert!(is_audited);
        alice.set_room_avatar(room.id, png(9, 9)).problem(403, ErrorCode::NotAllowed);
        alice.delete(&room_avatar_path(room.id)).problem(403, ErrorCode::NotAllowed);
    }
    let stranger = app.guest("Stranger");
    stranger.set_room_avatar(private.id, png(9, 9)).problem(404, ErrorCode::RoomNotFound);
    let url = owner.room(private.id).avatar_url.expect("a picture");
    stranger.get(&url).problem(404, ErrorCode::FileNotFound);
    assert_eq!(owner.get(&url).expect(200).header("cache-control"), Some("private, no-cache"));
    let removed: Room = owner.delete(&room_avatar_path(private.id)).expect(200).json();
    assert_eq!(removed.avatar_url, None);
    owner.get(&url).problem(404, ErrorCode::FileNotFound);
}

#[test]
fn a_token_changes_no_picture_of_its_user() {
    let app = TestApp::start();
    let alice = app.member("Alice");
    let body = serde_json::json!({ "name": "script", "scopes": ["read", "write"], "password": PASSWORD });
    let made = alice.post(TOKENS_PATH, &body).expect(201).value();
    let token = made["token"].as_str().expect("a token");
    app.anonymous()
        .request("PUT", CURRENT_AVATAR_PATH)
        .header("authorization", &format!("Bearer {token}"))
        .body(png(5, 5))
        .send()
        .problem(403, ErrorCode::TokenNotAllowed);
}

#[test]
fn a_deleted_user_has_no_picture_and_no_files() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let me: Me = alice.set_avatar(png(30, 30)).expect(200).json();
    alice.upload(room.id, "unsent", "x");
    let file = alice.upload(room.id, "sent", "x");
    let sent = alice.send_files(room.id, "sent", &[&file]);
    let body = serde_json::json!({ "messages": "erase" });
    alice.post(shared::users::DELETION_PATH, &body).expect(204);
    let anybody = app.anonymous();
    anybody.get(&me.user.avatar_url.expect("a picture")).problem(404, ErrorCode::FileNotFound);
    until("the message is erased", || anybody.message(room.id, sent.id).deleted_at);
    anybody.get(&file.url).problem(404, ErrorCode::FileNotFound);
    assert_eq!(app.db().text("SELECT count(*)::text FROM attachments"), "0");
}
