//! The pieces of the pages: properties in, callbacks out. None of them talks to the server.

pub mod avatar;
pub mod composer;
pub mod confirm_dialog;
pub mod connection_banner;
pub mod message_editor;
pub mod message_item;
pub mod message_list;
pub mod modal;
pub mod name_dialog;
pub mod people_panel;
pub mod room_form;
pub mod room_header;
pub mod room_list;
pub mod room_switcher;
pub mod scroll_anchor;
pub mod settings_dialog;
pub mod toast_list;
