//! Decoding images within bounds, and making smaller pictures of them.

use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{
    DynamicImage, GenericImageView, ImageBuffer, ImageDecoder, ImageEncoder, ImageFormat, ImageReader,
    Limits, Pixel, Rgb, RgbImage, imageops,
};
use shared::files::{AVATAR_PIXELS, THUMBNAIL_PIXELS};
use thiserror::Error;

use super::kind::ImageKind;
use super::metadata;

/// How many pixels an image has at most.
const MAX_PIXELS: u64 = 40_000_000;
/// How many bytes a decoder may allocate. Turning deep colours into 8 bits takes half as much again: 256 MiB together.
const MAX_DECODER_BYTES: u64 = 168 * 1024 * 1024;
/// How long an image may take to decode.
const DECODE_TIME: Duration = Duration::from_secs(5);
/// How many bytes a decoder gets before the time is looked at.
const READ_BYTES: usize = 64 * 1024;
/// A larger colour profile is not kept in small pictures.
const MAX_PROFILE_BYTES: usize = 4 * 1024;
/// The quality of thumbnails without transparency.
const JPEG_QUALITY: u8 = 82;

/// Why an image is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    /// It is none of the types that are decoded.
    #[error("it is none of PNG, JPEG, GIF and WebP")]
    Unsupported,
    /// It has too many pixels.
    #[error("it has more than {} megapixels", MAX_PIXELS / 1_000_000)]
    TooManyPixels,
    /// It takes too much memory: deep colours take more for each pixel.
    #[error(
        "decoded, it is larger than {} MB; save it with 8 bits for each colour, or with fewer pixels",
        MAX_DECODER_BYTES / (1024 * 1024)
    )]
    TooMuchMemory,
    /// It takes too much time.
    #[error("it takes longer than {} seconds to decode", DECODE_TIME.as_secs())]
    TooSlow,
    /// It is damaged.
    #[error("it cannot be decoded")]
    Undecodable,
}

impl From<image::ImageError> for ImageError {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::Limits(_) => Self::TooMuchMemory,
            image::ImageError::IoError(error) if error.kind() == io::ErrorKind::TimedOut => Self::TooSlow,
            _ => Self::Undecodable,
        }
    }
}

/// An encoded picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The bytes.
    pub bytes: Bytes,
    /// The media type.
    pub content_type: &'static str,
}

/// An image of a message, ready to be stored.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The image without metadata.
    pub bytes: Bytes,
    /// Width and height, as it is shown.
    pub sides: (u32, u32),
    /// A smaller picture.
    pub thumbnail: Option<Picture>,
}

/// An image in memory.
struct Decoded {
    image: DynamicImage,
    orientation: Orientation,
    profile: Option<Vec<u8>>,
}

/// Removes the metadata of an image and makes its thumbnail.
///
/// # Errors
/// If it is damaged or beyond the bounds.
pub fn prepare(kind: ImageKind, bytes: &[u8]) -> Result<Prepared, ImageError> {
    // Before decoding: it finds structures that are only made to take long.
    let structure = metadata::parse(kind, bytes).ok_or(ImageError::Undecodable)?;
    let decoded = decode(kind, bytes)?;
    let (width, height) = decoded.image.dimensions();
    let sides = if is_turned(decoded.orientation) { (height, width) } else { (width, height) };
    let stripped = structure.write(decoded.orientation);
    Ok(Prepared { bytes: stripped.into(), sides, thumbnail: Some(decoded.thumbnail()?) })
}

/// Makes the pictures of a user or room from an image: the square in its middle in both sizes.
///
/// # Errors
/// If it is none of the types, damaged, or beyond the bounds.
pub fn avatar(bytes: &[u8]) -> Result<Vec<(u32, Picture)>, ImageError> {
    let kind = ImageKind::of(bytes).ok_or(ImageError::Unsupported)?;
    metadata::parse(kind, bytes).ok_or(ImageError::Undecodable)?;
    let decoded = decode(kind, bytes)?;
    let square = decoded.square(AVATAR_PIXELS[0]);
    let small = square.thumbnail_exact(AVATAR_PIXELS[1], AVATAR_PIXELS[1]);
    let pictures = AVATAR_PIXELS.into_iter().zip([square, small]);
    pictures.map(|(size, image)| Ok((size, webp(&image, decoded.profile.as_ref())?))).collect()
}

