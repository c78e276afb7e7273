//! The sign before a room's name.

use leptos::prelude::*;
use shared::rooms::{Room, Visibility};

use crate::components::avatar::image;
use crate::components::icon::Icon;
use crate::state::pictures::Picture;

/// What the sign of a room is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomFace {
    /// Whether only members see the room.
    pub is_private: bool,
    /// The room's picture.
    pub picture: Picture,
}

impl From<&Room> for RoomFace {
    fn from(room: &Room) -> Self {
        Self { is_private: room.visibility == Visibility::Private, picture: Picture::from(room) }
    }
}

/// The room's picture, or else a sign: a lock for private rooms, which stays at the corner of a picture. It says to screen
/// readers that a room is private.
pub fn room_sign(face: RoomFace) -> AnyView {
    let RoomFace { is_private, picture } = face;
    let name = if is_private { "lock" } else { "hash" };
    view! {
        <span class="room-sign">
            <Icon name=name />
            {image(picture.source(false))}
            {is_private.then(|| view! { <span class="sr-only">"Private: "</span> })}
        </span>
    }
    .into_any()
}
