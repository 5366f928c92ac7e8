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
use std::ops::Range;

use super::accumulator::{Sum, Traced};
use super::buffers::Buffers;
use super::layout::Samples;
use crate::model::Shape;
use crate::plan::{
    Argument, BufferId, Content, Conv2d, MASKED, Op, OpKind, PACK, Partials, Pass, Plan, QUAD, Step, Use,
};

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
/// `buffers` stay as they are. An operation may have several outputs. In a u32 buffer the value is the integer and the
/// magnitude 0. Samples past the step's count are computed too.
///
/// Panics: a step past the plan's batch or its data, or a sample number in `order` past the data.
pub fn run_op(op: &Op, step: &Step, buffers: &Buffers, plan: &Plan) -> Vec<Output<Traced>> {
    let output = |Span { buffer, words, usage, .. }: Span| {
        let before = |value: &f32| if usage == Use::Update { Traced::exact(*value) } else { Traced::ZERO };
        let first = words.start;
        Output { buffer, first, words: buffers.f32(buffer)[words].iter().map(before).collect() }
    };
    let mut outputs: Vec<Output<Traced>> = spans(op, step, buffers, plan).into_iter().map(output).collect();
    let words = outputs.iter_mut().map(|output| &mut output.words[..]).collect();
    run::<Traced>(op, step, buffers, plan, Samples::all(plan.blocks), words);
    outputs
}

/// The words that an operation writes or updates in one of its buffers.
pub(super) struct Span {
    pub buffer: BufferId,
    pub words: Range<usize>,
    usage: Use,
}

/// A span per buffer that `op` writes, in the order of [`Op::outputs`].
pub(super) fn spans(op: &Op, step: &Step, buffers: &Buffers, plan: &Plan) -> Vec<Span> {
    let written = op.bound().into_iter().filter(|(argument, _)| argument.usage != Use::Read);
    let span = |(argument, buffer): (Argument, BufferId)| {
        let words = match (argument.name, partials(&op.kind)) {
            ("partials", Some(partials)) => partials.first..partials.first + partials.length(),
            ("predictions", _) => {
                let targets = &buffers.u32(plan.targets)[part(plan, step, plan.targets)];
                let labelled = targets.iter().filter(|target| **target != MASKED).count();
                step.start as usize..step.start as usize + labelled
            }
            _ => part(plan, step, buffer),
        };
        Span { buffer, words, usage: argument.usage }
    };
    written.map(span).collect()
}

/// The partial gradients that an operation of `kind` writes.
fn partials(kind: &OpKind) -> Option<Partials> {
    match kind {
        OpKind::Conv2d(_, conv) => Some(conv.partials),
        OpKind::Dense(_, dense) => Some(dense.partials),
        OpKind::Subsample(_, layer) => Some(layer.partials),
        _ => None,
    }
}

/// The words of `buffer` that `step` has: of a buffer with a part per step of a submission that of its row, else all
/// that mean something.
fn part(plan: &Plan, step: &Step, buffer: BufferId) -> Range<usize> {
    let spec = plan.buffer(buffer);
    let (each, row) = (spec.words / plan.steps, step.row as usize);
    match spec.content {
        _ if plan.per_step().contains(&buffer) => row * each..(row + 1) * each,
        Content::Argmax(Shape { channels, height, width }) => {
            0..plan.blocks.samples() / QUAD * channels.div_ceil(PACK) * height * width
        }
        _ => 0..spec.words,
    }
}

