//! Query parameters. Unknown parameters are ignored. Repeated ones are rejected, because different parsers take
//! different values.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use serde::Serialize;
use shared::errors::ErrorCode;
use shared::files::PICTURE_PIXELS;
use shared::ids::{Epoch, MessageId, Rev};
use shared::messages::MessagePage;
use shared::page::{Cursor, DEFAULT_LIMIT, MAX_LIMIT, Page};
use shared::streams::MAX_WAIT_SECONDS;
use shared::text::InvalidCode;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, Object, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::error::{AppError, AppResult};

/// The query parameters of a request.
pub struct Query(HashMap<String, String>);

impl Query {
    /// The text of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `limit`: the maximal number of items of a page.
    ///
    /// # Errors
    /// 422 if it is not a number from 1 to 100.
    pub fn limit(&self) -> AppResult<u32> {
        let Some(text) = self.get("limit") else { return Ok(DEFAULT_LIMIT) };
        digits(text).filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
            let detail = format!("limit must be a number from 1 to {MAX_LIMIT}.");
            AppError::invalid_field("limit", InvalidCode::OutOfRange, detail)
        })
    }

    /// `cursor`: the position of the page; `None` if it is absent.
    ///
    /// # Errors
    /// 400 if it is not a cursor of this list.
    pub fn cursor<Key, Error>(
        &self,
        parse: impl FnOnce(&str) -> Result<Key, Error>,
    ) -> AppResult<Option<Key>> {
        let key = self.get("cursor").map(parse).transpose();
        key.map_err(|_| AppError::new(ErrorCode::InvalidCursor))
    }

    /// `since`: the last change that the client has; `None` if it is absent.
    ///
    /// # Errors
    /// 422 if it is not a valid `rev`.
    pub fn since(&self) -> AppResult<Option<Rev>> {
        let number = |text| number("since", text, "since must be a rev: a number from 0.");
        self.get("since").map(number).transpose().map(|rev| rev.map(Rev))
    }

    /// `epoch`: that of the database that `since` is of; `None` if it is absent.
    ///
    /// # Errors
    /// 422 if it is not an epoch.
    pub fn epoch(&self) -> AppResult<Option<Epoch>> {
        let Some(text) = self.get("epoch") else { return Ok(None) };
        let detail = "epoch must be the value of the header Parlance-Epoch.";
        let invalid = |_| AppError::invalid_field("epoch", InvalidCode::InvalidFormat, detail);
        text.parse().map(Some).map_err(invalid)
    }

    /// `after`: the last event that the client has; `None` if it is absent.
    ///
    /// # Errors
    /// 422 if it is not the number of an event.
    pub fn after(&self) -> AppResult<Option<u64>> {
        let number = |text| number("after", text, "after must be the number of an event, or 0.");
        self.get("after").map(number).transpose()
    }

    /// A parameter that is `true` or `false`; false if it is absent.
    ///
    /// # Errors
    /// 422 for any other text.
    pub fn flag(&self, name: &str) -> AppResult<bool> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => {
                let detail = format!("{name} must be true or false.");
                Err(AppError::invalid_field(name, InvalidCode::InvalidType, detail))
            }
        }
    }

    /// `wait`: how many seconds the client waits for something new; zero if it is absent.
    ///
    /// # Errors
    /// 422 if it is not a number from 0 to 30.
    pub fn wait(&self) -> AppResult<u32> {
        let Some(text) = self.get("wait") else { return Ok(0) };
        digits(text).filter(|seconds| *seconds <= MAX_WAIT_SECONDS).ok_or_else(|| {
            let detail = format!("wait must be a number of seconds from 0 to {MAX_WAIT_SECONDS}.");
            AppError::invalid_field("wait", InvalidCode::OutOfRange, detail)
        })
    }
}

fn parse(text: &str) -> AppResult<Query> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(text)
        .map_err(|_| AppError::because(ErrorCode::BadRequest, "The query cannot be read."))?;
    let mut query = HashMap::new();
    for (name, value) in pairs.into_inner() {
        if query.contains_key(&name) {
            let detail = format!("The query has the parameter {name:?} twice.");
            return Err(AppError::because(ErrorCode::BadRequest, detail));
        }
        query.insert(name, value);
    }
    Ok(Query(query))
}

/// The number of a parameter or header.
///
/// # Errors
/// 422 if it is not one.
pub fn number<Number: FromStr>(name: &str, text: &str, detail: &str) -> AppResult<Number> {
    digits(text).ok_or_else(|| AppError::invalid_field(name, InvalidCode::OutOfRange, detail))
}

/// A number in decimal digits, without a sign.
fn digits<Number: FromStr>(text: &str) -> Option<Number> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl FromRequest for Query {
    type Error = AppError;
    type Future = Ready<AppResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(parse(request.query_string()))
    }
}

/// The response of a page, with links to its neighbours (RFC 8288). `parameters` are the names of the parameters for
/// `prev_cursor` and `next_cursor`.
pub fn page_response<T: Serialize>(
    page: &Page<T>,
    path: &str,
    limit: u32,
    parameters: (&str, &str),
) -> HttpResponse {
    linked_response(page, (&page.prev_cursor, &page.next_cursor), path, limit, parameters)
}

