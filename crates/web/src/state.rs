//! Everything the client knows, as signals around pure structs, and the one door by which events come in.
//!
//! The structs in `state/*` know no browser and no Leptos. This file only puts them into signals and hands each event
//! to all of them.
//!
//! What changes with a message is told to those who show its room: `room`, `unread_in` and `timeline` track one room.
//! The signal `rooms` tells only which rooms there are and what they are called.

pub mod access;
pub mod account_actions;
pub mod account_forms;
pub mod audit_words;
pub mod backoff;
pub mod composing;
pub mod connection;
pub mod crop;
pub mod days;
pub mod draft_files;
pub mod emoji;
pub mod excerpts;
pub mod files;
pub mod follow;
pub mod followup;
pub mod form_errors;
pub mod identity;
pub mod links;
pub mod members;
pub mod messages;
pub mod news;
pub mod notices;
pub mod outbox;
pub mod pictures;
pub mod presence;
pub mod reactions;
pub mod reading;
pub mod references;
pub mod rooms;
pub mod rows;
#[cfg(test)]
pub mod samples;
pub mod sections;
pub mod sending_rules;
pub mod sessions;
pub mod shortcuts;
pub mod subscriptions;
pub mod thread;
pub mod timelines;
pub mod toasts;
pub mod typing;

use std::sync::Arc;

use leptos::prelude::*;
use shared::errors::ErrorCode;
use shared::events::{MessageChange, RoomChange, ServerEvent};
use shared::ids::{Epoch, MessageId, Rev, RoomId, Seq, UserId};
use shared::members::{MembershipChange, Operation, RemovalReason};
use shared::messages::{Author, Changes, Message, MessageAnswer, MessagePage};
use shared::page::Cursor;
use shared::read_marks::ReadMark;
use shared::rooms::Room;
use shared::users::User;

use crate::room_triggers::RoomTriggers;
use crate::state::connection::Connection;
use crate::state::draft_files::DraftFiles;
use crate::state::follow::Follows;
pub use crate::state::followup::Followup;
pub use crate::state::identity::Identity;
use crate::state::members::Members;
use crate::state::messages::{Delivery, Timeline};
use crate::state::outbox::Outbox;
use crate::state::presence::Presence;
use crate::state::reactions::Toggles;
use crate::state::reading::ReadMarks;
use crate::state::rooms::{RoomList, Touched};
use crate::state::rows::Beside;
use crate::state::sending_rules::SlowModes;
use crate::state::timelines::Timelines;
use crate::state::toasts::{Toasts, Tone};
use crate::state::typing::Typing;

