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

mod buffer;
mod facts;
pub mod layout;
mod lower;
mod operations;
mod parameters;
mod partials;
mod phase;
#[expect(clippy::module_inception, reason = "the type that the room is named after")]
mod plan;
mod runner;
mod stage;
mod step;

pub use buffer::{BufferId, BufferSpec, Content, Element};
pub use facts::{Count, Facts, Role, Rounding, Slot, Use};
pub use layout::{ARGMAX_BITS, BLOCK, MASKED, PACK, QUAD, QUADS};
pub use operations::{Conv2d, Dense, Gather, Loss, Op, OpKind, Pass, Pool};
pub use parameters::{ParameterLayout, Placed};
pub use partials::{Partials, Segment};
pub use phase::Phase;
pub(crate) use plan::nothing_to_collect;
pub use plan::{DatasetShape, Plan};
pub use runner::{Clock, Device, Pending, Runner, now};
pub use stage::{Stage, stages};
pub use step::{MOST_STEPS, Metrics, Step};