fn is_turned(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

fn decode(kind: ImageKind, bytes: &[u8]) -> Result<Decoded, ImageError> {
    let format = match kind {
        ImageKind::Png => ImageFormat::Png,
        ImageKind::Jpeg => ImageFormat::Jpeg,
        ImageKind::Gif => ImageFormat::Gif,
        ImageKind::WebP => ImageFormat::WebP,
    };
    let deadline = Instant::now() + DECODE_TIME;
    let mut reader = ImageReader::with_format(Timed { bytes: Cursor::new(bytes), deadline }, format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ImageError::TooManyPixels);
    }
    if decoder.total_bytes() > MAX_DECODER_BYTES {
        return Err(ImageError::TooMuchMemory);
    }
    if width == 0 || height == 0 {
        return Err(ImageError::Undecodable);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().unwrap_or_default().filter(|profile| is_kept(profile));
    let image = DynamicImage::from_decoder(decoder)?;
    Ok(Decoded { image, orientation, profile })
}

/// Whether a colour profile fits a small picture: it is small, and describes RGB (ICC.1, section 7.2).
fn is_kept(profile: &[u8]) -> bool {
    profile.len() <= MAX_PROFILE_BYTES && profile.get(16..20) == Some(b"RGB ")
}

impl Decoded {
    /// A smaller picture that keeps the proportions.
    fn thumbnail(self) -> Result<Picture, ImageError> {
        let Self { image, orientation, profile } = self;
        let has_alpha = image.color().has_alpha();
        let (width, height) = image.dimensions();
        let longest = width.max(height).max(1);
        let scaled = |side: u32| {
            let side = u64::from(side) * u64::from(THUMBNAIL_PIXELS) / u64::from(longest);
            u32::try_from(side).unwrap_or(u32::MAX).max(1)
        };
        let (width, height) =
            if longest > THUMBNAIL_PIXELS { (scaled(width), scaled(height)) } else { (width, height) };
        let mut small: DynamicImage = if has_alpha {
            imageops::thumbnail(&image.into_rgba8(), width, height).into()
        } else {
            imageops::thumbnail(&image.into_rgb8(), width, height).into()
        };
        small.apply_orientation(orientation);
        if has_alpha { webp(&small, profile.as_ref()) } else { jpeg(&small, profile.as_ref()) }
    }

    /// The square in the middle, of this side.
    fn square(&self, side: u32) -> DynamicImage {
        let mut square: DynamicImage = match &self.image {
            DynamicImage::ImageRgb8(image) => middle(image, side).into(),
            DynamicImage::ImageRgba8(image) => middle(image, side).into(),
            image if image.color().has_alpha() => middle(&image.to_rgba8(), side).into(),
            image => middle(&image.to_rgb8(), side).into(),
        };
        square.apply_orientation(self.orientation);
        if square.color().has_alpha() { on_white(&square).into() } else { square }
    }
}

fn middle<P: Pixel<Subpixel = u8> + 'static>(
    image: &ImageBuffer<P, Vec<u8>>,
    side: u32,
) -> ImageBuffer<P, Vec<u8>> {
    let (width, height) = image.dimensions();
    let length = width.min(height);
    let (left, top) = ((width - length) / 2, (height - length) / 2);
    let view = imageops::crop_imm(image, left, top, length, length);
    imageops::thumbnail(&*view, side, side)
}

/// The image on white: a picture lies over what stands for a missing one.
fn on_white(image: &DynamicImage) -> RgbImage {
    let image = image.to_rgba8();
    ImageBuffer::from_fn(image.width(), image.height(), |x, y| {
        let [colours @ .., alpha] = image.get_pixel(x, y).0;
        let alpha = u32::from(alpha);
        Rgb(colours.map(|colour| ((u32::from(colour) * alpha + 255 * (255 - alpha)) / 255) as u8))
    })
}

fn webp(image: &DynamicImage, profile: Option<&Vec<u8>>) -> Result<Picture, ImageError> {
    let mut bytes = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut bytes);
    set_profile(&mut encoder, profile);
    image.write_with_encoder(encoder)?;
    Ok(Picture { bytes: bytes.into(), content_type: ImageKind::WebP.content_type() })
}

fn jpeg(image: &DynamicImage, profile: Option<&Vec<u8>>) -> Result<Picture, ImageError> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    set_profile(&mut encoder, profile);
    image.write_with_encoder(encoder)?;
    Ok(Picture { bytes: bytes.into(), content_type: ImageKind::Jpeg.content_type() })
}

/// Without the profile, the colours are a little different.
fn set_profile(encoder: &mut impl ImageEncoder, profile: Option<&Vec<u8>>) {
    if let Some(profile) = profile {
        let _ = encoder.set_icc_profile(profile.clone());
    }
}

/// Bytes that end with an error when the time is over.
struct Timed<'a> {
    bytes: Cursor<&'a [u8]>,
    deadline: Instant,
}

impl Timed<'_> {
    fn check(&self) -> io::Result<()> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let length = buffer.len().min(READ_BYTES);
        self.bytes.read(&mut buffer[..length])
    }
}

impl BufRead for Timed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        let bytes = self.bytes.fill_buf()?;
        Ok(&bytes[..bytes.len().min(READ_BYTES)])
    }

    fn consume(&mut self, count: usize) {
        self.bytes.consume(count);
    }
}

