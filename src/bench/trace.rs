//! One step of each phase on a time line: the host's work, and every operation.

use std::ops::Range;

use strum::VariantArray;
use web_time::Instant;

use super::measure::{Open, first_step, step};
use crate::data::Dataset;
use crate::error::Result;
use crate::model::Model;
use crate::plan::{Clock, Device, Phase, Plan, Runner, Step, Timeline};

/// One step of each phase on one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The device.
    pub device: Device,
    /// Name of the model.
    pub model: String,
    /// Samples per step.
    pub batch: usize,
    /// Every phase, in the order in which they ran.
    pub phases: Vec<PhaseTrace>,
}

/// One step of a phase. Times are seconds from its beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseTrace {
    /// The phase.
    pub phase: Phase,
    /// The host's work, part after part.
    pub host: Vec<(&'static str, Range<f64>)>,
    /// Its operations, one after the other.
    pub operations: Vec<OperationTrace>,
}

/// One operation of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationTrace {
    /// The layer.
    pub layer: String,
    /// Name of the kernel.
    pub kernel: &'static str,
    /// Arithmetic, padding not counted (floating-point operations).
    pub flops: u64,
    /// Traffic, every input read and every output written once (bytes).
    pub bytes: u64,
    /// From when to when.
    pub span: Range<f64>,
    /// The clock that timed it.
    pub clock: Clock,
    /// Whether it ran alone, outside the step: then it is put where the operation before it ended.
    pub alone: bool,
}

/// Runs a step of each phase of `model` on the runner that `open` makes, after a warm-up.
///
/// Errors: those of the runner.
pub fn trace(open: Open, model: &Model, data: &Dataset, batch: usize) -> Result<Trace> {
    let (plan, mut runner) = first_step(open, model, data, batch)?;
    let step = step(&plan, 1);
    let mut phases = Vec::new();
    for phase in Phase::VARIANTS.iter().copied() {
        runner.submit(phase, &[step])?;
        runner.collect_now()?;
        phases.push(match runner.timeline_now(phase, &step)? {
            Some(timeline) => together(&plan, phase, timeline)?,
            None => apart(&plan, phase, runner.as_mut(), &step)?,
        });
    }
    Ok(Trace { device: runner.device().clone(), model: model.name.clone(), batch, phases })
}

/// A step whose operations have times of their own.
fn together(plan: &Plan, phase: Phase, timeline: Timeline) -> Result<PhaseTrace> {
    let spans = plan.phase(phase)?.into_iter().zip(timeline.operations);
    let operations = spans.map(|(index, span)| operation(plan, index, span, Clock::Timestamp, false)).collect();
    Ok(PhaseTrace { phase, host: timeline.host, operations })
}

/// A step by the host's clock, then each of its operations alone.
fn apart(plan: &Plan, phase: Phase, runner: &mut dyn Runner, step: &Step) -> Result<PhaseTrace> {
    let started = Instant::now();
    runner.submit(phase, std::slice::from_ref(step))?;
    let submitted = started.elapsed().as_secs_f64();
    runner.collect_now()?;
    let collected = started.elapsed().as_secs_f64();
    let host = vec![("submit", 0.0..submitted), ("wait and read back", submitted..collected)];
    let mut operations: Vec<OperationTrace> = Vec::new();
    for index in plan.phase(phase)? {
        let (seconds, clock) = runner.run_op_now(index, step, 1)?;
        let start = operations.last().map_or(0.0, |last| last.span.end);
        operations.push(operation(plan, index, start..start + seconds, clock, true));
    }
    Ok(PhaseTrace { phase, host, operations })
}

fn operation(plan: &Plan, index: usize, span: Range<f64>, clock: Clock, alone: bool) -> OperationTrace {
    let op = &plan.ops[index];
    let facts = op.kind.facts();
    let (flops, bytes) = (facts.flops.of(plan.batch), 4 * facts.words.of(plan.batch));
    OperationTrace { layer: op.layer.clone(), kernel: facts.name, flops, bytes, span, clock, alone }
}
