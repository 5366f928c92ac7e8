//! The layout of partial gradients.

/// The layout of a layer's partial gradients in `partials`: `[slot][word]`, a slot holding weights and bias as
/// `parameters` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partials {
    /// First word.
    pub first: usize,
    /// Words per slot: the layer's length in `parameters`.
    pub words: usize,
    /// Number of slots: one per chunk of a dense layer, [`super::QUADS`] per chunk of a convolution, one per quad.
    pub slots: usize,
    /// Blocks of samples per chunk; the last chunk may have fewer.
    pub blocks_per_chunk: usize,
}

impl Partials {
    /// Words of all slots.
    pub fn length(&self) -> usize {
        self.words * self.slots
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