/// What a watcher hears.
#[derive(Clone, Copy)]
pub enum Heard<'a> {
    /// A message, however it came.
    Message(&'a Message),
    /// What somebody is called now.
    Name(&'a Author),
}

/// Hears of messages and names.
pub type Watcher = Box<dyn Fn(Heard<'_>) + Send + Sync>;

/// Everything the client knows.
#[derive(Clone, Copy)]
pub struct State {
    /// The user.
    pub identity: RwSignal<Identity>,
    /// Who the user was in this browser last. What they write is shown under this name until the server answers.
    pub remembered: RwSignal<Option<Author>>,
    /// What was written and is not acknowledged, in all rooms.
    pub outbox: RwSignal<Outbox>,
    /// The files of all drafts. Only what is loaded later reads and changes it.
    pub draft_files: RwSignal<DraftFiles>,
    /// The rooms. Notifies when there are others, or others names.
    pub rooms: RwSignal<RoomList>,
    /// What notifies of a change in one room.
    pub triggers: RoomTriggers,
    /// How many messages are unread in all rooms.
    pub unread: RwSignal<u64>,
    /// How many of them mention the user.
    pub mentions: RwSignal<u64>,
    /// Notifies when a room gains or loses unread messages or mentions, which changes the order of rooms.
    pub ranks: RwSignal<()>,
    /// The room in which nothing is marked as read, because the user marked messages as unread.
    pub held: RwSignal<Option<RoomId>>,
    /// How far each room has been followed. Nothing is drawn from it.
    pub follows: StoredValue<Follows>,
    /// The loaded messages of each room. `timeline` tracks a room's.
    pub timelines: StoredValue<Timelines>,
    /// What shows messages of the open thread, by the first of them. It is loaded later.
    pub watcher: StoredValue<Option<(MessageId, Watcher)>>,
    /// The reactions that the user wants to change.
    pub toggles: StoredValue<Toggles>,
    /// Who is in the open room.
    pub presence: RwSignal<Presence>,
    /// The members of the open room.
    pub members: RwSignal<Members>,
    /// The room that the user lost while it was open, and what happened, in a sentence.
    pub departed: RwSignal<Option<(RoomId, String)>>,
    /// Until when slow mode makes the user wait.
    pub slow_modes: RwSignal<SlowModes>,
    /// Who types in the open room.
    pub typing: RwSignal<Typing>,
    /// What the user has read of each room. `unread_in` tracks a room's.
    pub reading: StoredValue<ReadMarks>,
    /// The history of the database that all of this belongs to.
    pub epoch: StoredValue<Option<Epoch>>,
    /// The connection to the server.
    pub connection: RwSignal<Connection>,
    /// Whether people may create an account without an invite.
    pub may_sign_up: RwSignal<bool>,
    /// Whether people may come as guests without an invite.
    pub may_be_guest: RwSignal<bool>,
    /// Whether people may come as guests at all.
    pub has_guests: RwSignal<bool>,
    /// The notices at the top right.
    pub toasts: RwSignal<Toasts>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            identity: RwSignal::new(Identity::Unknown),
            remembered: RwSignal::default(),
            outbox: RwSignal::default(),
            draft_files: RwSignal::default(),
            rooms: RwSignal::default(),
            triggers: RoomTriggers::default(),
            unread: RwSignal::default(),
            mentions: RwSignal::default(),
            ranks: RwSignal::default(),
            held: RwSignal::default(),
            follows: StoredValue::new(Follows::default()),
            timelines: StoredValue::default(),
            watcher: StoredValue::default(),
            toggles: StoredValue::default(),
            presence: RwSignal::default(),
            members: RwSignal::default(),
            departed: RwSignal::default(),
            slow_modes: RwSignal::default(),
            typing: RwSignal::default(),
            reading: StoredValue::default(),
            epoch: StoredValue::default(),
            connection: RwSignal::default(),
            // Until the server says who may come, everybody may: it decides anyway.
            may_sign_up: RwSignal::new(true),
            may_be_guest: RwSignal::new(true),
            has_guests: RwSignal::new(true),
            toasts: RwSignal::default(),
        }
    }
}

impl State {
    /// The user, not tracked.
    pub fn me(&self) -> Option<UserId> {
        self.identity.with_untracked(|identity| identity.user().map(|user| user.id))
    }

    /// Says who the user is.
    pub fn identify(&self, identity: Identity) {
        if self.identity.with_untracked(|known| *known == identity) {
            return;
        }
        self.rooms.update_untracked(RoomList::forget_outside_views);
        self.identity.set(identity);
    }

    /// Who the user is or was last. Tracked.
    pub fn author(&self) -> Option<Author> {
        self.identity.with(|identity| identity.user().map(Author::from)).or_else(|| self.remembered.get())
    }

    /// What waits to be sent to a room, as it will look. Tracked.
    pub fn unsent(&self, room_id: RoomId) -> Vec<(Arc<Message>, Delivery)> {
        let Some(author) = self.author() else { return Vec::new() };
        self.outbox.with(|outbox| {
            let entries = outbox.in_room(room_id, Some(author.id));
            entries.map(|entry| (Arc::new(entry.message(author.clone())), entry.delivery())).collect()
        })
    }

    /// Shows a notice.
    pub fn toast(&self, tone: Tone, text: impl Into<String>, now: i64) {
        let text = text.into();
        self.toasts.update(|toasts| toasts.push(tone, text, now));
    }

