//! What the operations of a layer must know of where it stands, and the ways through a layer.

use crate::model::Activation;
use crate::plan::Partials;

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
    pub(super) const ALL: [Self; 3] = [Self::Forward, Self::BackwardInput, Self::BackwardWeights];
}

/// What the operations of a stage must know of where it stands.
pub(in crate::plan) struct Site<'a> {
    /// The activation that made its input.
    pub input_activation: Activation,
    /// Values of a byte 0 and of a byte 255, if its input is bytes.
    pub bytes: Option<[f32; 2]>,
    /// Asks for room for partial gradients, in at most so many chunks of so many slots each: first words of its
    /// weights and bias, and the room.
    pub segment: &'a mut dyn FnMut(usize, usize) -> (usize, usize, Partials),
}
