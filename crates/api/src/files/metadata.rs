//! Removes metadata from images without decoding them: places, cameras, comments, and what follows the end. What is drawn
//! stays byte for byte, with the colour profile and, as the only piece of Exif, the orientation.
//!
//! Only known parts are kept. Formats: PNG (W3C), JPEG (ITU-T T.81), GIF89a, WebP (RFC 9649), Exif (CIPA DC-008).

use image::metadata::Orientation;

use super::kind::ImageKind;

/// How many scans a JPEG has at most. Each costs a pass over the image, however few bytes it has.
const MAX_SCANS: usize = 64;

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The chunks of PNG that say what is drawn.
const PNG_CHUNKS: [&[u8; 4]; 16] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"bKGD",
    b"pHYs", b"acTL", b"fcTL", b"fdAT", b"cICP",
];
/// The chunks of WebP that say what is drawn.
const WEBP_CHUNKS: [&[u8; 4]; 7] = [b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP"];
/// Those within a frame.
const WEBP_FRAME_CHUNKS: [&[u8; 4]; 3] = [b"VP8 ", b"VP8L", b"ALPH"];
/// The flags of VP8X for Exif and XMP.
const WEBP_EXIF_FLAG: u8 = 0b1000;
const WEBP_XMP_FLAG: u8 = 0b0100;
/// The extensions of GIF that repeat an animation or describe colours.
const GIF_EXTENSIONS: [&[u8]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];

/// The parts of an image that are kept.
pub struct Structure<'a> {
    kind: ImageKind,
    parts: Vec<Part<'a>>,
}

/// A part: bytes of the image, or bytes that replace some.
enum Part<'a> {
    Kept(&'a [u8]),
    Replaced(Vec<u8>),
    /// Where Exif belongs.
    Exif,
}

/// Finds the parts of an image; `None` if it is damaged.
pub fn parse(kind: ImageKind, bytes: &[u8]) -> Option<Structure<'_>> {
    let parts = match kind {
        ImageKind::Png => png(bytes),
        ImageKind::Jpeg => jpeg(bytes),
        ImageKind::Gif => gif(bytes),
        ImageKind::WebP => webp(bytes),
    }?;
    Some(Structure { kind, parts })
}

impl Structure<'_> {
    /// The image without metadata but this orientation.
    pub fn write(&self, orientation: Orientation) -> Vec<u8> {
        let exif = (orientation != Orientation::NoTransforms).then(|| exif(orientation));
        let mut bytes = Vec::new();
        for part in &self.parts {
            match part {
                Part::Kept(kept) => bytes.extend_from_slice(kept),
                Part::Replaced(replaced) => bytes.extend_from_slice(replaced),
                Part::Exif => {
                    if let Some(exif) = &exif {
                        bytes.extend(self.exif_part(exif));
                    }
                }
            }
        }
        if self.kind == ImageKind::WebP {
            finish_webp(&mut bytes, exif.is_some());
        }
        bytes
    }

    fn exif_part(&self, exif: &[u8]) -> Vec<u8> {
        match self.kind {
            ImageKind::Png => png_chunk(b"eXIf", exif),
            ImageKind::Jpeg => jpeg_segment(0xE1, &[b"Exif\0\0", exif].concat()),
            ImageKind::WebP => riff_chunk(b"EXIF", exif),
            ImageKind::Gif => Vec::new(),
        }
    }
}

/// Exif with nothing but an orientation: a TIFF with one entry.
fn exif(orientation: Orientation) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation.to_exif(), 0, 0, 0, 0, 0, 0, 0]);
    tiff
}

/// Takes so many bytes from the front.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn png(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut rest = bytes;
    let signature = take(&mut rest, PNG_SIGNATURE.len()).filter(|signature| *signature == PNG_SIGNATURE)?;
    let mut parts = vec![Part::Kept(signature)];
    loop {
        let length = u32::from_be_bytes(rest.first_chunk::<4>().copied()?);
        let chunk = take(&mut rest, usize::try_from(length).ok()?.checked_add(12)?)?;
        let name: [u8; 4] = chunk[4..8].try_into().ok()?;
        if PNG_CHUNKS.contains(&&name) {
            parts.push(Part::Kept(chunk));
        }
        match &name {
            b"IHDR" => parts.push(Part::Exif),
            b"IEND" => return Some(parts),
            _ => {}
        }
    }
}

fn png_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let named = [name, data].concat();
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[..], &named, &crc32fast::hash(&named).to_be_bytes()].concat()
}

