//! Query parameters: read by name, refused with the name that is wrong; unknown ones are ignored.

use std::collections::HashMap;
use std::future::{Ready, ready};

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use serde::Serialize;
use shared::errors::ErrorCode;
use shared::page::{DEFAULT_LIMIT, MAX_LIMIT, Page};
use shared::text::InvalidCode;

use crate::error::{AppError, AppResult};

/// The parameters of a request.
pub struct Query(HashMap<String, String>);

impl Query {
    /// A parameter as it came.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `limit`: how many items a page is to have.
    ///
    /// # Errors
    /// 422 when it is no number from 1 to 100.
    pub fn limit(&self) -> AppResult<u32> {
        let Some(text) = self.get("limit") else { return Ok(DEFAULT_LIMIT) };
        text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
            let detail = format!("limit must be a number from 1 to {MAX_LIMIT}.");
            AppError::invalid_field("limit", InvalidCode::OutOfRange, detail)
        })
    }
}

impl FromRequest for Query {
    type Error = AppError;
    type Future = Ready<AppResult<Self>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let query = web::Query::<HashMap<String, String>>::from_query(request.query_string());
        ready(
            query
                .map(|query| Self(query.into_inner()))
                .map_err(|_| AppError::because(ErrorCode::BadRequest, "The query cannot be read.")),
        )
    }
}

/// A page with links to its neighbours (RFC 8288). `parameters` are those that take `prev_cursor` and `next_cursor`.
pub fn page_response<T: Serialize>(
    page: &Page<T>,
    path: &str,
    limit: u32,
    parameters: (&str, &str),
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    let neighbours = [("prev", parameters.0, &page.prev_cursor), ("next", parameters.1, &page.next_cursor)];
    let links: Vec<String> = neighbours
        .into_iter()
        .filter_map(|(rel, parameter, cursor)| {
            let cursor = cursor.as_ref()?;
            Some(format!("<{path}?limit={limit}&{parameter}={cursor}>; rel=\"{rel}\""))
        })
        .collect();
    if !links.is_empty() {
        response.insert_header((header::LINK, links.join(", ")));
    }
    response.json(page)
}
