//! The HTTP edge: routes, extractors, handlers and responses.
//!
//! A handler has four steps: extract, validate, call, respond. Each module lists its endpoints first.

pub mod address;
pub mod admin;
pub mod assets;
pub mod audit;
pub mod bans;
pub mod body;
pub mod docs;
pub mod endpoint;
pub mod health;
pub mod identity;
pub mod invites;
pub mod members;
pub mod messages;
pub mod origin;
pub mod password_resets;
pub mod problem;
pub mod query;
pub mod rooms;
pub mod server;
pub mod sessions;
pub mod tokens;
pub mod users;

use actix_web::web;

use self::endpoint::Endpoint;

/// All endpoints except the WebSocket, the web client and the documentation.
pub fn endpoints() -> Vec<Endpoint> {
    [
        users::endpoints(),
        sessions::endpoints(),
        tokens::endpoints(),
        admin::endpoints(),
        password_resets::endpoints(),
        rooms::endpoints(),
        members::endpoints(),
        bans::endpoints(),
        audit::endpoints(),
        invites::endpoints(),
        messages::endpoints(),
        server::endpoints(),
        health::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Mounts all routes. For an unsupported method of a known path, actix answers 405 with `Allow`.
pub fn configure(config: &mut web::ServiceConfig) {
    let mut by_path: Vec<(&'static str, actix_web::Resource)> = Vec::new();
    for Endpoint { path, route, head, .. } in endpoints() {
        let position = by_path.iter().position(|(known, _)| *known == path);
        let (_, mut resource) =
            position.map_or_else(|| (path, web::resource(path)), |position| by_path.swap_remove(position));
        resource = resource.route(route);
        if let Some(head) = head {
            resource = resource.route(head);
        }
        by_path.push((path, resource));
    }
    // The first match answers, so `/users/me` comes before `/users/{user_id}`.
    by_path.sort_by_key(|(path, _)| path.matches('{').count());
    for (_, resource) in by_path {
        config.service(resource);
    }
    crate::socket::configure(config);
    docs::configure(config);
    assets::configure(config);
}
