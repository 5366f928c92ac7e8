//! The CPU oracle: one plain function an operation, f64 sums, no cleverness. Also the fallback without a GPU.
//!
//! Each file holds one family of operations, forward and backward side by side. A function reads f32 and
//! u32 slices laid out as [`crate::plan`] says, sums in f64, and returns the words it would write. It is
//! generic over [`Sum`]: with `f64` the words are f32 bits, which is how [`CpuRunner`] runs a plan; with
//! [`Traced`] each comes with the magnitudes that were added, which is how [`run_op`] judges another
//! device. Sums run in a fixed order and every element has one writer, so the same input gives the same
//! bits whatever the number of threads.

pub mod activation;
pub mod average_pool;
pub mod conv2d;
pub mod dense;
pub mod gather;
mod layout;
pub mod max_pool;
pub mod optimizer;
pub mod softmax_cross_entropy;
mod sum;
pub mod sums;

pub use sum::{Sum, Traced};

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::error::{Error, Result};
use crate::plan::{BLOCK, BufferId, Clock, Conv2d, Device, MOST_STEPS, Metrics, Op, OpKind, Phase, Plan, Runner, Step};

/// The contents of every buffer of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffers {
    /// Words by [`BufferId`].
    words: Vec<Vec<u32>>,
}

impl Buffers {
    /// Every buffer of `plan`, zeroed.
    pub fn new(plan: &Plan) -> Self {
        Self { words: plan.buffers.iter().map(|b| vec![0; b.words]).collect() }
    }

    /// The words of `buffer`.
    pub fn u32(&self, buffer: BufferId) -> &[u32] {
        &self.words[buffer.0]
    }

    /// The words of `buffer` as f32.
    pub fn f32(&self, buffer: BufferId) -> &[f32] {
        bytemuck::cast_slice(self.u32(buffer))
    }

    /// The words of `buffer`, to change.
    pub fn u32_mut(&mut self, buffer: BufferId) -> &mut [u32] {
        &mut self.words[buffer.0]
    }

    /// The words of `buffer` as f32, to change.
    pub fn f32_mut(&mut self, buffer: BufferId) -> &mut [f32] {
        bytemuck::cast_slice_mut(self.u32_mut(buffer))
    }
}

/// Words that an operation writes, all next to each other; it leaves the rest of the buffer alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Output<W> {
    /// Where to.
    pub buffer: BufferId,
    /// The first word written.
    pub first: usize,
    /// The words.
    pub words: Vec<W>,
}

/// What `op` writes given `buffers`, each value unrounded and with the magnitudes that were added to get it.
///
/// Nothing is changed in `buffers`. An operation may have several outputs, even in one buffer; together they
/// are all it writes. For a u32 buffer the value is the integer and the magnitude 0.
///
/// Panics: a step past the plan's batch or its data, or a sample number in `order` past the data.
pub fn run_op(op: &Op, step: &Step, buffers: &Buffers) -> Vec<Output<Traced>> {
    outputs::<Traced>(op, step, buffers)
}

/// What `op` writes given `buffers`; the table of the oracle.
fn outputs<S: Sum>(op: &Op, step: &Step, buffers: &Buffers) -> Vec<Output<S::Word>> {
    let f32 = |index: usize| buffers.f32(op.buffers[index]);
    let u32 = |index: usize| buffers.u32(op.buffers[index]);
    let whole = |index: usize, words| Output { buffer: op.buffers[index], first: 0, words };
    let at = |index: usize, first, words| Output { buffer: op.buffers[index], first, words };
    let conv_input = |conv: &Conv2d| match conv.levels {
        Some(levels) => Cow::Owned(conv2d::values(conv, levels, u32(0))),
        None => Cow::Borrowed(f32(0)),
    };
    match &op.kind {
        OpKind::Gather(gather) => {
            let blocks = u32(4).len() / BLOCK;
            let (x, targets) = gather::forward::<S>(gather, step, blocks, (u32(0), u32(1), u32(2)));
            vec![whole(3, x), whole(4, targets)]
        }
        OpKind::Conv2dForward(conv) => {
            let (y, winners) = conv2d::forward::<S>(conv, &conv_input(conv), f32(1));
            let winners = conv.max_pool.then(|| whole(3, winners));
            [whole(2, y)].into_iter().chain(winners).collect()
        }
        OpKind::Conv2dBackwardInput(conv) if conv.max_pool => {
            let ds = conv2d::unpool(conv, f32(0), u32(3));
            vec![whole(4, conv2d::backward_input::<S>(conv, &ds, f32(1), f32(2)))]
        }
        OpKind::Conv2dBackwardInput(conv) => {
            vec![whole(3, conv2d::backward_input::<S>(conv, f32(0), f32(1), f32(2)))]
        }
        OpKind::Conv2dBackwardWeights(conv) if conv.max_pool => {
            let ds = conv2d::unpool(conv, f32(1), u32(2));
            vec![at(3, conv.partials.first, conv2d::backward_weights::<S>(conv, &conv_input(conv), &ds))]
        }
        OpKind::Conv2dBackwardWeights(conv) => {
            vec![at(2, conv.partials.first, conv2d::backward_weights::<S>(conv, f32(0), f32(1)))]
        }
        OpKind::MaxPoolForward(pool) => vec![whole(1, max_pool::forward::<S>(pool, f32(0)))],
        OpKind::MaxPoolBackward(pool) => vec![whole(2, max_pool::backward::<S>(pool, f32(0), f32(1)))],
        OpKind::AveragePoolForward(pool) => vec![whole(1, average_pool::forward::<S>(pool, f32(0)))],
        OpKind::AveragePoolBackward(pool) => vec![whole(2, average_pool::backward::<S>(pool, f32(0), f32(1)))],
        OpKind::DenseForward(dense) => vec![whole(2, dense::forward::<S>(dense, f32(0), f32(1)))],
        OpKind::DenseBackwardInput(dense) => {
            vec![whole(3, dense::backward_input::<S>(dense, f32(0), f32(1), f32(2)))]
        }
        OpKind::DenseBackwardWeights(dense) => {
            vec![at(2, dense.partials.first, dense::backward_weights::<S>(dense, f32(0), f32(1)))]
        }
        OpKind::SoftmaxCrossEntropy { classes } => {
            let loss = softmax_cross_entropy::forward::<S>(*classes, step, f32(0), u32(1));
            vec![
                whole(2, loss.probabilities),
                whole(3, loss.dlogits),
                whole(4, loss.scores),
                at(5, step.start as usize, loss.predictions),
            ]
        }
        OpKind::SumScores => vec![at(1, 4 * step.slot as usize, sums::scores::<S>(f32(0)))],
        OpKind::SumGradients(segments) => {
            segments.iter().map(|segment| at(1, segment.first, sums::gradients::<S>(segment, f32(0)))).collect()
        }
        OpKind::Update { optimizer, .. } => {
            let states: Vec<&[f32]> = (2..op.buffers.len()).map(f32).collect();
            let updated = optimizer::update::<S>(*optimizer, step, f32(0), f32(1), &states);
            updated.into_iter().enumerate().map(|(index, words)| whole(1 + index, words)).collect()
        }
    }
}

