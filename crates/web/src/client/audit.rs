//! Requests about the audit log of a room.

use shared::audit::{AuditEntry, audit_path};
use shared::ids::RoomId;
use shared::page::{Cursor, Page};

use crate::client::{self, ClientError};

/// A page of the log, newest first.
pub async fn list(room_id: RoomId, cursor: Option<&Cursor>) -> Result<Page<AuditEntry>, ClientError> {
    client::get(&client::page_path(&audit_path(room_id), cursor)).await
}
