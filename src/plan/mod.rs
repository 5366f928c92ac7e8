//! The plan: a training step as a short list of operations over named buffers, as plain data.
//!
//! Everything the program does is something done to a plan: [`crate::gpu`] and [`crate::cpu`] run it, `check` runs
//! it on both and compares, `bench` times every operation.
//!
//! # Layout
//!
//! A batch is cut into blocks of 32 samples, samples innermost, so that a thread finds the samples it works on side
//! by side. 45 samples of 6 maps of 14x14 are two blocks; the second is padded.
//!
//! ```text
//!          samples 0 ... 31                      samples 32 ... 44, then 19 masked
//!          +------- block 0 -------+             +------- block 1 -------+
//! c r q    |q0|q1|q2|q3|q4|q5|q6|q7|             |q8|q9| ...             |
//! 0 0 0    .... .... ....                        one row: one value of 32 samples
//! 0 0 1    .... .... ....                        one quad: the four samples of a vec4f
//! 0 0 2
//!  ...     [block][channel][row][column][sample]
//! 5 13 13
//! ```
//!
//! | word | meaning |
//! |---|---|
//! | block | [`BLOCK`] samples, the innermost extent of every activation buffer |
//! | quad | [`QUAD`] samples of a block, a `vec4f`, which a GPU thread computes together |
//! | pack | [`PACK`] output channels or units whose weights lie side by side, a `vec4f` |
//! | lane | one sample of a block or quad |
//! | cell | a 2x2 window of sums of a convolution |
//! | slot | one partial gradient of a layer's weights and bias: the sum over a run of rows of cells of all samples |
//! | argument | a buffer of an operation, by the name of the shader's variable |
//! | segment | a layer's part of the flat parameters, with the slots of its partial gradients |
//! | stage | the layers that are lowered together: one, or a convolution fused with max-pooling |
//! | tile | the sums that one thread computes |
//! | strip | the columns of a tile |
//! | tap | one weight of a kernel |
//! | pooling window | the `size` x `size` values that pooling reduces to one |
//! | argmax | which sum of a 2x2 pooling window was the largest: [`ARGMAX_BITS`] per sample |
//!
//! # Contracts
//! - **Short batches.** `Gather` fills samples past [`Step::count`] with the background, and `SoftmaxCrossEntropy`
//!   gives them no loss and no gradient: they are masked, never dropped.
//! - **Activation derivatives.** The gradient buffer of a layer is with respect to its sums, before the activation.
//!   Every operation with [`Role::BackwardInput`] therefore multiplies the gradient that it passes down by the
//!   derivative of the activation that made its input, computed from that input's value.
//! - **Fused max-pooling.** Where an activation rises with its sum, the largest sum of a pooling window is picked
//!   first; activation, storage and gradient are of that one alone. [`stages`] decides.
//! - **Weight gradients** are summed into slots, then added by `SumGradients` in slot order: one writer per element, so
//!   the same bits each time.
//! - **Once per submission.** `Gather` runs once, for all steps of a submission; the other operations once per step.

mod buffer;
mod facts;
mod kernels;
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
pub use facts::{Argument, Count, Facts, Role, Rounding, Use};
pub use kernels::Kernels;
pub use layout::{ARGMAX_BITS, BLOCK, Blocks, MASKED, PACK, QUAD};
pub use operations::*;
pub use parameters::{ParameterLayout, Placed};
pub use partials::{Partials, Segment};
pub use phase::Phase;
pub(crate) use plan::nothing_to_collect;
pub use plan::{DatasetShape, Plan};
pub use runner::{Clock, Device, OwnShaders, Pending, Runner, Timeline, now};
pub use stage::{Stage, stages};
pub use step::{MOST_STEPS, Metrics, STEP_STRIDE, Step};