fn jpeg(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut rest = bytes;
    let start = take(&mut rest, 2).filter(|start| *start == [0xFF, 0xD8])?;
    let mut parts = vec![Part::Kept(start)];
    let mut scans = 0;
    let mut has_place = false;
    loop {
        // Any number of fill bytes may precede a marker.
        while rest.first_chunk::<2>() == Some(&[0xFF, 0xFF]) {
            take(&mut rest, 1)?;
        }
        let [0xFF, marker] = *rest.first_chunk::<2>()? else { return None };
        if marker == 0xD9 {
            parts.push(Part::Kept(take(&mut rest, 2)?));
            return Some(parts);
        }
        // Markers without a length do not stand between segments.
        if matches!(marker, 0x00 | 0x01 | 0xD0..=0xD8) {
            return None;
        }
        let length = u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?);
        let segment = take(&mut rest, usize::from(length).checked_add(2)?)?;
        let data = segment.get(4..)?;
        // Exif stands behind JFIF, before everything else.
        if marker != 0xE0 && !has_place {
            parts.push(Part::Exif);
            has_place = true;
        }
        match marker {
            // JFIF, without its thumbnail.
            0xE0 if data.len() >= 14 && data.starts_with(b"JFIF\0") && !has_place => {
                let mut header = data[..14].to_vec();
                header[12..].fill(0);
                parts.push(Part::Replaced(jpeg_segment(0xE0, &header)));
            }
            0xE2 if data.starts_with(b"ICC_PROFILE\0") => parts.push(Part::Kept(segment)),
            0xEE if data.starts_with(b"Adobe") => parts.push(Part::Kept(segment)),
            0xE0..=0xEF | 0xFE => {}
            0xDA => {
                scans += 1;
                if scans > MAX_SCANS {
                    return None;
                }
                let length = scan_length(rest)?;
                parts.push(Part::Kept(segment));
                parts.push(Part::Kept(take(&mut rest, length)?));
            }
            0xC0..=0xCF | 0xDB | 0xDD | 0xDE | 0xDF | 0xDC => parts.push(Part::Kept(segment)),
            _ => return None,
        }
    }
}

/// How long the data of a scan is: until a marker that is no restart.
fn scan_length(bytes: &[u8]) -> Option<usize> {
    let mut place = 0;
    loop {
        place += bytes.get(place..)?.iter().position(|byte| *byte == 0xFF)?;
        match bytes.get(place + 1)? {
            0x00 | 0xD0..=0xD7 => place += 2,
            0xFF => place += 1,
            _ => return Some(place),
        }
    }
}

fn jpeg_segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap_or(u16::MAX).to_be_bytes();
    [&[0xFF, marker], &length[..], data].concat()
}

fn gif(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut rest = bytes;
    let header = take(&mut rest, 13)?;
    let mut parts = vec![Part::Kept(header), Part::Kept(gif_colours(&mut rest, header[10])?)];
    loop {
        let before = rest;
        match take(&mut rest, 1)? {
            // An image.
            [0x2C] => {
                let descriptor = take(&mut rest, 9)?;
                gif_colours(&mut rest, descriptor[8])?;
                take(&mut rest, 1)?;
                gif_blocks(&mut rest)?;
                parts.push(Part::Kept(&before[..before.len() - rest.len()]));
            }
            [0x21] => {
                let label = take(&mut rest, 1)?[0];
                let name = rest.get(1..12).unwrap_or_default();
                let is_kept = label == 0xF9 || (label == 0xFF && GIF_EXTENSIONS.contains(&name));
                gif_blocks(&mut rest)?;
                if is_kept {
                    parts.push(Part::Kept(&before[..before.len() - rest.len()]));
                }
            }
            [0x3B] => {
                parts.push(Part::Kept(&before[..1]));
                return Some(parts);
            }
            _ => return None,
        }
    }
}

/// A table of colours, if the flags announce one.
fn gif_colours<'a>(rest: &mut &'a [u8], flags: u8) -> Option<&'a [u8]> {
    let count = if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    take(rest, count)
}

/// Blocks of data up to the empty one.
fn gif_blocks(rest: &mut &[u8]) -> Option<()> {
    loop {
        let length = take(rest, 1)?[0];
        take(rest, usize::from(length))?;
        if length == 0 {
            return Some(());
        }
    }
}

fn webp(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut rest = bytes;
    let header = take(&mut rest, 12)?;
    let length = usize::try_from(u32::from_le_bytes(header[4..8].try_into().ok()?)).ok()?;
    if !header.starts_with(b"RIFF") || &header[8..] != b"WEBP" {
        return None;
    }
    let mut rest = rest.get(..length.checked_sub(4)?)?;
    let mut parts = vec![Part::Kept(header)];
    while !rest.is_empty() {
        let (name, chunk) = riff_chunks(&mut rest)?;
        if !WEBP_CHUNKS.contains(&name) {
            continue;
        }
        parts.push(match name {
            b"VP8X" => {
                let mut chunk = chunk.to_vec();
                *chunk.get_mut(8)? &= !(WEBP_EXIF_FLAG | WEBP_XMP_FLAG);
                Part::Replaced(chunk)
            }
            b"ANMF" => Part::Replaced(webp_frame(chunk)?),
            _ => Part::Kept(chunk),
        });
    }
    parts.push(Part::Exif);
    Some(parts)
}

