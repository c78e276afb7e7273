//! Requests to the server: the only user of `gloo_net::http`, and `uploads` of `XMLHttpRequest`.
//!
//! One function per endpoint, named like the server's handler, in the module of its noun. The session is a cookie
//! that the browser adds; nothing here knows a secret.

pub mod admin;
pub mod audit;
pub mod bans;
pub mod emoji;
pub mod invites;
pub mod members;
pub mod messages;
pub mod pins;
pub mod reactions;
pub mod read_marks;
pub mod rooms;
pub mod server;
pub mod sessions;
pub mod streams;
pub mod tokens;
pub mod uploads;
pub mod users;

use gloo_net::http::{Method, RequestBuilder};
use serde::Serialize;
use shared::errors::{ErrorCode, LimitScope, Problem};
use shared::page::Cursor;
use wasm_bindgen::JsValue;
use web_sys::{AbortSignal, Blob};

use crate::state::form_errors::{Errors, WHOLE};
use crate::wire::{self, Read};

/// A request that is not answered by then has failed.
const TIMEOUT_MILLIS: u32 = 15_000;
/// The same for a request that carries an image.
const IMAGE_TIMEOUT_MILLIS: u32 = 60_000;
/// The size of pages of members and the like.
const PAGE: u32 = 100;
/// How long to wait when the server says "too fast" but not for how long.
const RATE_LIMIT_PAUSE_MILLIS: i64 = 2_000;

/// Why a request failed.
#[derive(Clone, Debug)]
pub enum ClientError {
    /// The server refused.
    Api(Box<Problem>),
    /// The server was not reached, or what answered was not the server.
    Network,
    /// The answer cannot be read: the page is probably older than the server.
    Decode,
}

impl ClientError {
    /// The server's reason.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Api(problem) => Some(problem.code),
            Self::Network | Self::Decode => None,
        }
    }

    /// What happened, in a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Api(problem) => match problem.errors.first() {
                Some(error) => error.detail.clone(),
                None => problem.detail.clone(),
            },
            Self::Network => "The server could not be reached.".to_owned(),
            Self::Decode => "The server's answer could not be read. Reload the page.".to_owned(),
        }
    }

    /// What happened, beside the fields of a form.
    pub fn in_form(&self) -> Errors {
        match self {
            Self::Api(problem) => Errors::refused(problem),
            Self::Network | Self::Decode => {
                let mut errors = Errors::default();
                errors.add(WHOLE, self.sentence());
                errors
            }
        }
    }

    /// Whether the same request, repeated, may succeed without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Network => true,
            Self::Decode => false,
            Self::Api(problem) => {
                matches!(
                    problem.code,
                    ErrorCode::Unavailable
                        | ErrorCode::Overloaded
                        | ErrorCode::OutcomeUnknown
                        | ErrorCode::RateLimited
                        | ErrorCode::RequestTimeout
                ) || problem.status >= 500 && problem.code != ErrorCode::StorageFull
            }
        }
    }

    /// How long the server wants to be left alone.
    pub fn retry_after_millis(&self) -> i64 {
        match self {
            Self::Api(problem) => match problem.retry_after {
                Some(seconds) => i64::try_from(seconds).unwrap_or(0).saturating_mul(1_000),
                None if problem.code == ErrorCode::RateLimited => RATE_LIMIT_PAUSE_MILLIS,
                None => 0,
            },
            Self::Network | Self::Decode => 0,
        }
    }

    /// Whether the room's slow mode makes the user wait.
    pub fn is_slow_mode(&self) -> bool {
        matches!(self, Self::Api(problem)
            if problem.code == ErrorCode::RateLimited && problem.scope == Some(LimitScope::Room))
    }

    /// Whether the user has no session, or not any more.
    pub fn is_signed_out(&self) -> bool {
        matches!(self.code(), Some(ErrorCode::AuthenticationRequired | ErrorCode::InvalidToken))
    }

    /// Whether there is no such thing.
    pub fn is_missing(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::RoomNotFound
                    | ErrorCode::MessageNotFound
                    | ErrorCode::SessionNotFound
                    | ErrorCode::TokenNotFound
                    | ErrorCode::MemberNotFound
                    | ErrorCode::InviteNotFound
                    | ErrorCode::NotFound
            )
        )
    }
}

