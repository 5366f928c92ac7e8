//! Do an adapter, its driver and these kernels compute training correctly? And if not: which kernel, which
//! element, by how much?
//!
//! - [`check_kernels`]: every operation alone on awkward inputs, against the oracle, on all adapters at once, which
//!   also says where two adapters part.
//! - [`check_oracle`]: the yardstick itself, against finite differences in f64.
//! - [`check_golden`]: steps of every optimiser against PyTorch's.
//! - [`check_training`]: one step, and a run on MNIST, beside the oracle.
//! - [`check_bits`]: the same work twice, cut and ordered in other ways, gives the same bits.
//! - [`soak`]: the same step over and over, for a card that flips bits.
//!
//! [`check`] does all of them. A fault planted in any kernel must turn it red: tests/mutants.rs shows that, and
//! its `sweep` looks for faults that would go unnoticed.
//!
//! What each may differ by is derived in one place, [`Tolerance`] (and, for runs, beside [`check_training`]).

mod bits;
mod cases;
mod golden;
mod inputs;
mod kernels;
mod known;
mod oracle;
pub mod reference;
mod run;
mod tolerance;
mod training;

pub use bits::{Difference, Flip, Soak, Trial, check_bits, soak};
pub use cases::{Case, cases};
pub use golden::Golden;
pub use inputs::{Inputs, awkward};
pub use kernels::{
    Filter, KERNELS, KernelReport, KernelsOutcome, Pair, Sources, UNWRITTEN, check_filter, check_kernels,
};
pub use oracle::check_oracle;
pub use run::{Notice, Options, check};
pub use tolerance::Tolerance;
pub use training::{Reference, Yardstick, check_golden, check_training};

use serde::Serialize;

use crate::plan::Device;

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Seconds: every kernel and activation, fewer shapes, two kinds of input, a short run.
    Quick,
    /// Every kind of input, 100 steps.
    Normal,
    /// More batch sizes and kinds of input for whole models.
    Thorough,
}

impl Effort {
    /// As it is written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Normal => "normal",
            Self::Thorough => "thorough",
        }
    }
}

/// The outcome of a part of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within the allowance everywhere.
    Pass,
    /// Not.
    Fail,
    /// Not, and it is known why.
    Known,
    /// It could not be run.
    Error,
}

/// An element of an output, and what was expected of it.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Name of the case.
    pub case: String,
    /// Kind of input.
    pub inputs: Inputs,
    /// Seed of the inputs.
    pub seed: u64,
    /// Layer of the operation.
    pub layer: String,
    /// Buffer it wrote.
    pub buffer: String,
    /// Word in the buffer.
    pub word: usize,
    /// The word in words: tensor and index, or channel, row, column and sample.
    pub place: String,
    /// What the device wrote; null if not finite.
    pub device: Option<f64>,
    /// Its bits.
    pub device_bits: u32,
    /// What the oracle computes, not rounded; null for a word that should not have been written.
    pub oracle: Option<f64>,
    /// How far they may be apart.
    pub allowance: f64,
    /// Distance in units of the allowance; null if infinite.
    pub used: Option<f64>,
}

/// A named value or tensor of a step or run, and how far it is from what it should be.
#[derive(Debug, Clone, Serialize)]
pub struct Quantity {
    /// Such as `c1.weight after 100 steps`.
    pub name: String,
    /// Largest distance in units of the allowance; at most 1 passes. Null if not finite.
    pub worst: Option<f64>,
    /// Value of the device at the worst element; null if not finite.
    pub device: Option<f64>,
    /// Value it should have.
    pub expected: f64,
    /// How far they may be apart.
    pub allowance: f64,
}

impl Quantity {
    /// The worst of `(device, expected, allowance)`; a NaN is worse than anything.
    pub fn of(name: impl Into<String>, elements: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        let mut worst = (0.0, 0.0, 0.0, 0.0);
        for (place, (device, expected, allowance)) in elements.into_iter().enumerate() {
            let used = (device - expected).abs() / allowance;
            let used = if used.is_nan() { f64::INFINITY } else { used };
            if place == 0 || used > worst.0 {
                worst = (used, device, expected, allowance);
            }
        }
        let finite = |value: f64| value.is_finite().then_some(value);
        Self {
            name: name.into(),
            worst: finite(worst.0),
            device: finite(worst.1),
            expected: worst.2,
            allowance: worst.3,
        }
    }

    /// Whether it is within its allowance.
    pub fn passes(&self) -> bool {
        self.worst.is_some_and(|worst| worst <= 1.0)
    }
}

/// Everything found on one adapter.
#[derive(Debug, Clone, Serialize)]
pub struct AdapterReport {
    /// Name, backend, driver.
    #[serde(flatten)]
    pub device: Device,
    /// Of everything below.
    pub verdict: Verdict,
    /// Why it could not be run to the end.
    pub error: Option<String>,
    /// By kernel, in the order of a step.
    pub kernels: Vec<KernelReport>,
    /// Steps and runs by name: against PyTorch, one step and many beside the oracle.
    pub training: Vec<Reference>,
    /// Repetitions that must give the same bits.
    pub bits: Vec<Trial>,
    /// The burn-in, if asked for.
    pub soak: Option<Soak>,
}

impl AdapterReport {
    /// Sets [`AdapterReport::verdict`] from the parts.
    pub fn judge(mut self) -> Self {
        let failed = self.kernels.iter().any(|k| k.verdict == Verdict::Fail)
            || self.training.iter().flat_map(|r| &r.quantities).any(|q| !q.passes())
            || self.bits.iter().any(|trial| trial.difference.is_some())
            || self.soak.as_ref().is_some_and(|soak| !soak.flips.is_empty());
        self.verdict = if failed {
            Verdict::Fail
        } else if self.error.is_some() {
            Verdict::Error
        } else if self.kernels.iter().any(|k| k.verdict == Verdict::Known) {
            Verdict::Known
        } else {
            Verdict::Pass
        };
        self
    }
}

/// The whole check.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of this program.
    pub version: String,
    /// Day of the check, UTC, as 2026-01-31.
    pub date: String,
    /// Seed of every input.
    pub seed: u64,
    /// How much was checked.
    pub effort: Effort,
    /// Of everything: fail if anything failed, error if an adapter could not be checked.
    pub verdict: Verdict,
    /// The oracle's gradients against finite differences.
    pub oracle: Vec<Quantity>,
    /// By adapter.
    pub adapters: Vec<AdapterReport>,
    /// Every pair of adapters.
    pub pairs: Vec<Pair>,
    /// Duration in seconds.
    pub seconds: f64,
}

impl Report {
    /// Sets [`Report::verdict`] from the parts.
    pub fn judge(mut self) -> Self {
        let any = |verdict| self.adapters.iter().any(|a| a.verdict == verdict);
        self.verdict = if any(Verdict::Fail) || self.oracle.iter().any(|q| !q.passes()) {
            Verdict::Fail
        } else if any(Verdict::Error) {
            Verdict::Error
        } else if any(Verdict::Known) {
            Verdict::Known
        } else {
            Verdict::Pass
        };
        self
    }
}
