//! What keys and buttons do with the text of a message, and what is offered while the user types.
//!
//! Pure. Places in a text are those of the browser: in UTF-16 code units.

use shared::formatting::{Block, Element, Inline};
use shared::ids::UserId;

use crate::state::shortcuts::Command;

/// A change of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is replaced, from here
    pub start: usize,
    /// to here,
    pub end: usize,
    /// by this.
    pub text: String,
    /// What is selected then, from here
    pub select_start: usize,
    /// to here.
    pub select_end: usize,
}

/// What an offer completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `@` and the name of a person.
    Person,
    /// `#` and the name of a room.
    Room,
    /// `:` and the name of an emoji.
    Emoji,
}

/// The beginning of a word that can be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// What was typed of the name.
    pub query: String,
    /// Where it begins, with its sign.
    pub start: usize,
}

/// The maximal length of a name to complete.
const LONGEST_QUERY: usize = 32;
/// How many letters an emoji's name needs before it is completed.
const EMOJI_FROM: usize = 2;

/// The place in bytes of a place of the browser.
fn byte_of(text: &str, place: usize) -> usize {
    let mut units = 0;
    for (byte, letter) in text.char_indices() {
        if units >= place {
            return byte;
        }
        units += letter.len_utf16();
    }
    text.len()
}

/// How long a text is for the browser.
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The word before the caret, if it can be completed.
pub fn token(text: &str, caret: usize) -> Option<Token> {
    let before = &text[..byte_of(text, caret)];
    let is_sign = |letter: char| matches!(letter, '@' | '#' | ':');
    let sign = before.rfind(is_sign)?;
    let opens_word =
        before[..sign].chars().next_back().is_none_or(|letter| letter.is_whitespace() || letter == '(');
    let (kind, query) = match (&before[sign..=sign], &before[sign + 1..]) {
        ("@", query) => (Kind::Person, query),
        ("#", query) => (Kind::Room, query.strip_prefix('[').unwrap_or(query)),
        (_, query) => (Kind::Emoji, query),
    };
    let is_name = |letter: char| match kind {
        Kind::Emoji => letter.is_ascii_alphanumeric() || matches!(letter, '_' | '+' | '-'),
        // Names have blanks, but a sentence does not become one.
        Kind::Person | Kind::Room => letter != '\n' && letter != ']',
    };
    let is_long_enough = kind != Kind::Emoji || query.len() >= EMOJI_FROM;
    let blanks = query.chars().filter(|letter| letter.is_whitespace()).count();
    let fits = query.chars().count() <= LONGEST_QUERY && blanks <= 2 && !query.starts_with(' ');
    (opens_word && is_long_enough && fits && query.chars().all(is_name)).then(|| Token {
        kind,
        query: query.to_owned(),
        start: length(&before[..sign]),
    })
}

/// Puts what was chosen in the place of the token before the caret.
pub fn complete(token: &Token, caret: usize, words: &str) -> Change {
    let place = token.start + length(words);
    Change { start: token.start, end: caret, text: words.to_owned(), select_start: place, select_end: place }
}

/// What a command does with the selected part of a text.
pub fn format(text: &str, start: usize, end: usize, command: Command) -> Option<Change> {
    Some(match command {
        Command::Bold => wrap(text, start, end, "**"),
        Command::Italic => wrap(text, start, end, "*"),
        Command::Strike => wrap(text, start, end, "~~"),
        Command::Code if text[byte_of(text, start)..byte_of(text, end)].contains('\n') => {
            fence(text, start, end)
        }
        Command::Code => wrap(text, start, end, "`"),
        Command::Quote => begin_lines(text, start, end, "> "),
        Command::List => begin_lines(text, start, end, "- "),
        _ => return None,
    })
}

/// Puts marks around the selection, or takes them away.
fn wrap(text: &str, start: usize, end: usize, mark: &str) -> Change {
    let (first, last) = (byte_of(text, start), byte_of(text, end));
    let (before, selected, after) = (&text[..first], &text[first..last], &text[last..]);
    let size = mark.len();
    let is_marked = before.ends_with(mark) && after.starts_with(mark);
    // One mark of bold text is no mark of italic text.
    let is_other = size == 1 && (before.ends_with(&mark.repeat(2)) || after.starts_with(&mark.repeat(2)));
    if is_marked && !is_other {
        let text = selected.to_owned();
        return Change {
            start: start - size,
            end: end + size,
            text,
            select_start: start - size,
            select_end: end - size,
        };
    }
    let text = format!("{mark}{selected}{mark}");
    Change { start, end, text, select_start: start + size, select_end: end + size }
}

