//! `lenet-gpu predict`

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::Exit;
use super::model_file::ModelFile;
use super::runner::DeviceArgs;
use crate::data::{Dataset, digit, picture};
use crate::error::{Error, Result};
use crate::plan::{BLOCK, DatasetShape, Phase, Plan, Runner, Step};
use crate::recipe::Optimizer;
use crate::report::{Prediction, prediction_json, prediction_text, say, warn};
use crate::train::write_data;

/// Most images a step.
const BATCH: usize = 256;

/// Classes that are shown.
const SHOWN: usize = 3;

/// Recognise digits in images
#[derive(clap::Args)]
pub struct Args {
    /// Image files (PNG, JPEG, GIF, BMP, PNM, TIFF, WebP), folders of them, or - for stdin
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Safetensors file [default: the weights inside the program]
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// The model, if the file does not say it
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    #[command(flatten)]
    device: DeviceArgs,
    /// One JSON object an image on stdout instead of text
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Predicts; an image that cannot be used does not keep the others from being recognised.
    pub fn run(self) -> Exit {
        let file = ModelFile::load(self.weights.as_deref(), self.model.as_deref())?;
        let mut names = Vec::new();
        let mut images = Vec::new();
        let mut failed = None;
        for path in self.files()? {
            match read(&path) {
                Ok(image) => {
                    names.push(path.display().to_string());
                    images.extend(image);
                }
                Err(e) => {
                    if let Some(before) = failed.replace(e) {
                        warn(format!("error: {before}"));
                    }
                }
            }
        }
        if !names.is_empty() {
            let labels = vec![0; names.len()];
            let data = Dataset { source: "images".to_owned(), height: digit::SIDE, width: digit::SIDE, images, labels };
            let shape = DatasetShape { samples: data.len(), height: data.height, width: data.width };
            let plan = Plan::training(&file.model, BATCH.min(data.len()), shape, Optimizer::Sgd)?;
            let announce = |line: &str| if self.json { Ok(()) } else { say(format!("device: {line}")) };
            let mut runner = self.device.choose()?.open(&plan, announce)?;
            file.write(&mut *runner, &plan)?;
            if !self.json {
                say(format!("weights: {} ({})", file.source, file.model.name))?;
            }
            for (image, classes) in names.into_iter().zip(predict(&mut *runner, &plan, &data)?) {
                let prediction = Prediction { image, classes };
                if self.json {
                    say(prediction_json(&prediction, &file.source))?;
                } else {
                    say(prediction_text(&prediction))?;
                }
            }
        }
        failed.map_or(Ok(ExitCode::SUCCESS), Err)
    }

    /// The image files named, folders replaced by what is in them.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for path in &self.images {
            if path.is_dir() {
                files.extend(picture::files_in(path)?);
            } else {
                files.push(path.clone());
            }
        }
        Ok(files)
    }
}

/// The digit in an image file, or in the image on stdin.
fn read(path: &Path) -> Result<digit::Digit> {
    let (name, image) = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let hint = "pipe an image into the command";
        std::io::stdin().read_to_end(&mut bytes).map_err(|e| Error::input(format!("stdin: {e}"), hint))?;
        ("stdin".to_owned(), picture::from_bytes("stdin", &bytes)?)
    } else {
        (path.display().to_string(), picture::load(path)?)
    };
    digit::prepare(&image).map_err(|e| e.context(name))
}

/// The likeliest classes of every image of `data`, with their probabilities.
fn predict(runner: &mut dyn Runner, plan: &Plan, data: &Dataset) -> Result<Vec<Vec<(usize, f32)>>> {
    write_data(runner, plan, data)?;
    runner.write(plan.order, 0, &(0..data.len() as u32).collect::<Vec<_>>())?;
    let classes = plan.model.classes();
    let mut predictions = Vec::new();
    for start in (0..data.len()).step_by(plan.batch) {
        let count = plan.batch.min(data.len() - start);
        runner.submit(Phase::Evaluate, &[Step { start: start as u32, count: count as u32, ..Step::default() }])?;
        runner.collect_now()?;
        let probabilities = runner.read_f32_now(plan.probabilities)?;
        for sample in 0..count {
            let probability = |class| probabilities[(sample / BLOCK * classes + class) * BLOCK + sample % BLOCK];
            let mut ranked: Vec<(usize, f32)> = (0..classes).map(|class| (class, probability(class))).collect();
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
            ranked.truncate(SHOWN);
            predictions.push(ranked);
        }
    }
    Ok(predictions)
}
