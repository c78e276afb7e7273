//! Information about the server: limits, health checks, the API description.

use serde_json::{Value, json};
use shared::errors::{PROBLEM_CONTENT_TYPE, Problem};
use shared::server::{SERVER_PATH, SOCKET_PATH, SOCKET_PROTOCOL, ServerInfo};
use shared::streams::{NewStream, STREAMS_PATH};
use support::app::TestApp;

#[test]
fn the_server_reports_its_name_version_and_limits() {
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
fn a_running_server_is_alive_and_ready() {
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
fn the_description_has_every_endpoint_of_the_contract() {
    let app = TestApp::start();
    let api = openapi(&app);
    assert!(api["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", api["openapi"]);
    let mut described: Vec<String> = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        // The names of path parameters may differ.
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
        "DELETE /api/v1/rooms/{}",
        "DELETE /api/v1/rooms/{}/avatar",
        "DELETE /api/v1/rooms/{}/bans/{}",
        "DELETE /api/v1/rooms/{}/invites/{}",
        "DELETE /api/v1/rooms/{}/members/me",
        "DELETE /api/v1/rooms/{}/members/{}",
        "DELETE /api/v1/rooms/{}/messages/{}",
        "DELETE /api/v1/rooms/{}/messages/{}/edits",
        "DELETE /api/v1/rooms/{}/messages/{}/reactions/{}",
        "DELETE /api/v1/rooms/{}/mutes/{}",
        "DELETE /api/v1/rooms/{}/pins/{}",
        "DELETE /api/v1/sessions",
        "DELETE /api/v1/sessions/current",
        "DELETE /api/v1/sessions/{}",
        "DELETE /api/v1/tokens/{}",
        "DELETE /api/v1/users/me",
        "DELETE /api/v1/users/me/avatar",
        "GET /api/v1/admin/users",
        "GET /api/v1/rooms",
        "GET /api/v1/rooms/{}",
        "GET /api/v1/rooms/{}/audit",
        "GET /api/v1/rooms/{}/bans",
        "DELETE /api/v1/streams/{}",
        "GET /api/v1/rooms/{}/changes",
        "GET /api/v1/rooms/{}/events",
        "GET /api/v1/streams/{}/events",
        "POST /api/v1/streams",
        "POST /api/v1/streams/{}/commands",
        "GET /api/v1/rooms/{}/invites",
        "GET /api/v1/rooms/{}/members",
        "GET /api/v1/rooms/{}/messages",
        "GET /api/v1/rooms/{}/messages/{}",
        "GET /api/v1/rooms/{}/messages/{}/edits",
        "GET /api/v1/rooms/{}/messages/{}/reactions/{}",
        "GET /api/v1/rooms/{}/pins",
        "GET /api/v1/server",
        "GET /api/v1/sessions",
        "GET /api/v1/tokens",
        "GET /api/v1/users",
        "GET /api/v1/users/me",
        "GET /api/v1/users/{}",
        "GET /files/{}",
        "GET /livez",
        "GET /readyz",
        "PATCH /api/v1/admin/settings",
        "PATCH /api/v1/admin/users/{}",
        "PATCH /api/v1/rooms/{}",
        "PATCH /api/v1/rooms/{}/messages/{}",
        "PATCH /api/v1/users/me",
        "POST /api/v1/admin/users/{}/password-reset",
        "POST /api/v1/guests",
        "POST /api/v1/invites/preview",
        "POST /api/v1/invites/redeem",
        "POST /api/v1/password-resets",
        "POST /api/v1/rooms",
        "POST /api/v1/rooms/{}/invites",
        "POST /api/v1/rooms/{}/messages",
        "POST /api/v1/rooms/{}/messages/preview",
        "POST /api/v1/rooms/{}/uploads",
        "POST /api/v1/sessions",
        "POST /api/v1/tokens",
        "POST /api/v1/users",
        "POST /api/v1/users/me/deletion",
        "PUT /api/v1/rooms/{}/avatar",
        "PUT /api/v1/rooms/{}/bans/{}",
        "PUT /api/v1/rooms/{}/members/me",
        "PUT /api/v1/rooms/{}/members/{}",
        "PUT /api/v1/rooms/{}/messages/{}/reactions/{}",
        "PUT /api/v1/rooms/{}/mutes/{}",
        "PUT /api/v1/rooms/{}/notify",
        "PUT /api/v1/rooms/{}/owner",
        "PUT /api/v1/rooms/{}/pins/{}",
        "PUT /api/v1/rooms/{}/read",
        "PUT /api/v1/users/me/avatar",
        "PUT /api/v1/users/me/password",
    ];
    contract.sort_unstable();
    assert_eq!(described, contract);
    assert_eq!(api["paths"][SOCKET_PATH]["x-websocket"]["subprotocol"], SOCKET_PROTOCOL);
}

#[test]
fn every_endpoint_of_the_description_exists() {
    let app = TestApp::start();
    let alice = app.member("Alice");
    let room = alice.create_room("Alice's room");
    let message = alice.send(room.id, "hello");
    let file = alice.upload(room.id, "a", "x");
    let key = file.url.rsplit('/').next().expect("a path").to_owned();
    let stream: NewStream = alice.request("POST", STREAMS_PATH).send().expect(201).json();
    let api = openapi(&app);
    for (path, item) in api["paths"].as_object().expect("paths") {
        let ids = [
            ("{room_id}", room.id.to_string()),
            ("{message_id}", message.id.to_string()),
            ("{user_id}", alice.user().id.to_string()),
            ("{key}", key.clone()),
            ("{stream_id}", stream.id.to_string()),
            ("{emoji}", "%F0%9F%8E%89".to_owned()),
        ];
        let real = ids.iter().fold(path.clone(), |path, (name, id)| path.replace(name, id));
        for method in item
            .as_object()
            .expect("operations")
            .keys()
            .filter(|key| ["get", "post", "put", "patch"].contains(&key.as_str()))
        {
            // Server-sent events have no end.
            let sent = if real.ends_with("/events") { "HEAD" } else { method };
            let answer = alice.request(&sent.to_uppercase(), &real).send();
            let expected: &[u16] = match method.as_str() {
                "post" if item[method]["requestBody"].is_null() => &[201],
                "put" if item[method]["requestBody"].is_null() => &[200],
                // What may be left out.
                "post" | "put" if item[method]["requestBody"]["required"] == false => &[201, 403],
                // A write without a body: the endpoint exists and requires one.
                "post" | "put" | "patch" => &[400, 415],
                _ => &[200],
            };
            assert!(expected.contains(&answer.status), "{method} {real}: {}", answer.status);
        }
    }
}

/// Every operation with its method and path.
fn operations(api: &Value) -> Vec<(String, &Value)> {
    let items = api["paths"].as_object().expect("paths").iter();
    let operations = items.flat_map(|(path, item)| {
        let operations = item.as_object().expect("operations").iter();
        let operations = operations.filter(|(_, operation)| operation.get("operationId").is_some());
        operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

/// The same, with every reference replaced by its target. One that leads back to itself stays.
fn resolve(api: &Value, value: &Value) -> Value {
    resolve_within(api, value, &mut Vec::new())
}

fn resolve_within<'api>(api: &'api Value, value: &'api Value, within: &mut Vec<&'api str>) -> Value {
    match value {
        Value::Object(object) => match object.get("$ref").and_then(Value::as_str) {
            Some(reference) if within.contains(&reference) => value.clone(),
            Some(reference) => {
                within.push(reference);
                let target = reference.strip_prefix('#').and_then(|pointer| api.pointer(pointer));
                let target = target.unwrap_or_else(|| panic!("{reference} leads nowhere"));
                let resolved = resolve_within(api, target, within);
                within.pop();
                resolved
            }
            None => {
                let fields = object.iter();
                fields.map(|(key, value)| (key.clone(), resolve_within(api, value, within))).collect()
            }
        },
        Value::Array(items) => items.iter().map(|item| resolve_within(api, item, within)).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_operation_lists_its_statuses_and_security() {
    let app = TestApp::start();
    let api = openapi(&app);
    for (name, operation) in operations(&api) {
        let responses = resolve(&api, &operation["responses"]);
        let responses = responses.as_object().expect("responses");
        let has = |status: &str| responses.contains_key(status);
        assert!(!has("default"), "{name} names its statuses");
        for status in ["400", "408", "413", "414", "415", "431", "500", "503"] {
            assert!(has(status), "{name} lacks {status}");
        }
        let is_write = !name.starts_with("get ") && !name.starts_with("head ");
        let security = operation["security"].as_array().map(|security| {
            security
                .iter()
                .map(|scheme| scheme.as_object().expect("a scheme").keys().cloned().collect())
                .collect()
        });
        let security: Vec<Vec<String>> = security.unwrap_or_default();
        if security.is_empty() {
            continue;
        }
        assert!(has("401") && has("429"), "{name}");
        let anybody = security.contains(&Vec::new());
        // A guest who signs up becomes the member; others come as nobody.
        let is_sign_up = name == "post /api/v1/users";
        let personal = ["/users", "/sessions", "/tokens", "/admin", "/bans", "/audit", "/invites"];
        let is_personal = personal.iter().any(|noun| name.contains(noun));
        // A stream only needs the right to read.
        let is_stream = name.contains("/streams");
        let needs_identity = !is_sign_up && !is_stream && (is_write || is_personal);
        assert_eq!(anybody, !needs_identity, "{name}");
        let parameters = resolve(&api, &operation["parameters"]);
        let takes_origin =
            parameters.as_array().expect("parameters").iter().any(|one| one["name"] == "Origin");
        assert_eq!(takes_origin, is_write, "{name}");
        assert!(has("403") || !takes_origin, "{name}");
    }
    let schemes = &api["components"]["securitySchemes"];
    assert_eq!((&schemes["token"]["scheme"], &schemes["cookie"]["in"]), (&json!("bearer"), &json!("cookie")));
    assert_eq!(schemes["cookie"]["name"], "parlance_session");
}

#[test]
fn every_error_of_the_description_is_a_problem_with_codes_and_examples() {
    let app = TestApp::start();
    let api = openapi(&app);
    for (name, operation) in operations(&api) {
        let responses = resolve(&api, &operation["responses"]);
        for (status, response) in responses.as_object().expect("responses") {
            assert_eq!(response["headers"]["X-Request-Id"]["required"], true, "{name} {status}");
            if !status.starts_with(['4', '5']) || name.starts_with("head ") {
                continue;
            }
            let content = &response["content"][PROBLEM_CONTENT_TYPE];
            let codes =
                content["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array().expect("codes");
            assert!(!codes.is_empty(), "{name} {status}");
            for code in codes {
                let example = &content["examples"][code.as_str().expect("a code")]["value"];
                let problem: Problem = serde_json::from_value(example.clone()).expect("a problem");
                assert_eq!(problem.status.to_string(), *status, "{name}: {code}");
                assert_eq!(problem.code.name(), code, "{name} {status}");
            }
        }
    }
}

#[test]
fn the_description_has_the_limits_of_the_input() {
    let app = TestApp::start();
    let api = openapi(&app);
    let body = |operation: &str| {
        let body = resolve(&api, api.pointer(operation).expect("an operation"));
        assert_eq!(body["requestBody"]["required"], true, "{operation}");
        body["requestBody"]["content"]["application/json"]["schema"].clone()
    };
    let guest = body("/paths/~1api~1v1~1guests/post");
    assert_eq!(
        (&guest["required"], &guest["properties"]["username"]["minLength"]),
        (&json!(["username"]), &json!(4))
    );
    let send = body("/paths/~1api~1v1~1rooms~1{room_id}~1messages/post");
    assert_eq!(send["required"], json!(["text"]));
    assert_eq!(
        (&send["properties"]["id"]["format"], &send["properties"]["id"]["type"]),
        (&json!("uuid"), &json!("string"))
    );
    // Beside files, the text may be empty; else it has a length.
    let text = send["properties"]["text"]["pattern"].as_str().expect("a pattern");
    assert!(text.contains('|'), "{text}");
    for (schema, field) in [(&guest, "username"), (&send, "text")] {
        assert!(schema["properties"][field]["pattern"].is_string(), "{field}: {schema}");
    }
    let changes = &api["paths"]["/api/v1/rooms/{room_id}/changes"]["get"]["parameters"];
    let parameter = |name: &str| {
        let parameters = changes.as_array().expect("parameters").iter();
        parameters.clone().find(|parameter| parameter["name"] == name).expect(name)["schema"].clone()
    };
    assert_eq!(parameter("limit"), json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 30 }));
    let since = parameter("since");
    assert_eq!((&since["minimum"], &since["maximum"]), (&json!(0), &json!((1_i64 << 53) - 1)));
}

#[test]
fn every_operation_describes_its_responses() {
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
    // Every reference has a target.
    resolve(&api, &api);
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
