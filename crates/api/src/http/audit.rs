//! The audit logs of rooms.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::audit::{AuditEntry, audit_path};
use shared::ids::RoomId;
use shared::members::Operation;
use shared::page::Page;

use super::endpoint::{Endpoint, Needs};
use super::identity::SignedIn;
use super::query::{AuditCursorSchema, LimitSchema, Query, page_response};
use super::rooms::{RoomPath, input, permitted, read};
use crate::app::App;
use crate::db::room_audit;
use crate::error::AppResult;

const AUDIT_PATH: &str = "/api/v1/rooms/{room_id}/audit";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(Method::GET, AUDIT_PATH, Needs::Room(&[Operation::ViewAudit]), list)]
}

/// List what was done in a room, newest first
#[utoipa::path(get, path = AUDIT_PATH, operation_id = "list_audit", tag = "members",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("limit" = inline(Option<LimitSchema>), Query),
        ("cursor" = inline(Option<AuditCursorSchema>), Query)),
    responses(
        (status = 200, description = "A page of the log", body = Page<AuditEntry>,
            headers(("Link" = String, description = "The page after this one (RFC 8288)"))),
        (status = 403, description = "not_allowed, banned")))]
pub async fn list(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    query: Query,
) -> AppResult<HttpResponse> {
    let by = identity.principal();
    let parsed = query.limit().and_then(|limit| Ok((limit, query.cursor(room_audit::parse_cursor)?)));
    let (limit, before) = input(&app, by, room_id, Operation::ViewAudit, parsed).await?;
    let page = read(&app, move |conn| {
        permitted(conn, room_id, by, Operation::ViewAudit)?;
        Ok(room_audit::list(conn, room_id, before, limit)?)
    });
    Ok(page_response(&page.await?, &audit_path(room_id), limit, ("cursor", "cursor")))
}
