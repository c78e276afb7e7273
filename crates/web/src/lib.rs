//! The Parlance client: pure state in the middle, `gloo-net` at one edge, views at the other.
//!
//! Reading order: `state` (what the client knows, tested natively), `client` and `socket` (the server), `live` (keeps
//! state and socket in sync), `session` (who the user is), `app` (the shell), `pages`, `dialogs`,
//! `components`. Data flows one
//! way: JSON -> state -> view.

pub mod room_triggers;
pub mod route;
pub mod state;

pub mod boxed;
pub mod browser;
pub mod client;
pub mod debounce;
pub mod navigation;
pub mod socket;
pub mod submission;
pub mod wire;

pub mod live;
pub mod notifying;
pub mod reacting;
pub mod sending;
pub mod session;
pub mod uploading;

pub mod components;
pub mod dialogs;
pub mod overlays;
pub mod pages;
pub mod parts;

pub mod app;
