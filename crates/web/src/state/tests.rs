//! Events, pages and replies through the state's one door.

use shared::events::{MemberChange, MessageChange};
use shared::ids::{Epoch, Seq};
use shared::members::{LeaveReason, Member, Role};
use shared::rooms::Room;

use shared::reactions::{Mine, Reaction};
use shared::replies::{Context, Quote, ReplyTo, Thread};
use shared::stored::Stored;

use super::*;
use crate::boxed::memo;
use crate::state::outbox::Words;
use crate::state::samples::{NOON, created, member, message, message_id, page, room, room_id, user, viewer};

/// A state that follows room 1 at rev 0, with its (empty) first page loaded.
fn state() -> State {
    let state = State::default();
    state.take_room(room(1, "Lobby"));
    state.follows.update_value(|follows| follows.start(room_id(1), Rev(0)));
    state.with_timeline(room_id(1), |timeline| timeline.show(page(vec![])));
    state
}

fn texts(state: &State) -> Vec<Option<String>> {
    state.timeline(room_id(1), |timeline| {
        timeline.unwrap().messages().iter().map(|message| message.text.clone()).collect()
    })
}

fn in_scope(test: impl FnOnce(State)) {
    let owner = Owner::new();
    owner.set();
    test(state());
}

#[test]
fn an_event_reaches_the_timeline_the_list_and_the_unread_count() {
    in_scope(|state| {
        assert_eq!(state.apply(created(1, 1), NOON), None);
        assert_eq!(texts(&state).len(), 1);
        let lobby = state.rooms.with_untracked(|rooms| rooms.get(room_id(1)).cloned()).unwrap();
        assert_eq!(lobby.last_seq, Seq(1));
        assert_eq!((state.unread_in(room_id(1)), state.unread.get()), (1, 1));
    });
}

#[test]
fn a_message_of_the_user_counts_as_read() {
    in_scope(|state| {
        state.identity.set(Identity::User(user(1, "adam")));
        state.apply(created(1, 1), NOON);
        assert_eq!((state.unread_in(room_id(1)), state.unread.get()), (0, 0));
    });
}

#[test]
fn a_message_leaves_the_outbox_by_its_id_whatever_confirms_it_also_without_a_timeline() {
    in_scope(|state| {
        let now = message(1, 1).created_at;
        for (number, room) in [(1, 1), (2, 2), (3, 1)] {
            state.outbox.update(|outbox| {
                outbox.push(message_id(number), room_id(room), None, Words::default(), now);
            });
        }
        state.remembered.set(Some(message(1, 1).author));
        assert_eq!(state.unsent(room_id(1)).len(), 2);
        state.apply(created(1, 1), NOON);
        state.apply_message(Message { room_id: room_id(2), ..message(2, 2) });
        state.apply_page(room_id(1), page(vec![message(3, 3)]), Timeline::show);
        assert!(state.outbox.with_untracked(|outbox| outbox.entries().is_empty()));
    });
}

#[test]
fn edits_and_deletions_replace_what_was_there() {
    in_scope(|state| {
        state.apply(created(1, 1), NOON);
        state.apply(ServerEvent::MessageUpdated(MessageChange::of(message(1, 2))), NOON);
        assert_eq!(texts(&state), [Some("message 1 at 2".to_owned())]);
        let gone = Message { text: None, ..message(1, 3) };
        state.apply(ServerEvent::MessageDeleted(MessageChange::of(gone)), NOON);
        assert_eq!(texts(&state), [None]);
    });
}

#[test]
fn a_missed_change_is_asked_for() {
    in_scope(|state| {
        let followup = state.apply(created(3, 3), NOON);
        assert_eq!(followup, Some(Followup::CatchUp { room_id: room_id(1), since: Rev(0) }));
        let changes = Changes {
            room: Room { rev: Rev(3), last_seq: Seq(3), ..room(1, "Lobby") },
            messages: vec![message(1, 1), message(2, 2), message(3, 3)],
            ..changes(vec![])
        };
        assert_eq!(state.apply_changes(changes), None);
        assert_eq!(texts(&state).len(), 3);
        assert_eq!(state.follows.with_value(|follows| follows.since(room_id(1))), Some(Rev(3)));
    });
}

