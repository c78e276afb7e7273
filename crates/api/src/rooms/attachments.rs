//! Storing uploaded files, and giving them to messages.

use shared::errors::{ErrorCode, FieldError};
use shared::files::{Attachment, AttachmentClaim};
use shared::ids::UserId;
use shared::members::Operation;
use shared::text::{Invalid, InvalidCode};

use super::error::{Refusal, RoomResult};
use super::{Attempt, Done, Transaction, own_role};
use crate::db::Conn;
use crate::db::attachments::{self, NewAttachment, StoredAttachment};
use crate::files::key;

/// Stores the row of a file whose bytes are stored. In a public room, uploading joins.
///
/// # Errors
/// The refusal: then the bytes are deleted later.
pub fn create(conn: &mut Conn, new: &NewAttachment, attempt: Attempt) -> RoomResult<Done<StoredAttachment>> {
    let (mut transaction, mut me) = Transaction::begin(conn, new.room_id, new.user_id, attempt)?;
    transaction.check(&me, Operation::Upload)?;
    let stored = attachments::create(transaction.conn, new)?;
    let StoredAttachment::Created(_) = stored else {
        // An earlier attempt of this request may have stored it.
        let is_own = |file: &Attachment| file.url == key::path(&new.key);
        return Ok(Done::unchanged(match stored {
            StoredAttachment::Repeated(file) if attempt.is_retry && is_own(&file) => {
                StoredAttachment::Created(file)
            }
            stored => stored,
        }));
    };
    if me.role.is_none() {
        let role = own_role(me.user.kind);
        transaction.join(&mut me, role)?;
    }
    transaction.finish(stored)
}

impl Transaction<'_> {
    /// The files that a new message of a user takes, locked.
    ///
    /// # Errors
    /// `unknown_attachment` at the first one that it cannot have, or that is named twice.
    pub(super) fn claimed(&mut self, by: UserId, claims: &[AttachmentClaim]) -> RoomResult<Vec<Attachment>> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        distinct(claims)?;
        let found = attachments::lock_claimed(self.conn, self.room.id, by, claims)?;
        found.map_err(|place| unknown(place).into())
    }
}

/// The files of a message that stay when it is edited, in its order.
///
/// # Errors
/// `unknown_attachment` at the first that it does not have, or that is named twice.
pub(super) fn kept(has: &[Attachment], claims: &[AttachmentClaim]) -> RoomResult<Vec<Attachment>> {
    distinct(claims)?;
    if let Some(place) = claims.iter().position(|claim| !has.iter().any(|file| file.id == claim.id)) {
        return Err(unknown(place).into());
    }
    let claim = |file: &Attachment| claims.iter().find(|claim| claim.id == file.id);
    let kept = has.iter().filter_map(|file| {
        let alt = claim(file)?.alt.clone().unwrap_or_else(|| file.alt.clone());
        Some(Attachment { alt, ..file.clone() })
    });
    Ok(kept.collect())
}

/// No file is named twice.
fn distinct(claims: &[AttachmentClaim]) -> RoomResult<()> {
    let is_again = |place: &usize| claims[..*place].iter().any(|earlier| earlier.id == claims[*place].id);
    match (0..claims.len()).find(is_again) {
        Some(place) => Err(refused(place, "This file is in the message twice.").into()),
        None => Ok(()),
    }
}

fn unknown(place: usize) -> Refusal {
    refused(place, "This file is unknown, belongs to somebody else or another room, or is taken.")
}

fn refused(place: usize, detail: &str) -> Refusal {
    let invalid = Invalid::new(InvalidCode::UnknownAttachment, detail);
    let errors = vec![FieldError::new(&format!("attachments/{place}"), invalid)];
    Refusal { errors, ..ErrorCode::ValidationFailed.into() }
}
