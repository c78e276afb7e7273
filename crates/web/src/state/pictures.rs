//! What stands for a person or a room: a picture, or else initials on a hue of their own.
//!
//! Pure.

use shared::messages::Author;
use shared::rooms::Room;
use shared::users::User;

/// The picture of a person or a room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// The hue behind the initials, in degrees.
    pub hue: u32,
    /// The path of the picture; `None` without one.
    pub url: Option<String>,
}

impl Picture {
    fn new(id: u128, url: Option<&String>) -> Self {
        // The last bytes of a UUIDv7 are random; the golden angle spreads them over the circle.
        let random = (id & 0xffff) as u32;
        Self { hue: random * 137 % 360, url: url.cloned() }
    }

    /// The path of the picture in the size to show. The small size is sharp up to 40 pixels.
    pub fn source(&self, is_large: bool) -> Option<String> {
        self.url.as_ref().map(|url| if is_large { url.clone() } else { format!("{url}?size=64") })
    }
}

impl From<&User> for Picture {
    fn from(user: &User) -> Self {
        Self::new(user.id.0.as_u128(), user.avatar_url.as_ref())
    }
}

impl From<&Author> for Picture {
    fn from(author: &Author) -> Self {
        Self::new(author.id.0.as_u128(), author.avatar_url.as_ref())
    }
}

impl From<&Room> for Picture {
    fn from(room: &Room) -> Self {
        Self::new(room.id.0.as_u128(), room.avatar_url.as_ref())
    }
}

/// The first letters of the first two words. The stylesheet makes them capitals, because Rust's case tables would be a
/// tenth of the client.
pub fn initials(name: &str) -> String {
    let words = name.split(|character: char| character.is_whitespace() || "-_.,".contains(character));
    words.filter_map(|word| word.chars().next()).take(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::{room, user};

    #[test]
    fn initials_are_those_of_two_words_at_most() {
        for (name, expected) in
            [("adam", "a"), ("ada  lovelace", "al"), ("a.b.c", "ab"), ("日本 語", "日語"), ("🦀🦀🦀🦀", "🦀")]
        {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn small_pictures_are_fetched_small_and_who_has_none_keeps_a_hue() {
        let with = User { avatar_url: Some("/files/a0".to_owned()), ..user(7, "ada") };
        let picture = Picture::from(&with);
        assert_eq!(picture.source(false).as_deref(), Some("/files/a0?size=64"));
        assert_eq!(picture.source(true).as_deref(), Some("/files/a0"));
        assert_eq!(Picture::from(&Author::from(&with)), picture);
        let without = Picture::from(&user(7, "ada"));
        assert_eq!((without.hue, without.source(false)), (picture.hue, None));
        assert_eq!(Picture::from(&room(1, "design")).url, None);
    }
}
