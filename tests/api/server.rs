//! What the server says of itself: its limits, its health, its description.

use serde_json::{Value, json};
use shared::server::{SERVER_PATH, SOCKET_PATH, ServerInfo};
use support::app::TestApp;

#[test]
fn the_server_tells_its_name_version_and_limits() {
    let app = TestApp::with(&["--name", "Our chat"]);
    let body = app.anonymous().get(SERVER_PATH).expect(200);
    let info: ServerInfo = body.json();
    assert_eq!(info.name, "Our chat");
    assert_eq!(info.version.split('.').count(), 3);
    let limits = &body.value()["limits"];
    assert_eq!(limits["guest_username"], json!({ "min": 4, "max": 20 }));
    assert_eq!(limits["room_name"], json!({ "min": 1, "max": 80 }));
    assert_eq!(limits["guest_message"], json!({ "min": 2, "max": 150 }));
    assert_eq!(limits["member_message"], json!({ "min": 1, "max": 4_000 }));
    assert_eq!((info.limits.page_default, info.limits.page_max), (30, 100));
    assert_eq!(info.limits.body_bytes, 65_536);
}

#[test]
fn a_server_that_runs_is_alive_and_ready() {
    let app = TestApp::start();
    app.anonymous().get("/livez").expect(200);
    app.anonymous().get("/readyz").expect(200);
}

fn openapi(app: &TestApp) -> Value {
    let answer = app.anonymous().get("/api/v1/openapi.json").expect(200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
    answer.json()
}

#[test]
fn the_description_holds_every_endpoint_of_the_contract() {
    let app = TestApp::start();
    let api = openapi(&app);
    assert!(api["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", api["openapi"]);
    let mut described: Vec<String> = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        // The names of parameters are the writer's choice.
        let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        for method in ["get", "post", "patch", "put", "delete"] {
            if !item[method].is_null() {
                described.push(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    described.sort();
    let mut contract = vec![
        "POST /api/v1/guests",
        "GET /api/v1/users/me",
        "DELETE /api/v1/sessions/current",
        "GET /api/v1/rooms",
        "POST /api/v1/rooms",
        "GET /api/v1/rooms/{}",
        "PATCH /api/v1/rooms/{}",
        "DELETE /api/v1/rooms/{}",
        "GET /api/v1/rooms/{}/messages",
        "POST /api/v1/rooms/{}/messages",
        "GET /api/v1/rooms/{}/messages/{}",
        "PATCH /api/v1/rooms/{}/messages/{}",
        "DELETE /api/v1/rooms/{}/messages/{}",
        "GET /api/v1/rooms/{}/changes",
        "GET /api/v1/server",
        "GET /livez",
        "GET /readyz",
        "GET /api/v1/ws",
    ];
    contract.sort_unstable();
    assert_eq!(described, contract);
}

#[test]
fn every_endpoint_of_the_description_exists() {
    let app = TestApp::start();
    let (alice, room) = app.alice_in_a_room();
    let message = alice.send(room.id, "hello");
    let api = openapi(&app);
    for (path, item) in api["paths"].as_object().expect("paths") {
        let mut ids = [room.id.to_string(), message.id.to_string()].into_iter();
        let parts = path.split('/').map(|part| {
            if part.starts_with('{') { ids.next().expect("at most two ids") } else { part.to_owned() }
        });
        let real = parts.collect::<Vec<_>>().join("/");
        for method in item
            .as_object()
            .expect("operations")
            .keys()
            .filter(|key| ["get", "post", "patch"].contains(&key.as_str()))
        {
            let answer = alice.request(&method.to_uppercase(), &real).send();
            let expected: &[u16] = match method.as_str() {
                // A write without a body: the endpoint is there, and wants one.
                "post" | "patch" => &[400, 415],
                _ if real == SOCKET_PATH => &[426],
                _ => &[200],
            };
            assert!(expected.contains(&answer.status), "{method} {real}: {}", answer.status);
        }
    }
}

#[test]
fn every_operation_says_what_it_answers() {
    let app = TestApp::start();
    let api = openapi(&app);
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let Some(responses) = operation["responses"].as_object() else { continue };
            let good = responses.keys().filter(|status| status.starts_with('2') || *status == "101").count();
            assert!(good > 0, "{method} {path} has no good answer");
            assert!(responses.len() > good, "{method} {path} never fails");
        }
    }
    // Every reference leads somewhere.
    let text = api.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(api.pointer(reference).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn the_description_can_be_tried_on_a_page() {
    let app = TestApp::start();
    let answer = app.anonymous().get("/docs");
    let path = match answer.status {
        200 => "/docs".to_owned(),
        _ => answer.header("location").expect("it leads on").to_owned(),
    };
    let page = app.anonymous().get(&path).expect(200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    // Vendored, compressed or not: nothing is fetched from elsewhere.
    let page = String::from_utf8_lossy(&page.body).into_owned();
    assert!(!page.contains("https://"), "{page}");
}
