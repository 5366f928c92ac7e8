//! Indices into the buffers of a plan: the samples of a block, packed weights, partial gradients.

use super::tiles::SLACK;
use crate::model::Shape;
use crate::plan::{Blocks, PACK};

/// The samples of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Samples {
    /// Samples that a block holds.
    pub size: usize,
    /// Samples at its start that are computed; the words of the others mean nothing.
    pub live: usize,
}

impl Samples {
    /// Every sample of `blocks`.
    pub fn all(blocks: Blocks) -> Self {
        Self { size: blocks.size, live: blocks.size }
    }

    /// Those of a step of `count` samples: the rest is masked in every block.
    pub fn of_step(blocks: Blocks, count: u32) -> Self {
        Self { size: blocks.size, live: (count as usize).clamp(1, blocks.size) }
    }

    /// The live samples of `x` in f64: `[index][size]` -> `[index][live]`, then [`SLACK`] zeros.
    pub(super) fn widen(self, x: &[f32]) -> Vec<f64> {
        let mut wide = vec![0.0; x.len() / self.size * self.live + SLACK];
        for (to, from) in wide.chunks_exact_mut(self.live).zip(x.chunks_exact(self.size)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = f64::from(*from));
        }
        wide
    }

    /// The live samples of `x` in f64, one after the other: `[block][c][h][w][size]` -> `[block][live][h][w][c]`, then
    /// [`SLACK`] zeros.
    pub(super) fn channels_last(self, x: &[f32], shape: Shape) -> Vec<f64> {
        let mut samples = vec![0.0; x.len() / self.size * self.live + SLACK];
        let places = shape.height * shape.width;
        for (index, map) in x.chunks_exact(places * self.size).enumerate() {
            let (block, c) = (index / shape.channels, index % shape.channels);
            for lane in 0..self.live {
                let sample = samples[(block * self.live + lane) * shape.elements()..].iter_mut();
                let values = map.iter().skip(lane).step_by(self.size);
                sample.skip(c).step_by(shape.channels).zip(values).for_each(|(to, from)| *to = f64::from(*from));
            }
        }
        samples
    }

    /// The live samples of `x` in f64, one after the other: `[block][index][size]` -> `[block][live][index]`, each of
    /// `elements` values and zeros up to a multiple of [`PACK`].
    pub(super) fn transpose(self, x: &[f32], elements: usize) -> Vec<f64> {
        let padded = elements.next_multiple_of(PACK);
        let mut samples = vec![0.0; x.len() / (self.size * elements) * self.live * padded];
        let blocks = samples.chunks_exact_mut(self.live * padded).zip(x.chunks_exact(self.size * elements));
        for (samples, block) in blocks {
            for (lane, sample) in samples.chunks_exact_mut(padded).enumerate() {
                let values = block.iter().skip(lane).step_by(self.size);
                sample.iter_mut().zip(values).for_each(|(to, from)| *to = f64::from(*from));
            }
        }
        samples
    }
}
