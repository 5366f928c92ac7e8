//! The plan: a training step as a short list of operations over named buffers, as plain data.
//!
//! Everything the program does is something done to a plan: [`crate::gpu`] and [`crate::cpu`] run it,
//! `check` runs it on both and compares, `bench` times every operation. A layer that lowers to
//! operations is trained, checked and benchmarked without another line.
//!
//! # Contracts
//! - **Layout.** Activations are `[block][channel][row][column][sample]`, [`BLOCK`] samples a block,
//!   samples innermost. A batch is padded to whole blocks.
//! - **Short batches.** `Gather` fills samples past [`Step::count`] with the background, and
//!   `SoftmaxCrossEntropy` gives them no loss and no gradient: they are masked, never dropped.
//! - **Activation derivatives.** The gradient buffer of a layer is with respect to its sums, before the
//!   activation. Every `*BackwardInput` and `*PoolBackward` therefore multiplies what it passes down
//!   by the derivative of the activation that made its input, taken from that input's value.
//! - **A convolution before 2x2 max-pooling** is one operation with it: every activation here rises with
//!   its sum, so the largest sum of a block is picked first, and activation, storage and gradient are of
//!   that one alone.
//! - **Weight gradients** are partial sums a chunk of blocks (and, for convolutions, a group of
//!   [`LANES`] samples), then added by `SumGradients` in slot order: one writer an element, so the same
//!   bits each time.

mod lower;
mod op;
mod parameters;
mod runner;

pub use lower::{DatasetShape, MOST_STEPS, Optimizer, Plan};
pub use op::{Conv2d, Dense, Gather, Op, OpKind, Partials, Pool, Segment};
pub use parameters::{ParameterLayout, Placed};
pub use runner::{Clock, Device, Metrics, Phase, Runner, Step};

/// Samples in a block, the innermost extent of every activation buffer.
pub const BLOCK: usize = 32;

/// Samples that one GPU thread handles together, as one `vec4f`.
pub const LANES: usize = 4;

/// Groups of [`LANES`] samples in a block.
pub const QUADS: usize = BLOCK / LANES;

/// Target of a sample past [`Step::count`]: it has no label, no loss and no gradient.
pub const MASKED: u32 = u32::MAX;

/// Bits that say which sum of a 2x2 block was the largest: 0 to 3 in row order.
///
/// `winners` is `[block][channel / 4][row][column][quad]`, a word each: sample `n` of the quad and channel
/// `c` of the four have bits `8c + 2n` and up.
pub const WINNER_BITS: usize = 2;

/// A buffer of a plan, by its place in [`Plan::buffers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub usize);

/// What the 4-byte words of a buffer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// IEEE single precision.
    F32,
    /// Unsigned integers (also bytes, four a word, lowest first).
    U32,
}

/// A named buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BufferSpec {
    /// `c1`, `c1.gradient`, `parameters`, ...
    pub name: String,
    /// Type of its words.
    pub element: Element,
    /// Number of 4-byte words.
    pub words: usize,
}
