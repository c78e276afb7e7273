//! A person's picture: initials on a hue that belongs to the person.

use shared::ids::UserId;

use crate::dom::{El, el};

/// Initials on a hue made from the id. The name stands beside it, so it says nothing to a screen reader.
pub fn avatar(id: UserId, name: &str) -> El {
    let hue = hue(id).to_string();
    el("span").class("avatar").attr("aria-hidden", "true").style("--hue", &hue).text(&initials(name))
}

/// The last bytes of a UUIDv7 are random; the golden angle spreads them over the circle.
fn hue(id: UserId) -> u32 {
    let bytes = id.0.as_bytes();
    (u32::from(bytes[14]) * 256 + u32::from(bytes[15])) * 137 % 360
}

/// The first letters of the first two words, or else the first letter. The style makes them capitals: Rust's tables
/// for that would be a tenth of the program.
fn initials(name: &str) -> String {
    let words = name.split(|character: char| character.is_whitespace() || "-_.,".contains(character));
    words.filter_map(|word| word.chars().next()).take(2).collect()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_are_those_of_two_words_at_most() {
        for (name, expected) in
            [("adam", "a"), ("ada  lovelace", "al"), ("a.b.c", "ab"), ("日本 語", "日語"), ("🦀🦀🦀🦀", "🦀")]
        {
            assert_eq!(initials(name), expected, "{name}");
        }
    }
}
