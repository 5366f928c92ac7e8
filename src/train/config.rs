//! The configuration of a run, validated before a file or a device is touched.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::Source;
use crate::error::{Error, Result};
use crate::model::{Description, Model, PRESETS};
use crate::plan::{Kernels, OwnShaders, Step};
use crate::recipe::{Optimizer, Recipe, Schedule, Settings};
use crate::table::Table;

/// Everything that decides the result of a run, apart from the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Name of the model.
    pub model: String,
    /// The model, without its recipes. None in files of version 0.1: the preset called [`TrainConfig::model`].
    #[serde(default)]
    pub description: Option<Description>,
    /// Passes over the training images.
    pub epochs: u32,
    /// Most images per step; the last of an epoch may have fewer.
    pub batch: usize,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Schedule of the learning rate.
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
    /// Backend asked for, `auto` for any; read by the maker of the runner.
    pub backend: String,
    /// Adapter asked for, by index or name; read by the maker of the runner.
    pub adapter: Option<String>,
    /// The set of kernels of the run, set by [`super::Training::run`]; none on the CPU oracle, and in a file older than
    /// the sets.
    #[serde(default, rename = "kernel_set")]
    pub kernels: Option<Kernels>,
    /// The shaders of the run that are not the program's, set in the same way; none if they are the program's.
    #[serde(default)]
    pub shaders: Option<OwnShaders>,
}

/// Adam's decay of the second moment.
const BETA2: f64 = 0.999;

/// Added to Adam's denominator.
const EPSILON: f32 = 1e-8;

impl TrainConfig {
    /// The recipe of `model`, a preset's name or a file that ends in `.toml`, over the usual settings; with the
    /// recipe's optimiser unless another is given.
    ///
    /// Errors: see [`Description::find`] and [`Recipe::read`]; the file is named.
    pub fn defaults(model: &str, optimizer: impl Into<Option<Optimizer>>) -> Result<Self> {
        let description = Description::find(model)?;
        let (recipe, _) = recipes(&description)?;
        let optimizer = optimizer.into().unwrap_or(recipe.optimizer());
        Ok(Self::new(&description, recipe.over(Settings::usual(optimizer))))
    }

    /// The recipe of `model` for `--fast`, over its defaults; with that recipe's optimiser unless another is given.
    ///
    /// Errors: those of [`TrainConfig::defaults`]; a model without such a recipe, an optimiser that it was not chosen
    /// for.
    pub fn fast(model: &str, optimizer: Option<Optimizer>) -> Result<Self> {
        let only = |flag: &str, names: Vec<&str>, hint: &str| {
            Error::input(format!("--fast goes with {flag} {} alone", names.join(" or ")), hint)
        };
        let description = Description::find(model)?;
        let (recipe, fast) = recipes(&description)?;
        let Some(fast) = fast else {
            let is_fast = |name: &&str| Description::preset(name).is_ok_and(|preset| preset.fast.is_some());
            let names = PRESETS.iter().map(|(name, _)| *name).filter(is_fast).collect();
            return Err(only(
                "--model",
                names,
                "leave one of the two flags out, or give the model's file a table [fast]",
            ));
        };
        let optimizer = optimizer.unwrap_or(fast.optimizer());
        if !fast.optimizers().contains(&optimizer) {
            let names = fast.optimizers().into_iter().map(Optimizer::name).collect();
            return Err(only("--optimizer", names, "leave one of the two flags out"));
        }
        Ok(Self::new(&description, fast.over(recipe.over(Settings::usual(optimizer)))))
    }

    fn new(description: &Description, settings: Settings) -> Self {
        Self {
            model: description.name.clone(),
            description: Some(description.network()),
            epochs: settings.epochs,
            batch: settings.batch,
            optimizer: settings.optimizer,
            learning_rate: settings.learning_rate,
            schedule: settings.schedule,
            warmup: settings.warmup,
            momentum: settings.momentum,
            weight_decay: settings.weight_decay,
            label_smoothing: settings.label_smoothing,
            seed: 1,
            data: None,
            validation: settings.validation,
            target_accuracy: None,
            backend: "auto".to_owned(),
            adapter: None,
            kernels: None,
            shaders: None,
        }
    }

    /// The numbers of the recipe.
    fn settings(&self) -> Settings {
        Settings {
            epochs: self.epochs,
            batch: self.batch,
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            schedule: self.schedule,
            warmup: self.warmup,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            label_smoothing: self.label_smoothing,
            validation: self.validation,
        }
    }

