//! The report of a check.

use serde::Serialize;

use super::bits::Trial;
use super::pair::Pair;
use super::quantity::{Quantity, Reference};
use super::soak::Soak;
use super::tally::KernelReport;
use super::verdict::{Effort, Verdict};
use crate::plan::Device;

/// The report of one adapter.
#[derive(Debug, Clone, Serialize)]
pub struct AdapterReport {
    /// Name, backend, driver.
    #[serde(flatten)]
    pub device: Device,
    /// The worst verdict of the parts.
    pub verdict: Verdict,
    /// The error that ended the check early, if one did.
    pub error: Option<String>,
    /// By kernel, in the order of a step.
    pub kernels: Vec<KernelReport>,
    /// Steps and runs by name: against PyTorch, and one step and many against the oracle.
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

/// The report of the whole check.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of this program.
    pub version: String,
    /// Day of the check, UTC, as 2026-01-31.
    pub date: String,
    /// Seed of every input.
    pub seed: u64,
    /// Extent of the check.
    pub effort: Effort,
    /// The worst verdict: fail if a part failed, error if an adapter could not be checked.
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
