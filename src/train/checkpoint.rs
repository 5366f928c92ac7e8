//! The state of a run in one file, enough to go on with the same bits as if it had never stopped.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{TrainConfig, Weights};
use crate::error::{Error, Result};
use crate::model::Tensor;

/// Names of the optimiser's state tensors are those of the parameters behind one of these.
pub const STATE_PREFIXES: [&str; 2] = ["momentum.", "variance."];

/// How far a run has come. It holds no times, so that equal runs have equal checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Sum of the training losses of the epoch that is under way.
    pub epoch_loss: f64,
    /// Training images of that epoch that were right when met.
    pub epoch_hits: f64,
    /// Accuracy of the last validation; none before the first, and without validation.
    pub validation_accuracy: Option<f64>,
    /// Highest validation accuracy so far.
    pub best_validation_accuracy: Option<f64>,
    /// Epoch (from 1) of the best weights; 0 before the first.
    pub best_epoch: u64,
}

/// Everything a run needs to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What the run was told to do.
    pub config: TrainConfig,
    /// How far it has come.
    pub progress: Progress,
    /// SHA-256 of the data it was trained with.
    pub dataset_sha256: String,
    /// Parameters, then the optimiser's states, all in PyTorch's layout.
    pub weights: Weights,
}

impl Checkpoint {
    /// Reads and checks a checkpoint.
    ///
    /// Errors: see [`Weights::load`]; a safetensors file that is no checkpoint.
    pub fn load(path: &Path) -> Result<Self> {
        let weights = Weights::load(path)?;
        let no_checkpoint = |why: &str| {
            Error::input(
                format!("{}: {why}", path.display()),
                "give the folder of a run, which has a checkpoint.safetensors",
            )
        };
        let entry = |key: &str| {
            weights.metadata.get(key).ok_or_else(|| no_checkpoint(&format!("not a checkpoint: it has no {key}")))
        };
        let config: TrainConfig = serde_json::from_str(entry("config")?)
            .map_err(|e| no_checkpoint(&format!("written by another version: {e}")))?;
        config.validate().map_err(|e| e.context(path.display()))?;
        let progress = serde_json::from_str(entry("progress")?)
            .map_err(|e| no_checkpoint(&format!("written by another version: {e}")))?;
        let dataset_sha256 = entry("dataset_sha256")?.clone();
        Ok(Self { config, progress, dataset_sha256, weights })
    }

    /// Tensors whose names start with `prefix`, without it; the parameters for an empty prefix.
    pub fn tensors(&self, prefix: &str) -> Vec<Tensor> {
        let mut found = parameters(&self.weights.tensors);
        if !prefix.is_empty() {
            found = self.weights.tensors.iter().filter(|t| t.spec.name.starts_with(prefix)).cloned().collect();
            found.iter_mut().for_each(|t| t.spec.name = t.spec.name[prefix.len()..].to_owned());
        }
        found
    }

    /// A metadata entry such as `adapter`; empty if there is none.
    pub fn metadata(&self, key: &str) -> &str {
        self.weights.metadata.get(key).map_or("", String::as_str)
    }
}

/// The tensors of `all` that are parameters, not optimiser state: a checkpoint serves as a weights file too.
pub fn parameters(all: &[Tensor]) -> Vec<Tensor> {
    let is_state = |t: &&Tensor| STATE_PREFIXES.iter().any(|prefix| t.spec.name.starts_with(prefix));
    all.iter().filter(|t| !is_state(t)).cloned().collect()
}
