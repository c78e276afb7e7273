//! What people write: the tree of a text keeps its limits, survives JSON, and has an excerpt.
#![no_main]

use api::formatting::mentions::{Names, Namesake};
use api::formatting::{candidates, format, limits};
use libfuzzer_sys::fuzz_target;
use shared::formatting::{Block, EXCERPT_LENGTH, MAX_BODY_BYTES};
use shared::ids::{RoomId, UserId};
use uuid::Uuid;

fuzz_target!(|text: &str| {
    let candidates = candidates(text);
    // Whoever could be meant is there.
    let namesake = Namesake { id: UserId(Uuid::nil()), has_account: true };
    let names = Names {
        members: candidates.members.into_iter().map(|key| (key, vec![namesake])).collect(),
        rooms: candidates.rooms.into_iter().map(|key| (key, RoomId(Uuid::nil()))).collect(),
        everyone: true,
        ..Names::default()
    };
    let formatted = format(text, &names);
    assert_eq!(formatted.body.is_some(), formatted.excerpt.is_some());
    if let (Some(body), Some(excerpt)) = (formatted.body, formatted.excerpt) {
        let tree: Vec<Block> = serde_json::from_str(&body).expect("a body is a tree");
        assert_eq!(serde_json::to_string(&tree).expect("a tree is JSON"), body);
        assert!(limits::keeps(&tree) && body.len() <= MAX_BODY_BYTES);
        assert!(excerpt.chars().count() <= EXCERPT_LENGTH);
    }
});
