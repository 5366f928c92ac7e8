//! A model and its trained weights, from a file or from the program itself.

use std::path::Path;

use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{Model, Tensor};
use crate::plan::{DatasetShape, Plan, Runner};
use crate::weights::Weights;

/// The weights inside the program.
const SHIPPED: &[u8] = include_bytes!("../../assets/lenet5.safetensors");

/// Most images per step; each is judged by itself, so any number gives the same predictions.
const BATCH: usize = 256;

/// A model with trained weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Where the weights are from, for people.
    pub source: String,
    /// The model they belong to.
    pub model: Model,
    /// Its parameters, in PyTorch's layout.
    pub tensors: Vec<Tensor>,
}

impl Trained {
    /// Reads `path`, or the weights inside the program; `model` overrides the model that the file names.
    ///
    /// Errors: a file that cannot be read, that names no model, or an unknown model.
    pub fn load(path: Option<&Path>, model: Option<&str>) -> Result<Self> {
        let (source, weights) = match path {
            Some(path) => (path.display().to_string(), Weights::load(path)?),
            None => ("the weights inside the program".to_owned(), Weights::from_bytes(SHIPPED)?),
        };
        Self::from_weights(source, &weights, model)
    }

    /// `weights` from `source`, which is named in messages; otherwise as [`Trained::load`].
    pub fn from_weights(source: String, weights: &Weights, model: Option<&str>) -> Result<Self> {
        let name = model.or(weights.metadata.get("model").map(String::as_str)).ok_or_else(|| {
            Error::input(format!("{source}: does not say which model it is for"), "name it with --model")
        })?;
        let model = Model::preset(name).map_err(|e| e.context(&source))?;
        Ok(Self { source, model, tensors: weights.parameters() })
    }

    /// Rows and columns of the largest image that the model takes.
    pub fn largest_image(&self) -> (usize, usize) {
        (self.model.input.height, self.model.input.width)
    }

    /// The plan to run `data` through the model: forward passes alone, without gradients and optimiser.
    ///
    /// Errors: images larger than the model's input, none at all, a label that the model has no output for.
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
