//! The operations: what each computes, and the facts of each in one arm.

use super::BufferId;
use super::facts::{Count, Facts, Role, Rounding, Slot, Use, read, write};
use super::geometry::{Conv2d, Dense, Gather, Loss, Pool, Segment};
use super::layout::{BLOCK, QUAD};
use crate::recipe::Optimizer;

/// An operation of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// The layer it belongs to, or `input`, `loss`, `update`.
    pub layer: String,
    /// What it computes.
    pub kind: OpKind,
    /// Its buffers in the order of [`Facts::slots`].
    pub buffers: Vec<BufferId>,
}

impl Op {
    /// Its buffers with their slots.
    pub fn bound(&self) -> Vec<(Slot, BufferId)> {
        self.kind.facts().slots.into_iter().zip(self.buffers.iter().copied()).collect()
    }

    /// The buffers that it writes or updates.
    pub fn outputs(&self) -> Vec<BufferId> {
        self.bound().into_iter().filter(|(slot, _)| slot.usage != Use::Read).map(|(_, buffer)| buffer).collect()
    }
}

/// What an operation computes. [`OpKind::facts`] has the rest.
#[derive(Debug, Clone, PartialEq)]
pub enum OpKind {
    /// The samples of a step, padded, and scaled unless they stay bytes.
    Gather(Gather),
    /// Valid convolution, bias and activation; with max-pooling fused also that, and which sum was the largest.
    Conv2dForward(Conv2d),
    /// Gradient of its input's sums.
    Conv2dBackwardInput(Conv2d),
    /// Partial gradients of weights and bias.
    Conv2dBackwardWeights(Conv2d),
    /// Largest of each block.
    MaxPoolForward(Pool),
    /// Gradient of its input's sums.
    MaxPoolBackward(Pool),
    /// Mean of each block.
    AveragePoolForward(Pool),
    /// Gradient of its input's sums.
    AveragePoolBackward(Pool),
    /// Matrix product, bias and activation.
    DenseForward(Dense),
    /// Gradient of its input's sums.
    DenseBackwardInput(Dense),
    /// Partial gradients of weights and bias.
    DenseBackwardWeights(Dense),
    /// Probabilities, loss, verdict and class of each sample; the gradient of the logits in a plan that trains.
    SoftmaxCrossEntropy(Loss),
    /// Sums of the scores over the batch, into the step's slot.
    SumScores {
        /// Most samples of a step.
        batch: usize,
    },
    /// Adds the slots of partial gradients of every layer, in order.
    SumGradients(Vec<Segment>),
    /// One step of the optimiser over all parameters.
    Update {
        /// Which rule.
        optimizer: Optimizer,
        /// Length of the flat parameter buffer, f32.
        words: usize,
    },
}

