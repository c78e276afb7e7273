//! The request for the table of emoji, which the browser keeps.

use std::cell::RefCell;
use std::sync::Arc;

use gloo_net::http::Method;

use crate::client::{self, ClientError};
use crate::state::emoji::EmojiTable;

/// The file beside the client's own.
const PATH: &str = "/emoji.txt";

thread_local! {
    static TABLE: RefCell<Option<Arc<EmojiTable>>> = const { RefCell::new(None) };
}

/// The table, which is loaded once.
pub async fn get() -> Result<Arc<EmojiTable>, ClientError> {
    if let Some(table) = TABLE.with_borrow(Clone::clone) {
        return Ok(table);
    }
    let table = Arc::new(EmojiTable::parse(&client::send(Method::GET, PATH, None).await?));
    TABLE.set(Some(table.clone()));
    Ok(table)
}
