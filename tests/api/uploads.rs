//! Uploading files, giving them to messages, limits, and what is deleted.

use std::io::Write;
use std::time::{Duration, Instant};

use image::ImageFormat;
use serde_json::json;
use shared::errors::{ErrorCode, LimitScope};
use shared::events::{MessageChange, ServerEvent};
use shared::files::{Attachment, uploads_path};
use shared::ids::AttachmentId;
use shared::members::Role;
use shared::messages::{Message, message_path, messages_path};
use shared::server::{SERVER_PATH, ServerInfo};
use shared::sessions::CURRENT_SESSION_PATH;
use shared::text::InvalidCode;
use support::app::TestApp;
use support::builders::unknown_room_id;
use support::files::{encoded, picture, png};
use support::http::{self, Response};
use support::socket::TestSocket;
use support::wait::until;
use uuid::Uuid;

use crate::shape::{assert_keys, assert_uuid_v7};

const MIB: usize = 1024 * 1024;

#[test]
fn a_file_is_uploaded_and_a_message_takes_it() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let mut bob = TestSocket::connect(&app.guest("Bobby"));
    bob.subscribe(room.id);

    let answer = alice.try_upload(room.id, "?filename=notes.txt", "Hello").expect(201);
    assert_keys(&answer.value(), &["content_type", "filename", "id", "size", "url"]);
    assert_uuid_v7(&answer.value()["id"]);
    let file: Attachment = answer.json();
    assert_eq!(
        (file.filename.as_str(), file.content_type.as_str(), file.size),
        ("notes.txt", "text/plain", 5)
    );

    let body = json!({ "text": "", "attachments": [{ "id": file.id, "alt": "  My notes  " }] });
    let sent: Message = alice.post(&messages_path(room.id), &body).expect(201).json();
    assert_eq!(sent.text.as_deref(), Some(""));
    assert_eq!(sent.attachments[0].alt.as_ref().map(|alt| alt.as_str()), Some("My notes"));
    let message = bob.expect(|event| match event {
        ServerEvent::MessageCreated(MessageChange { message, .. }) => Some(message.clone()),
        _ => None,
    });
    assert_eq!(message, sent);
    assert_eq!(alice.message(room.id, sent.id), sent);
    assert_eq!(app.anonymous().get(&file.url).expect(200).text(), "Hello");
}

#[test]
fn images_have_sides_and_a_thumbnail_and_lose_their_metadata() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for (format, content_type) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Gif, "image/gif"),
        (ImageFormat::WebP, "image/webp"),
    ] {
        let mut bytes = encoded(&picture(1_000, 500), format);
        bytes.extend_from_slice(b"taken at home");
        let file = alice.upload(room.id, "photo", bytes);
        assert_eq!(file.content_type, content_type);
        assert_eq!((file.width, file.height), (Some(1_000), Some(500)));
        let stored = alice.get(&file.url).expect(200).body;
        assert_eq!(stored.len() as u64, file.size);
        assert!(!stored.ends_with(b"taken at home"), "{content_type}");
        let loaded = image::load_from_memory(&stored).expect("still an image");
        assert_eq!((loaded.width(), loaded.height()), (1_000, 500));
        let thumbnail = alice.get(file.thumbnail_url.as_deref().expect("a thumbnail")).expect(200).body;
        let thumbnail = image::load_from_memory(&thumbnail).expect("an image");
        assert_eq!((thumbnail.width(), thumbnail.height()), (800, 400), "{content_type}");
    }
}

