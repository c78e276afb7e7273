//! The trait that reads a type from JSON, and the macros that generate its implementations.

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use super::tree::Value;

/// The JSON does not have the form that the protocol promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A type that can be read from JSON.
pub trait Read: Sized {
    /// Reads a value that is there.
    fn read(value: &Value) -> Result<Self, Malformed>;

    /// What an absent field, or one that is null, stands for.
    fn absent() -> Result<Self, Malformed> {
        Err(Malformed)
    }
}

/// Reads a field of an object.
pub fn field<T: Read>(object: &Value, name: &str) -> Result<T, Malformed> {
    let value = object.get(name).ok_or(Malformed)?;
    if value.is_absent() { T::absent() } else { T::read(&value) }
}

impl<T: Read> Read for Option<T> {
    fn read(value: &Value) -> Result<Self, Malformed> {
        T::read(value).map(Some)
    }

    fn absent() -> Result<Self, Malformed> {
        Ok(None)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: &Value) -> Result<Self, Malformed> {
        value.items().ok_or(Malformed)?.iter().map(T::read).collect()
    }
}

impl Read for String {
    fn read(value: &Value) -> Result<Self, Malformed> {
        value.text().ok_or(Malformed)
    }
}

impl Read for bool {
    fn read(value: &Value) -> Result<Self, Malformed> {
        value.truth().ok_or(Malformed)
    }
}

impl Read for i64 {
    fn read(value: &Value) -> Result<Self, Malformed> {
        value.number().ok_or(Malformed)
    }
}

/// Reads a type that has a fixed set of names, or a time, with its own serde implementation.
pub fn from_text<T: DeserializeOwned>(value: &Value) -> Result<T, Malformed> {
    let text = value.text().ok_or(Malformed)?;
    let text: StrDeserializer<Error> = text.as_str().into_deserializer();
    T::deserialize(text).map_err(|_| Malformed)
}

/// Reads structs: the fields of each type, by their names on the wire. `field: "name"` gives a name that is not an
/// identifier, `field = value` what an absent field stands for.
macro_rules! read_structs {
    ($($type:ident { $($field:ident $(: $name:literal)? $(= $absent:expr)?),* $(,)? })*) => {
        $(impl Read for $type {
            fn read(value: &Value) -> Result<Self, Malformed> {
                Ok(Self { $($field: read_structs!(@field value $field $(: $name)? $(= $absent)?)),* })
            }
        })*
    };
    (@field $value:ident $field:ident) => { field($value, stringify!($field))? };
    (@field $value:ident $field:ident : $name:literal) => { field($value, $name)? };
    (@field $value:ident $field:ident = $absent:expr) => {
        field::<Option<_>>($value, stringify!($field))?.unwrap_or($absent)
    };
}

/// Reads an enum whose variant is named by a field. Every other name is its variant `Unknown`. `..field` is read from the
/// whole object.
macro_rules! read_tagged {
    ($type:ident by $by:literal {
        $($tag:literal => $variant:ident $({ $($field:ident),* $(,)? $(..$whole:ident)? })? $(($inner:ident))?,)*
    }) => {
        impl Read for $type {
            fn read(value: &Value) -> Result<Self, Malformed> {
                Ok(match field::<String>(value, $by)?.as_str() {
                    $($tag => Self::$variant
                        $({ $($field: field(value, stringify!($field))?,)* $($whole: Read::read(value)?,)? })?
                        $(($inner::read(value)?))?,)*
                    _ => Self::Unknown,
                })
            }
        }
    };
}

/// Reads types from another type that is read already: `Seq: i64 => Seq` wraps, `|text| ..` may refuse.
macro_rules! read_as {
    ($($type:ty: $raw:ty => $convert:expr;)*) => {
        $(impl Read for $type {
            fn read(value: &Value) -> Result<Self, Malformed> {
                let convert: fn($raw) -> Option<Self> = $convert;
                convert(<$raw>::read(value)?).ok_or(Malformed)
            }
        })*
    };
}

/// Reads types by their serde implementation, from a string.
macro_rules! read_named {
    ($($type:ty),* $(,)?) => {
        $(impl Read for $type {
            fn read(value: &Value) -> Result<Self, Malformed> {
                from_text(value)
            }
        })*
    };
}

pub(super) use {read_as, read_named, read_structs, read_tagged};
