//! The state of a run in one file. A resumed run ends with the bits of one that was not stopped (tests/resume.rs).

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::TrainConfig;
use crate::error::{Error, Result};
use crate::plan::Device;
use crate::shell;
use crate::weights::Weights;

/// The progress of a run. It holds no times, so that equal runs have equal checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Sum of the training losses of the epoch that is under way.
    pub epoch_loss: f64,
    /// Training images of that epoch that were correct when trained on.
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
    /// The configuration of the run.
    pub config: TrainConfig,
    /// Its progress.
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
        Self::from_weights(Weights::load(path)?).map_err(|e| e.context(path.display()))
    }

    /// The checkpoint in `weights`. Errors: weights of no checkpoint, or of one of another version.
    pub fn from_weights(weights: Weights) -> Result<Self> {
        let no_checkpoint =
            |why: String| Error::input(why, "give the folder of a run, which has a checkpoint.safetensors");
        let of_other_version = |e: serde_json::Error| no_checkpoint(format!("written by another version: {e}"));
        let entry = |key: &str| {
            weights.metadata.get(key).ok_or_else(|| no_checkpoint(format!("not a checkpoint: it has no {key}")))
        };
        let config: TrainConfig = serde_json::from_str(entry("config")?).map_err(of_other_version)?;
        config.validate()?;
        let progress = serde_json::from_str(entry("progress")?).map_err(of_other_version)?;
        let dataset_sha256 = entry("dataset_sha256")?.clone();
        Ok(Self { config, progress, dataset_sha256, weights })
    }

    /// Errors: `device` runs another set of kernels, or other shaders, than the run did. The oracle runs none, and goes
    /// on with any run.
    pub fn check_kernels(&self, device: &Device) -> Result<()> {
        match (self.config.kernels, device.kernels) {
            (Some(was), Some(now)) if was != now => Err(Error::input(
                format!(
                    "--kernels {}: the run has the {} kernels so far, and others change its bits",
                    now.name(),
                    was.name()
                ),
                format!("go on with --kernels {}, or train anew", was.name()),
            )),
            (Some(_), Some(_)) => self.check_shaders(device),
            _ => Ok(()),
        }
    }

    fn check_shaders(&self, device: &Device) -> Result<()> {
        let (message, hint) = match (&self.config.shaders, &device.shaders) {
            (None, Some(now)) => (
                format!(
                    "--shaders {}: the run has the program's shaders so far, and others change its bits",
                    now.folder.display()
                ),
                "leave --shaders out".to_owned(),
            ),
            (Some(was), None) => (
                format!("the run has shaders of its own so far, of {}: the program's change its bits", was.title()),
                format!("go on with --shaders {} as it was", shell::word(was.folder.display())),
            ),
            (Some(was), Some(now)) if was.sha256 != now.sha256 => (
                format!(
                    "--shaders {}: the run has those of {} so far, and others change its bits",
                    now.title(),
                    was.title()
                ),
                "put them back".to_owned(),
            ),
            _ => return Ok(()),
        };
        Err(Error::input(message, format!("{hint}, or train anew")))
    }

    /// A metadata entry such as `adapter`; empty if there is none.
    pub fn metadata(&self, key: &str) -> &str {
        self.weights.metadata.get(key).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Kernels;
    use crate::recipe::Optimizer;

    #[test]
    fn a_checkpoint_of_version_0_1_is_read() {
        let config = r#"{"model":"lenet5","epochs":2,"batch":64,"optimizer":"sgd","learning_rate":0.05,"schedule":"one-cycle","warmup":0.25,"momentum":0.9,"weight_decay":0.0005,"label_smoothing":0.0,"seed":7,"data":null,"validation":5000,"target_accuracy":null,"backend":"cpu","adapter":null}"#;
        let progress = r#"{"step":1720,"epoch_loss":2371.8371139653027,"epoch_hits":54268.0,"validation_accuracy":0.991,"best_validation_accuracy":0.991,"best_epoch":2}"#;
        let entries = [("config", config), ("progress", progress), ("dataset_sha256", "b31b")];
        let metadata = entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let read = Checkpoint::from_weights(Weights { tensors: Vec::new(), metadata }).unwrap();
        let defaults = TrainConfig::defaults("lenet5", Optimizer::Sgd).unwrap();
        let config = TrainConfig { description: None, epochs: 2, seed: 7, backend: "cpu".to_owned(), ..defaults };
        assert_eq!(read.config, config);
        assert_eq!((read.progress.step, read.progress.epoch_correct), (1720, 54268.0));
        assert_eq!(read.progress.epoch_loss.to_bits(), 2371.8371139653027_f64.to_bits());
    }

    #[test]
    fn a_run_older_than_the_sets_of_kernels_goes_on_with_any() {
        let defaults = TrainConfig::defaults("lenet5", None).unwrap();
        let weights = Weights { tensors: Vec::new(), metadata: Default::default() };
        let fits = |was: Option<Kernels>, now: Option<Kernels>| {
            let config = TrainConfig { kernels: was, ..defaults.clone() };
            let (progress, dataset_sha256) = (Progress::default(), String::new());
            let checkpoint = Checkpoint { config, progress, dataset_sha256, weights: weights.clone() };
            let device = Device { kernels: now, ..crate::cpu::CpuRunner::description() };
            checkpoint.check_kernels(&device).is_ok()
        };
        let (gpu, software) = (Some(Kernels::Gpu), Some(Kernels::Software));
        assert!(fits(None, gpu) && fits(None, software) && fits(gpu, None) && fits(gpu, gpu));
        assert!(!fits(gpu, software) && !fits(software, gpu));
    }

    #[test]
    fn weights_alone_are_no_checkpoint() {
        let weights = Weights { tensors: Vec::new(), metadata: Default::default() };
        let error = Checkpoint::from_weights(weights).unwrap_err();
        assert_eq!(error.to_string(), "not a checkpoint: it has no config");
    }
}
