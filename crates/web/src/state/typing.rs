//! Who is typing, and when to tell others that one is typing oneself.
//!
//! Pure; the clock is brought along as milliseconds.

use shared::events::ServerEvent;
use shared::ids::{RoomId, UserId};
use shared::users::User;

/// Typing ends after this much silence.
pub const SILENCE_MILLIS: i64 = 5_000;
/// While the user goes on typing it is said again this often, or it would end for the others.
const REPEAT_MILLIS: i64 = 3_500;

/// The others who are typing in the open room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Typing {
    room_id: Option<RoomId>,
    people: Vec<(User, i64)>,
}

impl Typing {
    /// The user enters this room, or none.
    pub fn enter(&mut self, room_id: Option<RoomId>) {
        *self = Self { room_id, people: Vec::new() };
    }

    /// Follows what happens. Returns whether anything changed.
    pub fn apply(&mut self, event: &ServerEvent, me: Option<UserId>, now: i64) -> bool {
        if self.room_id.is_none() || event.room_id() != self.room_id {
            return false;
        }
        let before = self.people.len();
        match event {
            ServerEvent::Typing { user, active, .. } => {
                self.people.retain(|(other, _)| other.id != user.id);
                if *active && Some(user.id) != me {
                    self.people.push((user.clone(), now + SILENCE_MILLIS));
                    return true;
                }
            }
            ServerEvent::MessageCreated(change) => {
                self.people.retain(|(other, _)| other.id != change.message.author.id);
            }
            ServerEvent::Presence { left, .. } => {
                self.people.retain(|(other, _)| !left.contains(&other.id));
            }
            _ => {}
        }
        before != self.people.len()
    }

    /// Whether somebody fell silent by now.
    pub fn is_stale(&self, now: i64) -> bool {
        self.people.iter().any(|(_, until)| *until <= now)
    }

    /// Lets go of those who fell silent.
    pub fn expire(&mut self, now: i64) {
        self.people.retain(|(_, until)| *until > now);
    }

    /// Who types, in a sentence; empty when nobody does.
    pub fn sentence(&self) -> String {
        let name = |place: usize| self.people[place].0.username.as_str();
        match self.people.len() {
            0 => String::new(),
            1 => format!("{} is typing…", name(0)),
            2 => format!("{} and {} are typing…", name(0), name(1)),
            3 => format!("{}, {} and {} are typing…", name(0), name(1), name(2)),
            many => format!("{many} people are typing…"),
        }
    }
}

/// What the others know of the user's typing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnTyping {
    last_key: i64,
    last_said: Option<i64>,
}

impl OwnTyping {
    /// A key was pressed. Returns whether to say that one is typing.
    pub fn key(&mut self, now: i64) -> bool {
        self.last_key = now;
        let say = self.last_said.is_none_or(|said| now - said >= REPEAT_MILLIS);
        if say {
            self.last_said = Some(now);
        }
        say
    }

    /// Whether to say that one stopped, because of the silence.
    pub fn fell_silent(&mut self, now: i64) -> bool {
        now - self.last_key >= SILENCE_MILLIS && self.stop()
    }

    /// The user sent the message, or left. Returns whether to say so.
    pub fn stop(&mut self) -> bool {
        self.last_said.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::{created, room_id, user};

    fn typing(name: &str, number: u8, active: bool) -> ServerEvent {
        ServerEvent::Typing { room_id: room_id(1), user: user(number, name), active }
    }

    fn in_room() -> Typing {
        let mut typing = Typing::default();
        typing.enter(Some(room_id(1)));
        typing
    }

    #[test]
    fn names_up_to_three_and_a_number_beyond() {
        let mut state = in_room();
        let me = Some(user(9, "myself").id);
        let mut after = |name, number| {
            state.apply(&typing(name, number, true), me, 0);
            state.sentence()
        };
        assert_eq!(after("myself", 9), "", "not oneself");
        assert_eq!(after("adam", 1), "adam is typing…");
        assert_eq!(after("grace", 2), "adam and grace are typing…");
        assert_eq!(after("emmy", 3), "adam, grace and emmy are typing…");
        assert_eq!(after("linus", 4), "4 people are typing…");
    }

    #[test]
    fn typing_ends_after_five_seconds_of_silence_and_with_the_message() {
        let mut state = in_room();
        state.apply(&typing("grace", 2, true), None, 1_000);
        state.apply(&typing("adam", 1, true), None, 2_000);
        assert!(!state.is_stale(5_999));
        assert!(state.is_stale(6_000));
        state.expire(6_000);
        assert_eq!(state.sentence(), "adam is typing…");
        state.apply(&created(1, 1), None, 6_001);
        assert_eq!(state.sentence(), "");
    }

    #[test]
    fn one_says_that_one_types_at_the_first_key_and_then_now_and_again() {
        let mut own = OwnTyping::default();
        assert!(own.key(0));
        assert!(!own.key(3_000));
        assert!(own.key(3_600));
        assert!(!own.fell_silent(8_500));
        assert!(own.fell_silent(8_600));
        assert!(!own.fell_silent(20_000), "once");
        assert!(own.key(20_001));
        assert!(own.stop());
        assert!(!own.stop());
    }
}
