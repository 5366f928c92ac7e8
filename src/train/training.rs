//! A run that is ready for a device: its data and its plan.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::TrainConfig;
use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::plan::{DatasetShape, Plan};
use crate::weights::hex;

/// A run that is ready for a device: data loaded and checked, model lowered.
#[derive(Debug)]
pub struct Training {
    pub(super) config: TrainConfig,
    pub(super) plan: Plan,
    pub(super) train: Dataset,
    pub(super) test: Dataset,
    /// Samples of `train` to train on, and those held out.
    pub(super) trained: Range<usize>,
    pub(super) held_out: Range<usize>,
    pub(super) dataset_sha256: String,
}

impl Training {
    /// Validates `config`, loads its data and lowers its model.
    ///
    /// Errors: a value out of range (the flag is named), data that cannot be read or does not fit the model.
    pub fn new(config: TrainConfig) -> Result<Self> {
        config.validate()?;
        let source = config.source();
        let input = config.model()?.input;
        let load = |split| Dataset::load(&source, split, (input.height, input.width));
        let (train, test) = (load(Split::Train)?, load(Split::Test)?);
        Self::with_data(config, train, test)
    }

    /// [`Training::new`] with data already in memory.
    pub fn with_data(config: TrainConfig, train: Dataset, test: Dataset) -> Result<Self> {
        config.validate()?;
        let config = config.for_data(train.classes().max(test.classes()))?;
        let model = config.model()?;
        train.check_classes(model.classes())?;
        test.check_classes(model.classes())?;
        if (train.height, train.width) != (test.height, test.width) {
            return Err(Error::input(
                format!(
                    "{}: training images are {}x{}, test images {}x{}",
                    train.source, train.height, train.width, test.height, test.width
                ),
                "use two halves of one dataset",
            ));
        }
        let (trained, held_out) = train.hold_out_last(config.validation)?;
        let shape = DatasetShape { samples: train.len().max(test.len()), height: train.height, width: train.width };
        let plan = Plan::training(&model, config.batch, shape, config.optimizer)?;
        let mut hash = Sha256::new();
        hash.update(format!("{}x{}x{}", train.len(), train.height, train.width));
        hash.update(&train.images);
        hash.update(&train.labels);
        let dataset_sha256 = hex(&hash.finalize());
        Ok(Self { config, plan, train, test, trained, held_out, dataset_sha256 })
    }

    /// The plan, for which the runner given to [`Training::run`] must have been made.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The configuration of the run.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Steps per epoch; the last may be short.
    pub fn steps_per_epoch(&self) -> u64 {
        self.trained.len().div_ceil(self.config.batch) as u64
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> u64 {
        u64::from(self.config.epochs) * self.steps_per_epoch()
    }
}
