//! The Parlance client: pure state in the middle, `gloo-net` at one edge, views at the other.
//!
//! Read it in this order: `state` (what is known, natively tested), `client` and `socket` (the server), `live` (keeps
//! state and socket together), `session` (who the user is), `app` (the shell), `pages`, `components`. Data flows one way: JSON -> state -> view.

pub mod route;
pub mod state;

pub mod browser;
pub mod client;
pub mod navigation;
pub mod socket;
pub mod wire;

pub mod sending;

pub mod live;
pub mod session;

pub mod dom;
pub mod reactive;

pub mod app;
pub mod components;
pub mod pages;
