//! The fingerprint of what was first sent under an id that the client chose.

use sha2::{Digest, Sha256};

/// Tells a repeat from a reuse of the id even after the text was changed or deleted. Among the texts of one person
/// under one id, 64 bits are plenty.
pub(super) fn sent_hash(text: &str) -> i64 {
    let digest = Sha256::digest(text);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}
