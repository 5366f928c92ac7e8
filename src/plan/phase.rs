//! Phases: the lists of operations that a submission can run.

/// A list of operations that a submission runs for each of its steps: see [`super::Plan::phase`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, strum::VariantArray)]
pub enum Phase {
    /// Gather, forward, loss.
    Evaluate,
    /// Gather, forward, loss, backward, the sum of partial gradients.
    Gradients,
    /// The optimiser.
    Update,
    /// [`Phase::Gradients`], then [`Phase::Update`], with fewer operations: the same bits (tests/runner.rs).
    Train,
}

impl Phase {
    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evaluate => "evaluate",
            Self::Gradients => "gradients",
            Self::Update => "update",
            Self::Train => "train",
        }
    }
}
