//! The command, and its subcommands.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{bench, check, devices, eval, first_step, predict, shaders, summary, train};
use crate::report::warn;

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
    Shaders(shaders::Args),
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
        Command::Shaders(args) => args.run(),
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
