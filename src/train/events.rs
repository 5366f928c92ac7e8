//! The events of a run: lines of `events.jsonl` and of `--json`.

use std::path::PathBuf;

use serde::Serialize;

use super::TrainConfig;
use crate::plan::{Device, Kernels};

/// An event of a run. Times are seconds; an unknown value is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// Everything is ready and the first step is about to run.
    Started(Box<Started>),
    /// A submission of steps has run.
    Step(StepDone),
    /// An epoch was trained and validated.
    Epoch(EpochDone),
    /// The state of the run is safe on disk.
    Checkpoint {
        /// Steps done in the checkpoint.
        step: u64,
        /// The file.
        path: PathBuf,
    },
    /// The run is over and tested.
    Finished(Finished),
}

/// See [`Event::Started`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Started {
    /// Version of this program.
    pub version: String,
    /// Folder of the run.
    pub run: PathBuf,
    /// As the driver names it.
    pub adapter: String,
    /// `vulkan`, `metal`, `dx12`, `gl` or `cpu`.
    pub backend: String,
    /// Name and version of the driver; null if unknown.
    pub driver: Option<String>,
    /// `discrete gpu`, `software`, `cpu`, ...
    pub kind: String,
    /// The set of kernels: `gpu` or `software`; null on the CPU oracle.
    #[serde(rename = "kernel_set")]
    pub kernels: Option<Kernels>,
    /// Trainable parameters.
    pub parameters: usize,
    /// Where the data comes from.
    pub dataset: String,
    /// Images to train on.
    pub train_samples: usize,
    /// Images held out of the training set.
    pub validation_samples: usize,
    /// Images of the test set.
    pub test_samples: usize,
    /// Steps done before: 0 unless the run is resumed.
    pub step: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// The configuration of the run.
    pub config: TrainConfig,
}

/// See [`Event::Step`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepDone {
    /// Steps done so far.
    pub step: u64,
    /// Epoch, from 1.
    pub epoch: u64,
    /// Mean training loss of the submission.
    pub loss: f64,
    /// Learning rate of its last step.
    pub learning_rate: f64,
    /// Training images per second, this epoch so far.
    pub samples_per_s: f64,
}

/// See [`Event::Epoch`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochDone {
    /// Epoch, from 1.
    pub epoch: u64,
    /// Steps done so far.
    pub step: u64,
    /// Mean training loss over the epoch, each image when trained on.
    pub loss: f64,
    /// Share of the training images that were correct when trained on.
    pub accuracy: f64,
    /// Mean validation loss; null without validation.
    pub validation_loss: Option<f64>,
    /// Share of the validation images that are correct; null without validation.
    pub validation_accuracy: Option<f64>,
    /// Whether these weights are the best so far.
    pub best: bool,
    /// Training images per second of this epoch (of its part that this command trained), validation aside.
    pub samples_per_s: f64,
    /// Seconds since this command began to train.
    pub elapsed_s: f64,
}

/// See [`Event::Finished`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finished {
    /// Share of the test images that are correct with the last weights.
    pub test_accuracy: f64,
    /// Mean loss of the last weights on the test images.
    pub test_loss: f64,
    /// Validation accuracy of the last weights; null without validation.
    pub validation_accuracy: Option<f64>,
    /// Best validation accuracy of any epoch; null without validation.
    pub best_validation_accuracy: Option<f64>,
    /// Epoch of the best weights, from 1.
    pub best_epoch: u64,
    /// Wall clock of this command from its first step to the end of its last epoch (s): training,
    /// validation and checkpoints, without start-up and test.
    pub train_s: f64,
    /// Training images per second without validation and checkpoints; null if no step was left to train.
    pub samples_per_s: Option<f64>,
    /// Steps of the whole run.
    pub steps: u64,
    /// The last weights.
    pub weights: PathBuf,
    /// The weights that were best on the validation images (the last without validation).
    pub best_weights: PathBuf,
    /// Folder of the run.
    pub run: PathBuf,
    /// As the driver names it.
    pub adapter: String,
    /// `vulkan`, `metal`, `dx12`, `gl` or `cpu`.
    pub backend: String,
    /// Name and version of the driver; null if unknown.
    pub driver: Option<String>,
    /// The set of kernels: `gpu` or `software`; null on the CPU oracle.
    #[serde(rename = "kernel_set")]
    pub kernels: Option<Kernels>,
}

/// The driver of `device`, if it is known.
pub fn driver(device: &Device) -> Option<String> {
    Some(device.driver.clone()).filter(|driver| !driver.is_empty())
}
