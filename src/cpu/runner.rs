//! A plan on the CPU.

use std::collections::VecDeque;
use std::future::ready;

use web_time::Instant;

use super::buffers::Buffers;
use super::layout::Samples;
use super::operations::{run, spans};
use crate::error::Result;
use crate::plan::{BufferId, Clock, Device, Metrics, Op, Pending, Phase, Plan, Runner, Step, nothing_to_collect};

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

    /// The description of the CPU as a device.
    pub fn description() -> Device {
        Device {
            index: None,
            name: "CPU oracle, f64 sums".to_owned(),
            backend: "cpu".to_owned(),
            driver: String::new(),
            kind: "cpu".to_owned(),
            kernels: None,
            shaders: None,
        }
    }

    /// The buffers, as the last operation left them: the input of [`super::run_op`].
    pub fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    /// Runs one operation of the plan, for the samples of `step` alone: of those past its count the runner leaves the
    /// words as they are where a GPU writes what nobody reads. At batch 1 that is a quarter of the work.
    ///
    /// Panics: a step past the plan's batch or its data, which [`Runner::submit`] refuses with an error.
    pub fn run(&mut self, op: &Op, step: &Step) {
        let samples = Samples::of_step(self.plan.blocks, step.count);
        let spans = spans(op, step, &self.buffers, &self.plan);
        let mut taken: Vec<Vec<u32>> = spans.iter().map(|span| self.buffers.take(span.buffer)).collect();
        let written = taken.iter_mut().zip(&spans).map(|(words, span)| &mut words[span.words.clone()]).collect();
        run::<f64>(op, step, &self.buffers, &self.plan, samples, written);
        spans.iter().zip(taken).for_each(|(span, words)| self.buffers.put(span.buffer, words));
    }
}

/// Runs `work` on a thread of rayon's pool, so that every loop inside starts without a switch of threads.
fn in_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}

impl CpuRunner {
    fn time(&mut self, index: usize, step: &Step, times: usize) -> Result<(f64, Clock)> {
        self.plan.check_steps(std::slice::from_ref(step))?;
        let op = self.plan.ops[index].clone();
        let started = Instant::now();
        in_pool(|| (0..times).for_each(|_| self.run(&op, step)));
        Ok((started.elapsed().as_secs_f64(), Clock::Wall))
    }
}

impl Runner for CpuRunner {
    fn device(&self) -> &Device {
        &self.device
    }

    fn write(&mut self, buffer: BufferId, first: usize, words: &[u32]) -> Result<()> {
        self.plan.check_write(buffer, first, words.len())?;
        self.buffers.u32_mut(buffer)[first..first + words.len()].copy_from_slice(words);
        Ok(())
    }

    fn read(&mut self, buffer: BufferId) -> Pending<'_, Vec<u32>> {
        Box::pin(ready(Ok(self.buffers.u32(buffer).to_vec())))
    }

    /// Runs the steps before it returns.
    fn submit(&mut self, phase: Phase, steps: &[Step]) -> Result<()> {
        self.plan.check_steps(steps)?;
        let ops: Vec<Op> = self.plan.phase(phase)?.into_iter().map(|op| self.plan.ops[op].clone()).collect();
        in_pool(|| steps.iter().for_each(|step| ops.iter().for_each(|op| self.run(op, step))));
        let rows: Vec<u32> = steps.iter().map(|step| step.row).collect();
        let blocks = bytemuck::cast_slice(self.buffers.f32(self.plan.metrics));
        self.finished.push_back(Metrics::of(&rows, blocks, self.plan.blocks.count));
        Ok(())
    }

    fn collect(&mut self) -> Pending<'_, Vec<Metrics>> {
        Box::pin(ready(self.finished.pop_front().ok_or_else(nothing_to_collect)))
    }

    fn run_op<'a>(&'a mut self, index: usize, step: &'a Step, times: usize) -> Pending<'a, (f64, Clock)> {
        Box::pin(ready(self.time(index, step, times)))
    }

    fn capacity(&self) -> usize {
        self.plan.steps
    }
}
