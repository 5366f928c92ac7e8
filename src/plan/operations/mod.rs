//! The operations: what each computes, with which extents, and the facts of each in one arm.

mod conv2d;
mod dense;
mod gather;
mod loss;
mod pool;
mod update;

pub use conv2d::Conv2d;
pub use dense::Dense;
pub use gather::Gather;
pub use loss::Loss;
pub use pool::Pool;

use super::facts::{Facts, Slot, Use};
use super::stage::Stage;
use super::{BufferId, Partials, Segment};
use crate::model::{Activation, LayerKind};
use crate::recipe::Optimizer;

/// An operation of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// The layer it belongs to, or `input`, `loss`, `update`.
    pub layer: String,
    /// What it computes.
    pub kind: OpKind,
    /// Its buffers in the order of [`Facts::slots`].
    pub buffers: Vec<BufferId>,
}

impl Op {
    /// Its buffers with their slots.
    pub fn bound(&self) -> Vec<(Slot, BufferId)> {
        self.kind.facts().slots.into_iter().zip(self.buffers.iter().copied()).collect()
    }

    /// The buffers that it writes or updates.
    pub fn outputs(&self) -> Vec<BufferId> {
        self.bound().into_iter().filter(|(slot, _)| slot.usage != Use::Read).map(|(_, buffer)| buffer).collect()
    }
}

/// A way through a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// The output.
    Forward,
    /// The gradient of the sums of its input.
    BackwardInput,
    /// Partial gradients of its weights and bias.
    BackwardWeights,
}

impl Pass {
    /// All, in the order in which [`OpKind::of`] gives them.
    const ALL: [Self; 3] = [Self::Forward, Self::BackwardInput, Self::BackwardWeights];
}

/// What an operation computes. [`OpKind::facts`] has the rest.
#[derive(Debug, Clone, PartialEq)]
pub enum OpKind {
    /// The samples of a step, padded, and scaled unless they stay bytes.
    Gather(Gather),
    /// Convolution, fused with max-pooling or not.
    Conv2d(Pass, Conv2d),
    /// Largest of each block.
    MaxPool(Pass, Pool),
    /// Mean of each block.
    AveragePool(Pass, Pool),
    /// Matrix product.
    Dense(Pass, Dense),
    /// Probabilities, loss, verdict and class of each sample; the gradient of the logits in a plan that trains.
    SoftmaxCrossEntropy(Loss),
    /// Sums of the scores over the batch, into the step's slot.
    SumScores {
        /// Most samples of a step.
        batch: usize,
    },
    /// Adds the slots of partial gradients of every layer, in order.
    SumGradients(Vec<Segment>),
    /// One step of the optimiser over all parameters.
    Update {
        /// Which rule.
        optimizer: Optimizer,
        /// Length of the flat parameter buffer, f32.
        words: usize,
    },
}

/// What the operations of a stage must know of where it stands.
pub(super) struct Site<'a> {
    /// The activation that made its input.
    pub input_activation: Activation,
    /// Values of a byte 0 and of a byte 255, if its input is bytes.
    pub bytes: Option<[f32; 2]>,
    /// Asks for room for partial gradients, in at most so many chunks of so many slots each: first words of its
    /// weights and bias, and the room.
    pub segment: &'a mut dyn FnMut(usize, usize) -> (usize, usize, Partials),
}

impl OpKind {
    /// The operations of `stage`, forward first, then the gradient of its input, then that of its weights if any.
    pub(super) fn of(stage: &Stage, site: &mut Site) -> Vec<Self> {
        let layer = stage.first();
        match layer.kind {
            LayerKind::Conv2d { .. } if layer.output.height * layer.output.width > 1 => {
                conv2d::of(layer, stage.is_fused(), site)
            }
            LayerKind::Conv2d { .. } | LayerKind::Dense { .. } => dense::of(layer, site),
            LayerKind::MaxPool { size } => pool::of(layer, size, site, Self::MaxPool),
            LayerKind::AveragePool { size } => pool::of(layer, size, site, Self::AveragePool),
        }
    }

    /// Its name: [`Facts::name`].
    pub fn name(&self) -> &'static str {
        self.facts().name
    }

    /// What it is and costs.
    pub fn facts(&self) -> Facts {
        match self {
            Self::Gather(gather) => gather.facts(),
            Self::Conv2d(pass, conv) => conv.facts(*pass),
            Self::MaxPool(pass, pool) => pool.max_facts(*pass),
            Self::AveragePool(pass, pool) => pool.average_facts(*pass),
            Self::Dense(pass, dense) => dense.facts(*pass),
            Self::SoftmaxCrossEntropy(loss) => loss.facts(),
            Self::SumScores { batch } => update::sum_scores(*batch),
            Self::SumGradients(segments) => update::sum_gradients(segments),
            Self::Update { optimizer, words } => update::optimizer(*optimizer, *words),
        }
    }
}
