//! Strict parsing of JSON from clients, by HTTP and on the socket.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess};
use serde_json::{Map, Value};
use thiserror::Error;

/// The maximal nesting depth.
const MAX_DEPTH: usize = 32;

/// Why a text is rejected.
#[derive(Debug, Error)]
pub enum JsonError {
    /// It is not JSON, or an object has a duplicate key.
    #[error("is not valid JSON: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It nests too deeply.
    #[error("nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// It is JSON, but not an object.
    #[error("must be a JSON object")]
    NotAnObject,
}

/// Parses one JSON object.
///
/// # Errors
/// [`JsonError`] for any other input.
pub fn parse(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    match parse_value(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Parses any JSON value.
///
/// # Errors
/// [`JsonError`] if it is none, or nests too deeply.
pub fn parse_value(bytes: &[u8]) -> Result<Value, JsonError> {
    if nests_deeper_than(bytes, MAX_DEPTH) {
        return Err(JsonError::TooDeep);
    }
    let Strict(value) = serde_json::from_slice(bytes)?;
    Ok(value)
}

/// Counts brackets outside strings. It does not check that the text is JSON; the parser does.
fn nests_deeper_than(bytes: &[u8], max_depth: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > max_depth {
                    return true;
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// A JSON value without duplicate keys: of two equal keys, different parsers take different ones.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Strict;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
                let mut array = Vec::new();
                while let Some(Strict(item)) = items.next_element()? {
                    array.push(item);
                }
                Ok(Strict(Value::Array(array)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Strict, A::Error> {
                let mut object = Map::new();
                while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
                    if object.contains_key(&key) {
                        return Err(de::Error::custom(format_args!("the key {key:?} appears twice")));
                    }
                    object.insert(key, value);
                }
                Ok(Strict(Value::Object(object)))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_appears_twice_is_refused_at_every_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"{"a":[{"b":1,"b":1}]}"#] {
            assert!(matches!(parse(text.as_bytes()), Err(JsonError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn only_one_json_object_is_accepted() {
        for text in ["", "{", "{]", "nonsense", "{\"a\":NaN}", "{} {}"] {
            assert!(matches!(parse(text.as_bytes()), Err(JsonError::Malformed(_))), "{text}");
        }
        for text in ["[]", "1", "null", "\"text\""] {
            assert!(matches!(parse(text.as_bytes()), Err(JsonError::NotAnObject)), "{text}");
        }
    }

    #[test]
    fn nesting_is_counted_outside_strings() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(parse(nested(32).as_bytes()).is_ok());
        assert!(matches!(parse(nested(33).as_bytes()), Err(JsonError::TooDeep)));
        assert!(parse(br#"{"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[["}"#).is_ok());
    }
}
