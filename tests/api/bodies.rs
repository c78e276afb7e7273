//! Request bodies that are refused: their form, media type and size.

use std::io::Write;

use shared::errors::ErrorCode;
use shared::ids::RoomId;
use shared::messages::messages_path;
use shared::rooms::ROOMS_PATH;
use shared::text::InvalidCode;
use support::app::TestApp;
use support::client::TestClient;
use support::http::{self, Response};

fn send_text(client: &TestClient, room_id: RoomId, json: &str) -> Response {
    client.request("POST", &messages_path(room_id)).json_text(json).send()
}

#[test]
fn a_body_without_json_is_malformed_and_one_that_is_no_object_is_invalid() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for text in [
        "",
        "hello",
        "{",
        "{\"text\":\"hello\"",
        "{\"text\":\"hello\"} {}",
        "{\"text\":'hello'}",
        "{\"text\":NaN}",
        "{text:\"hello\"}",
    ] {
        let answer = send_text(&alice, room.id, text);
        assert_eq!(answer.status, 400, "{text}");
        answer.problem(400, ErrorCode::MalformedJson);
    }
    for text in ["[]", "[\"hello\"]", "[{\"text\":\"hello\"}]", "\"hello\"", "null", "7"] {
        send_text(&alice, room.id, text).invalid(&[("", InvalidCode::InvalidType)]);
    }
    let request = alice.request("POST", &messages_path(room.id)).header("content-type", "application/json");
    request.body(b"{\"text\":\"\xFF\xFE\"}".to_vec()).send().problem(400, ErrorCode::MalformedJson);
    assert_eq!(alice.room(room.id).last_seq.0, 0);
}

#[test]
fn a_duplicate_key_is_malformed_at_every_depth() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    for text in [
        "{\"text\":\"hello\",\"text\":\"world\"}",
        "{\"text\":\"hello\",\"te\\u0078t\":\"world\"}",
        "{\"text\":\"hello\",\"other\":{\"a\":1,\"a\":2}}",
        "{\"text\":\"hello\",\"other\":[{\"a\":1,\"a\":2}]}",
        "{\"unknown\":1,\"text\":\"hello\",\"unknown\":2}",
    ] {
        send_text(&alice, room.id, text).problem(400, ErrorCode::MalformedJson);
    }
}

#[test]
fn a_body_may_nest_32_deep_and_no_deeper() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let nested =
        |depth: usize| format!("{{\"text\":\"hello\",\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    // The object itself is the first level.
    send_text(&alice, room.id, &nested(31)).expect(201);
    for depth in [32, 33, 200, 20_000] {
        send_text(&alice, room.id, &nested(depth)).problem(400, ErrorCode::MalformedJson);
    }
}

#[test]
fn a_body_must_have_the_media_type_json() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let request = || alice.request("POST", &messages_path(room.id)).body("{\"text\":\"hello\"}");
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/json",
        "application/problem+json",
        "json",
    ] {
        let answer = request().header("content-type", content_type).send();
        assert_eq!(answer.status, 415, "{content_type}");
        answer.problem(415, ErrorCode::UnsupportedMediaType);
    }
    request().send().problem(415, ErrorCode::UnsupportedMediaType);
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        request().header("content-type", content_type).send().expect(201);
    }
}

#[test]
fn a_body_that_is_ignored_must_be_json_too() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let path = format!("{}/{}", messages_path(room.id), message.id);
    for method in ["GET", "DELETE"] {
        let request = alice.request(method, &path).header("content-type", "text/plain");
        request.body("hello").send().problem(415, ErrorCode::UnsupportedMediaType);
    }
    let delete = || alice.request("DELETE", &path);
    delete().json_text("{\"a\":1,\"a\":2}").send().problem(400, ErrorCode::MalformedJson);
    delete()
        .json_text(&format!("{{\"a\":\"{}\"}}", "x".repeat(70_000)))
        .send()
        .problem(413, ErrorCode::BodyTooLarge);
    assert_eq!(alice.message(room.id, message.id), message, "nothing was done");
    // For an unsupported method, the method is the error.
    let put = alice.request("PUT", ROOMS_PATH).header("content-type", "text/plain").body("hello").send();
    put.problem(405, ErrorCode::MethodNotAllowed);
    // An empty body is no body, however it is announced.
    let head = format!(
        "DELETE {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
         transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        app.addr(),
        alice.token().expect("a guest")
    );
    http::exchange(app.addr(), head.as_bytes()).expect(204);
    delete().json_text("{}").send().expect(204);
}

#[test]
fn a_body_above_64_kib_is_too_large_announced_or_not() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let body = |length: usize| {
        let around = "{\"text\":\"\"}".len();
        format!("{{\"text\":\"{}\"}}", "x".repeat(length - around))
    };
    send_text(&alice, room.id, &body(65_536)).invalid(&[("/text", InvalidCode::TooLong)]);
    send_text(&alice, room.id, &body(65_537)).problem(413, ErrorCode::BodyTooLarge);
    send_text(&alice, room.id, &body(10_000_000)).problem(413, ErrorCode::BodyTooLarge);

    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\n",
        messages_path(room.id),
        app.addr(),
        alice.token().expect("a guest")
    );
    // Only announced: the response does not wait for the body.
    let mut stream = http::connect(app.addr());
    stream.write_all(format!("{head}content-length: 1000000000\r\n\r\n").as_bytes()).expect("it listens");
    Response::read(&mut stream, false).expect("an answer").problem(413, ErrorCode::BodyTooLarge);
    // Chunked, so that no length is announced.
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(17));
    http::exchange(app.addr(), chunked.as_bytes()).problem(413, ErrorCode::BodyTooLarge);
}
