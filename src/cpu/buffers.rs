//! The contents of the buffers of a plan.

use std::mem::take;

use crate::plan::{BufferId, Plan};

/// The contents of every buffer of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffers {
    /// Words by [`BufferId`].
    words: Vec<Vec<u32>>,
}

impl Buffers {
    /// Every buffer of `plan`: zeroed, if it is no constant.
    pub fn new(plan: &Plan) -> Self {
        Self { words: plan.buffers.iter().map(|b| b.constant.clone().unwrap_or(vec![0; b.words])).collect() }
    }

    /// The words of `buffer`.
    pub fn u32(&self, buffer: BufferId) -> &[u32] {
        &self.words[buffer.0]
    }

    /// The words of `buffer` as f32.
    pub fn f32(&self, buffer: BufferId) -> &[f32] {
        bytemuck::cast_slice(self.u32(buffer))
    }

    /// The words of `buffer`, to change.
    pub fn u32_mut(&mut self, buffer: BufferId) -> &mut [u32] {
        &mut self.words[buffer.0]
    }

    /// The words of `buffer`, to change while others are read; [`Buffers::put`] puts them back.
    pub(super) fn take(&mut self, buffer: BufferId) -> Vec<u32> {
        take(&mut self.words[buffer.0])
    }

    /// Puts the words of `buffer` back.
    pub(super) fn put(&mut self, buffer: BufferId, words: Vec<u32>) {
        self.words[buffer.0] = words;
    }

    /// The words of `buffer` as f32, to change.
    pub fn f32_mut(&mut self, buffer: BufferId) -> &mut [f32] {
        bytemuck::cast_slice_mut(self.u32_mut(buffer))
    }
}
