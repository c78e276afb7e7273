//! The rules of texts and numbers as JSON Schema, for the OpenAPI description.
//!
//! A pattern says exactly what `parse` accepts, from the same tables. Patterns are ECMA-262 with the `u` flag, in forms
//! that other engines read alike: no `\s`, `\w` or `\p`, whose meaning differs between them.

use std::ops::RangeInclusive;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    Array, ArrayBuilder, KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::{PartialSchema, ToSchema};

use crate::bans::BanReason;
use crate::files::AltText;
use crate::ids::{
    AttachmentId, AuditId, Epoch, InviteId, MessageId, Rev, RoomId, Seq, SessionId, StreamId, TokenId, UserId,
};
use crate::members::Role;
use crate::messages::MessageText;
use crate::page::Cursor;
use crate::read_marks::Notify;
use crate::rooms::{Posting, RoomName, Topic, Visibility};
use crate::text::{
    BLANK, COMBINING_MARKS, INVISIBLE, LINE_SEPARATORS, Length, MAX_MARKS_PER_BASE, is_account_character,
};
use crate::timestamp::Timestamp;
use crate::tokens::{Scope, TokenName};
use crate::users::{Password, UserKind, Username};

/// The largest integer that every JSON implementation reads exactly.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// `char::is_whitespace`.
const WHITE_SPACE: &[RangeInclusive<char>] = &[
    '\t'..='\r',
    ' '..=' ',
    '\u{0085}'..='\u{0085}',
    '\u{00A0}'..='\u{00A0}',
    '\u{1680}'..='\u{1680}',
    '\u{2000}'..='\u{200A}',
    '\u{2028}'..='\u{2029}',
    '\u{202F}'..='\u{202F}',
    '\u{205F}'..='\u{205F}',
    '\u{3000}'..='\u{3000}',
];

/// `char::is_control`.
const CONTROL: &[RangeInclusive<char>] = &['\0'..='\u{001F}', '\u{007F}'..='\u{009F}'];

/// Gives types the schema of their function.
macro_rules! schemas {
    ($($type:ty => $schema:expr;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }

        impl ToSchema for $type {}
    )*};
}

schemas! {
    UserId => uuid();
    RoomId => uuid();
    MessageId => uuid();
    SessionId => uuid();
    TokenId => uuid();
    InviteId => uuid();
    AuditId => uuid();
    StreamId => uuid();
    Epoch => uuid();
    AttachmentId => uuid();
    Topic => stored(Topic::LENGTH).examples(["Parsers, types and code generation"]).build();
    BanReason => stored(BanReason::LENGTH).build();
    AltText => stored(AltText::LENGTH).build();
    Seq => counter();
    Rev => counter();
    Timestamp => timestamp();
    Cursor => string().pattern(Some("^[A-Za-z0-9_-]+$")).build();
    // As stored, whatever the limits were at that time. Accounts have other limits than guests.
    Username => stored(Length { min: 1, max: 64 }).examples(["Ada Lovelace"]).build();
    RoomName => stored(RoomName::LENGTH).examples(["Compilers"]).build();
    MessageText => stored(beside_files(MessageText::length(UserKind::Member))).examples(["Hello!"]).build();
}

/// The name of a new guest.
pub(crate) fn guest_name() -> Object {
    distinct_name(Username::GUEST_LENGTH).examples(["Ada Lovelace"]).build()
}

/// The name of a new account.
pub(crate) fn account_name() -> Object {
    let Length { min, max } = Username::ACCOUNT_LENGTH;
    let description = format!(
        "{min} to {max} characters after trimming: letters and digits of any script, `_`, `.`, `-`, single spaces. A \
         name that an account has, or that looks like it, is 409."
    );
    let (blank, marks) = (class(&[WHITE_SPACE, CONTROL, COMBINING_MARKS, BLANK]), class(&[COMBINING_MARKS]));
    let (space, most_marks) = (class(&[WHITE_SPACE]), MAX_MARKS_PER_BASE + 1);
    let sign = class(&[&ranges(is_account_character)]);
    let (shortest, longest) = (min - 1, max - 1);
    let pattern = format!(
        "^(?!{blank}*$)(?![\\s\\S]*{marks}{{{most_marks}}}){space}*\
         (?=(?:{sign}| ){{{shortest},{longest}}}{sign}{space}*$){sign}(?: ?{sign})*{space}*$"
    );
    string()
        .min_length(Some(min))
        .pattern(Some(pattern))
        .description(Some(description))
        .examples(["Ada Lovelace"])
        .build()
}

