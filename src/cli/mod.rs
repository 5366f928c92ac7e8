//! The command line: one file a subcommand, with its arguments and its `run`.

mod bench;
mod check;
mod devices;
mod eval;
mod first_step;
mod predict;
mod progress;
pub mod runner;
mod summary;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Result;
use crate::model::{Description, PRESETS};
use crate::report::warn;
use crate::train::TrainConfig;

/// Train LeNet-5 on any GPU with WGSL kernels
#[derive(Parser)]
#[command(name = "lenet-gpu", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(train::Args),
    Eval(eval::Args),
    Predict(predict::Args),
    Check(check::Args),
    Devices(devices::Args),
    Bench(bench::Args),
    Summary(summary::Args),
    #[command(hide = true)]
    FirstStep(first_step::Args),
}

/// Parses the arguments and runs the command; tells what went wrong and the way out.
///
/// The exit code is 0, 1 (a bad outcome), 2 (unusable input) or 130 (interrupted).
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Train(args) => args.run(),
        Command::Eval(args) => args.run(),
        Command::Predict(args) => args.run(),
        Command::Check(args) => args.run(),
        Command::Devices(args) => args.run(),
        Command::Summary(args) => args.run(),
        Command::Bench(args) => args.run(),
        Command::FirstStep(args) => args.run(),
    };
    result.unwrap_or_else(|error| {
        warn(format!("error: {error}"));
        if !error.hint().is_empty() {
            warn(format!("hint: {}", error.hint()));
        }
        ExitCode::from(error.exit_code())
    })
}

/// The value of `--model`.
const MODEL: &str = "NAME|FILE.toml";

/// What `--model` takes, for its help.
fn models() -> String {
    let preset = |(name, _)| match Description::preset(name).ok().and_then(|preset| preset.about) {
        Some(about) => format!("{name} ({about})"),
        None => name.to_owned(),
    };
    format!("{}, or a file that describes a network of your own", PRESETS.map(preset).join(", "))
}

/// What `--model` names; what it says about its training is checked too.
///
/// Errors: those of [`TrainConfig::defaults`].
fn described(model: &str) -> Result<Description> {
    TrainConfig::defaults(model, None)?;
    Description::find(model)
}

/// What a command's `run` gives: its exit code.
type Exit = Result<ExitCode>;
