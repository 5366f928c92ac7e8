//! The table of the oracle: which function computes an operation.

pub mod activation;
pub mod average_pool;
pub mod conv2d;
pub mod dense;
pub mod gather;
pub mod max_pool;
pub mod optimizer;
pub mod softmax_cross_entropy;
pub mod subsample;
pub mod sums;

use std::borrow::Cow;

use super::accumulator::{Sum, Traced};
use super::buffers::Buffers;
use crate::plan::{BLOCK, BufferId, Conv2d, Loss, Op, OpKind, Pass, Plan, Step};
use crate::recipe::Optimizer;

/// Contiguous words that an operation writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Output<W> {
    /// The buffer that is written.
    pub buffer: BufferId,
    /// The first word written.
    pub first: usize,
    /// The words.
    pub words: Vec<W>,
}

/// The outputs of `op` on `buffers`: each value, not rounded, with the sum of the magnitudes that were added to get it.
///
/// `buffers` stay as they are. An operation may have several outputs, even in one buffer. In a u32 buffer the value is
/// the integer and the magnitude 0.
///
/// Panics: a step past the plan's batch or its data, or a sample number in `order` past the data.
pub fn run_op(op: &Op, step: &Step, buffers: &Buffers, plan: &Plan) -> Vec<Output<Traced>> {
    outputs::<Traced>(op, step, buffers, plan)
}

/// The outputs of `op` on `buffers`.
pub(super) fn outputs<S: Sum>(op: &Op, step: &Step, buffers: &Buffers, plan: &Plan) -> Vec<Output<S::Word>> {
    match plan.blocks.size {
        4 => outputs_of::<S, 4>(op, step, buffers, plan),
        8 => outputs_of::<S, 8>(op, step, buffers, plan),
        16 => outputs_of::<S, 16>(op, step, buffers, plan),
        _ => outputs_of::<S, BLOCK>(op, step, buffers, plan),
    }
}

