//! The surroundings of a stage, and the passes through a layer.

use crate::model::Activation;
use crate::plan::Partials;

/// A pass through a layer, by its result.
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
    pub(super) const ALL: [Self; 3] = [Self::Forward, Self::BackwardInput, Self::BackwardWeights];
}

/// The surroundings of a stage: its input, and room for its partial gradients.
pub(in crate::plan) struct Site<'a> {
    /// The activation that made its input.
    pub input_activation: Activation,
    /// Levels of its input, if that is bytes.
    pub bytes: Option<[f32; 2]>,
    /// Reserves room for partial gradients, given the rows per block of samples, the fewest rows per slot and
    /// the most slots; no rows and no slots for weights that are not trained. Returns the first words of weights and
    /// bias, and the layout of the partial gradients.
    pub segment: &'a mut dyn FnMut(usize, usize, usize) -> (usize, usize, Partials),
}
