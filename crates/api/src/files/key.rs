//! The keys of files: random, so that nobody guesses them, and never used again.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::files::{AVATAR_PIXELS, FILES_PATH, THUMBNAIL_PIXELS};

/// How many random bytes a key has.
const RANDOM_BYTES: usize = 18;
/// How many characters of base64 they are.
const RANDOM_LENGTH: usize = 24;

/// What a file is for. The first letter of its key tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The picture of a user or room.
    Avatar,
    /// A file of a message.
    Attachment,
}

impl Purpose {
    /// The letter.
    pub fn letter(self) -> char {
        match self {
            Self::Avatar => 'a',
            Self::Attachment => 'f',
        }
    }
}

/// The key of a file, which is the end of its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileKey {
    purpose: Purpose,
    text: String,
}

impl FileKey {
    /// A new key.
    ///
    /// # Errors
    /// If the operating system has no randomness.
    pub fn new(purpose: Purpose) -> Result<Self, getrandom::Error> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random)?;
        Ok(Self { purpose, text: format!("{}{}", purpose.letter(), URL_SAFE_NO_PAD.encode(random)) })
    }

    /// Parses a key; `None` if no file can have it.
    pub fn parse(text: &str) -> Option<Self> {
        let purposes = [Purpose::Avatar, Purpose::Attachment];
        let purpose = purposes.into_iter().find(|purpose| text.starts_with(purpose.letter()))?;
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_key = text.len() == 1 + RANDOM_LENGTH && text.bytes().all(is_sign);
        is_key.then(|| Self { purpose, text: text.to_owned() })
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The key as text, under which the bytes are stored.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name under which a smaller version is stored.
    pub fn sized(&self, pixels: u32) -> String {
        sized(&self.text, pixels)
    }
}

fn sized(key: &str, pixels: u32) -> String {
    format!("{key}.{pixels}")
}

/// All names under which bytes of a key may be stored.
pub fn names(key: &str) -> Vec<String> {
    let sizes = AVATAR_PIXELS.into_iter().chain([THUMBNAIL_PIXELS]);
    std::iter::once(key.to_owned()).chain(sizes.map(|pixels| sized(key, pixels))).collect()
}

/// The names under which a file has bytes, once its row is stored.
pub fn stored_names(key: FileKey, has_thumbnail: bool) -> Vec<String> {
    match key.purpose() {
        Purpose::Avatar => AVATAR_PIXELS.map(|pixels| key.sized(pixels)).to_vec(),
        Purpose::Attachment if has_thumbnail => {
            let thumbnail = key.sized(THUMBNAIL_PIXELS);
            vec![key.text, thumbnail]
        }
        Purpose::Attachment => vec![key.text],
    }
}

/// Whether bytes may be stored under a name.
pub fn is_name(name: &str) -> bool {
    let key = name.split('.').next().unwrap_or_default();
    FileKey::parse(key).is_some() && names(key).iter().any(|known| known == name)
}

/// The path of a file.
pub fn path(key: &str) -> String {
    format!("{FILES_PATH}/{key}")
}

/// The path of a thumbnail.
pub fn thumbnail_path(key: &str) -> String {
    format!("{}?size={THUMBNAIL_PIXELS}", path(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_random_and_tells_what_it_is_for() {
        let key = FileKey::new(Purpose::Attachment).unwrap();
        assert_eq!(FileKey::parse(key.as_str()), Some(key.clone()));
        assert_ne!(FileKey::new(Purpose::Attachment).unwrap(), key);
    }

    #[test]
    fn a_name_is_a_key_or_one_of_its_sizes() {
        let key = FileKey::new(Purpose::Attachment).unwrap();
        for name in stored_names(key.clone(), true) {
            assert!(is_name(&name), "{name}");
        }
        for suffix in [".", ".801", ".800.800", "/../x", ".800/x", "\0"] {
            assert!(!is_name(&format!("{}{suffix}", key.as_str())), "{suffix}");
        }
        assert!(!is_name("../../etc/passwd") && !is_name(""));
    }

    #[test]
    fn nothing_else_is_a_key() {
        for text in ["", "f", "x123456789012345678901234", "f../../../../etc/passwd0000", "fé"] {
            assert_eq!(FileKey::parse(text), None, "{text}");
        }
    }
}
