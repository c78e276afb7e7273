//! The formatting of messages: previews, and the names that texts mention.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use shared::formatting::MAX_MENTIONS;
use shared::ids::{RoomId, UserId};
use shared::members::Operation;
use shared::messages::{MessagePreview, MessageText, PreviewMessage};
use shared::stored::Stored;
use shared::text::{Invalid, InvalidCode};

use super::body::{Fields, JsonBody};
use super::endpoint::{Endpoint, Needs};
use super::identity::SignedIn;
use super::rooms::{RoomPath, input, permitted, read};
use crate::app::App;
use crate::db;
use crate::db::members::Membership;
use crate::error::AppResult;
use crate::formatting::mentions::{Candidates, Names};
use crate::formatting::{self, Formatted};
use crate::policy::{self, Principal};

const PREVIEW_PATH: &str = "/api/v1/rooms/{room_id}/messages/preview";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(Method::POST, PREVIEW_PATH, Needs::Room(&[Operation::Send]), preview)]
}

/// Preview a message
///
/// Parses a text as if it were sent, and stores nothing.
#[utoipa::path(post, path = PREVIEW_PATH, operation_id = "preview_message", tag = "messages",
    security(("token" = []), ("cookie" = [])), params(("room_id" = RoomId, Path)), request_body = PreviewMessage,
    responses(
        (status = 200, description = "The formatted text", body = MessagePreview),
        (status = 403, description = "banned, muted, members_only")))]
pub async fn preview(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    body: AppResult<JsonBody>,
) -> AppResult<HttpResponse> {
    let by = identity.principal();
    let preview = body.and_then(|body| {
        body.read(|fields| {
            let text = fields.required("text", |text| MessageText::parse(text, identity.user.kind));
            let mentions = read_mentions(fields);
            Some(PreviewMessage { text: text?, mentions })
        })
    });
    let PreviewMessage { text, mentions } = input(&app, by, room_id, Operation::Send, preview).await?;
    app.limits.preview(identity.user.id)?;
    read(&app, move |conn| permitted(conn, room_id, by, Operation::Send).map(|_| ())).await?;
    let format = format(&app, room_id, by, text.as_str(), mentions).await?;
    Ok(HttpResponse::Ok().json(MessagePreview { body: format.body.and_then(Stored::from_json) }))
}

/// Parses the text of a message. Names in it are looked up in the room.
pub(super) async fn format(
    app: &App,
    room_id: RoomId,
    by: Principal,
    text: &str,
    preferred: Vec<UserId>,
) -> AppResult<Formatted> {
    let Candidates { members, rooms, everyone } = formatting::candidates(text);
    let mut names = Names { chosen: preferred, author: by.id, ..Names::default() };
    if !members.is_empty() || !rooms.is_empty() || everyone {
        let found = read(app, move |conn| {
            let (room, me) = permitted(conn, room_id, by, Operation::View)?;
            let may_mention_everyone =
                |me: Membership| policy::may_mention_everyone(me.actor(), &me.standing(&room));
            Ok((
                db::mentions::members_named(conn, room_id, &members)?,
                db::mentions::rooms_named(conn, &rooms)?,
                me.is_some_and(may_mention_everyone),
            ))
        });
        (names.members, names.rooms, names.everyone) = found.await?;
    }
    Ok(formatting::format(text, &names))
}

/// The users whom mentions mean.
pub(super) fn read_mentions(fields: &mut Fields) -> Vec<UserId> {
    let parse = |text: &str| {
        text.parse().map_err(|_| Invalid::new(InvalidCode::InvalidFormat, "mentions must list ids of users."))
    };
    fields.list("mentions", MAX_MENTIONS, parse).unwrap_or_default()
}
