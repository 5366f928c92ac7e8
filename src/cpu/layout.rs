//! Indices into the buffers of a plan: the samples of a block, packed weights, partial gradients.

use super::accumulator::Sum;
use crate::plan::{Blocks, PACK, Partials};

/// The samples of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Samples {
    /// Samples that a block holds.
    pub size: usize,
    /// Samples at its start that are computed; the words of the others are 0.
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

    /// The live samples of `x` in f64: `[index][size]` -> `[index][live]`, then `slack` zeros.
    pub(super) fn widen(self, x: &[f32], slack: usize) -> Vec<f64> {
        let mut wide = vec![0.0; x.len() / self.size * self.live + slack];
        for (to, from) in wide.chunks_exact_mut(self.live).zip(x.chunks_exact(self.size)) {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = f64::from(*from));
        }
        wide
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

/// The weights of one layer as `parameters` packs them: `[outputs / 4][rest][4]`, then the bias `[outputs]`.
#[derive(Clone, Copy)]
pub(super) struct Packed {
    /// First word of the weights.
    pub weights: usize,
    /// First word of the bias.
    pub bias: usize,
    /// Outputs, padding not counted.
    pub outputs: usize,
    /// Weights per output.
    pub rest: usize,
}

impl Packed {
    /// Word of weight `inner` of output `o`; that of its bias for `inner == rest`.
    #[inline]
    pub fn word(&self, o: usize, inner: usize) -> usize {
        if inner == self.rest { self.bias + o } else { self.weights + (o / PACK * self.rest + inner) * PACK + o % PACK }
    }

    /// Lays out partial gradients as `[slot][word]`; padded outputs get 0.
    ///
    /// `sums` is `[slot][output][rest + 1]`, the bias after the weights.
    pub fn partials<S: Sum>(&self, partials: &Partials, sums: &[Vec<S>]) -> Vec<S::Word> {
        let mut words = vec![S::ZERO.word(); partials.slots * partials.words];
        for (index, sums) in sums.iter().enumerate() {
            let (slot, o) = (index / self.outputs, index % self.outputs);
            for (inner, sum) in sums.iter().enumerate() {
                words[slot * partials.words + self.word(o, inner) - self.weights] = sum.word();
            }
        }
        words
    }
}
