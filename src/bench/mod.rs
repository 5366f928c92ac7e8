//! How fast an adapter trains, and how near that is to what the adapter can do at most.
//!
//! Every figure is a set of [`Samples`] taken after a warm-up, so that its spread is known. Shares compare
//! a figure with the ceiling that was measured on the same adapter in the same run. [`compare`] holds two
//! reports against each other and calls a difference one only where it is larger than both spreads.

mod compare;
mod samples;
mod start_up;

pub use compare::{Change, Figure, Verdict, compare, figures, verdict};
pub use samples::Samples;
pub use start_up::{StartUp, start_up};

use std::time::{Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::error::Result;
use crate::gpu::{self, Adapter, GpuRunner};
use crate::model::Model;
use crate::plan::{Clock, DatasetShape, Device, Phase, Plan, Runner, Step};
use crate::recipe::Optimizer;
use crate::train::write_data;

/// Kernels are timed alone at the largest measured batch size up to this.
const KERNEL_BATCH: usize = 256;

/// Everything that one call measured: what `--json` writes and `--compare` reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bench {
    /// Version of this program.
    pub version: String,
    /// When the measuring ended: UTC, `2026-01-31T12:00:00Z`.
    pub date: String,
    /// Every adapter that was asked for, in that order.
    pub adapters: Vec<AdapterReport>,
}

impl Bench {
    /// Reports of this program, now.
    pub fn new(adapters: Vec<AdapterReport>) -> Self {
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), date: utc(seconds), adapters }
    }
}

/// Seconds since 1970 as a date and time of day, UTC.
///
/// Source: H. Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months count from March, so that a leap day is the last of its year.
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + 400 * era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A slow adapter is let off its last samples once a figure has taken this many times the length of a sample.
const PATIENCE: f64 = 15.0;

/// Samples that are taken of every figure however slow it is, if that many were asked for.
const FEWEST: usize = 3;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Options {
    /// Batch sizes of the training and evaluation figures, each at most the dataset; at least one.
    pub batches: Vec<usize>,
    /// Samples of each figure, at least 1.
    pub samples: usize,
    /// Length of one sample, s.
    pub seconds: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { batches: vec![1, 4, 16, 64, 256, 1024, 4096], samples: 7, seconds: 0.2 }
    }
}

impl Options {
    /// A look in seconds: two batch sizes, fewer and shorter samples.
    pub fn quick() -> Self {
        Self { batches: vec![64, 256], samples: 5, seconds: 0.1 }
    }

    /// Samples of what `run` measures, s.
    fn take(&self, mut run: impl FnMut() -> Result<f64>) -> Result<Vec<f64>> {
        let mut taken: Vec<f64> = Vec::new();
        while taken.len() < self.samples {
            if taken.len() >= FEWEST && taken.iter().sum::<f64>() > PATIENCE * self.seconds {
                break;
            }
            taken.push(run()?);
        }
        Ok(taken)
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
    /// Why nothing could be measured; then the rest is empty.
    pub error: Option<String>,
    /// What the adapter can do at most; none for the CPU oracle.
    pub ceilings: Option<Ceilings>,
    /// From nothing to the first step done; filled in by whoever can start the program anew.
    pub start_up: Option<StartUp>,
    /// Training by batch size.
    pub training: Vec<Throughput>,
    /// Evaluation by batch size.
    pub evaluation: Vec<Throughput>,
    /// Each operation of a training step alone.
    pub kernels: Vec<KernelTime>,
    /// What makes the figures doubtful, or is missing; empty if nothing is.
    pub warnings: Vec<String>,
}

impl AdapterReport {
    /// A report without figures.
    pub fn new(device: &Device, model: &Model) -> Self {
        Self {
            name: device.name.clone(),
            backend: device.backend.clone(),
            driver: device.driver.clone(),
            kind: device.kind.clone(),
            model: model.name.clone(),
            error: None,
            ceilings: None,
            start_up: None,
            training: Vec::new(),
            evaluation: Vec::new(),
            kernels: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The batch size at which the kernels were timed; none if nothing ran.
    pub fn kernel_batch(&self) -> Option<usize> {
        let fits = self.training.iter().map(|t| t.batch).filter(|batch| *batch <= KERNEL_BATCH);
        fits.max().or(self.training.first().map(|t| t.batch))
    }

    /// The fastest of `phases`.
    pub fn best(phases: &[Throughput]) -> Option<&Throughput> {
        phases.iter().max_by(|a, b| a.samples_per_s.total_cmp(&b.samples_per_s))
    }
}

/// Ceilings of an adapter: medians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Multiply-adds in registers, two operations each, GFLOP/s.
    pub fma_gflops: f64,
    /// Reading a storage buffer, GB/s.
    pub read_gb_per_s: f64,
    /// Reading 2 MiB of it again and again, from a cache if there is one, GB/s.
    pub cached_read_gb_per_s: f64,
    /// Writing a storage buffer, GB/s.
    pub write_gb_per_s: f64,
    /// One dispatch in a long pass, s.
    pub dispatch_s: f64,
    /// Submitting one pass with one dispatch and waiting for it, s.
    pub submission_s: f64,
    /// Reading 4 KiB back to the host, s.
    pub read_back_s: f64,
    /// All samples of each.
    pub samples: gpu::Ceilings,
}

impl Ceilings {
    fn new(samples: gpu::Ceilings) -> Self {
        let median = |samples: &Vec<f64>| Samples::new(samples.clone()).median();
        Self {
            fma_gflops: median(&samples.fma_gflops),
            read_gb_per_s: median(&samples.read_gb_per_s),
            cached_read_gb_per_s: median(&samples.cached_read_gb_per_s),
            write_gb_per_s: median(&samples.write_gb_per_s),
            dispatch_s: median(&samples.dispatch_s),
            submission_s: median(&samples.submission_s),
            read_back_s: median(&samples.read_back_s),
            samples,
        }
    }

