//! The HTTP edge: routes, extractors, handlers and responses.
//!
//! A handler has four steps: extract, validate, call, respond. Each module lists its endpoints first.

pub mod address;
pub mod admin;
pub mod assets;
pub mod audit;
pub mod avatars;
pub mod bans;
pub mod body;
pub mod changes;
pub mod docs;
pub mod edits;
pub mod endpoint;
pub mod event_stream;
pub mod file_body;
pub mod files;
pub mod formatting;
pub mod health;
pub mod identity;
pub mod invites;
pub mod members;
pub mod messages;
pub mod origin;
pub mod password_resets;
pub mod pins;
pub mod problem;
pub mod query;
pub mod reactions;
pub mod read_marks;
pub mod rooms;
pub mod server;
pub mod sessions;
pub mod streams;
pub mod tokens;
pub mod uploads;
pub mod users;

use actix_web::{Resource, Route, web};

use self::endpoint::Endpoint;
use self::rooms::ROOM_PATH;

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
        // Before the messages: its path would be that of a message.
        formatting::endpoints(),
        messages::endpoints(),
        reactions::endpoints(),
        pins::endpoints(),
        edits::endpoints(),
        read_marks::endpoints(),
        changes::endpoints(),
        streams::endpoints(),
        uploads::endpoints(),
        avatars::endpoints(),
        files::endpoints(),
        server::endpoints(),
        health::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Mounts all routes. For an unsupported method of a known path, actix answers 405 with `Allow`.
pub fn configure(config: &mut web::ServiceConfig) {
    let mut by_path: Vec<(&'static str, Vec<Route>)> = Vec::new();
    for Endpoint { path, route, head, .. } in endpoints() {
        let routes = [Some(route), head].into_iter().flatten();
        match by_path.iter_mut().find(|(known, _)| *known == path) {
            Some((_, known)) => known.extend(routes),
            None => by_path.push((path, routes.collect())),
        }
    }
    // The first match answers, so `/users/me` comes before `/users/{user_id}`.
    by_path.sort_by_key(|(path, _)| path.matches('{').count());
    // To actix, each path with a parameter is a regular expression, tried one after the other. Most are about a room, so
    // what they have in common is matched first, and once.
    let mut room = web::scope(ROOM_PATH);
    let mut others = Vec::new();
    for (path, routes) in by_path {
        let resource = |path| routes.into_iter().fold(web::resource(path), Resource::route);
        match path.strip_prefix(ROOM_PATH) {
            Some(rest) => room = room.service(resource(rest)),
            None => others.push(resource(path)),
        }
    }
    crate::socket::configure(config);
    config.service(room);
    for resource in others {
        config.service(resource);
    }
    docs::configure(config);
    assets::configure(config);
}

#[cfg(test)]
mod tests {
    use shared::members::Operation;

    use super::endpoint::Needs;
    use super::*;

    /// Operations that only the socket has.
    const WITHOUT_ENDPOINT: [Operation; 1] = [Operation::Type];

    #[test]
    fn every_endpoint_of_a_room_names_what_it_needs_there() {
        for Endpoint { method, path, needs, .. } in endpoints() {
            let is_named = matches!(needs, Needs::Room(operations) if !operations.is_empty());
            assert!(is_named || !path.contains("{room_id}"), "{method} {path}");
        }
    }

    #[test]
    fn every_operation_is_needed_by_an_endpoint() {
        let needed: Vec<Operation> = endpoints()
            .into_iter()
            .filter_map(|endpoint| match endpoint.needs {
                Needs::Room(operations) => Some(operations),
                _ => None,
            })
            .flatten()
            .copied()
            .collect();
        for operation in Operation::ALL {
            let is_needed = needed.contains(operation);
            assert!(is_needed != WITHOUT_ENDPOINT.contains(operation), "{operation:?}");
        }
    }
}
