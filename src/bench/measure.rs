//! Measuring: throughput of training and evaluation, and every operation alone.

use web_time::Instant;

use super::options::FEWEST;
use super::{AdapterReport, Ceilings, KernelTime, Options, Samples, Throughput, figures};
use crate::data::{Dataset, shuffled};
use crate::error::Result;
use crate::gpu::{self, Adapter, GpuRunner};
use crate::infer::write_data;
use crate::model::Model;
use crate::plan::{Clock, DatasetShape, Device, Op, Phase, Plan, Role, Runner, Step};
use crate::recipe::Optimizer;

/// Kernels are timed alone at the largest measured batch size up to this (samples).
const KERNEL_BATCH: usize = 256;

/// Submissions that are encoded, of which the first half warms up.
const ENCODINGS: usize = 100;

/// Makes a runner for a plan.
pub type Open<'a> = &'a dyn Fn(&Plan) -> Result<Box<dyn Runner>>;

/// Measures `adapter` training `model` on `data`; `progress` is told of each part.
///
/// Errors: those of [`measure_with`].
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

/// [`measure`] with the runners that `open` makes: for the CPU oracle, which has no ceilings.
///
/// Errors: options that measure nothing, those of the device, and limits that every batch size exceeds; limits that
/// only some exceed become warnings.
pub fn measure_with(
    device: &Device,
    ceilings: Option<Ceilings>,
    open: Open,
    model: &Model,
    data: &Dataset,
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<AdapterReport> {
    options.check()?;
    let mut report = AdapterReport { ceilings, ..AdapterReport::new(device, model) };
    let mut work = Work { open, model, data, options, ceilings: report.ceilings.as_ref(), progress };
    let mut failed = None;
    for batch in &options.batches {
        match work.throughputs(*batch) {
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
    let measured = || report.training.iter().map(|t| t.batch);
    let batch = measured().filter(|batch| *batch <= KERNEL_BATCH).max().or(measured().next());
    let Some(batch) = batch else { return failed.map_or(Ok(report), Err) };
    report.kernels = work.kernel_times(batch)?;
    let doubtful = figures(&report).into_iter().filter_map(|f| Some(format!("{}: {}", f.title(), f.samples.doubt()?)));
    let doubtful: Vec<String> = doubtful.collect();
    report.warnings.extend(doubtful);
    Ok(report)
}

/// A plan for `batch` and its runner by `open`, with data, order and initial weights, after its first training step.
///
/// Errors: those of the runner.
pub fn first_step(open: Open, model: &Model, data: &Dataset, batch: usize) -> Result<(Plan, Box<dyn Runner>)> {
    let shape = DatasetShape { samples: data.len(), height: data.height, width: data.width };
    let plan = Plan::training(model, batch, shape, Optimizer::Sgd)?;
    let mut runner = open(&plan)?;
    write_data(runner.as_mut(), &plan, data)?;
    runner.write(plan.order, 0, &shuffled(data.len(), 1, 0))?;
    runner.write_f32(plan.parameters, 0, &plan.layout.pack(&model.initial_weights(1))?)?;
    runner.submit(Phase::Train, &[step(&plan, 0)])?;
    runner.collect_now()?;
    Ok((plan, runner))
}

/// The work to measure.
struct Work<'a> {
    open: Open<'a>,
    model: &'a Model,
    data: &'a Dataset,
    options: &'a Options,
    ceilings: Option<&'a Ceilings>,
    progress: &'a mut dyn FnMut(&str),
}

impl Work<'_> {
    /// Training and evaluation at one batch size.
    fn throughputs(&mut self, batch: usize) -> Result<[Throughput; 2]> {
        (self.progress)(&format!("start at batch {batch}"));
        let (plan, mut runner) = first_step(self.open, self.model, self.data, batch)?;
        let mut of = |phase, name: &str| {
            (self.progress)(&format!("{name} at batch {batch}"));
            let samples = images_per_s(runner.as_mut(), &plan, phase, self.options)?;
            let throughput = throughput(&plan, phase, samples, self.ceilings)?;
            let Some((us, dispatches)) = encoding(runner.as_mut(), &plan, phase, self.options)? else {
                return Ok(throughput);
            };
            Ok(Throughput {
                encode_us_per_step: Some(us.median()),
                encode_us_per_dispatch: Some(us.median() / dispatches),
                encode_us_samples: us.all().to_vec(),
                ..throughput
            })
        };
        Ok([of(Phase::Train, "training")?, of(Phase::Evaluate, "evaluation")?])
    }

    /// Every operation of a training step alone.
    fn kernel_times(&mut self, batch: usize) -> Result<Vec<KernelTime>> {
        let (plan, mut runner) = first_step(self.open, self.model, self.data, batch)?;
        let step = step(&plan, 1);
        let mut runs = Vec::new();
        let of_step = plan.phase(Phase::Train)?;
        for index in of_step.iter().copied() {
            let op = &plan.ops[index];
            (self.progress)(&format!("{} {}", op.layer, op.kind.name()));
            runs.push(self.options.runs_per_sample(|runs| Ok(runner.run_op_now(index, &step, runs)?.0))?);
        }
        // In rounds over all operations: the samples of one are seconds apart, and their spread shows a machine whose
        // speed changes.
        let mut taken = vec![(Vec::new(), Clock::Wall); runs.len()];
        for round in 1..=self.options.samples {
            (self.progress)(&format!("kernels, round {round} of {}", self.options.samples));
            for ((index, runs), (seconds, clock)) in of_step.iter().zip(&runs).zip(&mut taken) {
                let (together, by) = runner.run_op_now(*index, &step, *runs)?;
                seconds.push(together / *runs as f64);
                *clock = by;
            }
        }
        let timed = of_step.iter().map(|index| &plan.ops[*index]).zip(taken);
        let mut kernels: Vec<KernelTime> = timed
            .map(|(op, (seconds, clock))| kernel_time(op, batch, Samples::new(seconds), clock, self.ceilings))
            .collect();
        let step_s: f64 = kernels.iter().map(|k| k.seconds).sum();
        kernels.iter_mut().for_each(|k| k.part_of_step = k.seconds / step_s);
        Ok(kernels)
    }
}

/// Step `index` of epochs over the whole batches of the dataset.
pub(super) fn step(plan: &Plan, index: usize) -> Step {
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

/// Speed of `phase` (images/s), after a warm-up, by the host's clock.
fn images_per_s(runner: &mut dyn Runner, plan: &Plan, phase: Phase, options: &Options) -> Result<Samples> {
    let mut next = 0;
    let mut run = |steps: usize| -> Result<f64> {
        let rows: Vec<Step> = (next..next + steps).map(|index| step(plan, index)).collect();
        next += steps;
        let started = Instant::now();
        let submissions = rows.chunks(runner.capacity());
        for rows in submissions.clone() {
            runner.submit(phase, &Step::in_rows(rows))?;
        }
        for _ in submissions {
            runner.collect_now()?;
        }
        Ok(started.elapsed().as_secs_f64())
    };
    let steps = options.steps_per_sample(&mut run)?;
    Ok(rates(steps * plan.batch, &options.take(|| run(steps))?))
}

/// The host's time to encode a step of `phase` (us), as part of full submissions and after a warm-up, and the
/// dispatches of a step.
fn encoding(runner: &mut dyn Runner, plan: &Plan, phase: Phase, options: &Options) -> Result<Option<(Samples, f64)>> {
    let steps: Vec<Step> = (0..runner.capacity()).map(|index| step(plan, index)).collect();
    let steps = Step::in_rows(&steps);
    let began = Instant::now();
    let mut taken = Vec::new();
    while taken.len() < ENCODINGS && (taken.len() < FEWEST || began.elapsed().as_secs_f64() < options.seconds) {
        let Some(seconds) = runner.encode(phase, &steps)? else { return Ok(None) };
        taken.push(1e6 * seconds / steps.len() as f64);
    }
    let warm = taken.split_off(taken.len() / 2);
    let samples = warm.chunks(warm.len().div_ceil(options.samples)).map(|few| Samples::new(few.to_vec()).median());
    // The samples of all steps are gathered at once.
    let dispatches = |op: usize| if plan.ops[op].kind.facts().role == Role::Input { 1 } else { steps.len() };
    let dispatches: usize = plan.phase(phase)?.into_iter().map(dispatches).sum();
    Ok(Some((Samples::new(samples.collect()), dispatches as f64 / steps.len() as f64)))
}

/// Rates of `images` in each of `seconds` (images/s).
fn rates(images: usize, seconds: &[f64]) -> Samples {
    Samples::new(seconds.iter().map(|s| images as f64 / s).collect())
}

/// The figures of `phase` from its `samples` (images/s).
fn throughput(plan: &Plan, phase: Phase, samples: Samples, ceilings: Option<&Ceilings>) -> Result<Throughput> {
    let facts = plan.phase(phase)?.into_iter().map(|op| plan.ops[op].kind.facts());
    let flops: u64 = facts.filter(|facts| facts.matmul).map(|facts| facts.flops.of(plan.batch)).sum();
    let samples_per_s = samples.median();
    let gflops = samples_per_s * flops as f64 / plan.batch as f64 / 1e9;
    Ok(Throughput {
        batch: plan.batch,
        samples_per_s,
        samples,
        gflops,
        share_of_fma: ceilings.map(|c| gflops / c.fma_gflops),
        encode_us_per_step: None,
        encode_us_per_dispatch: None,
        encode_us_samples: Vec::new(),
        device_bytes: plan.bytes(),
    })
}

/// The figures of `op` from its `samples`, the times of one run (s); its part of the step is left at 0.
fn kernel_time(op: &Op, batch: usize, samples: Samples, clock: Clock, ceilings: Option<&Ceilings>) -> KernelTime {
    let facts = op.kind.facts();
    let seconds = samples.median();
    let gflops = facts.flops.of(batch) as f64 / seconds / 1e9;
    let gb_per_s = 4.0 * facts.words.of(batch) as f64 / seconds / 1e9;
    let shares = ceilings.map(|c| (gflops / c.fma_gflops, gb_per_s / c.memory_gb_per_s()));
    let bound = |(arithmetic, memory)| if arithmetic > memory { "arithmetic" } else { "memory" }.to_owned();
    KernelTime {
        kernel: format!("{} {}", op.layer, facts.name),
        batch,
        seconds,
        samples,
        gflops,
        gb_per_s,
        share: shares.map(|(arithmetic, memory)| f64::max(arithmetic, memory)),
        bound: shares.map(bound),
        clock,
        part_of_step: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use super::*;
    use crate::bench::example;
    use crate::error::Error;
    use crate::plan::{BufferId, MOST_STEPS, Metrics, Pending};

    /// Runs nothing: operation `index` takes `index + 1` microseconds by its clock.
    struct Scripted(Device);

    impl Runner for Scripted {
        fn device(&self) -> &Device {
            &self.0
        }

        fn write(&mut self, _: BufferId, _: usize, _: &[u32]) -> Result<()> {
            Ok(())
        }

        fn read(&mut self, _: BufferId) -> Pending<'_, Vec<u32>> {
            Box::pin(ready(Ok(Vec::new())))
        }

        fn submit(&mut self, _: Phase, _: &[Step]) -> Result<()> {
            Ok(())
        }

        fn collect(&mut self) -> Pending<'_, Vec<Metrics>> {
            Box::pin(ready(Ok(Vec::new())))
        }

        fn run_op<'a>(&'a mut self, index: usize, _: &'a Step, times: usize) -> Pending<'a, (f64, Clock)> {
            Box::pin(ready(Ok((1e-6 * ((index + 1) * times) as f64, Clock::Timestamp))))
        }

        fn encode(&mut self, phase: Phase, steps: &[Step]) -> Result<Option<f64>> {
            let us = if phase == Phase::Train { 34.0 } else { 7.0 };
            Ok(Some(1e-6 * us * steps.len() as f64))
        }

        fn capacity(&self) -> usize {
            MOST_STEPS
        }
    }

    #[test]
    fn encoding_is_told_per_step_and_per_dispatch() {
        let report = measured(&[4], 4).unwrap();
        let near = |a: Option<f64>, b: f64| (a.unwrap() - b).abs() < 1e-9;
        // The gather of a submission is one dispatch.
        let gather = 1.0 / MOST_STEPS as f64;
        for (phase, us, dispatches) in [(&report.training, 34.0, 16.0), (&report.evaluation, 7.0, 6.0)] {
            let dispatches = dispatches + gather;
            let of = &phase[0];
            assert!(near(of.encode_us_per_step, us) && near(of.encode_us_per_dispatch, us / dispatches), "{of:?}");
        }
    }

    /// A report of LeNet-5 on 1,000 images, by a runner that is opened up to batch `most`.
    fn measured(batches: &[usize], most: usize) -> Result<AdapterReport> {
        let AdapterReport { device, ceilings, .. } = example::report("scripted");
        let data = Dataset {
            source: "nothing".to_owned(),
            height: 28,
            width: 28,
            images: vec![0; 1_000 * 28 * 28],
            labels: vec![0; 1_000],
        };
        let open = |plan: &Plan| match plan.batch <= most {
            true => Ok(Box::new(Scripted(device.clone())) as Box<dyn Runner>),
            false => Err(Error::input("limit x is too low", "")),
        };
        let options = Options { batches: batches.to_vec(), samples: 3, seconds: 1e-4 };
        measure_with(&device, ceilings, &open, &Model::preset("lenet5")?, &data, &options, &mut |_| {})
    }

    #[test]
    fn operations_are_timed_at_the_largest_batch_up_to_256() {
        for (batches, timed) in [(&[64, 256, 512][..], 256), (&[512, 1_000], 512), (&[4], 4)] {
            assert_eq!(measured(batches, 1_000).unwrap().kernel_batch(), Some(timed), "{batches:?}");
        }
    }

    #[test]
    fn a_batch_that_does_not_fit_is_a_warning_and_none_that_fits_an_error() {
        let report = measured(&[4, 64], 4).unwrap();
        assert_eq!(report.training.iter().map(|t| t.batch).collect::<Vec<_>>(), [4]);
        assert_eq!(report.warnings[0], "batch 64: limit x is too low");
        assert_eq!(measured(&[4, 64], 3).unwrap_err().to_string(), "limit x is too low");
    }

    #[test]
    fn an_operation_has_its_time_rate_and_share() {
        let report = measured(&[4], 4).unwrap();
        let ceilings = report.ceilings.as_ref().unwrap();
        // The last stands for the two before it in the plan.
        let last = report.kernels.len() - 1;
        let us = |index: usize| if index == last { last + 3 } else { index + 1 } as f64;
        let all: f64 = (0..=last).map(us).sum();
        let of_step = |index: usize| us(index) / all;
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b;
        for (index, k) in report.kernels.iter().enumerate() {
            assert!(near(k.seconds, 1e-6 * us(index)) && near(k.part_of_step, of_step(index)), "{k:?}");
            assert_eq!((k.samples.all().len(), k.clock), (3, Clock::Timestamp));
        }
        // C3 of 4 images: 16 maps of 10 x 10, of sums over 6 maps of 5 x 5, in 3 us.
        let c3 = report.kernels.iter().find(|k| k.kernel == "c3 conv2d_forward").unwrap();
        let flops = 4.0 * 2.0 * (16 * 10 * 10 * 6 * 5 * 5) as f64;
        assert!(near(c3.gflops, flops / 3e-6 / 1e9), "{c3:?}");
        assert_eq!((c3.share, c3.bound.as_deref()), (Some(c3.gflops / ceilings.fma_gflops), Some("arithmetic")));
        // One slot per dense layer, a few per convolution, whose sums are written; SGD reads parameters and momentum
        // and writes both.
        let data = DatasetShape { samples: 1_000, height: 28, width: 28 };
        let plan = Plan::training(&Model::preset("lenet5").unwrap(), 4, data, Optimizer::Sgd).unwrap();
        let words = plan.layout.words + plan.buffer(plan.find("partials").unwrap()).words + 4 * plan.layout.words;
        let sgd = report.kernels.last().unwrap();
        assert!(near(sgd.gb_per_s, 4.0 * words as f64 / (1e-6 * us(last)) / 1e9), "{sgd:?}");
        assert_eq!(sgd.bound.as_deref(), Some("memory"));
    }

    #[test]
    fn images_per_second_are_those_of_a_sample_over_its_seconds() {
        assert_eq!(rates(640, &[0.1, 0.2]).all(), [6_400.0, 3_200.0]);
        let data = DatasetShape { samples: 1_000, height: 28, width: 28 };
        let plan = Plan::training(&Model::preset("lenet5").unwrap(), 64, data, Optimizer::Sgd).unwrap();
        let ceilings = example::report("any").ceilings.unwrap();
        let of = |phase| throughput(&plan, phase, rates(640, &[0.1, 0.1, 0.2]), Some(&ceilings)).unwrap();
        let (training, evaluation) = (of(Phase::Train), of(Phase::Evaluate));
        assert_eq!((training.batch, training.samples_per_s, training.device_bytes), (64, 6_400.0, plan.bytes()));
        // Multiply-adds of an image: C1 117,600, C3 240,000, C5 48,000, F6 10,080, output 840.
        assert!((evaluation.gflops - 6_400.0 * 2.0 * 416_520.0 / 1e9).abs() < 1e-9, "{evaluation:?}");
        // Backward twice that, without the gradient of C1's input.
        assert!((training.gflops - 6_400.0 * 2.0 * (3.0 * 416_520.0 - 117_600.0) / 1e9).abs() < 1e-9, "{training:?}");
        assert_eq!(training.share_of_fma, Some(training.gflops / ceilings.fma_gflops));
    }

    #[test]
    fn steps_go_round_the_whole_batches() {
        let data = DatasetShape { samples: 10, height: 28, width: 28 };
        let plan = Plan::training(&Model::preset("lenet5").unwrap(), 4, data, Optimizer::Sgd).unwrap();
        assert_eq!([0, 1, 2, 3].map(|index| step(&plan, index).start), [0, 4, 0, 4]);
    }
}
