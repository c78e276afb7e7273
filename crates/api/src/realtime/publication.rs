//! What a transaction changed in a room. It is published after the commit.

use std::collections::HashSet;

use shared::events::ServerEvent;
use shared::ids::{Rev, UserId};
use shared::members::Viewer;
use shared::rooms::{Room, RoomName};

/// The changes of a room, and who hears of them.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The room after the changes, without `viewer`.
    pub room: Room,
    /// The changes in the order of `rev`, with their events.
    pub changes: Vec<(Rev, ServerEvent)>,
    /// Users who are or may something else in the room than before.
    pub viewers: Vec<(UserId, Viewer)>,
    /// Who sees the room, if the changes do not tell: it was created, or its visibility changed.
    pub audience: Option<Audience>,
    /// The name of a room that became private, as strangers know it.
    pub former_name: Option<RoomName>,
    /// Users whose unread mentions may have changed. The nil id stands for all members.
    pub mentioned: Vec<UserId>,
    /// Events about single users, for their connections alone.
    pub told: Vec<(UserId, ServerEvent)>,
}

impl Publication {
    /// Changes that concern nobody's rights and mentions.
    pub fn of(room: Room, changes: Vec<(Rev, ServerEvent)>) -> Self {
        Self {
            room,
            changes,
            viewers: Vec::new(),
            audience: None,
            former_name: None,
            mentioned: Vec::new(),
            told: Vec::new(),
        }
    }
}

/// Who sees a room.
#[derive(Clone, Debug)]
pub enum Audience {
    /// Everybody.
    Everybody,
    /// These users, who are its members.
    Members(HashSet<UserId>),
}
