//! Files of messages: how each is shown, and what they are in words.
//!
//! Pure.

use shared::files::{AltText, Attachment, AttachmentClaim};
use shared::messages::Message;

use crate::state::excerpts::plain;

/// An animated image larger than this stands still until it is opened.
const MOST_MOVING_BYTES: u64 = 8 << 20;
/// A longer end of a name is no extension.
const LONGEST_EXTENSION: usize = 12;
/// How many characters before the extension are never cut off.
const KEPT_CHARACTERS: usize = 4;
const KILOBYTE: u64 = 1 << 10;
const MEGABYTE: u64 = 1 << 20;

/// How a file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// As a picture.
    Image,
    /// With the browser's player for sound.
    Audio,
    /// With the browser's player for films.
    Video,
    /// As a card.
    Other,
}

impl FileKind {
    /// How the server's word for a type is shown, if nothing is wrong with the file.
    pub fn of_type(content_type: &str) -> Self {
        match content_type.split_once('/') {
            Some(("image", "png" | "jpeg" | "gif" | "webp")) => Self::Image,
            Some(("audio", _)) => Self::Audio,
            Some(("video", _)) => Self::Video,
            _ => Self::Other,
        }
    }

    /// How a file is shown. An image that the server could not decode has no size in pixels.
    pub fn of(file: &Attachment) -> Self {
        match Self::of_type(&file.content_type) {
            Self::Image if file.width.is_none() || file.height.is_none() => Self::Other,
            kind => kind,
        }
    }

    /// What it is, in a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Image => "Image",
            Self::Audio => "Audio",
            Self::Video => "Video",
            Self::Other => "File",
        }
    }
}

/// In how many columns so many images stand.
pub fn columns(images: usize) -> usize {
    if images == 4 { 2 } else { images.clamp(1, 3) }
}

/// The images among some files.
pub fn images(files: &[Attachment]) -> Vec<Attachment> {
    files.iter().filter(|file| FileKind::of(file) == FileKind::Image).cloned().collect()
}

/// What an image shows, or what it is called.
pub fn description(file: &Attachment) -> &str {
    file.alt.as_ref().map_or(&file.filename, AltText::as_str)
}

/// What a message says to have these files.
pub fn claims(files: &[Attachment]) -> Vec<AttachmentClaim> {
    files.iter().map(|file| AttachmentClaim { id: file.id, alt: file.alt.clone().map(Some) }).collect()
}

/// What an edited message says to keep these files, and to have them show what they show now.
pub fn kept_claims(files: &[Attachment]) -> Vec<AttachmentClaim> {
    files.iter().map(|file| AttachmentClaim { id: file.id, alt: Some(file.alt.clone()) }).collect()
}

/// A name in two parts, of which the second is never cut off where there is little room: its extension, and what is
/// before it.
pub fn split_name(name: &str) -> (&str, &str) {
    let extension = name.rfind('.').filter(|dot| *dot > 0 && name.len() - dot <= LONGEST_EXTENSION);
    let kept = name[..extension.unwrap_or(name.len())].char_indices().rev().take(KEPT_CHARACTERS).last();
    match kept {
        Some((start, _)) if start > 0 => name.split_at(start),
        _ => ("", name),
    }
}

/// The path of the picture in the list of messages. `moves` is whether animations may play there.
pub fn preview_url(file: &Attachment, moves: bool) -> &str {
    let plays = moves && file.content_type == "image/gif" && file.size <= MOST_MOVING_BYTES;
    file.thumbnail_url.as_ref().filter(|_| !plays).unwrap_or(&file.url)
}

/// A size, such as "820 bytes", "3.4 KB" or "25 MB".
pub fn size_text(bytes: u64) -> String {
    let (unit, name) = match bytes {
        1 => return "1 byte".to_owned(),
        0 | 2..KILOBYTE => return format!("{bytes} bytes"),
        // What would be rounded to 1024 KB is a megabyte.
        KILOBYTE..1_048_064 => (KILOBYTE, "KB"),
        _ => (MEGABYTE, "MB"),
    };
    let tenths = (bytes * 10 + unit / 2) / unit;
    match (tenths / 10, tenths % 10) {
        (whole @ 0..10, tenth @ 1..) => format!("{whole}.{tenth} {name}"),
        _ => format!("{} {name}", (bytes + unit / 2) / unit),
    }
}

