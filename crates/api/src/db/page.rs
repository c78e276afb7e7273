//! Keyset paging: which rows a page has, and the cursors that lead on from it.
//!
//! A cursor holds the key of a row, not the row: it stays valid when the row is gone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::page::Cursor;

/// The cursor was not made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCursor;

/// Which way from the key a page lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Rows with smaller keys, the nearest first.
    Before,
    /// Rows with greater keys.
    After,
}

/// What a cursor is made of: a tag for the list and bytes for the key.
pub fn encode(tag: u8, key: &[u8]) -> Cursor {
    let mut bytes = Vec::with_capacity(1 + key.len());
    bytes.push(tag);
    bytes.extend_from_slice(key);
    Cursor(URL_SAFE_NO_PAD.encode(bytes))
}

/// The key of a cursor with this tag.
///
/// # Errors
/// [`InvalidCursor`] for anything that [`encode`] did not make with this tag and this size of key.
pub fn decode<const LENGTH: usize>(tag: u8, cursor: &str) -> Result<[u8; LENGTH], InvalidCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor)?;
    match bytes.split_first() {
        Some((found, key)) if *found == tag => key.try_into().map_err(|_| InvalidCursor),
        _ => Err(InvalidCursor),
    }
}

/// The number that a key begins with: a `seq`, or a time in microseconds. Larger ones than JSON can hold are no key of
/// ours, and the database could not compute with all of them.
///
/// # Errors
/// [`InvalidCursor`] for any other bytes.
pub fn number(bytes: &[u8]) -> Result<i64, InvalidCursor> {
    let number = bytes.try_into().map(i64::from_be_bytes).map_err(|_| InvalidCursor)?;
    if (0..1 << 53).contains(&number) { Ok(number) } else { Err(InvalidCursor) }
}

/// Rows fetched as `limit + 1` in the page's own direction, put in list order; and whether there are more that way.
pub fn trim<T>(mut rows: Vec<T>, limit: usize, direction: Direction) -> (Vec<T>, bool) {
    let more = rows.len() > limit;
    rows.truncate(limit);
    if direction == Direction::Before {
        rows.reverse();
    }
    (rows, more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_its_key_back() {
        let cursor = encode(b'm', &[1, 2, 3]);
        assert_eq!(decode::<3>(b'm', &cursor.0), Ok([1, 2, 3]));
    }

    #[test]
    fn a_cursor_of_another_list_or_size_or_of_garbage_is_refused() {
        let cursor = encode(b'm', &[1, 2, 3]);
        assert_eq!(decode::<3>(b'r', &cursor.0), Err(InvalidCursor));
        assert_eq!(decode::<4>(b'm', &cursor.0), Err(InvalidCursor));
        for garbage in ["", "!", "AAAA", "é", "bQEC AwQ="] {
            assert_eq!(decode::<3>(b'm', garbage), Err(InvalidCursor), "{garbage}");
        }
    }

    #[test]
    fn a_page_read_backwards_is_shown_forwards() {
        assert_eq!(trim(vec![5, 4, 3], 2, Direction::Before), (vec![4, 5], true));
        assert_eq!(trim(vec![5, 6], 2, Direction::After), (vec![5, 6], false));
    }
}
