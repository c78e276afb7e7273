//! What may stand in text that people write: one set of rules for the form and for the server.
//!
//! The types of the other modules (`Username`, `RoomName`, `MessageText`) are the only users.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Why a piece of input was refused. Stable; part of the contract as `errors[].code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InvalidCode {
    /// It is missing, or nothing of it can be seen.
    Required,
    /// It is of another JSON type than it should be, or null.
    InvalidType,
    /// It has fewer characters than it needs.
    TooShort,
    /// It has more characters than it may have.
    TooLong,
    /// It holds characters that are not allowed there, such as NUL.
    InvalidCharacters,
    /// It has not the form it needs, such as that of a UUID.
    InvalidFormat,
    /// It is a number outside its limits.
    OutOfRange,
    /// It cannot be given together with another parameter.
    MutuallyExclusive,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A refusal with the words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The stable code.
    pub code: InvalidCode,
    /// One sentence in English.
    pub detail: String,
}

impl Invalid {
    /// A refusal of this kind, explained by `detail`.
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

/// How many Unicode scalar values a text may have after trimming, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Length {
    /// The least.
    pub min: usize,
    /// The most.
    pub max: usize,
}

impl Length {
    /// Counts as every length in Parlance is counted: Unicode scalar values after trimming.
    pub fn of(text: &str) -> usize {
        text.trim().chars().count()
    }

    /// The trimmed text, if something of it can be seen and its length fits.
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

/// A name in one line: trimmed, visible, without control characters.
pub(crate) fn check_name(text: &str, length: Length, what: &str) -> Result<String, Invalid> {
    let text = length.check(text, what)?;
    if text.chars().any(|character| character.is_control() || LINE_SEPARATORS.contains(&character)) {
        let detail = format!("{what} cannot contain line breaks or control characters.");
        return Err(Invalid::new(InvalidCode::InvalidCharacters, detail));
    }
    check_marks(text, what)?;
    Ok(text.to_owned())
}

/// Text of several lines: trimmed, visible, without NUL, which Postgres cannot hold.
pub(crate) fn check_body(text: &str, length: Length, what: &str) -> Result<String, Invalid> {
    // Before the rest, so that a text of nothing but NUL gets the true reason.
    if text.contains('\0') {
        let detail = format!("{what} cannot contain the NUL character.");
        return Err(Invalid::new(InvalidCode::InvalidCharacters, detail));
    }
    let text = length.check(text, what)?;
    check_marks(text, what)?;
    Ok(text.to_owned())
}

/// More combining marks on one letter than any script needs paint over the lines around them.
pub(crate) const MAX_MARKS_PER_BASE: usize = 8;

fn check_marks(text: &str, what: &str) -> Result<(), Invalid> {
    let mut marks = 0;
    for character in text.chars() {
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        if marks > MAX_MARKS_PER_BASE {
            let detail = format!("{what} stacks too many marks on one letter.");
            return Err(Invalid::new(InvalidCode::InvalidCharacters, detail));
        }
    }
    Ok(())
}

/// The blocks of marks that are meant for any base: without a table of all scripts this catches what stacks.
pub(crate) const COMBINING_MARKS: &[RangeInclusive<char>] = &[
    '\u{0300}'..='\u{036F}',
    '\u{0483}'..='\u{0489}',
    '\u{1AB0}'..='\u{1AFF}',
    '\u{1DC0}'..='\u{1DFF}',
    '\u{20D0}'..='\u{20FF}',
    '\u{FE20}'..='\u{FE2F}',
];

/// What leaves no ink, besides white space, controls and marks: Unicode's default ignorables and blank letters.
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

/// Line breaks that are no control characters.
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
    fn text_of_which_nothing_can_be_seen_is_missing() {
        for text in
            ["", "   ", "\u{200B}\u{200B}", "\u{3164}\u{3164}", "\u{2800}\u{2800}", "\u{E0041}\u{E0041}"]
        {
            assert_eq!(code(text), Some(InvalidCode::Required), "{text:?}");
        }
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
    fn marks_may_not_pile_up_on_one_letter() {
        let pile = format!("a{}", "\u{0301}".repeat(9));
        let refused = check_body(&pile, Length { min: 1, max: 50 }, "Text").unwrap_err();
        assert_eq!(refused.code, InvalidCode::InvalidCharacters);
    }
}
