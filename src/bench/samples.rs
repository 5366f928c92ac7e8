//! A figure measured several times.

use serde::{Deserialize, Serialize};

/// All samples of one figure, at least one, in the order they were taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<f64>")]
pub struct Samples(Vec<f64>);

impl From<Vec<f64>> for Samples {
    fn from(samples: Vec<f64>) -> Self {
        Self::new(samples)
    }
}

impl Samples {
    /// Keeps `samples`; an empty list becomes one NaN, which is shown as unknown.
    pub fn new(samples: Vec<f64>) -> Self {
        if samples.is_empty() { Self(vec![f64::NAN]) } else { Self(samples) }
    }

    /// In the order they were taken.
    pub fn all(&self) -> &[f64] {
        &self.0
    }

    /// The median; of an even number, the mean of the middle two.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
    }

    /// The smallest.
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The largest.
    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// [`Samples::width`] as a share of the median.
    pub fn spread(&self) -> f64 {
        self.width() / self.median()
    }

    /// Largest minus smallest; of five or more samples the two extremes are left out, so that one outlier does not
    /// count.
    pub fn width(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let skip = usize::from(sorted.len() >= 5);
        sorted[sorted.len() - 1 - skip] - sorted[skip]
    }

    /// The reason to doubt these samples, if any: a first one that stands out, or a wide spread.
    pub fn doubt(&self) -> Option<String> {
        let rest = Self::new(self.0[1..].to_vec());
        let first = (self.0[0] - rest.median()).abs() / rest.median();
        if self.0.len() > 2 && first > 0.2 && first > 2.0 * rest.spread() {
            return Some(format!("the first sample is {:.0} % off the others: not warm", 100.0 * first));
        }
        (self.spread() > 0.25).then(|| format!("samples differ by {:.0} %: a busy machine", 100.0 * self.spread()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Samples::new(vec![3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Samples::new(vec![4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert!(Samples::new(Vec::new()).median().is_nan());
    }

    #[test]
    fn one_hiccup_does_not_widen() {
        assert_eq!(Samples::new(vec![1.0, 1.1, 9.0, 1.2, 1.0]).width(), 1.2 - 1.0);
        assert_eq!(Samples::new(vec![1.0, 9.0, 1.0]).width(), 8.0);
    }

    #[test]
    fn a_slow_start_and_a_busy_machine_are_told_apart() {
        assert_eq!(Samples::new(vec![1.0, 1.01, 1.0]).doubt(), None);
        assert!(Samples::new(vec![2.0, 1.0, 1.0]).doubt().unwrap().contains("not warm"));
        assert!(Samples::new(vec![1.0, 1.4, 0.9]).doubt().unwrap().contains("busy"));
    }
}