/// The ranges of the characters that pass.
fn ranges(passes: impl Fn(char) -> bool) -> Vec<RangeInclusive<char>> {
    let mut ranges: Vec<RangeInclusive<char>> = Vec::new();
    for character in ('\0'..=char::MAX).filter(|character| passes(*character)) {
        match ranges.last_mut() {
            Some(last) if u32::from(*last.end()) + 1 == u32::from(character) => {
                *last = *last.start()..=character
            }
            _ => ranges.push(character..=character),
        }
    }
    ranges
}

/// A new name. The rules differ for guests and members, and a schema cannot tell who sends the request.
pub(crate) fn any_name() -> Object {
    let (guest, account) = (Username::GUEST_LENGTH, Username::ACCOUNT_LENGTH);
    let description = format!(
        "Guests: {} to {} characters. Members: {} to {} letters, digits, `_`, `.`, `-` and single spaces.",
        guest.min, guest.max, account.min, account.max
    );
    string().description(Some(description)).examples(["Ada Lovelace"]).build()
}

/// The name of a token.
pub(crate) fn token_name() -> Object {
    name(TokenName::LENGTH).examples(["backup script"]).build()
}

/// The scopes of a new token.
pub(crate) fn scopes() -> Array {
    let scope = string().enum_values(Some(Scope::ALL.map(Scope::name)));
    ArrayBuilder::new().items(scope).min_items(Some(1)).unique_items(true).build()
}

/// A new password.
pub(crate) fn password() -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::Password);
    stored(Password::LENGTH).format(Some(format)).build()
}

/// The name of a new room.
pub(crate) fn room_name() -> Object {
    distinct_name(RoomName::LENGTH).examples(["Compilers"]).build()
}

/// The text of a message that a guest sends.
pub(crate) fn message_text() -> Object {
    let length = MessageText::length(UserKind::Guest);
    let description = format!(
        "Plain text: {} to {} characters after trimming, no NUL. Members, who have an account, have other limits: see \
         `GET /server`. It may be empty beside files.",
        length.min, length.max
    );
    let pattern = format!("^{}*$|{}", class(&[WHITE_SPACE]), pattern(length, &[&['\0'..='\0']]));
    string().pattern(Some(pattern)).description(Some(description)).examples(["Hello!"]).build()
}

/// What a file of a new message shows; null and white space for nothing.
pub(crate) fn alt_text() -> Object {
    let nullable = SchemaType::from_iter([Type::String, Type::Null]);
    let longest = AltText::LENGTH.max;
    let line = pattern(Length { min: 1, max: longest }, &[&['\0'..='\0']]);
    let pattern = format!("^{}*$|{line}", class(&[WHITE_SPACE]));
    let description = format!(
        "Up to {longest} characters after trimming, no NUL. Line breaks become spaces; control characters and marks of \
         direction are left out."
    );
    let builder = ObjectBuilder::new().schema_type(nullable).pattern(Some(pattern));
    builder.description(Some(description)).examples(["A cat on a keyboard"]).build()
}

/// The text of a message in answers; null once deleted.
pub(crate) fn stored_text() -> Object {
    let nullable = SchemaType::from_iter([Type::String, Type::Null]);
    stored(beside_files(MessageText::length(UserKind::Member)))
        .schema_type(nullable)
        .examples(["Hello!"])
        .build()
}

/// Beside files, the text may be empty.
fn beside_files(length: Length) -> Length {
    Length { min: 0, ..length }
}

/// The topic of a room; null for none.
pub(crate) fn topic() -> Object {
    let nullable = SchemaType::from_iter([Type::String, Type::Null]);
    let length = Length { min: 1, max: Topic::LENGTH.max };
    let line = pattern(length, &[CONTROL, &[LINE_SEPARATORS]]);
    // White space alone is no topic.
    let pattern = format!("^{}*$|{line}", class(&[WHITE_SPACE]));
    let description = "Up to 250 characters after trimming, no line breaks, no control characters.";
    ObjectBuilder::new()
        .schema_type(nullable)
        .pattern(Some(pattern))
        .description(Some(description))
        .examples(["Parsers, types and code generation"])
        .build()
}

/// The reason of a ban; null for none.
pub(crate) fn ban_reason() -> Object {
    let nullable = SchemaType::from_iter([Type::String, Type::Null]);
    name(BanReason::LENGTH).schema_type(nullable).build()
}

/// The role that a member is given.
pub(crate) fn role() -> Object {
    string().enum_values(Some(Role::ALL.map(Role::name))).build()
}

