//! What the reader is told about the connection.
//!
//! Pure.

/// What to tell the reader about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Banner {
    /// There is no network.
    Offline,
    /// An attempt is being made.
    Trying {
        /// Whether the server is at fault, and not the network.
        server_fault: bool,
    },
    /// The next attempt comes in this many seconds.
    Waiting {
        /// Seconds, at least 1.
        seconds: i64,
        /// Whether the server is at fault, and not the network.
        server_fault: bool,
    },
    /// The server does not understand this page, which is probably older. There are no more attempts.
    Stopped,
    /// The server is newer than this page. Everything goes on, but the page should be reloaded.
    Outdated,
}
