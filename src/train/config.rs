//! What a run is told to do: validated before a file or a device is touched.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::Source;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::plan::Step;
use crate::recipe::{Optimizer, Schedule};

/// Everything that decides the result of a run, apart from the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Name of a preset.
    pub model: String,
    /// Passes over the training images.
    pub epochs: u32,
    /// Most images a step; the last of an epoch may have fewer.
    pub batch: usize,
    /// Rule of the update.
    pub optimizer: Optimizer,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Course of the learning rate.
    pub schedule: Schedule,
    /// Share of all steps spent rising to the peak rate, 0 to below 1.
    pub warmup: f64,
    /// Momentum of SGD; Adam's decay of the first moment.
    pub momentum: f64,
    /// L2 for SGD and Adam, decoupled for AdamW.
    pub weight_decay: f64,
    /// Share of each target that is spread over all classes, 0 to below 1.
    pub label_smoothing: f64,
    /// Decides the initial weights and every shuffle.
    pub seed: u64,
    /// Folder of IDX files; none for the embedded MNIST.
    pub data: Option<PathBuf>,
    /// Last images of the training set that are held out to validate with.
    pub validation: usize,
    /// Test accuracy that the run must reach: a share up to 1, or a percentage above 1; see [`TrainConfig::target`].
    pub target_accuracy: Option<f64>,
    /// Backend asked for, `auto` for any; read by whoever makes the runner.
    pub backend: String,
    /// Adapter asked for, by index or name; read by whoever makes the runner.
    pub adapter: Option<String>,
}

/// Adam's decay of the second moment.
const BETA2: f64 = 0.999;

/// Added to Adam's denominator.
const EPSILON: f32 = 1e-8;

impl TrainConfig {
    /// The defaults for `model` trained with `optimizer`: the one table of them.
    ///
    /// Errors: an unknown model.
    pub fn defaults(model: &str, optimizer: Optimizer) -> Result<Self> {
        let model = Model::preset(model)?.name;
        let sgd = matches!(optimizer, Optimizer::Sgd | Optimizer::Nesterov);
        let learning_rate = match (sgd, model.as_str()) {
            // No activation bounds it: it diverges when the rate passes 0.09, where lenet5 trains.
            (true, "lenet5-keras") => 0.02,
            (true, _) => 0.05,
            (false, "lenet5-keras") => 0.001,
            (false, _) => 0.003,
        };
        Ok(Self {
            model,
            epochs: 8,
            batch: 64,
            optimizer,
            learning_rate,
            schedule: Schedule::OneCycle,
            warmup: Self::default_warmup(Schedule::OneCycle),
            momentum: 0.9,
            weight_decay: match optimizer {
                Optimizer::Sgd | Optimizer::Nesterov => 5e-4,
                Optimizer::Adam => 0.0,
                Optimizer::AdamW => 0.01,
            },
            label_smoothing: 0.0,
            seed: 1,
            data: None,
            validation: 5_000,
            target_accuracy: None,
            backend: "auto".to_owned(),
            adapter: None,
        })
    }

    /// The recipe of `--fast`: the fewest samples that give a mean test accuracy of 99 % on MNIST. It takes
    /// an `optimizer` of its own unless told otherwise.
    ///
    /// Errors: a model or an optimiser that its values were not chosen for.
    pub fn fast(model: &str, optimizer: Option<Optimizer>) -> Result<Self> {
        let optimizer = optimizer.unwrap_or(Optimizer::Nesterov);
        let usual = Self::defaults(model, optimizer)?;
        let only = |flags: &str, good: bool| {
            let refuse = || Error::input(format!("--fast goes with {flags} alone"), "leave one of the two flags out");
            if good { Ok(()) } else { Err(refuse()) }
        };
        only("--model lenet5", usual.model == "lenet5")?;
        let sgd = matches!(optimizer, Optimizer::Sgd | Optimizer::Nesterov);
        only("--optimizer sgd or nesterov", sgd)?;
        // Chosen by cross-validation within the training images, so that none need be held out. There, one epoch
        // in steps of 32 gets to 99 % only just, as do two without label smoothing.
        Ok(Self {
            epochs: 2,
            batch: 128,
            learning_rate: 0.2,
            weight_decay: 0.001,
            label_smoothing: 0.1,
            validation: 0,
            ..usual
        })
    }

    /// Share of the steps that `schedule` rises for unless told otherwise.
    pub fn default_warmup(schedule: Schedule) -> f64 {
        if schedule == Schedule::OneCycle { 0.25 } else { 0.0 }
    }

