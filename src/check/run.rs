//! The whole check, part after part.

use web_time::Instant;

use super::bits::{Trial, check_bits};
use super::cases::cases;
use super::filter::{Filter, check_filter};
#[cfg(feature = "golden")]
use super::golden::check_golden;
use super::kernels::check_kernels;
use super::oracle::check_oracle;
#[cfg(feature = "golden")]
use super::quantity::SHARE;
use super::report::{AdapterReport, Report};
use super::soak::{Flip, Soak, soak};
use super::verdict::{Effort, Verdict};
use super::yardstick::{Yardstick, check_training};
use crate::date;
use crate::error::{Error, Result};
use crate::gpu::{Adapter, GpuRunner, Kernel};
use crate::model::Model;
#[cfg(feature = "golden")]
use crate::plan::{Plan, Runner};

/// The options of a check.
#[derive(Debug, Clone)]
pub struct Options {
    /// Models beside the synthetic ones.
    pub models: Vec<Model>,
    /// Batch sizes of those; empty for the usual ones of the effort.
    pub batches: Vec<usize>,
    /// Seed of every input.
    pub seed: u64,
    /// Extent of the check.
    pub effort: Effort,
    /// Replays a finding: a filter that names something runs the check of those kernels alone.
    pub filter: Filter,
    /// Seconds of burn-in on each adapter; 0 for none.
    pub soak: f64,
}

/// A notice of a running check.
#[derive(Debug, Clone)]
pub enum Notice {
    /// The part that is about to run.
    Running(String),
    /// A repetition of a burn-in that gave other bits.
    Flip {
        /// The adapter.
        adapter: String,
        /// Its time and word.
        flip: Flip,
    },
}

impl Options {
    fn batches(&self) -> Vec<usize> {
        match (self.batches.as_slice(), self.effort) {
            ([], Effort::Quick) => vec![9],
            ([], Effort::Normal) => vec![1, 64],
            ([], Effort::Thorough) => vec![1, 3, 64, 257],
            (batches, _) => batches.to_vec(),
        }
    }

    /// Steps of the run on MNIST.
    fn steps(&self) -> usize {
        match self.effort {
            Effort::Quick => 10,
            Effort::Normal | Effort::Thorough => 100,
        }
    }
}

/// Checks every adapter. `tell` is called before each part.
///
/// An error of one adapter is in its report, and the others are still checked.
///
/// Errors: options that name a kernel, case or batch that does not exist.
pub fn check(adapters: &[Adapter], options: &Options, tell: &mut dyn FnMut(&Notice)) -> Result<Report> {
    let began = Instant::now();
    let cases = cases(&options.models, &options.batches(), options.effort)?;
    check_filter(&options.filter, &cases)?;
    let filter = &options.filter;
    let all = filter.kernel.is_none() && filter.case.is_none() && filter.inputs.is_none();

    let mut running = |what: String| tell(&Notice::Running(what));
    let mut oracle = Vec::new();
    let mut yardstick = None;
    if all {
        running("the oracle against finite differences".to_owned());
        oracle = check_oracle(options.seed)?;
        running("the oracle's own run on MNIST".to_owned());
        yardstick = Some(Yardstick::new(options.seed, options.steps())?);
    }
    let kernels = check_kernels(adapters, &cases, options.seed, filter, &Kernel::source, &mut |case| {
        running(format!("kernels, case {case}"));
    });
    let mut reports = Vec::new();
    for (adapter, kernels) in adapters.iter().zip(kernels.adapters) {
        let mut report = AdapterReport {
            device: adapter.device.clone(),
            verdict: Verdict::Pass,
            error: None,
            kernels: Vec::new(),
            training: Vec::new(),
            bits: Vec::new(),
            soak: None,
        };
        match kernels {
            Ok(kernels) => report.kernels = kernels,
            Err(error) => report.error = Some(error.to_string()),
        }
        if let (None, Some(yardstick)) = (&report.error, &yardstick) {
            let mut runs = Runs { options, yardstick, report: &mut report };
            if let Err(error) = runs.run(adapter, tell) {
                report.error = Some(error.to_string());
            }
        }
        reports.push(report.judge());
    }
    if reports.iter().all(|r| r.kernels.is_empty() && r.error.is_none()) {
        return Err(Error::input(
            "there is nothing to check: no adapter, or the case does not run that kernel",
            "leave out --case, or choose an adapter of lenet-gpu devices",
        ));
    }
    let report = Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        date: date::day(date::now()),
        seed: options.seed,
        effort: options.effort,
        verdict: Verdict::Pass,
        oracle,
        adapters: reports,
        pairs: kernels.pairs,
        seconds: began.elapsed().as_secs_f64(),
    };
    Ok(report.judge())
}

/// Steps, runs and repetitions on one adapter.
struct Runs<'a> {
    options: &'a Options,
    yardstick: &'a Yardstick,
    report: &'a mut AdapterReport,
}

impl Runs<'_> {
    fn run(&mut self, adapter: &Adapter, tell: &mut dyn FnMut(&Notice)) -> Result<()> {
        let name = &adapter.device.name;
        #[cfg(feature = "golden")]
        {
            tell(&Notice::Running(format!("PyTorch's steps on {name}")));
            let open = |plan: &Plan| Ok(Box::new(GpuRunner::new(adapter, plan)?) as Box<dyn Runner>);
            self.report.training.extend(check_golden(&open, SHARE)?);
        }
        tell(&Notice::Running(format!("steps on MNIST on {name}")));
        let mut runner = GpuRunner::new(adapter, self.yardstick.plan())?;
        self.report.training.extend(check_training(&mut runner, self.yardstick)?);
        tell(&Notice::Running(format!("the same bits again on {name}")));
        let trials: Vec<Trial> = check_bits(&mut runner, self.yardstick, 8)?;
        self.report.bits.extend(trials);
        if self.options.soak > 0.0 {
            tell(&Notice::Running(format!("burn-in of {name} for {} s", self.options.soak)));
            let soaked: Soak = soak(&mut runner, self.yardstick, self.options.soak, &mut |flip| {
                tell(&Notice::Flip { adapter: name.clone(), flip: flip.clone() });
            })?;
            self.report.soak = Some(soaked);
        }
        Ok(())
    }
}
