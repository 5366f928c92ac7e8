//! The table of the oracle: which function computes an operation.

pub mod activation;
pub mod average_pool;
pub mod conv2d;
pub mod dense;
pub mod gather;
pub mod max_pool;
pub mod optimizer;
pub mod rbf;
pub mod softmax_cross_entropy;
pub mod subsample;
pub mod sums;
mod window;

use std::borrow::Cow;

use rayon::prelude::*;

use super::accumulator::{Sum, Traced};
use super::buffers::Buffers;
use super::layout::Samples;
use crate::plan::{BufferId, Conv2d, Op, OpKind, Pass, Plan, Segment, Step};
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
/// the integer and the magnitude 0. Samples past the step's count are computed too.
///
/// Panics: a step past the plan's batch or its data, or a sample number in `order` past the data.
pub fn run_op(op: &Op, step: &Step, buffers: &Buffers, plan: &Plan) -> Vec<Output<Traced>> {
    outputs::<Traced>(op, step, buffers, plan, Samples::all(plan.blocks))
}

/// The outputs of `op` on `buffers`: one arm per operation, which names its buffers as arguments.
pub(super) fn outputs<S: Sum>(
    op: &Op,
    step: &Step,
    buffers: &Buffers,
    plan: &Plan,
    samples: Samples,
) -> Vec<Output<S::Word>> {
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
    match &op.kind {
        OpKind::Gather(gather) => {
            let blocks = u32("targets").len() / samples.size;
            let (x, targets) =
                gather::forward::<S>(samples, gather, step, blocks, (u32("images"), u32("labels"), u32("order")));
            vec![whole(if gather.bytes { "input_bytes" } else { "x" }, x), whole("targets", targets)]
        }
        OpKind::Conv2d(Pass::Forward, conv) => {
            let x = conv2d_input(conv, &f32, &u32);
            let (y, argmax) = conv2d::forward::<S>(samples, conv, &x, f32("parameters"));
            let argmax = conv.max_pool.then(|| whole("new_argmax", argmax));
            [whole("y", y)].into_iter().chain(argmax).collect()
        }
        OpKind::Conv2d(Pass::BackwardInput, conv) => {
            let dy = conv2d_gradient(samples, conv, &f32, &u32);
            let dx = conv2d::backward_input::<S>(samples, conv, &dy, f32("parameters"), f32("x"));
            vec![whole("x_gradient", dx)]
        }
        OpKind::Conv2d(Pass::BackwardWeights, conv) => {
            let (x, dy) = (conv2d_input(conv, &f32, &u32), conv2d_gradient(samples, conv, &f32, &u32));
            vec![at("partials", conv.partials.first, conv2d::backward_weights::<S>(samples, conv, &x, &dy))]
        }
        OpKind::MaxPool(Pass::Forward, pool) => vec![whole("y", max_pool::forward::<S>(samples, pool, f32("x")))],
        OpKind::MaxPool(_, pool) => {
            vec![whole("x_gradient", max_pool::backward::<S>(samples, pool, f32("x"), f32("dy")))]
        }
        OpKind::AveragePool(Pass::Forward, pool) => {
            vec![whole("y", average_pool::forward::<S>(samples, pool, f32("x")))]
        }
        OpKind::AveragePool(_, pool) => {
            vec![whole("x_gradient", average_pool::backward::<S>(samples, pool, f32("x"), f32("dy")))]
        }
        OpKind::Subsample(Pass::Forward, s) => {
            vec![whole("y", subsample::forward::<S>(samples, s, f32("x"), f32("parameters")))]
        }
        OpKind::Subsample(Pass::BackwardInput, s) => {
            let dx = subsample::backward_input::<S>(samples, s, f32("dy"), f32("parameters"), f32("x"));
            vec![whole("x_gradient", dx)]
        }
        OpKind::Subsample(Pass::BackwardWeights, s) => {
            vec![at("partials", s.partials.first, subsample::backward_weights::<S>(samples, s, f32("x"), f32("dy")))]
        }
        OpKind::Dense(Pass::Forward, dense) => {
            vec![whole("y", dense::forward::<S>(samples, dense, f32("x"), f32("parameters")))]
        }
        OpKind::Dense(Pass::BackwardInput, dense) => {
            let dx = dense::backward_input::<S>(samples, dense, f32("dy"), f32("parameters"), f32("x"));
            vec![whole("x_gradient", dx)]
        }
        OpKind::Dense(Pass::BackwardWeights, dense) => {
            vec![at(
                "partials",
                dense.partials.first,
                dense::backward_weights::<S>(samples, dense, f32("x"), f32("dy")),
            )]
        }
        OpKind::Rbf(Pass::Forward, r) => vec![whole("y", rbf::forward::<S>(samples, r, f32("x"), f32("parameters")))],
        OpKind::Rbf(_, r) => {
            let dx = rbf::backward_input::<S>(samples, r, f32("dy"), f32("parameters"), f32("x"));
            vec![whole("x_gradient", dx)]
        }
        OpKind::SoftmaxCrossEntropy(l) => {
            let loss = softmax_cross_entropy::forward::<S>(samples, l, step, f32("logits"), u32("targets"));
            let dlogits = l.gradient.then(|| whole("dlogits", loss.dlogits));
            let rest = [
                whole("probabilities", loss.probabilities),
                whole("metrics", loss.metrics),
                at("predictions", step.start as usize, loss.predictions),
            ];
            rest.into_iter().chain(dlogits).collect()
        }
        OpKind::SumGradients { segments, masked } => {
            let mask = masked.then(|| f32("mask"));
            let sum = |s: &Segment| at("new_gradients", s.first, sums::gradients::<S>(s, f32("partials"), mask));
            segments.iter().map(sum).collect()
        }
        OpKind::Update { optimizer, masked, .. } => {
            let gradients = f32("gradients").par_iter().map(|g| S::exact(*g));
            updated(*optimizer, step, gradients, masked.then(|| f32("mask")), &f32, &whole)
        }
        OpKind::SumAndUpdate { segments, optimizer, masked, .. } => {
            let mask = masked.then(|| f32("mask"));
            let mut words = vec![S::ZERO.word(); f32("new_gradients").len()];
            for segment in segments {
                let sums = sums::gradients::<S>(segment, f32("partials"), mask);
                words[segment.first..][..sums.len()].copy_from_slice(&sums);
            }
            let gradients = words.par_iter().map(|word| S::loaded(*word));
            let mut outputs = updated(*optimizer, step, gradients, mask, &f32, &whole);
            outputs.push(whole("new_gradients", words));
            outputs
        }
    }
}

/// The parameters and states after a step of `optimizer`.
fn updated<'a, S: Sum>(
    optimizer: Optimizer,
    step: &Step,
    gradients: impl IndexedParallelIterator<Item = S>,
    mask: Option<&[f32]>,
    f32: &impl Fn(&str) -> &'a [f32],
    whole: &impl Fn(&str, Vec<S::Word>) -> Output<S::Word>,
) -> Vec<Output<S::Word>> {
    let states: Vec<&[f32]> = optimizer.states().iter().map(|name| f32(name)).collect();
    let words = optimizer::update::<S>(optimizer, step, gradients, mask, f32("parameters"), &states);
    let names = ["parameters"].iter().chain(optimizer.states());
    names.zip(words).map(|(name, words)| whole(name, words)).collect()
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
fn conv2d_gradient<'a>(
    samples: Samples,
    conv: &Conv2d,
    f32: &impl Fn(&str) -> &'a [f32],
    u32: &impl Fn(&str) -> &'a [u32],
) -> Cow<'a, [f32]> {
    match conv.max_pool {
        true => Cow::Owned(conv2d::unpool(samples, conv, f32("dy"), u32("argmax"))),
        false => Cow::Borrowed(f32("dy")),
    }
}
