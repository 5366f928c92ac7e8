//! The score of weights on a dataset.

/// Sums over samples that were evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Sum of the losses.
    pub loss: f64,
    /// Samples whose predicted class is their label.
    pub correct: f64,
    /// Samples.
    pub count: f64,
}

impl Score {
    /// Mean loss; none without samples.
    pub fn mean_loss(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.loss / self.count)
    }

    /// Share of the samples that are correct, 0 to 1; none without samples.
    pub fn accuracy(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.correct / self.count)
    }
}

/// The result of weights on every sample of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Sums over the samples.
    pub score: Score,
    /// Samples by label (row) and predicted class (column).
    pub confusion: Vec<Vec<u64>>,
}

impl Evaluation {
    /// Precision of `class`: of the samples predicted as it, the share that are, 0 to 1; none if none were.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.confusion[class][class], self.confusion.iter().map(|row| row[class]).sum())
    }

    /// Recall of `class`: of its samples, the share predicted as it, 0 to 1; none if there are none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.confusion[class][class], self.confusion[class].iter().sum())
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
