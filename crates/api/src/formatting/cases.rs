//! Texts and their trees, from `cases.txt`, and what else comes of them.
//!
//! A case of the file has a name after `¶`, the lines of the text, and the tree after `→`, or `plain` where there is none.
//! In texts, `␣` is a space and `⟨202e⟩` the character of that code. The ids are those of [`names`].

use shared::excerpts::excerpt;
use shared::formatting::{Block, MAX_BODY_BYTES};
use shared::ids::{RoomId, UserId};
use uuid::Uuid;

use super::mentions::{Names, Namesake};
use super::{Formatted, candidates, format};

const CASES: &str = include_str!("cases.txt");

/// Members by the keys of their names, with their ids, and whether they have an account.
const MEMBERS: &[(&str, u128, bool)] = &[
    ("ada", 1, true),
    ("ada lovelace", 2, true),
    ("kai", 3, false),
    ("kai", 4, false),
    ("robin", 5, false),
    ("robin", 6, true),
    ("toni", 7, false),
    ("toni", 8, false),
    ("grace hopper", 9, false),
    ("jean-luc", 10, true),
    ("dr. who", 11, false),
    ("émile", 12, true),
    ("strasse", 13, true),
    ("山田太郎", 14, true),
    ("snake_case_", 15, true),
    ("everyone else", 16, false),
];

const ROOMS: &[(&str, u128)] = &[("lobby", 20), ("rust & more", 21)];

fn user(id: u128) -> UserId {
    UserId(Uuid::from_u128(id))
}

/// Names of a room where the author may mention all, and means the second Toni.
fn names() -> Names {
    let mut names = Names { chosen: vec![user(8)], everyone: true, ..Names::default() };
    for (key, id, has_account) in MEMBERS {
        let namesake = Namesake { id: user(*id), has_account: *has_account };
        names.members.entry((*key).to_owned()).or_default().push(namesake);
    }
    names.rooms = ROOMS.iter().map(|(key, id)| ((*key).to_owned(), RoomId(Uuid::from_u128(*id)))).collect();
    names
}

/// The text of a case, as the author would send it.
fn decoded(source: &str) -> String {
    let mut text = String::new();
    for (index, piece) in source.replace('␣', " ").split(['⟨', '⟩']).enumerate() {
        match index % 2 {
            0 => text.push_str(piece),
            _ => text.push(char::from_u32(u32::from_str_radix(piece, 16).unwrap()).unwrap()),
        }
    }
    text
}

/// The stored form of a case's tree: short ids become whole ones.
fn stored(tree: &str) -> Option<String> {
    if tree == "plain" {
        return None;
    }
    let mut json = String::new();
    for (index, piece) in tree.split("\"id\":").enumerate() {
        let (id, rest) = if index == 0 { ("", piece) } else { piece.split_once(',').unwrap() };
        match id.parse() {
            Ok(id) => json.push_str(&format!("\"id\":\"{}\",{rest}", Uuid::from_u128(id))),
            Err(_) => json.push_str(rest),
        }
    }
    let tree: Vec<Block> = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    Some(serde_json::to_string(&tree).unwrap())
}

fn formatted(text: &str) -> Formatted {
    format(text, &names())
}

fn keys(text: &str) -> Vec<String> {
    candidates(text).members
}

