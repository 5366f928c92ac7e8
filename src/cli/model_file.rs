//! A model and its trained weights, from a file or from the program itself.

use std::path::Path;

use crate::error::{Error, Result};
use crate::model::{Model, Tensor};
use crate::plan::{Plan, Runner};
use crate::train::{Weights, parameters};

/// The weights inside the program.
const SHIPPED: &[u8] = include_bytes!("../../assets/lenet5.safetensors");

/// A model with trained weights.
pub struct ModelFile {
    /// Where the weights are from, for people.
    pub source: String,
    /// The model they belong to.
    pub model: Model,
    tensors: Vec<Tensor>,
}

impl ModelFile {
    /// Reads `path`, or the weights inside the program; `model` overrides what the file says it is.
    ///
    /// Errors: a file that cannot be read, that does not say its model, or an unknown model.
    pub fn load(path: Option<&Path>, model: Option<&str>) -> Result<Self> {
        let (source, weights) = match path {
            Some(path) => (path.display().to_string(), Weights::load(path)?),
            None => ("the weights inside the program".to_owned(), Weights::from_bytes(SHIPPED)?),
        };
        let name = model.or(weights.metadata.get("model").map(String::as_str)).ok_or_else(|| {
            Error::input(format!("{source}: does not say which model it is for"), "name it with --model")
        })?;
        let model = Model::preset(name).map_err(|e| e.context(&source))?;
        Ok(Self { source, model, tensors: parameters(&weights.tensors) })
    }

    /// Puts the weights on the device. Errors: weights of another model; the tensor is named.
    pub fn write(&self, runner: &mut dyn Runner, plan: &Plan) -> Result<()> {
        let flat = plan.layout.pack(&self.tensors).map_err(|e| e.context(&self.source))?;
        runner.write_f32(plan.parameters, 0, &flat)
    }
}
