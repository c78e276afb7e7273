//! Files of messages.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use shared::files::{Attachment, AttachmentClaim};
use shared::ids::{AttachmentId, MessageId, RoomId, UserId};
use uuid::Uuid;

use super::schema::attachments;
use super::{DbResult, file_deletions};
use crate::files::{ContentHash, key};

/// A row of `attachments`.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = attachments)]
pub struct AttachmentRow {
    id: Uuid,
    key: String,
    room_id: Uuid,
    user_id: Uuid,
    message_id: Option<Uuid>,
    filename: String,
    content_type: String,
    size: i64,
    width: Option<i32>,
    height: Option<i32>,
    thumbnail_type: Option<String>,
    created_at: DateTime<Utc>,
    content_hash: Option<Vec<u8>>,
}

impl From<AttachmentRow> for Attachment {
    fn from(row: AttachmentRow) -> Self {
        Self {
            id: AttachmentId(row.id),
            filename: row.filename,
            content_type: row.content_type,
            size: row.size.unsigned_abs(),
            width: row.width.map(i32::unsigned_abs),
            height: row.height.map(i32::unsigned_abs),
            url: key::path(&row.key),
            thumbnail_url: row.thumbnail_type.is_some().then(|| key::thumbnail_path(&row.key)),
            alt: None,
        }
    }
}

/// A file whose bytes are stored.
#[derive(Clone, Debug)]
pub struct NewAttachment {
    /// The id, chosen by the client or the server.
    pub id: AttachmentId,
    /// The key of its bytes.
    pub key: String,
    /// The room whose message may take it.
    pub room_id: RoomId,
    /// Who uploaded it.
    pub user_id: UserId,
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// The sides of an image.
    pub sides: Option<(u32, u32)>,
    /// The media type of the thumbnail.
    pub thumbnail_type: Option<String>,
    /// Of the bytes as they were sent.
    pub content_hash: ContentHash,
    /// The server's time, in whole milliseconds.
    pub created_at: DateTime<Utc>,
}

impl From<&NewAttachment> for AttachmentRow {
    fn from(new: &NewAttachment) -> Self {
        let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
        Self {
            id: new.id.0,
            key: new.key.clone(),
            room_id: new.room_id.0,
            user_id: new.user_id.0,
            message_id: None,
            filename: new.filename.clone(),
            content_type: new.content_type.clone(),
            size: i64::try_from(new.size).unwrap_or(i64::MAX),
            width: new.sides.map(|(width, _)| side(width)),
            height: new.sides.map(|(_, height)| side(height)),
            thumbnail_type: new.thumbnail_type.clone(),
            created_at: new.created_at,
            content_hash: Some(new.content_hash.to_vec()),
        }
    }
}

/// The outcome of storing a file.
#[derive(Clone, Debug)]
pub enum StoredAttachment {
    /// It was stored.
    Created(Attachment),
    /// The same user uploaded the same file under this id for the room before: the one that is stored.
    Repeated(Attachment),
    /// Another file has the id.
    IdReused,
    /// Its bytes took so long that they are deleted.
    Expired,
}

/// Stores a file, unless its id is in use. The bytes of one that is not stored are deleted.
pub fn create(conn: &mut PgConnection, new: &NewAttachment) -> DbResult<StoredAttachment> {
    let row = AttachmentRow::from(new);
    let inserted = diesel::insert_into(attachments::table)
        .values(&row)
        .on_conflict(attachments::id)
        .do_nothing()
        .execute(conn)?;
    if inserted == 0 {
        let found = find_earlier(conn, new.id)?
            .filter(|earlier| earlier.is_named(new.room_id, new.user_id, &new.filename))
            .map(|earlier| earlier.repeated_with(&new.content_hash));
        // A repeat of this very transaction keeps its bytes.
        if !is_stored(conn, &new.key)? {
            file_deletions::create(conn, &[&new.key], new.created_at)?;
        }
        return Ok(found.unwrap_or(StoredAttachment::IdReused));
    }
    if !file_deletions::keep(conn, &new.key)? {
        diesel::delete(attachments::table.find(new.id.0)).execute(conn)?;
        return Ok(StoredAttachment::Expired);
    }
    Ok(StoredAttachment::Created(row.into()))
}

