//! The recipe in a model's file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use strum::VariantArray;

use super::{Optimizer, Schedule, Settings};
use crate::error::Result;
use crate::table::{self, Table};

/// How a model is trained, where that differs from the usual [`Settings`].
///
/// ```toml
/// [recipe]
/// epochs = 4
/// learning_rate = 0.1
/// [recipe.with.adam]
/// learning_rate = 0.001
/// ```
///
/// It was chosen for its own optimiser (SGD if it names none) and those that `with` names, whose tables go on top of
/// it. Another optimiser takes the epochs, the batch and the like from it, and its usual rate, momentum and decay.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recipe {
    always: Values,
    with: BTreeMap<Optimizer, Values>,
}

/// Fields of [`Settings`] that are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Values {
    epochs: Option<u32>,
    batch: Option<usize>,
    optimizer: Option<Optimizer>,
    learning_rate: Option<f64>,
    schedule: Option<Schedule>,
    warmup: Option<f64>,
    momentum: Option<f64>,
    weight_decay: Option<f64>,
    label_smoothing: Option<f64>,
    validation: Option<usize>,
}

impl Recipe {
    /// Reads the table `[name]` of a model's file; every value is checked by itself.
    ///
    /// Errors: an unknown field or optimiser, a value of a wrong type or out of range; each names the field.
    pub fn read(name: &str, table: &Table) -> Result<Self> {
        let read = |path: &str, table: &Table| -> Result<Values> {
            let values: Values = table::read(table, &[]).map_err(|e| table::mistake(&format!("{path}: {e}")))?;
            let settings = values.over(Settings::usual(Optimizer::Sgd));
            settings.check(|field| format!("{path}: {field}")).map(|()| values)
        };
        let mut always = table.clone();
        let with = match always.remove(WITH) {
            None => Table::new(),
            Some(Value::Object(with)) => with,
            Some(_) => return Err(table::mistake(&format!("{name}: {WITH} is no table"))),
        };
        let mut recipe = Self { always: read(name, &always)?, with: BTreeMap::new() };
        for (optimizer, table) in &with {
            let path = format!("{name}.{WITH}");
            let key = serde_json::from_value(Value::from(optimizer.as_str()));
            let key: Optimizer = key.map_err(|e| table::mistake(&format!("{path}: {e}")))?;
            let path = format!("{path}.{optimizer}");
            let Value::Object(table) = table else {
                return Err(table::mistake(&format!("{path} is no table")));
            };
            let values = read(&path, table)?;
            if values.optimizer.is_some() {
                return Err(table::mistake(&format!("{path}: its optimizer is {optimizer} already")));
            }
            recipe.with.insert(key, values);
        }
        Ok(recipe)
    }

    /// The optimiser that it uses unless told otherwise.
    pub fn optimizer(&self) -> Optimizer {
        self.always.optimizer.unwrap_or(Optimizer::Sgd)
    }

    /// The optimisers that it was chosen for.
    pub fn optimizers(&self) -> Vec<Optimizer> {
        let chosen = |o: &Optimizer| *o == self.optimizer() || self.with.contains_key(o);
        Optimizer::VARIANTS.iter().copied().filter(chosen).collect()
    }

    /// `usual`, which are those of an optimiser, with what this recipe says for it.
    pub fn over(&self, usual: Settings) -> Settings {
        let optimizer = usual.optimizer;
        let mut always = Values { optimizer: None, ..self.always };
        if !self.optimizers().contains(&optimizer) {
            always = Values { learning_rate: None, momentum: None, weight_decay: None, ..always };
        }
        self.with.get(&optimizer).copied().unwrap_or_default().over(always.over(usual))
    }
}

/// The field with a table per optimiser.
const WITH: &str = "with";

impl Values {
    /// `usual` with the given fields. A schedule brings its usual warm-up.
    fn over(self, usual: Settings) -> Settings {
        let warmup = self.schedule.map_or(usual.warmup, Schedule::usual_warmup);
        Settings {
            epochs: self.epochs.unwrap_or(usual.epochs),
            batch: self.batch.unwrap_or(usual.batch),
            optimizer: self.optimizer.unwrap_or(usual.optimizer),
            learning_rate: self.learning_rate.unwrap_or(usual.learning_rate),
            schedule: self.schedule.unwrap_or(usual.schedule),
            warmup: self.warmup.unwrap_or(warmup),
            momentum: self.momentum.unwrap_or(usual.momentum),
            weight_decay: self.weight_decay.unwrap_or(usual.weight_decay),
            label_smoothing: self.label_smoothing.unwrap_or(usual.label_smoothing),
            validation: self.validation.unwrap_or(usual.validation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(toml: &str) -> Result<Recipe> {
        Recipe::read("recipe", &toml::from_str(toml).unwrap())
    }

    #[test]
    fn it_goes_on_top_of_what_is_usual() {
        let with = "epochs = 3\nlearning_rate = 0.2\nschedule = 'cosine'\n[with.nesterov]\n[with.adam]\nmomentum = 0.8";
        let recipe = recipe(with).unwrap();
        assert_eq!(recipe.optimizers(), [Optimizer::Sgd, Optimizer::Nesterov, Optimizer::Adam]);
        for (optimizer, rate, momentum) in [
            (Optimizer::Sgd, 0.2, 0.9),
            (Optimizer::Nesterov, 0.2, 0.9),
            (Optimizer::Adam, 0.2, 0.8),
            // It was not chosen for this one.
            (Optimizer::AdamW, 0.003, 0.9),
        ] {
            let usual = Settings::usual(optimizer);
            let (schedule, warmup) = (Schedule::Cosine, 0.0);
            let expected = Settings { epochs: 3, learning_rate: rate, momentum, schedule, warmup, ..usual };
            assert_eq!(recipe.over(usual), expected);
        }
    }

    #[test]
    fn a_mistake_names_its_field() {
        for (toml, message) in [
            ("epoch = 3", "recipe: unknown field `epoch`"),
            ("epochs = 'three'", "recipe: epochs: invalid type: string \"three\", expected a whole number"),
            ("epochs = -3", "recipe: epochs: invalid value: integer `-3`, expected a whole number"),
            ("epochs = 0", "recipe: epochs is 0"),
            ("warmup = 1", "recipe: warmup is 1"),
            ("learning_rate = nan", "recipe: learning_rate: not a finite number"),
            ("optimizer = 'adm'", "recipe: optimizer: unknown value `adm`"),
            ("with = 3", "recipe: with is no table"),
            ("with.adm.epochs = 3", "recipe.with: unknown value `adm`"),
            ("with.adam = 3", "recipe.with.adam is no table"),
            ("with.adam.batch = 0", "recipe.with.adam: batch is 0"),
            ("with.adam.optimizer = 'sgd'", "recipe.with.adam: its optimizer is adam already"),
            ("with.adam.with.sgd.epochs = 1", "recipe.with.adam: unknown field `with`"),
        ] {
            let error = recipe(toml).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.exit_code()), (message, 2), "{toml}");
            assert!(!error.hint().is_empty(), "{toml}");
        }
        assert!(recipe("epoch = 3").unwrap_err().hint().starts_with("did you mean epochs? "));
    }
}
