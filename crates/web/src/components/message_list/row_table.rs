//! The rows of the list, indexed by their keys.

use std::collections::HashMap;

use shared::ids::MessageId;

use crate::state::rows::{MessageRow, Row, RowKey};

/// The rows, and the place of each key.
#[derive(Clone, Debug, Default)]
pub struct RowTable {
    rows: Vec<Row>,
    places: HashMap<u128, usize>,
}

impl PartialEq for RowTable {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl RowTable {
    /// Indexes the rows.
    pub fn new(rows: Vec<Row>) -> Self {
        let places = rows.iter().enumerate().map(|(place, row)| (row.key().number(), place)).collect();
        Self { rows, places }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The keys of the rows, in order.
    pub fn keys(&self) -> Vec<u128> {
        self.rows.iter().map(|row| row.key().number()).collect()
    }

    /// The keys of the first and the last row.
    pub fn ends(&self) -> Option<(u128, u128)> {
        Some((self.rows.first()?.key().number(), self.rows.last()?.key().number()))
    }

    /// The row with this key.
    pub fn get(&self, key: u128) -> Option<&Row> {
        self.places.get(&key).and_then(|place| self.rows.get(*place))
    }

    /// The row of this message.
    pub fn message(&self, id: MessageId) -> Option<&MessageRow> {
        match self.get(RowKey::Message(id).number()) {
            Some(Row::Message(row)) => Some(row),
            _ => None,
        }
    }
}
