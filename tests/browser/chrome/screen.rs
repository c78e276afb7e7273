//! The screens on which pages are shown.

/// How a page is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
    /// Whether it is a touch screen.
    pub is_phone: bool,
    /// Whether the system prefers a dark scheme.
    pub is_dark: bool,
}

impl Screen {
    /// A phone.
    pub const PHONE: Self = Self { width: 360, height: 740, is_phone: true, is_dark: false };
    /// A laptop.
    pub const WIDE: Self = Self { width: 1280, height: 800, is_phone: false, is_dark: false };

    /// The same with the dark scheme.
    pub fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }
}
