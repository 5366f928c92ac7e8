//! What several subcommands share: the argument `--model`, and what their `run` gives.

use std::process::ExitCode;

use crate::error::Result;
use crate::model::{Description, PRESETS};
use crate::train::TrainConfig;

/// What a command's `run` gives: its exit code.
pub type Exit = Result<ExitCode>;

/// The value of `--model`.
pub const MODEL: &str = "NAME|FILE.toml";

/// What `--model` takes, for its help.
pub fn models() -> String {
    let preset = |(name, _)| match Description::preset(name).ok().and_then(|preset| preset.about) {
        Some(about) => format!("{name} ({about})"),
        None => name.to_owned(),
    };
    format!("{}, or a file that describes a network of your own", PRESETS.map(preset).join(", "))
}

/// What `--model` names; what it says about its training is checked too.
///
/// Errors: those of [`TrainConfig::defaults`].
pub fn described(model: &str) -> Result<Description> {
    TrainConfig::defaults(model, None)?;
    Description::find(model)
}