    /// The model before the data is known.
    ///
    /// Errors: see [`Description::model`]; a description of another name than [`TrainConfig::model`].
    pub fn model(&self) -> Result<Model> {
        let Some(description) = &self.description else { return Model::preset(&self.model) };
        if description.name != self.model {
            return Err(Error::input(
                format!("the model is called '{}', but its description '{}'", self.model, description.name),
                "set both",
            ));
        }
        description.model()
    }

    /// The same with as many outputs as the data has `classes`, if the model leaves that to the data.
    ///
    /// Errors: those of [`TrainConfig::model`].
    pub fn for_data(self, classes: usize) -> Result<Self> {
        let model = self.model()?;
        // A run of version 0.1 has those of its preset.
        let outputs = if self.description.is_some() { classes.max(1) } else { model.classes() };
        let description = model.description().for_data(outputs);
        Ok(Self { description: Some(description.network()), ..self })
    }

    /// Checks every value by itself.
    ///
    /// Errors: those of [`TrainConfig::model`], or a value out of range; the flag is named.
    pub fn validate(&self) -> Result<()> {
        self.model()?;
        self.settings().check(flag)?;
        if let Some(target) = self.target_accuracy
            && !(target > 0.0 && target <= 100.0)
        {
            let range = "a share above 0, at most 1, or a percentage above 1, at most 100";
            let flag = "--target-accuracy";
            return Err(Error::input(format!("{flag} is {target}"), format!("{flag} takes {range}")));
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

    /// Step `step` (from 0) of `steps` with the optimiser's arguments; the caller adds the samples.
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

/// The recipe of `description`, and that for `--fast` if it has one.
///
/// Errors: see [`Recipe::read`]; the file is named.
fn recipes(description: &Description) -> Result<(Recipe, Option<Recipe>)> {
    let read = |name: &str, table: &Option<Table>| {
        let read = |table| Recipe::read(name, table).map_err(|e| e.context(description.argument()));
        table.as_ref().map(read).transpose()
    };
    Ok((read("recipe", &description.recipe)?.unwrap_or_default(), read("fast", &description.fast)?))
}

/// The flag that sets `field`.
fn flag(field: &str) -> String {
    let name = if field == "learning_rate" { "lr".to_owned() } else { field.replace('_', "-") };
    format!("--{name}")
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn the_defaults_are_valid_and_survive_json() {
        for (model, _) in PRESETS {
            for optimizer in Optimizer::VARIANTS.iter().copied() {
                let config = TrainConfig::defaults(model, optimizer).unwrap();
                config.validate().unwrap();
                let json = serde_json::to_string(&config).unwrap();
                assert_eq!(serde_json::from_str::<TrainConfig>(&json).unwrap(), config);
            }
        }
    }

    /// Epochs, batch, rate, decay, smoothing and validation as they were before models were files.
    #[test]
    fn the_presets_are_trained_as_in_version_0_1() {
        use Optimizer::{Adam, AdamW, Nesterov, Sgd};
        let numbers = |c: &TrainConfig| {
            assert_eq!((c.schedule, c.warmup, c.momentum, c.seed), (Schedule::OneCycle, 0.25, 0.9, 1));
            (c.epochs, c.batch, c.learning_rate, c.weight_decay, c.label_smoothing, c.validation)
        };
        for (model, optimizer, rate, decay) in [
            ("lenet5", Sgd, 0.05, 5e-4),
            ("lenet5", Nesterov, 0.05, 5e-4),
            ("lenet5", Adam, 0.003, 0.0),
            ("lenet5", AdamW, 0.003, 0.01),
            ("lenet5-keras", Sgd, 0.02, 5e-4),
            ("lenet5-keras", Nesterov, 0.02, 5e-4),
            ("lenet5-keras", Adam, 0.001, 0.0),
            ("lenet5-keras", AdamW, 0.001, 0.01),
        ] {
            let config = TrainConfig::defaults(model, optimizer).unwrap();
            assert_eq!((config.model.as_str(), config.optimizer), (model, optimizer));
            assert_eq!(numbers(&config), (8, 64, rate, decay, 0.0, 5_000), "{model} {optimizer:?}");
        }
        for model in ["lenet5", "lenet5-keras"] {
            assert_eq!(TrainConfig::defaults(model, None).unwrap().optimizer, Sgd);
        }
        for (given, optimizer) in [(None, Nesterov), (Some(Nesterov), Nesterov), (Some(Sgd), Sgd)] {
            let config = TrainConfig::fast("lenet5", given).unwrap();
            assert_eq!(config.optimizer, optimizer);
            assert_eq!(numbers(&config), (2, 128, 0.2, 0.001, 0.1, 0));
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
