//! A value or tensor of a step or run, compared with its expected value.

use serde::Serialize;

/// A named value or tensor of a step or run, and its distance from the expected one.
#[derive(Debug, Clone, Serialize)]
pub struct Quantity {
    /// Such as `c1.weight after 100 steps`.
    pub name: String,
    /// Largest distance in units of the allowance; at most 1 passes. Null if not finite.
    pub worst: Option<f64>,
    /// Value of the device at the worst element; null if not finite.
    pub device: Option<f64>,
    /// Expected value there.
    pub expected: f64,
    /// Largest distance that passes there.
    pub allowance: f64,
}

impl Quantity {
    /// The worst of `(device, expected, allowance)`; a NaN is worse than anything.
    pub fn of(name: impl Into<String>, elements: impl IntoIterator<Item = (f64, f64, f64)>) -> Self {
        let mut worst = (0.0, 0.0, 0.0, 0.0);
        for (index, (device, expected, allowance)) in elements.into_iter().enumerate() {
            let used = (device - expected).abs() / allowance;
            let used = if used.is_nan() { f64::INFINITY } else { used };
            if index == 0 || used > worst.0 {
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

/// Quantities that belong together: of one step, or of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Reference {
    /// The step or run, and the one it is compared with.
    pub name: String,
    /// Loss, gradients, weights.
    pub quantities: Vec<Quantity>,
}

/// Allowance of a step on a device that sums in f32 against a step in f64, as a share of the largest value of a tensor.
///
/// Ten stages between an image and a gradient each sum up to 576 products in f32, so each errs by about
/// sqrt(576) / 2 roundings of 2^-24 = 7e-7 of the magnitude it sums. Where signs cancel, that magnitude is about four
/// times the largest value; ten stages add like a random walk: 7e-7 * sqrt(10) * 4 = 9e-6.
pub const SHARE: f64 = 1e-5;

/// The same for the oracle, which rounds to f32 only the stored values of each of the ten stages: 2^-24 = 6e-8 each.
pub const ORACLE_SHARE: f64 = 1e-6;

/// Both as f64, element by element.
pub(super) fn pairs<'a>(actual: &'a [f32], expected: &'a [f32]) -> impl Iterator<Item = (f64, f64)> + 'a {
    actual.iter().zip(expected).map(|(a, e)| (f64::from(*a), f64::from(*e)))
}

/// The largest magnitude.
pub(super) fn largest(values: &[f32]) -> f64 {
    f64::from(values.iter().fold(0.0_f32, |m, v| m.max(v.abs())))
}

/// Compares within `share` of the largest expected value.
pub(super) fn within(share: f64, name: &str, actual: &[f32], expected: &[f32]) -> Quantity {
    let allowance = share * largest(expected) + 1e-30;
    Quantity::of(name, pairs(actual, expected).map(|(a, e)| (a, e, allowance)))
}
