//! The API's description, generated from the handlers, and a page to try it on.

use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use utoipa::openapi::{ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi, openapi};
use utoipa_swagger_ui::{Config, SwaggerUi};

use shared::errors::ErrorCode;

use super::{health, messages, rooms, server, users};
use crate::error;

const OPENAPI_PATH: &str = "/api/v1/openapi.json";
/// Where every kind of problem is described, each under its code.
pub const PROBLEMS_PATH: &str = "/docs/problems";

/// The whole API.
#[derive(OpenApi)]
#[openapi(
    info(title = "Parlance", description = "Rooms and messages, live. Every error is application/problem+json \
        with a stable `code`. The live side is a WebSocket at /api/v1/ws, subprotocol parlance.v1.json."),
    paths(
        users::create_guest, users::get_current, users::delete_session,
        rooms::list, rooms::create, rooms::get, rooms::update, rooms::delete,
        messages::list, messages::create, messages::get, messages::update, messages::delete,
        messages::list_changes,
        server::get, health::get_live, health::get_ready,
        crate::socket::connect,
    ),
    components(schemas(shared::errors::Problem)),
    modifiers(&EveryOperation)
)]
pub struct Api;

/// What holds for every operation is said once: how it fails, and how one signs in.
struct EveryOperation;

impl Modify for EveryOperation {
    fn modify(&self, api: &mut openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        if let Some(components) = &mut api.components {
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
            components.add_security_scheme("token", SecurityScheme::Http(bearer));
        }
        let content = ContentBuilder::new().schema(Some(openapi::Ref::from_schema_name("Problem"))).build();
        let problem = ResponseBuilder::new()
            .description("A problem, named by its code")
            .content(shared::errors::PROBLEM_CONTENT_TYPE, content)
            .build();
        for item in api.paths.paths.values_mut() {
            let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                operation.responses.responses.insert("default".to_owned(), RefOr::T(problem.clone()));
            }
        }
    }
}

/// Mounts the description at its path and the page at `/docs/`.
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

/// The description as JSON. Mounted by hand, because Swagger UI's own route knows no HEAD.
async fn description() -> HttpResponse {
    static JSON: LazyLock<Bytes> =
        LazyLock::new(|| serde_json::to_vec(&Api::openapi()).unwrap_or_default().into());
    HttpResponse::Ok().content_type("application/json").body(JSON.clone())
}

/// What the `type` of a problem leads to.
async fn problems() -> HttpResponse {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Problems</title>\
         <h1>Problems</h1><p>What an answer of type <code>application/problem+json</code> means by its code.</p><dl>",
    );
    for code in ErrorCode::ALL {
        let (name, status, detail) = (name(code), error::status(code), error::detail(code));
        page += &format!("<dt id=\"{name}\"><code>{name}</code> ({status})</dt><dd>{detail}</dd>");
    }
    page += "</dl></html>";
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}

/// A code as the wire has it.
pub fn name(code: ErrorCode) -> String {
    let json = serde_json::to_value(code).unwrap_or_default();
    json.as_str().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_described_and_nothing_else() {
        let api = serde_json::to_value(Api::openapi()).unwrap();
        let mut described: Vec<String> = Vec::new();
        for (path, item) in api["paths"].as_object().unwrap() {
            described.extend(item.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
        }
        let mut mounted: Vec<String> = super::super::endpoints()
            .iter()
            .map(|endpoint| format!("{} {}", endpoint.method.as_str().to_lowercase(), endpoint.path))
            .collect();
        mounted.push(format!("get {}", shared::server::SOCKET_PATH));
        described.sort();
        mounted.sort();
        assert_eq!(described, mounted);
    }

    #[test]
    fn every_code_is_described() {
        let api = serde_json::to_value(Api::openapi()).unwrap();
        let codes = api["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
        let described: Vec<String> = ErrorCode::ALL.into_iter().map(name).collect();
        let known = codes.iter().filter_map(|code| code.as_str()).filter(|code| *code != "unknown");
        assert_eq!(known.collect::<Vec<_>>(), described);
    }
}
