//! Completes the operations with what they have in common: errors, headers, HEAD and links.
//!
//! A handler lists the codes of its specific errors as the description of their status, such as
//! `(status = 403, description = "not_allowed")`. This module adds the rest of the error response.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::errors::{ErrorCode, FieldError, LimitScope, PROBLEM_CONTENT_TYPE};
use shared::server::{SOCKET_PATH, SOCKET_PROTOCOL};
use shared::text::{Invalid, InvalidCode};

use crate::error::{self, AppError};
use crate::http::problem;

/// Error codes of every operation.
const COMMON_CODES: [ErrorCode; 10] = [
    ErrorCode::BadRequest,
    ErrorCode::MalformedJson,
    ErrorCode::RequestTimeout,
    ErrorCode::BodyTooLarge,
    ErrorCode::UnsupportedMediaType,
    ErrorCode::UriTooLong,
    ErrorCode::HeadersTooLarge,
    ErrorCode::Internal,
    ErrorCode::Unavailable,
    ErrorCode::Overloaded,
];

/// Operations whose body may be left out; a file may be empty. The handlers cannot say so without making it nullable.
const OPTIONAL_BODIES: [&str; 3] = ["ban_user", "create_invite", "create_upload"];

/// The methods that the handlers describe.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Completes the description.
pub(super) fn complete(api: &mut Value, cookie_name: &str) {
    let mut responses = Map::new();
    let links = links(api);
    for (path, item) in entries(&mut api["paths"]) {
        for method in METHODS {
            let Some(operation) = item.get_mut(method) else { continue };
            add_parameters(method, operation);
            if operation["operationId"].as_str().is_some_and(|id| OPTIONAL_BODIES.contains(&id)) {
                operation["requestBody"]["required"] = false.into();
            }
            add_problems(path, method, operation, &mut responses);
            for (status, response) in entries(&mut operation["responses"]) {
                if !is_problem(status) {
                    response["headers"]["X-Request-Id"] = reference("headers/RequestId");
                }
                if let Some(links) = links.get(path).filter(|_| status == "201") {
                    response["links"] = links.clone().into();
                }
            }
        }
        if let Some(get) = item.get("get") {
            item["head"] = head(get, &responses);
        }
    }
    api["paths"][SOCKET_PATH] = websocket();
    let components = &mut api["components"];
    components["responses"] = responses.into();
    components["securitySchemes"] = json!({
        "token": {
            "type": "http", "scheme": "bearer",
            "description": "The `token` of `POST /api/v1/guests`, `POST /api/v1/users` or `POST /api/v1/sessions`. It takes precedence over the cookie.",
        },
        "cookie": {
            "type": "apiKey", "in": "cookie", "name": cookie_name,
            "description": "Set with each token, for browsers. With it, methods that change something and \
                the WebSocket need an `Origin` of this server.",
        },
    });
    components["headers"] = json!({
        "RequestId": {
            "required": true, "schema": { "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-~]+$" },
            "description": "The id of the request, also in the server's log.",
        },
        "RetryAfter": {
            "required": true, "schema": { "type": "integer", "minimum": 1 },
            "description": "Seconds after which the request may succeed.",
        },
        "WwwAuthenticate": { "required": true, "schema": { "type": "string", "const": "Bearer" } },
    });
    components["parameters"] = json!({
        "RequestId": {
            "name": "X-Request-Id", "in": "header", "schema": { "type": "string" },
            "description": "The client's id for the request: 1 to 64 visible ASCII characters. It comes back in the \
                response. Anything else is replaced by an id of the server.",
        },
        "Origin": {
            "name": "Origin", "in": "header", "schema": { "type": "string" },
            "description": "Required with the cookie: the origin of this server or an allowed one. Browsers send it.",
        },
    });
}

fn entries(object: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    object.as_object_mut().into_iter().flatten()
}

fn reference(component: &str) -> Value {
    json!({ "$ref": format!("#/components/{component}") })
}

fn is_problem(status: &str) -> bool {
    status.starts_with(['4', '5'])
}

/// Whether the operation accepts credentials.
fn takes_credentials(operation: &Value) -> bool {
    operation.get("security").is_some()
}

fn add_parameters(method: &str, operation: &mut Value) {
    let mut parameters = vec![reference("parameters/RequestId")];
    if takes_credentials(operation) && method != "get" {
        parameters.push(reference("parameters/Origin"));
    }
    match &mut operation["parameters"] {
        Value::Array(own) => own.append(&mut parameters),
        none => *none = parameters.into(),
    }
}

/// The path of the WebSocket (RFC 6455). It has no operations: the only response that OpenAPI could describe is 426, for
/// a request that is not a handshake.
fn websocket() -> Value {
    json!({
        "summary": "The WebSocket",
        "description": "Text frames, one JSON object each, tagged by `type`. Commands: `authenticate {token}`, \
            `subscribe {room_id, since?, present?}` or `subscribe {rooms: [{room_id, since?, present?}]}` with up to 100, `unsubscribe {room_id}`, `typing {room_id, active}`, \
            `ping {id}`. A handshake from a browser needs an allowed `Origin`. A request that is not a handshake \
            gets 426, a refused one 401, 403, 429 or 503.",
        "x-websocket": {
            "subprotocol": SOCKET_PROTOCOL,
            "security": [{}, { "token": [] }, { "cookie": [] }],
        },
    })
}

