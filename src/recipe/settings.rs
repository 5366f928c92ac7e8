//! The numbers of a recipe: their defaults and ranges.

use super::{Optimizer, Schedule};
use crate::error::{Error, Result};

/// How a model is trained; [`Settings::usual`] has the defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
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
    /// Last images of the training set that are held out to validate with.
    pub validation: usize,
}

impl Settings {
    /// The defaults for `optimizer`; a model's recipe and flags override them.
    pub fn usual(optimizer: Optimizer) -> Self {
        let schedule = Schedule::OneCycle;
        Self {
            epochs: 8,
            batch: 64,
            optimizer,
            learning_rate: match optimizer {
                Optimizer::Sgd | Optimizer::Nesterov => 0.05,
                Optimizer::Adam | Optimizer::AdamW => 0.003,
            },
            schedule,
            warmup: schedule.usual_warmup(),
            momentum: 0.9,
            weight_decay: match optimizer {
                Optimizer::Sgd | Optimizer::Nesterov => 5e-4,
                Optimizer::Adam => 0.0,
                Optimizer::AdamW => 0.01,
            },
            label_smoothing: 0.0,
            validation: 5_000,
        }
    }

    /// Checks every value by itself; `named` gives the user's name of a field, such as a flag.
    ///
    /// Errors: a value out of range; the field is named.
    pub fn check(&self, named: impl Fn(&str) -> String) -> Result<()> {
        let share = "a number from 0 to below 1";
        let (epochs, batch, rate, decay) =
            (f64::from(self.epochs), self.batch as f64, self.learning_rate, self.weight_decay);
        for (field, value, range, good) in [
            ("epochs", epochs, "a whole number from 1 to 100000", (1.0..=1e5).contains(&epochs)),
            ("batch", batch, "a whole number of images, at least 1", (1.0..=1e9).contains(&batch)),
            ("learning_rate", rate, "a number above 0, at most 1000", rate > 0.0 && rate <= 1_000.0),
            ("warmup", self.warmup, share, (0.0..1.0).contains(&self.warmup)),
            ("momentum", self.momentum, share, (0.0..1.0).contains(&self.momentum)),
            ("weight_decay", decay, "a number from 0 to 1", (0.0..=1.0).contains(&decay)),
            ("label_smoothing", self.label_smoothing, share, (0.0..1.0).contains(&self.label_smoothing)),
        ] {
            if !good {
                let name = named(field);
                return Err(Error::input(format!("{name} is {value}"), format!("{name} takes {range}")));
            }
        }
        Ok(())
    }
}
