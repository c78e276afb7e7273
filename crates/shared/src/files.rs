//! Files: what people attach to messages, and the pictures of users and rooms.

use serde::{Deserialize, Serialize};

use crate::ids::{AttachmentId, RoomId};
use crate::rooms::room_path;
use crate::text::{self, Invalid, Length};

/// The URL path below which the bytes of files are.
pub const FILES_PATH: &str = "/files";
/// The URL path of the picture of the user who makes the request.
pub const CURRENT_AVATAR_PATH: &str = "/api/v1/users/me/avatar";

/// The URL path of the picture of a room.
pub fn room_avatar_path(room_id: RoomId) -> String {
    format!("{}/avatar", room_path(room_id))
}

/// The URL path where files are uploaded for a message of a room.
pub fn uploads_path(room_id: RoomId) -> String {
    format!("{}/uploads", room_path(room_id))
}

/// How many files a message can have.
pub const MAX_ATTACHMENTS: usize = 10;
/// The longer side of a thumbnail, in pixels.
pub const THUMBNAIL_PIXELS: u32 = 800;
/// The sides of the picture of a user or room, in pixels: the one that is served without `size`, and the small one.
pub const AVATAR_PIXELS: [u32; 2] = [256, 64];

/// All sizes of smaller pictures, in pixels: what `size` may be.
pub const PICTURE_PIXELS: [u32; 3] = [AVATAR_PIXELS[1], AVATAR_PIXELS[0], THUMBNAIL_PIXELS];

/// A file that was uploaded for a message. Until a message takes it, only its uploader can load it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attachment {
    /// Which file it is, for ever.
    pub id: AttachmentId,
    /// What it is called: one part of a path, with its extension.
    pub filename: String,
    /// What it is, judged by its content.
    pub content_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// The width of an image in pixels, as it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub width: Option<u32>,
    /// The height of an image in pixels, as it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub height: Option<u32>,
    /// The path of its bytes.
    pub url: String,
    /// The path of a smaller picture of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub thumbnail_url: Option<String>,
    /// What it shows, for those who do not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub alt: Option<AltText>,
}

/// What a file shows, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AltText(String);

impl AltText {
    /// How long it is.
    pub const LENGTH: Length = Length { min: 0, max: 500 };

    /// A description, trimmed and without control characters and marks that nobody sees; `None` if nothing is left.
    ///
    /// # Errors
    /// If it is too long or has characters that no text has.
    pub fn parse(text: &str) -> Result<Option<Self>, Invalid> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let text = text::check_body(text, Self::LENGTH, "The description")?;
        Ok(Some(Self(text::visible_line(&text))))
    }

    /// A description that was checked when it was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Takes an uploaded file for a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttachmentClaim {
    /// The file.
    pub id: AttachmentId,
    /// What it shows; null for nothing. When a message is edited, absent leaves the words as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::schema::alt_text, required = false))]
    pub alt: Option<Option<AltText>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_one_line_without_marks_that_deceive() {
        let parsed = |text: &str| AltText::parse(text).unwrap().map(|alt| alt.0);
        assert_eq!(parsed(" A cat\non a\r\n\tkeyboard\u{7} "), Some("A cat on a keyboard".to_owned()));
        assert_eq!(parsed("txt\u{202E}gnp\u{2066}\u{FEFF}"), Some("txtgnp".to_owned()));
        assert_eq!(
            parsed("\u{1F469}\u{200D}\u{1F680}"),
            Some("\u{1F469}\u{200D}\u{1F680}".to_owned()),
            "a joined emoji"
        );
        assert_eq!(parsed(" \n"), None);
        assert!(AltText::parse("a\0b").is_err() && AltText::parse("\u{202E}").is_err());
    }
}
