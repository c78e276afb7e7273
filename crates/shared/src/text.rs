//! The validation of text that people write: the same rules for the form and for the server.
//!
//! Only the types of the other modules (`Username`, `RoomName`, `MessageText`) use it.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Why a field was refused. Part of the API as `errors[].code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InvalidCode {
    /// It is missing or has no visible characters.
    Required,
    /// It has the wrong JSON type or is null.
    InvalidType,
    /// It has too few characters.
    TooShort,
    /// It has too many characters.
    TooLong,
    /// It contains characters that are not allowed, such as NUL.
    InvalidCharacters,
    /// It does not have the required format, such as that of a UUID.
    InvalidFormat,
    /// It is a number outside the allowed range.
    OutOfRange,
    /// It is a password that many people use, or the user's own name.
    TooCommon,
    /// It names a file that the message cannot have: unknown, of another room or user, or taken.
    UnknownAttachment,
    /// It names a message that cannot be answered: unknown, or of another room.
    UnknownMessage,
    /// It is no emoji that may be a reaction.
    UnknownEmoji,
    /// It cannot be combined with another parameter.
    MutuallyExclusive,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A validation error with a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The stable code.
    pub code: InvalidCode,
    /// One sentence in English.
    pub detail: String,
}

impl Invalid {
    /// An error with this code and message.
    pub fn new(code: InvalidCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)
    }
}

impl std::error::Error for Invalid {}

/// The allowed number of Unicode scalar values in a trimmed text, both bounds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Length {
    /// The minimum.
    pub min: usize,
    /// The maximum.
    pub max: usize,
}

impl Length {
    /// The length of a text: its Unicode scalar values after trimming.
    pub fn of(text: &str) -> usize {
        text.trim().chars().count()
    }

    /// Returns the trimmed text if it has a visible character and an allowed length.
    fn check<'text>(self, text: &'text str, what: &str) -> Result<&'text str, Invalid> {
        let text = text.trim();
        let count = text.chars().count();
        if !text.chars().any(is_visible) {
            return Err(Invalid::new(InvalidCode::Required, format!("{what} is required.")));
        }
        if count < self.min {
            let detail = format!("{what} needs at least {} characters.", self.min);
            return Err(Invalid::new(InvalidCode::TooShort, detail));
        }
        if count > self.max {
            let detail = format!("{what} can have at most {} characters.", self.max);
            return Err(Invalid::new(InvalidCode::TooLong, detail));
        }
        Ok(text)
    }
}

/// Validates a name: a single line with a visible character and without control characters. Returns it trimmed.
pub(crate) fn check_name(text: &str, length: Length, what: &str) -> Result<String, Invalid> {
    let text = length.check(text, what)?;
    if text.chars().any(|character| character.is_control() || LINE_SEPARATORS.contains(&character)) {
        let detail = format!("{what} cannot contain line breaks or control characters.");
        return Err(Invalid::new(InvalidCode::InvalidCharacters, detail));
    }
    check_marks(text, what)?;
    Ok(text.to_owned())
}

/// Validates a name by which others tell users or rooms apart: no invisible characters.
pub(crate) fn check_distinct_name(text: &str, length: Length, what: &str) -> Result<String, Invalid> {
    let name = check_name(text, length, what)?;
    if name.chars().any(|character| INVISIBLE.iter().any(|range| range.contains(&character))) {
        let detail = format!("{what} cannot contain invisible characters.");
        return Err(Invalid::new(InvalidCode::InvalidCharacters, detail));
    }
    Ok(name)
}

/// Validates the characters of an account's name. It must be trimmed.
pub(crate) fn check_account_name(name: &str) -> Result<(), Invalid> {
    if name.chars().all(|character| character == ' ' || is_account_character(character))
        && !name.contains("  ")
    {
        return Ok(());
    }
    let detail = "Your name can contain letters, digits, _ . - and single spaces.";
    Err(Invalid::new(InvalidCode::InvalidCharacters, detail))
}

/// Whether a character may stand in an account's name, besides the space: letters, their marks, digits and three signs.
pub fn is_account_character(character: char) -> bool {
    character.is_alphanumeric() || is_letter_mark(character) || matches!(character, '_' | '.' | '-')
}