/// What a message says, its text and then its files; `None` once it is deleted.
pub fn words(message: &Message) -> Option<String> {
    let mut words = plain(message)?;
    for file in &message.attachments {
        if !words.is_empty() {
            words.push('\n');
        }
        words.push_str(FileKind::of(file).word());
        words.push_str(": ");
        words.push_str(description(file));
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::samples::{file, image, message};

    #[test]
    fn a_file_is_shown_by_its_type() {
        for (content_type, kind) in [
            ("image/webp", FileKind::Image),
            ("image/svg+xml", FileKind::Other),
            ("audio/ogg", FileKind::Audio),
            ("video/mp4", FileKind::Video),
            ("text/html", FileKind::Other),
            ("nonsense", FileKind::Other),
        ] {
            assert_eq!(FileKind::of_type(content_type), kind, "{content_type}");
        }
        assert_eq!(FileKind::of(&image(1, "cat.png")), FileKind::Image);
        let broken = Attachment { width: None, ..image(1, "cat.png") };
        assert_eq!(FileKind::of(&broken), FileKind::Other, "the server could not decode it");
    }

    #[test]
    fn a_message_is_its_text_and_then_its_files() {
        let described = Attachment { alt: AltText::parse("A cat").unwrap(), ..image(1, "cat.png") };
        let files = vec![described, image(2, "dog.png"), file(3, "notes.pdf")];
        let all = "Image: A cat\nImage: dog.png\nFile: notes.pdf";
        let with = |text: Option<&str>, attachments| {
            words(&Message { text: text.map(str::to_owned), attachments, ..message(1, 1) })
        };
        assert_eq!(with(Some("Look"), files.clone()), Some(format!("Look\n{all}")));
        assert_eq!(with(Some(""), files.clone()).as_deref(), Some(all));
        assert_eq!(with(Some("Look"), vec![]).as_deref(), Some("Look"));
        assert_eq!(with(None, files.clone()), None);
        assert_eq!(images(&files).len(), 2);
    }

    #[test]
    fn an_animation_plays_in_the_list_if_it_may_and_is_not_too_large() {
        let still = image(1, "cat.png");
        assert_eq!(preview_url(&still, true), "/files/1?size=800");
        let gif = Attachment { content_type: "image/gif".to_owned(), ..still };
        assert_eq!(preview_url(&gif, true), "/files/1");
        assert_eq!(preview_url(&gif, false), "/files/1?size=800");
        let large = Attachment { size: MOST_MOVING_BYTES + 1, ..gif.clone() };
        assert_eq!(preview_url(&large, true), "/files/1?size=800");
        let small = Attachment { thumbnail_url: None, ..gif };
        assert_eq!(preview_url(&small, false), "/files/1", "there is no other");
    }

    #[test]
    fn several_images_stand_in_a_tidy_grid() {
        assert_eq!([1, 2, 3, 4, 5, 10].map(columns), [1, 2, 3, 2, 3, 3]);
    }

    #[test]
    fn the_end_of_a_name_is_kept_with_its_extension() {
        assert_eq!(split_name("a_long_report_2026.final.pdf"), ("a_long_report_2026.f", "inal.pdf"));
        assert_eq!(split_name("Grüße aus Köln"), ("Grüße aus ", "Köln"));
        assert_eq!(split_name("cat.png"), ("", "cat.png"));
        assert_eq!(split_name(".gitignore_global"), (".gitignore_gl", "obal"));
        assert_eq!(split_name(""), ("", ""));
    }

    #[test]
    fn a_message_keeps_its_files_with_what_they_show_now() {
        let files = [image(1, "cat.png")];
        assert_eq!(kept_claims(&files)[0].alt, Some(None), "words that were removed are removed there");
        assert_eq!(claims(&files)[0].alt, None);
    }

    #[test]
    fn a_size_is_told_in_few_digits() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1_023, "1023 bytes"),
            (1_024, "1 KB"),
            (3_500, "3.4 KB"),
            (10_239, "10 KB"),
            (70_000, "68 KB"),
            (1_048_575, "1 MB"),
            (26_214_400, "25 MB"),
            (5_500_000, "5.2 MB"),
        ] {
            assert_eq!(size_text(bytes), text, "{bytes}");
        }
    }
}
