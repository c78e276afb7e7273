//! Which messages notify the user.
//!
//! Pure.

use shared::events::MessageChange;
use shared::formatting::{Block, Element, Inline};
use shared::ids::{MessageId, UserId};
use shared::read_marks::Notify;

use crate::state::excerpts::blocks;

/// So many messages are remembered as told.
const MOST_TOLD: usize = 20;
/// What was sent longer ago is no news.
const FRESH_MILLIS: i64 = 60_000;

/// Whether a new message notifies the user, by the room's level.
pub fn notifies(change: &MessageChange, level: Notify, me: UserId, now: i64) -> bool {
    let message = &change.message;
    let is_news = message.author.id != me
        && message.text.is_some()
        && now - message.created_at.unix_millis() < FRESH_MILLIS;
    is_news
        && match level {
            Notify::All => true,
            Notify::Mentions => mentions(change, me),
            Notify::None | Notify::Unknown => false,
        }
}

/// Whether a message mentions the user, or answers one of theirs.
fn mentions(change: &MessageChange, me: UserId) -> bool {
    let answered = change.message.reply_to.map(|reply| reply.id);
    let answers =
        change.context.quotes.iter().any(|quote| Some(quote.id) == answered && quote.author.id == me);
    answers || blocks(&change.message).is_some_and(|blocks| in_blocks(blocks, me))
}

fn in_blocks(blocks: &[Block], me: UserId) -> bool {
    blocks.iter().any(|block| match block {
        Block::P { c } | Block::H { c, .. } => in_inlines(c, me),
        Block::Quote { c } => in_blocks(c, me),
        Block::Ul { c } | Block::Ol { c, .. } => c.iter().any(|item| in_blocks(item, me)),
        Block::Pre { .. } | Block::Unknown => false,
    })
}

fn in_inlines(inlines: &[Inline], me: UserId) -> bool {
    inlines.iter().any(|inline| match inline {
        Inline::Element(Element::User { id, .. }) => *id == me,
        Inline::Element(Element::Everyone) => true,
        Inline::Element(
            Element::B { c }
            | Element::I { c }
            | Element::S { c }
            | Element::A { c, .. }
            | Element::Spoiler { c },
        ) => in_inlines(c, me),
        _ => false,
    })
}

/// Notes that a message is told, in the text that all tabs share. `None` if one of them has told it already.
pub fn tell(told: &str, id: MessageId) -> Option<String> {
    let id = id.to_string();
    if told.split(' ').any(|known| known == id) {
        return None;
    }
    Some(
        std::iter::once(id.as_str())
            .chain(told.split_whitespace())
            .take(MOST_TOLD)
            .collect::<Vec<_>>()
            .join(" "),
    )
}

#[cfg(test)]
mod tests {
    use shared::messages::Message;
    use shared::replies::{Context, ReplyTo};
    use shared::stored::Stored;

    use super::*;
    use crate::state::references::References;
    use crate::state::samples::{NOON, message, message_id, user};

    fn said(body: &str) -> MessageChange {
        let body = serde_json::from_str::<Vec<Block>>(body).unwrap();
        MessageChange::of(Message { body: Some(Stored::Value(body)), ..message(2, 2) })
    }

    #[test]
    fn the_rooms_level_decides_what_notifies() {
        let me = user(2, "grace").id;
        let plain = MessageChange::of(message(2, 2));
        let mention = said(&format!(
            r#"[{{"t":"ul","c":[[{{"t":"p","c":[{{"t":"b","c":[{{"t":"user","id":"{me}","text":"@g"}}]}}]}}]]}}]"#
        ));
        let everyone = said(r#"[{"t":"quote","c":[{"t":"p","c":[{"t":"everyone"}]}]}]"#);
        let other =
            said(r#"[{"t":"p","c":[{"t":"user","id":"0190a5b0-0000-7000-9000-000000000009","text":"@x"}]}]"#);
        let tells = |change: &MessageChange, level| notifies(change, level, me, NOON + 3_000);
        assert!(
            tells(&plain, Notify::All)
                && tells(&mention, Notify::Mentions)
                && tells(&everyone, Notify::Mentions)
        );
        assert!(
            !tells(&plain, Notify::Mentions)
                && !tells(&other, Notify::Mentions)
                && !tells(&mention, Notify::None)
        );
        assert!(!notifies(&plain, Notify::All, user(1, "adam").id, NOON), "one's own");
        assert!(!notifies(&plain, Notify::All, me, NOON + FRESH_MILLIS * 2), "it is long ago");
    }

    #[test]
    fn an_answer_to_ones_message_counts_as_a_mention() {
        let me = user(1, "adam").id;
        let mut references = References::default();
        references.quote_message(&message(1, 1));
        let quotes = vec![(**references.quote(message_id(1)).unwrap()).clone()];
        let mut change = MessageChange::of(message(2, 2));
        change.message.author.id = user(2, "grace").id;
        change.context = Context { quotes, threads: vec![] };
        assert!(!notifies(&change, Notify::Mentions, me, NOON));
        change.message.reply_to = Some(ReplyTo { id: message_id(1), root_id: message_id(1) });
        assert!(notifies(&change, Notify::Mentions, me, NOON));
    }

    #[test]
    fn each_message_is_told_once_by_all_tabs_together() {
        let told = tell("", message_id(1)).unwrap();
        assert_eq!(tell(&told, message_id(1)), None);
        let mut told = tell(&told, message_id(2)).unwrap();
        for number in 3..=30 {
            told = tell(&told, message_id(number)).unwrap();
        }
        assert_eq!(told.split(' ').count(), MOST_TOLD);
    }
}