/// Marks that belong to letters of a script, such as vowel signs, besides those that `char::is_alphanumeric` knows.
fn is_letter_mark(character: char) -> bool {
    is_combining_mark(character) || LETTER_MARKS.contains(&character)
}

/// Signs of Indic scripts, such as the virama, which joins two letters: all marks of these blocks that are no letters.
const LETTER_MARKS: &[char] = &[
    '\u{093C}', '\u{094D}', '\u{09BC}', '\u{09CD}', '\u{0A3C}', '\u{0A4D}', '\u{0ABC}', '\u{0ACD}',
    '\u{0B3C}', '\u{0B4D}', '\u{0BCD}', '\u{0C4D}', '\u{0CBC}', '\u{0CCD}', '\u{0D4D}', '\u{0DCA}',
    '\u{0E47}', '\u{0E48}', '\u{0E49}', '\u{0E4A}', '\u{0E4B}', '\u{0E4C}', '\u{1039}', '\u{103A}',
    '\u{17D2}',
];

/// Validates a new password: only its length, in scalar values without trimming.
pub(crate) fn check_password(text: &str, length: Length) -> Result<(), Invalid> {
    let count = text.chars().count();
    if count == 0 {
        return Err(Invalid::new(InvalidCode::Required, "A password is required."));
    }
    if count < length.min {
        let detail = format!("The password needs at least {} characters.", length.min);
        return Err(Invalid::new(InvalidCode::TooShort, detail));
    }
    if count > length.max {
        let detail = format!("The password can have at most {} characters.", length.max);
        return Err(Invalid::new(InvalidCode::TooLong, detail));
    }
    Ok(())
}

/// Validates text of any number of lines: with a visible character and without NUL, which Postgres cannot store.
/// Returns it trimmed.
pub(crate) fn check_body(text: &str, length: Length, what: &str) -> Result<String, Invalid> {
    // Checked first, so that a text of only NUL characters is refused for this reason.
    if text.contains('\0') {
        let detail = format!("{what} cannot contain the NUL character.");
        return Err(Invalid::new(InvalidCode::InvalidCharacters, detail));
    }
    let text = length.check(text, what)?;
    check_marks(text, what)?;
    Ok(text.to_owned())
}

