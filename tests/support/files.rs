//! Uploading and loading files, and images to upload.

use std::io::Cursor;

use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb};
use serde_json::json;
use shared::files::{Attachment, CURRENT_AVATAR_PATH, room_avatar_path, uploads_path};
use shared::ids::RoomId;
use shared::messages::{Message, messages_path};

use crate::client::TestClient;
use crate::http::Response;

/// An image of these sides.
pub fn picture(width: u32, height: u32) -> DynamicImage {
    ImageBuffer::from_fn(width, height, |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, 90])).into()
}

/// An encoded image.
pub fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("an image in memory");
    bytes.into_inner()
}

/// A PNG of these sides.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(width, height), ImageFormat::Png)
}

impl TestClient {
    /// Uploads a file; the query begins with `?` or is empty.
    pub fn try_upload(&self, room_id: RoomId, query: &str, bytes: impl Into<Vec<u8>>) -> Response {
        self.request("POST", &format!("{}{query}", uploads_path(room_id))).body(bytes).send()
    }

    /// Uploads a file.
    #[track_caller]
    pub fn upload(&self, room_id: RoomId, filename: &str, bytes: impl Into<Vec<u8>>) -> Attachment {
        self.try_upload(room_id, &format!("?filename={filename}"), bytes).expect(201).json()
    }

    /// Sends a message with this text and these files.
    pub fn try_send_files(&self, room_id: RoomId, text: &str, files: &[&Attachment]) -> Response {
        let files: Vec<_> = files.iter().map(|file| json!({ "id": file.id })).collect();
        self.post(&messages_path(room_id), &json!({ "text": text, "attachments": files }))
    }

    /// Sends a message with files.
    #[track_caller]
    pub fn send_files(&self, room_id: RoomId, text: &str, files: &[&Attachment]) -> Message {
        self.try_send_files(room_id, text, files).expect(201).json()
    }

    /// Sets one's own picture.
    pub fn set_avatar(&self, bytes: impl Into<Vec<u8>>) -> Response {
        self.request("PUT", CURRENT_AVATAR_PATH).body(bytes).send()
    }

    /// Sets the picture of a room.
    pub fn set_room_avatar(&self, room_id: RoomId, bytes: impl Into<Vec<u8>>) -> Response {
        self.request("PUT", &room_avatar_path(room_id)).body(bytes).send()
    }
}