#[test]
fn a_resync_asks_for_everything_since_the_last_change() {
    in_scope(|state| {
        let followup = state.apply(ServerEvent::Resync { room_id: room_id(1) }, NOON);
        assert_eq!(followup, Some(Followup::CatchUp { room_id: room_id(1), since: Rev(0) }));
    });
}

fn changes(members: Vec<MembershipChange>) -> Changes {
    Changes {
        room: room(1, "Lobby"),
        messages: vec![],
        context: Context::default(),
        mine: Mine::new(),
        members,
        rev: Rev(3),
        has_more: false,
    }
}

#[test]
fn what_stands_beside_messages_is_found_there() {
    in_scope(|state| {
        state.identify(Identity::User(user(2, "grace")));
        let mut reply = MessageChange::of(message(2, 2));
        reply.message.reply_to = Some(ReplyTo { id: message_id(1), root_id: message_id(1) });
        let author = message(1, 1).author;
        let quote = Quote {
            id: message_id(1),
            rev: Rev(1),
            seq: Seq(1),
            author,
            excerpt: "Hi".into(),
            deleted: false,
        };
        let thread = Thread { root_id: message_id(1), count: 1, last_seq: Seq(2) };
        reply.context = Context { quotes: vec![quote], threads: vec![thread] };
        state.apply(created(1, 1), NOON);
        state.apply(ServerEvent::MessageCreated(reply.clone()), NOON);
        let beside = |message: &Message| {
            state.timeline(room_id(1), |timeline| state.beside(timeline.unwrap(), message, state.me()))
        };
        assert_eq!(beside(&reply.message).quote.unwrap().excerpt, "Hi");
        assert_eq!(beside(&message(1, 1)).replies, 1);
        state.apply(ServerEvent::MessageUpdated(MessageChange::of(message(1, 3))), NOON);
        assert_eq!(beside(&reply.message).quote.unwrap().excerpt, "message 1 at 3", "it was edited");

        let user_ids = vec![user(3, "eve").id];
        let reactions = vec![Reaction { emoji: "🎉".into(), count: 2, user_ids }];
        let reacted = Message { reactions: Some(Stored::Value(reactions)), ..message(1, 4) };
        assert!(!beside(&reacted).chips[0].is_mine);
        let active = |active| ServerEvent::Reacted {
            room_id: room_id(1),
            message_id: message_id(1),
            emoji: "🎉".into(),
            active,
        };
        state.apply(active(true), NOON);
        assert!(beside(&reacted).chips[0].is_mine, "by another connection");
        state.apply(active(false), NOON);
        let mine = Mine::from([(message_id(1), vec!["🎉".into()])]);
        state.apply_answer(MessageAnswer { message: reacted.clone(), context: Context::default(), mine });
        assert!(beside(&reacted).chips[0].is_mine, "the answer says so");
        state.apply_changes(Changes { messages: vec![reacted.clone()], ..changes(vec![]) });
        assert!(!beside(&reacted).chips[0].is_mine, "it was taken back while the client was away");
    });
}

fn gone(reason: RemovalReason) -> Followup {
    Followup::Gone { room_id: room_id(1), name: "Lobby".to_owned(), reason, lost: 0 }
}

fn joined(rev: i64, member: Member) -> ServerEvent {
    ServerEvent::MemberJoined(MemberChange { room_id: room_id(1), rev: Rev(rev), member })
}

#[test]
fn a_membership_is_a_change_like_a_message() {
    in_scope(|state| {
        state.apply(created(1, 1), NOON);
        assert_eq!(state.apply(joined(2, member(1, "Adam Ant", Role::Guest)), NOON), None);
        let left = ServerEvent::MemberLeft {
            room_id: room_id(1),
            rev: Rev(3),
            user_id: user(1, "").id,
            reason: LeaveReason::Left,
        };
        assert_eq!(state.apply(left, NOON), None);
        assert_eq!(state.follows.with_value(|follows| follows.since(room_id(1))), Some(Rev(3)));
        let author = state.timeline(room_id(1), |it| it.unwrap().messages()[0].author.username.clone());
        assert_eq!(author.as_str(), "Adam Ant", "the newest name stands at older messages");
        let missed = state.apply(joined(6, member(2, "eve", Role::Guest)), NOON);
        assert_eq!(missed, Some(Followup::CatchUp { room_id: room_id(1), since: Rev(3) }));
        state.members.update(|members| members.enter(Some(room_id(1))));
        let members = vec![MembershipChange::Member { member: member(3, "zoe", Role::Owner), rev: Rev(5) }];
        assert_eq!(state.apply_changes(Changes { rev: Rev(6), ..changes(members) }), None);
        assert!(state.members.with(|members| members.get(user(3, "").id).is_some()));
    });
}