impl Seek for Timed<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(position)
    }
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Rgba};

    use super::*;

    fn png(image: &DynamicImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn photo(width: u32, height: u32) -> DynamicImage {
        ImageBuffer::from_fn(width, height, |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, 90])).into()
    }

    #[test]
    fn an_avatar_is_the_square_in_the_middle() {
        let mut image = ImageBuffer::from_pixel(300, 100, Rgb([255_u8, 0, 0]));
        for (x, y) in (100..200).flat_map(|x| (0..100).map(move |y| (x, y))) {
            image.put_pixel(x, y, Rgb([0, 0, 255]));
        }
        let pictures = avatar(&png(&image.into())).unwrap();
        let sizes: Vec<u32> = pictures.iter().map(|(size, _)| *size).collect();
        assert_eq!(sizes, [256, 64]);
        for (size, picture) in pictures {
            let decoded = image::load_from_memory(&picture.bytes).unwrap().to_rgb8();
            assert_eq!(decoded.dimensions(), (size, size));
            assert!(decoded.pixels().all(|pixel| *pixel == Rgb([0, 0, 255])));
        }
    }

    #[test]
    fn a_transparent_avatar_lies_on_white() {
        let half: DynamicImage = ImageBuffer::from_pixel(20, 20, Rgba([255_u8, 0, 0, 128])).into();
        let pictures = avatar(&png(&half)).unwrap();
        let decoded = image::load_from_memory(&pictures[0].1.bytes).unwrap().to_rgba8();
        assert_eq!(*decoded.get_pixel(100, 100), Rgba([255, 127, 127, 255]));
    }

    #[test]
    fn a_thumbnail_keeps_the_proportions_and_the_transparency() {
        let prepared = prepare(ImageKind::Png, &png(&photo(1_600, 400))).unwrap();
        assert_eq!(prepared.sides, (1_600, 400));
        let thumbnail = prepared.thumbnail.unwrap();
        assert_eq!(thumbnail.content_type, "image/jpeg");
        assert_eq!(image::load_from_memory(&thumbnail.bytes).unwrap().dimensions(), (800, 200));

        let clear: DynamicImage = ImageBuffer::from_pixel(20, 10, Rgba([1_u8, 2, 3, 4])).into();
        let thumbnail = prepare(ImageKind::Png, &png(&clear)).unwrap().thumbnail.unwrap();
        assert_eq!(thumbnail.content_type, "image/webp");
        assert_eq!(image::load_from_memory(&thumbnail.bytes).unwrap().to_rgba8(), clear.to_rgba8());
    }

    #[test]
    fn an_image_of_too_many_or_too_deep_pixels_is_refused_before_it_is_decoded() {
        let claiming = |side: u32, depth: u8| {
            let mut bytes = png(&photo(1, 1));
            bytes[16..20].copy_from_slice(&side.to_be_bytes());
            bytes[20..24].copy_from_slice(&side.to_be_bytes());
            bytes[24] = depth;
            let checksum = crc32fast::hash(&bytes[12..29]).to_be_bytes();
            bytes[29..33].copy_from_slice(&checksum);
            avatar(&bytes).unwrap_err()
        };
        assert_eq!(claiming(10_000, 8), ImageError::TooManyPixels);
        assert_eq!(claiming(10_000, 8).to_string(), "it has more than 40 megapixels");
        assert_eq!(claiming(6_000, 16), ImageError::TooMuchMemory);
    }

    #[test]
    fn damaged_bytes_never_panic_and_what_is_kept_is_an_image() {
        let kinds = [
            (ImageKind::Png, ImageFormat::Png),
            (ImageKind::Jpeg, ImageFormat::Jpeg),
            (ImageKind::Gif, ImageFormat::Gif),
            (ImageKind::WebP, ImageFormat::WebP),
        ];
        // Xorshift (Marsaglia 2003): the same damage in each run.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        for (kind, format) in kinds {
            let mut whole = Cursor::new(Vec::new());
            photo(33, 21).write_to(&mut whole, format).unwrap();
            let whole = whole.into_inner();
            for _ in 0..400 {
                let mut bytes = whole.clone();
                for _ in 0..=random(6) {
                    let place = random(bytes.len());
                    match random(4) {
                        0 => bytes[place] = random(256) as u8,
                        1 => bytes.truncate(place.max(1)),
                        2 => bytes.insert(place, random(256) as u8),
                        _ => drop(bytes.splice(place..place, whole[..place.min(whole.len())].to_vec())),
                    }
                }
                if let Ok(Prepared { bytes, sides, .. }) = prepare(kind, &bytes) {
                    let again = prepare(kind, &bytes).expect("what is stored is an image");
                    assert_eq!((again.sides, again.bytes), (sides, bytes));
                }
                let _ = avatar(&bytes);
            }
        }
    }

    #[test]
    fn what_is_no_image_is_refused() {
        assert_eq!(avatar(b"<svg/>").unwrap_err(), ImageError::Unsupported);
        let whole = png(&photo(100, 100));
        assert_eq!(avatar(&whole[..whole.len() / 2]).unwrap_err(), ImageError::Undecodable);
    }
}
