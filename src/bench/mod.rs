//! How fast an adapter trains, and how near that is to what the adapter can do at most.
//!
//! Every figure is a set of [`Samples`] taken after a warm-up, so that its spread is known. Shares compare
//! a figure with the ceiling that was measured on the same adapter in the same run.

mod samples;

pub use samples::Samples;

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::error::Result;
use crate::gpu::{self, Adapter, GpuRunner};
use crate::model::Model;
use crate::plan::{Clock, DatasetShape, Device, Optimizer, Phase, Plan, Runner, Step};
use crate::train::write_data;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// Batch sizes of the training and evaluation figures, each at most the dataset.
    pub batches: Vec<usize>,
    /// Batch size at which each kernel is timed alone.
    pub kernel_batch: usize,
    /// Samples of each figure.
    pub samples: usize,
    /// Length of one sample, s.
    pub seconds: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { batches: vec![1, 4, 16, 64, 256, 1024, 4096], kernel_batch: 256, samples: 7, seconds: 0.2 }
    }
}

/// Everything that was measured on one adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterReport {
    /// As the driver names it.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `gl` or `cpu`.
    pub backend: String,
    /// Name and version of the driver.
    pub driver: String,
    /// `discrete gpu`, ..., `software`.
    pub kind: String,
    /// The model that was trained.
    pub model: String,
    /// What the adapter can do at most; none for the CPU oracle.
    pub ceilings: Option<Ceilings>,
    /// From nothing to the first step done.
    pub start_up: StartUp,
    /// Training by batch size.
    pub training: Vec<Throughput>,
    /// Evaluation by batch size.
    pub evaluation: Vec<Throughput>,
    /// Each operation of a training step alone.
    pub kernels: Vec<KernelTime>,
    /// What makes the figures doubtful; empty if nothing does.
    pub warnings: Vec<String>,
}

/// Ceilings of an adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Multiply-adds in registers, two operations each, GFLOP/s.
    pub fma_gflops: f64,
    /// Reading a storage buffer, GB/s.
    pub read_gb_per_s: f64,
    /// Writing a storage buffer, GB/s.
    pub write_gb_per_s: f64,
    /// One dispatch in a long pass, s.
    pub dispatch_s: f64,
    /// Submitting one pass with one dispatch and waiting for it, s.
    pub submission_s: f64,
    /// Reading 4 KiB back to the host, s.
    pub read_back_s: f64,
    /// All samples of `fma_gflops`.
    pub fma_gflops_samples: Vec<f64>,
    /// All samples of `read_gb_per_s`.
    pub read_gb_per_s_samples: Vec<f64>,
}

/// Seconds from opening the adapter on, in this process: warm if the driver had the shaders on disk.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StartUp {
    /// Until the device, its buffers and its pipelines were there.
    pub open_s: f64,
    /// Until the first training step was done; software drivers compile then.
    pub first_step_s: f64,
}

/// Speed of a phase at one batch size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Samples a step.
    pub batch: usize,
    /// Images a second: median, extremes and all samples.
    pub samples_per_s: f64,
    /// Slowest sample.
    pub slowest: f64,
    /// Fastest sample.
    pub fastest: f64,
    /// All samples, images a second.
    pub samples: Vec<f64>,
    /// Useful arithmetic, GFLOP/s.
    pub gflops: f64,
    /// `gflops` as a share of the adapter's `fma_gflops`; none for the CPU oracle.
    pub share_of_fma: Option<f64>,
    /// Bytes of all buffers of the plan.
    pub device_bytes: u64,
}

/// Time of one operation alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelTime {
    /// `c1 conv2d_forward`
    pub kernel: String,
    /// Samples a step.
    pub batch: usize,
    /// Median of one run, s.
    pub seconds: f64,
    /// All samples, s.
    pub samples: Vec<f64>,
    /// Useful arithmetic, GFLOP/s.
    pub gflops: f64,
    /// Bytes that must move at least, GB/s.
    pub gb_per_s: f64,
    /// Share of the ceiling that binds it; none for the CPU oracle.
    pub share: Option<f64>,
    /// Which ceiling that is: `arithmetic` or `memory`.
    pub bound: Option<String>,
    /// How it was timed.
    pub clock: Clock,
    /// Part of the whole step's time.
    pub part_of_step: f64,
}

