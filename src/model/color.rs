//! Whether text for people carries colours.

/// Whether a rendered text carries terminal colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// ANSI escape sequences.
    On,
    /// Plain text.
    Off,
}

impl From<bool> for Color {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}