fn fence(text: &str, start: usize, end: usize) -> Change {
    let code = &text[byte_of(text, start)..byte_of(text, end)];
    let opening =
        if start == 0 || text[..byte_of(text, start)].ends_with('\n') { "```\n" } else { "\n```\n" };
    let text = format!("{opening}{}\n```\n", code.trim_end_matches('\n'));
    let select_start = start + opening.len();
    Change { start, end, select_start, select_end: start + length(&text) - 5, text }
}

/// Begins each selected line with a mark, or takes the marks away.
fn begin_lines(text: &str, start: usize, end: usize, mark: &str) -> Change {
    let (first, last) = (byte_of(text, start), byte_of(text, end));
    let line_start = text[..first].rfind('\n').map_or(0, |place| place + 1);
    let line_end = text[last..].find('\n').map_or(text.len(), |place| last + place);
    let lines: Vec<&str> = text[line_start..line_end].split('\n').collect();
    let are_marked = lines.iter().all(|line| line.starts_with(mark));
    let line = |line: &&str| match are_marked {
        true => line[mark.len()..].to_owned(),
        false => format!("{mark}{line}"),
    };
    let changed = lines.iter().map(line).collect::<Vec<_>>().join("\n");
    let start = length(&text[..line_start]);
    let select_end = start + length(&changed);
    let select_start = if lines.len() > 1 { start } else { select_end };
    Change { start, end: length(&text[..line_end]), text: changed, select_start, select_end }
}

/// Whether a text mentions everybody: the word is not a part of another, nor in code, nor in the words of a link.
pub fn mentions_everyone(text: &str) -> bool {
    const WORD: &str = "@everyone";
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let text = without_code(&text.to_ascii_lowercase());
    text.match_indices(WORD).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + WORD.len()..]);
        let begins = before.bytes().last().is_none_or(|byte| !is_word(byte) && byte != b'\\');
        let ends = after.bytes().next().is_none_or(|byte| !is_word(byte));
        let is_link = after.find(['[', ']']).is_some_and(|place| after[place..].starts_with("]("))
            && before.rfind(['[', ']']).is_some_and(|place| before[place..].starts_with('['));
        let is_url = before.rsplit([' ', '\n']).next().is_some_and(|word| word.contains("://"));
        begins && ends && !is_link && !is_url
    })
}

/// A text with a mark in the place of each code.
fn without_code(text: &str) -> String {
    let mut words = String::new();
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once('`') {
        words.push_str(before);
        words.push('`');
        let mark = &rest[before.len()..rest.len() - opened.trim_start_matches('`').len()];
        let code = &opened[mark.len() - 1..];
        rest = code.split_once(mark).map_or(code, |(_, after)| after);
    }
    words + rest
}

/// The people whom formatted text mentions, by the names that stand there.
pub fn mentioned(blocks: &[Block]) -> Vec<(String, UserId)> {
    let mut found = Vec::new();
    add_mentioned_in_blocks(blocks, &mut found);
    found
}

fn add_mentioned_in_blocks(blocks: &[Block], found: &mut Vec<(String, UserId)>) {
    for block in blocks {
        match block {
            Block::P { c } | Block::H { c, .. } => add_mentioned(c, found),
            Block::Quote { c } => add_mentioned_in_blocks(c, found),
            Block::Ul { c } | Block::Ol { c, .. } => {
                c.iter().for_each(|item| add_mentioned_in_blocks(item, found));
            }
            Block::Pre { .. } | Block::Unknown => {}
        }
    }
}

