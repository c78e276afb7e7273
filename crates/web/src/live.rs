//! Keeps the state and the server together: the only user of `socket`.
//!
//! It does what the connection's state machine says, subscribes to every listed room (to the open one as somebody who
//! is there, to the others from afar, so that unread counts are live), resumes them all after a break, and asks for
//! what was missed. Decisions are in `state/*`; this file only carries them out.

mod following;
mod read_marks;
mod room_list;

use std::time::Duration;

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::events::{MessageChange, ServerEvent};
use shared::ids::{Rev, RoomId};

use crate::browser::{self, keys};
use crate::client;
use crate::navigation::Navigation;
use crate::sending;
use crate::socket::{ABNORMAL, Incoming, Socket};
use crate::state::connection::{Action, Aftermath, Connection, Memory, Transport};
use crate::state::news::News;
use crate::state::reading::ReadMarks;
use crate::state::subscriptions::Subscriptions;
use crate::state::toasts::Tone;
use crate::state::typing::OwnTyping;
use crate::state::{Followup, Identity, State};
use crate::wire::commands;

const TICK: Duration = Duration::from_millis(500);
/// The greeting should be there by now. If it is not, HTTP may be quicker.
const PATIENCE: Duration = Duration::from_secs(1);

/// Hears each new message.
type MessageListener = Box<dyn Fn(&MessageChange) + Send + Sync>;

/// The connection at work.
#[derive(Clone, Copy)]
pub struct Live {
    state: State,
    navigation: Navigation,
    /// The time as far as the connection's banner is concerned.
    pub now: RwSignal<i64>,
    /// Whether the user looks at the page.
    pub attentive: RwSignal<bool>,
    /// The user's local day.
    pub today: RwSignal<i64>,
    /// Bumped on every reset. Pages then load afresh.
    pub generation: RwSignal<u32>,
    /// Notifies when an admin disabled the user's account.
    pub disabled: RwSignal<()>,
    /// Whether a request that ends the session of the user is in flight: to sign up, in or out, or to delete the account.
    pub is_changing_session: StoredValue<bool>,
    open_room: StoredValue<Option<RoomId>>,
    own_typing: StoredValue<OwnTyping>,
    socket: StoredValue<Option<Socket>, LocalStorage>,
    /// A WebSocket that is tried beside the connection, and its number.
    tried: StoredValue<Option<(u32, Socket)>, LocalStorage>,
    /// What the server said since the last frame.
    events: StoredValue<Vec<ServerEvent>>,
    /// The number of the present connection or attempt.
    attempt: StoredValue<u32>,
    /// The number of the latest attempt.
    attempts: StoredValue<u32>,
    subscriptions: StoredValue<Subscriptions>,
    listed_at: StoredValue<i64>,
    listing_failed: StoredValue<bool>,
    /// Whether the server ended the session of the user, who has not been told yet.
    pub has_lost_session: StoredValue<bool>,
    news: StoredValue<News>,
    /// What wants to know of new messages.
    listener: StoredValue<Option<MessageListener>>,
    /// The rooms of which the server was told how far the user has read, and until when that is enough.
    told_marks: StoredValue<Vec<(RoomId, i64)>>,
}