#[test]
fn an_id_makes_a_retry_harmless() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let id = AttachmentId(Uuid::now_v7());
    let query = format!("?filename=a.txt&id={id}");
    let first: Attachment = alice.try_upload(room.id, &query, "Hello").expect(201).json();
    assert_eq!(first.id, id);
    let repeated: Attachment = alice.try_upload(room.id, &query, "Hello").expect(200).json();
    assert_eq!(repeated, first);
    assert_eq!(app.stored_files().len(), 1);
    for (name, bytes) in [("a.txt", "Hallo"), ("a.txt", "Hello!"), ("b.txt", "Hello")] {
        let query = format!("?filename={name}&id={id}");
        alice.try_upload(room.id, &query, bytes).problem(409, ErrorCode::AttachmentIdReused);
    }
    let image = AttachmentId(Uuid::now_v7());
    let query_of_image = format!("?filename=cat.png&id={image}");
    let stored: Attachment = alice.try_upload(room.id, &query_of_image, png(30, 30)).expect(201).json();
    let repeated: Attachment = alice.try_upload(room.id, &query_of_image, png(30, 30)).expect(200).json();
    assert_eq!(repeated, stored, "compared as it was sent, not as it is stored");
    // A file of an earlier release.
    app.db().execute("UPDATE attachments SET content_hash = NULL");
    alice.try_upload(room.id, &query, "Hallo").expect(200);

    let elsewhere = alice.create_room("Another room");
    alice.try_upload(elsewhere.id, &query, "x").problem(409, ErrorCode::AttachmentIdReused);
    let bob = app.guest("Bobby");
    bob.try_upload(room.id, &query, "x").problem(409, ErrorCode::AttachmentIdReused);
    alice.try_upload(room.id, "?id=7", "x").invalid(&[("/id", InvalidCode::InvalidFormat)]);
}

#[test]
fn uploads_need_the_right_to_send() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    let (public, private) = (owner.create_room("Open"), owner.create_private_room("Closed"));
    let bob = app.guest("Bobby");
    app.anonymous().try_upload(public.id, "", "x").problem(401, ErrorCode::AuthenticationRequired);
    bob.try_upload(private.id, "", "x").problem(404, ErrorCode::RoomNotFound);
    bob.try_upload(unknown_room_id(), "", "x").problem(404, ErrorCode::RoomNotFound);
    bob.upload(public.id, "a", "x");
    assert_eq!(owner.role_of(public.id, &bob), Some(Role::Guest), "uploading joins");
    owner.mute(public.id, &bob);
    bob.try_upload(public.id, "", "x").problem(403, ErrorCode::Muted);
    owner.unmute(public.id, &bob);
    owner.set_room(public.id, json!({ "posting": "accounts" }));
    bob.try_upload(public.id, "", "x").problem(403, ErrorCode::MembersOnly);
    owner.ban(public.id, &bob);
    bob.try_upload(public.id, "", "x").problem(403, ErrorCode::Banned);
}

#[test]
fn a_message_takes_only_files_that_its_author_uploaded_for_the_room() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let bob = app.guest("Bobby");
    let (elsewhere, file) = (alice.create_room("Another room"), alice.upload(room.id, "a", "x"));
    let unknown = [("/attachments/0", InvalidCode::UnknownAttachment)];
    bob.try_send_files(room.id, "mine", &[&file]).invalid(&unknown);
    alice.try_send_files(elsewhere.id, "here", &[&file]).invalid(&unknown);
    let twice = alice.try_send_files(room.id, "twice", &[&file, &file]);
    twice.invalid(&[("/attachments/1", InvalidCode::UnknownAttachment)]);
    assert!(twice.text().contains("This file is in the message twice."), "{}", twice.text());
    assert_eq!(alice.room(room.id).last_seq.0, 0, "nothing was sent");
    alice.send_files(room.id, "taken", &[&file]);
    alice.try_send_files(room.id, "again", &[&file]).invalid(&unknown);

    let path = messages_path(room.id);
    alice.post(&path, &json!({ "text": "", "attachments": [] })).invalid(&[("/text", InvalidCode::Required)]);
    alice.post(&path, &json!({ "text": "hello", "attachments": [{ "id": 7 }, 8] })).invalid(&[
        ("/attachments/0/id", InvalidCode::InvalidType),
        ("/attachments/1", InvalidCode::InvalidType),
    ]);
    let many: Vec<_> = (0..11).map(|_| json!({ "id": Uuid::now_v7() })).collect();
    alice
        .post(&path, &json!({ "text": "hello", "attachments": many }))
        .invalid(&[("/attachments", InvalidCode::TooLong)]);
    let file = alice.upload(room.id, "b", "x");
    let long = json!({ "text": "", "attachments": [{ "id": file.id, "alt": "x".repeat(501) }] });
    alice.post(&path, &long).invalid(&[("/attachments/0/alt", InvalidCode::TooLong)]);
}