fn add_mentioned(inlines: &[Inline], found: &mut Vec<(String, UserId)>) {
    for inline in inlines {
        let Inline::Element(element) = inline else { continue };
        match element {
            Element::User { id, text } => found.push((text.trim_start_matches('@').to_owned(), *id)),
            Element::B { c }
            | Element::I { c }
            | Element::S { c }
            | Element::A { c, .. }
            | Element::Spoiler { c } => add_mentioned(c, found),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with its selection between `[` and `]`, or the caret at `|`, after a command.
    fn after(text: &str, command: Command) -> String {
        let text = text.replace('|', "[]");
        let (before, rest) = text.split_once('[').unwrap();
        let (selected, behind) = rest.split_once(']').unwrap();
        let plain = format!("{before}{selected}{behind}");
        let (start, end) = (length(before), length(before) + length(selected));
        apply(&plain, &format(&plain, start, end, command).unwrap())
    }

    fn apply(text: &str, change: &Change) -> String {
        let whole = format!(
            "{}{}{}",
            &text[..byte_of(text, change.start)],
            change.text,
            &text[byte_of(text, change.end)..]
        );
        let (first, last) = (byte_of(&whole, change.select_start), byte_of(&whole, change.select_end));
        let marked = format!("{}[{}]{}", &whole[..first], &whole[first..last], &whole[last..]);
        marked.replace("[]", "|")
    }

    #[test]
    fn keys_put_marks_around_the_selection_and_take_them_away() {
        assert_eq!(after("a [🎉b] c", Command::Bold), "a **[🎉b]** c");
        assert_eq!(after("a **[🎉b]** c", Command::Bold), "a [🎉b] c");
        assert_eq!(after("a **[b]** c", Command::Italic), "a ***[b]*** c");
        assert_eq!(after("|", Command::Strike), "~~|~~");
        assert_eq!(after("[x]", Command::Code), "`[x]`");
        assert_eq!(after("see [a\nb\n]", Command::Code), "see \n```\n[a\nb]\n```\n");
        assert_eq!(format("a", 0, 1, Command::Send), None);
    }

    #[test]
    fn a_quote_and_a_list_begin_whole_lines() {
        assert_eq!(after("a\nb[c\nd]e\nf", Command::Quote), "a\n[> bc\n> de]\nf");
        assert_eq!(after("[> a\n> b]", Command::Quote), "[a\nb]");
        assert_eq!(after("one|", Command::List), "- one|");
        assert_eq!(after("- one|", Command::List), "one|");
    }

    fn found(text: &str) -> Option<(Kind, String)> {
        token(text, length(text)).map(|token| (token.kind, token.query))
    }

    #[test]
    fn the_word_before_the_caret_is_completed_if_it_begins_with_a_sign() {
        assert_eq!(found("hi @ad"), Some((Kind::Person, "ad".to_owned())));
        assert_eq!(found("@"), Some((Kind::Person, String::new())));
        assert_eq!(found("@Ada Lo"), Some((Kind::Person, "Ada Lo".to_owned())));
        assert_eq!(found("see (#lob"), Some((Kind::Room, "lob".to_owned())));
        assert_eq!(found("#[lob"), Some((Kind::Room, "lob".to_owned())));
        assert_eq!(found("🎉 :tad"), Some((Kind::Emoji, "tad".to_owned())));
        for text in ["", "mail@example", ":t", "at 10:30", "@ad\nx", "@a b c d", "see: this", "#[Lobby] x"] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_chosen_takes_the_place_of_what_was_typed() {
        let text = "🎉 hi @ad!";
        let caret = length(text) - 1;
        let token = token(text, caret).unwrap();
        assert_eq!(apply(text, &complete(&token, caret, "@Ada ")), "🎉 hi @Ada |!");
    }

    #[test]
    fn everybody_is_mentioned_by_a_word_of_its_own_outside_of_code_and_links() {
        for text in [
            "@everyone",
            "wake up, @Everyone!",
            "(@everyone)",
            "`a` @everyone",
            "` @everyone",
            "[a] @everyone [b](x)",
        ] {
            assert!(mentions_everyone(text), "{text}");
        }
        for text in [
            "everyone",
            "mail@everyone",
            "@everyones",
            "\\@everyone",
            "`@everyone`",
            "``a ` @everyone``",
            "```\n@everyone\n```",
            "[for @everyone](https://a.example)",
            "https://a.example/@everyone",
        ] {
            assert!(!mentions_everyone(text), "{text}");
        }
    }

    #[test]
    fn whom_a_text_mentions_is_found_in_every_part() {
        let user = |name: &str, id: u128| {
            Inline::Element(Element::User { id: UserId(uuid::Uuid::from_u128(id)), text: format!("@{name}") })
        };
        let bold = Inline::Element(Element::B { c: vec![user("Grace", 2)] });
        let blocks = [
            Block::P { c: vec![Inline::Text("hi ".to_owned()), user("Ada", 1), bold] },
            Block::Ul { c: vec![vec![Block::Quote { c: vec![Block::P { c: vec![user("Alan", 3)] }] }]] },
        ];
        let found: Vec<_> = mentioned(&blocks).into_iter().map(|(name, id)| (name, id.0.as_u128())).collect();
        assert_eq!(found, [("Ada".to_owned(), 1), ("Grace".to_owned(), 2), ("Alan".to_owned(), 3)]);
    }
}
