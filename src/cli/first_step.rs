//! `lenet-gpu first-step`: `bench` starts it as a new process to time a start.

use std::process::ExitCode;

use super::device::DeviceArgs;
use super::shared::Exit;
use crate::bench::first_step;
use crate::data::{Dataset, Source, Split};
use crate::model::Description;
use crate::report::say;

/// Do one training step on the embedded MNIST, and say so
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    device: DeviceArgs,
    #[arg(long)]
    model: String,
    #[arg(long)]
    batch: usize,
}

impl Args {
    /// Does it.
    pub fn run(self) -> Exit {
        let model = Description::find(&self.model)?.model()?;
        let data = Dataset::load(&Source::Embedded, Split::Train, (model.input.height, model.input.width))?;
        let choice = self.device.choose()?;
        first_step(&|plan| choice.open(plan, |_| Ok(())), &model, &data, self.batch)?;
        say("done")?;
        Ok(ExitCode::SUCCESS)
    }
}
