//! Why the user cannot write in a room just now.
//!
//! Pure; the clock is brought along as milliseconds.

use std::collections::HashMap;

use shared::ids::RoomId;
use shared::members::{Operation, Role, Viewer};
use shared::rooms::{Posting, Room};
use shared::users::UserKind;

/// Until when slow mode makes the user wait, in each room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowModes(HashMap<RoomId, i64>);

impl SlowModes {
    /// The next message may be sent then.
    pub fn wait(&mut self, room_id: RoomId, until: i64) {
        self.0.insert(room_id, until);
    }

    /// How many seconds the user still waits; 0 if they do not.
    pub fn seconds(&self, room_id: RoomId, now: i64) -> i64 {
        let left = self.0.get(&room_id).map_or(0, |until| until.saturating_sub(now));
        (left.max(0) + 999) / 1_000
    }
}

/// Why the user cannot write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// They are banned.
    Banned,
    /// They are muted until then.
    Muted(i64),
    /// They need an account.
    AccountNeeded,
    /// They have no session, and nobody may come as a guest.
    SignInNeeded,
    /// They may not, for a reason that this version does not know.
    NotAllowed,
}

/// What keeps this user from writing in a room at all. `kind` is `None` for visitors, who are asked for a name first.
pub fn obstacle(room: &Room, kind: Option<UserKind>, now: i64) -> Option<Obstacle> {
    let needs_account = room.posting == Posting::Accounts && kind.is_none_or(|kind| kind == UserKind::Guest);
    let Some(viewer) = &room.viewer else { return needs_account.then_some(Obstacle::AccountNeeded) };
    let muted = viewer.muted_until.map(|until| until.unix_millis()).filter(|until| *until > now);
    match muted {
        _ if viewer.banned => Some(Obstacle::Banned),
        Some(until) => Some(Obstacle::Muted(until)),
        None if needs_account => Some(Obstacle::AccountNeeded),
        // Nobody in particular may write nowhere, but becomes somebody by writing.
        None if kind.is_none() || viewer.may(Operation::Send) => None,
        // A mute that just ended: the server is asked for what the user may do now.
        None if viewer.muted_until.is_some() => None,
        None => Some(Obstacle::NotAllowed),
    }
}

/// Whether slow mode applies to the user.
pub fn is_slowed(room: &Room) -> bool {
    let role = room.viewer.as_ref().and_then(|viewer: &Viewer| viewer.role);
    room.slow_mode_seconds > 0 && !matches!(role, Some(Role::Owner | Role::Moderator))
}

/// A time that is left, in a few words: seconds below two minutes, then minutes, hours and days.
pub fn time_left(seconds: i64) -> String {
    match seconds {
        ..=1 => "1 second".to_owned(),
        2..=119 => format!("{seconds} seconds"),
        120..=7_199 => format!("{} minutes", (seconds + 59) / 60),
        7_200..=172_799 => format!("{} hours", (seconds + 3_599) / 3_600),
        _ => format!("{} days", (seconds + 86_399) / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use shared::timestamp::Timestamp;

    use super::*;
    use crate::state::samples::{NOON, room, room_id, viewer};

    const GUEST: Option<UserKind> = Some(UserKind::Guest);
    const MEMBER: Option<UserKind> = Some(UserKind::Member);

    fn seen_by(viewer: Viewer) -> Room {
        Room { viewer: Some(viewer), ..room(1, "Lobby") }
    }

    #[test]
    fn who_may_send_has_no_obstacle_and_visitors_are_asked_for_a_name() {
        let may = viewer(None);
        assert_eq!(obstacle(&seen_by(may.clone()), GUEST, NOON), None);
        let nothing = Viewer { may: vec![Operation::View], ..may };
        assert_eq!(obstacle(&seen_by(nothing.clone()), None, NOON), None);
        assert_eq!(obstacle(&seen_by(nothing), GUEST, NOON), Some(Obstacle::NotAllowed));
        assert_eq!(obstacle(&room(1, "Lobby"), GUEST, NOON), None, "it is not known yet");
    }

    #[test]
    fn the_greatest_obstacle_is_told() {
        let until = Timestamp::from_unix_millis(NOON + 5_000);
        let muted = Viewer { muted_until: until, may: vec![Operation::View], ..viewer(Some(Role::Guest)) };
        assert_eq!(obstacle(&seen_by(muted.clone()), GUEST, NOON), Some(Obstacle::Muted(NOON + 5_000)));
        assert_eq!(obstacle(&seen_by(muted.clone()), GUEST, NOON + 5_000), None, "it is over");
        let banned = Viewer { banned: true, ..muted };
        assert_eq!(obstacle(&seen_by(banned), GUEST, NOON), Some(Obstacle::Banned));
    }

    #[test]
    fn a_room_for_accounts_asks_guests_and_visitors_for_one() {
        let room = Room { posting: Posting::Accounts, ..seen_by(viewer(None)) };
        for kind in [None, GUEST] {
            assert_eq!(obstacle(&room, kind, NOON), Some(Obstacle::AccountNeeded));
        }
        assert_eq!(obstacle(&room, MEMBER, NOON), None);
    }

    #[test]
    fn slow_mode_counts_down_and_spares_owners_and_moderators() {
        let mut modes = SlowModes::default();
        modes.wait(room_id(1), NOON + 1_500);
        assert_eq!(modes.seconds(room_id(1), NOON), 2);
        assert_eq!(modes.seconds(room_id(1), NOON + 1_500), 0);
        assert_eq!(modes.seconds(room_id(2), NOON), 0);
        let slow = |role| Room { slow_mode_seconds: 30, ..seen_by(viewer(role)) };
        assert!(is_slowed(&slow(None)) && is_slowed(&slow(Some(Role::Guest))));
        assert!(!is_slowed(&slow(Some(Role::Owner))) && !is_slowed(&room(1, "Lobby")));
    }

    #[test]
    fn a_time_that_is_left_is_told_in_a_few_words() {
        for (seconds, words) in [
            (0, "1 second"),
            (40, "40 seconds"),
            (121, "3 minutes"),
            (7_200, "2 hours"),
            (172_800, "2 days"),
            (172_801, "3 days"),
        ] {
            assert_eq!(time_left(seconds), words);
        }
    }
}
