//! The sum of a pooling window.

use crate::cpu::accumulator::Sum;
use crate::cpu::layout::Samples;
use crate::model::Shape;
use crate::plan::BLOCK;

/// Windows of `size` x `size`, stride `size`.
#[derive(Clone, Copy)]
pub(super) struct Windows {
    pub samples: Samples,
    pub input: Shape,
    pub output: Shape,
    pub size: usize,
}

impl Windows {
    /// Sums over the window of output `index` of `map`, which counts over blocks of samples and channels; 0 for samples
    /// that are not live.
    pub fn sums<S: Sum>(&self, x: &[f32], map: usize, index: usize) -> [S; BLOCK] {
        let Self { samples, input, output, size } = *self;
        let (row, column) = (index / output.width, index % output.width);
        let mut sums = [S::ZERO; BLOCK];
        for i in 0..size {
            for j in 0..size {
                let row = map * input.height + row * size + i;
                let x = &x[(row * input.width + column * size + j) * samples.size..];
                sums[..samples.live].iter_mut().zip(x).for_each(|(sum, x)| sum.add(f64::from(*x)));
            }
        }
        sums
    }
}