fn is_stored(conn: &mut PgConnection, key: &str) -> DbResult<bool> {
    let stored = attachments::table.filter(attachments::key.eq(key));
    Ok(diesel::select(diesel::dsl::exists(stored)).get_result(conn)?)
}

/// A file that an upload of the same id has stored before.
#[derive(Clone, Debug)]
pub struct EarlierUpload(AttachmentRow);

impl EarlierUpload {
    /// Whether the same user has uploaded it under this name for the room.
    pub fn is_named(&self, room_id: RoomId, user_id: UserId, filename: &str) -> bool {
        let Self(row) = self;
        row.room_id == room_id.0 && row.user_id == user_id.0 && row.filename == filename
    }

    /// What another upload comes to whose bytes have this hash. Files of earlier releases have none to compare with.
    pub fn repeated_with(self, content_hash: &ContentHash) -> StoredAttachment {
        let Self(row) = self;
        match &row.content_hash {
            Some(hash) if hash != content_hash => StoredAttachment::IdReused,
            _ => StoredAttachment::Repeated(row.into()),
        }
    }
}

/// The earlier upload with this id.
pub fn find_earlier(conn: &mut PgConnection, id: AttachmentId) -> DbResult<Option<EarlierUpload>> {
    let row = attachments::table.find(id.0).select(AttachmentRow::as_select()).first(conn).optional()?;
    Ok(row.map(EarlierUpload))
}

/// A file and who may load it.
#[derive(Clone, Debug)]
pub struct FoundAttachment {
    /// The file.
    pub attachment: Attachment,
    /// The room.
    pub room_id: RoomId,
    /// Who uploaded it.
    pub user_id: UserId,
    /// Whether a message has it. Until then only its uploader may load it.
    pub is_claimed: bool,
    /// The media type of the thumbnail.
    pub thumbnail_type: Option<String>,
}

/// The file of a key.
///
/// # Errors
/// [`super::DbError::NotFound`] if there is none. Files of deleted messages are gone with them.
pub fn find(conn: &mut PgConnection, key: &str) -> DbResult<FoundAttachment> {
    let row: AttachmentRow =
        attachments::table.filter(attachments::key.eq(key)).select(AttachmentRow::as_select()).first(conn)?;
    Ok(FoundAttachment {
        room_id: RoomId(row.room_id),
        user_id: UserId(row.user_id),
        is_claimed: row.message_id.is_some(),
        thumbnail_type: row.thumbnail_type.clone(),
        attachment: row.into(),
    })
}

/// The files that a message of a user in a room would take, in the order of the claims; the place of the first claim that
/// is not possible otherwise: unknown, of another user or room, or taken. They are locked until the transaction ends.
pub fn lock_claimed(
    conn: &mut PgConnection,
    room_id: RoomId,
    user_id: UserId,
    claims: &[AttachmentClaim],
) -> DbResult<Result<Vec<Attachment>, usize>> {
    let ids: Vec<Uuid> = claims.iter().map(|claim| claim.id.0).collect();
    let rows: Vec<AttachmentRow> = attachments::table
        .filter(attachments::id.eq_any(&ids))
        .filter(attachments::room_id.eq(room_id.0))
        .filter(attachments::user_id.eq(user_id.0))
        .filter(attachments::message_id.is_null())
        .order(attachments::id)
        .select(AttachmentRow::as_select())
        .for_update()
        .load(conn)?;
    let mut taken = Vec::with_capacity(claims.len());
    for (place, claim) in claims.iter().enumerate() {
        let Some(row) = rows.iter().find(|row| row.id == claim.id.0) else {
            return Ok(Err(place));
        };
        taken.push(Attachment { alt: claim.alt.clone().flatten(), ..row.clone().into() });
    }
    Ok(Ok(taken))
}

