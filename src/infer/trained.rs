//! A model and its trained weights, from a file or from the program itself.

use std::path::Path;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{Description, Model, Tensor};
use crate::plan::{DatasetShape, Plan, Runner};
use crate::weights::Weights;

/// The weights inside the program.
const SHIPPED: &[u8] = include_bytes!("../../assets/lenet5.safetensors");

/// Most images per step; images do not influence each other, so any number gives the same predictions.
const BATCH: usize = 256;

/// A model with trained weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Where the weights are from, for messages.
    pub source: String,
    /// The model they belong to.
    pub model: Model,
    /// Its parameters, in PyTorch's layout.
    pub tensors: Vec<Tensor>,
}

impl Trained {
    /// Reads `path`, or the weights inside the program; `model`, a preset's name or the file of a model, overrides what
    /// the weights say.
    ///
    /// Errors: a file that cannot be read or names no model; an unknown model.
    pub fn load(path: Option<&Path>, model: Option<&str>) -> Result<Self> {
        let (source, weights) = match path {
            Some(path) => (path.display().to_string(), Weights::load(path)?),
            None => ("the weights inside the program".to_owned(), Weights::from_bytes(SHIPPED)?),
        };
        Self::from_weights(source, &weights, model)
    }

    /// `weights` from `source`, which is named in messages; otherwise as [`Trained::load`].
    pub fn from_weights(source: String, weights: &Weights, model: Option<&str>) -> Result<Self> {
        let description = match model {
            Some(model) => Description::find(model)?,
            None => described(weights).map_err(|e| e.context(&source))?,
        };
        let model = for_weights(description, weights).model().map_err(|e| e.context(&source))?;
        Ok(Self { source, model, tensors: weights.parameters() })
    }

    /// Rows and columns of the largest image that the model takes.
    pub fn largest_image(&self) -> (usize, usize) {
        (self.model.input.height, self.model.input.width)
    }

    /// The plan to run `data` through the model: forward passes alone, without gradients and optimiser.
    ///
    /// Errors: no images, images larger than the model's input, a label that the model has no output for.
    pub fn plan(&self, data: &Dataset) -> Result<Plan> {
        data.check_classes(self.model.classes())?;
        let shape = DatasetShape { samples: data.len(), height: data.height, width: data.width };
        Plan::evaluation(&self.model, BATCH.min(data.len()), shape)
    }

    /// Puts the weights on the device. Errors: weights of another model; the tensor is named.
    pub(super) fn write(&self, runner: &mut dyn Runner, plan: &Plan) -> Result<()> {
        let flat = plan.layout.pack(&self.tensors).map_err(|e| e.context(&self.source))?;
        runner.write_f32(plan.parameters, 0, &flat)
    }
}

/// The model in the metadata of `weights`. Version 0.1 wrote the name of a preset alone.
fn described(weights: &Weights) -> Result<Description> {
    match (weights.metadata.get("description"), weights.metadata.get("model")) {
        (Some(description), _) => Description::from_json(description),
        (None, Some(name)) => Description::preset(name),
        (None, None) => Err(Error::input("does not say which model it is for", "name it with --model")),
    }
}

/// `description` with as many outputs as `weights` have, if it leaves their number open.
fn for_weights(description: Description, weights: &Weights) -> Description {
    let name = description.layers.last().map(|layer| format!("{}.bias", layer.name));
    let bias = weights.tensors.iter().find(|tensor| Some(&tensor.spec.name) == name.as_ref());
    bias.map_or(description.clone(), |bias| description.for_data(bias.values.len()))
}
