//! Serving files: who may load them, how they are sent, and ranges.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use shared::errors::ErrorCode;
use shared::members::Role;
use shared::sessions::CURRENT_SESSION_PATH;
use shared::text::InvalidCode;
use socket2::{Domain, Socket, Type};
use support::app::TestApp;
use support::client::TestClient;
use support::files::png;
use support::wait::until;

/// Who is refused gets what an unknown file gets.
#[track_caller]
fn assert_hidden(client: &TestClient, url: &str) {
    client.get(url).problem(404, ErrorCode::FileNotFound);
}

#[test]
fn until_a_message_takes_it_a_file_is_its_uploaders_alone() {
    let app = TestApp::start();
    let owner = app.member("The owner");
    let room = owner.create_room("Open");
    let (alice, bob) = (app.guest("Alice"), app.guest("Bobby"));
    let file = alice.upload(room.id, "a", "Hello");
    alice.get(&file.url).expect(200);
    for other in [&owner, &bob, &app.anonymous()] {
        assert_hidden(other, &file.url);
    }
    alice.send_files(room.id, "here", &[&file]);
    for other in [&owner, &bob, &app.anonymous()] {
        other.get(&file.url).expect(200);
    }
    assert_hidden(&alice, "/files/fAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_hidden(&alice, "/files/a");
}

#[test]
fn a_file_of_a_private_room_is_hidden_from_others_also_after_leaving() {
    let app = TestApp::start();
    let (admin, owner) = (app.member("The admin"), app.member("The owner"));
    let room = owner.create_private_room("Closed");
    let (alice, eve) = (app.member("Alice"), app.member("Evelyn"));
    owner.add(room.id, &alice, Role::Member);
    let file = owner.upload(room.id, "cat.png", png(30, 30));
    owner.send_files(room.id, "secret", &[&file]);
    let thumbnail = file.thumbnail_url.as_deref().expect("a thumbnail");
    for url in [file.url.as_str(), thumbnail] {
        alice.get(url).expect(200);
        for outsider in [&eve, &admin, &app.anonymous()] {
            assert_hidden(outsider, url);
        }
    }
    let own = alice.upload(room.id, "b", "mine");
    alice.leave(room.id);
    for url in [file.url.as_str(), thumbnail, &own.url] {
        assert_hidden(&alice, url);
    }
    let etag = owner.get(&file.url).expect(200).header("etag").expect("an ETag").to_owned();
    let known = alice.request("GET", &file.url).header("if-none-match", &etag).send();
    known.problem(404, ErrorCode::FileNotFound);
}

#[test]
fn members_only_servers_show_files_to_nobody() {
    let app = TestApp::with(&["--rate-limits", "off", "--access", "members"]);
    let (alice, room) = app.alice_in_a_room();
    let file = alice.upload(room.id, "a", "Hello");
    alice.send_files(room.id, "here", &[&file]);
    app.anonymous().get(&file.url).problem(401, ErrorCode::AuthenticationRequired);
    app.guest("Bobby").get(&file.url).expect(200);
}

#[test]
fn files_are_sent_inert() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for (name, bytes, content_type, way) in [
        ("cat.png", png(10, 10), "image/png", "inline"),
        ("a.txt", b"<3 hello".to_vec(), "application/octet-stream", "attachment"),
        ("a.txt", b"hello".to_vec(), "text/plain; charset=utf-8", "inline"),
        ("a.html", b"<script>1</script>".to_vec(), "application/octet-stream", "attachment"),
        ("a.svg", b"<svg onload='1'/>".to_vec(), "application/octet-stream", "attachment"),
        ("a.pdf", b"%PDF-1.7 <script>".to_vec(), "application/pdf", "attachment"),
        ("a.mp3", b"ID3\x04\0\0\0\0\0\0".to_vec(), "audio/mpeg", "inline"),
    ] {
        let file = alice.upload(room.id, name, bytes.clone());
        let answer = alice.request("GET", &file.url).header("accept-encoding", "gzip").send().expect(200);
        assert_eq!(answer.body, bytes, "{name} is not compressed");
        let disposition = answer.header("content-disposition").expect("a Content-Disposition");
        assert!(disposition.starts_with(way), "{name}: {disposition}");
        for (header, value) in [
            ("content-type", content_type),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "sandbox; default-src 'none'"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "private, no-cache"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(answer.header(header), Some(value), "{name}: {header}");
        }
        assert_eq!(answer.header("content-encoding"), None);
    }
}