/// Runs `op` on `buffers`: one arm per operation, which names its buffers as arguments. `written` are the words of its
/// [`spans`]; those that it updates hold the values before it.
pub(super) fn run<S: Sum>(
    op: &Op,
    step: &Step,
    buffers: &Buffers,
    plan: &Plan,
    samples: Samples,
    written: Vec<&mut [S::Word]>,
) {
    let bound = op.bound();
    let argument = |name: &str| {
        let found = bound.iter().find(|(argument, _)| argument.name == name);
        found.unwrap_or_else(|| panic!("{} has no argument {name}", op.kind.name())).1
    };
    let f32 = |name: &str| &buffers.f32(argument(name))[part(plan, step, argument(name))];
    let u32 = |name: &str| &buffers.u32(argument(name))[part(plan, step, argument(name))];
    let mut written = written.into_iter();
    // The outputs in the order of the operation's arguments.
    let mut out = || written.next().unwrap_or_default();
    match &op.kind {
        OpKind::Gather(gather) => {
            let data = (u32("images"), u32("labels"), u32("order"));
            gather::forward::<S>(samples, gather, step, data, out(), out());
        }
        OpKind::Conv2d(Pass::Forward, conv) => {
            let x = conv2d_input(samples, conv, &f32, &u32);
            conv2d::forward::<S>(samples, conv, &x, f32("parameters"), out(), out());
        }
        OpKind::Conv2d(Pass::BackwardInput, conv) => {
            let dy = conv2d_gradient(samples, conv, &f32, &u32);
            conv2d::backward_input::<S>(samples, conv, &dy, f32("parameters"), f32("x"), out());
        }
        OpKind::Conv2d(Pass::BackwardWeights, conv) => {
            let (x, dy) = (conv2d_input(samples, conv, &f32, &u32), conv2d_gradient(samples, conv, &f32, &u32));
            conv2d::backward_weights::<S>(samples, conv, &x, &dy, out());
        }
        OpKind::MaxPool(Pass::Forward, pool) => max_pool::forward::<S>(samples, pool, f32("x"), out()),
        OpKind::MaxPool(_, pool) => max_pool::backward::<S>(samples, pool, f32("x"), f32("dy"), out()),
        OpKind::AveragePool(Pass::Forward, pool) => average_pool::forward::<S>(samples, pool, f32("x"), out()),
        OpKind::AveragePool(_, pool) => average_pool::backward::<S>(samples, pool, f32("x"), f32("dy"), out()),
        OpKind::Subsample(Pass::Forward, layer) => {
            subsample::forward::<S>(samples, layer, f32("x"), f32("parameters"), out());
        }
        OpKind::Subsample(Pass::BackwardInput, layer) => {
            subsample::backward_input::<S>(samples, layer, f32("dy"), f32("parameters"), f32("x"), out());
        }
        OpKind::Subsample(Pass::BackwardWeights, layer) => {
            subsample::backward_weights::<S>(samples, layer, f32("x"), f32("dy"), out());
        }
        OpKind::Dense(Pass::Forward, dense) => {
            dense::forward::<S>(samples, dense, f32("x"), f32("parameters"), out());
        }
        OpKind::Dense(Pass::BackwardInput, dense) => {
            dense::backward_input::<S>(samples, dense, f32("dy"), f32("parameters"), f32("x"), out());
        }
        OpKind::Dense(Pass::BackwardWeights, dense) => {
            dense::backward_weights::<S>(samples, dense, f32("x"), f32("dy"), out());
        }
        OpKind::Rbf(Pass::Forward, rbf) => rbf::forward::<S>(samples, rbf, f32("x"), f32("parameters"), out()),
        OpKind::Rbf(_, rbf) => {
            rbf::backward_input::<S>(samples, rbf, f32("dy"), f32("parameters"), f32("x"), out());
        }
        OpKind::SoftmaxCrossEntropy(loss) => {
            let outputs = softmax_cross_entropy::Loss {
                probabilities: out(),
                metrics: out(),
                predictions: out(),
                dlogits: out(),
            };
            softmax_cross_entropy::forward::<S>(samples, loss, step, f32("logits"), u32("targets"), outputs);
        }
        OpKind::SumGradients { segments, masked } => {
            let (gradients, mask) = (out(), masked.then(|| f32("mask")));
            for segment in segments {
                let words = segment.words();
                sums::gradients::<S>(segment, f32("partials"), of(mask, &words), &mut gradients[words]);
            }
        }
        OpKind::Update { optimizer, masked, .. } => {
            let mask = masked.then(|| f32("mask"));
            let mut gradients: Vec<_> = f32("gradients").iter().map(|g| S::exact(*g).word()).collect();
            let (parameters, states) = (out(), optimizer.states().iter().map(|_| out()).collect());
            optimizer::update::<S>(*optimizer, step, mask, parameters, states, &mut gradients, |_, _| ());
        }
        OpKind::SumAndUpdate { segments, optimizer, masked, .. } => {
            let mask = masked.then(|| f32("mask"));
            let (parameters, mut states): (_, Vec<_>) = (out(), optimizer.states().iter().map(|_| out()).collect());
            let (gradients, partials) = (out(), f32("partials"));
            for segment in segments {
                let words = segment.words();
                let mask = of(mask, &words);
                let states = states.iter_mut().map(|state| &mut state[words.clone()]).collect();
                let (parameters, gradients) = (&mut parameters[words.clone()], &mut gradients[words.clone()]);
                optimizer::update::<S>(*optimizer, step, mask, parameters, states, gradients, |chunk, gradients| {
                    sums::of_chunk::<S>(segment, partials, mask, chunk, gradients);
                });
            }
        }
    }
}

/// The part of a mask of all parameters that is of `words`.
fn of<'a>(mask: Option<&'a [f32]>, words: &Range<usize>) -> Option<&'a [f32]> {
    mask.map(|mask| &mask[words.clone()])
}

/// The input of a convolution as values.
fn conv2d_input<'a>(
    samples: Samples,
    conv: &Conv2d,
    f32: &impl Fn(&str) -> &'a [f32],
    u32: &impl Fn(&str) -> &'a [u32],
) -> Cow<'a, [f32]> {
    match conv.levels {
        Some(levels) => Cow::Owned(conv2d::values(samples, levels, u32("input_bytes"))),
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
