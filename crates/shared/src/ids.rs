//! Identifiers and counters. Each has a type of its own, so that they cannot be confused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not a UUID")
    }
}

impl std::error::Error for InvalidId {}

const HYPHENATED_LENGTH: usize = 36;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Accepts the hyphenated form only, so that each id has a single spelling.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                if text.len() != HYPHENATED_LENGTH {
                    return Err(InvalidId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    };
}

uuid_id!(
    /// A person or bot. UUIDv7, lower-case text on the wire.
    UserId
);
uuid_id!(
    /// A room. UUIDv7, lower-case text on the wire.
    RoomId
);
uuid_id!(
    /// A message. UUIDv7. The client may choose it, which makes retries idempotent.
    MessageId
);
uuid_id!(
    /// A session. It is no secret: the token is.
    SessionId
);
uuid_id!(
    /// A personal API token. It is no secret.
    TokenId
);
uuid_id!(
    /// An invite. It is no secret: the link is.
    InviteId
);
uuid_id!(
    /// A file of a message. UUIDv7. The client may choose it, which makes retries idempotent.
    AttachmentId
);
uuid_id!(
    /// An entry of an audit log.
    AuditId
);
uuid_id!(
    /// A stream. Random: who knows the id of an anonymous stream may read it.
    StreamId
);
uuid_id!(
    /// The history that a database has: it is made with the database, and changes when a backup is restored.
    Epoch
);

impl MessageId {
    /// A UUIDv7 (RFC 9562, section 5.7) of `unix_millis` and ten random bytes.
    ///
    /// The caller provides the clock and the randomness, because browser and server have different sources.
    pub fn from_unix_millis(unix_millis: u64, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(unix_millis, &random).into_uuid())
    }
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// The value before the first one of a room.
            pub const ZERO: Self = Self(0);

            /// The next value.
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }
    };
}

counter!(
    /// The position of a message in its room: 1, 2, 3 … without gaps. Messages are ordered, paged and counted as unread
    /// by it.
    Seq
);
counter!(
    /// The number of a change in a room, of any kind. It grows by exactly 1 from event to event, and clients resume by
    /// it.
    Rev
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_a_lower_case_version_7_uuid() {
        let id = MessageId::from_unix_millis(1_700_000_000_000, [0xAB; 10]);
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(id.to_string(), id.to_string().to_lowercase());
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn text_that_is_not_a_uuid_is_refused() {
        assert_eq!("lobby".parse::<RoomId>(), Err(InvalidId));
    }
}