#[test]
fn a_part_of_a_file_is_sent_and_a_known_file_is_not() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let file = alice.upload(room.id, "a.txt", "0123456789");
    let whole = alice.get(&file.url).expect(200);
    let etag = whole.header("etag").expect("an ETag").to_owned();
    let range = |value: &str| alice.request("GET", &file.url).header("range", value);
    let part = range("bytes=2-4").send().expect(206);
    assert_eq!((part.text(), part.header("content-range")), ("234", Some("bytes 2-4/10")));
    assert_eq!(range("bytes=-3").send().expect(206).text(), "789");
    assert_eq!(range("bytes=7-").header("if-range", &etag).send().expect(206).text(), "789");
    assert_eq!(range("bytes=7-").header("if-range", "\"other\"").send().expect(200).text(), "0123456789");
    let nothing = range("bytes=10-").send();
    nothing.problem(416, ErrorCode::RangeNotSatisfiable);
    assert_eq!(nothing.header("content-range"), Some("bytes */10"));
    let known = alice.request("GET", &file.url).header("if-none-match", &etag).send().expect(304);
    assert!(known.body.is_empty());
    let head = alice.request("HEAD", &file.url).send().expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), (Some("10"), 0));
    alice.get(&format!("{}?size=12", file.url)).invalid(&[("/size", InvalidCode::OutOfRange)]);
    alice.get(&format!("{}?size=800", file.url)).problem(404, ErrorCode::FileNotFound);
}

/// How large a file is that does not fit into buffers.
const LARGE: usize = 24 * 1024 * 1024;

/// Begins to load a file. With a small buffer, little of it arrives before the rest is read.
fn begin_to_load(client: &TestClient, url: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(32 * 1024).expect("a size");
    socket.connect(&client.addr().into()).expect("the server listens");
    let mut stream = TcpStream::from(socket);
    let token = client.token().expect("a session");
    let request = format!("GET {url} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is read");
    assert_ne!(stream.read(&mut [0; 8 * 1024]).expect("the beginning"), 0);
    stream
}

/// Reads the rest. Returns how much of it came.
fn load_rest(mut stream: TcpStream) -> usize {
    let (mut buffer, mut received) = (vec![0; 8 * 1024], 0);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        received += count;
    }
    received
}

#[test]
fn a_transfer_ends_when_the_right_to_it_does() {
    let app = TestApp::start();
    let (owner, alice) = (app.member("The owner"), app.member("Alice"));
    let room = owner.create_private_room("Closed");
    owner.add(room.id, &alice, Role::Member);
    let file = owner.upload(room.id, "large", vec![7; LARGE]);
    owner.send_files(room.id, "large", &[&file]);
    let stream = begin_to_load(&alice, &file.url);
    let started = Instant::now();
    owner.remove(room.id, &alice);
    // The server asks for her right once a second.
    until("more than a second has passed", || {
        (started.elapsed() > Duration::from_millis(1_200)).then_some(())
    });
    let received = load_rest(stream);
    assert!(received < LARGE / 2, "{received} bytes");
}

#[test]
fn a_transfer_ends_when_the_session_does() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let file = alice.upload(room.id, "large", vec![7; LARGE]);
    alice.send_files(room.id, "large", &[&file]);
    let stream = begin_to_load(&alice, &file.url);
    alice.delete(CURRENT_SESSION_PATH).expect(204);
    let received = load_rest(stream);
    assert!(received < LARGE / 2, "{received} bytes");
}