/// The response of a page of messages.
pub fn message_page_response(page: &MessagePage, path: &str, limit: u32) -> HttpResponse {
    linked_response(page, (&page.prev_cursor, &page.next_cursor), path, limit, ("before", "after"))
}

/// A page with links to its neighbours, whose cursors are given and whose query parameters have these names.
pub fn linked_response(
    page: &impl Serialize,
    cursors: (&Option<Cursor>, &Option<Cursor>),
    path: &str,
    limit: u32,
    parameters: (&str, &str),
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    let separator = if path.contains('?') { '&' } else { '?' };
    let neighbours = [("prev", parameters.0, cursors.0), ("next", parameters.1, cursors.1)];
    let links: Vec<String> = neighbours
        .into_iter()
        .filter_map(|(rel, parameter, cursor)| {
            let cursor = cursor.as_ref()?;
            Some(format!("<{path}{separator}limit={limit}&{parameter}={cursor}>; rel=\"{rel}\""))
        })
        .collect();
    if !links.is_empty() {
        response.insert_header((header::LINK, links.join(", ")));
    }
    response.json(page)
}

/// The schema of `limit`.
pub struct LimitSchema;

impl PartialSchema for LimitSchema {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(MAX_LIMIT))
            .default(Some(DEFAULT_LIMIT.into()))
            .build()
            .into()
    }
}

impl ToSchema for LimitSchema {}

/// The schema of `wait`.
pub struct WaitSchema;

impl PartialSchema for WaitSchema {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(MAX_WAIT_SECONDS))
            .default(Some(0.into()))
            .build()
            .into()
    }
}

impl ToSchema for WaitSchema {}

/// The schema of the size of a picture.
pub struct FileSizeSchema;

impl PartialSchema for FileSizeSchema {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some(PICTURE_PIXELS)).build().into()
    }
}

impl ToSchema for FileSizeSchema {}

/// The schema of a cursor of the list of rooms.
pub struct RoomCursorSchema;

impl PartialSchema for RoomCursorSchema {
    fn schema() -> RefOr<Schema> {
        cursor("^[cU]gA[A-Za-f][A-Za-z0-9_-]{29}[AQgw]$").into()
    }
}

impl ToSchema for RoomCursorSchema {}

/// The schema of a cursor of a list of members.
pub struct MemberCursorSchema;

impl PartialSchema for MemberCursorSchema {
    fn schema() -> RefOr<Schema> {
        cursor("^ZQ[AEIM]A[A-H][A-Za-z0-9_-]{29}[AEIMQUYcgkosw048]$").into()
    }
}

impl ToSchema for MemberCursorSchema {}

/// The schema of a cursor of a list of users who reacted.
pub struct ReactionCursorSchema;

impl PartialSchema for ReactionCursorSchema {
    fn schema() -> RefOr<Schema> {
        cursor("^cgA[A-Za-f][A-Za-z0-9_-]{8}$").into()
    }
}

impl ToSchema for ReactionCursorSchema {}

/// The schema of an emoji in a path.
pub struct EmojiSchema;

impl PartialSchema for EmojiSchema {
    fn schema() -> RefOr<Schema> {
        let description = "One emoji of the version that `GET /server` names, percent-encoded.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(description))
            .examples(["🎉"])
            .build()
            .into()
    }
}

impl ToSchema for EmojiSchema {}

/// The schema of a cursor of a list of bans.
pub struct BanCursorSchema;

impl PartialSchema for BanCursorSchema {
    fn schema() -> RefOr<Schema> {
        cursor("^YgA[A-Za-f][A-Za-z0-9_-]{29}[AQgw]$").into()
    }
}

impl ToSchema for BanCursorSchema {}

/// The schema of a cursor of an audit log.
pub struct AuditCursorSchema;

impl PartialSchema for AuditCursorSchema {
    fn schema() -> RefOr<Schema> {
        cursor("^Y[Q-Za-f][A-Za-z0-9_-]{20}[AEIMQUYcgkosw048]$").into()
    }
}

impl ToSchema for AuditCursorSchema {}

/// The schema of a cursor of a list of users.
pub struct UserCursorSchema;

impl PartialSchema for UserCursorSchema {
    fn schema() -> RefOr<Schema> {
        cursor("^d[Q-T][A-Za-z0-9_-]{20}[A-Za-z0-9_-]$").into()
    }
}

impl ToSchema for UserCursorSchema {}

/// The schema of `before`, `after` and `around`: an object with at most one property, because they are mutually
/// exclusive. With style `form` and `explode`, each property is a parameter.
pub struct PositionSchema;

impl PartialSchema for PositionSchema {
    fn schema() -> RefOr<Schema> {
        let cursor = || cursor("^bQA[A-Za-f][A-Za-z0-9_-]{8}$");
        let cursor_or_id = AnyOfBuilder::new().item(cursor()).item(MessageId::schema()).build();
        ObjectBuilder::new()
            .property("before", cursor())
            .property("after", cursor())
            .property("around", Schema::AnyOf(cursor_or_id))
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .max_properties(Some(1))
            .build()
            .into()
    }
}

impl ToSchema for PositionSchema {}

/// The schema of a cursor, which comes from `next_cursor` or `prev_cursor`.
fn cursor(pattern: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build()
}
