//! Reactions to messages: who reacted how, and what the user is just about to change.
//!
//! Pure. A message says how many reacted, and who were the first. Where that does not tell whether the user is among
//! them, what came for the user alone does. What the user wants is shown at once; the server is asked one thing at a
//! time for each message and emoji.

use shared::ids::{MessageId, UserId};
use shared::messages::Message;
use shared::reactions::{Mine, Reaction};

/// So many names are enough to tell who reacted.
pub const ENOUGH_NAMES: usize = 20;

/// A kind of reactions below a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// The emoji.
    pub emoji: String,
    /// How many reacted so.
    pub count: u32,
    /// Whether the user did.
    pub is_mine: bool,
    /// The first of them, who may include the user.
    pub user_ids: Vec<UserId>,
}

/// The user's own reactions to messages of a room, as far as they were told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnReactions {
    /// Only messages with many reactions need it, so it is short. A map would make the client larger.
    of: Vec<(MessageId, String)>,
}

impl OwnReactions {
    /// Takes in what came beside these messages, which is all of it.
    pub fn replace(&mut self, messages: &[Message], mine: Mine) {
        self.of.retain(|(id, _)| !messages.iter().any(|message| message.id == *id));
        self.learn(mine);
    }

    /// Takes in what came beside a message that may be told live, when nothing is said about the user.
    pub fn learn(&mut self, mine: Mine) {
        for (id, emoji) in mine {
            self.of.retain(|(known, _)| *known != id);
            self.of.extend(emoji.into_iter().map(|emoji| (id, emoji)));
        }
    }

    /// The user reacted, or took a reaction back.
    pub fn set(&mut self, id: MessageId, emoji: &str, is_active: bool) {
        self.of.retain(|(known, other)| *known != id || other != emoji);
        if is_active {
            self.of.push((id, emoji.to_owned()));
        }
    }

    /// Whether the user reacted so. A list that is complete knows best.
    pub fn has(&self, id: MessageId, reaction: &Reaction, me: Option<UserId>) -> bool {
        let Some(me) = me else { return false };
        let is_complete = reaction.count as usize <= reaction.user_ids.len();
        let is_told = || self.of.iter().any(|(known, emoji)| *known == id && *emoji == reaction.emoji);
        reaction.user_ids.contains(&me) || !is_complete && is_told()
    }
}

/// What the user wants of one emoji at one message.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Toggle {
    id: MessageId,
    emoji: String,
    /// Whether it should be there.
    is_wanted: bool,
    /// What the server was asked for last. It has not answered.
    asked: bool,
}

/// What the user wants and the server has not confirmed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Toggles {
    all: Vec<Toggle>,
}

impl Toggles {
    /// What the user wants of this emoji, if that is not confirmed.
    pub fn wanted(&self, id: MessageId, emoji: &str) -> Option<bool> {
        self.all.iter().find(|toggle| toggle.id == id && toggle.emoji == emoji).map(|toggle| toggle.is_wanted)
    }

    /// The user wants it to be there, or not. Returns what to ask the server for, unless it is being asked.
    pub fn want(&mut self, id: MessageId, emoji: &str, is_wanted: bool) -> Option<bool> {
        match self.get_mut(id, emoji) {
            Some(toggle) => {
                toggle.is_wanted = is_wanted;
                None
            }
            None => {
                self.all.push(Toggle { id, emoji: emoji.to_owned(), is_wanted, asked: is_wanted });
                Some(is_wanted)
            }
        }
    }

    /// The server did what it was asked for. Returns what to ask it for next, if the user has changed their mind.
    pub fn answered(&mut self, id: MessageId, emoji: &str) -> Option<bool> {
        let toggle = self.get_mut(id, emoji)?;
        if toggle.asked == toggle.is_wanted {
            self.give_up(id, emoji);
            return None;
        }
        toggle.asked = toggle.is_wanted;
        Some(toggle.asked)
    }

    /// The server refused: everything is as it was.
    pub fn give_up(&mut self, id: MessageId, emoji: &str) {
        self.all.retain(|toggle| toggle.id != id || toggle.emoji != emoji);
    }

    fn get_mut(&mut self, id: MessageId, emoji: &str) -> Option<&mut Toggle> {
        self.all.iter_mut().find(|toggle| toggle.id == id && toggle.emoji == emoji)
    }

    /// The reactions to show below a message.
    pub fn chips(&self, message: &Message, own: &OwnReactions, me: Option<UserId>) -> Vec<Chip> {
        let stored = message.reactions.as_ref().and_then(|stored| stored.value());
        let mut chips: Vec<_> =
            stored.into_iter().flatten().map(|it| self.chip(message.id, it, own, me)).collect();
        for Toggle { emoji, is_wanted, .. } in self.all.iter().filter(|toggle| toggle.id == message.id) {
            if *is_wanted && !chips.iter().any(|chip| chip.emoji == *emoji) {
                let user_ids = me.into_iter().collect();
                chips.push(Chip { emoji: emoji.clone(), count: 1, is_mine: true, user_ids });
            }
        }
        chips.retain(|chip| chip.count > 0);
        chips
    }

    fn chip(&self, id: MessageId, reaction: &Reaction, own: &OwnReactions, me: Option<UserId>) -> Chip {
        let was_mine = own.has(id, reaction, me);
        let is_mine = self.wanted(id, &reaction.emoji).unwrap_or(was_mine);
        let count = (reaction.count + u32::from(is_mine)).saturating_sub(u32::from(was_mine));
        Chip { emoji: reaction.emoji.clone(), count, is_mine, user_ids: reaction.user_ids.clone() }
    }
}