impl OpKind {
    /// Its name: [`Facts::name`].
    pub fn name(&self) -> &'static str {
        self.facts().name
    }

    /// What it is and costs: one arm per operation, which an operation cannot lack.
    pub fn facts(&self) -> Facts {
        match self {
            Self::Gather(g) => {
                let pixels = g.image_height * g.image_width;
                let x = g.input.elements();
                Facts {
                    name: if g.bytes { "gather_bytes" } else { "gather" },
                    family: "gather",
                    role: Role::Input,
                    slots: write(
                        read(["images", "labels", "order"]),
                        [if g.bytes { "input_bytes" } else { "x" }, "targets"],
                    ),
                    flops: Count { per_sample: 2 * x, once: 0 },
                    matmul: false,
                    words: Count { per_sample: pixels / 4 + if g.bytes { x / 4 } else { x }, once: 0 },
                    // One product, one sum.
                    rounding: Rounding::Sum { terms: 2 },
                }
            }
            Self::Conv2dForward(c) => Facts {
                name: if c.max_pool { "conv2d_max_pool_forward" } else { "conv2d_forward" },
                family: "conv2d",
                role: Role::Forward,
                slots: {
                    let slots = write(read([conv2d_input(c), "parameters"]), ["y"]);
                    if c.max_pool { write(slots, ["new_argmax"]) } else { slots }
                },
                flops: conv2d_flops(c),
                matmul: true,
                words: Count { per_sample: c.input_words() + c.pooled().elements(), once: c.partials.words },
                rounding: Rounding::Activated { terms: c.input.channels * c.kernel * c.kernel + 1, by: c.activation },
            },
            Self::Conv2dBackwardInput(c) => Facts {
                name: "conv2d_backward_input",
                family: "conv2d",
                role: Role::BackwardInput,
                slots: {
                    let slots = read(["dy", "parameters", "x"]);
                    let slots = if c.max_pool { [slots, read(["argmax"])].concat() } else { slots };
                    write(slots, ["x_gradient"])
                },
                flops: conv2d_flops(c),
                matmul: true,
                words: Count { per_sample: 2 * c.input.elements() + c.pooled().elements(), once: c.partials.words },
                rounding: Rounding::Sum { terms: c.output.channels * c.kernel * c.kernel },
            },
            Self::Conv2dBackwardWeights(c) => Facts {
                name: if c.max_pool { "conv2d_max_pool_backward_weights" } else { "conv2d_backward_weights" },
                family: "conv2d",
                role: Role::BackwardWeights,
                slots: {
                    let slots = read([conv2d_input(c), "dy"]);
                    let slots = if c.max_pool { [slots, read(["argmax"])].concat() } else { slots };
                    write(slots, ["partials"])
                },
                flops: conv2d_flops(c),
                matmul: true,
                words: Count {
                    per_sample: c.input_words() + c.pooled().elements(),
                    once: c.partials.words * c.partials.slots,
                },
                rounding: Rounding::Sum {
                    terms: c.partials.blocks_per_chunk * QUAD * c.output.height * c.output.width,
                },
            },
            Self::MaxPoolForward(p) => pool_forward("max_pool_forward", "max_pool", p, Rounding::Exact),
            Self::MaxPoolBackward(p) => pool_backward("max_pool_backward", "max_pool", p, Rounding::Sum { terms: 1 }),
            Self::AveragePoolForward(p) => pool_forward("average_pool_forward", "average_pool", p, mean(p)),
            Self::AveragePoolBackward(p) => pool_backward("average_pool_backward", "average_pool", p, mean(p)),
            Self::DenseForward(d) => Facts {
                name: "dense_forward",
                family: "dense",
                role: Role::Forward,
                slots: write(read(["x", "parameters"]), ["y"]),
                flops: dense_flops(d),
                matmul: true,
                words: Count { per_sample: d.inputs + d.outputs, once: d.partials.words },
                rounding: Rounding::Activated { terms: d.inputs + 1, by: d.activation },
            },
            Self::DenseBackwardInput(d) => Facts {
                name: "dense_backward_input",
                family: "dense",
                role: Role::BackwardInput,
                slots: write(read(["dy", "parameters", "x"]), ["x_gradient"]),
                flops: dense_flops(d),
                matmul: true,
                words: Count { per_sample: 2 * d.inputs + d.outputs, once: d.partials.words },
                rounding: Rounding::Sum { terms: d.outputs },
            },
            Self::DenseBackwardWeights(d) => Facts {
                name: "dense_backward_weights",
                family: "dense",
                role: Role::BackwardWeights,
                slots: write(read(["x", "dy"]), ["partials"]),
                flops: dense_flops(d),
                matmul: true,
                words: Count { per_sample: d.inputs + d.outputs, once: d.partials.words * d.partials.slots },
                rounding: Rounding::Sum { terms: d.partials.blocks_per_chunk * BLOCK },
            },
            Self::SoftmaxCrossEntropy(Loss { classes, batch, gradient }) => Facts {
                name: if *gradient { "softmax_cross_entropy" } else { "softmax_cross_entropy_evaluate" },
                family: "softmax_cross_entropy",
                role: Role::Loss,
                slots: {
                    let slots = write(read(["logits", "targets"]), ["probabilities", "scores", "predictions"]);
                    if *gradient { write(slots, ["dlogits"]) } else { slots }
                },
                flops: Count { per_sample: 8 * classes, once: 0 },
                matmul: false,
                words: Count { per_sample: (2 + usize::from(*gradient)) * classes + 6, once: 0 },
                rounding: Rounding::Softmax { classes: *classes, batch: *batch },
            },
            Self::SumScores { batch } => Facts {
                name: "sum_scores",
                family: "sums",
                role: Role::Loss,
                slots: write(read(["scores"]), ["metrics"]),
                flops: Count { per_sample: 4, once: 0 },
                matmul: false,
                words: Count { per_sample: 4, once: 0 },
                rounding: Rounding::Sum { terms: *batch },
            },
            Self::SumGradients(segments) => Facts {
                name: "sum_gradients",
                family: "sums",
                role: Role::Reduce,
                slots: write(read(["partials"]), ["gradients"]),
                flops: Count { per_sample: 0, once: segments.iter().map(|s| s.partials.length()).sum() },
                matmul: false,
                words: Count {
                    per_sample: 0,
                    once: segments.iter().map(|s| s.partials.words + s.partials.length()).sum(),
                },
                rounding: Rounding::Sum { terms: segments.iter().map(|s| s.partials.slots).max().unwrap_or(1) },
            },
            Self::Update { optimizer, words } => {
                let (name, rounding) = match optimizer {
                    Optimizer::Sgd | Optimizer::Nesterov => ("sgd", Rounding::Sum { terms: 4 }),
                    Optimizer::Adam | Optimizer::AdamW => ("adam", Rounding::Root { terms: 16 }),
                };
                let updated = ["parameters"].iter().chain(optimizer.states());
                let updated = updated.map(|name| Slot { name, usage: Use::Update });
                Facts {
                    name,
                    family: "optimizer",
                    role: Role::Update,
                    slots: read(["gradients"]).into_iter().chain(updated).collect(),
                    flops: Count { per_sample: 0, once: 6 * words },
                    matmul: false,
                    words: Count { per_sample: 0, once: words * (3 + 2 * optimizer.states().len()) },
                    rounding,
                }
            }
        }
    }
}

