//! Indices into the buffers of a plan: the samples of a block, packed weights, partial gradients.

use super::accumulator::Sum;
use crate::plan::{PACK, Partials};

/// One value per sample of a block.
pub(super) type Lanes<T, const N: usize> = [T; N];

/// The samples of a block at `index`, where `buffer` is `[index][N]`.
pub(super) fn lanes<const N: usize>(buffer: &[f32], index: usize) -> &Lanes<f32, N> {
    &buffer.as_chunks().0[index]
}

/// `sums[n] += factor * x[n]` for every sample of a block.
#[inline]
pub(super) fn add_scaled<S: Sum, const N: usize>(sums: &mut Lanes<S, N>, factor: f32, x: &Lanes<f32, N>) {
    for (sum, x) in sums.iter_mut().zip(x) {
        sum.add_product(f64::from(factor), f64::from(*x));
    }
}

/// `sums[n] += a[n] * b[n]` for every sample of a block.
#[inline]
pub(super) fn add_products<S: Sum, const N: usize>(sums: &mut Lanes<S, N>, a: &Lanes<f32, N>, b: &Lanes<f32, N>) {
    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
        sum.add_product(f64::from(*a), f64::from(*b));
    }
}

/// The sum of `sums`, from the first to the last.
pub(super) fn total<S: Sum>(sums: &[S]) -> S {
    sums.iter().fold(S::ZERO, |total, sum| total.plus(*sum))
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
