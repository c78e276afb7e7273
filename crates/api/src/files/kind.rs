//! What a file is, judged by its content.

use image::ImageFormat;

/// The media type of a file that is not known.
pub const UNKNOWN: &str = "application/octet-stream";
/// The media type of text.
pub const TEXT: &str = "text/plain";

/// The control characters of text: tab, line feed, form feed and carriage return.
const TEXT_CONTROLS: &[u8] = b"\t\n\x0C\r";
/// How many bytes of the beginning are looked at.
const HEAD_BYTES: usize = 8 * 1024;
/// Where EBML has its header.
const EBML_HEADER_BYTES: usize = 64;
/// Extensions of text that browsers may run. Such files are not known, so nothing ever shows them.
const ACTIVE: [&str; 14] = [
    "htm", "html", "xhtml", "xht", "shtml", "svg", "svgz", "xml", "xsl", "xslt", "mht", "mhtml", "hta", "swf",
];
/// Types that are recognised besides images and text: what `infer` calls them, and their media type.
const KNOWN: [(&str, &str); 17] = [
    ("video/mp4", "video/mp4"),
    ("video/x-m4v", "video/mp4"),
    ("video/webm", "video/webm"),
    ("video/quicktime", "video/quicktime"),
    ("video/x-matroska", "video/x-matroska"),
    ("audio/mpeg", "audio/mpeg"),
    ("audio/m4a", "audio/mp4"),
    ("audio/opus", "audio/ogg"),
    ("audio/ogg", "audio/ogg"),
    ("audio/x-flac", "audio/flac"),
    ("audio/x-wav", "audio/wav"),
    ("audio/aac", "audio/aac"),
    ("application/pdf", "application/pdf"),
    ("application/zip", "application/zip"),
    ("application/gzip", "application/gzip"),
    ("application/x-7z-compressed", "application/x-7z-compressed"),
    ("application/x-tar", "application/x-tar"),
];
/// Types that browsers show in the page. Everything else is only saved.
const INLINE: [&str; 14] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    TEXT,
    "video/mp4",
    "video/webm",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/flac",
    "audio/wav",
    "audio/aac",
    "video/ogg",
];

/// A type of image that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
    /// WebP.
    WebP,
}

impl ImageKind {
    /// The type of an image by its first bytes.
    pub fn of(head: &[u8]) -> Option<Self> {
        match image::guess_format(head) {
            Ok(ImageFormat::Png) => Some(Self::Png),
            Ok(ImageFormat::Jpeg) => Some(Self::Jpeg),
            Ok(ImageFormat::Gif) => Some(Self::Gif),
            Ok(ImageFormat::WebP) => Some(Self::WebP),
            _ => None,
        }
    }

    /// Its media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
        }
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An image, as far as its first bytes tell.
    Image(ImageKind),
    /// Anything else, with its media type.
    Other(&'static str),
}

/// Whether browsers may show the type in the page.
pub fn is_inline(content_type: &str) -> bool {
    INLINE.contains(&content_type)
}

/// Judges a file whose bytes arrive one after the other.
pub struct Judge {
    has_active_extension: bool,
    head: Vec<u8>,
    /// Whether all bytes so far are text: UTF-8 without control characters that no text has.
    is_text: bool,
    /// The beginning of a character whose rest is to come.
    partial: Vec<u8>,
}

impl Judge {
    /// Nothing has arrived yet.
    pub fn new(filename: &str) -> Self {
        let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        Self {
            has_active_extension: extension.is_some_and(|extension| ACTIVE.contains(&extension.as_str())),
            head: Vec::new(),
            is_text: true,
            partial: Vec::new(),
        }
    }