    /// The one door: an event comes in. Returns what remains to be done.
    pub fn apply(&self, event: ServerEvent, now: i64) -> Option<Followup> {
        if let Some((room_id, name, reason)) = self.room_that_goes(&event) {
            return Some(self.remove_room(room_id, name, reason));
        }
        let appeared = match &event {
            ServerEvent::RoomCreated(change) => Some(change.room.id),
            ServerEvent::RoomAdded { room } => Some(room.id),
            _ => None,
        };
        if let ServerEvent::MemberJoined(change) | ServerEvent::MemberUpdated(change) = &event {
            self.learn_name(&Author::from(&change.member.user));
            self.learn_self(&change.member.user);
        }
        if let ServerEvent::Presence { joined, .. } = &event {
            joined.iter().for_each(|user| self.learn_name(&Author::from(user)));
        }
        if let ServerEvent::MessageCreated(MessageChange { message, .. }) = &event
            && self.presence.with_untracked(|presence| presence.has_old_name(&message.author))
        {
            self.learn_name(&message.author);
        }
        self.apply_to_rooms(&event);
        self.presence.maybe_update(|presence| presence.apply(&event));
        self.members.maybe_update(|members| members.apply(&event));
        let me = self.me();
        self.typing.maybe_update(|typing| typing.apply(&event, me, now));

        let caught_up = match event {
            ServerEvent::MessageCreated(change)
            | ServerEvent::MessageUpdated(change)
            | ServerEvent::MessageDeleted(change) => {
                let (room_id, rev) = (change.room_id, change.rev);
                self.apply_change(change);
                self.follow(|follows| follows.applied(room_id, rev, true), room_id)
            }
            ServerEvent::MemberJoined(change) | ServerEvent::MemberUpdated(change) => {
                self.follow(|follows| follows.applied(change.room_id, change.rev, true), change.room_id)
            }
            ServerEvent::MemberLeft { room_id, rev, .. } => {
                self.follow(|follows| follows.applied(room_id, rev, true), room_id)
            }
            ServerEvent::RoomUpdated(change) => {
                self.follow(|follows| follows.applied(change.room.id, change.rev, false), change.room.id)
            }
            ServerEvent::Subscribed { room, rev, .. } => {
                self.follows.update_value(|follows| follows.subscribed(room.id, rev));
                None
            }
            ServerEvent::Resync { room_id } => self.follow(|follows| follows.resync(room_id), room_id),
            ServerEvent::Hello { user, .. } => {
                self.identify(user.map_or(Identity::Anonymous, Identity::User));
                None
            }
            ServerEvent::Error { code, room_id: Some(room_id), .. } if code != ErrorCode::RoomNotFound => {
                Some(Followup::Refused { room_id, code })
            }
            ServerEvent::Reacted { room_id, message_id, emoji, active } => {
                self.change_timeline(room_id, |timeline| timeline.own.set(message_id, &emoji, active));
                None
            }
            ServerEvent::RoomCreated(_)
            | ServerEvent::RoomDeleted(_)
            | ServerEvent::RoomAdded { .. }
            | ServerEvent::RoomRemoved { .. }
            | ServerEvent::ViewerUpdated { .. }
            | ServerEvent::Read { .. }
            | ServerEvent::Presence { .. }
            | ServerEvent::Typing { .. }
            | ServerEvent::Pong { .. }
            | ServerEvent::Closed { .. }
            | ServerEvent::Error { .. }
            | ServerEvent::Unknown => None,
        };
        caught_up.or(appeared.map(Followup::Follow))
    }

    /// Takes in the answer to a request about a message.
    pub fn apply_answer(&self, answer: MessageAnswer) {
        let MessageAnswer { message, context, mine } = answer;
        self.change_timeline(message.room_id, |timeline| {
            timeline.own.replace(std::slice::from_ref(&message), mine);
            timeline.references.learn(context);
        });
        self.apply_message(message);
    }

    /// Takes in what happened to a message.
    fn apply_change(&self, change: MessageChange) {
        let MessageChange { room_id, message, context, mine, .. } = change;
        if !context.is_empty() || !mine.is_empty() {
            self.change_timeline(room_id, |timeline| {
                timeline.own.learn(mine);
                timeline.references.learn(context);
            });
        }
        self.apply_message(message);
    }

