//! Assertions on the JSON of the wire format, which typed bodies would hide.

use serde_json::Value;

/// The object has exactly these members; `keys` is in alphabetical order.
#[track_caller]
pub fn assert_keys(value: &Value, keys: &[&str]) {
    let mut found: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, keys);
}

/// Lower-case text of a UUID of version 7.
#[track_caller]
pub fn assert_uuid_v7(value: &Value) {
    let text = value.as_str().expect("text");
    let parsed = uuid::Uuid::try_parse(text).expect("a UUID");
    assert_eq!(parsed.hyphenated().to_string(), text);
    assert_eq!(parsed.get_version_num(), 7, "{text}");
}

/// RFC 3339 in UTC with milliseconds: `2026-11-22T10:11:12.345Z`.
#[track_caller]
pub fn assert_timestamp(value: &Value) {
    let text = value.as_str().expect("text");
    let pattern = "0000-00-00T00:00:00.000Z";
    assert_eq!(text.len(), pattern.len(), "{text}");
    let fits = text
        .bytes()
        .zip(pattern.bytes())
        .all(|(byte, expected)| if expected == b'0' { byte.is_ascii_digit() } else { byte == expected });
    assert!(fits, "{text}");
}