/// The shader's variable for the input of a convolution.
fn conv2d_input(c: &Conv2d) -> &'static str {
    if c.levels.is_some() { "input_bytes" } else { "x" }
}

fn conv2d_flops(c: &Conv2d) -> Count {
    Count { per_sample: 2 * c.output.elements() * c.input.channels * c.kernel * c.kernel, once: 0 }
}

fn dense_flops(d: &Dense) -> Count {
    Count { per_sample: 2 * d.inputs * d.outputs, once: 0 }
}

fn mean(p: &Pool) -> Rounding {
    Rounding::Sum { terms: p.size * p.size }
}

fn pool_forward(name: &'static str, family: &'static str, p: &Pool, rounding: Rounding) -> Facts {
    Facts {
        name,
        family,
        role: Role::Forward,
        slots: write(read(["x"]), ["y"]),
        flops: Count { per_sample: p.input.elements(), once: 0 },
        matmul: false,
        words: Count { per_sample: p.input.elements() + p.output.elements(), once: 0 },
        rounding,
    }
}

fn pool_backward(name: &'static str, family: &'static str, p: &Pool, rounding: Rounding) -> Facts {
    Facts {
        name,
        family,
        role: Role::BackwardInput,
        slots: write(read(["x", "dy"]), ["x_gradient"]),
        flops: Count { per_sample: p.input.elements(), once: 0 },
        matmul: false,
        words: Count { per_sample: 2 * p.input.elements() + p.output.elements(), once: 0 },
        rounding,
    }
}
