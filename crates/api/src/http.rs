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

#[cfg(test)]
mod tests {
    use shared::members::Operation;

    use super::endpoint::Needs;
    use super::*;

    /// Operations that only the socket has, or that come with files, reactions and pins.
    const WITHOUT_ENDPOINT: [Operation; 4] =
        [Operation::Type, Operation::Upload, Operation::React, Operation::Pin];

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
