//! The OpenAPI description, generated from the handlers, and the Swagger UI page.

mod complete;

use std::sync::OnceLock;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde_json::Value;
use shared::errors::{ErrorCode, PROBLEMS_PATH, Problem};
use shared::formatting::{Block, Element, Inline};
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::identity::cookie_name;
use super::{
    admin, audit, avatars, bans, changes, edits, files, formatting, health, invites, members, messages,
    password_resets, pins, reactions, read_marks, rooms, server, sessions, streams, tokens, uploads, users,
};
use crate::app::App;
use crate::error;

const OPENAPI_PATH: &str = "/api/v1/openapi.json";

/// The description of the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Parlance",
        description = "Rooms and messages, live. Every error is application/problem+json \
        with a stable `code`. Events come over a WebSocket, see the path /api/v1/ws."
    ),
    paths(
        users::create_guest,
        users::create,
        users::list,
        users::get_current,
        users::update_current,
        users::create_deletion,
        users::delete_current,
        users::change_password,
        users::get,
        sessions::create,
        sessions::list,
        sessions::delete_others,
        sessions::delete,
        sessions::delete_current,
        tokens::list,
        tokens::create,
        tokens::delete,
        admin::list,
        admin::update,
        admin::update_settings,
        password_resets::create,
        password_resets::redeem,
        rooms::list,
        rooms::create,
        rooms::get,
        rooms::update,
        rooms::delete,
        members::list,
        members::join,
        members::leave,
        members::put,
        members::remove,
        members::mute,
        members::unmute,
        members::transfer,
        bans::list,
        bans::put,
        bans::delete,
        audit::list,
        invites::list,
        invites::create,
        invites::revoke,
        invites::preview,
        invites::redeem,
        messages::list,
        messages::create,
        messages::get,
        messages::update,
        messages::delete,
        formatting::preview,
        reactions::list,
        reactions::create,
        reactions::delete,
        pins::list,
        pins::create,
        pins::delete,
        edits::list,
        edits::delete,
        read_marks::put_read,
        read_marks::put_notify,
        changes::list,
        changes::follow,
        streams::create,
        streams::delete,
        streams::send,
        streams::read,
        uploads::create,
        avatars::set_of_user,
        avatars::remove_of_user,
        avatars::set_of_room,
        avatars::remove_of_room,
        files::get,
        server::get,
        health::get_live,
        health::get_ready,
    ),
    components(schemas(Problem, Block, Inline, Element))
)]
struct Handlers;

/// The complete description. The name of the session cookie depends on whether the server is reached by https.
fn describe(cookie_name: &str) -> Value {
    // The default is never used: the tests below would fail.
    let mut api = serde_json::to_value(Handlers::openapi()).unwrap_or_default();
    complete::complete(&mut api, cookie_name);
    api
}

/// Mounts the description, the page at `/docs/` and the list of problems.
pub fn configure(config: &mut web::ServiceConfig) {
    let to_docs = || async { HttpResponse::Found().insert_header((header::LOCATION, "/docs/")).finish() };
    config
        .service(
            web::resource(OPENAPI_PATH).route(web::get().to(description)).route(web::head().to(description)),
        )
        .service(web::resource(PROBLEMS_PATH).route(web::get().to(problems)).route(web::head().to(problems)))
        .service(web::resource("/docs").route(web::get().to(to_docs)).route(web::head().to(to_docs)))
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from(OPENAPI_PATH)));
}

/// The description as JSON. It is mounted here because the route of Swagger UI has no HEAD.
async fn description(app: web::Data<App>) -> HttpResponse {
    static JSON: [OnceLock<Bytes>; 2] = [const { OnceLock::new() }; 2];
    let json = JSON[usize::from(app.config.is_https())]
        .get_or_init(|| describe(cookie_name(&app.config)).to_string().into());
    HttpResponse::Ok().content_type("application/json").body(json.clone())
}

/// The page that the `type` of a problem refers to.
async fn problems() -> HttpResponse {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Problems</title>\
         <h1>Problems</h1><p>The codes of responses of type <code>application/problem+json</code>.</p><dl>",
    );
    for code in ErrorCode::ALL {
        let (name, status, detail) = (code.name(), error::status(code), error::detail(code));
        page += &format!("<dt id=\"{name}\"><code>{name}</code> ({status})</dt><dd>{detail}</dd>");
    }
    page += "</dl></html>";
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api() -> Value {
        describe("parlance_session")
    }

    /// Every operation with its method and path.
    fn operations(api: &Value) -> Vec<(String, &Value)> {
        let paths = api["paths"].as_object().unwrap();
        let items = paths.iter().flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .filter(|(_, operation)| operation.get("operationId").is_some())
                .map(move |(method, operation)| (format!("{method} {path}"), operation))
        });
        items.collect()
    }

    #[test]
    fn every_endpoint_is_described_and_nothing_else() {
        let api = api();
        let mut described: Vec<String> = operations(&api).into_iter().map(|(name, _)| name).collect();
        let mut mounted: Vec<String> = super::super::endpoints()
            .iter()
            .map(|endpoint| format!("{} {}", endpoint.method.as_str().to_lowercase(), endpoint.path))
            .collect();
        let heads = mounted.iter().filter_map(|name| Some(format!("head {}", name.strip_prefix("get ")?)));
        mounted.extend(heads.collect::<Vec<_>>());
        described.sort();
        mounted.sort();
        assert_eq!(described, mounted);
    }

    #[test]
    fn the_bytes_of_files_are_described_as_such() {
        let api = api();
        let path = "/api/v1/rooms/{room_id}/uploads";
        let upload =
            &api["paths"][path]["post"]["requestBody"]["content"]["application/octet-stream"]["schema"];
        let file = &api["paths"]["/files/{key}"]["get"]["responses"]["200"]["content"]["*/*"]["schema"];
        for schema in [upload, file] {
            assert_eq!(
                (&schema["type"], &schema["format"]),
                (&"string".into(), &"binary".into()),
                "{schema}"
            );
        }
    }

    #[test]
    fn every_operation_has_a_unique_id() {
        let api = api();
        let mut ids: Vec<&str> = operations(&api)
            .into_iter()
            .map(|(_, operation)| operation["operationId"].as_str().unwrap())
            .collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{ids:?}");
    }

    #[test]
    fn every_code_is_described() {
        let api = api();
        let codes = api["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
        let described: Vec<&str> = ErrorCode::ALL.into_iter().map(ErrorCode::name).collect();
        let known = codes.iter().filter_map(|code| code.as_str()).filter(|code| *code != "unknown");
        assert_eq!(known.collect::<Vec<_>>(), described);
    }

    #[test]
    fn every_error_that_a_handler_lists_has_the_status_of_its_code() {
        let api = serde_json::to_value(Handlers::openapi()).unwrap();
        for (name, operation) in operations(&api) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                if !status.starts_with(['4', '5']) {
                    continue;
                }
                for code in response["description"].as_str().unwrap().split(", ") {
                    let known = ErrorCode::ALL.into_iter().find(|known| known.name() == code);
                    let known = known.unwrap_or_else(|| panic!("{name} names {code:?}, which is no code"));
                    assert_eq!(error::status(known).as_str(), status, "{name}: {code}");
                }
            }
        }
    }
}
