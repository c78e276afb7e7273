//! What holds for every text, tried with random ones that are made of marks.

use shared::formatting::{Block, EXCERPT_LENGTH, Element, Inline, MAX_BODY_BYTES};
use shared::ids::{RoomId, UserId};
use uuid::Uuid;

use super::mentions::{Names, Namesake};
use super::{candidates, format, limits};

/// What texts are made of. Numbers and entities are not among it: those of lists and escapes do vanish.
const VOCABULARY: &[&str] = &[
    " ",
    " ",
    " ",
    "\n",
    "\n",
    "\n\n",
    "\t",
    "    ",
    "a",
    "b",
    "word",
    "é",
    "日本",
    "🎉",
    "\u{202e}",
    "*",
    "**",
    "***",
    "_",
    "__",
    "~",
    "~~",
    "`",
    "``",
    "```",
    "~~~",
    "|",
    "||",
    "||",
    "#",
    "## ",
    ">",
    "> ",
    "- ",
    "* ",
    "+ ",
    "-",
    "---",
    "***\n",
    "===",
    "___",
    "1. ",
    "2. ",
    "7) ",
    "<",
    ">",
    "<b>",
    "</b>",
    "<!--",
    "-->",
    "<?x",
    "<![CDATA[",
    "<script>",
    "<div>\n",
    "[",
    "]",
    "(",
    ")",
    "![",
    "](",
    "[x](",
    "[x]: ",
    "[x]",
    "]: ",
    "\"",
    "'",
    "\\",
    "\\\n",
    "  \n",
    "@",
    "@ada",
    "@Ada Lovelace",
    "@everyone",
    "#[",
    "#[lobby]",
    "https://e.com",
    "www.e.com/_a_",
    "http://u@h.com",
    "mailto:a@b.c",
    "javascript:",
    "<https://e.com>",
    ".",
    ",",
    "\r\n",
    "| a | b |\n|---|---|\n",
    "\u{301}",
    "\u{a0}",
    "\u{3000}",
];

/// A small generator of pseudo-random numbers (xorshift), so that each run tries the same texts.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn text(&mut self) -> String {
        let length = 1 + self.below(40);
        (0..length).map(|_| VOCABULARY[self.below(VOCABULARY.len())]).collect()
    }
}

fn names() -> Names {
    let member = |id| vec![Namesake { id: UserId(Uuid::from_u128(id)), has_account: true }];
    Names {
        members: [("ada".to_owned(), member(1)), ("ada lovelace".to_owned(), member(2))].into(),
        rooms: [("lobby".to_owned(), RoomId(Uuid::from_u128(3)))].into(),
        everyone: true,
        ..Names::default()
    }
}

/// Everything that a tree carries, for readers and for browsers. Checks on the way that its text is tidy.
fn carried(blocks: &[Block], carries: &mut String) {
    for block in blocks {
        match block {
            Block::P { c } | Block::H { c, .. } => carried_inline(c, carries),
            Block::Pre { lang, text } => {
                carries.push_str(lang.as_deref().unwrap_or_default());
                carries.push_str(text);
            }
            Block::Quote { c } => carried(c, carries),
            Block::Ul { c } | Block::Ol { c, .. } => c.iter().for_each(|item| carried(item, carries)),
            Block::Unknown => panic!("a tree has no unknown block"),
        }
    }
}

fn carried_inline(content: &[Inline], carries: &mut String) {
    let is_text = |inline: &Inline| matches!(inline, Inline::Text(_));
    assert!(!content.windows(2).any(|pair| pair.iter().all(is_text)), "two pieces of text: {content:?}");
    assert!(!content.contains(&Inline::Text(String::new())), "an empty piece of text: {content:?}");
    for inline in content {
        match inline {
            Inline::Text(text) => carries.push_str(text),
            Inline::Element(element) => match element {
                Element::B { c } | Element::I { c } | Element::S { c } | Element::Spoiler { c } => {
                    carried_inline(c, carries);
                }
                Element::A { href, c } => {
                    assert!(super::links::is_allowed(href), "{href}");
                    carries.push_str(href);
                    carried_inline(c, carries);
                }
                Element::Code { text } | Element::User { text, .. } | Element::Room { text, .. } => {
                    carries.push_str(text);
                }
                Element::Everyone => carries.push_str("everyone"),
                Element::Br => {}
                Element::Unknown => panic!("a tree has no unknown element"),
            },
        }
    }
}

fn sorted_letters(text: &str) -> Vec<char> {
    let mut letters: Vec<char> = text.chars().filter(|character| character.is_alphabetic()).collect();
    letters.sort_unstable();
    letters
}

/// Whether `all` has each letter of `some` at least as often; both are sorted.
fn covers(all: &[char], some: &[char]) -> bool {
    let mut all = all.iter();
    some.iter().all(|letter| all.any(|other| other == letter))
}

#[test]
fn no_letter_vanishes_and_every_tree_is_tidy_and_within_its_limits() {
    let names = names();
    let mut random = Random(0x5EED_CAFE);
    let mut formatted_texts = 0;
    for _ in 0..3_000 {
        let text = random.text();
        candidates(&text);
        let formatted = format(&text, &names);
        let (Some(body), Some(excerpt)) = (&formatted.body, &formatted.excerpt) else {
            assert_eq!(formatted, super::Formatted::default(), "{text:?}");
            continue;
        };
        formatted_texts += 1;
        let tree: Vec<Block> = serde_json::from_str(body).unwrap();
        assert_eq!(&serde_json::to_string(&tree).unwrap(), body, "{text:?}");
        assert!(limits::keeps(&tree) && body.len() <= MAX_BODY_BYTES, "{text:?}");
        assert!(excerpt.chars().count() <= EXCERPT_LENGTH, "{text:?}");
        assert!(
            !body.contains(|character| ('\u{FDD0}'..='\u{FDEF}').contains(&character)),
            "{text:?}: {body}"
        );
        let mut carries = String::new();
        carried(&tree, &mut carries);
        assert!(covers(&sorted_letters(&carries), &sorted_letters(&text)), "{text:?}: {body}");
    }
    assert!(formatted_texts > 1_500, "the texts are too plain: {formatted_texts}");
}

#[test]
fn what_is_mentioned_was_a_candidate() {
    let names = names();
    let mut random = Random(0xACE);
    let mut mentions = 0;
    for _ in 0..1_000 {
        let text = random.text();
        let formatted = format(&text, &names);
        let candidates = candidates(&text);
        mentions += formatted.mentions.len();
        let is_candidate = |key: &str| candidates.members.iter().any(|candidate| candidate == key);
        for id in &formatted.mentions {
            let key = names.members.iter().find(|(_, namesakes)| namesakes[0].id == *id).unwrap().0;
            assert!(is_candidate(key), "{text:?}");
        }
        assert!(!formatted.everyone || candidates.everyone, "{text:?}");
    }
    assert!(mentions > 100, "too few mentions: {mentions}");
}