    /// The ceiling that traffic is held against, GB/s: the best of reading, also from a cache, and writing,
    /// since it is not known what a kernel finds in a cache. Shares are never flattered.
    pub fn memory_gb_per_s(&self) -> f64 {
        self.read_gb_per_s.max(self.cached_read_gb_per_s).max(self.write_gb_per_s)
    }
}

/// Speed of a phase at one batch size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Samples a step.
    pub batch: usize,
    /// Images a second, median.
    pub samples_per_s: f64,
    /// All samples, images a second.
    pub samples: Vec<f64>,
    /// Arithmetic of the convolutions and matrix products, GFLOP/s.
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
/// Errors: those of the device, and limits that every batch size exceeds; limits that only some exceed
/// become warnings.
pub fn measure(
    adapter: &Adapter,
    model: &Model,
    data: &Dataset,
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<AdapterReport> {
    progress("ceilings");
    let ceilings = Ceilings::new(gpu::measure(adapter, options.samples)?);
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
    let mut report = AdapterReport { ceilings, ..AdapterReport::new(device, model) };
    let mut failed = None;
    for batch in &options.batches {
        match throughputs(open, model, data, *batch, options, progress) {
            Ok([training, evaluation]) => {
                report.training.push(training);
                report.evaluation.push(evaluation);
            }
            Err(error) => {
                report.warnings.push(format!("batch {batch}: {error}"));
                failed.get_or_insert(error);
            }
        }
    }
    let (Some(kernel_batch), fma) = (report.kernel_batch(), report.ceilings.as_ref().map(|c| c.fma_gflops)) else {
        return failed.map_or(Ok(report), Err);
    };
    for throughput in report.training.iter_mut().chain(&mut report.evaluation) {
        throughput.share_of_fma = fma.map(|fma| throughput.gflops / fma);
    }
    report.kernels = kernel_times(open, model, data, kernel_batch, report.ceilings.as_ref(), options, progress)?;

    let doubtful = figures(&report).into_iter().filter_map(|f| Some(format!("{}: {}", f.title(), f.samples.doubt()?)));
    let doubtful: Vec<String> = doubtful.collect();
    report.warnings.extend(doubtful);
    Ok(report)
}

/// A plan for `batch` on what `open` makes, with data, order and initial weights, after its first training step.
///
/// Errors: those of the runner.
pub fn first_step(
    open: &dyn Fn(&Plan) -> Result<Box<dyn Runner>>,
    model: &Model,
    data: &Dataset,
    batch: usize,
) -> Result<(Plan, Box<dyn Runner>)> {
    let shape = DatasetShape { samples: data.len(), height: data.height, width: data.width };
    let plan = Plan::training(model, batch, shape, Optimizer::Sgd)?;
    let mut runner = open(&plan)?;
    write_data(runner.as_mut(), &plan, data)?;
    runner.write(plan.order, 0, &crate::data::shuffled(data.len(), 1, 0))?;
    runner.write_f32(plan.parameters, 0, &plan.layout.pack(&model.initial_weights(1))?)?;
    runner.submit(Phase::Train, &[step(&plan, 0)])?;
    runner.collect_now()?;
    Ok((plan, runner))
}

/// Training and evaluation at one batch size, without shares.
fn throughputs(
    open: &dyn Fn(&Plan) -> Result<Box<dyn Runner>>,
    model: &Model,
    data: &Dataset,
    batch: usize,
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<[Throughput; 2]> {
    progress(&format!("start at batch {batch}"));
    let (plan, mut runner) = first_step(open, model, data, batch)?;
    let mut of = |phase, name: &str| -> Result<Throughput> {
        progress(&format!("{name} at batch {batch}"));
        let samples = images_per_s(runner.as_mut(), &plan, phase, options)?;
        let facts = plan.phase(phase)?.into_iter().map(|op| plan.ops[op].kind.facts());
        let flops: u64 = facts.filter(|facts| facts.matmul).map(|facts| facts.flops.of(batch)).sum();
        Ok(Throughput {
            batch,
            samples_per_s: samples.median(),
            samples: samples.all().to_vec(),
            gflops: samples.median() * flops as f64 / batch as f64 / 1e9,
            share_of_fma: None,
            device_bytes: plan.bytes(),
        })
    };
    Ok([of(Phase::Train, "training")?, of(Phase::Evaluate, "evaluation")?])
}

/// Every operation of a training step alone.
fn kernel_times(
    open: &dyn Fn(&Plan) -> Result<Box<dyn Runner>>,
    model: &Model,
    data: &Dataset,
    batch: usize,
    ceilings: Option<&Ceilings>,
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<KernelTime>> {
    let (plan, mut runner) = first_step(open, model, data, batch)?;
    let step = step(&plan, 1);
    let mut times = Vec::new();
    for (index, op) in plan.ops.iter().enumerate() {
        progress(&format!("{} {}", op.layer, op.kind.name()));
        times.push(op_times(runner.as_mut(), index, &step, options)?);
    }
    // In rounds over all of them: so the samples of each lie seconds apart, and their spread shows a machine
    // whose speed wanders.
    let mut taken = vec![(Vec::new(), Clock::Wall); times.len()];
    for round in 1..=options.samples {
        progress(&format!("kernels, round {round} of {}", options.samples));
        for (index, (seconds, clock)) in taken.iter_mut().enumerate() {
            let (together, by) = runner.run_op_now(index, &step, times[index])?;
            seconds.push(together / times[index] as f64);
            *clock = by;
        }
    }
    let mut kernels = Vec::new();
    for (op, (seconds, clock)) in plan.ops.iter().zip(taken) {
        let facts = op.kind.facts();
        let kernel = format!("{} {}", op.layer, facts.name);
        let samples = Samples::new(seconds);
        let seconds = samples.median();
        let gflops = facts.flops.of(batch) as f64 / seconds / 1e9;
        let gb_per_s = 4.0 * facts.words.of(batch) as f64 / seconds / 1e9;
        let shares = ceilings.map(|c| (gflops / c.fma_gflops, gb_per_s / c.memory_gb_per_s()));
        kernels.push(KernelTime {
            kernel,
            batch,
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
    Ok(kernels)
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
            runner.collect_now()?;
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
    let seconds = options.take(|| run(steps))?;
    Ok(Samples::new(seconds.iter().map(|s| (steps * plan.batch) as f64 / s).collect()))
}

/// Warms operation `index` up; how many times in a row make a sample of it.
fn op_times(runner: &mut dyn Runner, index: usize, step: &Step, options: &Options) -> Result<usize> {
    let mut times = 1;
    while times < 4096 && runner.run_op_now(index, step, times)?.0 < options.seconds / 20.0 {
        times *= 2;
    }
    Ok(times)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small report with every kind of figure but a start-up.
    pub(crate) fn report(name: &str) -> AdapterReport {
        let device = Device {
            index: Some(0),
            name: name.to_owned(),
            backend: "vulkan".to_owned(),
            driver: "a \"driver\", 1.0".to_owned(),
            kind: "software".to_owned(),
        };
        let samples = vec![2_000.0, 2_020.0, 1_980.0];
        let throughput = Throughput {
            batch: 4,
            samples_per_s: 2_000.0,
            samples,
            gflops: 5.0,
            share_of_fma: Some(0.1),
            device_bytes: 3 << 20,
        };
        AdapterReport {
            ceilings: Some(Ceilings::new(gpu::Ceilings {
                fma_gflops: vec![50.0; 3],
                read_gb_per_s: vec![10.0; 3],
                cached_read_gb_per_s: vec![20.0; 3],
                write_gb_per_s: vec![8.0; 3],
                dispatch_s: vec![5e-6; 3],
                submission_s: vec![5e-5; 3],
                read_back_s: vec![2e-5; 3],
            })),
            training: vec![throughput.clone()],
            evaluation: vec![throughput],
            kernels: vec![KernelTime {
                kernel: "c1 conv2d_forward".to_owned(),
                batch: 4,
                seconds: 1.5e-4,
                samples: vec![1.5e-4; 3],
                gflops: 25.0,
                gb_per_s: 1.0,
                share: Some(0.5),
                bound: Some("arithmetic".to_owned()),
                clock: Clock::Timestamp,
                part_of_step: 1.0,
            }],
            ..AdapterReport::new(&device, &Model::preset("lenet5").unwrap())
        }
    }

    #[test]
    fn dates_are_right_at_the_ends_of_months_and_years() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds), date);
        }
    }

    /// Memory that grows faster than the batch is what users of other programs met as a crash.
    #[test]
    fn memory_grows_by_the_same_for_each_image() {
        let model = Model::preset("lenet5").unwrap();
        let data = DatasetShape { samples: 60_000, height: 28, width: 28 };
        let bytes = |batch| Plan::training(&model, batch, data, Optimizer::Sgd).unwrap().bytes() as f64;
        let an_image = |from: usize, to: usize| (bytes(to) - bytes(from)) / (to - from) as f64;
        assert!(an_image(2048, 4096) <= 1.05 * an_image(512, 1024));
        assert!(bytes(4096) > bytes(1));
    }
}
