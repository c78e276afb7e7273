//! How tokens and other secrets are stored.

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];
