//! Requests about the server.

use shared::server::SERVER_PATH;

use crate::client::{self, ClientError};
use crate::wire::FileLimits;

/// How large files may be.
pub async fn get_file_limits() -> Result<FileLimits, ClientError> {
    client::get(SERVER_PATH).await
}
