//! A plan on an adapter: its buffers, its pipelines, and steps recorded into one pass.

use std::collections::{HashMap, VecDeque};

use web_time::Instant;

use super::Adapter;
use super::device::{Gpu, device_error};
use super::dispatch::{Dispatch, Dispatches, Source};
use super::guarded::{GUARD_BYTES, Guarded, broken_guard};
use super::kernels::{Kernel, kernel};
use super::limits::limits;
use super::replace::replace;
use super::tile::Tile;
use super::timeline::timeline;
use crate::error::{Error, Result};
use crate::plan::{
    BufferId, Clock, Device, Metrics, Pending, Phase, Plan, Runner, STEP_STRIDE, Step, Timeline, nothing_to_collect,
    now,
};

/// Runs a plan on an adapter.
pub struct GpuRunner {
    description: Device,
    plan: Plan,
    gpu: Gpu,
    buffers: Vec<Guarded>,
    /// The rows of the steps of a submission, [`STEP_STRIDE`] bytes apart.
    steps: wgpu::Buffer,
    /// One per operation of the plan; `None` if it was not prepared.
    dispatches: Vec<Option<Dispatch>>,
    submitted: VecDeque<Submission>,
}

/// A submission whose metrics have not been collected.
struct Submission {
    index: wgpu::SubmissionIndex,
    /// A copy of the rows of `metrics`, up to the last that the submission wrote.
    staging: wgpu::Buffer,
    /// The row of each of its steps.
    rows: Vec<u32>,
}

impl GpuRunner {
    /// Opens `adapter` and prepares every buffer and pipeline of `plan`; buffers that are no constants are zero.
    ///
    /// Errors: limits that the plan exceeds (name, need, have), an adapter that will not open, out of memory, shaders of
    /// a user's that are not WGSL (file and line).
    pub fn new(adapter: &Adapter, plan: &Plan) -> Result<Self> {
        now(Self::open(adapter, plan, &|kernel| kernel.source().map(Some)))
    }

    /// [`GpuRunner::new`], to be awaited, with the WGSL that `source` gives for each kernel: how a test plants a fault.
    /// An operation without WGSL is not prepared and cannot run.
    pub async fn open(adapter: &Adapter, plan: &Plan, source: Source<'_>) -> Result<Self> {
        let tile = Tile::of(adapter);
        let kernels = plan.ops.iter().map(|op| replace(kernel(op, plan, tile), &adapter.shaders));
        let kernels: Vec<Kernel> = kernels.collect::<Result<_>>()?;
        let limits = limits(adapter, plan, &kernels)?;
        let gpu = Gpu::open(adapter, limits.clone()).await?;

        let memory = gpu.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let windows = kernels.iter().any(|k| k.window.is_some());
        let buffers: Vec<Guarded> = (0..)
            .zip(&plan.buffers)
            .map(|(id, b)| Guarded::new(&gpu, &b.name, 4 * b.words as u64, windows && BufferId(id) == plan.parameters))
            .collect();
        let table = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let steps = gpu.buffer("steps", (STEP_STRIDE * plan.steps) as u64, table);
        let pipelines = HashMap::new();
        let dispatches =
            Dispatches { gpu: &gpu, plan, buffers: &buffers, steps: &steps, source, pipelines }.of(&kernels);
        let dispatches = dispatches.map_err(|e| adapter.shaders.blamed(e))?;
        if let Some(error) = memory.pop().await {
            let need = format!(" (the plan needs {} MiB)", plan.bytes().div_ceil(1 << 20));
            return Err(device_error(&error, &need));
        }
        gpu.check().map_err(|e| adapter.shaders.blamed(e))?;
        let (description, submitted) = (adapter.device.clone(), VecDeque::new());
        let mut runner = Self { description, plan: plan.clone(), gpu, buffers, steps, dispatches, submitted };
        for (id, buffer) in (0..).zip(&plan.buffers) {
            buffer.constant.as_ref().map_or(Ok(()), |words| runner.write(BufferId(id), 0, words))?;
        }
        Ok(runner)
    }

    fn dispatch(&self, op: usize) -> Result<&Dispatch> {
        let name = || self.plan.ops.get(op).map_or("no operation", |op| op.kind.name());
        self.dispatches.get(op).and_then(Option::as_ref).ok_or_else(|| {
            Error::input(format!("operation {op} ({}) was not prepared", name()), "open the runner with its source")
        })
    }

    fn dispatches(&self, phase: Phase) -> Result<Vec<&Dispatch>> {
        self.plan.phase(phase)?.into_iter().map(|op| self.dispatch(op)).collect()
    }

    /// Bytes of `metrics` up to the last of `rows`.
    fn metrics_bytes(&self, rows: &[u32]) -> u64 {
        let rows = u64::from(rows.iter().max().map_or(0, |last| last + 1));
        rows * (self.plan.blocks.count * size_of::<Metrics>()) as u64
    }