/// Adds the error responses of an operation. Equal responses share a component.
fn add_problems(path: &str, method: &str, operation: &mut Value, components: &mut Map<String, Value>) {
    let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
    let codes = codes(path, method, operation);
    for code in ErrorCode::ALL.into_iter().filter(|code| codes.contains(code)) {
        by_status.entry(error::status(code).as_u16()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
        let component = names.join("-");
        operation["responses"][status.to_string()] = reference(&format!("responses/{component}"));
        components.entry(component).or_insert_with(|| problem_response(status, &codes));
    }
}

/// The error codes of an operation.
fn codes(path: &str, method: &str, operation: &Value) -> Vec<ErrorCode> {
    use ErrorCode::{
        AuthenticationRequired, InvalidCursor, InvalidToken, MessageNotFound, OriginRefused, OutcomeUnknown,
        RateLimited, RoomNotFound, ValidationFailed,
    };
    let mut codes = COMMON_CODES.to_vec();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        if is_problem(status) {
            let names = response["description"].as_str().unwrap_or_default().split(", ");
            codes.extend(names.filter_map(code));
        }
    }
    if method != "get" {
        codes.push(OutcomeUnknown);
    }
    if takes_credentials(operation) {
        codes.extend([AuthenticationRequired, InvalidToken, RateLimited]);
        if method != "get" {
            codes.push(OriginRefused);
        }
    }
    if path.contains("{room_id}") {
        codes.push(RoomNotFound);
    }
    if path.contains("{message_id}") {
        codes.push(MessageNotFound);
    }
    if operation.get("requestBody").is_some() || has_parameter(operation, "limit") {
        codes.push(ValidationFailed);
    }
    if has_parameter(operation, "cursor") || has_parameter(operation, "position") {
        codes.push(InvalidCursor);
    }
    codes
}

fn has_parameter(operation: &Value, name: &str) -> bool {
    operation["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["name"] == name)
}

/// The error code with this name.
fn code(name: &str) -> Option<ErrorCode> {
    ErrorCode::ALL.into_iter().find(|code| code.name() == name)
}

fn problem_response(status: u16, codes: &[ErrorCode]) -> Value {
    let names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
    let lines = codes.iter().map(|code| format!("- `{}`: {}\n", code.name(), error::detail(*code)));
    let examples: Map<String, Value> =
        codes.iter().map(|code| (code.name().to_owned(), json!({ "value": example(*code) }))).collect();
    let mut headers = json!({ "X-Request-Id": reference("headers/RequestId") });
    match status {
        401 => headers["WWW-Authenticate"] = reference("headers/WwwAuthenticate"),
        429 | 503 => headers["Retry-After"] = reference("headers/RetryAfter"),
        _ => {}
    }
    let schema = json!({ "allOf": [
        reference("schemas/Problem"),
        { "properties": { "status": { "const": status }, "code": { "enum": names } } },
    ]});
    json!({
        "description": lines.collect::<String>().trim_end(),
        "headers": headers,
        "content": { PROBLEM_CONTENT_TYPE: { "schema": schema, "examples": examples } },
    })
}

fn example(code: ErrorCode) -> Value {
    let mut error = AppError::new(code);
    if code == ErrorCode::ValidationFailed {
        let invalid = Invalid::new(InvalidCode::TooShort, "Your name needs at least 4 characters.");
        error.errors.push(FieldError::new("username", invalid));
    }
    if code == ErrorCode::RateLimited {
        error.retry_after = Some(1);
        error.scope = Some(LimitScope::User);
    }
    serde_json::to_value(problem::problem(&error, "01980b2f-5c55-7c3a-9c11-2f7a0d5be0a1")).unwrap_or_default()
}

/// The HEAD operation of a GET operation: the same without bodies.
fn head(get: &Value, components: &Map<String, Value>) -> Value {
    let mut head = get.clone();
    let text = |field: &str| get[field].as_str().unwrap_or_default();
    head["operationId"] = format!("{}_head", text("operationId")).into();
    head["summary"] = format!("{}: the headers only", text("summary")).into();
    if let Some(responses) = head["responses"].as_object_mut() {
        for response in responses.values_mut() {
            let component = response["$ref"].as_str().and_then(|path| path.rsplit('/').next());
            if let Some(component) = component.and_then(|name| components.get(name)) {
                *response = component.clone();
            }
            if let Some(response) = response.as_object_mut() {
                response.remove("content");
            }
        }
    }
    head
}

/// For each path of a collection, links from a created member to the operations on it.
fn links(api: &Value) -> BTreeMap<String, Map<String, Value>> {
    let mut links: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let Some(paths) = api["paths"].as_object() else { return links };
    for collection in paths.keys() {
        for (member, item) in paths.iter().filter(|(path, _)| is_member(collection, path)) {
            for operation in METHODS.iter().filter_map(|method| item.get(method)) {
                let id = operation["operationId"].as_str().unwrap_or_default();
                let link = json!({ "operationId": id, "parameters": link_parameters(collection, member, operation) });
                links.entry(collection.clone()).or_default().insert(id.to_owned(), link);
            }
        }
    }
    links
}

/// Where a link takes the parameters from: the request that created the member, and its answer.
fn link_parameters(collection: &str, member: &str, operation: &Value) -> Map<String, Value> {
    let mut parameters = Map::new();
    for name in names(member) {
        let is_given = names(collection).any(|given| given == name);
        let source = if is_given { format!("$request.path.{name}") } else { "$response.body#/id".to_owned() };
        parameters.insert(name.to_owned(), source.into());
    }
    if has_parameter(operation, "since") {
        parameters.insert("since".to_owned(), "$response.body#/rev".into());
    }
    parameters
}

/// Whether a path names one member of the collection, or a part of that member.
fn is_member(collection: &str, path: &str) -> bool {
    let rest = path.strip_prefix(collection).unwrap_or_default();
    rest.starts_with("/{") && rest.matches('{').count() == 1
}

/// The names of a path's parameters.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}
