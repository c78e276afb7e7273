//! Requests that are refused before they have an effect. Every error has the same form.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use serde_json::json;
use shared::errors::{ErrorCode, Problem};
use shared::messages::messages_path;
use shared::rooms::ROOMS_PATH;
use shared::server::SERVER_PATH;
use shared::sessions::{CURRENT_SESSION_PATH, SESSIONS_PATH};
use shared::users::{CURRENT_USER_PATH, GUESTS_PATH, USERS_PATH};
use support::app::TestApp;
use support::http::{self, Response};

#[test]
fn an_unknown_path_is_a_problem_too() {
    let app = TestApp::start();
    for path in [
        "/api",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v2/rooms",
        "/api/v1/rooms/1/2/3/4",
        "/nothing.js",
        "/%2e%2e/etc",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = app.anonymous().request(method, path).send();
            assert_eq!(answer.status, 404, "{method} {path}");
            answer.problem(404, ErrorCode::NotFound);
        }
    }
}

#[test]
fn every_request_has_its_own_id() {
    let app = TestApp::start();
    let ids: BTreeSet<String> = (0..20)
        .map(|_| app.anonymous().get("/api/v1/nothing").problem(404, ErrorCode::NotFound).request_id)
        .collect();
    assert_eq!(ids.len(), 20);
}

#[test]
fn a_wrong_method_is_answered_with_the_allowed_ones() {
    let app = TestApp::start();
    let room = format!("{ROOMS_PATH}/{}", app.lobby().id);
    for (path, wrong, allowed) in [
        (ROOMS_PATH.to_owned(), "PUT", vec!["GET", "HEAD", "POST"]),
        (room.clone(), "POST", vec!["DELETE", "GET", "HEAD", "PATCH"]),
        (format!("{room}/messages"), "DELETE", vec!["GET", "HEAD", "POST"]),
        (format!("{room}/messages/{}", app.lobby().id), "PUT", vec!["DELETE", "GET", "HEAD", "PATCH"]),
        (format!("{room}/changes"), "POST", vec!["GET", "HEAD"]),
        (GUESTS_PATH.to_owned(), "GET", vec!["POST"]),
        (CURRENT_USER_PATH.to_owned(), "POST", vec!["DELETE", "GET", "HEAD", "PATCH"]),
        (format!("{room}/members"), "POST", vec!["GET", "HEAD"]),
        (format!("{room}/members/me"), "GET", vec!["DELETE", "PUT"]),
        (format!("{room}/members/{}", app.lobby().id), "GET", vec!["DELETE", "PUT"]),
        (format!("{room}/bans"), "POST", vec!["GET", "HEAD"]),
        (format!("{room}/owner"), "GET", vec!["PUT"]),
        (format!("{room}/invites"), "PUT", vec!["GET", "HEAD", "POST"]),
        (format!("{USERS_PATH}/{}", app.lobby().id), "PUT", vec!["GET", "HEAD"]),
        (USERS_PATH.to_owned(), "DELETE", vec!["GET", "HEAD", "POST"]),
        (SESSIONS_PATH.to_owned(), "PATCH", vec!["DELETE", "GET", "HEAD", "POST"]),
        (CURRENT_SESSION_PATH.to_owned(), "GET", vec!["DELETE"]),
        (SERVER_PATH.to_owned(), "PATCH", vec!["GET", "HEAD"]),
        ("/livez".to_owned(), "POST", vec!["GET", "HEAD"]),
        ("/readyz".to_owned(), "DELETE", vec!["GET", "HEAD"]),
    ] {
        let answer = app.anonymous().request(wrong, &path).send();
        assert_eq!(answer.status, 405, "{wrong} {path}");
        answer.problem(405, ErrorCode::MethodNotAllowed);
        let allow = answer.header("allow").expect("Allow").to_owned();
        let mut found: Vec<&str> = allow.split(", ").collect();
        found.sort_unstable();
        assert_eq!(found, allowed, "{path}");
    }
}

#[test]
fn a_url_above_4_kib_is_too_long() {
    let app = TestApp::start();
    let path = |length: usize| format!("{ROOMS_PATH}?x={}", "y".repeat(length - ROOMS_PATH.len() - 3));
    app.anonymous().get(&path(4_096)).expect(200);
    app.anonymous().get(&path(4_097)).problem(414, ErrorCode::UriTooLong);
    app.anonymous().get(&path(12_000)).problem(414, ErrorCode::UriTooLong);
    // Longer than the parser accepts.
    app.anonymous().get(&path(70_000)).expect(400);
}

#[test]
fn headers_above_16_kib_or_64_fields_are_too_large() {
    let app = TestApp::start();
    let with_bytes = |bytes: usize| {
        let request = app.anonymous().request("GET", ROOMS_PATH);
        request.header("x-first", &"a".repeat(bytes / 2)).header("x-second", &"b".repeat(bytes / 2)).send()
    };
    with_bytes(15_000).expect(200);
    with_bytes(17_000).problem(431, ErrorCode::HeadersTooLarge);
    let with_fields = |count: usize| {
        let request = app.anonymous().request("GET", ROOMS_PATH);
        (0..count).fold(request, |request, number| request.header(&format!("x-{number}"), "a")).send()
    };
    with_fields(50).expect(200);
    with_fields(80).problem(431, ErrorCode::HeadersTooLarge);
}