impl Live {
    /// Connects, and stays connected.
    pub fn start(state: State, navigation: Navigation) -> Self {
        let live = Self {
            state,
            navigation,
            now: RwSignal::new(browser::now()),
            attentive: RwSignal::new(browser::is_attentive()),
            today: RwSignal::new(browser::local_day(browser::now())),
            generation: RwSignal::new(0),
            disabled: RwSignal::new(()),
            is_changing_session: StoredValue::new(false),
            open_room: StoredValue::new(None),
            own_typing: StoredValue::new(OwnTyping::default()),
            socket: StoredValue::new_local(None),
            tried: StoredValue::new_local(None),
            events: StoredValue::new(Vec::new()),
            attempt: StoredValue::new(0),
            attempts: StoredValue::new(0),
            subscriptions: StoredValue::new(Subscriptions::default()),
            listed_at: StoredValue::new(0),
            listing_failed: StoredValue::new(false),
            has_lost_session: StoredValue::new(false),
            news: StoredValue::new(News::default()),
            listener: StoredValue::new(None),
            told_marks: StoredValue::new(Vec::new()),
        };
        state.reading.set_value(ReadMarks::from_text(&browser::load(keys::READ).unwrap_or_default()));
        state.epoch.set_value(browser::load(keys::EPOCH).and_then(|epoch| epoch.parse().ok()));
        let memory = Memory::from_text(&browser::load(keys::TRANSPORT).unwrap_or_default());
        state.connection.update_untracked(|connection| connection.remember(memory));
        let _ = window_event_listener(ev::pagehide, move |_| live.suspend());
        let _ = window_event_listener(ev::pageshow, move |_| live.advance(Connection::restore));
        // Users who never gave a name have no session.
        if browser::load(keys::NAME).is_none() {
            state.identity.set(Identity::Anonymous);
        }
        // The greeting tells who the user is, and the list must be loaded after it. Nothing is asked for twice.
        set_timeout(move || live.do_without_greeting(), PATIENCE);
        live.advance(|connection, now| connection.start(now));
        set_interval(move || live.tick(), TICK);
        let _ = window_event_listener(ev::online, move |_| live.advance(|it, now| it.network_back(now)));
        let _ = window_event_listener(ev::offline, move |_| live.advance(|it, now| it.network_lost(now)));
        let _ = window_event_listener(ev::visibilitychange, move |_| {
            live.look();
            if browser::is_visible() {
                live.advance(Connection::looked_at);
            }
            live.tick();
        });
        for event in ["focus", "blur"] {
            let _ = window_event_listener_untyped(event, move |_| live.look());
        }
        live
    }

    /// Notes whether the user looks at the page.
    fn look(self) {
        let attentive = browser::is_attentive();
        if self.attentive.get_untracked() != attentive {
            self.attentive.set(attentive);
        }
    }

    /// Saves what must not be lost and closes the socket, because the user leaves the page.
    fn suspend(self) {
        self.keep_notes();
        if self.state.connection.try_update(Connection::suspend) == Some(true) {
            self.disconnect();
        }
    }

    /// Reconnects, because the user has changed.
    pub fn renew(self) {
        self.advance(|connection, now| connection.renew(now));
    }

    /// Tells this of each new message from now on.
    pub fn on_message(self, listener: impl Fn(&MessageChange) + Send + Sync + 'static) {
        self.listener.set_value(Some(Box::new(listener)));
    }

    /// Does not wait for the next attempt.
    pub fn try_now(self) {
        self.advance(|connection, now| connection.try_now(now));
    }

    /// The user enters this room, or leaves all rooms.
    pub fn enter(self, room_id: Option<RoomId>) {
        let left = self.open_room.get_value();
        if left == room_id {
            return;
        }
        self.stop_typing();
        self.open_room.set_value(room_id);
        self.state.presence.update(|presence| presence.enter(room_id));
        self.state.members.update(|members| members.enter(room_id));
        self.state.departed.set(None);
        self.state.held.set(None);
        self.state.typing.update(|typing| typing.enter(room_id));
        self.news.update_value(|news| news.enter(room_id));
        browser::announce(None);
        for room_id in [left, room_id].into_iter().flatten() {
            self.subscribe(room_id);
        }
    }

    /// Tells the server that the user is typing.
    pub fn typing(self, room_id: RoomId) {
        let now = browser::now();
        if self.state.me().is_some()
            && self.is_subscribed(room_id)
            && self.own_typing.try_update_value(|typing| typing.key(now)) == Some(true)
        {
            self.send_typing(room_id, true);
        }
    }

    /// Tells the server that the user stopped typing.
    pub fn stop_typing(self) {
        if self.own_typing.try_update_value(OwnTyping::stop) == Some(true)
            && let Some(room_id) = self.open_room.get_value()
        {
            self.send_typing(room_id, false);
        }
    }

    /// Whether typing can be told: in a room that is not subscribed yet, the server answers as if there were no such room.
    fn is_subscribed(self, room_id: RoomId) -> bool {
        self.state.follows.with_value(|follows| follows.is_live(room_id))
    }

    fn send_typing(self, room_id: RoomId, active: bool) {
        if self.is_subscribed(room_id) {
            self.send(commands::typing(room_id, active));
        }
    }