#[test]
fn a_repeated_send_compares_its_files() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let (one, two) = (alice.upload(room.id, "1", "x"), alice.upload(room.id, "2", "y"));
    let id = Uuid::now_v7();
    let send = |files: &[&Attachment]| {
        let files: Vec<_> = files.iter().map(|file| json!({ "id": file.id })).collect();
        alice.post(&messages_path(room.id), &json!({ "id": id, "text": "both", "attachments": files }))
    };
    let sent: Message = send(&[&one, &two]).expect(201).json();
    assert_eq!(sent.attachments, [one.clone(), two.clone()]);
    assert_eq!(send(&[&one, &two]).expect(200).json::<Message>(), sent);
    send(&[&one]).problem(409, ErrorCode::MessageIdReused);
    send(&[]).problem(409, ErrorCode::MessageIdReused);
}

#[test]
fn an_edit_drops_files() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let (one, two) = (alice.upload(room.id, "1", "x"), alice.upload(room.id, "2", "y"));
    let sent = alice.send_files(room.id, "", &[&one, &two]);
    let path = message_path(room.id, sent.id);
    let keep = |files: &[&Attachment]| {
        let files: Vec<_> = files.iter().map(|file| json!({ "id": file.id })).collect();
        alice.patch(&path, &json!({ "attachments": files }))
    };
    let edited: Message = keep(&[&two]).expect(200).json();
    assert_eq!(edited.attachments, std::slice::from_ref(&two));
    assert!(edited.edited_at.is_some() && edited.rev > sent.rev);
    alice.get(&one.url).problem(404, ErrorCode::FileNotFound);
    assert_eq!(keep(&[&two]).expect(200).json::<Message>(), edited, "a repeat changes nothing");
    keep(&[&one]).invalid(&[("/attachments/0", InvalidCode::UnknownAttachment)]);
    keep(&[]).invalid(&[("/text", InvalidCode::Required)]);
    let edited: Message =
        alice.patch(&path, &json!({ "text": "words", "attachments": [] })).expect(200).json();
    assert_eq!((edited.text.as_deref(), edited.attachments.len()), (Some("words"), 0));
    alice.patch(&path, &json!({ "text": " " })).invalid(&[("/text", InvalidCode::Required)]);
}

#[test]
fn an_edit_says_anew_what_a_file_shows() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let file = alice.upload(room.id, "cat.png", png(20, 20));
    let sent = alice.send_files(room.id, "", &[&file]);
    let edit = |claim: serde_json::Value| {
        let body = json!({ "attachments": [claim] });
        let edited: Message = alice.patch(&message_path(room.id, sent.id), &body).expect(200).json();
        (edited.attachments[0].alt.as_ref().map(|alt| alt.as_str().to_owned()), edited.rev)
    };
    let (alt, rev) = edit(json!({ "id": file.id, "alt": "A cat\n\u{202E}asleep\u{7}" }));
    assert_eq!(alt.as_deref(), Some("A cat asleep"));
    assert!(rev > sent.rev);
    assert_eq!(edit(json!({ "id": file.id })), (alt, rev), "absent leaves it");
    assert_eq!(edit(json!({ "id": file.id, "alt": null })).0, None);
    assert_eq!(edit(json!({ "id": file.id, "alt": "A dog" })).0.as_deref(), Some("A dog"));
    assert_eq!(edit(json!({ "id": file.id, "alt": " " })).0, None);
}

#[test]
fn deleting_a_message_deletes_its_files() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let file = alice.upload(room.id, "cat.png", png(20, 20));
    let sent = alice.send_files(room.id, "a cat", &[&file]);
    assert_eq!(app.stored_files().len(), 2, "the image and its thumbnail");
    alice.delete_message(&sent);
    let tombstone = alice.message(room.id, sent.id);
    assert!(tombstone.attachments.is_empty() && tombstone.text.is_none());
    for url in [&file.url, file.thumbnail_url.as_ref().expect("a thumbnail")] {
        alice.get(url).problem(404, ErrorCode::FileNotFound);
    }
    assert_eq!(app.db().text("SELECT count(*)::text FROM attachments"), "0");
    assert_eq!(app.db().text("SELECT count(*)::text FROM file_deletions WHERE due_at <= now()"), "1");
}

