//! `lenet-gpu eval`

use std::path::PathBuf;
use std::process::ExitCode;

use super::Exit;
use super::model_file::ModelFile;
use super::runner::DeviceArgs;
use crate::data::{Dataset, Source, Split};
use crate::model::{Tensor, TensorSpec};
use crate::plan::{DatasetShape, Plan};
use crate::recipe::Optimizer;
use crate::report::{evaluation_json, evaluation_text, say};
use crate::train::{Weights, evaluate, logits};

/// Images a step; each is judged by itself, so any number gives the same predictions.
const BATCH: usize = 256;

/// Judge weights on a dataset: accuracy, loss, precision and recall, confusion matrix
#[derive(clap::Args)]
pub struct Args {
    /// Safetensors file: last.safetensors or best.safetensors of a run, or tensors of another program
    /// by the same names
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// The model, if the file does not say it
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Folder with a dataset of IDX files [default: the MNIST inside the program]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Which half of the dataset
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
        let file = ModelFile::load(Some(&self.weights), self.model.as_deref())?;
        let source = self.data.map_or(Source::Embedded, Source::Folder);
        let (split, half) = match self.split {
            Half::Test => (Split::Test, "test"),
            Half::Train => (Split::Train, "train"),
        };
        let data = Dataset::load(&source, split, (file.model.input.height, file.model.input.width))?;
        data.check_classes(file.model.classes())?;
        let shape = DatasetShape { samples: data.len(), height: data.height, width: data.width };
        let plan = Plan::training(&file.model, BATCH.min(data.len()), shape, Optimizer::Sgd)?;
        let announce = |line: &str| if self.json { Ok(()) } else { say(format!("device    {line}")) };
        let mut runner = self.device.choose()?.open(&plan, announce)?;
        file.write(&mut *runner, &plan)?;
        let evaluation = evaluate(&mut *runner, &plan, &data)?;
        if let Some(path) = &self.logits {
            let values = logits(&mut *runner, &plan, &data)?;
            let spec = TensorSpec { name: "logits".to_owned(), shape: vec![data.len(), file.model.classes()] };
            Weights { tensors: vec![Tensor { spec, values }], metadata: Default::default() }.save(path)?;
        }
        if self.json {
            say(evaluation_json(&evaluation, &file.source, half, runner.device()))?;
        } else {
            say(format!("weights   {} ({})", file.source, file.model.name))?;
            say(format!("data      {}, {half} images", data.source))?;
            say(evaluation_text(&evaluation))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
