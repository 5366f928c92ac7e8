//! Runners: the contract that the GPU and the CPU keep (tests/runner.rs).

use std::future::ready;
use std::ops::Range;
use std::path::PathBuf;
use std::pin::Pin;

use super::{BufferId, Kernels, Metrics, Phase, Step};
use crate::error::Result;

/// The description of a device that runs plans: printed before a run, and kept with every result.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Device {
    /// Its index in the list that `lenet-gpu devices` prints; none for the CPU oracle.
    pub index: Option<usize>,
    /// As the driver names it.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `gl` or `cpu`.
    pub backend: String,
    /// Name and version of the driver; empty if unknown, which is null in JSON.
    #[serde(serialize_with = "null_if_empty", deserialize_with = "empty_if_null", default)]
    pub driver: String,
    /// `discrete gpu`, `integrated gpu`, `virtual gpu`, `software`, `cpu` or `other`.
    pub kind: String,
    /// The set of kernels that it runs; none for the CPU oracle, and for a result older than the sets.
    #[serde(default, rename = "kernel_set")]
    pub kernels: Option<Kernels>,
    /// The shaders that it runs in place of the program's own; none if they are the program's.
    #[serde(default)]
    pub shaders: Option<OwnShaders>,
}

/// Shaders of a user's.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OwnShaders {
    /// The folder that they were read from.
    pub folder: PathBuf,
    /// SHA-256 of the files that are not the program's, with their names.
    pub sha256: String,
}

impl OwnShaders {
    /// `DIR (sha256 1a2b3c4d)`
    pub fn title(&self) -> String {
        format!("{} (sha256 {})", self.folder.display(), self.sha256.get(..8).unwrap_or(&self.sha256))
    }
}

impl Device {
    /// The set of kernels, if it is not the one that a device of this kind runs by itself.
    pub fn other_kernels(&self) -> Option<Kernels> {
        self.kernels.filter(|kernels| *kernels != Kernels::of(&self.kind))
    }
}

fn null_if_empty<S: serde::Serializer>(text: &str, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&Some(text).filter(|text| !text.is_empty()), serializer)
}

fn empty_if_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    Ok(<Option<String> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or_default())
}

/// How a time was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// By the device's own timestamps around the work.
    Timestamp,
    /// By the host's clock from submission to completion, submitting and waiting included.
    Wall,
}

/// The parts of one step on one time line (s from its beginning): see [`Runner::timeline`].
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The work of the host, in order.
    pub host: Vec<(&'static str, Range<f64>)>,
    /// The operations of the phase, in order.
    pub operations: Vec<Range<f64>>,
}

/// A result to wait for. Natively it is ready when it is first polled, because polling waits for the device; in a
/// browser the device wakes it.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// Waits for `future`. In a browser, where neither the main thread nor workers may block, `future` must be ready.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

/// Something that holds the buffers of a plan and runs its operations.
///
/// All calls take effect in order. `write` and `submit` do not wait for the device. Calls that wait give a [`Pending`],
/// and have a twin that ends in `_now` for code that may block.
///
/// Errors: words and steps that do not fit the plan (tests/runner.rs); those of the device: out of memory, lost.
pub trait Runner {
    /// The device that runs the plan.
    fn device(&self) -> &Device;

    /// Overwrites the words of `buffer` from word `first` on.
    fn write(&mut self, buffer: BufferId, first: usize, words: &[u32]) -> Result<()>;

    /// All words of `buffer`, after everything submitted before has run.
    fn read(&mut self, buffer: BufferId) -> Pending<'_, Vec<u32>>;

    /// Starts `steps` of `phase`; at most [`Runner::capacity`] of them. A GPU returns at once.
    fn submit(&mut self, phase: Phase, steps: &[Step]) -> Result<()>;

    /// The metrics of the steps of the oldest submission not yet collected, once it has run.
    fn collect(&mut self) -> Pending<'_, Vec<Metrics>>;

    /// Runs operation `index` of the plan alone, `times` times, and waits. Returns the time of all runs together (s),
    /// and the clock that took it.
    fn run_op<'a>(&'a mut self, index: usize, step: &'a Step, times: usize) -> Pending<'a, (f64, Clock)>;

    /// Prepares `steps` of `phase` for submission and throws them away. Returns the host's time for that (s); none for
    /// a runner that records no commands.
    fn encode(&mut self, _: Phase, _: &[Step]) -> Result<Option<f64>> {
        Ok(None)
    }

    /// Runs `step` of `phase` and waits, with each part of it on one time line; none for a runner whose operations have
    /// no clock of their own.
    fn timeline<'a>(&'a mut self, _: Phase, _: &'a Step) -> Pending<'a, Option<Timeline>> {
        Box::pin(ready(Ok(None)))
    }

    /// Most steps per submission.
    fn capacity(&self) -> usize;

    /// [`Runner::write`] of f32 values.
    fn write_f32(&mut self, buffer: BufferId, first: usize, values: &[f32]) -> Result<()> {
        self.write(buffer, first, bytemuck::cast_slice(values))
    }

    /// [`Runner::read`] as f32 values.
    fn read_f32(&mut self, buffer: BufferId) -> Pending<'_, Vec<f32>> {
        let words = self.read(buffer);
        Box::pin(async { Ok(bytemuck::cast_vec(words.await?)) })
    }

    /// [`Runner::read`], waited for.
    fn read_now(&mut self, buffer: BufferId) -> Result<Vec<u32>> {
        now(self.read(buffer))
    }

    /// [`Runner::read_f32`], waited for.
    fn read_f32_now(&mut self, buffer: BufferId) -> Result<Vec<f32>> {
        now(self.read_f32(buffer))
    }

    /// [`Runner::collect`], waited for.
    fn collect_now(&mut self) -> Result<Vec<Metrics>> {
        now(self.collect())
    }

    /// [`Runner::timeline`], waited for.
    fn timeline_now(&mut self, phase: Phase, step: &Step) -> Result<Option<Timeline>> {
        now(self.timeline(phase, step))
    }

    /// [`Runner::run_op`], waited for.
    fn run_op_now(&mut self, index: usize, step: &Step, times: usize) -> Result<(f64, Clock)> {
        now(self.run_op(index, step, times))
    }
}
