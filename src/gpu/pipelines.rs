//! Every pipeline that the program can create, for those who check shaders without a GPU.

use strum::VariantArray;

use super::ceilings;
use super::kernels::{Kernel, Variant, kernel};
use crate::error::Result;
use crate::model::{Activation, Initializer, LayerKind, Model, PRESETS, Shape};
use crate::plan::{DatasetShape, Plan};
use crate::recipe::Optimizer;

/// A pipeline: a kernel with the values of its overrides.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// Entry point, then each override and its value, as in `conv2d_forward-kernel-5`, then the pieces
    /// chosen for it, as in `-tanh`; unique, and a valid name of a file.
    pub name: String,
    /// The kernel; its geometry and workgroups are those of the first plan that has it.
    pub kernel: Kernel,
}

/// Every distinct pipeline of the presets with each optimiser, and of small models that reach each
/// activation behind and before each kind of layer, in the order in which they first appear; then those that
/// measure an adapter.
///
/// Some overrides have no last value: pools of size 2 and 3, kernels of 3, 5 and 7 (which takes two turns) and
/// 3 and 10 classes stand for all others.
///
/// Errors: none, as long as the models here are valid.
pub fn pipelines() -> Result<Vec<Pipeline>> {
    let mut models = PRESETS.iter().map(|(name, _)| Model::preset(name)).collect::<Result<Vec<_>>>()?;
    for activation in Activation::VARIANTS.iter().copied() {
        for pool in [|size| LayerKind::MaxPool { size }, |size| LayerKind::AveragePool { size }] {
            for size in [2, 3] {
                models.push(small(activation, pool(size))?);
            }
        }
    }
    let mut found: Vec<Pipeline> = Vec::new();
    for model in &models {
        let data = DatasetShape { samples: 1, height: model.input.height, width: model.input.width };
        let mut plans = vec![Plan::evaluation(model, 1, data)?];
        for optimizer in Optimizer::VARIANTS {
            plans.push(Plan::training(model, 1, data, *optimizer)?);
        }
        let variants = [false, true].map(|uniform_weights| Variant { uniform_weights });
        for (plan, variant) in plans.iter().flat_map(|plan| variants.map(|variant| (plan, variant))) {
            for op in &plan.ops {
                let pipeline = Pipeline::new(kernel(op, plan, variant));
                if !found.iter().any(|p| p.name == pipeline.name) {
                    found.push(pipeline);
                }
            }
        }
    }
    found.extend(ceilings::ENTRIES.map(|entry| Pipeline::new(ceilings::kernel(entry, 16))));
    Ok(found)
}

impl Pipeline {
    fn new(kernel: Kernel) -> Self {
        let mut name = kernel.entry.to_owned();
        name.extend(kernel.overrides.iter().map(|(key, value)| format!("-{}-{value}", key.to_lowercase())));
        // What is in a folder of shaders/ is one of several.
        let chosen = kernel.pieces.iter().filter_map(|piece| piece.file.split_once('/'));
        name.extend(chosen.map(|(_, piece)| format!("-{piece}")));
        Self { name, kernel }
    }
}

/// Maps wider than a strip of `conv2d_backward_input` and narrower ones, both behind `activation`.
fn small(activation: Activation, pool: LayerKind) -> Result<Model> {
    let conv = |kernel| LayerKind::Conv2d { channels: 2, kernel, activation };
    Model::new(
        "small",
        Shape::new(1, 40, 40),
        (0.0, 1.0),
        Initializer::HeUniform,
        &[
            ("c1", conv(3)),
            ("c2", conv(3)),
            ("s3", pool),
            ("c4", conv(7)),
            ("c5", conv(5)),
            ("f6", LayerKind::Dense { units: 4, activation }),
            ("output", LayerKind::Dense { units: 3, activation: Activation::Identity }),
        ],
    )
}