    /// Looks at the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let missing = HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        if !self.is_text {
            return;
        }
        if self.partial.is_empty() {
            self.check_text(bytes);
        } else {
            let mut whole = std::mem::take(&mut self.partial);
            whole.extend_from_slice(bytes);
            self.check_text(&whole);
        }
    }

    fn check_text(&mut self, bytes: &[u8]) {
        self.is_text = !bytes.iter().any(|byte| byte.is_ascii_control() && !TEXT_CONTROLS.contains(byte));
        if let Err(error) = std::str::from_utf8(bytes) {
            // A character may go on in the next bytes.
            match error.error_len() {
                None => self.partial = bytes[error.valid_up_to()..].to_vec(),
                Some(_) => self.is_text = false,
            }
        }
    }

    /// What the file is.
    pub fn finish(&self) -> Kind {
        if let Some(kind) = ImageKind::of(&self.head) {
            return Kind::Image(kind);
        }
        let found = infer::get(&self.head).map(|found| match found.mime_type() {
            // `infer` takes all of EBML for it.
            "video/webm" if !is_webm(&self.head) => "video/x-matroska",
            found => found,
        });
        let known = found.and_then(|found| KNOWN.iter().find(|(name, _)| *name == found));
        if let Some((_, content_type)) = known {
            return Kind::Other(content_type);
        }
        let is_text = self.is_text && self.partial.is_empty() && !self.head.is_empty();
        let is_inert = is_text && !self.has_active_extension && !is_markup(&self.head);
        Kind::Other(if is_inert { TEXT } else { UNKNOWN })
    }
}

/// Whether EBML says that it is WebM (RFC 8794, section 11.2.4): then browsers play it. The element `DocType` is near the
/// beginning, and its length takes one byte.
fn is_webm(head: &[u8]) -> bool {
    const DOC_TYPE: &[u8] = b"\x42\x82";
    const LENGTH_MARK: u8 = 0x80;
    let start = head.len().min(EBML_HEADER_BYTES);
    let name = head[..start].windows(DOC_TYPE.len()).position(|bytes| bytes == DOC_TYPE);
    let rest = name.map_or(&[][..], |at| &head[at + DOC_TYPE.len()..]);
    rest.split_first().is_some_and(|(length, text)| {
        let length = usize::from(length & !LENGTH_MARK);
        text.get(..length).is_some_and(|text| text.strip_suffix(b"\0").unwrap_or(text) == b"webm")
    })
}

/// Whether text begins like HTML, SVG or XML, which browsers may run.
fn is_markup(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    text.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(filename: &str, bytes: &[u8]) -> Kind {
        let mut judge = Judge::new(filename);
        bytes.chunks(3).for_each(|chunk| judge.push(chunk));
        judge.finish()
    }

    #[test]
    fn text_is_utf8_without_control_characters() {
        assert_eq!(judged("a.txt", "Grüße,\t日本\r\n\x0C".as_bytes()), Kind::Other(TEXT));
        for bytes in [&b"a\0b"[..], b"a\xFFb", b"gr\xC3", b"", b"\x01\x02", b"a\x1B[2J", b"a\x7F"] {
            assert_eq!(judged("a.txt", bytes), Kind::Other(UNKNOWN), "{bytes:?}");
        }
    }

    #[test]
    fn markup_is_never_text() {
        let html = [&b"<!doctype html><script>1</script>"[..], b" \n<svg/>", b"\xEF\xBB\xBF<?xml?>", b"<p>"];
        for bytes in html {
            assert_eq!(judged("a.txt", bytes), Kind::Other(UNKNOWN));
        }
        assert_eq!(judged("page.html", b"Hello"), Kind::Other(UNKNOWN));
        assert_eq!(judged("a.SVG", b"Hello"), Kind::Other(UNKNOWN));
    }

    #[test]
    fn only_webm_is_webm() {
        let ebml = |doc_type: &[u8]| {
            let length = 0x80 | u8::try_from(doc_type.len()).unwrap();
            [
                &b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\xF7\x81\x01\x42\x82"[..],
                &[length],
                doc_type,
                b"\x42\x87",
            ]
            .concat()
        };
        for doc_type in [&b"webm"[..], b"webm\0"] {
            assert_eq!(judged("a.webm", &ebml(doc_type)), Kind::Other("video/webm"));
        }
        for doc_type in [&b"matroska"[..], b"webmatroska", b""] {
            assert_eq!(judged("a.webm", &ebml(doc_type)), Kind::Other("video/x-matroska"));
        }
        assert_eq!(judged("a.webm", b"\x1A\x45\xDF\xA3\x42\x82"), Kind::Other("video/x-matroska"));
    }

    #[test]
    fn the_content_decides_not_the_name() {
        assert_eq!(judged("a.txt", b"%PDF-1.7\n<html>"), Kind::Other("application/pdf"));
        assert_eq!(judged("a.pdf", b"\x89PNG\r\n\x1a\n0000"), Kind::Image(ImageKind::Png));
        assert_eq!(judged("a.png", b"ID3\x04\x00\x00\x00\x00\x00\x00"), Kind::Other("audio/mpeg"));
    }
}
