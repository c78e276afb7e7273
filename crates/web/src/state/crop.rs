//! Which square of a picture becomes an avatar.
//!
//! Pure. Lengths are in pixels of the picture.

use std::ops::RangeInclusive;

/// The largest side of the result, in pixels.
const MOST_PIXELS: f64 = 512.0;
/// How far the picture can be enlarged, in percent. Whole numbers, because printing and parsing others would make the
/// client larger.
pub const ZOOMS: RangeInclusive<u32> = 100..=400;
/// How far a key moves the picture, as a share of the square's side.
const KEY_STEP: f64 = 0.05;
/// How much a key or a turn of the wheel enlarges the picture, in percent of what it is.
const ZOOM_STEP: u32 = 110;

/// A square part of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Crop {
    width: f64,
    height: f64,
    zoom: u32,
    /// The middle of the square.
    middle: (f64, f64),
}

impl Crop {
    /// The largest square in the middle of a picture of this size.
    pub fn new(width: u32, height: u32) -> Self {
        let (width, height) = (f64::from(width), f64::from(height));
        Self { width, height, zoom: *ZOOMS.start(), middle: (width / 2.0, height / 2.0) }
    }

    /// How far the picture is enlarged, in percent.
    pub fn zoom(&self) -> u32 {
        self.zoom
    }

    /// The side of the square.
    pub fn side(&self) -> f64 {
        self.width.min(self.height) * 100.0 / f64::from(self.zoom)
    }

    /// The upper left corner of the square.
    pub fn corner(&self) -> (f64, f64) {
        let half = self.side() / 2.0;
        (self.middle.0 - half, self.middle.1 - half)
    }

    /// The side of the result: a small picture is not enlarged.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 512.
    pub fn pixels(&self) -> u32 {
        self.side().round().clamp(1.0, MOST_PIXELS) as u32
    }

    /// Moves the picture under the square, by shares of the square's side.
    pub fn drag(&mut self, right: f64, down: f64) {
        let side = self.side();
        self.move_to(self.middle.0 - right * side, self.middle.1 - down * side);
    }

    /// Enlarges the picture this far, around the middle of the square.
    pub fn zoom_to(&mut self, percent: u32) {
        self.zoom = percent.clamp(*ZOOMS.start(), *ZOOMS.end());
        self.move_to(self.middle.0, self.middle.1);
    }

    /// Enlarges the picture by one step, or makes it smaller.
    pub fn zoom_by_step(&mut self, is_closer: bool) {
        self.zoom_to(if is_closer { self.zoom * ZOOM_STEP / 100 } else { self.zoom * 100 / ZOOM_STEP });
    }

    /// Does what a key does. Returns whether it does something.
    pub fn press(&mut self, key: &str) -> bool {
        match key {
            "ArrowLeft" => self.drag(-KEY_STEP, 0.0),
            "ArrowRight" => self.drag(KEY_STEP, 0.0),
            "ArrowUp" => self.drag(0.0, -KEY_STEP),
            "ArrowDown" => self.drag(0.0, KEY_STEP),
            // The plus sign without Shift, on many keyboards.
            "+" | "=" => self.zoom_by_step(true),
            "-" | "_" => self.zoom_by_step(false),
            _ => return false,
        }
        true
    }

    /// The square never leaves the picture.
    fn move_to(&mut self, x: f64, y: f64) {
        let half = self.side() / 2.0;
        self.middle = (x.clamp(half, self.width - half), y.clamp(half, self.height - half));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_the_largest_square_in_the_middle() {
        let crop = Crop::new(1_000, 400);
        assert_eq!((crop.side(), crop.corner(), crop.pixels()), (400.0, (300.0, 0.0), 400));
        assert_eq!(Crop::new(3_000, 4_000).pixels(), 512, "the result is no larger than needed");
    }

    #[test]
    fn the_picture_follows_the_pointer_and_covers_the_square() {
        let mut crop = Crop::new(1_000, 400);
        crop.drag(0.25, 0.5);
        assert_eq!(crop.corner(), (200.0, 0.0), "it cannot move down");
        crop.drag(9.0, 9.0);
        assert_eq!(crop.corner(), (0.0, 0.0));
        crop.drag(-9.0, 0.0);
        assert_eq!(crop.corner(), (600.0, 0.0));
    }

    #[test]
    fn zooming_keeps_the_middle_where_it_can() {
        let mut crop = Crop::new(400, 400);
        crop.zoom_to(200);
        assert_eq!((crop.side(), crop.corner()), (200.0, (100.0, 100.0)));
        crop.drag(-9.0, -9.0);
        assert_eq!(crop.corner(), (200.0, 200.0));
        crop.zoom_to(50);
        assert_eq!((crop.zoom(), crop.corner()), (100, (0.0, 0.0)), "no border is ever seen");
        crop.zoom_to(10_000);
        assert_eq!((crop.zoom(), crop.pixels()), (400, 100));
    }

    #[test]
    fn keys_move_and_zoom_and_leave_other_keys_alone() {
        let mut crop = Crop::new(400, 400);
        assert!(crop.press("+"));
        assert_eq!(crop.zoom(), 110);
        let before = crop.corner();
        assert!(crop.press("ArrowRight") && crop.press("ArrowUp"));
        assert!(crop.corner().0 < before.0 && crop.corner().1 > before.1);
        assert!(crop.press("-"));
        assert_eq!(crop.zoom(), 100);
        assert!(!crop.press("Tab") && !crop.press("a"));
    }
}
