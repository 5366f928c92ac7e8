//! How good weights are on a dataset.

use std::ops::Range;

use super::drive::{Pace, drive};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::plan::{Phase, Plan, Runner, Step, layout};

/// Sums over samples that were evaluated.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Score {
    /// Sum of the losses.
    pub loss: f64,
    /// Samples that were right.
    pub correct: f64,
    /// Samples.
    pub count: f64,
}

impl Score {
    /// Mean loss; none without samples.
    pub fn mean_loss(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.loss / self.count)
    }

    /// Share of the samples that were right, 0 to 1; none without samples.
    pub fn accuracy(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.correct / self.count)
    }
}

/// What weights do on every sample of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Sums over the samples.
    pub score: Score,
    /// Samples by label (row) and predicted class (column).
    pub confusion: Vec<Vec<u64>>,
}

impl Evaluation {
    /// Of the samples that were taken for `class`, the share that are; none if there were none.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.confusion[class][class], self.confusion.iter().map(|row| row[class]).sum())
    }

    /// Of the samples of `class`, the share that were taken for it; none if there are none.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.confusion[class][class], self.confusion[class].iter().sum())
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Puts the images and labels of `data` on the device, from the first sample on.
pub fn write_data(runner: &mut dyn Runner, plan: &Plan, data: &Dataset) -> Result<()> {
    runner.write(plan.images, 0, &data.words())?;
    runner.write(plan.labels, 0, &data.labels.iter().map(|label| u32::from(*label)).collect::<Vec<_>>())
}

/// Runs the forward pass over the places `samples` of the order.
pub(super) fn score(runner: &mut dyn Runner, plan: &Plan, samples: Range<usize>, pace: &mut Pace) -> Result<Score> {
    let steps = Step::default().batches(samples, plan.batch);
    let mut score = Score::default();
    drive(runner, Phase::Evaluate, &steps, pace, &|| false, |_, metrics| {
        for row in metrics {
            score.loss += f64::from(row.loss);
            score.correct += f64::from(row.correct);
            score.count += f64::from(row.count);
        }
        Ok(())
    })?;
    Ok(score)
}

/// Runs the weights that are on the device over all of `data`, which overwrites the data there.
///
/// Errors: those of the device; a class that the model does not have.
pub fn evaluate(runner: &mut dyn Runner, plan: &Plan, data: &Dataset) -> Result<Evaluation> {
    write_data(runner, plan, data)?;
    runner.write(plan.order, 0, &(0..data.len() as u32).collect::<Vec<_>>())?;
    let score = score(runner, plan, 0..data.len(), &mut Pace::default())?;
    let predictions = runner.read_now(plan.predictions)?;
    let classes = plan.model.classes();
    let mut confusion = vec![vec![0; classes]; classes];
    for (label, class) in data.labels.iter().zip(predictions) {
        let cell = confusion.get_mut(usize::from(*label)).and_then(|row| row.get_mut(class as usize));
        *cell.ok_or_else(|| {
            Error::outcome(
                format!("label {label} or prediction {class} is not one of {classes} classes"),
                "the device gave a wrong result; compare it with --backend cpu",
            )
        })? += 1;
    }
    Ok(Evaluation { score, confusion })
}

/// Logits of every sample of `data`, `[sample][class]`, from the weights that are on the device; overwrites
/// the data there.
///
/// Errors: those of the device.
pub fn logits(runner: &mut dyn Runner, plan: &Plan, data: &Dataset) -> Result<Vec<f32>> {
    write_data(runner, plan, data)?;
    runner.write(plan.order, 0, &(0..data.len() as u32).collect::<Vec<_>>())?;
    let classes = plan.model.classes();
    let mut logits = Vec::with_capacity(data.len() * classes);
    for step in Step::default().batches(0..data.len(), plan.batch) {
        runner.submit(Phase::Evaluate, &[step])?;
        runner.collect_now()?;
        let blocked = runner.read_f32_now(plan.logits)?;
        logits.extend(layout::samples(&blocked, classes, step.count as usize));
    }
    Ok(logits)
}
