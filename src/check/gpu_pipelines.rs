//! The pipelines of a GPU as it compiles them: with their geometries.

use super::pipelines::{Pipeline, every_model, every_plan};
use crate::error::Result;
use crate::gpu::{Kernel, Tile, ceiling_kernels, kernel};
use crate::plan::Kernels;

/// Every distinct pipeline of the set for GPUs in the plans of the models of [`super::pipelines`], with what runs it:
/// models and layers, as in `lenet5 c1`. Those that measure an adapter come last.
///
/// A geometry is a constant of such a pipeline: registers and code depend on the layer and on `batch`. A name is the
/// operation, then the first model and layer that run it.
///
/// Errors: a kernel whose marked loops cannot be unrolled.
pub fn gpu_pipelines(batch: usize) -> Result<Vec<(Pipeline, Vec<String>)>> {
    let tile = Tile { kernels: Kernels::Gpu, uniform_weights: false, rolled: false };
    let mut found: Vec<(String, Pipeline, Vec<String>)> = Vec::new();
    let mut add = |kernel: Kernel, model: &str, layer: &str| -> Result<()> {
        let source = kernel.source()?;
        let same =
            found.iter().position(|(other, pipeline, _)| pipeline.kernel.entry == kernel.entry && *other == source);
        let at = same.unwrap_or_else(|| {
            let base = format!("{}-{model}-{layer}", kernel.entry);
            let numbered = (2..).map(|number| format!("{base}-{number}"));
            let free = |name: &String| !found.iter().any(|(_, pipeline, _)| pipeline.name == *name);
            let name = std::iter::once(base.clone()).chain(numbered).find(free).expect("numbers do not end");
            found.push((source, Pipeline { name, sets: vec![Kernels::Gpu], kernel }, Vec::new()));
            found.len() - 1
        });
        let run = format!("{model} {layer}");
        if !found[at].2.contains(&run) {
            found[at].2.push(run);
        }
        Ok(())
    };
    for model in &every_model()? {
        for plan in every_plan(model, batch)? {
            for op in &plan.ops {
                add(kernel(op, &plan, tile), &model.name, &op.layer)?;
            }
        }
    }
    for kernel in ceiling_kernels() {
        add(kernel, "bench", "ceilings")?;
    }
    Ok(found.into_iter().map(|(_, pipeline, runs)| (pipeline, runs)).collect())
}