async fn get<T: Read>(path: &str) -> Result<T, ClientError> {
    decode(&send(Method::GET, path, None).await?)
}

async fn post<T: Read>(path: &str, body: &impl Serialize) -> Result<T, ClientError> {
    decode(&send(Method::POST, path, Some(encode(body)?)).await?)
}

async fn patch<T: Read>(path: &str, body: &impl Serialize) -> Result<T, ClientError> {
    decode(&send(Method::PATCH, path, Some(encode(body)?)).await?)
}

async fn put<T: Read>(path: &str, body: &impl Serialize) -> Result<T, ClientError> {
    decode(&send(Method::PUT, path, Some(encode(body)?)).await?)
}

/// Sends an image as it is.
async fn put_image<T: Read>(path: &str, image: &Blob) -> Result<T, ClientError> {
    let body = (image.type_(), image.into());
    let timeout = AbortSignal::timeout_with_u32(IMAGE_TIMEOUT_MILLIS);
    decode(&exchange(Method::PUT, path, Some(body), Some(&timeout)).await?)
}

/// The path of the page that the cursor leads to, or of the first page.
fn page_path(path: &str, cursor: Option<&Cursor>) -> String {
    match cursor {
        Some(cursor) => format!("{path}?limit={PAGE}&cursor={cursor}"),
        None => format!("{path}?limit={PAGE}"),
    }
}

/// The same among what matches a query.
fn search_path(path: &str, query: &str, cursor: Option<&Cursor>) -> String {
    let query = String::from(js_sys::encode_uri_component(query));
    format!("{}&query={query}", page_path(path, cursor))
}

/// Sends a body and expects none.
async fn send_only(method: Method, path: &str, body: &impl Serialize) -> Result<(), ClientError> {
    send(method, path, Some(encode(body)?)).await.map(|_| ())
}

async fn delete(path: &str) -> Result<(), ClientError> {
    send(Method::DELETE, path, None).await.map(|_| ())
}

fn encode(body: &impl Serialize) -> Result<String, ClientError> {
    serde_json::to_string(body).map_err(|_| ClientError::Decode)
}

fn decode<T: Read>(text: &str) -> Result<T, ClientError> {
    wire::parse(text).map_err(|_| ClientError::Decode)
}

async fn send(method: Method, path: &str, body: Option<String>) -> Result<String, ClientError> {
    let body = body.map(|body| ("application/json".to_owned(), body.into()));
    exchange(method, path, body, Some(&AbortSignal::timeout_with_u32(TIMEOUT_MILLIS))).await
}

/// Not generic, so that it is in the program once. The body comes with its content type. The signal ends the reading of
/// the answer, too.
async fn exchange(
    method: Method,
    path: &str,
    body: Option<(String, JsValue)>,
    signal: Option<&AbortSignal>,
) -> Result<String, ClientError> {
    let request = RequestBuilder::new(path).method(method).abort_signal(signal);
    let request = match body {
        Some((content_type, body)) => request.header("content-type", &content_type).body(body),
        None => request.build(),
    };
    let response =
        request.map_err(|_| ClientError::Network)?.send().await.map_err(|_| ClientError::Network)?;
    let text = response.text().await.map_err(|_| ClientError::Network)?;
    if response.ok() { Ok(text) } else { Err(refusal(&text)) }
}

/// What a body says that is no success.
fn refusal(text: &str) -> ClientError {
    // What is no problem document did not come from Parlance but from something in between.
    wire::parse(text).map_or(ClientError::Network, |problem| ClientError::Api(Box::new(problem)))
}
