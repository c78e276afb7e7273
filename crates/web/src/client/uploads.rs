//! Uploading files: the only user of `XMLHttpRequest`, because `fetch` does not tell how much has been sent.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures_channel::oneshot;
use shared::files::{Attachment, uploads_path};
use shared::ids::{AttachmentId, RoomId};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{File, ProgressEvent, XmlHttpRequest};

use crate::browser;
use crate::client::{self, ClientError};

/// An upload that makes no progress for so long has failed. The server answers when it has stored the file, so this is
/// also how long it may take for that.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that is aborted when nobody waits for it any longer.
struct Request(XmlHttpRequest);

impl Drop for Request {
    fn drop(&mut self) {
        // The closures are about to go.
        self.0.set_onloadend(None);
        if let Ok(upload) = self.0.upload() {
            upload.set_onprogress(None);
        }
        // Does nothing when the request is over.
        let _ = self.0.abort();
    }
}

/// Uploads a file for a message of a room, or the same one again. `on_progress` is told how many bytes have been sent.
/// Dropping the future cancels the upload.
pub async fn create(
    room_id: RoomId,
    id: AttachmentId,
    file: &File,
    on_progress: impl Fn(u64) + 'static,
) -> Result<Attachment, ClientError> {
    let moved = Rc::new(Cell::new(false));
    let (answer, mut answered) = oneshot::channel::<()>();
    let has_moved = moved.clone();
    let progressed = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        has_moved.set(true);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A number of bytes.
        on_progress(event.loaded() as u64);
    });
    let mut answer = Some(answer);
    let ended = Closure::<dyn FnMut()>::new(move || drop(answer.take()));
    // After the closures, so that it lets go of them first.
    let request = open(room_id, id, file, &progressed, &ended).map_err(|_| ClientError::Network)?;
    // The channel says no more than that the request is over.
    while browser::within(PATIENCE, &mut answered).await.is_none() {
        if !moved.replace(false) {
            return Err(ClientError::Network);
        }
    }
    let status = request.0.status().unwrap_or(0);
    match request.0.response_text().ok().flatten() {
        Some(text) if (200..300).contains(&status) => client::decode(&text),
        Some(text) => Err(client::refusal(&text)),
        None => Err(ClientError::Network),
    }
}

fn open(
    room_id: RoomId,
    id: AttachmentId,
    file: &File,
    progressed: &Closure<dyn FnMut(ProgressEvent)>,
    ended: &Closure<dyn FnMut()>,
) -> Result<Request, JsValue> {
    let request = Request(XmlHttpRequest::new()?);
    let name = String::from(js_sys::encode_uri_component(&file.name()));
    request.0.open("POST", &format!("{}?filename={name}&id={id}", uploads_path(room_id)))?;
    let content_type = Some(file.type_()).filter(|it| !it.is_empty());
    request
        .0
        .set_request_header("content-type", content_type.as_deref().unwrap_or("application/octet-stream"))?;
    request.0.upload()?.set_onprogress(Some(progressed.as_ref().unchecked_ref()));
    request.0.set_onloadend(Some(ended.as_ref().unchecked_ref()));
    request.0.send_with_opt_blob(Some(file))?;
    Ok(request)
}
