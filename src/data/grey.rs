//! A grey image, from an image file or a drawing: the input of digit recognition.

/// A grey image of any size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grey {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Luminance `[row][column]`, 0 (black) to 255 (white).
    pub pixels: Vec<u8>,
}

/// Columns and rows of the outermost pixels; each corner comes twice.
pub(super) fn border(width: usize, height: usize) -> impl Iterator<Item = (usize, usize)> {
    let rows = (0..width).flat_map(move |x| [(x, 0), (x, height.saturating_sub(1))]);
    let columns = (0..height).flat_map(move |y| [(0, y), (width.saturating_sub(1), y)]);
    rows.chain(columns).filter(move |_| width > 0 && height > 0)
}
