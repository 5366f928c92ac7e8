//! The tolerances of single operations: how far a device may be from the oracle. Those of steps and runs are
//! [`super::SHARE`] and the drift of [`super::Yardstick`].
//!
//! A device passes if `|device - oracle| <= k * 2^-24 * magnitude + atol`; a NaN fails.
//! `magnitude` is the sum of the absolute values that the oracle added, so `k` counts roundings: half a
//! unit in the last place of f32 is `2^-24` of a value.

use crate::model::Activation;
use crate::plan::{Rounding, Step};

/// An allowance: see the module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Roundings, in units of `2^-24` of the magnitude.
    pub k: f64,
    /// Absolute part, in units of the value.
    pub atol: f64,
}

/// Smallest normal f32: WGSL lets a device flush anything below it to zero, in inputs and in results.
const FLUSHED: f64 = f32::MIN_POSITIVE as f64;

impl Tolerance {
    /// The tolerance of an operation with `rounding`, at `step`.
    ///
    /// - A sum of n terms in any order errs like a random walk of n roundings: `4 sqrt(n)` of them is exceeded by
    ///   chance less than once in 10^4 sums of terms of one size, and less often where sizes differ (Higham and Mary
    ///   2019). 8 more are for the steps around the sum: bias, the activation's product, scale.
    /// - `exp` is given 3 + 2|x| ulp by the WGSL specification, and 20 `2^-24` were measured on software drivers;
    ///   the oracle's magnitudes carry the |x|, so 64 covers a quotient of two of them.
    /// - `tanh` is bounded only absolutely in practice (1.5e-7 measured): `2^-21` absolute, times the slope.
    /// - `log` may err by `2^-21` near 1 by the specification; 1.6e-6 was measured: 4e-6 absolute.
    /// - Subnormal values may be flushed to 0: one smallest normal number for each term, and one for the result.
    pub fn of(rounding: Rounding, step: &Step) -> Self {
        let sum = |terms: usize| 4.0 * (terms as f64).sqrt() + 8.0;
        let plain = |terms: usize| Self { k: sum(terms), atol: (terms + 1) as f64 * FLUSHED };
        match rounding {
            Rounding::Exact => Self { k: 0.0, atol: FLUSHED },
            Rounding::Sum { terms } => plain(terms),
            Rounding::Activated { terms, by } => match by {
                Activation::Identity | Activation::Relu => plain(terms),
                Activation::Tanh | Activation::ScaledTanh => Self { k: sum(terms), atol: (2.0_f64).powi(-21) },
                Activation::Sigmoid => Self { k: sum(terms) + 64.0, ..plain(terms) },
            },
            Rounding::Softmax { classes, batch } => Self { k: sum(classes) + 64.0, atol: 4e-6 / batch as f64 },
            // A root and a quotient: 2.5 ulp and 2.5 ulp by the specification, and their inputs'. A flushed
            // moment is divided by as little as epsilon.
            Rounding::Root { terms } => {
                let steepest = f64::from(step.learning_rate * step.correction1) / f64::from(step.epsilon);
                Self { atol: 16.0 * FLUSHED * steepest.max(1.0), ..plain(terms) }
            }
        }
    }

    /// Largest distance that passes, for a value whose terms have this magnitude.
    pub fn allowance(&self, magnitude: f64) -> f64 {
        self.k * (2.0_f64).powi(-24) * magnitude + self.atol
    }

    /// Share of the allowance that `device` uses: at most 1 passes. Infinite for a NaN or infinity.
    pub fn used(&self, device: f64, value: f64, magnitude: f64) -> f64 {
        let used = (device - value).abs() / self.allowance(magnitude);
        if used.is_finite() { used } else { f64::INFINITY }
    }
}