#[test]
fn a_room_that_the_user_loses_is_forgotten_and_one_that_they_gain_is_followed() {
    in_scope(|state| {
        state.apply(created(1, 1), NOON);
        state.outbox.update(|outbox| {
            let at = message(1, 1).created_at;
            outbox.push(message_id(9), room_id(1), None, Words::default(), at);
        });
        let name = room(1, "Lobby").name;
        let removed = ServerEvent::RoomRemoved { room_id: room_id(1), name, reason: RemovalReason::Banned };
        let lost = Followup::Gone {
            room_id: room_id(1),
            name: "Lobby".to_owned(),
            reason: RemovalReason::Banned,
            lost: 1,
        };
        assert_eq!(state.apply(removed, NOON), Some(lost));
        assert!(state.timelines.with_value(|timelines| timelines.get(room_id(1)).is_none()));
        assert_eq!(state.unread.get_untracked(), 0);
        let viewer = Some(viewer(Some(Role::Guest)));
        let added = ServerEvent::RoomAdded { room: Room { viewer, ..room(1, "Lobby") } };
        assert_eq!(state.apply(added, NOON), Some(Followup::Follow(room_id(1))));
        assert!(state.may(room_id(1), Operation::Send) && !state.may(room_id(1), Operation::Moderate));
    });
}

#[test]
fn only_the_users_rooms_count_as_unread_once_they_have_some() {
    in_scope(|state| {
        state.take_room(room(2, "design"));
        state.apply(created(1, 1), NOON);
        assert_eq!(state.unread.get_untracked(), 1);
        let viewer = viewer(Some(Role::Member));
        state.apply(ServerEvent::ViewerUpdated { room_id: room_id(2), viewer }, NOON);
        assert_eq!(state.unread.get_untracked(), 0, "the other room is not theirs");
        state.apply_message(Message { room_id: room_id(2), ..message(1, 1) });
        assert_eq!(state.unread.get_untracked(), 1);
    });
}

#[test]
fn a_deleted_room_is_gone_from_everywhere() {
    in_scope(|state| {
        let change = RoomChange { room: room(1, "Lobby"), rev: Rev(1) };
        let followup = state.apply(ServerEvent::RoomDeleted(change), NOON);
        assert_eq!(followup, Some(gone(RemovalReason::Deleted)));
        assert!(state.timelines.with_value(|timelines| timelines.get(room_id(1)).is_none()));
        assert_eq!(state.follows.with_value(|follows| follows.since(room_id(1))), None);
    });
}

#[test]
fn a_room_that_was_deleted_while_the_user_was_away_is_gone_when_they_return() {
    in_scope(|state| {
        let refusal = ServerEvent::Error {
            code: ErrorCode::RoomNotFound,
            detail: String::new(),
            room_id: Some(room_id(1)),
        };
        let followup = state.apply(refusal.clone(), NOON);
        assert_eq!(followup, Some(gone(RemovalReason::Unknown)));
        assert_eq!(state.apply(refusal, NOON), None, "once");
    });
}

#[test]
fn a_new_room_is_followed_and_what_is_said_there_is_unread() {
    in_scope(|state| {
        let change = RoomChange { room: room(2, "design"), rev: Rev(0) };
        let followup = state.apply(ServerEvent::RoomCreated(change), NOON);
        assert_eq!(followup, Some(Followup::Follow(room_id(2))));
        state.apply_message(Message { room_id: room_id(2), ..message(1, 1) });
        assert_eq!((state.unread_in(room_id(2)), state.unread.get()), (1, 1));
    });
}

#[test]
fn a_room_that_is_known_by_its_subscription_only_has_been_visited() {
    in_scope(|state| {
        let seen = Room { last_seq: Seq(3), ..room(2, "far down the list") };
        let online = Vec::new();
        state.apply(ServerEvent::Subscribed { room: seen, rev: Rev(3), online, visitors: 1 }, NOON);
        assert_eq!(state.unread_in(room_id(2)), 0, "what was said before is no news");
        state.apply_message(Message { room_id: room_id(2), ..message(4, 4) });
        assert_eq!((state.unread_in(room_id(2)), state.unread.get()), (1, 1));
        assert!(state.reading.with_value(|reading| reading.last_read(room_id(2)).is_some()), "it is stored");
    });
}

