//! `lenet-gpu summary`

use std::process::ExitCode;

use super::Exit;
use crate::model::Model;
use crate::report::{say, summary_json, summary_text};

/// Show the layers of a model: shapes, parameters, connections, multiply-adds
#[derive(clap::Args)]
pub struct Args {
    #[arg(long, value_name = "NAME", default_value = "lenet5", help = super::models())]
    model: String,
    /// One JSON object on stdout instead of text
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Prints the table.
    pub fn run(self) -> Exit {
        let model = Model::preset(&self.model)?;
        if self.json {
            say(summary_json(&model))?;
        } else {
            say(summary_text(&model))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
