//! Samples and weights to run a plan with.

use crate::data::Dataset;
use crate::error::Result;
use crate::model::Tensor;
use crate::plan::{Plan, Runner};

/// Samples and their order.
pub(super) struct Batch {
    /// Images and labels.
    pub data: Dataset,
    /// A permutation of the samples.
    pub order: Vec<u32>,
}

impl Batch {
    /// Writes the samples and `tensors` to `runner`, and zero to the state of the optimiser.
    pub fn load(&self, runner: &mut dyn Runner, plan: &Plan, tensors: &[Tensor]) -> Result<()> {
        let labels: Vec<u32> = self.data.labels.iter().map(|label| u32::from(*label)).collect();
        runner.write(plan.images, 0, &self.data.words())?;
        runner.write(plan.labels, 0, &labels)?;
        runner.write(plan.order, 0, &self.order)?;
        reset(runner, plan, tensors)
    }
}

/// Writes `tensors` to `runner`, and zero to the state of the optimiser.
pub(super) fn reset(runner: &mut dyn Runner, plan: &Plan, tensors: &[Tensor]) -> Result<()> {
    runner.write_f32(plan.parameters, 0, &plan.layout.pack(tensors)?)?;
    for state in &plan.states {
        runner.write(*state, 0, &vec![0; plan.buffer(*state).words])?;
    }
    Ok(())
}
