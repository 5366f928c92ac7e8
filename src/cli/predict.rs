//! `lenet-gpu predict`

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::device::DeviceArgs;
use super::shared::{Exit, MODEL, MODEL_OF_WEIGHTS};
use crate::data::{Dataset, digit, picture};
use crate::error::{Error, Result};
use crate::infer::{Predictor, Trained};
use crate::plan::now;
use crate::report::{Prediction, prediction_json, prediction_text, say, warn};

/// Classes shown per image.
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
    #[arg(long, value_name = MODEL, help = MODEL_OF_WEIGHTS)]
    model: Option<String>,
    #[command(flatten)]
    device: DeviceArgs,
    /// One JSON object per image on stdout instead of text
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Predicts; an image that cannot be used does not keep the others from being recognised.
    pub fn run(self) -> Exit {
        let trained = Trained::load(self.weights.as_deref(), self.model.as_deref())?;
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
            let data = Dataset::unlabelled("images", (digit::SIDE, digit::SIDE), images)?;
            let plan = trained.plan(&data)?;
            let announce = |line: &str| if self.json { Ok(()) } else { say(format!("device: {line}")) };
            let runner = self.device.choose()?.open(&plan, announce)?;
            let mut predictor = Predictor::new(&trained, plan, runner)?;
            if !self.json {
                say(format!("weights: {} ({})", trained.source, trained.model.name))?;
            }
            for (image, classes) in names.into_iter().zip(now(predictor.top(&data, SHOWN))?) {
                let prediction = Prediction { image, classes };
                if self.json {
                    say(prediction_json(&prediction, &trained.source))?;
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
