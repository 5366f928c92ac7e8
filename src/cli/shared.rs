//! Shared by subcommands: the argument `--model`, and the outcome of their `run`.

use std::process::ExitCode;

use crate::error::Result;
use crate::model::{Description, PRESETS};
use crate::train::TrainConfig;

/// Outcome of a command's `run`: its exit code.
pub type Exit = Result<ExitCode>;

/// The value of `--model`.
pub const MODEL: &str = "NAME|FILE.toml";

/// Help of `--model` beside `--weights`.
pub const MODEL_OF_WEIGHTS: &str = "Model, if the weights file does not carry it: a name inside the program, or a file";

/// The values of `--model`, for its help.
pub fn models() -> String {
    let preset = |(name, _)| match Description::preset(name).ok().and_then(|preset| preset.about) {
        Some(about) => format!("{name} ({about})"),
        None => name.to_owned(),
    };
    format!("{}, or a file that describes a network of your own", PRESETS.map(preset).join(", "))
}

/// The model that `--model` names; its recipes are checked too.
///
/// Errors: those of [`TrainConfig::defaults`].
pub fn described(model: &str) -> Result<Description> {
    TrainConfig::defaults(model, None)?;
    Description::find(model)
}