/// A notification level.
pub(crate) fn notify() -> Object {
    string().enum_values(Some(Notify::ALL.map(Notify::name))).build()
}

/// The role that an invite gives: at most that of a moderator.
pub(crate) fn invite_role() -> Object {
    string().enum_values(Some([Role::Moderator, Role::Member, Role::Guest].map(Role::name))).build()
}

/// Who sees a room.
pub(crate) fn visibility() -> Object {
    string().enum_values(Some(Visibility::ALL.map(Visibility::name))).build()
}

/// Who may write in a room.
pub(crate) fn posting() -> Object {
    string().enum_values(Some(Posting::ALL.map(Posting::name))).build()
}

/// A UUID of any version. Upper-case digits are accepted, lower-case ones are answered.
pub(crate) fn uuid() -> Object {
    let format = SchemaFormat::KnownFormat(KnownFormat::Uuid);
    string().format(Some(format)).examples(["01980b2f-5c55-7c3a-9c11-2f7a0d5be0a1"]).build()
}

fn counter() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
        .maximum(Some(MAX_SAFE_INTEGER))
        .build()
}

fn timestamp() -> Object {
    string()
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .pattern(Some(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"))
        .examples(["2026-11-22T18:30:00.000Z"])
        .build()
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn stored(length: Length) -> ObjectBuilder {
    string().min_length(Some(length.min)).max_length(Some(length.max))
}

fn name(length: Length) -> ObjectBuilder {
    let description = format!(
        "{} to {} characters after trimming, no line breaks, no control characters.",
        length.min, length.max
    );
    text(length, &[CONTROL, &[LINE_SEPARATORS]]).description(Some(description))
}

/// A name by which users or rooms are told apart.
fn distinct_name(length: Length) -> ObjectBuilder {
    let description = format!(
        "{} to {} characters after trimming, no line breaks, no control characters, no invisible characters.",
        length.min, length.max
    );
    text(length, &[CONTROL, &[LINE_SEPARATORS], INVISIBLE]).description(Some(description))
}

/// A text that is trimmed, has this length then, holds none of the `forbidden` characters, shows something, and does
/// not stack marks. It has no `maxLength`, because white space around it does not count.
fn text(length: Length, forbidden: &[&[RangeInclusive<char>]]) -> ObjectBuilder {
    string().min_length(Some(length.min)).pattern(Some(pattern(length, forbidden)))
}

fn pattern(length: Length, forbidden: &[&[RangeInclusive<char>]]) -> String {
    let blank = class(&[WHITE_SPACE, CONTROL, COMBINING_MARKS, BLANK]);
    let (marks, most_marks) = (class(&[COMBINING_MARKS]), MAX_MARKS_PER_BASE + 1);
    let space = class(&[WHITE_SPACE]);
    let inner = except(forbidden);
    let outer = except(&[forbidden, &[WHITE_SPACE]].concat());
    let body = match length.min {
        0 | 1 => format!("{outer}(?:{inner}{{0,{}}}{outer})?", length.max - 2),
        min => format!("{outer}{inner}{{{},{}}}{outer}", min - 2, length.max - 2),
    };
    format!("^(?!{blank}*$)(?![\\s\\S]*{marks}{{{most_marks}}}){space}*{body}{space}*$")
}

/// One of these characters.
fn class(ranges: &[&[RangeInclusive<char>]]) -> String {
    format!("[{}]", members(ranges))
}

/// Any other character.
fn except(ranges: &[&[RangeInclusive<char>]]) -> String {
    format!("[^{}]", members(ranges))
}

fn members(ranges: &[&[RangeInclusive<char>]]) -> String {
    let ranges = ranges.iter().copied().flatten();
    ranges
        .map(|range| match (range.start(), range.end()) {
            (start, end) if start == end => escape(*start),
            (start, end) => format!("{}-{}", escape(*start), escape(*end)),
        })
        .collect()
}

/// Escapes a character for a class. All engines read `\uXXXX`; for larger code points, only the character itself.
fn escape(character: char) -> String {
    match u32::from(character) {
        code @ ..=0xFFFF => format!("\\u{code:04X}"),
        _ => character.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(ranges: &[RangeInclusive<char>], character: char) -> bool {
        ranges.iter().any(|range| range.contains(&character))
    }

    #[test]
    fn the_tables_hold_what_the_parser_trims_and_refuses() {
        for character in '\0'..=char::MAX {
            assert_eq!(contains(WHITE_SPACE, character), character.is_whitespace(), "{character:?}");
            assert_eq!(contains(CONTROL, character), character.is_control(), "{character:?}");
        }
    }
}
