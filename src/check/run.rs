//! The whole check, part after part.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{
    AdapterReport, Effort, Filter, Flip, Reference, Report, Soak, Trial, Verdict, Yardstick, cases, check_bits,
    check_filter, check_golden, check_kernels, check_oracle, check_training, soak,
};
use crate::error::{Error, Result};
use crate::gpu::{Adapter, GpuRunner, Kernel};
use crate::model::Model;

/// What to check, and how much.
#[derive(Debug, Clone)]
pub struct Options {
    /// Models beside the synthetic ones.
    pub models: Vec<Model>,
    /// Batch sizes of those; empty for the usual ones of the effort.
    pub batches: Vec<usize>,
    /// Seed of every input.
    pub seed: u64,
    /// How much.
    pub effort: Effort,
    /// Replays a finding: if it names anything, only those kernels run, and nothing else.
    pub filter: Filter,
    /// Seconds of burn-in on each adapter; 0 for none.
    pub soak: f64,
}

/// What a check tells while it runs.
#[derive(Debug, Clone)]
pub enum Notice {
    /// What is about to run.
    Running(String),
    /// A repetition of a burn-in that gave other bits.
    Flip {
        /// On which adapter.
        adapter: String,
        /// When and where.
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

/// Checks every adapter. `tell` is called with what is about to run.
///
/// What goes wrong on one adapter is in its report and keeps no other from being checked.
/// Errors: options that name what does not exist.
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
    let kernels = check_kernels(adapters, &cases, options.seed, filter, &shipped, &mut |case| {
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
        date: today(),
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

/// The shaders as they are in the program.
fn shipped(kernel: &Kernel) -> String {
    kernel.source()
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
        tell(&Notice::Running(format!("PyTorch's steps on {name}")));
        let references: Vec<Reference> = check_golden(adapter, &shipped)?;
        self.report.training.extend(references);
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

/// Today in UTC, as 2026-01-31.
fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

/// The date `days` after 1970-01-01.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_known_days() {
        let dates = [(0, "1970-01-01"), (59, "1970-03-01"), (11_016, "2000-02-29"), (20_483, "2026-01-30")];
        for (days, expected) in dates {
            assert_eq!(date(days), expected);
        }
    }
}
