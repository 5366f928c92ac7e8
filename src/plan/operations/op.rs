//! An operation and its buffers.

use super::OpKind;
use crate::plan::BufferId;
use crate::plan::facts::{Argument, Use};

/// An operation of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// The layer it belongs to, or `input`, `loss`, `update`.
    pub layer: String,
    /// Its kind.
    pub kind: OpKind,
    /// Its buffers in the order of [`crate::plan::Facts::arguments`].
    pub buffers: Vec<BufferId>,
}

impl Op {
    /// Its buffers with their arguments.
    pub fn bound(&self) -> Vec<(Argument, BufferId)> {
        self.kind.facts().arguments.into_iter().zip(self.buffers.iter().copied()).collect()
    }

    /// The buffers that it writes or updates.
    pub fn outputs(&self) -> Vec<BufferId> {
        self.bound().into_iter().filter(|(argument, _)| argument.usage != Use::Read).map(|(_, buffer)| buffer).collect()
    }
}
