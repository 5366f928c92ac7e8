//! Trained weights on a device, ready for images.

use super::evaluation::Evaluation;
use super::forward;
use super::trained::Trained;
use crate::data::Dataset;
use crate::error::Result;
use crate::model::Loss;
use crate::plan::{Device, Plan, Runner};

/// Trained weights on a device, ready for images of the plan's size, as many at a time as it has room for.
pub struct Predictor {
    plan: Plan,
    runner: Box<dyn Runner>,
}

impl Predictor {
    /// Writes `trained` to `runner`, which was made for `plan`, that of [`Trained::plan`].
    ///
    /// Errors: weights of another model (the tensor is named), those of the device.
    pub fn new(trained: &Trained, plan: Plan, mut runner: Box<dyn Runner>) -> Result<Self> {
        trained.write(&mut *runner, &plan)?;
        Ok(Self { plan, runner })
    }

    /// The device that runs the plan.
    pub fn device(&self) -> &Device {
        self.runner.device()
    }

    /// The loss, accuracy and confusion of the weights on `data`.
    ///
    /// Errors: those of [`forward::write_data`] and of the device.
    pub async fn evaluate(&mut self, data: &Dataset) -> Result<Evaluation> {
        forward::evaluate(&mut *self.runner, &self.plan, data).await
    }

    /// Logits of every image, `[sample][class]`. Errors: those of [`Predictor::evaluate`].
    pub async fn logits(&mut self, data: &Dataset) -> Result<Vec<f32>> {
        forward::logits(&mut *self.runner, &self.plan, data).await
    }

    /// Probabilities of every image, `[sample][class]`, 0 to 1, given that it is of one of the classes: the share that
    /// the loss `map` leaves to rubbish is left out. Errors: those of [`Predictor::evaluate`].
    pub async fn probabilities(&mut self, data: &Dataset) -> Result<Vec<f32>> {
        if !matches!(self.plan.model.loss, Loss::Map { .. }) {
            return forward::probabilities(&mut *self.runner, &self.plan, data).await;
        }
        // Beside rubbish all classes may be 0 in f32.
        let mut values = self.logits(data).await?;
        for image in values.chunks_mut(self.plan.model.classes()) {
            let largest = image.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            image.iter_mut().for_each(|value| *value = (*value - largest).exp());
            let total: f32 = image.iter().sum();
            image.iter_mut().for_each(|value| *value /= total);
        }
        Ok(values)
    }

    /// The `k` likeliest classes of every image with their probabilities, likeliest first; of equals the lower class.
    ///
    /// Errors: those of [`Predictor::evaluate`].
    pub async fn top(&mut self, data: &Dataset, k: usize) -> Result<Vec<Vec<(usize, f32)>>> {
        let probabilities = self.probabilities(data).await?;
        let likeliest = |image: &[f32]| {
            let mut ranked: Vec<(usize, f32)> = image.iter().copied().enumerate().collect();
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
            ranked.truncate(k);
            ranked
        };
        Ok(probabilities.chunks(self.plan.model.classes()).map(likeliest).collect())
    }
}
