//! An operation and its buffers.

use super::OpKind;
use crate::plan::BufferId;
use crate::plan::facts::{Slot, Use};

/// An operation of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// The layer it belongs to, or `input`, `loss`, `update`.
    pub layer: String,
    /// Its kind.
    pub kind: OpKind,
    /// Its buffers in the order of [`crate::plan::Facts::slots`].
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