/// Measures `adapter` training `model` on `data`; tells what it is at through `progress`.
///
/// Errors: those of the device, limits that a batch exceeds.
pub fn measure(
    adapter: &Adapter,
    model: &Model,
    data: &Dataset,
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<AdapterReport> {
    progress("ceilings");
    let found = gpu::measure(adapter, options.samples)?;
    let ceilings = Ceilings {
        fma_gflops: Samples::new(found.fma_gflops.clone()).median(),
        read_gb_per_s: Samples::new(found.read_gb_per_s.clone()).median(),
        write_gb_per_s: Samples::new(found.write_gb_per_s).median(),
        dispatch_s: Samples::new(found.dispatch_s).median(),
        submission_s: Samples::new(found.submission_s).median(),
        read_back_s: Samples::new(found.read_back_s).median(),
        fma_gflops_samples: found.fma_gflops,
        read_gb_per_s_samples: found.read_gb_per_s,
    };
    let open = |plan: &Plan| Ok(Box::new(GpuRunner::new(adapter, plan)?) as Box<dyn Runner>);
    measure_with(&adapter.device, Some(ceilings), &open, model, data, options, progress)
}

/// [`measure`] on what `open` makes for a plan: for the CPU oracle, which has no ceilings.
///
/// Errors: those of the runner.
pub fn measure_with(
    device: &Device,
    ceilings: Option<Ceilings>,
    open: &dyn Fn(&Plan) -> Result<Box<dyn Runner>>,
    model: &Model,
    data: &Dataset,
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<AdapterReport> {
    let shape = DatasetShape { samples: data.len(), height: data.height, width: data.width };
    let prepare = |batch: usize| -> Result<(Plan, Box<dyn Runner>, StartUp)> {
        let plan = Plan::new(model, batch, shape, Optimizer::Sgd { nesterov: false })?;
        let started = Instant::now();
        let mut runner = open(&plan)?;
        let open_s = started.elapsed().as_secs_f64();
        write_data(runner.as_mut(), &plan, data)?;
        runner.write(plan.order, 0, &crate::data::shuffled(data.len(), 1, 0))?;
        runner.write_f32(plan.parameters, 0, &plan.layout.pack(&model.initial_weights(1))?)?;
        runner.submit(Phase::Train, &[step(&plan, 0)])?;
        runner.collect()?;
        Ok((plan, runner, StartUp { open_s, first_step_s: started.elapsed().as_secs_f64() }))
    };

    let mut warnings = Vec::new();
    let fma = ceilings.as_ref().map(|c| c.fma_gflops);
    let (mut training, mut evaluation) = (Vec::new(), Vec::new());
    let mut start_up = None;
    for batch in &options.batches {
        let (plan, mut runner, first) = prepare(*batch)?;
        start_up.get_or_insert(first);
        for (phase, list) in [(Phase::Train, &mut training), (Phase::Evaluate, &mut evaluation)] {
            progress(&format!("{} at batch {batch}", if phase == Phase::Train { "training" } else { "evaluation" }));
            let samples = images_per_s(runner.as_mut(), &plan, phase, options)?;
            if let Some(doubt) = samples.doubt() {
                warnings.push(format!("{phase:?} at batch {batch}: {doubt}").to_lowercase());
            }
            let flops: u64 = plan.phase(phase).iter().map(|op| matmul_flops(op, *batch)).sum();
            let gflops = samples.median() * flops as f64 / *batch as f64 / 1e9;
            list.push(Throughput {
                batch: *batch,
                samples_per_s: samples.median(),
                slowest: samples.least(),
                fastest: samples.most(),
                samples: samples.all().to_vec(),
                gflops,
                share_of_fma: fma.map(|fma| gflops / fma),
                device_bytes: plan.bytes(),
            });
        }
    }

    let (plan, mut runner, first) = prepare(options.kernel_batch)?;
    let mut kernels = Vec::new();
    for (index, op) in plan.ops.iter().enumerate() {
        let kernel = format!("{} {}", op.layer, op.kind.name());
        progress(&kernel);
        let (samples, clock) = op_seconds(runner.as_mut(), &plan, index, options)?;
        let seconds = samples.median();
        let gflops = op.kind.flops(plan.batch) as f64 / seconds / 1e9;
        let gb_per_s = op.kind.bytes(plan.batch) as f64 / seconds / 1e9;
        let shares = ceilings.as_ref().map(|c| (gflops / c.fma_gflops, gb_per_s / c.read_gb_per_s));
        kernels.push(KernelTime {
            kernel,
            batch: plan.batch,
            seconds,
            samples: samples.all().to_vec(),
            gflops,
            gb_per_s,
            share: shares.map(|(arithmetic, memory)| arithmetic.max(memory)),
            bound: shares
                .map(|(arithmetic, memory)| if arithmetic > memory { "arithmetic" } else { "memory" }.to_owned()),
            clock,
            part_of_step: 0.0,
        });
    }
    let step_s: f64 = kernels.iter().map(|k| k.seconds).sum();
    kernels.iter_mut().for_each(|k| k.part_of_step = k.seconds / step_s);

    Ok(AdapterReport {
        name: device.name.clone(),
        backend: device.backend.clone(),
        driver: device.driver.clone(),
        kind: device.kind.clone(),
        model: model.name.clone(),
        ceilings,
        start_up: start_up.unwrap_or(first),
        training,
        evaluation,
        kernels,
        warnings,
    })
}

/// Operations of the matrix products and convolutions alone: what the paper's multiply-adds count.
fn matmul_flops(op: &crate::plan::Op, samples: usize) -> u64 {
    use crate::plan::OpKind::*;
    match op.kind {
        Conv2dForward(_)
        | Conv2dBackwardInput(_)
        | Conv2dBackwardWeights(_)
        | DenseForward(_)
        | DenseBackwardInput(_)
        | DenseBackwardWeights(_) => op.kind.flops(samples),
        _ => 0,
    }
}

/// Step `index` of an epoch over the dataset, again from the start after its last whole batch.
fn step(plan: &Plan, index: usize) -> Step {
    let start = index % (plan.data.samples / plan.batch) * plan.batch;
    Step {
        start: start as u32,
        count: plan.batch as u32,
        learning_rate: 0.01,
        momentum: 0.9,
        weight_decay: 5e-4,
        ..Step::default()
    }
}

fn images_per_s(runner: &mut dyn Runner, plan: &Plan, phase: Phase, options: &Options) -> Result<Samples> {
    let mut next = 0;
    let mut run = |steps: usize| -> Result<f64> {
        let rows: Vec<Step> = (0..steps).map(|i| Step { slot: i as u32, ..step(plan, next + i) }).collect();
        next += steps;
        let started = Instant::now();
        for rows in rows.chunks(runner.capacity()) {
            let rows: Vec<Step> = (0..).zip(rows).map(|(slot, row)| Step { slot, ..*row }).collect();
            runner.submit(phase, &rows)?;
        }
        for _ in 0..steps.div_ceil(runner.capacity()) {
            runner.collect()?;
        }
        Ok(started.elapsed().as_secs_f64())
    };
    // Warm-up, which also finds how many steps make a sample.
    let mut steps = 1;
    loop {
        let seconds = run(steps)?;
        if seconds >= options.seconds / 2.0 {
            steps = ((steps as f64 * options.seconds / seconds) as usize).max(1);
            break;
        }
        steps *= 2;
    }
    let mut samples = Vec::new();
    for _ in 0..options.samples {
        samples.push((steps * plan.batch) as f64 / run(steps)?);
    }
    Ok(Samples::new(samples))
}

fn op_seconds(runner: &mut dyn Runner, plan: &Plan, index: usize, options: &Options) -> Result<(Samples, Clock)> {
    let step = step(plan, 1);
    let wanted = options.seconds / 10.0;
    let mut times = 1;
    let mut clock;
    loop {
        let (seconds, by) = runner.run_op(index, &step, times)?;
        clock = by;
        if seconds >= wanted / 2.0 || times >= 4096 {
            break;
        }
        times *= 2;
    }
    let mut samples = Vec::new();
    for _ in 0..options.samples {
        let (seconds, by) = runner.run_op(index, &step, times)?;
        clock = by;
        samples.push(seconds / times as f64);
    }
    Ok((Samples::new(samples), clock))
}
