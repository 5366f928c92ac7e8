//! The layout of partial gradients.

/// The layout of a layer's partial gradients in `partials`: `[slot][word]`, a slot holding weights and bias as
/// `parameters` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partials {
    /// First word.
    pub first: usize,
    /// Words per slot: the layer's length in `parameters`.
    pub words: usize,
    /// Number of slots.
    pub slots: usize,
    /// Rows whose gradients a slot sums, counted over all blocks of samples; the last slot may have fewer. A row is one
    /// of cells (a convolution), of outputs (sub-sampling), or a block of samples (dense).
    pub rows_per_slot: usize,
    /// Samples of a row.
    pub samples: usize,
}

impl Partials {
    /// Words of all slots.
    pub fn length(&self) -> usize {
        self.words * self.slots
    }

    /// The rows of `slot`, of `rows` in all.
    pub fn rows(&self, slot: usize, rows: usize) -> std::ops::Range<usize> {
        let first = slot * self.rows_per_slot;
        first..(first + self.rows_per_slot).min(rows)
    }
}

/// One layer's share of the work of `SumGradients`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// First word in `parameters` and `gradients`.
    pub first: usize,
    /// Its partial gradients.
    pub partials: Partials,
}

impl Segment {
    /// Its words in `parameters` and `gradients`.
    pub fn words(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.partials.words
    }
}
