//! The plan: operations over buffers, and the lists of them that a submission runs.

use super::layout::Blocks;
use super::{BufferId, BufferSpec, Op, ParameterLayout, Phase, Step};
use crate::error::{Error, Result};
use crate::model::Model;

/// The steps of one model at one batch size.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The model it was lowered from.
    pub model: Model,
    /// Most samples per step.
    pub batch: usize,
    /// How the samples of a step lie.
    pub blocks: Blocks,
    /// Most steps per submission: the samples of all of them are gathered at once.
    pub steps: usize,
    /// The dataset it has room for.
    pub data: DatasetShape,
    /// Every buffer; a [`BufferId`] is an index into this list.
    pub buffers: Vec<BufferSpec>,
    /// Every operation, in the order of a step; the last does in one what the two before it do.
    pub ops: Vec<Op>,
    /// Indices into `ops` by phase: see [`Plan::phase`].
    pub phases: Vec<(Phase, Vec<usize>)>,
    /// Layout of the flat parameter buffers.
    pub layout: ParameterLayout,
    /// Images of the dataset, bytes, `[sample][row][column]`, four per word.
    pub images: BufferId,
    /// Labels of the dataset, one per word.
    pub labels: BufferId,
    /// The order of the samples of the dataset: a permutation of their indices.
    pub order: BufferId,
    /// Input of the model, of every step of a submission: `[step][block][channel][row][column][sample]`, or bytes.
    pub input: BufferId,
    /// Labels of the samples of every step of a submission, `[step][block][sample]`; [`super::MASKED`] past its count.
    pub targets: BufferId,
    /// Flat parameters.
    pub parameters: BufferId,
    /// Flat gradients, summed over the batch; none in a plan that only evaluates.
    pub gradients: Option<BufferId>,
    /// State of the optimiser, in the order of [`crate::recipe::Optimizer::states`].
    pub states: Vec<BufferId>,
    /// Logits of the last step, `[block][class][sample]`: the output of the last layer.
    pub logits: BufferId,
    /// Class probabilities of the last step, `[block][class][sample]`.
    pub probabilities: BufferId,
    /// Predicted class of each sample, by its index in `order`.
    pub predictions: BufferId,
    /// Metrics of the steps of a submission, `[step][block]`, a [`super::Metrics`] each.
    pub metrics: BufferId,
}

/// The size of a dataset: most images, and their extents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetShape {
    /// Most samples that will be loaded at one time.
    pub samples: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
}

impl Plan {
    /// Indices of the operations of `phase`, in order.
    ///
    /// Errors: a plan that only evaluates has no other phase.
    pub fn phase(&self, phase: Phase) -> Result<Vec<usize>> {
        let found = self.phases.iter().find(|(name, _)| *name == phase).map(|(_, ops)| ops.clone());
        found.ok_or_else(|| {
            Error::input(
                format!("a plan that only evaluates has no phase {}", phase.name()),
                "lower the model with Plan::training",
            )
        })
    }

    /// The buffer of the gradients. Errors: a plan that only evaluates.
    pub fn gradients(&self) -> Result<BufferId> {
        let none =
            || Error::input("a plan that only evaluates has no gradients", "lower the model with Plan::training");
        self.gradients.ok_or_else(none)
    }

    /// The description of `buffer`.
    pub fn buffer(&self, buffer: BufferId) -> &BufferSpec {
        &self.buffers[buffer.0]
    }

    /// The buffer called `name`.
    pub fn find(&self, name: &str) -> Option<BufferId> {
        self.buffers.iter().position(|b| b.name == name).map(BufferId)
    }

    /// The buffers with a part per step of a submission.
    pub fn per_step(&self) -> [BufferId; 3] {
        [self.input, self.targets, self.metrics]
    }

    /// This plan with room for at most `steps` steps per submission, and at least one.
    pub fn with_steps(mut self, steps: usize) -> Self {
        let steps = steps.clamp(1, self.steps);
        for buffer in self.per_step() {
            let words = &mut self.buffers[buffer.0].words;
            *words = *words / self.steps * steps;
        }
        self.steps = steps;
        self
    }

    /// Bytes of all buffers together.
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(|b| 4 * b.words as u64).sum()
    }

    /// Checks that a runner can take `steps` in one submission.
    ///
    /// Errors: no step or too many, or a step that the plan has no room for; the step and the bound are named.
    pub fn check_steps(&self, steps: &[Step]) -> Result<()> {
        let refuse = |what: String| Err(Error::input(what, "submit fewer steps, or steps within the plan's batch"));
        if steps.is_empty() {
            return Err(Error::input("a submission without steps", "submit at least one"));
        }
        if steps.len() > self.steps {
            return refuse(format!("{} steps in one submission: at most {} fit", steps.len(), self.steps));
        }
        let samples = self.data.samples;
        for (index, step) in steps.iter().enumerate() {
            let (count, end) = (step.count as usize, u64::from(step.start) + u64::from(step.count));
            if count > self.batch {
                return refuse(format!("step {index} has {count} samples: the plan's batch is {}", self.batch));
            }
            if end > samples as u64 {
                return refuse(format!("step {index} ends at sample {end}: there are {samples}"));
            }
            if step.row as usize >= self.steps {
                return refuse(format!("step {index} has row {}: there are {}", step.row, self.steps));
            }
        }
        Ok(())
    }

    /// Checks that `words` words from word `first` on lie within `buffer`.
    ///
    /// Errors: they do not; the buffer and its length are named.
    pub fn check_write(&self, buffer: BufferId, first: usize, words: usize) -> Result<()> {
        let spec = self.buffer(buffer);
        if first.checked_add(words).is_some_and(|end| end <= spec.words) {
            return Ok(());
        }
        Err(Error::input(
            format!("{words} words from word {first} on do not fit buffer {} of {}", spec.name, spec.words),
            "make the plan for at least as many samples as are written",
        ))
    }
}

/// The error of both runners where no submission is left to collect.
pub(crate) fn nothing_to_collect() -> Error {
    Error::input("there is no submission to collect", "submit steps first")
}