    /// Takes in a message however it came.
    fn apply_message(&self, message: Message) {
        let room_id = message.room_id;
        let own = Some(message.author.id) == self.me();
        if own && self.held.get_untracked() != Some(room_id) {
            self.mark_read(room_id, message.seq);
        }
        let seq = message.seq;
        self.change_room(room_id, |rooms, _| rooms.reach(room_id, seq));
        self.confirm(message.id);
        self.tell_watcher(Heard::Message(&message));
        self.change_timeline(room_id, |timeline| timeline.apply(message));
    }

    /// Changes a timeline, if there is one.
    pub fn change_timeline(&self, room_id: RoomId, change: impl FnOnce(&mut Timeline)) {
        let is_loaded =
            self.timelines.try_update_value(|timelines| timelines.get_mut(room_id).map(change).is_some());
        if is_loaded == Some(true) {
            self.triggers.of(room_id).messages.notify();
        }
    }

    /// Takes in a page of a room's messages, in the way that `add` says.
    pub fn apply_page(&self, room_id: RoomId, page: MessagePage, add: fn(&mut Timeline, MessagePage)) {
        for message in &page.items {
            self.confirm(message.id);
        }
        self.with_timeline(room_id, |timeline| add(timeline, page));
    }

    /// Takes in a page of `changes?since`. Returns the next `since` when there is more.
    pub fn apply_changes(&self, changes: Changes) -> Option<Rev> {
        let room_id = changes.room.id;
        self.change_timeline(room_id, |timeline| {
            timeline.own.replace(&changes.messages, changes.mine);
            timeline.references.learn(changes.context);
        });
        for message in changes.messages {
            self.apply_message(message);
        }
        for change in changes.members {
            if let MembershipChange::Member { member, .. } = &change {
                self.learn_name(&Author::from(&member.user));
            }
            self.members.maybe_update(|members| members.change(room_id, change));
        }
        self.take_room(changes.room);
        let (rev, has_more) = (changes.rev, changes.has_more);
        self.follows.try_update_value(|follows| follows.caught_up(room_id, rev, has_more)).flatten()
    }

    /// Changes one timeline, which is made when there is none.
    pub fn with_timeline<T>(&self, room_id: RoomId, change: impl FnOnce(&mut Timeline) -> T) -> Option<T> {
        let result = self.timelines.try_update_value(|timelines| change(timelines.make(room_id)));
        self.triggers.of(room_id).messages.notify();
        result
    }

    /// Shows a user's current name and picture everywhere, also beside older messages.
    pub fn learn_name(&self, author: &Author) {
        self.presence.maybe_update(|presence| presence.rename(author));
        self.members.maybe_update(|members| members.rename(author));
        self.tell_watcher(Heard::Name(author));
        let renamed = self.timelines.try_update_value(|timelines| timelines.rename_author(author));
        renamed.into_iter().flatten().for_each(|room_id| self.triggers.of(room_id).messages.notify());
    }

    fn tell_watcher(&self, heard: Heard<'_>) {
        self.watcher.with_value(|watcher| {
            if let Some((_, watcher)) = watcher {
                watcher(heard);
            }
        });
    }

    /// The user's name or picture may have changed in another browser.
    fn learn_self(&self, user: &User) {
        if self.me() == Some(user.id)
            && self.identity.with_untracked(|identity| identity.user() != Some(user))
        {
            self.identity.set(Identity::User(user.clone()));
        }
    }

    /// Reads one timeline. Tracks it.
    pub fn timeline<T>(&self, room_id: RoomId, read: impl FnOnce(Option<&Timeline>) -> T) -> T {
        self.triggers.of(room_id).messages.track();
        self.timelines.with_value(|timelines| read(timelines.get(room_id)))
    }

    /// What belongs to a message of a timeline.
    pub fn beside(&self, timeline: &Timeline, message: &Message, me: Option<UserId>) -> Beside {
        Beside {
            quote: message.reply_to.and_then(|reply| timeline.references.quote(reply.id).cloned()),
            replies: timeline.references.replies(message.id),
            chips: self.toggles.with_value(|toggles| toggles.chips(message, &timeline.own, me)),
        }
    }