#[test]
fn what_nobody_needs_any_more_is_deleted_with_its_bytes() {
    let mut app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let (gone, doomed) = (alice.create_room("Gone"), alice.create_room("Doomed"));
    let kept = alice.upload(room.id, "kept", "x");
    alice.send_files(room.id, "kept", &[&kept]);
    alice.upload(room.id, "old", "x");
    app.db()
        .execute("UPDATE attachments SET created_at = now() - interval '25 hours' WHERE filename = 'old'");
    let file = alice.upload(gone.id, "gone", "x");
    alice.send_files(gone.id, "gone", &[&file]);
    alice.upload(doomed.id, "unsent", "x");
    alice.set_room_avatar(doomed.id, png(64, 64)).expect(200);
    alice.delete_room(gone.id);
    alice.delete_room(doomed.id);
    alice.get(&file.url).problem(404, ErrorCode::FileNotFound);
    // The janitor cleans up when it starts, and then every minute.
    app.restart(&["--rate-limits", "off"]);
    until("only the file that is in use is stored", || (app.stored_files().len() == 1).then_some(()));
    let rows = "SELECT string_agg(filename, ',') FROM attachments";
    assert_eq!(app.db().text(rows), "kept");
}

#[test]
fn a_file_that_is_too_large_encoded_or_cut_off_leaves_nothing() {
    let app = TestApp::with(&["--rate-limits", "off", "--upload-mib", "1"]);
    let (alice, room) = app.alice_in_a_room();
    let problem = alice.try_upload(room.id, "", vec![1; MIB + 1]).problem(413, ErrorCode::BodyTooLarge);
    let words = "This file is larger than the limit of 1 MB.";
    assert_eq!(problem.detail, words);
    alice.upload(room.id, "whole", vec![1; MIB]);
    for encoding in ["gzip", "identity"] {
        let upload = alice.request("POST", &uploads_path(room.id)).header("content-encoding", encoding);
        let problem = upload.body("x").send().problem(415, ErrorCode::UnsupportedMediaType);
        assert_eq!(problem.detail, "A file has to come as it is, without a Content-Encoding.");
    }

    let token = alice.token().expect("a session");
    let head =
        format!("POST {} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n", uploads_path(room.id));
    // Without an announced length, it is counted while it arrives.
    let chunk = format!("{:x}\r\n{}\r\n", 300_000, "x".repeat(300_000));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(4));
    let problem = http::exchange(app.addr(), chunked.as_bytes()).problem(413, ErrorCode::BodyTooLarge);
    assert_eq!(problem.detail, words);
    let mut cut = http::connect(app.addr());
    cut.write_all(format!("{head}content-length: 900000\r\n\r\n{}", "x".repeat(600_000)).as_bytes())
        .expect("it is read");
    until("the upload has begun", || app.stored_files().iter().any(|name| name.contains('#')).then_some(()));
    http::reset(cut);
    until("nothing is left of it", || (app.stored_files().len() == 2).then_some(()));
}

#[test]
fn what_the_head_decides_is_answered_before_the_file_arrives() {
    let app = TestApp::with(&["--guest-upload-mib-per-day", "1", "--upload-mib", "2"]);
    let (alice, room) = app.alice_in_a_room();
    let token = alice.token().expect("a session");
    let head = |length: usize| {
        let path = uploads_path(room.id);
        format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let refusals = [(3 * MIB, 413, ErrorCode::BodyTooLarge), (2 * MIB, 429, ErrorCode::UploadQuota)];
    for (length, status, code) in refusals {
        let started = Instant::now();
        let mut stream = http::connect(app.addr());
        stream.write_all(head(length).as_bytes()).expect("it is read");
        let answer = Response::read(&mut stream, false).expect("an answer without the file");
        answer.problem(status, code);
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        // A client that looks at the answer later can send the file in peace.
        stream.write_all(&vec![1; length]).expect("it is read and dropped");
    }
}

#[test]
fn a_fifth_upload_at_once_is_refused_for_a_moment() {
    let app = TestApp::with(&[]);
    let (alice, room) = app.alice_in_a_room();
    let token = alice.token().expect("a session");
    let path = uploads_path(room.id);
    let begun = |length: usize| {
        let mut stream = http::connect(app.addr());
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{}", "x".repeat(600_000)).as_bytes()).expect("it is read");
        stream
    };
    let running: Vec<_> = (0..4).map(|_| begun(700_000)).collect();
    let unfinished = || app.stored_files().iter().filter(|name| name.contains('#')).count();
    until("four uploads have begun", || (unfinished() == 4).then_some(()));
    let problem = alice.try_upload(room.id, "", "x").problem(429, ErrorCode::RateLimited);
    assert_eq!(
        (problem.retry_after, problem.detail.as_str()),
        (Some(1), "You have too many uploads at once.")
    );
    drop(running);
    until("there is room again", || (alice.try_upload(room.id, "", "x").status == 201).then_some(()));
}

#[test]
fn an_upload_ends_with_the_session() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let token = alice.token().expect("a session");
    let mut stream = http::connect(app.addr());
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: 900000\r\n\r\n",
        uploads_path(room.id)
    );
    stream.write_all(format!("{head}{}", "x".repeat(600_000)).as_bytes()).expect("it is read");
    until("the upload has begun", || app.stored_files().iter().any(|name| name.contains('#')).then_some(()));
    let ended_at = Instant::now();
    alice.delete(CURRENT_SESSION_PATH).expect(204);
    let answer = Response::read(&mut stream, false).expect("an answer");
    answer.problem(401, ErrorCode::InvalidToken);
    assert!(ended_at.elapsed() < Duration::from_secs(3), "{:?}", ended_at.elapsed());
    until("nothing is left of it", || app.stored_files().is_empty().then_some(()));
}

