//! Dialogs that talk to the server, like pages do. Each is one component, and few people open one.

pub mod avatar_editor;
pub mod browse_dialog;
pub mod create_room_dialog;
pub mod edits_dialog;
pub mod emoji_picker;
pub mod image_viewer;
pub mod listing;
pub mod room_dialog;
pub mod section_dialog;
pub mod settings_dialog;
pub mod unsaved;
