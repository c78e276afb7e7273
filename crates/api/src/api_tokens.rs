//! The text of personal API tokens: `parlance_pat_` and 40 characters, of which the last six are a checksum.
//!
//! So a text that is no token is refused without a query, and scanners for leaked secrets can be sure.

use crate::db::{DbError, DbResult};

/// The prefix of every API token.
const PREFIX: &str = "parlance_pat_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many random characters a token has: 202 bits.
const RANDOM_LENGTH: usize = 34;
const CHECKSUM_LENGTH: usize = 6;

/// Makes a token.
///
/// # Errors
/// If the operating system has no randomness.
pub fn generate() -> DbResult<String> {
    let mut token = PREFIX.to_owned();
    while token.len() < PREFIX.len() + RANDOM_LENGTH {
        let mut bytes = [0; RANDOM_LENGTH];
        getrandom::fill(&mut bytes)
            .map_err(|error| DbError::Unavailable(format!("the system has no randomness: {error}")))?;
        // Bytes from 248 on are left out, so that every character is as likely as the others.
        let usable = bytes.iter().filter(|byte| **byte < 248);
        token.extend(usable.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])));
        token.truncate(PREFIX.len() + RANDOM_LENGTH);
    }
    let checksum = checksum(&token);
    Ok(token + &checksum)
}

/// Whether a text is that of an API token, rather than of a session.
pub fn is_api_token(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Whether the checksum of an API token is right.
pub fn is_whole(token: &str) -> bool {
    let is_long_enough = token.len() == PREFIX.len() + RANDOM_LENGTH + CHECKSUM_LENGTH && token.is_ascii();
    is_long_enough && {
        let (text, found) = token.split_at(PREFIX.len() + RANDOM_LENGTH);
        checksum(text) == found
    }
}

/// CRC32 in base 62, most significant digit first, padded with `0`.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_a_prefix_and_a_checksum() {
        let token = generate().unwrap();
        assert_eq!(token.len(), PREFIX.len() + 40);
        assert!(is_api_token(&token) && is_whole(&token));
        assert!(token[PREFIX.len()..].bytes().all(|byte| ALPHABET.contains(&byte)));
        let mut damaged = token.clone().into_bytes();
        damaged[20] = if damaged[20] == b'x' { b'y' } else { b'x' };
        assert!(!is_whole(&String::from_utf8(damaged).unwrap()));
        assert!(!is_whole("parlance_pat_") && !is_whole(&token[..52]));
        assert_ne!(generate().unwrap(), token);
    }

    #[test]
    fn the_checksum_is_crc32_in_base_62() {
        // CRC32 of "123456789" is 0xCBF43926 (its check value): 3421780262 = 3·62⁵ + 45·62⁴ + …
        assert_eq!(checksum("123456789"), {
            let mut rest = 0xCBF4_3926_u32;
            let mut digits = String::new();
            while rest > 0 {
                digits.insert(0, char::from(ALPHABET[(rest % 62) as usize]));
                rest /= 62;
            }
            digits
        });
        assert_eq!(checksum("").len(), 6);
        assert_eq!(checksum(""), "000000");
    }
}