/// The text as one line, without control characters and characters that nobody sees.
pub(crate) fn visible_line(text: &str) -> String {
    let is_shown = |character: &char| {
        !character.is_control() && !INVISIBLE.iter().any(|range| range.contains(character))
    };
    let lines = text.split(|character: char| character.is_control() || LINE_SEPARATORS.contains(&character));
    let lines = lines.map(|line| line.chars().filter(is_shown).collect::<String>());
    lines
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.trim().to_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// No script needs more combining marks on a letter. Larger stacks overlap the adjacent lines.
pub(crate) const MAX_MARKS_PER_BASE: usize = 8;

fn check_marks(text: &str, what: &str) -> Result<(), Invalid> {
    let mut marks = 0;
    for character in text.chars() {
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        if marks > MAX_MARKS_PER_BASE {
            let detail =
                format!("{what} cannot have more than {MAX_MARKS_PER_BASE} combining marks on a letter.");
            return Err(Invalid::new(InvalidCode::InvalidCharacters, detail));
        }
    }
    Ok(())
}

/// The blocks of marks that combine with any letter. These are the marks that stack; a table of all scripts is not
/// needed.
pub(crate) const COMBINING_MARKS: &[RangeInclusive<char>] = &[
    '\u{0300}'..='\u{036F}',
    '\u{0483}'..='\u{0489}',
    '\u{1AB0}'..='\u{1AFF}',
    '\u{1DC0}'..='\u{1DFF}',
    '\u{20D0}'..='\u{20FF}',
    '\u{FE20}'..='\u{FE2F}',
];

/// Characters without a visible glyph besides white space, controls and marks: Unicode's default ignorables and blank
/// letters.
pub(crate) const BLANK: &[RangeInclusive<char>] = &[
    '\u{00AD}'..='\u{00AD}',
    '\u{061C}'..='\u{061C}',
    '\u{115F}'..='\u{1160}',
    '\u{17B4}'..='\u{17B5}',
    '\u{180B}'..='\u{180F}',
    '\u{200B}'..='\u{200F}',
    '\u{2028}'..='\u{202E}',
    '\u{2060}'..='\u{206F}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{FE00}'..='\u{FE0F}',
    '\u{FEFF}'..='\u{FEFF}',
    '\u{FFA0}'..='\u{FFA0}',
    '\u{FFF0}'..='\u{FFFB}',
    '\u{1BCA0}'..='\u{1BCA3}',
    '\u{1D173}'..='\u{1D17A}',
    '\u{E0000}'..='\u{E0FFF}',
];

/// Characters that names cannot contain, because nobody sees them: two names would look the same, or read backwards. The
/// joiners U+200C and U+200D are not among them: some scripts and emoji need them.
pub(crate) const INVISIBLE: &[RangeInclusive<char>] = &[
    '\u{00AD}'..='\u{00AD}',
    '\u{061C}'..='\u{061C}',
    '\u{200B}'..='\u{200B}',
    '\u{200E}'..='\u{200F}',
    '\u{202A}'..='\u{202E}',
    '\u{2060}'..='\u{206F}',
    '\u{FEFF}'..='\u{FEFF}',
];

/// Line breaks that are not control characters.
pub(crate) const LINE_SEPARATORS: RangeInclusive<char> = '\u{2028}'..='\u{2029}';

fn is_combining_mark(character: char) -> bool {
    COMBINING_MARKS.iter().any(|range| range.contains(&character))
}

fn is_visible(character: char) -> bool {
    !(character.is_whitespace()
        || character.is_control()
        || is_combining_mark(character)
        || BLANK.iter().any(|range| range.contains(&character)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Length = Length { min: 2, max: 5 };

    fn code(text: &str) -> Option<InvalidCode> {
        check_name(text, LENGTH, "A name").err().map(|invalid| invalid.code)
    }

    #[test]
    fn lengths_are_scalar_values_after_trimming() {
        assert_eq!(code("  ab  "), None);
        assert_eq!(code("日本語です"), None);
        assert_eq!(code("a"), Some(InvalidCode::TooShort));
        assert_eq!(code("abcdef"), Some(InvalidCode::TooLong));
    }

    #[test]
    fn text_without_a_visible_character_counts_as_missing() {
        for text in
            ["", "   ", "\u{200B}\u{200B}", "\u{3164}\u{3164}", "\u{2800}\u{2800}", "\u{E0041}\u{E0041}"]
        {
            assert_eq!(code(text), Some(InvalidCode::Required), "{text:?}");
        }
    }

    #[test]
    fn a_name_has_no_invisible_characters_but_joiners() {
        for text in ["a\u{200B}b", "a\u{AD}b", "\u{202E}ab", "a\u{2066}b", "a\u{FEFF}b"] {
            let invalid = check_distinct_name(text, LENGTH, "A name").unwrap_err();
            assert_eq!(invalid.code, InvalidCode::InvalidCharacters, "{text:?}");
        }
        assert_eq!(check_distinct_name("न\u{200D}क", LENGTH, "A name").unwrap(), "न\u{200D}क");
    }

    #[test]
    fn a_name_has_no_control_characters_and_no_line_breaks() {
        for text in ["a\nb", "a\u{7}b", "a\u{0}b", "a\u{85}b", "a\u{2028}b"] {
            assert_eq!(code(text), Some(InvalidCode::InvalidCharacters), "{text:?}");
        }
    }

    #[test]
    fn a_body_keeps_its_line_breaks_and_refuses_nul() {
        assert_eq!(check_body(" a\n\tb ", LENGTH, "Text").as_deref(), Ok("a\n\tb"));
        let refused = check_body("a\0b", LENGTH, "Text").unwrap_err();
        assert_eq!(refused.code, InvalidCode::InvalidCharacters);
    }

    #[test]
    fn a_letter_has_a_limited_number_of_combining_marks() {
        let stacked = format!("a{}", "\u{0301}".repeat(9));
        let refused = check_body(&stacked, Length { min: 1, max: 50 }, "Text").unwrap_err();
        assert_eq!(refused.code, InvalidCode::InvalidCharacters);
    }
}
