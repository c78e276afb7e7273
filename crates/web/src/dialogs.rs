//! Dialogs that talk to the server, like pages do. Each is one component, and few people open one.

pub mod browse_dialog;
pub mod create_room_dialog;
pub mod deletion_dialog;
pub mod image_viewer;
pub mod listing;
pub mod room_dialog;
pub mod token_list;