/// A frame without unknown chunks.
fn webp_frame(frame: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(u32::from_le_bytes(frame[4..8].try_into().ok()?)).ok()?;
    let mut rest = frame.get(8..8 + length)?;
    let mut data = take(&mut rest, 16)?.to_vec();
    while !rest.is_empty() {
        let (name, chunk) = riff_chunks(&mut rest)?;
        if WEBP_FRAME_CHUNKS.contains(&name) {
            data.extend_from_slice(chunk);
        }
    }
    Some(riff_chunk(b"ANMF", &data))
}

/// The next chunk with its padding, and its name.
fn riff_chunks<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8; 4], &'a [u8])> {
    let length = usize::try_from(u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?)).ok()?;
    let padded = length.checked_add(length % 2)?.checked_add(8)?;
    let chunk = take(rest, padded)?;
    Some((chunk.first_chunk()?, chunk))
}

fn riff_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes();
    let padding: &[u8] = if data.len().is_multiple_of(2) { &[] } else { &[0] };
    [name, &length[..], data, padding].concat()
}

/// Corrects the length of the file, and says that there is Exif. Only extended files can have it.
fn finish_webp(bytes: &mut [u8], has_exif: bool) {
    let length = u32::try_from(bytes.len().saturating_sub(8)).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(place) = bytes.get_mut(4..8) {
        place.copy_from_slice(&length);
    }
    if has_exif
        && bytes.get(12..16) == Some(b"VP8X")
        && let Some(flags) = bytes.get_mut(20)
    {
        *flags |= WEBP_EXIF_FLAG;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Rgb};

    use super::*;

    const FORMATS: [(ImageKind, ImageFormat); 4] = [
        (ImageKind::Png, ImageFormat::Png),
        (ImageKind::Jpeg, ImageFormat::Jpeg),
        (ImageKind::Gif, ImageFormat::Gif),
        (ImageKind::WebP, ImageFormat::WebP),
    ];

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let image: DynamicImage =
            ImageBuffer::from_fn(40, 30, |x, y| Rgb([(x * 6) as u8, (y * 8) as u8, 90])).into();
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn stripped(kind: ImageKind, bytes: &[u8]) -> Vec<u8> {
        parse(kind, bytes).expect("an image").write(Orientation::NoTransforms)
    }

    #[test]
    fn what_is_drawn_stays_and_what_follows_the_end_goes() {
        for (kind, format) in FORMATS {
            let whole = encoded(format);
            let with_more = [whole.as_slice(), b"<script>alert(1)</script>PK\x03\x04"].concat();
            let stripped = stripped(kind, &with_more);
            assert!(!stripped.windows(8).any(|bytes| bytes == b"<script>"), "{kind:?}");
            let load = |bytes: &[u8]| image::load_from_memory_with_format(bytes, format).unwrap();
            assert_eq!(load(&stripped), load(&whole), "{kind:?}");
        }
    }

    #[test]
    fn comments_and_places_go() {
        let png = encoded(ImageFormat::Png);
        let with_text = [&png[..33], &png_chunk(b"tEXt", b"Place\0Home"), &png[33..]].concat();
        assert_eq!(stripped(ImageKind::Png, &with_text), png);

        let jpeg = encoded(ImageFormat::Jpeg);
        let comment = jpeg_segment(0xFE, b"Home");
        let place = jpeg_segment(0xE1, b"Exif\0\0II*\0Home");
        let with_both = [&jpeg[..2], &place, &comment, &jpeg[2..]].concat();
        assert!(!stripped(ImageKind::Jpeg, &with_both).windows(4).any(|bytes| bytes == b"Home"));

        let gif = encoded(ImageFormat::Gif);
        let end = gif.len() - 1;
        let with_comment = [&gif[..end], b"\x21\xFE\x04Home\0", &gif[end..]].concat();
        assert_eq!(stripped(ImageKind::Gif, &with_comment), gif);
    }

    #[test]
    fn the_orientation_stays() {
        for (kind, format) in FORMATS.into_iter().filter(|(kind, _)| *kind != ImageKind::Gif) {
            let mut plain = encoded(format);
            if kind == ImageKind::WebP {
                // Only extended files can have Exif.
                let extended = riff_chunk(b"VP8X", &[0, 0, 0, 0, 39, 0, 0, 29, 0, 0]);
                plain = [&plain[..12], &extended, &plain[12..]].concat();
                finish_webp(&mut plain, false);
            }
            let turned = parse(kind, &plain).unwrap().write(Orientation::Rotate90);
            let orientation = |bytes: &[u8]| {
                let reader = ImageReader::with_format(Cursor::new(bytes.to_vec()), format);
                reader.into_decoder().unwrap().orientation().unwrap()
            };
            assert_eq!(orientation(&turned), Orientation::Rotate90, "{kind:?}");
            let again = parse(kind, &turned).unwrap().write(orientation(&turned));
            assert_eq!(again, turned, "{kind:?}");
        }
    }

    #[test]
    fn damaged_images_have_no_structure() {
        for (kind, format) in FORMATS {
            let whole = encoded(format);
            for length in 0..whole.len() {
                assert!(parse(kind, &whole[..length]).is_none(), "{kind:?} of {length} bytes");
            }
        }
    }
}