    /// The first broken guard: the buffer, and the word, counted from the buffer's first and so negative before it.
    /// `None` if all guards are whole. Restores the guards.
    ///
    /// Whole guards prove that no kernel wrote within 256 bytes past the end of a bound range. The words before a
    /// buffer, and those behind a buffer whose length a kernel asks for, are not bound. Most drivers confine accesses
    /// to the bound range: such an overrun shows as a wrong value or not at all.
    ///
    /// Errors: those of the device.
    pub fn broken_guard(&self) -> Result<Option<(BufferId, i64)>> {
        Ok(now(broken_guard(&self.gpu, &self.buffers))?.map(|(index, word)| (BufferId(index), word)))
    }
}

/// Records `steps` steps of `dispatches` as one pass.
fn record(encoder: &mut wgpu::CommandEncoder, dispatches: Vec<&Dispatch>, steps: usize) {
    let mut pass = encoder.begin_compute_pass(&Default::default());
    let (once, each): (Vec<&Dispatch>, Vec<&Dispatch>) = dispatches.into_iter().partition(|d| d.once);
    once.iter().for_each(|dispatch| dispatch.record(&mut pass, 0, steps as u32));
    for index in 0..steps {
        each.iter().for_each(|dispatch| dispatch.record(&mut pass, (index * STEP_STRIDE) as u32, 1));
    }
}

impl Runner for GpuRunner {
    fn device(&self) -> &Device {
        &self.description
    }

    fn write(&mut self, buffer: BufferId, first: usize, words: &[u32]) -> Result<()> {
        self.plan.check_write(buffer, first, words.len())?;
        let offset = GUARD_BYTES + 4 * first as u64;
        self.gpu.queue.write_buffer(&self.buffers[buffer.0].handle, offset, bytemuck::cast_slice(words));
        self.gpu.check()
    }

    fn read(&mut self, buffer: BufferId) -> Pending<'_, Vec<u32>> {
        let buffer = &self.buffers[buffer.0];
        Box::pin(self.gpu.read(&buffer.handle, GUARD_BYTES..buffer.end()))
    }

    fn submit(&mut self, phase: Phase, steps: &[Step]) -> Result<()> {
        self.plan.check_steps(steps)?;
        let dispatches = self.dispatches(phase)?;
        let mut rows = vec![0u8; steps.len() * STEP_STRIDE];
        for (row, step) in rows.chunks_exact_mut(STEP_STRIDE).zip(steps) {
            row[..size_of::<Step>()].copy_from_slice(bytemuck::bytes_of(step));
        }
        self.gpu.queue.write_buffer(&self.steps, 0, &rows);

        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        record(&mut encoder, dispatches, steps.len());
        let used: Vec<u32> = steps.iter().map(|step| step.row).collect();
        let bytes = self.metrics_bytes(&used);
        let staging = self.gpu.staging(bytes);
        let metrics = &self.buffers[self.plan.metrics.0].handle;
        encoder.copy_buffer_to_buffer(metrics, GUARD_BYTES, &staging, 0, bytes);
        let index = self.gpu.queue.submit([encoder.finish()]);
        self.submitted.push_back(Submission { index, staging, rows: used });
        self.gpu.check()
    }

    fn collect(&mut self) -> Pending<'_, Vec<Metrics>> {
        let submission = self.submitted.pop_front();
        Box::pin(async {
            let Submission { index, staging, rows: used } = submission.ok_or_else(nothing_to_collect)?;
            let rows: Vec<Metrics> = bytemuck::pod_collect_to_vec(&self.gpu.map(staging, index).await?);
            Ok(Metrics::of(&used, &rows, self.plan.blocks.count))
        })
    }

    fn run_op<'a>(&'a mut self, index: usize, step: &'a Step, times: usize) -> Pending<'a, (f64, Clock)> {
        Box::pin(async move {
            self.plan.check_steps(std::slice::from_ref(step))?;
            self.gpu.queue.write_buffer(&self.steps, 0, bytemuck::bytes_of(step));
            let dispatch = self.dispatch(index)?;
            self.gpu.time(|pass| (0..times).for_each(|_| dispatch.record(pass, 0, 1))).await
        })
    }

    fn encode(&mut self, phase: Phase, steps: &[Step]) -> Result<Option<f64>> {
        self.plan.check_steps(steps)?;
        let dispatches = self.dispatches(phase)?;
        let started = Instant::now();
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        record(&mut encoder, dispatches, steps.len());
        let commands = encoder.finish();
        let seconds = started.elapsed().as_secs_f64();
        drop(commands);
        self.gpu.check()?;
        Ok(Some(seconds))
    }

    fn timeline<'a>(&'a mut self, phase: Phase, step: &'a Step) -> Pending<'a, Option<Timeline>> {
        Box::pin(async move {
            self.plan.check_steps(std::slice::from_ref(step))?;
            let dispatches = self.dispatches(phase)?;
            let metrics = &self.buffers[self.plan.metrics.0].handle;
            let read = (metrics, GUARD_BYTES..GUARD_BYTES + self.metrics_bytes(&[step.row]));
            timeline(&self.gpu, &dispatches, (&self.steps, step), read).await
        })
    }

    fn capacity(&self) -> usize {
        self.plan.steps
    }
}