#[test]
fn a_greeting_says_who_the_user_is() {
    in_scope(|state| {
        let epoch = Epoch(room_id(1).0);
        let hello =
            |user| ServerEvent::Hello { server_version: "1".into(), heartbeat_seconds: 25, epoch, user };
        state.apply(hello(Some(user(1, "adam"))), NOON);
        assert_eq!(state.me(), Some(user(1, "adam").id));
        state.apply(hello(None), NOON);
        assert_eq!(state.identity.get_untracked(), Identity::Anonymous);
    });
}

#[test]
fn what_is_not_about_content_changes_no_content() {
    in_scope(|state| {
        state.apply(created(1, 1), NOON);
        let before = texts(&state);
        for event in [
            ServerEvent::Pong { id: "1".into() },
            ServerEvent::Unknown,
            ServerEvent::Error { code: ErrorCode::RateLimited, detail: String::new(), room_id: None },
        ] {
            assert_eq!(state.apply(event, NOON), None);
        }
        assert_eq!(texts(&state), before);
    });
}

#[test]
fn a_message_reaches_only_what_shows_its_room() {
    in_scope(|state| {
        state.take_room(room(2, "design"));
        let drawn = StoredValue::new([0_u32; 3]);
        let count = move |place: usize| drawn.update_value(|drawn| drawn[place] += 1);
        let lobby = memo(move || {
            count(0);
            state.unread_in(room_id(1))
        });
        let design = memo(move || {
            count(1);
            state.unread_in(room_id(2))
        });
        let list = memo(move || {
            count(2);
            state.rooms.with(|rooms| rooms.all().len())
        });
        let look = || (lobby.get_untracked(), design.get_untracked(), list.get_untracked());
        assert_eq!(look(), (0, 0, 2));
        state.apply(created(1, 1), NOON);
        assert_eq!(look(), (1, 0, 2));
        assert_eq!(drawn.get_value(), [2, 1, 1]);
    });
}

#[test]
fn the_number_of_unread_messages_is_kept_by_differences() {
    in_scope(|state| {
        state.take_room(room(2, "design"));
        state.apply(created(1, 1), NOON);
        state.apply(created(2, 2), NOON);
        state.apply_message(Message { room_id: room_id(2), ..message(1, 1) });
        assert_eq!(state.unread.get_untracked(), 3);
        state.mark_read(room_id(1), Seq(1));
        assert_eq!(state.unread.get_untracked(), 2);
        state.remove_room(room_id(2), String::new(), RemovalReason::Deleted);
        assert_eq!(state.unread.get_untracked(), 1);
        state.change_reading(|reading| assert!(reading.read(room_id(1), Seq(2))));
        assert_eq!(state.unread.get_untracked(), 0);
    });
}

#[test]
fn another_epoch_forgets_all_but_what_was_not_sent() {
    in_scope(|state| {
        let epoch = |number: u8| -> Epoch {
            format!("0190a5b0-0000-7000-8000-0000000000{number:02x}").parse().unwrap()
        };
        state.apply(created(1, 1), NOON);
        let now = message(1, 1).created_at;
        state.outbox.update(|outbox| outbox.push(message_id(9), room_id(1), None, Words::default(), now));
        assert!(!state.meet_epoch(epoch(1)), "there was none before");
        assert!(!state.meet_epoch(epoch(1)));
        assert_eq!(texts(&state).len(), 1);
        assert_eq!(state.unread.get(), 1);
        state.reading.update_value(|reading| {
            reading.take_changed();
        });

        assert!(state.meet_epoch(epoch(2)));
        assert!(state.rooms.with(|rooms| rooms.all().is_empty() && !rooms.is_loaded()));
        assert!(state.timeline(room_id(1), |timeline| timeline.is_none()));
        assert_eq!(state.follows.with_value(|follows| follows.since(room_id(1))), None);
        assert_eq!(state.unread.get(), 0);
        let marks = state.reading.try_update_value(ReadMarks::take_changed).flatten();
        assert_eq!(marks.as_deref(), Some(""));
        assert!(state.outbox.with(|outbox| outbox.get(message_id(9)).is_some()));
        assert!(!state.meet_epoch(epoch(2)));
    });
}