#[test]
fn every_text_has_its_tree() {
    let names = names();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for section in CASES.split("§ ").skip(1) {
        let (title, section) = section.split_once('\n').unwrap();
        for case in section.split("¶ ").skip(1) {
            cases += 1;
            let (name, case) = case.split_once('\n').unwrap();
            let (source, tree) = case.trim_end().rsplit_once("\n→ ").unwrap();
            let body = format(&decoded(source), &names).body;
            if body != stored(tree) {
                wrong.push(format!("{title}: {name}\n{source}\n→ {}", body.as_deref().unwrap_or("plain")));
            }
        }
    }
    assert!(cases >= 300, "{cases} cases were found");
    assert!(wrong.is_empty(), "{} of {cases}:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn a_plain_text_has_nothing_but_itself() {
    for text in ["hello", "a\nb", "<b>", "---", "2. a"] {
        assert_eq!(formatted(text), Formatted::default(), "{text}");
    }
}

#[test]
fn the_mentioned_are_listed_once_in_order_and_without_the_author() {
    let text = "> @Robin and @ada\n\n@ada, ||@toni||, `@kai`, @grace hopper";
    assert_eq!(formatted(text).mentions, [user(6), user(1), user(8), user(9)]);
    let by_ada = Names { author: Some(user(1)), ..names() };
    let formatted = format(text, &by_ada);
    assert_eq!(formatted.mentions, [user(6), user(8), user(9)]);
    assert!(formatted.body.unwrap().contains("@ada"));
}

#[test]
fn everyone_is_text_where_the_author_may_not_mention_all() {
    assert!(formatted("@everyone").everyone);
    assert!(!formatted("@ada").everyone);
    let mut few = Names { everyone: false, ..names() };
    few.members.insert("everyone".to_owned(), vec![Namesake { id: user(30), has_account: true }]);
    assert_eq!(format("@everyone", &few), Formatted::default());
}

#[test]
fn a_guest_counts_only_while_nobody_shares_the_name() {
    assert_eq!(formatted("@kai").mentions, []);
    assert_eq!(format("@kai", &Names { chosen: vec![user(3)], ..names() }).mentions, [user(3)]);
    // Whom the author means must have the name.
    assert_eq!(format("@kai", &Names { chosen: vec![user(1)], ..names() }).mentions, []);
}

#[test]
fn candidates_are_the_beginnings_that_end_a_word() {
    assert_eq!(
        keys("@Ada Love-lace, x"),
        ["ada", "ada love", "ada love-", "ada love-lace", "ada love-lace,", "ada love-lace, x"]
    );
    assert_eq!(keys("@É"), keys("@e\u{301}"));
    assert_eq!(keys("@ada\nbyron"), ["ada"]);
    assert_eq!(keys(&format!("@{}", "a ".repeat(40))).len(), 16);
    assert!(candidates("a@b `@c` [@d](https://e.com) \\@e https://e.com/@f @").is_empty());
    assert!(candidates("```\n@ada\n```").is_empty());
}

#[test]
fn candidates_are_bounded() {
    let text: String = (0..500).map(|number| format!("@a{number}\n")).collect();
    assert_eq!(candidates(&text).members.len(), 100);
}

#[test]
fn candidates_tell_rooms_and_everyone() {
    let found = candidates("@everyone, see #[Straße] `#[a]`");
    assert!(found.everyone && !found.members.contains(&"everyone".to_owned()));
    assert_eq!(found.rooms, ["strasse"]);
}

#[test]
fn an_excerpt_is_what_the_tree_shows_with_masked_spoilers() {
    for (text, excerpt) in [
        ("# A  **b**\n\n- c\n- `d`", "A b c d"),
        ("||x|| ||a **very** long one||", "▒▒▒ ▒▒▒"),
        ("```rust\nlet a;\n\nb\n```\n> q", "let a; b q"),
        ("[a](https://e.com) @ada #[Lobby] @everyone", "a @ada #Lobby @everyone"),
        ("\\*a\\* &amp; b\\\nc", "*a* & b c"),
    ] {
        assert_eq!(formatted(text).excerpt.as_deref(), Some(excerpt), "{text}");
    }
    let long = formatted(&format!("**{}**", "🎉 ".repeat(100).trim())).excerpt.unwrap();
    assert_eq!(long, excerpt(&"🎉 ".repeat(100)));
    assert_eq!(long.chars().count(), 140);
}

#[test]
fn a_text_beyond_a_limit_has_no_tree_and_mentions_nobody() {
    let repeated = |piece: &str, count| format!("**x** {}", piece.repeat(count));
    for (piece, most) in [("https://e.com ", 50), ("#[Lobby] ", 50), ("@ada ", 50), ("a\n", 999)] {
        assert!(formatted(&repeated(piece, most)).body.is_some(), "{most} times {piece}");
        assert_eq!(formatted(&repeated(piece, most + 1)), Formatted::default(), "{} times {piece}", most + 1);
    }
    let nested = |depth| format!("{}**@ada**", "> ".repeat(depth));
    assert!(formatted(&nested(14)).body.is_some());
    assert_eq!(formatted(&nested(15)), Formatted::default());
    // A control character takes six bytes as JSON.
    let large = |bytes: usize| format!("**x** {}", "\u{1}".repeat(bytes / 6));
    assert!(formatted(&large(MAX_BODY_BYTES - 60)).body.is_some());
    assert_eq!(formatted(&large(MAX_BODY_BYTES)), Formatted::default());
}

#[test]
fn the_worst_texts_of_a_message_are_refused_or_small() {
    for piece in [
        ">", "> ", "[", "![", "*a **a ", "*_", "||", "||a", "@a ", "- ", "1. ", "7. ", "`a``", "<!--\n\n",
        "[a]: b\n", "a\n---\n",
    ] {
        let text: String = piece.chars().cycle().take(4_000).collect();
        let body = formatted(&text).body.unwrap_or_default();
        assert!(body.len() <= MAX_BODY_BYTES, "{piece}");
    }
}

#[test]
fn characters_that_parsing_uses_for_itself_keep_a_text_plain() {
    assert_eq!(formatted("**a** \u{FDD0}"), Formatted::default());
}