    /// Reads one room. Tracks it.
    pub fn room<T>(&self, room_id: RoomId, read: impl FnOnce(&Room) -> T) -> Option<T> {
        self.triggers.of(room_id).facts.track();
        self.rooms.with_untracked(|rooms| rooms.get(room_id).map(read))
    }

    /// What somebody in a room is called, if that is known and they are not the user. Not tracked.
    pub fn name_of(&self, room_id: RoomId, id: UserId) -> Option<String> {
        if self.me() == Some(id) {
            return None;
        }
        let name = |user: &User| user.username.as_str().to_owned();
        let member = self.members.with_untracked(|members| members.get(id).map(|member| name(&member.user)));
        let person = || self.presence.with_untracked(|presence| presence.get(id).map(name));
        let author = || {
            self.timelines.with_value(|timelines| {
                let messages = timelines.get(room_id)?.messages();
                let author = messages.iter().find(|message| message.author.id == id)?;
                Some(author.author.username.as_str().to_owned())
            })
        };
        member.or_else(person).or_else(author)
    }

    /// A room's name, not tracked.
    pub fn room_name(&self, room_id: RoomId) -> Option<String> {
        self.rooms.with_untracked(|rooms| rooms.get(room_id).map(|room| room.name.as_str().to_owned()))
    }

    /// Whether the user may do this in a room. Tracks it.
    pub fn may(&self, room_id: RoomId, operation: Operation) -> bool {
        let may = |room: &Room| room.viewer.as_ref().is_some_and(|viewer| viewer.may(operation));
        self.room(room_id, may).unwrap_or(false)
    }

    /// How many messages are unread in a room. Tracks it.
    pub fn unread_in(&self, room_id: RoomId) -> u64 {
        self.room(room_id, |room| self.reading.with_value(|reading| reading.unread(room))).unwrap_or(0)
    }

    /// How many unread messages mention the user in a room. Tracks it.
    pub fn mentions_in(&self, room_id: RoomId) -> u64 {
        self.room(room_id, |room| self.reading.with_value(|reading| reading.mentions(room))).unwrap_or(0)
    }

    /// The user's rooms, and the open room: those with unread mentions, those with unread messages, and the rest; within
    /// each, by their latest message. Tracked.
    pub fn my_rooms(&self, open: Option<RoomId>) -> Vec<RoomId> {
        self.ranks.track();
        self.rooms.with(|rooms| {
            let listed = rooms.by_activity().filter(|room| Some(room.id) == open || rooms.is_mine(room));
            let ranked = listed.map(|room| (room.id, self.rank(room))).collect::<Vec<_>>();
            let with = |wanted| ranked.iter().filter(move |(_, rank)| *rank == wanted).map(|(id, _)| *id);
            with(0).chain(with(1)).chain(with(2)).collect()
        })
    }

    /// The order in which the server lists the rooms that the user is in.
    pub fn arrange_rooms(&self, ids: &[RoomId]) {
        self.rooms.update_untracked(|rooms| rooms.arrange(ids));
        self.ranks.notify();
    }

    fn rank(&self, room: &Room) -> u8 {
        self.reading.with_value(|reading| match (reading.mentions(room), reading.unread(room)) {
            (1.., _) => 0,
            (0, 1..) => 1,
            (0, 0) => 2,
        })
    }

    /// The server said how far the user has read.
    pub fn take_mark(&self, room_id: RoomId, mark: ReadMark) {
        self.change_room(room_id, |rooms, _| rooms.set_mark(room_id, mark));
    }

    /// Stores that the user has read up to here and no further, and marks nothing as read in the room from now on.
    pub fn mark_unread(&self, room_id: RoomId, seq: Seq) {
        self.held.set(Some(room_id));
        self.change_room(room_id, |_, reading| {
            reading.set(room_id, seq);
            Touched::Room
        });
    }

