//! The arguments of a step, and its metrics.

use std::ops::Range;

/// Most steps per submission, however small their batch: see [`super::Plan::steps`].
pub const MOST_STEPS: usize = 256;

/// Bytes between the rows of the table of a submission's steps on a GPU: the largest alignment that WebGPU lets an
/// adapter ask for.
pub const STEP_STRIDE: usize = 256;

/// The arguments of one step: a row of the table that kernels read.
///
/// The field order is that of `struct Step` in the shaders (tests/shaders.rs).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Step {
    /// First sample, as an index into `order`.
    pub start: u32,
    /// Samples in this step, at most the plan's batch.
    pub count: u32,
    /// Its place in a submission: where its samples and targets are gathered, and its metrics written.
    pub row: u32,
    /// Learning rate.
    pub learning_rate: f32,
    /// Momentum of SGD, or Adam's decay of the first moment.
    pub momentum: f32,
    /// Adam's decay of the second moment.
    pub beta2: f32,
    /// Added to Adam's denominator.
    pub epsilon: f32,
    /// Weight decay: L2 for SGD and Adam, decoupled for AdamW.
    pub weight_decay: f32,
    /// Share of the target spread evenly over all classes.
    pub label_smoothing: f32,
    /// `1 / (1 - momentum^t)`, Adam's correction of the first moment at its step t = 1, 2, ...
    pub correction1: f32,
    /// `1 / (1 - beta2^t)`, Adam's correction of the second moment.
    pub correction2: f32,
    /// Keeps the row a multiple of 16 bytes.
    pub padding: u32,
}

impl Step {
    /// This step with both decays of Adam, and its corrections at step `t` = 1, 2, ...
    pub fn with_decays(self, momentum: f64, beta2: f64, t: u64) -> Self {
        let correction = |beta: f64| (1.0 / (1.0 - beta.powi(t.min(i32::MAX as u64) as i32))) as f32;
        Self {
            momentum: momentum as f32,
            beta2: beta2 as f32,
            correction1: correction(momentum),
            correction2: correction(beta2),
            ..self
        }
    }

    /// Steps over the `samples` of the order, each of at most `batch`, otherwise like this one; the last may be
    /// shorter.
    pub fn batches(self, samples: Range<usize>, batch: usize) -> Vec<Self> {
        let end = samples.end;
        let step = |start| Self { start: start as u32, count: batch.min(end - start) as u32, ..self };
        samples.step_by(batch).map(step).collect()
    }

    /// `steps` with rows from 0 on: what one submission takes.
    pub fn in_rows(steps: &[Self]) -> Vec<Self> {
        (0..).zip(steps).map(|(row, step)| Self { row, ..*step }).collect()
    }
}

/// Sums over the samples of one step.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Metrics {
    /// Sum of the losses.
    pub loss: f32,
    /// Samples whose largest logit is their label's.
    pub correct: f32,
    /// Samples counted.
    pub count: f32,
    /// Keeps the row 16 bytes.
    pub padding: f32,
}

impl Metrics {
    /// The metrics of a step from those of its blocks of samples, added in order.
    pub fn sum(blocks: &[Self]) -> Self {
        blocks.iter().fold(Self::default(), |sum, block| Self {
            loss: sum.loss + block.loss,
            correct: sum.correct + block.correct,
            count: sum.count + block.count,
            padding: 0.0,
        })
    }

    /// The metrics of `steps`, from the rows of the buffer `metrics`, each of `blocks` blocks.
    pub fn of(steps: &[u32], rows: &[Self], blocks: usize) -> Vec<Self> {
        steps.iter().map(|row| Self::sum(&rows[*row as usize * blocks..][..blocks])).collect()
    }
}
