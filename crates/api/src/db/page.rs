//! Keyset pagination: the rows of a page, and the cursors of the adjacent pages.
//!
//! A cursor contains the key of a row, so it stays valid when the row is deleted.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::page::Cursor;

/// The cursor was not created by this server for this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCursor;

/// The direction of a page from its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Rows with smaller keys, nearest first.
    Before,
    /// Rows with greater keys.
    After,
}

/// Encodes a cursor: a tag that identifies the list, then the key.
pub fn encode(tag: u8, key: &[u8]) -> Cursor {
    let mut bytes = Vec::with_capacity(1 + key.len());
    bytes.push(tag);
    bytes.extend_from_slice(key);
    Cursor(URL_SAFE_NO_PAD.encode(bytes))
}

/// Decodes the key of a cursor with this tag.
///
/// # Errors
/// [`InvalidCursor`] for any text that [`encode`] does not produce with this tag and key length.
pub fn decode<const LENGTH: usize>(tag: u8, cursor: &str) -> Result<[u8; LENGTH], InvalidCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor)?;
    match bytes.split_first() {
        Some((found, key)) if *found == tag => key.try_into().map_err(|_| InvalidCursor),
        _ => Err(InvalidCursor),
    }
}

/// Decodes a number of a key: a `seq`, or a time in microseconds. Numbers that JSON cannot represent are rejected: no
/// generated key contains one, and they could overflow in the database.
///
/// # Errors
/// [`InvalidCursor`] for any other bytes.
pub fn number(bytes: &[u8]) -> Result<i64, InvalidCursor> {
    let number = bytes.try_into().map(i64::from_be_bytes).map_err(|_| InvalidCursor)?;
    if (0..1 << 53).contains(&number) { Ok(number) } else { Err(InvalidCursor) }
}

/// Puts rows, fetched with `limit + 1` in the direction of the page, into list order. Also returns whether there are
/// more rows in that direction.
pub fn trim<T>(mut rows: Vec<T>, limit: usize, direction: Direction) -> (Vec<T>, bool) {
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    if direction == Direction::Before {
        rows.reverse();
    }
    (rows, has_more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoded_cursor_has_the_encoded_key() {
        let cursor = encode(b'm', &[1, 2, 3]);
        assert_eq!(decode::<3>(b'm', &cursor.0), Ok([1, 2, 3]));
    }

    #[test]
    fn a_cursor_of_another_list_or_length_and_other_text_are_refused() {
        let cursor = encode(b'm', &[1, 2, 3]);
        assert_eq!(decode::<3>(b'r', &cursor.0), Err(InvalidCursor));
        assert_eq!(decode::<4>(b'm', &cursor.0), Err(InvalidCursor));
        for garbage in ["", "!", "AAAA", "é", "bQEC AwQ="] {
            assert_eq!(decode::<3>(b'm', garbage), Err(InvalidCursor), "{garbage}");
        }
    }

    #[test]
    fn a_page_that_was_read_backwards_is_in_list_order() {
        assert_eq!(trim(vec![5, 4, 3], 2, Direction::Before), (vec![4, 5], true));
        assert_eq!(trim(vec![5, 6], 2, Direction::After), (vec![5, 6], false));
    }
}