    /// Checks every value by itself.
    ///
    /// Errors: an unknown model, or a value out of range; the flag is named.
    pub fn validate(&self) -> Result<()> {
        Model::preset(&self.model)?;
        let within = |flag: &str, value: f64, range: &str, good: bool| {
            let refuse = || Error::input(format!("{flag} is {value}"), format!("{flag} takes {range}"));
            if good { Ok(()) } else { Err(refuse()) }
        };
        let epochs = f64::from(self.epochs);
        within("--epochs", epochs, "a whole number from 1 to 100000", (1.0..=1e5).contains(&epochs))?;
        let batch = self.batch as f64;
        within("--batch", batch, "a whole number of images, at least 1", (1.0..=1e9).contains(&batch))?;
        let rate = self.learning_rate;
        within("--lr", rate, "a number above 0, at most 1000", rate > 0.0 && rate <= 1_000.0)?;
        let share = "a number from 0 to below 1";
        within("--warmup", self.warmup, share, (0.0..1.0).contains(&self.warmup))?;
        within("--momentum", self.momentum, share, (0.0..1.0).contains(&self.momentum))?;
        let decay = self.weight_decay;
        within("--weight-decay", decay, "a number from 0 to 1", (0.0..=1.0).contains(&decay))?;
        within("--label-smoothing", self.label_smoothing, share, (0.0..1.0).contains(&self.label_smoothing))?;
        if let Some(target) = self.target_accuracy {
            let range = "a share above 0, at most 1, or a percentage above 1, at most 100";
            within("--target-accuracy", target, range, target > 0.0 && target <= 100.0)?;
        }
        Ok(())
    }

    /// The test accuracy that the run must reach, 0 to 1: 0.99 and 99 are the same.
    pub fn target(&self) -> Option<f64> {
        self.target_accuracy.map(|target| if target > 1.0 { target / 100.0 } else { target })
    }

    /// Where the data is read from.
    pub fn source(&self) -> Source {
        self.data.clone().map_or(Source::Embedded, Source::Folder)
    }

    /// What step `step` (from 0) of `steps` is told about the optimiser; the caller adds which samples.
    pub fn step(&self, step: u64, steps: u64) -> Step {
        let plain = Step {
            learning_rate: self.schedule.rate(step, steps, self.learning_rate, self.warmup) as f32,
            epsilon: EPSILON,
            weight_decay: self.weight_decay as f32,
            label_smoothing: self.label_smoothing as f32,
            ..Step::default()
        };
        plain.with_decays(self.momentum, BETA2, step + 1)
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn the_defaults_are_valid_and_survive_json() {
        for (model, _) in crate::model::PRESETS {
            for optimizer in Optimizer::VARIANTS.iter().copied() {
                let config = TrainConfig::defaults(model, optimizer).unwrap();
                config.validate().unwrap();
                let json = serde_json::to_string(&config).unwrap();
                assert_eq!(serde_json::from_str::<TrainConfig>(&json).unwrap(), config);
            }
        }
    }

    #[test]
    fn the_fast_recipe_is_valid_and_refuses_what_it_was_not_chosen_for() {
        let fast = TrainConfig::fast("lenet5", None).unwrap();
        fast.validate().unwrap();
        assert!(fast.epochs < TrainConfig::defaults("lenet5", fast.optimizer).unwrap().epochs);
        assert_eq!(fast.validation, 0);
        let sgd = TrainConfig::fast("lenet5", Some(Optimizer::Sgd)).unwrap();
        assert_eq!(sgd, TrainConfig { optimizer: Optimizer::Sgd, ..fast });
        for (model, optimizer) in [("lenet5-keras", Optimizer::Sgd), ("lenet5", Optimizer::Adam)] {
            let error = TrainConfig::fast(model, Some(optimizer)).unwrap_err();
            assert!(error.to_string().starts_with("--fast"), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn a_value_out_of_range_names_its_flag() {
        let good = TrainConfig::defaults("lenet5", Optimizer::Sgd).unwrap();
        for (bad, flag) in [
            (TrainConfig { epochs: 0, ..good.clone() }, "--epochs"),
            (TrainConfig { batch: 0, ..good.clone() }, "--batch"),
            (TrainConfig { learning_rate: f64::NAN, ..good.clone() }, "--lr"),
            (TrainConfig { learning_rate: f64::INFINITY, ..good.clone() }, "--lr"),
            (TrainConfig { warmup: 1.0, ..good.clone() }, "--warmup"),
            (TrainConfig { momentum: -0.1, ..good.clone() }, "--momentum"),
            (TrainConfig { weight_decay: 2.0, ..good.clone() }, "--weight-decay"),
            (TrainConfig { label_smoothing: 1.0, ..good.clone() }, "--label-smoothing"),
            (TrainConfig { target_accuracy: Some(0.0), ..good.clone() }, "--target-accuracy"),
        ] {
            let error = bad.validate().unwrap_err();
            assert!(error.to_string().starts_with(flag), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn adam_is_corrected_for_its_start() {
        let config = TrainConfig::defaults("lenet5", Optimizer::Adam).unwrap();
        let first = config.step(0, 100);
        assert!((first.correction1 - 10.0).abs() < 1e-5 && (first.correction2 - 1000.0).abs() < 1e-2);
        assert!((config.step(9_999, 10_000).correction1 - 1.0).abs() < 1e-6);
    }
}
