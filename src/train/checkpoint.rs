//! The state of a run in one file, enough to go on with the same bits as if it had never stopped.

use std::path::Path;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::{TrainConfig, Weights};
use crate::error::{Error, Result};
use crate::model::{Tensor, TensorSpec};
use crate::recipe::Optimizer;

/// How far a run has come. It holds no times, so that equal runs have equal checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Sum of the training losses of the epoch that is under way.
    pub epoch_loss: f64,
    /// Training images of that epoch that were right when met.
    #[serde(rename = "epoch_hits")]
    pub epoch_correct: f64,
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

    /// The parameters.
    pub fn parameters(&self) -> Vec<Tensor> {
        parameters(&self.weights.tensors)
    }

    /// The optimiser's state called `state`: a tensor per parameter, by the parameter's name.
    pub fn state(&self, state: &str) -> Vec<Tensor> {
        let of = |t: &Tensor| {
            let name = t.spec.name.strip_prefix(state)?.strip_prefix('.')?.to_owned();
            Some(Tensor { spec: TensorSpec { name, shape: t.spec.shape.clone() }, values: t.values.clone() })
        };
        self.weights.tensors.iter().filter_map(of).collect()
    }

    /// A metadata entry such as `adapter`; empty if there is none.
    pub fn metadata(&self, key: &str) -> &str {
        self.weights.metadata.get(key).map_or("", String::as_str)
    }
}

/// The name of the state `state` of the parameter `tensor`, in a checkpoint.
pub fn state_name(state: &str, tensor: &str) -> String {
    format!("{state}.{tensor}")
}

/// The tensors of `all` that are parameters, not optimiser state: a checkpoint serves as a weights file too.
pub fn parameters(all: &[Tensor]) -> Vec<Tensor> {
    // A parameter is `<layer>.<kind>`, and a state has its own name before that.
    let is_state = |name: &str| {
        let rest = |state| name.strip_prefix(state).and_then(|rest| rest.strip_prefix('.'));
        let states = Optimizer::VARIANTS.iter().flat_map(|optimizer| optimizer.states());
        states.into_iter().filter_map(rest).any(|rest| rest.contains('.'))
    };
    all.iter().filter(|t| !is_state(&t.spec.name)).cloned().collect()
}
