//! A person's picture: initials on a hue that belongs to the person.

use leptos::prelude::*;
use shared::ids::UserId;

/// Initials on a hue made from the id. Screen readers do not see it, because the name is always beside it.
#[component]
pub fn Avatar(
    /// Whose picture it is.
    user_id: UserId,
    /// The person's name.
    #[prop(into)]
    name: String,
) -> impl IntoView {
    view! {
        <span class="avatar" aria-hidden="true" style=("--hue", hue(user_id).to_string())>
            {initials(&name)}
        </span>
    }
}

/// The last bytes of a UUIDv7 are random; the golden angle spreads them over the circle.
fn hue(id: UserId) -> u32 {
    let bytes = id.0.as_bytes();
    (u32::from(bytes[14]) * 256 + u32::from(bytes[15])) * 137 % 360
}

/// The first letters of the first two words. The stylesheet makes them capitals, because Rust's case tables would be a
/// tenth of the client.
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
