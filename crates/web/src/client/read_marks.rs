//! Requests about how far the user has read, and what notifies them.

use shared::ids::{RoomId, Seq};
use shared::read_marks::{Notify, PutNotify, PutRead, ReadMark, notify_path, read_path};

use crate::client::{self, ClientError};

/// Moves the read mark forward, or, if `exact`, to wherever it is wanted.
pub async fn put(room_id: RoomId, seq: Seq, exact: bool) -> Result<ReadMark, ClientError> {
    client::put(&read_path(room_id), &PutRead { seq, exact }).await
}

/// Says which messages notify the user.
pub async fn put_notify(room_id: RoomId, notify: Notify) -> Result<PutNotify, ClientError> {
    client::put(&notify_path(room_id), &PutNotify { notify }).await
}
