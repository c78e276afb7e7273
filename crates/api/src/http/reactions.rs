//! Reactions to messages.

use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use emojis::UnicodeVersion;
use shared::ids::{MessageId, RoomId};
use shared::members::Operation;
use shared::messages::MessageAnswer;
use shared::page::Page;
use shared::reactions::{EMOJI_VERSION, reaction_path};
use shared::text::InvalidCode;
use shared::users::User;

use super::endpoint::{Endpoint, Needs};
use super::identity::{Reader, SignedIn};
use super::messages::{MessagePath, visible};
use super::query::{LimitSchema, Query, ReactionCursorSchema, page_response};
use super::rooms::{RoomPath, input, read};
use crate::app::App;
use crate::db;
use crate::db::reactions::NewReaction;
use crate::error::{AppError, AppResult};
use crate::rooms::reactions;

const REACTION_PATH: &str = "/api/v1/rooms/{room_id}/messages/{message_id}/reactions/{emoji}";

/// The endpoints of this module.
pub fn endpoints() -> Vec<Endpoint> {
    let delete_needs = Needs::Room(&[Operation::React, Operation::Moderate]);
    vec![
        Endpoint::new(Method::GET, REACTION_PATH, Needs::Room(&[Operation::View]), list),
        Endpoint::new(Method::PUT, REACTION_PATH, Needs::Room(&[Operation::React]), create),
        Endpoint::new(Method::DELETE, REACTION_PATH, delete_needs, delete),
    ]
}

/// The emoji in a path, fully qualified.
pub struct EmojiPath(&'static str);

impl FromRequest for EmojiPath {
    type Error = AppError;
    type Future = std::future::Ready<AppResult<Self>>;

    /// Anything else than one emoji is answered with 422.
    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let found = emojis::get(request.match_info().query("emoji"));
        let known = found.filter(|emoji| emoji.unicode_version() <= UnicodeVersion::new(16, 0));
        std::future::ready(known.map(|emoji| Self(emoji.as_str())).ok_or_else(|| {
            let detail = format!("This must be one emoji of Unicode Emoji {EMOJI_VERSION}.");
            AppError::invalid_field("emoji", InvalidCode::UnknownEmoji, detail)
        }))
    }
}

/// List the users who reacted to a message in one way
///
/// In the order in which they reacted.
#[utoipa::path(get, path = REACTION_PATH, operation_id = "list_reactions", tag = "messages",
    security((), ("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("message_id" = MessageId, Path), ("emoji" = inline(super::query::EmojiSchema), Path),
        ("limit" = inline(Option<LimitSchema>), Query), ("cursor" = inline(Option<ReactionCursorSchema>), Query)),
    responses((status = 200, description = "A page of users", body = Page<User>,
        headers(("Link" = String, description = "The page after this one (RFC 8288)")))))]
pub async fn list(
    reader: Reader,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    id: AppResult<MessagePath>,
    emoji: AppResult<EmojiPath>,
    query: Query,
) -> AppResult<HttpResponse> {
    let by = reader.principal();
    let MessagePath(id) = input(&app, by, room_id, Operation::View, id).await?;
    let parsed = emoji
        .and_then(|EmojiPath(emoji)| Ok((emoji, query.limit()?, query.cursor(db::reactions::parse_cursor)?)));
    let (emoji, limit, after) = input(&app, by, room_id, Operation::View, parsed).await?;
    let page = read(&app, move |conn| {
        visible(conn, room_id, id, by, Operation::View)?;
        Ok(db::reactions::list(conn, id, emoji, after, limit)?)
    });
    let path = reaction_path(room_id, id, &percent_encoded(emoji));
    Ok(page_response(&page.await?, &path, limit, ("cursor", "cursor")))
}

/// React to a message
///
/// In a public room, reacting joins. A repeat changes nothing.
#[utoipa::path(put, path = REACTION_PATH, operation_id = "create_reaction", tag = "messages",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("message_id" = MessageId, Path), ("emoji" = inline(super::query::EmojiSchema), Path)),
    responses(
        (status = 200, description = "The current message", body = MessageAnswer),
        (status = 403, description = "banned, muted, members_only"),
        (status = 409, description = "message_deleted, too_many_reactions"),
        (status = 422, description = "validation_failed")))]
pub async fn create(
    identity: SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    id: AppResult<MessagePath>,
    emoji: AppResult<EmojiPath>,
) -> AppResult<HttpResponse> {
    set(identity, app, room_id, id, emoji, true).await
}

/// Take a reaction back
///
/// With `all`, moderators remove the reactions of all users with this emoji. A repeat changes nothing.
#[utoipa::path(delete, path = REACTION_PATH, operation_id = "delete_reaction", tag = "messages",
    security(("token" = []), ("cookie" = [])),
    params(("room_id" = RoomId, Path), ("message_id" = MessageId, Path), ("emoji" = inline(super::query::EmojiSchema), Path),
        ("all" = Option<bool>, Query)),
    responses(
        (status = 200, description = "The current message", body = MessageAnswer),
        (status = 403, description = "not_allowed, banned, muted, members_only"),
        (status = 409, description = "message_deleted"),
        (status = 422, description = "validation_failed")))]
pub async fn delete(
    identity: SignedIn,
    app: web::Data<App>,
    RoomPath(room_id): RoomPath,
    id: AppResult<MessagePath>,
    emoji: AppResult<EmojiPath>,
    query: Query,
) -> AppResult<HttpResponse> {
    let by = identity.0.principal();
    let is_all = input(&app, by, room_id, Operation::View, query.flag("all")).await?;
    if !is_all {
        return set(identity, app, room_id, id, emoji, false).await;
    }
    let user = identity.0.user.id;
    let MessagePath(id) = input(&app, by, room_id, Operation::View, id).await?;
    let EmojiPath(emoji) = input(&app, by, room_id, Operation::Moderate, emoji).await?;
    app.limits.react(user)?;
    let change = app.writer.change(room_id, move |conn, attempt| {
        reactions::delete_kind(conn, room_id, id, emoji, user, attempt)
    });
    Ok(HttpResponse::Ok().json(change.await?))
}

async fn set(
    SignedIn(identity): SignedIn,
    app: web::Data<App>,
    room_id: RoomId,
    id: AppResult<MessagePath>,
    emoji: AppResult<EmojiPath>,
    is_active: bool,
) -> AppResult<HttpResponse> {
    let (by, principal) = (identity.user.id, identity.principal());
    let MessagePath(message_id) = input(&app, principal, room_id, Operation::View, id).await?;
    let EmojiPath(emoji) = input(&app, principal, room_id, Operation::React, emoji).await?;
    app.limits.react(by)?;
    let new = NewReaction { room_id, message_id, emoji: emoji.to_owned(), by, is_active };
    Ok(HttpResponse::Ok().json(app.writer.react(new).await?))
}

fn percent_encoded(emoji: &str) -> String {
    percent_encoding::utf8_percent_encode(emoji, percent_encoding::NON_ALPHANUMERIC).to_string()
}
