//! Forward passes over a dataset, with the weights that a runner holds.
//!
//! `plan` is the one that the runner was made for, of any phases.

use std::ops::Range;

use super::drive::{Pace, drive};
use super::evaluation::{Evaluation, Score};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::plan::{BufferId, Phase, Plan, Runner, Step};

/// Puts the images and labels of `data` on the device, from the first sample on.
///
/// Errors: images of another size than the plan's, more of them than it has room for, a label that the model has no
/// output for.
pub fn write_data(runner: &mut dyn Runner, plan: &Plan, data: &Dataset) -> Result<()> {
    data.check_classes(plan.model.classes())?;
    let room = plan.data;
    if (data.height, data.width) != (room.height, room.width) {
        return Err(Error::input(
            format!(
                "{}: images of {}x{}, but the plan is for images of {}x{}",
                data.source, data.height, data.width, room.height, room.width
            ),
            "make a plan for these images",
        ));
    }
    runner.write(plan.images, 0, &data.words())?;
    runner.write(plan.labels, 0, &data.labels.iter().map(|label| u32::from(*label)).collect::<Vec<_>>())
}

/// [`write_data`], and the order of `data` as the order of the samples.
fn write_in_order(runner: &mut dyn Runner, plan: &Plan, data: &Dataset) -> Result<()> {
    write_data(runner, plan, data)?;
    runner.write(plan.order, 0, &(0..data.len() as u32).collect::<Vec<_>>())
}

/// Runs the forward pass over the indices `samples` of the order.
pub(crate) async fn score(
    runner: &mut dyn Runner,
    plan: &Plan,
    samples: Range<usize>,
    pace: &mut Pace,
) -> Result<Score> {
    let steps = Step::default().batches(samples, plan.batch);
    let mut score = Score::default();
    drive(runner, Phase::Evaluate, &steps, pace, &|| false, |_, metrics| {
        for row in metrics {
            score.loss += f64::from(row.loss);
            score.correct += f64::from(row.correct);
            score.count += f64::from(row.count);
        }
        Ok(())
    })
    .await?;
    Ok(score)
}

/// Runs the weights that are on the device over all of `data`, which overwrites the data there.
///
/// Errors: those of [`write_data`] and of the device.
pub async fn evaluate(runner: &mut dyn Runner, plan: &Plan, data: &Dataset) -> Result<Evaluation> {
    write_in_order(runner, plan, data)?;
    let score = score(runner, plan, 0..data.len(), &mut Pace::default()).await?;
    let predictions = runner.read(plan.predictions).await?;
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
/// Errors: those of [`write_data`] and of the device.
pub async fn logits(runner: &mut dyn Runner, plan: &Plan, data: &Dataset) -> Result<Vec<f32>> {
    per_class(runner, plan, data, plan.logits).await
}

/// Probabilities of every sample of `data`, `[sample][class]`, 0 to 1; otherwise as [`logits`].
pub async fn probabilities(runner: &mut dyn Runner, plan: &Plan, data: &Dataset) -> Result<Vec<f32>> {
    per_class(runner, plan, data, plan.probabilities).await
}

/// The values of `buffer` for every sample of `data`, `[sample][class]`.
async fn per_class(runner: &mut dyn Runner, plan: &Plan, data: &Dataset, buffer: BufferId) -> Result<Vec<f32>> {
    write_in_order(runner, plan, data)?;
    let classes = plan.model.classes();
    let mut values = Vec::with_capacity(data.len() * classes);
    for step in Step::default().batches(0..data.len(), plan.batch) {
        runner.submit(Phase::Evaluate, &[step])?;
        runner.collect().await?;
        let blocked = runner.read_f32(buffer).await?;
        values.extend(plan.blocks.unblock(&blocked, classes, step.count as usize));
    }
    Ok(values)
}
