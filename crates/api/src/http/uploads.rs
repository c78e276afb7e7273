//! Uploading files for messages.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::errors::ErrorCode;
use shared::files::Attachment;
use shared::ids::{AttachmentId, RoomId};
use shared::members::Operation;
use shared::text::InvalidCode;
use uuid::Uuid;

use super::endpoint::{Endpoint, Needs};
use super::file_body::{FileBody, FileBytes};
use super::identity::{Peer, SignedIn};
use super::query::Query;
use super::rooms::{RoomPath, input, permitted, read};
use crate::app::App;
use crate::clock;
use crate::db::attachments::{self, NewAttachment, StoredAttachment};
use crate::db::{Conn, file_deletions};
use crate::error::{AppError, AppResult};
use crate::files::key::{FileKey, Purpose};
use crate::files::{ContentHash, ContentHasher, FileError, StoredFile, name};
use crate::realtime::connection::Identity;
use crate::rooms;

const UPLOADS_PATH: &str = "/api/v1/rooms/{room_id}/uploads";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(Method::POST, UPLOADS_PATH, Needs::Room(&[Operation::Upload]), create)]
}

/// Upload a file for a message
///
/// The body is the file as it is. A message of the same user in this room takes it by its id; what no message takes within a
/// day is deleted. With an `id` chosen by the client, the request can be repeated safely: a repeat answers 200, and 409 with
/// another name or other bytes. Images lose their metadata, such as the location; audio and video keep theirs. In a public room, uploading joins.
#[utoipa::path(post, path = UPLOADS_PATH, operation_id = "create_upload", tag = "files",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("filename" = Option<String>, Query), ("id" = Option<AttachmentId>, Query)),
    request_body(content = inline(FileBytes), content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "The file", body = Attachment),
        (status = 200, description = "A repeat: the file that is stored", body = Attachment),
        (status = 403, description = "banned, muted, members_only"),
        (status = 409, description = "attachment_id_reused"),
        (status = 422, description = "validation_failed"),
        (status = 429, description = "upload_quota"),
        (status = 507, description = "storage_full")))]
pub async fn create(
    SignedIn(identity): SignedIn,
    Peer(client): Peer,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    query: AppResult<Query>,
    mut body: FileBody,
) -> AppResult<HttpResponse> {
    body.follow(&app, &identity);
    let upload = Upload { app: &app, identity: &identity, address: client.address, room_id };
    match upload.receive(query, &mut body).await? {
        StoredAttachment::Created(file) => Ok(HttpResponse::Created().json(file)),
        StoredAttachment::Repeated(file) => Ok(HttpResponse::Ok().json(file)),
        StoredAttachment::IdReused => Err(AppError::new(ErrorCode::AttachmentIdReused)),
        StoredAttachment::Expired => Err(AppError::new(ErrorCode::RequestTimeout)),
    }
}

struct Upload<'a> {
    app: &'a App,
    identity: &'a Identity,
    address: std::net::IpAddr,
    room_id: RoomId,
}

impl Upload<'_> {
    async fn receive(&self, query: AppResult<Query>, body: &mut FileBody) -> AppResult<StoredAttachment> {
        let Self { app, identity, room_id, .. } = *self;
        let principal = identity.principal();
        let parsed = query.and_then(|query| Ok((parse_id(&query)?, query.get("filename").map(name::clean))));
        let (id, filename) = input(app, principal, room_id, Operation::Upload, parsed).await?;
        let user_id = identity.user.id;
        let earlier = read(app, move |conn: &mut Conn| {
            permitted(conn, room_id, principal, Operation::Upload)?;
            Ok(match id {
                Some(id) => attachments::find_earlier(conn, id)?,
                None => None,
            })
        });
        let earlier = earlier.await?;
        let filename = filename.unwrap_or_else(|| name::clean(""));
        if earlier.as_ref().is_some_and(|earlier| !earlier.is_named(room_id, user_id, &filename)) {
            return Ok(StoredAttachment::IdReused);
        }
        body.check(app.files.max_upload_bytes)?;
        let mut reservation = app.files.quota.begin(user_id, identity.user.kind, self.address)?;
        if let Some(earlier) = earlier {
            return Ok(earlier.repeated_with(&self.hash(body).await?));
        }
        reservation.reserve(body.announced().unwrap_or(0))?;
        app.files.store.check_space()?;

        let key = begin(app, Purpose::Attachment).await?;
        let stored = async {
            let max_bytes = app.files.max_upload_bytes;
            let mut receiving = app.files.receive(key.clone(), &filename, max_bytes);
            while let Some(bytes) = body.next().await? {
                receiving.push(&bytes).await?;
                reservation.reserve(receiving.size())?;
            }
            let StoredFile { content_hash, content_type, size, sides, thumbnail_type } =
                receiving.into_attachment().await?;
            let new = NewAttachment {
                id: id.unwrap_or_else(|| AttachmentId(Uuid::now_v7())),
                key: key.as_str().to_owned(),
                room_id,
                user_id,
                filename,
                content_type: content_type.to_owned(),
                size,
                sides,
                thumbnail_type: thumbnail_type.map(str::to_owned),
                content_hash,
                created_at: clock::now(),
            };
            let store = move |conn: &mut Conn, attempt| rooms::attachments::create(conn, &new, attempt);
            Ok::<_, AppError>(app.writer.change(room_id, store).await?)
        };
        let stored = stored.await;
        match &stored {
            Ok(StoredAttachment::Created(_)) => reservation.keep(),
            // The row may be stored: then its key is not among those to delete.
            Err(error) if error.code == ErrorCode::OutcomeUnknown => {}
            _ => {
                let key = key.as_str().to_owned();
                if let Err(error) =
                    app.db.write(move |conn| file_deletions::hasten(conn, &key, clock::now())).await
                {
                    tracing::debug!(%error, "the bytes of a refused upload are deleted within a day");
                }
            }
        }
        stored
    }

    /// Reads a file that is not stored again.
    async fn hash(&self, body: &mut FileBody) -> AppResult<ContentHash> {
        let limit = self.app.files.max_upload_bytes;
        let (mut hasher, mut size) = (ContentHasher::default(), 0);
        while let Some(bytes) = body.next().await? {
            hasher.push(&bytes);
            size += bytes.len() as u64;
            if size > limit {
                return Err(FileError::TooLarge { limit }.into());
            }
        }
        Ok(hasher.finish())
    }
}

/// A key for a file that will be stored. If its row never is, its bytes are deleted.
pub(super) async fn begin(app: &App, purpose: Purpose) -> AppResult<FileKey> {
    let key = FileKey::new(purpose).map_err(|error| {
        tracing::error!(%error, "no randomness for a key");
        AppError::new(ErrorCode::Internal)
    })?;
    let begun = key.as_str().to_owned();
    app.db.write(move |conn| file_deletions::begin(conn, &begun, clock::now())).await?;
    Ok(key)
}

fn parse_id(query: &Query) -> AppResult<Option<AttachmentId>> {
    let parsed = query.get("id").map(str::parse).transpose();
    parsed.map_err(|_| {
        let detail = "id must be a UUID, best of version 7.";
        AppError::invalid_field("id", InvalidCode::InvalidFormat, detail)
    })
}
