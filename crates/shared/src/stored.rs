//! Values that the server stores as the JSON that it sends.

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A part of a message that is encoded once, when it is stored. Clients decode it to a value; the server sends the stored
/// JSON as it is.
#[derive(Clone, Debug)]
pub enum Stored<T> {
    /// The value.
    Value(T),
    /// The value as JSON.
    Json(Arc<RawValue>),
}

impl<T> Stored<T> {
    /// JSON from the database. `None` if it is none, which is a bug.
    pub fn from_json(json: String) -> Option<Self> {
        RawValue::from_string(json).ok().map(|json| Self::Json(json.into()))
    }

    /// The value, where it was decoded.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Json(_) => None,
        }
    }

    /// The JSON, where it was not decoded.
    pub fn json(&self) -> Option<&str> {
        match self {
            Self::Value(_) => None,
            Self::Json(json) => Some(json.get()),
        }
    }
}

impl<T: Clone + DeserializeOwned> Stored<T> {
    /// The value, decoded if it is JSON. `None` if the JSON is of another type, which is a bug.
    pub fn decode(&self) -> Option<Cow<'_, T>> {
        match self {
            Self::Value(value) => Some(Cow::Borrowed(value)),
            Self::Json(json) => serde_json::from_str(json.get()).ok().map(Cow::Owned),
        }
    }
}

impl<T: PartialEq> PartialEq for Stored<T> {
    /// A value and JSON are never equal, because neither side has both.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(one), Self::Value(other)) => one == other,
            (Self::Json(one), Self::Json(other)) => one.get() == other.get(),
            _ => false,
        }
    }
}

impl<T: Eq> Eq for Stored<T> {}

impl<T: Serialize> Serialize for Stored<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Json(json) => json.as_ref().serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Stored<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::Value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_json_is_sent_as_it_is() {
        let stored: Stored<Vec<u32>> = Stored::from_json("[1, 2]".to_owned()).unwrap();
        let json = serde_json::to_string(&stored).unwrap();
        assert_eq!(json, "[1, 2]");
        assert_eq!(stored.decode().as_deref(), Some(&vec![1, 2]));
        assert_eq!(serde_json::from_str::<Stored<Vec<u32>>>(&json).unwrap(), Stored::Value(vec![1, 2]));
        assert!(Stored::<Vec<u32>>::from_json("[1".to_owned()).is_none());
    }
}
