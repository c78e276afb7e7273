//! The hash of the text that was first sent with an id of the client.

use sha2::{Digest, Sha256};

/// Distinguishes a repeated request from a reused id, even after the text was changed or deleted. 64 bits are enough to
/// compare texts of one user with one id.
pub(super) fn sent_hash(text: &str) -> i64 {
    let digest = Sha256::digest(text);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}
