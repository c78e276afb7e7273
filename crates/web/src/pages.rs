//! One file per URL. Pages connect components to the state and to the server.

pub mod admin_page;
pub mod home_page;
pub mod invite_page;
pub mod not_found_page;
pub mod reset_page;
pub mod room_page;
pub mod setup_page;
