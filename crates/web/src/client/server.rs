//! Requests about the server itself.

use shared::server::SERVER_PATH;

use crate::client::{self, ClientError};
use crate::state::access::Access;

/// Who may come.
pub async fn access() -> Result<Access, ClientError> {
    client::get(SERVER_PATH).await
}