#[test]
fn users_and_the_guests_of_an_address_upload_so_much_a_day() {
    let app = TestApp::with(&["--guest-upload-mib-per-day", "2", "--address-upload-mib-per-day", "3"]);
    let (alice, room) = app.alice_in_a_room();
    alice.upload(room.id, "a", vec![1; MIB]);
    let problem = alice.try_upload(room.id, "", vec![1; MIB + 1]).problem(429, ErrorCode::UploadQuota);
    assert_eq!(problem.scope, Some(LimitScope::User));
    assert!(problem.retry_after.is_some_and(|seconds| seconds > 80_000), "{problem:?}");
    let words = "This would be more than the 2 MB that you may upload per day. Try again in 24 hours.";
    assert_eq!(problem.detail, words);
    let problem = alice.try_upload(room.id, "", vec![1; 2 * MIB + 1]).problem(429, ErrorCode::UploadQuota);
    assert_eq!(problem.detail, "This file is larger than the 2 MB that you may upload per day.");
    alice.upload(room.id, "a-refused-one-does-not-count", vec![1; MIB]);
    let bob = app.guest("Bobby");
    bob.upload(room.id, "b", vec![1; MIB]);
    let problem = bob.try_upload(room.id, "", "x").problem(429, ErrorCode::UploadQuota);
    assert_eq!(problem.scope, Some(LimitScope::Ip));
    app.member("A member").upload(room.id, "members-have-their-own", vec![1; MIB]);
    let limits = app.anonymous().get(SERVER_PATH).expect(200).json::<ServerInfo>().limits;
    let per_day = (limits.member_upload_bytes_per_day, limits.guest_upload_bytes_per_day);
    assert_eq!(per_day, (Some(100 << 20), Some(2 << 20)));
}

#[test]
fn a_full_disk_is_said_and_nothing_is_stored() {
    let app = TestApp::with(&["--rate-limits", "off", "--least-free-mib", "4000000000"]);
    let (alice, room) = app.alice_in_a_room();
    alice.try_upload(room.id, "", "x").problem(507, ErrorCode::StorageFull);
    alice.set_avatar(png(10, 10)).problem(507, ErrorCode::StorageFull);
    assert!(app.stored_files().is_empty());
}

#[test]
fn names_of_files_are_made_harmless() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for (given, kept) in [
        ("..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("a%0D%0Ab%00c.txt", "abc.txt"),
        ("cat%E2%80%AEgnp.exe", "catgnp.exe"),
        ("NUL.txt", "_NUL.txt"),
        ("", "file"),
    ] {
        assert_eq!(alice.upload(room.id, given, "x").filename, kept);
    }
    let file = alice.upload(room.id, "na%C3%AFve%20%22cat%22.txt", "x");
    let disposition = alice.get(&file.url).expect(200);
    assert_eq!(
        disposition.header("content-disposition"),
        Some("inline; filename*=UTF-8\'\'na%C3%AFve%20%22cat%22.txt")
    );
}