    /// What the user has read of the rooms that they are in, where the server does not know it yet.
    pub fn untold_marks(&self) -> Vec<(RoomId, Seq)> {
        self.rooms.with_untracked(|rooms| {
            self.reading.with_value(|reading| {
                let untold = |room: &Room| {
                    let (told, _) = rooms.read_mark(room.id)?;
                    reading.last_read(room.id).filter(|read| *read > told).map(|read| (room.id, read))
                };
                rooms.all().iter().filter_map(untold).collect()
            })
        })
    }

    /// Stores that the user has read up to here.
    pub fn mark_read(&self, room_id: RoomId, seq: Seq) {
        self.change_room(room_id, |_, reading| match reading.read(room_id, seq) {
            true => Touched::Room,
            false => Touched::Nothing,
        });
    }

    /// Takes in one room.
    pub fn take_room(&self, room: Room) {
        self.change_room(room.id, |rooms, reading| {
            let is_new = reading.meet(&room);
            rooms.insert(room).max(if is_new { Touched::Room } else { Touched::Nothing })
        });
    }

    /// Takes in pages of the list of rooms. `next_cursor` leads to the next one.
    pub fn take_rooms(&self, rooms: Vec<Room>, next_cursor: Option<Cursor>) {
        let mark = |id| self.rooms.with_untracked(|list| list.read_mark(id));
        let met = rooms.iter().map(|room| (room.clone(), mark(room.id))).collect::<Vec<_>>();
        self.rooms.update(|list| list.insert_pages(rooms, next_cursor));
        self.change_reading(|reading| {
            for (room, before) in &met {
                reading.meet(room);
                self.compare_marks(reading, room.id, *before, mark(room.id));
            }
        });
    }

    /// Changes how far all rooms have been read.
    pub fn change_reading(&self, change: impl FnOnce(&mut ReadMarks)) {
        self.reading.update_value(change);
        let (mut unread, mut mentions) = (0, 0);
        self.rooms.with_untracked(|rooms| {
            self.reading.with_value(|reading| {
                for room in rooms.mine(None) {
                    unread += reading.unread(room);
                    mentions += reading.mentions(room);
                }
            });
        });
        self.unread.set(unread);
        self.mentions.set(mentions);
        self.ranks.notify();
        self.triggers.notify_all();
    }

    /// Forgets everything about a room.
    pub fn remove_room(&self, room_id: RoomId, name: String, reason: RemovalReason) -> Followup {
        self.change_room(room_id, |rooms, reading| {
            reading.forget(room_id);
            rooms.remove(room_id).map_or(Touched::Room, |_| Touched::List)
        });
        self.timelines.update_value(|timelines| timelines.remove(room_id));
        self.triggers.of(room_id).messages.notify();
        self.follows.update_value(|follows| follows.stop(room_id));
        let waits = self.outbox.with_untracked(|outbox| outbox.has_room(room_id));
        let lost = waits.then(|| self.outbox.try_update(|outbox| outbox.remove_room(room_id))).flatten();
        self.members.maybe_update(|members| members.forget(room_id));
        Followup::Gone { room_id, name, reason, lost: lost.unwrap_or(0) }
    }

    /// A message is stored, so it leaves the outbox, whatever brought the news.
    fn confirm(&self, id: MessageId) {
        if self.outbox.with_untracked(|outbox| outbox.get(id).is_some()) {
            self.outbox.update(|outbox| {
                outbox.remove(id);
            });
        }
    }

    /// The server said which history its database has. Returns whether it is another one than before: then all that is
    /// known of rooms is forgotten. What is written and not sent stays.
    pub fn meet_epoch(&self, epoch: Epoch) -> bool {
        let before = self.epoch.try_update_value(|known| known.replace(epoch)).flatten();
        let is_other = before.is_some_and(|before| before != epoch);
        if is_other {
            self.forget_rooms();
            self.change_reading(ReadMarks::clear);
        }
        is_other
    }

    /// Forgets all rooms, which are to be loaded afresh.
    pub fn forget_rooms(&self) {
        self.follows.update_value(Follows::clear);
        self.timelines.update_value(Timelines::clear);
        self.members.update(Members::clear);
        self.rooms.set(RoomList::default());
    }

