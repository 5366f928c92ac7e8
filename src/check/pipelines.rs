//! The pipelines of the program, for checks of shaders without a GPU.

use strum::VariantArray;

use super::models::{model, models};
use crate::error::Result;
use crate::gpu::{Kernel, Variant, ceiling_kernels, kernel};
use crate::model::{Activation, LayerKind, Model, PRESETS, Shape};
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

/// Every distinct pipeline of the presets and of the small models of each activation, with each optimiser, in the order
/// in which they first appear; then those that measure an adapter.
///
/// Sizes are not bounded: pools of size 1 to 3 and kernels of 1, 3, 5 and 7 (which takes two turns) stand for all.
///
/// Errors: none, as long as the models here are valid.
pub fn pipelines() -> Result<Vec<Pipeline>> {
    let mut all = PRESETS.iter().map(|(name, _)| Model::preset(name)).collect::<Result<Vec<_>>>()?;
    for activation in Activation::VARIANTS.iter().copied() {
        all.extend(models(activation)?);
        all.push(edges(activation)?);
    }
    let mut found: Vec<Pipeline> = Vec::new();
    for model in &all {
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
    found.extend(ceiling_kernels().map(Pipeline::new));
    Ok(found)
}

impl Pipeline {
    fn new(kernel: Kernel) -> Self {
        let mut name = kernel.entry.to_owned();
        name.extend(kernel.overrides.iter().map(|(key, value)| format!("-{}-{value}", key.to_lowercase())));
        // A folder of shaders/ holds pieces of which a kernel takes one.
        let chosen = kernel.pieces.iter().filter_map(|piece| piece.file.split_once('/'));
        name.extend(chosen.map(|(_, piece)| format!("-{piece}")));
        Self { name, kernel }
    }
}

/// A kernel that takes two turns, and maps wider and narrower than a strip of `conv2d_backward_input`.
fn edges(activation: Activation) -> Result<Model> {
    let conv = |kernel| LayerKind::Conv2d { channels: 2, kernel, activation };
    model("edges", Shape::new(1, 40, 40), &[conv(3), conv(3), LayerKind::MaxPool { size: 2 }, conv(7), conv(5)], 3)
}
