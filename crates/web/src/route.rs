//! The client's routes: the only module that knows the paths of the client.
//!
//! Pure: the browser's history is in `navigation.rs`.

use shared::ids::{MessageId, RoomId};

/// A route of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`: leads to the last room, or else to the rooms.
    Root,
    /// `/rooms`: the start page.
    Rooms,
    /// `/rooms/{id}`: a room at its newest message.
    Room(RoomId),
    /// `/rooms/{id}/messages/{message_id}`: a room at one message.
    Message(RoomId, MessageId),
    /// `/setup`: the first admin signs up, by a link from the server's log.
    Setup,
    /// `/reset`: a new password is chosen, by a link from an admin.
    Reset,
    /// `/invite`: somebody joins a room, by a link from a member.
    Invite,
    /// `/admin`: admins administer the server.
    Admin,
    /// Anything else.
    NotFound,
}

impl Route {
    /// Parses a path. A trailing slash makes no difference.
    pub fn parse(path: &str) -> Self {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (None, ..) => Self::Root,
            (Some("rooms"), None, ..) => Self::Rooms,
            (Some("setup"), None, ..) => Self::Setup,
            (Some("reset"), None, ..) => Self::Reset,
            (Some("invite"), None, ..) => Self::Invite,
            (Some("admin"), None, ..) => Self::Admin,
            (Some("rooms"), Some(room), None, ..) => room.parse().map_or(Self::NotFound, Self::Room),
            (Some("rooms"), Some(room), Some("messages"), Some(message), None) => {
                match (room.parse(), message.parse()) {
                    (Ok(room), Ok(message)) => Self::Message(room, message),
                    _ => Self::NotFound,
                }
            }
            _ => Self::NotFound,
        }
    }

    /// The path of the route.
    pub fn path(self) -> String {
        match self {
            Self::Root => "/".to_owned(),
            Self::Rooms | Self::NotFound => "/rooms".to_owned(),
            Self::Setup => "/setup".to_owned(),
            Self::Reset => "/reset".to_owned(),
            Self::Invite => "/invite".to_owned(),
            Self::Admin => "/admin".to_owned(),
            Self::Room(room) => format!("/rooms/{room}"),
            Self::Message(room, message) => format!("/rooms/{room}/messages/{message}"),
        }
    }

    /// The open room.
    pub fn room(self) -> Option<RoomId> {
        match self {
            Self::Room(room) | Self::Message(room, _) => Some(room),
            _ => None,
        }
    }

    /// The message that the URL points at.
    pub fn message(self) -> Option<MessageId> {
        match self {
            Self::Message(_, message) => Some(message),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: &str = "0190a5b0-0000-7000-8000-000000000001";
    const MESSAGE: &str = "0190a5b0-0000-7000-8000-000000000002";

    #[test]
    fn every_place_has_a_path_that_leads_back_to_it() {
        let room = ROOM.parse().unwrap();
        let message = MESSAGE.parse().unwrap();
        let rooms = [Route::Rooms, Route::Room(room), Route::Message(room, message)];
        for route in
            rooms.into_iter().chain([Route::Root, Route::Setup, Route::Reset, Route::Invite, Route::Admin])
        {
            assert_eq!(Route::parse(&route.path()), route);
        }
    }

    #[test]
    fn a_trailing_slash_makes_no_difference() {
        assert_eq!(Route::parse("/rooms/"), Route::Rooms);
        assert_eq!(Route::parse(&format!("/rooms/{ROOM}/")), Route::Room(ROOM.parse().unwrap()));
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "/room",
            "/setup/now",
            "/rooms/lobby",
            "/rooms/1/messages",
            &format!("/rooms/{ROOM}/messages"),
            &format!("/rooms/{ROOM}/messages/7"),
            &format!("/rooms/{ROOM}/messages/{MESSAGE}/edit"),
        ] {
            assert_eq!(Route::parse(path), Route::NotFound, "{path}");
        }
    }
}
