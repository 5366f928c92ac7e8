//! The pipelines of the program, for checks of shaders without a GPU.

use std::borrow::Cow;
use std::collections::BTreeMap;

use strum::VariantArray;

use super::models::{model, models};
use crate::error::Result;
use crate::gpu::{Kernel, Tile, ceiling_kernels, kernel};
use crate::model::{Activation, LayerKind, Model, PRESETS, Shape};
use crate::plan::{DatasetShape, Kernels, Plan};
use crate::recipe::Optimizer;

/// A pipeline: a kernel with its constants.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// Entry point, the pieces chosen for it, as in `conv2d_forward-tanh`, the constants that other pipelines have with
    /// other values, and the layer where the geometry is one of them; unique, and a valid name of a file.
    pub name: String,
    /// The sets that have it: one or both.
    pub sets: Vec<Kernels>,
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
    let mut found: Vec<Pipeline> = Vec::new();
    for model in &every_model()? {
        let plans = every_plan(model, BATCH)?;
        // Only llvmpipe reads weights from a uniform buffer (`Tile::of`), and it runs both sets in tests/parity.rs.
        let tiles = [(Kernels::Gpu, false), (Kernels::Software, false), (Kernels::Software, true)];
        for (plan, (set, uniform_weights)) in plans.iter().flat_map(|plan| tiles.map(|tile| (plan, tile))) {
            for op in &plan.ops {
                let kernel = kernel(op, plan, Tile { kernels: set, uniform_weights, rolled: false });
                // Geometries apart, which are as many as layers.
                let same = |p: &&mut Pipeline| {
                    let (a, b) = (&p.kernel, &kernel);
                    (a.entry, &a.constants, &a.pieces, a.shared && !a.geometry.is_empty())
                        == (b.entry, &b.constants, &b.pieces, b.shared && !b.geometry.is_empty())
                };
                match found.iter_mut().find(same) {
                    Some(pipeline) if pipeline.sets.contains(&set) => {}
                    Some(pipeline) => pipeline.sets.push(set),
                    None => found.push(Pipeline::new(kernel, vec![set])),
                }
            }
        }
    }
    found.extend(ceiling_kernels().map(|kernel| Pipeline::new(kernel, vec![Kernels::Gpu, Kernels::Software])));
    for pipeline in &mut found {
        if let [set] = pipeline.sets[..] {
            pipeline.name += &format!("-{}", set.name());
        }
    }
    Ok(found)
}

/// The files of `shaders/` that a model runs: the text of each by its path there, without the extension.
///
/// Errors: those of [`pipelines`].
pub fn shader_files() -> Result<BTreeMap<&'static str, Cow<'static, str>>> {
    let ceilings: Vec<&str> = ceiling_kernels().map(|kernel| kernel.entry).collect();
    let of_models = pipelines()?.into_iter().filter(|pipeline| !ceilings.contains(&pipeline.kernel.entry));
    Ok(of_models.flat_map(|pipeline| pipeline.kernel.pieces).map(|piece| (piece.file, piece.text)).collect())
}

/// The presets, then the small models of each activation.
pub(super) fn every_model() -> Result<Vec<Model>> {
    let mut all = PRESETS.iter().map(|(name, _)| Model::preset(name)).collect::<Result<Vec<_>>>()?;
    for activation in Activation::VARIANTS.iter().copied() {
        all.extend(models(activation)?);
        all.push(edges(activation)?);
    }
    Ok(all)
}

/// Samples of a step of the plans: two whole blocks.
const BATCH: usize = 64;

/// The plans of `model` for `batch` samples: evaluation, then training with each optimiser.
pub(super) fn every_plan(model: &Model, batch: usize) -> Result<Vec<Plan>> {
    let data = DatasetShape { samples: batch, height: model.input.height, width: model.input.width };
    let training = Optimizer::VARIANTS.iter().map(|optimizer| Plan::training(model, batch, data, *optimizer));
    std::iter::once(Plan::evaluation(model, batch, data)).chain(training).collect()
}

impl Pipeline {
    fn new(kernel: Kernel, sets: Vec<Kernels>) -> Self {
        let mut name = kernel.entry.to_owned();
        // A folder of shaders/ holds pieces of which a kernel takes one.
        let chosen = kernel.pieces.iter().filter_map(|piece| piece.file.split_once('/'));
        let chosen = chosen.filter(|(folder, _)| matches!(*folder, "activation" | "conv2d" | "input" | "mask"));
        let whole = ["geometry", "forward", "backward_input", "backward_weights", "safe_tanh", "layer", "none"];
        name.extend(chosen.filter(|(_, piece)| !whole.contains(piece)).map(|(_, piece)| format!("-{piece}")));
        let sizes = kernel.constants.iter().filter(|(key, _)| SIZES.contains(key));
        name.extend(sizes.map(|(key, value)| format!("-{}-{value}", key.to_lowercase())));
        Self { name, sets, kernel }
    }
}

/// Constants that are not a matter of the tile.
const SIZES: [&str; 6] = ["KERNEL", "SIZE", "NESTEROV", "DECOUPLED", "RIVALS", "RUBBISH"];

/// A kernel that takes two turns, and maps wider and narrower than a strip of `conv2d_backward_input`.
fn edges(activation: Activation) -> Result<Model> {
    let conv = |kernel| LayerKind::conv2d(2, kernel, activation);
    model("edges", Shape::new(1, 40, 40), &[conv(3), conv(3), LayerKind::MaxPool { size: 2 }, conv(7), conv(5)], 3)
}