/// Gives files to a message that is stored in the same transaction.
pub fn claim(conn: &mut PgConnection, message_id: MessageId, files: &[Attachment]) -> DbResult<()> {
    let ids: Vec<Uuid> = files.iter().map(|file| file.id.0).collect();
    diesel::update(attachments::table.filter(attachments::id.eq_any(ids)))
        .set(attachments::message_id.eq(message_id.0))
        .execute(conn)?;
    Ok(())
}

/// Deletes files that a message no longer has.
pub fn delete(conn: &mut PgConnection, files: &[AttachmentId], now: DateTime<Utc>) -> DbResult<()> {
    let ids: Vec<Uuid> = files.iter().map(|id| id.0).collect();
    let keys = diesel::delete(attachments::table.filter(attachments::id.eq_any(ids)))
        .returning(attachments::key)
        .get_results(conn)?;
    delete_bytes(conn, &keys, now)
}

/// Deletes the files of messages.
pub fn delete_of_messages(conn: &mut PgConnection, messages: &[Uuid], now: DateTime<Utc>) -> DbResult<()> {
    let keys = diesel::delete(attachments::table.filter(attachments::message_id.eq_any(messages)))
        .returning(attachments::key)
        .get_results(conn)?;
    delete_bytes(conn, &keys, now)
}

/// Deletes up to `limit` files of a room. Returns whether there were any.
pub fn delete_of_room(
    conn: &mut PgConnection,
    room_id: RoomId,
    limit: i64,
    now: DateTime<Utc>,
) -> DbResult<bool> {
    let ids: Vec<Uuid> = attachments::table
        .filter(attachments::room_id.eq(room_id.0))
        .limit(limit)
        .select(attachments::id)
        .load(conn)?;
    let ids: Vec<AttachmentId> = ids.into_iter().map(AttachmentId).collect();
    delete(conn, &ids, now)?;
    Ok(!ids.is_empty())
}

/// Whether there is a file that no message took and that is older than `before`.
pub fn has_unclaimed(conn: &mut PgConnection, before: DateTime<Utc>) -> DbResult<bool> {
    let unclaimed = attachments::table
        .filter(attachments::message_id.is_null())
        .filter(attachments::created_at.lt(before));
    Ok(diesel::select(diesel::dsl::exists(unclaimed)).get_result(conn)?)
}

/// Deletes up to `limit` files that no message took and that are older than `before`.
pub fn delete_unclaimed(
    conn: &mut PgConnection,
    before: DateTime<Utc>,
    limit: i64,
    now: DateTime<Utc>,
) -> DbResult<()> {
    let ids: Vec<Uuid> = attachments::table
        .filter(attachments::message_id.is_null())
        .filter(attachments::created_at.lt(before))
        .order(attachments::created_at)
        .limit(limit)
        .select(attachments::id)
        .for_update()
        .skip_locked()
        .load(conn)?;
    let ids: Vec<AttachmentId> = ids.into_iter().map(AttachmentId).collect();
    delete(conn, &ids, now)
}

/// Deletes the files of a user that no message took.
pub fn delete_unclaimed_of(conn: &mut PgConnection, user_id: UserId, now: DateTime<Utc>) -> DbResult<()> {
    let unclaimed = attachments::table
        .filter(attachments::user_id.eq(user_id.0))
        .filter(attachments::message_id.is_null());
    let keys = diesel::delete(unclaimed).returning(attachments::key).get_results(conn)?;
    delete_bytes(conn, &keys, now)
}

fn delete_bytes(conn: &mut PgConnection, keys: &[String], now: DateTime<Utc>) -> DbResult<()> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    file_deletions::create(conn, &keys, now)
}

/// The files of a message as they are stored beside it; `None` for none.
pub(super) fn to_json(files: &[Attachment]) -> Option<String> {
    // It contains nothing that JSON cannot express.
    if files.is_empty() { None } else { serde_json::to_string(files).ok() }
}

/// The files that are stored beside a message.
pub(super) fn from_json(json: &str) -> Vec<Attachment> {
    serde_json::from_str(json).unwrap_or_else(|error| {
        tracing::error!(%error, "the files of a message cannot be read");
        Vec::new()
    })
}
