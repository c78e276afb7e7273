//! The audit log of a room in words.
//!
//! Pure.

use crate::state::sending_rules::time_left;

/// What an action is called.
pub fn action_words(action: &str) -> &str {
    match action {
        "role" => "changed the role of",
        "add" => "added",
        "remove" => "removed",
        "ban" => "banned",
        "unban" => "unbanned",
        "mute" => "muted",
        "unmute" => "unmuted",
        "transfer" => "transferred ownership to",
        "succession" => "passed ownership to",
        "rename" => "changed the name",
        "topic" => "changed the topic",
        "avatar" => "changed the picture",
        "visibility" => "changed the visibility",
        "slow_mode" => "changed slow mode",
        "posting" => "changed who may write",
        "invite_create" => "created an invite link",
        "invite_revoke" => "revoked an invite link",
        "invite_use" => "joined by an invite link",
        "delete_message" => "deleted a message of",
        "delete_edits" => "deleted the edit history of a message of",
        "delete_reactions" => "removed reactions from a message of",
        "pin_message" => "pinned a message of",
        "unpin_message" => "unpinned a message of",
        other => other,
    }
}

/// What changed, from what to what; `None` when the action says it all.
pub fn change_words(action: &str, before: Option<&str>, after: Option<&str>) -> Option<String> {
    let value = |value| value_words(action, value);
    match (action, before, after) {
        // The time of a mute's end is no news once it is over, and a picture has no words.
        ("mute" | "avatar", ..) | (_, None, None) => None,
        (_, Some(before), Some(after)) => Some(format!("{} → {}", value(before), value(after))),
        (_, before, after) => before.or(after).map(value),
    }
}

/// A value as people say it.
fn value_words(action: &str, value: &str) -> String {
    match (action, value) {
        ("slow_mode", "0") => "off".to_owned(),
        ("slow_mode", seconds) => seconds.parse().map_or_else(|_| seconds.to_owned(), time_left),
        ("posting", "all") => "everyone".to_owned(),
        ("posting", "accounts") => "only people with an account".to_owned(),
        ("topic", "") => "none".to_owned(),
        (_, value) => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_protocol_get_words() {
        for (action, before, after, expected) in [
            ("slow_mode", "0", "30", "off → 30 seconds"),
            ("slow_mode", "300", "0", "5 minutes → off"),
            ("posting", "all", "accounts", "everyone → only people with an account"),
            ("topic", "", "Where we draw", "none → Where we draw"),
            ("role", "member", "moderator", "member → moderator"),
        ] {
            assert_eq!(change_words(action, Some(before), Some(after)).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_lone_value_stands_alone_and_the_end_of_a_mute_is_left_out() {
        assert_eq!(change_words("invite_create", None, Some("guest")).as_deref(), Some("guest"));
        assert_eq!(change_words("mute", None, Some("2026-01-01T00:00:00Z")), None);
        assert_eq!(change_words("remove", None, None), None);
    }
}