    fn room_that_goes(&self, event: &ServerEvent) -> Option<(RoomId, String, RemovalReason)> {
        match event {
            ServerEvent::RoomDeleted(change) => {
                Some((change.room.id, change.room.name.as_str().to_owned(), RemovalReason::Deleted))
            }
            ServerEvent::RoomRemoved { room_id, name, reason } => {
                Some((*room_id, name.as_str().to_owned(), *reason))
            }
            // It was lost while the client was away, so no event says why.
            ServerEvent::Error { code: ErrorCode::RoomNotFound, room_id: Some(room_id), .. } => {
                let room = self.rooms.with_untracked(|rooms| rooms.get(*room_id).cloned())?;
                Some((*room_id, room.name.as_str().to_owned(), RemovalReason::Unknown))
            }
            _ => None,
        }
    }

    fn apply_to_rooms(&self, event: &ServerEvent) {
        let Some(room_id) = event.room_id() else { return };
        self.change_room(room_id, |rooms, reading| {
            if let ServerEvent::RoomCreated(RoomChange { room, .. })
            | ServerEvent::RoomUpdated(RoomChange { room, .. })
            | ServerEvent::RoomAdded { room }
            | ServerEvent::Subscribed { room, .. } = event
            {
                reading.meet(room);
            }
            rooms.apply(event)
        });
    }

    /// Changes one room, and tells those who show it.
    fn change_room(&self, id: RoomId, change: impl FnOnce(&mut RoomList, &mut ReadMarks) -> Touched) {
        let counts = || {
            self.rooms.with_untracked(|rooms| {
                let room = rooms.get(id).filter(|room| rooms.is_mine(room));
                room.map_or((0, 0), |room| {
                    self.reading.with_value(|reading| (reading.unread(room), reading.mentions(room)))
                })
            })
        };
        let had_membership = self.rooms.with_untracked(RoomList::has_membership);
        let before = counts();
        let latest = || self.rooms.with_untracked(RoomList::latest);
        let was_latest = latest();
        let mut touched = Touched::Nothing;
        self.rooms.update_untracked(|rooms| {
            let mark = rooms.read_mark(id);
            self.reading.update_value(|reading| {
                touched = change(rooms, reading);
                self.compare_marks(reading, id, mark, rooms.read_mark(id));
            });
        });
        if touched == Touched::Nothing {
            return;
        }
        let after = counts();
        if had_membership != self.rooms.with_untracked(RoomList::has_membership) {
            // Other rooms count from now on.
            self.change_reading(|_| ());
        } else if after != before {
            let difference =
                |total: &mut u64, before: u64, after: u64| *total = (*total + after).saturating_sub(before);
            self.unread.update(|total| difference(total, before.0, after.0));
            self.mentions.maybe_update(|total| {
                difference(total, before.1, after.1);
                before.1 != after.1
            });
            let rank = |(unread, mentions): (u64, u64)| (unread > 0, mentions > 0);
            if rank(before) != rank(after) {
                self.ranks.notify();
            }
        }
        if latest() != was_latest {
            self.ranks.notify();
        }
        self.triggers.of(id).facts.notify();
        if touched == Touched::List {
            self.rooms.notify();
        }
    }

    /// Follows what the server says about how far the user has read.
    fn compare_marks(
        &self,
        reading: &mut ReadMarks,
        room_id: RoomId,
        before: Option<(Seq, i64)>,
        now: Option<(Seq, i64)>,
    ) {
        if let Some((seq, _)) = now.filter(|_| before != now)
            && reading.told(room_id, before.map(|before| before.0), seq)
        {
            self.held.set(Some(room_id));
        }
    }

    fn follow(&self, step: impl FnOnce(&mut Follows) -> Option<Rev>, room_id: RoomId) -> Option<Followup> {
        let since = self.follows.try_update_value(step).flatten()?;
        Some(Followup::CatchUp { room_id, since })
    }
}

#[cfg(test)]
mod tests;