/// Runs a plan on the CPU.
pub struct CpuRunner {
    plan: Plan,
    buffers: Buffers,
    /// Metrics of submissions not yet collected, oldest first.
    finished: VecDeque<Vec<Metrics>>,
    device: Device,
}

impl CpuRunner {
    /// Allocates every buffer of `plan`, zeroed.
    pub fn new(plan: &Plan) -> Self {
        Self { plan: plan.clone(), buffers: Buffers::new(plan), finished: VecDeque::new(), device: Self::description() }
    }

    /// What it is, without a plan.
    pub fn description() -> Device {
        Device {
            index: None,
            name: "CPU oracle, f64 sums".to_owned(),
            backend: "cpu".to_owned(),
            driver: String::new(),
            kind: "cpu".to_owned(),
        }
    }

    /// What the buffers hold now: the input of [`run_op`].
    pub fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    /// Runs one operation of the plan.
    ///
    /// Panics: a step past the plan's batch or its data, which [`Runner::submit`] refuses with an error.
    pub fn run(&mut self, op: &Op, step: &Step) {
        for Output { buffer, first, words } in outputs::<f64>(op, step, &self.buffers) {
            self.buffers.u32_mut(buffer)[first..first + words.len()].copy_from_slice(&words);
        }
    }

    /// Errors: a step that asks for more than the plan has room for; the step and the bound are named.
    fn check(&self, steps: &[Step]) -> Result<()> {
        let refuse = |what: String| Err(Error::input(what, "submit fewer steps, or steps within the plan's batch"));
        if steps.len() > MOST_STEPS {
            return refuse(format!("{} steps in one submission: at most {MOST_STEPS} fit", steps.len()));
        }
        let samples = self.plan.buffer(self.plan.order).words;
        for (index, step) in steps.iter().enumerate() {
            let (start, count) = (step.start as usize, step.count as usize);
            if count > self.plan.batch {
                return refuse(format!("step {index} has {count} samples: the plan's batch is {}", self.plan.batch));
            }
            if start + count > samples {
                return refuse(format!("step {index} ends at sample {}: there are {samples}", start + count));
            }
            if step.slot as usize >= MOST_STEPS {
                return refuse(format!("step {index} writes metrics row {}: there are {MOST_STEPS}", step.slot));
            }
        }
        Ok(())
    }
}

impl Runner for CpuRunner {
    fn device(&self) -> &Device {
        &self.device
    }

    fn write(&mut self, buffer: BufferId, first: usize, words: &[u32]) -> Result<()> {
        let spec = self.plan.buffer(buffer);
        if first + words.len() > spec.words {
            return Err(Error::input(
                format!("{} words from word {first} on do not fit buffer {} of {}", words.len(), spec.name, spec.words),
                "make the plan for at least as many samples as are written",
            ));
        }
        self.buffers.u32_mut(buffer)[first..first + words.len()].copy_from_slice(words);
        Ok(())
    }

    fn read(&mut self, buffer: BufferId) -> Result<Vec<u32>> {
        Ok(self.buffers.u32(buffer).to_vec())
    }

    /// Runs the steps before it returns.
    fn submit(&mut self, phase: Phase, steps: &[Step]) -> Result<()> {
        self.check(steps)?;
        let ops = self.plan.phase(phase).to_vec();
        for step in steps {
            for op in &ops {
                self.run(op, step);
            }
        }
        let rows: &[[f32; 4]] = self.buffers.f32(self.plan.metrics).as_chunks().0;
        let metrics = steps.iter().map(|step| bytemuck::cast(rows[step.slot as usize])).collect();
        self.finished.push_back(metrics);
        Ok(())
    }

    fn collect(&mut self) -> Result<Vec<Metrics>> {
        let nothing = || Error::input("there is no submission to collect", "submit steps first");
        self.finished.pop_front().ok_or_else(nothing)
    }

    fn run_op(&mut self, index: usize, step: &Step, times: usize) -> Result<(f64, Clock)> {
        self.check(std::slice::from_ref(step))?;
        let started = std::time::Instant::now();
        for _ in 0..times {
            let op = self.plan.ops[index].clone();
            self.run(&op, step);
        }
        Ok((started.elapsed().as_secs_f64(), Clock::Wall))
    }

    fn capacity(&self) -> usize {
        MOST_STEPS
    }
}
