//! Parlance as people see it: journeys of one or two persons, each in a browser profile of their own.
//!
//! The client is the one in `dist/`, as `script/build-client` left it. Tests speak of people and pages; only `pages`
//! knows the client's markup, only `chrome` knows how a browser is started and asked.

mod accessibility;
mod accounts;
mod avatars;
mod chrome;
mod conversation;
mod files;
mod history;
mod invites;
mod keyboard;
mod light;
mod links;
mod members;
mod messages;
mod network;
mod newcomer;
mod outbox;
mod pages;
mod phone;
mod presence;
mod reading;
mod reconnect;
mod rooms;
mod safety;
mod screen_reader;
mod screenshots;
mod sections;
mod session;
mod shell;
mod stage;
mod transports;
mod wait;
