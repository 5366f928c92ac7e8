//! What runs a plan: the contract that the GPU and the CPU keep.

use super::BufferId;
use crate::error::Result;

/// What differs from one step to the next: a row of the table that kernels read by step.
///
/// The field order is that of `struct Step` in the shaders.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Step {
    /// First sample, as a place in `order`.
    pub start: u32,
    /// Samples in this step, at most the plan's batch.
    pub count: u32,
    /// Row of `metrics` to write.
    pub slot: u32,
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

/// Sums over the samples of one step.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Metrics {
    /// Sum of the losses.
    pub loss: f32,
    /// Samples whose largest logit is their label's.
    pub hits: f32,
    /// Samples counted.
    pub count: f32,
    /// Keeps the row 16 bytes.
    pub padding: f32,
}

/// Which part of a plan a submission runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Gather, forward, loss, backward, update.
    Train,
    /// Gather, forward, loss.
    Evaluate,
}

/// What runs a plan, for people: printed before anything runs, and kept with every result.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Device {
    /// Its place in the list that `lenet-gpu devices` prints; none for the CPU oracle.
    pub index: Option<usize>,
    /// As the driver names it.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `gl` or `cpu`.
    pub backend: String,
    /// Name and version of the driver; empty if unknown, which is null in JSON.
    #[serde(serialize_with = "null_if_empty")]
    pub driver: String,
    /// `discrete gpu`, `integrated gpu`, `virtual gpu`, `software`, `cpu` or `other`.
    pub kind: String,
}

fn null_if_empty<S: serde::Serializer>(text: &str, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&Some(text).filter(|text| !text.is_empty()), serializer)
}

/// How a time was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// By the device's own timestamps around the work.
    Timestamp,
    /// From submission to completion on the host's clock, with what it costs to submit and to wait.
    Wall,
}

/// Something that holds the buffers of a plan and runs its operations.
///
/// All calls take effect in order. Errors are those of the device: out of memory, lost.
pub trait Runner {
    /// What runs the plan.
    fn device(&self) -> &Device;

    /// Overwrites the words of `buffer` from word `first` on.
    fn write(&mut self, buffer: BufferId, first: usize, words: &[u32]) -> Result<()>;

    /// All words of `buffer`, after everything submitted before has run.
    fn read(&mut self, buffer: BufferId) -> Result<Vec<u32>>;

    /// Starts `steps` of `phase`; at most [`Runner::capacity`] of them. A GPU returns at once.
    fn submit(&mut self, phase: Phase, steps: &[Step]) -> Result<()>;

    /// Waits for the oldest submission not yet collected; the metrics of its steps.
    fn collect(&mut self) -> Result<Vec<Metrics>>;

    /// Runs operation `index` of the plan alone, `times` times, waits for it, and says how many seconds
    /// all of them took together and by which clock.
    fn run_op(&mut self, index: usize, step: &Step, times: usize) -> Result<(f64, Clock)>;

    /// The most steps one submission may have.
    fn capacity(&self) -> usize;

    /// [`Runner::write`] of f32 values.
    fn write_f32(&mut self, buffer: BufferId, first: usize, values: &[f32]) -> Result<()> {
        self.write(buffer, first, bytemuck::cast_slice(values))
    }

    /// [`Runner::read`] as f32 values.
    fn read_f32(&mut self, buffer: BufferId) -> Result<Vec<f32>> {
        Ok(bytemuck::cast_vec(self.read(buffer)?))
    }
}
