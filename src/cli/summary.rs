//! `lenet-gpu summary`

use std::process::ExitCode;

use super::shared::{Exit, MODEL, described, models};
use crate::error::Error;
use crate::report::{codes_text, say, summary_json, summary_text};

/// Show the layers of a model: shapes, parameters, connections, multiply-adds
#[derive(clap::Args)]
pub struct Args {
    #[arg(long, value_name = MODEL, default_value = "lenet5", help = format!("Model to show: {}", models()))]
    model: String,
    /// The model as TOML: the file to begin a network of your own with
    #[arg(long, conflicts_with = "json")]
    toml: bool,
    /// The codes of its classes, drawn
    #[arg(long, conflicts_with_all = ["json", "toml"])]
    codes: bool,
    /// One JSON object on stdout instead of text
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Prints the table or the file.
    pub fn run(self) -> Exit {
        let description = described(&self.model)?;
        let model = description.model()?;
        if self.toml {
            say(description.to_toml().trim_end())?;
        } else if self.codes {
            let none =
                || Error::input(format!("{} has no codes", model.name), "name a model that ends in rbf, with --model");
            say(codes_text(&model).ok_or_else(none)?)?;
        } else if self.json {
            say(summary_json(&model))?;
        } else {
            say(summary_text(&model))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
