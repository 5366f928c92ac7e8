//! `lenet-gpu eval`

use std::path::PathBuf;
use std::process::ExitCode;

use super::device::DeviceArgs;
use super::shared::{Exit, MODEL, MODEL_OF_WEIGHTS};
use crate::data::{Dataset, Source, Split};
use crate::infer::{Predictor, Trained};
use crate::model::{Tensor, TensorSpec};
use crate::plan::now;
use crate::report::{evaluation_json, evaluation_text, say};
use crate::weights::Weights;

/// Judge weights on a dataset: accuracy, loss, precision and recall, confusion matrix
#[derive(clap::Args)]
pub struct Args {
    /// Safetensors file: last.safetensors or best.safetensors of a run, or tensors of another program
    /// by the same names
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    #[arg(long, value_name = MODEL, help = MODEL_OF_WEIGHTS)]
    model: Option<String>,
    /// Folder with a dataset of IDX files [default: the MNIST inside the program]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Half of the dataset
    #[arg(long, value_name = "HALF", default_value = "test")]
    split: Half,
    #[command(flatten)]
    device: DeviceArgs,
    /// Also write the logits of every image to this safetensors file, as `logits` [images, classes]
    #[arg(long, value_name = "FILE")]
    logits: Option<PathBuf>,
    /// One JSON object on stdout instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Half {
    /// The test images
    Test,
    /// The training images, those held out for validation among them
    Train,
}

impl Args {
    /// Evaluates.
    pub fn run(self) -> Exit {
        let trained = Trained::load(Some(&self.weights), self.model.as_deref())?;
        let source = self.data.map_or(Source::Embedded, Source::Folder);
        let (split, half) = match self.split {
            Half::Test => (Split::Test, "test"),
            Half::Train => (Split::Train, "train"),
        };
        let data = Dataset::load(&source, split, trained.largest_image())?;
        let plan = trained.plan(&data)?;
        let announce = |line: &str| if self.json { Ok(()) } else { say(format!("device    {line}")) };
        let runner = self.device.choose()?.open(&plan, announce)?;
        let mut predictor = Predictor::new(&trained, plan, runner)?;
        let evaluation = now(predictor.evaluate(&data))?;
        if let Some(path) = &self.logits {
            let values = now(predictor.logits(&data))?;
            let spec = TensorSpec { name: "logits".to_owned(), shape: vec![data.len(), trained.model.classes()] };
            Weights { tensors: vec![Tensor { spec, values }], metadata: Default::default() }.save(path)?;
        }
        if self.json {
            say(evaluation_json(&evaluation, &trained.source, half, predictor.device()))?;
        } else {
            say(format!("weights   {} ({})", trained.source, trained.model.name))?;
            say(format!("data      {}, {half} images", data.source))?;
            say(evaluation_text(&evaluation))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