    fn do_without_greeting(self) {
        if self.state.connection.with_untracked(Connection::is_open) {
            return;
        }
        self.load_rooms();
        if self.state.identity.with_untracked(|identity| *identity != Identity::Unknown) {
            return;
        }
        spawn_local(async move {
            let identity = match client::users::get_current().await {
                Ok(user) => Identity::User(user),
                Err(error) if error.is_signed_out() => Identity::Anonymous,
                Err(_) => return,
            };
            self.state.identify(identity);
        });
    }

    /// Lets the connection's state machine make a step, and does what it says.
    fn advance(self, step: impl FnOnce(&mut Connection, i64) -> Action) {
        let now = browser::now();
        let before = self.state.connection.get_untracked();
        let mut after = before.clone();
        let action = step(&mut after, now);
        if after != before {
            self.state.connection.set(after);
        }
        self.perform(action);
    }

    fn perform(self, action: Action) {
        match action {
            Action::None => {}
            Action::Connect(transport) => {
                self.disconnect();
                let (number, socket) = self.open(transport);
                self.attempt.set_value(number);
                self.socket.set_value(Some(socket));
            }
            Action::Ping => self.send(commands::ping()),
            Action::Abandon => {
                // A socket that is let go of says no more.
                self.socket.set_value(None);
                self.closed(ABNORMAL, "");
            }
            Action::TryWebSocket => self.tried.set_value(Some(self.open(Transport::WebSocket))),
        }
    }

    /// Opens a connection, which has a number: one that is let go of may still have something to say.
    fn open(self, transport: Transport) -> (u32, Socket) {
        let number = self.attempts.get_value() + 1;
        self.attempts.set_value(number);
        (number, Socket::open(transport, move |incoming| self.hear(number, incoming)))
    }

    fn hear(self, number: u32, incoming: Incoming) {
        if matches!(incoming, Incoming::Event(_))
            && self.tried.with_value(|tried| tried.as_ref().is_some_and(|tried| tried.0 == number))
        {
            // The greeting. It does not matter here whether the connection before closes now.
            let tried = self.tried.try_update_value(Option::take).flatten();
            self.disconnect();
            self.attempt.set_value(number);
            self.socket.set_value(tried.map(|tried| tried.1));
            self.state.connection.update_untracked(|connection| connection.switch(browser::now()));
        }
        if self.attempt.get_value() != number {
            return;
        }
        match incoming {
            Incoming::Event(event) => self.incoming(*event),
            Incoming::Malformed => self.state.connection.update(|connection| {
                connection.heard(browser::now());
                connection.misunderstood();
            }),
            Incoming::Interrupted => self.advance(Connection::probe),
            Incoming::Closed { code, reason } => self.closed(code, &reason),
        }
    }

    /// Lets go of the connection, and of one that is tried.
    fn disconnect(self) {
        self.apply_events();
        self.attempt.set_value(0);
        self.tried.set_value(None);
        self.socket.set_value(None);
        self.state.follows.update_value(crate::state::follow::Follows::disconnected);
    }

    fn closed(self, code: u16, reason: &str) {
        self.disconnect();
        let (now, random) = (browser::now(), browser::random());
        let connection = self.state.connection;
        match connection.try_update(|connection| connection.closed(code, reason, now, random)) {
            Some(Aftermath::Reload) => {
                self.state.forget_rooms();
                self.state.change_reading(ReadMarks::recheck);
                self.load_rooms();
                self.generation.update(|generation| *generation += 1);
            }
            // Expected: what follows is known with the answer.
            Some(Aftermath::SignedOut) if self.is_changing_session.get_value() => {}
            Some(Aftermath::SignedOut) => {
                self.has_lost_session.set_value(self.state.me().is_some());
                self.state.identity.set(Identity::Anonymous);
            }
            Some(Aftermath::Disabled) => self.disabled.notify(),
            Some(Aftermath::Resume) | None => {}
        }
        self.advance(|connection, now| connection.tick(now));
    }

    /// Takes in an event with the next frame: many events in one frame are painted once. The tick does it in a page that
    /// paints no frames.
    fn incoming(self, event: ServerEvent) {
        // The banner and the rest look at the phase, not at when something was last heard.
        self.state.connection.update_untracked(|connection| connection.heard(browser::now()));
        let is_greeting = matches!(event, ServerEvent::Hello { .. });
        let waiting = self.events.try_update_value(|events| {
            events.push(event);
            events.len()
        });
        if is_greeting {
            self.apply_events();
        } else if waiting == Some(1) {
            request_animation_frame(move || self.apply_events());
        }
    }