/// Who reacted, in a few words. `others` are known by name, `count` is all.
pub fn who_reacted(others: &[String], is_mine: bool, count: usize) -> String {
    let you = is_mine.then_some("You");
    let mut names: Vec<_> =
        you.into_iter().chain(others.iter().map(String::as_str).take(ENOUGH_NAMES)).collect();
    let rest = match count.saturating_sub(names.len()) {
        0 => String::new(),
        1 => "1 other".to_owned(),
        many => format!("{many} others"),
    };
    if names.is_empty() {
        return rest;
    }
    if !rest.is_empty() {
        names.push(&rest);
    }
    match names.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use shared::stored::Stored;

    use super::*;
    use crate::state::samples::{message, message_id, user};

    const TADA: &str = "🎉";

    fn me() -> Option<UserId> {
        Some(user(1, "adam").id)
    }

    fn reacted(count: u32, users: &[u8]) -> Message {
        let user_ids = users.iter().map(|number| user(*number, "somebody").id).collect();
        let reactions = vec![Reaction { emoji: TADA.to_owned(), count, user_ids }];
        Message { reactions: Some(Stored::Value(reactions)), ..message(1, 1) }
    }

    fn seen(toggles: &Toggles, message: &Message, own: &OwnReactions) -> Vec<(u32, bool)> {
        toggles.chips(message, own, me()).iter().map(|chip| (chip.count, chip.is_mine)).collect()
    }

    #[test]
    fn a_reaction_is_ones_own_if_the_complete_list_says_so_or_the_server_told_it() {
        let (toggles, mut own) = (Toggles::default(), OwnReactions::default());
        assert_eq!(seen(&toggles, &reacted(2, &[1, 2]), &own), [(2, true)]);
        assert_eq!(seen(&toggles, &reacted(12, &[2, 3]), &own), [(12, false)]);
        own.learn(Mine::from([(message_id(1), vec![TADA.to_owned()])]));
        assert_eq!(seen(&toggles, &reacted(12, &[2, 3]), &own), [(12, true)]);
        assert_eq!(seen(&toggles, &reacted(2, &[2, 3]), &own), [(2, false)], "the list is complete");
        own.learn(Mine::new());
        assert_eq!(
            seen(&toggles, &reacted(12, &[2, 3]), &own),
            [(12, true)],
            "a live event says nothing of it"
        );
        own.replace(&[message(1, 1)], Mine::new());
        assert_eq!(seen(&toggles, &reacted(12, &[2, 3]), &own), [(12, false)], "a page does");
        own.set(message_id(1), TADA, true);
        assert_eq!(seen(&toggles, &reacted(12, &[2, 3]), &own), [(12, true)]);
        assert!(!toggles.chips(&reacted(1, &[1]), &own, None)[0].is_mine);
    }

    #[test]
    fn what_the_user_wants_is_shown_at_once_and_counted_once() {
        let (mut toggles, own) = (Toggles::default(), OwnReactions::default());
        assert_eq!(toggles.want(message_id(1), TADA, true), Some(true));
        assert_eq!(seen(&toggles, &message(1, 1), &own), [(1, true)]);
        assert_eq!(seen(&toggles, &reacted(1, &[2]), &own), [(2, true)]);
        assert_eq!(
            seen(&toggles, &reacted(2, &[2, 1]), &own),
            [(2, true)],
            "the event was quicker than the answer"
        );
        assert_eq!(toggles.answered(message_id(1), TADA), None);
        assert_eq!(toggles.wanted(message_id(1), TADA), None);
        assert_eq!(toggles.want(message_id(1), TADA, false), Some(false));
        assert_eq!(seen(&toggles, &reacted(1, &[1]), &own), [(0, false); 0]);
        toggles.give_up(message_id(1), TADA);
        assert_eq!(seen(&toggles, &reacted(1, &[1]), &own), [(1, true)]);
    }

    #[test]
    fn who_reacted_is_told_in_a_few_words() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(who_reacted(&names(&[]), true, 1), "You");
        assert_eq!(who_reacted(&names(&["ada", "eve"]), false, 2), "ada and eve");
        assert_eq!(who_reacted(&names(&["ada", "eve"]), true, 3), "You, ada and eve");
        assert_eq!(who_reacted(&names(&["ada"]), false, 2), "ada and 1 other");
        assert_eq!(who_reacted(&names(&["ada"]), true, 12), "You, ada and 10 others");
        assert_eq!(who_reacted(&names(&[]), false, 3), "3 others");
    }

    #[test]
    fn the_server_is_asked_one_thing_at_a_time() {
        let mut toggles = Toggles::default();
        assert_eq!(toggles.want(message_id(1), TADA, true), Some(true));
        assert_eq!(toggles.want(message_id(1), TADA, false), None);
        assert_eq!(toggles.want(message_id(1), "👍", true), Some(true), "another emoji");
        assert_eq!(toggles.answered(message_id(1), TADA), Some(false));
        assert_eq!(toggles.want(message_id(1), TADA, true), None);
        assert_eq!(toggles.want(message_id(1), TADA, false), None);
        assert_eq!(toggles.answered(message_id(1), TADA), None);
    }
}
