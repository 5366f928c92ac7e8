//! One operation of a plan: its kind, its geometry and its buffers.

use super::{BLOCK, BufferId, LANES, Optimizer, QUADS};
use crate::model::{Activation, Shape};

/// An operation in its place in a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// The layer it belongs to, or `input`, `loss`, `update`.
    pub layer: String,
    /// What it computes.
    pub kind: OpKind,
    /// Its buffers in the order of [`OpKind`]'s documentation, which is the order of the shader's bindings:
    /// first those it reads, then those it writes.
    pub buffers: Vec<BufferId>,
}

/// What an operation computes. Each line gives `reads -> writes`.
#[derive(Debug, Clone, PartialEq)]
pub enum OpKind {
    /// `images, labels, order -> x, targets`: the samples of a step, padded, and scaled unless they stay bytes.
    Gather(Gather),
    /// `x, parameters -> y[, winners]`: valid convolution, bias and activation, and max-pooling if it has it.
    Conv2dForward(Conv2d),
    /// `dy, parameters, x[, winners] -> dx`: gradient of its input's sums.
    Conv2dBackwardInput(Conv2d),
    /// `x, dy[, winners] -> partials`: partial gradients of weights and bias.
    Conv2dBackwardWeights(Conv2d),
    /// `x -> y`: largest of each block.
    MaxPoolForward(Pool),
    /// `x, dy -> dx`: gradient of its input's sums.
    MaxPoolBackward(Pool),
    /// `x -> y`: mean of each block.
    AveragePoolForward(Pool),
    /// `x, dy -> dx`: gradient of its input's sums.
    AveragePoolBackward(Pool),
    /// `x, parameters -> y`: matrix product, bias and activation.
    DenseForward(Dense),
    /// `dy, parameters, x -> dx`: gradient of its input's sums.
    DenseBackwardInput(Dense),
    /// `x, dy -> partials`: partial gradients of weights and bias.
    DenseBackwardWeights(Dense),
    /// `logits, targets -> probabilities, dlogits, scores, predictions`: loss, hit and class of each sample.
    SoftmaxCrossEntropy {
        /// Number of classes.
        classes: usize,
    },
    /// `scores -> metrics`: sums over the batch, into the step's slot.
    SumScores,
    /// `partials -> gradients`: adds the slots of every layer in order.
    SumGradients(Vec<Segment>),
    /// `gradients -> parameters, momentum[, variance]`: one step of the optimiser over all parameters.
    Update {
        /// Which rule.
        optimizer: Optimizer,
        /// Length of the flat parameter buffer, f32.
        words: usize,
    },
}

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
    /// Whether `x` stays bytes, `[block][channel][row][column / 2][quad][column % 2]`, a word each with the
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
    /// columns and the other sums are never stored. `winners` says which it was: see [`super::WINNER_BITS`].
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

    /// Words of `x` for a sample.
    fn input_words(&self) -> usize {
        if self.levels.is_some() { self.input.elements() / 4 } else { self.input.elements() }
    }

    /// Words of `winners` for `blocks` blocks of samples.
    pub fn winner_words(&self, blocks: usize) -> usize {
        let Shape { channels, height, width } = self.pooled();
        blocks * channels.div_ceil(LANES) * height * width * QUADS
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
    /// Words a slot: the layer's length in `parameters`.
    pub words: usize,
    /// Number of slots; for a convolution a chunk has [`super::QUADS`] of them, one a group of four samples.
    pub slots: usize,
    /// Blocks of samples a chunk sums over; the last chunk may have fewer.
    pub blocks_per_chunk: usize,
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

impl OpKind {
    /// The name of the operation, which is also that of its entry point. Its file in `shaders/` and `src/cpu/` is
    /// named by what comes before `_bytes`, `_forward`, `_backward`, or the `_max_pool` of a convolution.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gather(Gather { bytes: true, .. }) => "gather_bytes",
            Self::Gather(_) => "gather",
            Self::Conv2dForward(Conv2d { max_pool: true, .. }) => "conv2d_max_pool_forward",
            Self::Conv2dForward(_) => "conv2d_forward",
            Self::Conv2dBackwardInput(_) => "conv2d_backward_input",
            Self::Conv2dBackwardWeights(Conv2d { max_pool: true, .. }) => "conv2d_max_pool_backward_weights",
            Self::Conv2dBackwardWeights(_) => "conv2d_backward_weights",
            Self::MaxPoolForward(_) => "max_pool_forward",
            Self::MaxPoolBackward(_) => "max_pool_backward",
            Self::AveragePoolForward(_) => "average_pool_forward",
            Self::AveragePoolBackward(_) => "average_pool_backward",
            Self::DenseForward(_) => "dense_forward",
            Self::DenseBackwardInput(_) => "dense_backward_input",
            Self::DenseBackwardWeights(_) => "dense_backward_weights",
            Self::SoftmaxCrossEntropy { .. } => "softmax_cross_entropy",
            Self::SumScores => "sum_scores",
            Self::SumGradients(_) => "sum_gradients",
            Self::Update { optimizer: Optimizer::Sgd { .. }, .. } => "sgd",
            Self::Update { optimizer: Optimizer::Adam | Optimizer::AdamW, .. } => "adam",
        }
    }

    /// How many of [`Op::buffers`] are read; the rest are written (the optimiser also reads what it writes).
    pub fn reads(&self) -> usize {
        match self {
            Self::Conv2dBackwardInput(c) => 3 + usize::from(c.max_pool),
            Self::Conv2dBackwardWeights(c) => 2 + usize::from(c.max_pool),
            Self::Gather(_) | Self::DenseBackwardInput(_) => 3,
            Self::Conv2dForward(_)
            | Self::MaxPoolBackward(_)
            | Self::AveragePoolBackward(_)
            | Self::DenseForward(_)
            | Self::DenseBackwardWeights(_)
            | Self::SoftmaxCrossEntropy { .. } => 2,
            Self::MaxPoolForward(_)
            | Self::AveragePoolForward(_)
            | Self::SumScores
            | Self::SumGradients(_)
            | Self::Update { .. } => 1,
        }
    }

    /// Useful floating-point operations for `samples` samples: two a multiply-add, padding not counted,
    /// and for pooling, the loss and the optimiser only a rough count, since memory binds them.
    pub fn flops(&self, samples: usize) -> u64 {
        let count = match self {
            Self::Gather(g) => 2 * g.input.elements() * samples,
            Self::Conv2dForward(c) | Self::Conv2dBackwardInput(c) | Self::Conv2dBackwardWeights(c) => {
                2 * c.output.elements() * c.input.channels * c.kernel * c.kernel * samples
            }
            Self::DenseForward(d) | Self::DenseBackwardInput(d) | Self::DenseBackwardWeights(d) => {
                2 * d.inputs * d.outputs * samples
            }
            Self::MaxPoolForward(p)
            | Self::MaxPoolBackward(p)
            | Self::AveragePoolForward(p)
            | Self::AveragePoolBackward(p) => p.input.elements() * samples,
            Self::SoftmaxCrossEntropy { classes } => 8 * classes * samples,
            Self::SumScores => 4 * samples,
            Self::SumGradients(segments) => segments.iter().map(|s| s.partials.words * s.partials.slots).sum(),
            Self::Update { words, .. } => 6 * words,
        };
        count as u64
    }

    /// Bytes that must move at least once for `samples` samples: every input read and every output written.
    pub fn bytes(&self, samples: usize) -> u64 {
        let words = match self {
            Self::Gather(g) => {
                let x = if g.bytes { g.input.elements() / 4 } else { g.input.elements() };
                (g.image_height * g.image_width / 4 + x) * samples
            }
            Self::Conv2dForward(c) => (c.input_words() + c.pooled().elements()) * samples + c.partials.words,
            Self::Conv2dBackwardInput(c) => {
                (2 * c.input.elements() + c.pooled().elements()) * samples + c.partials.words
            }
            Self::Conv2dBackwardWeights(c) => {
                (c.input_words() + c.pooled().elements()) * samples + c.partials.words * c.partials.slots
            }
            Self::MaxPoolForward(p) | Self::AveragePoolForward(p) => {
                (p.input.elements() + p.output.elements()) * samples
            }
            Self::MaxPoolBackward(p) | Self::AveragePoolBackward(p) => {
                (2 * p.input.elements() + p.output.elements()) * samples
            }
            Self::DenseForward(d) => (d.inputs + d.outputs) * samples + d.partials.words,
            Self::DenseBackwardInput(d) => (2 * d.inputs + d.outputs) * samples + d.partials.words,
            Self::DenseBackwardWeights(d) => (d.inputs + d.outputs) * samples + d.partials.words * d.partials.slots,
            Self::SoftmaxCrossEntropy { classes } => (3 * classes + 6) * samples,
            Self::SumScores => 4 * samples,
            Self::SumGradients(segments) => segments.iter().map(|s| s.partials.words * (s.partials.slots + 1)).sum(),
            Self::Update { optimizer, words } => words * (3 + 2 * optimizer.states()),
        };
        4 * words as u64
    }
}

/// Number of blocks that hold `samples` samples.
pub(super) fn blocks(samples: usize) -> usize {
    samples.div_ceil(BLOCK)
}