#[test]
fn every_error_is_a_problem_of_the_same_form() {
    let app = TestApp::start();
    let answer = app.guest("Grace").post(ROOMS_PATH, &json!({ "name": null }));
    let body = answer.value();
    assert_eq!(body["status"], 422);
    assert_eq!(body["code"], "validation_failed");
    assert_eq!(body["errors"][0]["pointer"], "/name");
    assert_eq!(body["errors"][0]["code"], "invalid_type");
    assert!(body["errors"][0]["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    // And no fields of other kinds of errors.
    let keys: BTreeSet<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = ["code", "detail", "errors", "request_id", "status", "title", "type"];
    assert_eq!(keys, BTreeSet::from(expected));
}

#[test]
fn head_answers_like_get_without_a_body() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    for path in [
        ROOMS_PATH.to_owned(),
        format!("{ROOMS_PATH}/{}", room.id),
        messages_path(room.id),
        format!("{}/{}", messages_path(room.id), message.id),
        format!("{ROOMS_PATH}/{}/changes?since=0", room.id),
        SERVER_PATH.to_owned(),
        CURRENT_USER_PATH.to_owned(),
        "/livez".to_owned(),
        "/readyz".to_owned(),
        "/api/v1/openapi.json".to_owned(),
    ] {
        let (get, head) = (alice.get(&path), alice.request("HEAD", &path).send());
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        assert_eq!(head.body, b"", "{path}");
    }
    let head = alice.request("HEAD", "/api/v1/nothing").send();
    assert_eq!((head.status, head.body.len()), (404, 0));
}

#[test]
fn an_internal_error_is_reported_without_its_cause() {
    let app = TestApp::start();
    let alice = app.guest("Alice");
    app.db().execute("ALTER TABLE rooms RENAME COLUMN name TO label");
    for answer in [alice.get(ROOMS_PATH), alice.post(ROOMS_PATH, &json!({ "name": "Compilers" }))] {
        answer.problem(500, ErrorCode::Internal);
        let text = answer.text().to_lowercase();
        for insides in ["column", "select", "insert", "diesel", "postgres", "label", "panicked", ".rs"] {
            assert!(!text.contains(insides), "{text}");
        }
    }
    app.db().execute("ALTER TABLE rooms RENAME COLUMN label TO name");
    alice.get(ROOMS_PATH).expect(200);
}

#[test]
fn a_request_that_is_not_http_is_a_bad_request() {
    let app = TestApp::start();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        http::exchange(app.addr(), bytes).expect(400);
    }
    app.anonymous().get(ROOMS_PATH).expect(200);
}

#[test]
fn a_request_that_the_parser_refuses_gets_a_status_also_after_other_requests() {
    let app = TestApp::start();
    let many: String = (0..100).map(|number| format!("x-{number}: a\r\n")).collect();
    let head = format!("GET /livez HTTP/1.1\r\nhost: a\r\n{many}\r\n");
    http::exchange(app.addr(), head.as_bytes()).expect(431);
    let endless = format!("GET /livez HTTP/1.1\r\nhost: a\r\nx-long: {}", "a".repeat(140_000));
    http::exchange(app.addr(), endless.as_bytes()).expect(431);

    let mut stream = http::connect(app.addr());
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\nnonsense\r\n\r\n").expect("it listens");
    let mut both = String::new();
    stream.read_to_string(&mut both).expect("it answers and closes");
    assert!(both.starts_with("HTTP/1.1 200 OK\r\n"), "{both}");
    assert!(both.contains("HTTP/1.1 400 Bad Request\r\n"), "{both}");
}

#[test]
fn a_request_that_stops_half_way_is_answered_with_408_and_its_connection_closed() {
    let app = TestApp::start();
    let alice = app.guest("Alice");
    let half_head = "GET /livez HTTP/1.1\r\nhost: a\r\n";
    let half_body = format!(
        "POST {ROOMS_PATH} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"name\":",
        alice.token().expect("a guest")
    );
    let half_chunk =
        half_body.replace("content-length: 100\r\n\r\n", "transfer-encoding: chunked\r\n\r\n20\r\n");
    let mut streams = [half_head, &half_body, &half_chunk].map(|half| {
        let mut stream = http::connect(app.addr());
        stream.write_all(half.as_bytes()).expect("it listens");
        stream
    });
    for (number, stream) in streams.iter_mut().enumerate() {
        let answer = Response::read(stream, false).expect("an answer").expect(408);
        if number > 0 {
            answer.problem(408, ErrorCode::RequestTimeout);
        }
        assert_eq!(
            stream.read(&mut [0]).unwrap_or_else(|error| panic!("{number} stays open: {error}")),
            0,
            "and nothing more"
        );
    }
}

#[test]
fn a_request_with_two_lengths_is_refused_as_smuggling() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let head = |lengths: &str| {
        format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             {lengths}\r\n\r\n{{\"text\":\"hello\"}}\r\n0\r\n\r\n",
            messages_path(room.id),
            app.addr(),
            alice.token().expect("a guest")
        )
    };
    for lengths in
        ["content-length: 16\r\ncontent-length: 5", "content-length: 16\r\ntransfer-encoding: chunked"]
    {
        http::exchange(app.addr(), head(lengths).as_bytes()).expect(400);
    }
    assert_eq!(alice.room(room.id).last_seq.0, 0);
}

#[test]
fn problems_are_not_cacheable() {
    let app = TestApp::start();
    let answer = app.guest("Grace").get("/api/v1/rooms/none");
    answer.problem(404, ErrorCode::RoomNotFound);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn a_client_ignores_additions_of_later_servers() {
    let later = json!({
        "type": "about:blank", "title": "t", "status": 418, "detail": "d", "code": "teapot", "request_id": "r",
        "added_later": { "a": 1 }
    });
    let problem: Problem = serde_json::from_value(later).expect("it decodes");
    assert_eq!(problem.code, ErrorCode::Unknown);
}
