//! Requests about streams.

use gloo_net::http::Method;
use js_sys::Reflect;
use js_sys::futures::JsFuture;
use leptos::prelude::window;
use leptos::task::spawn_local;
use shared::ids::StreamId;
use shared::streams::STREAMS_PATH;
use wasm_bindgen::JsValue;
use web_sys::{AbortSignal, RequestInit};

use crate::client::{self, ClientError};
use crate::wire::{OpenedStream, PolledEvents};

/// Opens a stream.
pub async fn create() -> Result<OpenedStream, ClientError> {
    client::decode(&client::send(Method::POST, STREAMS_PATH, None).await?)
}

/// Sends an array of commands.
pub async fn send(id: StreamId, commands: &str) -> Result<(), ClientError> {
    client::send(Method::POST, &format!("{}/commands", path(id)), Some(commands.to_owned())).await.map(|_| ())
}

/// The events after number `after`, as soon as there are some. The signal ends the waiting.
pub async fn events(
    id: StreamId,
    after: u64,
    wait_seconds: u32,
    signal: Option<&AbortSignal>,
) -> Result<PolledEvents, ClientError> {
    let path = format!("{}?after={after}&wait={wait_seconds}", events_path(id));
    client::decode(&client::exchange(Method::GET, &path, None, signal).await?)
}

/// Closes a stream, also while the page goes away.
pub fn delete(id: StreamId) {
    let request = RequestInit::new();
    request.set_method("DELETE");
    // Setting a field of a fresh object cannot fail.
    let _ = Reflect::set(&request, &JsValue::from_str("keepalive"), &JsValue::TRUE);
    let answer = window().fetch_with_str_and_init(&path(id), &request);
    // A stream that cannot be closed is gone without a reader.
    spawn_local(async move {
        let _ = JsFuture::from(answer).await;
    });
}

/// Where the events of a stream are.
pub fn events_path(id: StreamId) -> String {
    format!("{}/events", path(id))
}

fn path(id: StreamId) -> String {
    format!("{STREAMS_PATH}/{id}")
}