/// [`outputs`] where a block is of `N` samples: one arm per operation, which names its buffers as arguments.
fn outputs_of<S: Sum, const N: usize>(op: &Op, step: &Step, buffers: &Buffers, plan: &Plan) -> Vec<Output<S::Word>> {
    let bound = op.bound();
    let argument = |name: &str| {
        let found = bound.iter().find(|(argument, _)| argument.name == name);
        found.unwrap_or_else(|| panic!("{} has no argument {name}", op.kind.name())).1
    };
    // Of buffers with a part per step of a submission, that of this step.
    let part = |buffer: BufferId| {
        let (words, row) = (plan.buffer(buffer).words, step.row as usize);
        let each = words / plan.steps;
        if plan.per_step().contains(&buffer) { row * each..(row + 1) * each } else { 0..words }
    };
    let f32 = |name: &str| &buffers.f32(argument(name))[part(argument(name))];
    let u32 = |name: &str| &buffers.u32(argument(name))[part(argument(name))];
    let at = |name: &str, first, words| Output { buffer: argument(name), first, words };
    let whole = |name: &str, words| at(name, part(argument(name)).start, words);
    let updated = |optimizer: Optimizer, gradients: &[S]| {
        let states: Vec<&[f32]> = optimizer.states().iter().map(|name| f32(name)).collect();
        let words = optimizer::update::<S>(optimizer, step, gradients, f32("parameters"), &states);
        let names = ["parameters"].iter().chain(optimizer.states());
        names.zip(words).map(|(name, words)| whole(name, words)).collect::<Vec<_>>()
    };
    match &op.kind {
        OpKind::Gather(gather) => {
            let blocks = u32("targets").len() / N;
            let (x, targets) =
                gather::forward::<S, N>(gather, step, blocks, (u32("images"), u32("labels"), u32("order")));
            vec![whole(if gather.bytes { "input_bytes" } else { "x" }, x), whole("targets", targets)]
        }
        OpKind::Conv2d(Pass::Forward, conv) => {
            let x = conv2d_input(conv, &f32, &u32);
            let (y, argmax) = conv2d::forward::<S, N>(conv, &x, f32("parameters"));
            let argmax = conv.max_pool.then(|| whole("new_argmax", argmax));
            [whole("y", y)].into_iter().chain(argmax).collect()
        }
        OpKind::Conv2d(Pass::BackwardInput, conv) => {
            let dy = conv2d_gradient::<N>(conv, &f32, &u32);
            let dx = conv2d::backward_input::<S, N>(conv, &dy, f32("parameters"), f32("x"));
            vec![whole("x_gradient", dx)]
        }
        OpKind::Conv2d(Pass::BackwardWeights, conv) => {
            let (x, dy) = (conv2d_input(conv, &f32, &u32), conv2d_gradient::<N>(conv, &f32, &u32));
            vec![at("partials", conv.partials.first, conv2d::backward_weights::<S, N>(conv, &x, &dy))]
        }
        OpKind::MaxPool(Pass::Forward, pool) => vec![whole("y", max_pool::forward::<S, N>(pool, f32("x")))],
        OpKind::MaxPool(_, pool) => {
            vec![whole("x_gradient", max_pool::backward::<S, N>(pool, f32("x"), f32("dy")))]
        }
        OpKind::AveragePool(Pass::Forward, pool) => vec![whole("y", average_pool::forward::<S, N>(pool, f32("x")))],
        OpKind::AveragePool(_, pool) => {
            vec![whole("x_gradient", average_pool::backward::<S, N>(pool, f32("x"), f32("dy")))]
        }
        OpKind::Subsample(Pass::Forward, s) => {
            vec![whole("y", subsample::forward::<S, N>(s, f32("x"), f32("parameters")))]
        }
        OpKind::Subsample(Pass::BackwardInput, s) => {
            let dx = subsample::backward_input::<S, N>(s, f32("dy"), f32("parameters"), f32("x"));
            vec![whole("x_gradient", dx)]
        }
        OpKind::Subsample(Pass::BackwardWeights, s) => {
            vec![at("partials", s.partials.first, subsample::backward_weights::<S, N>(s, f32("x"), f32("dy")))]
        }
        OpKind::Dense(Pass::Forward, dense) => {
            vec![whole("y", dense::forward::<S, N>(dense, f32("x"), f32("parameters")))]
        }
        OpKind::Dense(Pass::BackwardInput, dense) => {
            let dx = dense::backward_input::<S, N>(dense, f32("dy"), f32("parameters"), f32("x"));
            vec![whole("x_gradient", dx)]
        }
        OpKind::Dense(Pass::BackwardWeights, dense) => {
            vec![at("partials", dense.partials.first, dense::backward_weights::<S, N>(dense, f32("x"), f32("dy")))]
        }
        OpKind::SoftmaxCrossEntropy(Loss { classes, gradient, .. }) => {
            let loss = softmax_cross_entropy::forward::<S, N>(*classes, step, f32("logits"), u32("targets"));
            let dlogits = gradient.then(|| whole("dlogits", loss.dlogits));
            let rest = [
                whole("probabilities", loss.probabilities),
                whole("metrics", loss.metrics),
                at("predictions", step.start as usize, loss.predictions),
            ];
            rest.into_iter().chain(dlogits).collect()
        }
        OpKind::SumGradients(segments) => {
            let sum = |segment| sums::gradients::<S>(segment, f32("partials")).into_iter().map(S::word).collect();
            segments.iter().map(|segment| at("new_gradients", segment.first, sum(segment))).collect()
        }
        OpKind::Update { optimizer, .. } => {
            let gradients: Vec<S> = f32("gradients").iter().map(|g| S::exact(*g)).collect();
            updated(*optimizer, &gradients)
        }
        OpKind::SumAndUpdate { segments, optimizer, .. } => {
            let sum = |segment| sums::gradients::<S>(segment, f32("partials"));
            let mut gradients: Vec<S> = f32("new_gradients").iter().map(|g| S::exact(*g)).collect();
            for segment in segments {
                for (to, sum) in gradients[segment.first..].iter_mut().zip(sum(segment)) {
                    *to = sum.stored();
                }
            }
            let words = gradients.iter().map(|g| g.word()).collect();
            [updated(*optimizer, &gradients), vec![whole("new_gradients", words)]].concat()
        }
    }
}

/// The input of a convolution as values.
fn conv2d_input<'a>(
    conv: &Conv2d,
    f32: &impl Fn(&str) -> &'a [f32],
    u32: &impl Fn(&str) -> &'a [u32],
) -> Cow<'a, [f32]> {
    match conv.levels {
        Some(levels) => Cow::Owned(conv2d::values(levels, u32("input_bytes"))),
        None => Cow::Borrowed(f32("x")),
    }
}

/// The gradient of every sum of a convolution.
fn conv2d_gradient<'a, const N: usize>(
    conv: &Conv2d,
    f32: &impl Fn(&str) -> &'a [f32],
    u32: &impl Fn(&str) -> &'a [u32],
) -> Cow<'a, [f32]> {
    match conv.max_pool {
        true => Cow::Owned(conv2d::unpool(conv, N, f32("dy"), u32("argmax"))),
        false => Cow::Borrowed(f32("dy")),
    }
}