    fn apply_events(self) {
        for event in self.events.try_update_value(std::mem::take).unwrap_or_default() {
            self.apply(event);
        }
    }

    fn apply(self, event: ServerEvent) {
        let now = browser::now();
        let greeting = match &event {
            ServerEvent::Hello { heartbeat_seconds, server_version, epoch, .. } => {
                if self.state.meet_epoch(*epoch) {
                    self.generation.update(|generation| *generation += 1);
                }
                browser::save(keys::EPOCH, &epoch.to_string());
                Some((*heartbeat_seconds, server_version.clone()))
            }
            _ => None,
        };
        if let ServerEvent::Subscribed { room, .. } = &event {
            self.subscriptions.update_value(|subscriptions| subscriptions.confirmed(room.id));
        }
        if matches!(event, ServerEvent::Hello { user: None, .. })
            && self.has_lost_session.try_update_value(std::mem::take) == Some(true)
        {
            let text = "Your session has ended. You can still read.";
            self.state.toast(Tone::Notice, text, now);
        }
        let me = self.state.me();
        if let Some(words) = self.news.try_update_value(|news| news.hear(&event, me)).flatten() {
            browser::announce(Some(&words));
        }
        if let ServerEvent::MessageCreated(change) = &event {
            self.listener.with_value(|listener| {
                if let Some(listener) = listener {
                    listener(change);
                }
            });
        }
        if matches!(event, ServerEvent::MessageDeleted(_)) {
            browser::announce(None);
        }
        self.tell_of_removal(&event);
        match self.state.apply(event, now) {
            Some(Followup::CatchUp { room_id, since }) => self.catch_up(room_id, since),
            Some(Followup::Follow(room_id)) => {
                self.regain(room_id);
                let rev = self.state.rooms.with_untracked(|rooms| rooms.get(room_id).map(|room| room.rev));
                self.follow(room_id, rev.unwrap_or(Rev::ZERO));
            }
            Some(Followup::Refused { room_id, code }) => self.subscription_refused(room_id, code),
            Some(Followup::Gone { room_id, name, reason, lost }) => {
                self.room_gone(room_id, &name, reason, lost)
            }
            None => {}
        }
        if let Some((heartbeat_seconds, version)) = greeting {
            self.state.connection.update(|connection| connection.opened(now, heartbeat_seconds, &version));
            self.resume();
        }
    }

    fn send(self, command: String) {
        self.socket.with_value(|socket| {
            if let Some(socket) = socket {
                socket.send(command);
            }
        });
    }

    /// Keeps how far the user has read, and by which transport events came.
    fn keep_notes(self) {
        if let Some(text) = self.state.reading.try_update_value(ReadMarks::take_changed).flatten() {
            browser::save_soon(keys::READ.to_owned(), text);
        }
        let mut memory = None;
        self.state.connection.update_untracked(|connection| memory = connection.take_memory());
        if let Some(text) = memory {
            browser::save(keys::TRANSPORT, &text);
        }
    }

    fn tick(self) {
        let now = browser::now();
        self.apply_events();
        self.keep_notes();
        self.advance(|connection, now| connection.tick(now));
        sending::pump(self.state);
        let today = browser::local_day(now);
        if self.today.get_untracked() != today {
            self.today.set(today);
        }
        if !self.state.connection.with_untracked(|connection| connection.is_open()) {
            self.now.set(now);
        }
        if self.state.typing.with_untracked(|typing| typing.is_stale(now)) {
            self.state.typing.update(|typing| typing.expire(now));
        }
        if self.state.toasts.with_untracked(|toasts| toasts.is_stale(now)) {
            self.state.toasts.update(|toasts| toasts.expire(now));
        }
        if self.own_typing.try_update_value(|typing| typing.fell_silent(now)) == Some(true)
            && let Some(room_id) = self.open_room.get_value()
        {
            self.send_typing(room_id, false);
        }
        self.tell_marks(now);
        self.follow_on(now);
        self.list_again(now);
    }
}
