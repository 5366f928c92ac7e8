//! Datasets: IDX files, the embedded MNIST, image files, shuffled orders.

/// Images and labels of one split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Where it came from, for messages and metadata: a folder, or `embedded MNIST`.
    pub source: String,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Bytes `[sample][row][column]`.
    pub images: Vec<u8>,
    /// Class of each sample.
    pub labels: Vec<u8>,
}
