//! The extents of operations: shapes, kernels, and where weights and partial gradients lie.

use super::layout::{PACK, QUADS};
use crate::model::{Activation, Shape};

/// Geometry of a gather.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gather {
    /// Rows of a stored image.
    pub image_height: usize,
    /// Columns of a stored image.
    pub image_width: usize,
    /// The model's input; stored images are centred in it.
    pub input: Shape,
    /// Values of a byte 0, which is also that of padding, and of a byte 255.
    pub levels: [f32; 2],
    /// Whether `x` stays bytes, `[block][channel][row][column / 2][quad][column % 2]`, one word each with the
    /// bytes of four samples, lowest first: [`Conv2d::levels`] scales them as it reads.
    pub bytes: bool,
}

/// Geometry of a convolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2d {
    /// Shape of `x`.
    pub input: Shape,
    /// Shape of the sums: of `y`, unless it is pooled.
    pub output: Shape,
    /// Whether only the largest sum of each 2x2 block goes on, so that `y` and `dy` have half the rows and
    /// columns and the other sums are never stored. `argmax` says which it was: see [`super::ARGMAX_BITS`].
    pub max_pool: bool,
    /// Values of a byte 0 and of a byte 255 if `x` is bytes as [`Gather::bytes`] has them; only with max-pooling.
    pub levels: Option<[f32; 2]>,
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Applied to the sums (forward).
    pub activation: Activation,
    /// The activation that made `x` (backward to the input).
    pub input_activation: Activation,
    /// First word of the weights in `parameters`; the packed layout is in [`super::ParameterLayout`].
    pub weights: usize,
    /// First word of the bias in `parameters`.
    pub bias: usize,
    /// Where its partial gradients go.
    pub partials: Partials,
}

impl Conv2d {
    /// Shape of `y` and `dy`.
    pub fn pooled(&self) -> Shape {
        let Shape { channels, height, width } = self.output;
        if self.max_pool { Shape::new(channels, height / 2, width / 2) } else { self.output }
    }

    /// Words of `x` per sample.
    pub(super) fn input_words(&self) -> usize {
        if self.levels.is_some() { self.input.elements() / 4 } else { self.input.elements() }
    }

    /// Words of `argmax` for `blocks` blocks of samples.
    pub fn argmax_words(&self, blocks: usize) -> usize {
        let Shape { channels, height, width } = self.pooled();
        blocks * channels.div_ceil(PACK) * height * width * QUADS
    }
}

/// Geometry of a dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense {
    /// Input values of a sample.
    pub inputs: usize,
    /// Output values of a sample.
    pub outputs: usize,
    /// Applied to the sums (forward).
    pub activation: Activation,
    /// The activation that made `x` (backward to the input).
    pub input_activation: Activation,
    /// First word of the weights in `parameters`.
    pub weights: usize,
    /// First word of the bias in `parameters`.
    pub bias: usize,
    /// Where its partial gradients go.
    pub partials: Partials,
}

/// Where a layer's partial gradients lie in `partials`: `[slot][word]`, a slot holding weights and bias
/// exactly as `parameters` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partials {
    /// First word.
    pub first: usize,
    /// Words per slot: the layer's length in `parameters`.
    pub words: usize,
    /// Number of slots; for a convolution a chunk has [`super::QUADS`] of them, one per quad.
    pub slots: usize,
    /// Blocks of samples a chunk sums over; the last chunk may have fewer.
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

/// Geometry of a pooling layer; the stride is the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Shape of `x`.
    pub input: Shape,
    /// Shape of `y`.
    pub output: Shape,
    /// Rows and columns of a block.
    pub size: usize,
    /// The activation that made `x` (backward).
    pub input_activation: Activation,
}

/// Extents of the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Number of classes.
    pub classes: usize,
    /// Most samples of a step.
    pub batch: usize,
    /// Whether it writes the gradient of the logits: so in a plan that trains.
    pub gradient: bool,
}
