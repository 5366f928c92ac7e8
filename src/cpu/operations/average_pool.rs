//! Average pooling: windows of `size` x `size`, stride `size`.

use rayon::prelude::*;

use super::activation;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::{add_scaled, lanes};
use crate::plan::Pool;

/// Output of average pooling.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  ->  y [block,c,h/size,w/size,n]   f32
/// Math:    y[c,r,q,n] = sum over i,j < size of x[c, r*size+i, q*size+j, n] / size^2
/// ```
pub fn forward<S: Sum, const N: usize>(pool: &Pool, x: &[f32]) -> Vec<S::Word> {
    let Pool { input, output, size, .. } = *pool;
    let maps = x.len() / (N * input.height * input.width);
    let map_words = output.height * output.width * N;
    let mut y = vec![S::ZERO.word(); maps * map_words];
    y.par_chunks_mut(map_words).enumerate().for_each(|(map, y)| {
        for (position, y) in y.chunks_mut(N).enumerate() {
            let (row, column) = (position / output.width, position % output.width);
            let mut sums = [S::ZERO; N];
            for i in 0..size {
                for j in 0..size {
                    let row = map * input.height + row * size + i;
                    add_scaled(&mut sums, 1.0, lanes::<N>(x, row * input.width + column * size + j));
                }
            }
            for (y, sum) in y.iter_mut().zip(sums) {
                *y = sum.times(1.0 / (size * size) as f64).word();
            }
        }
    });
    y
}

/// Gradient of the loss with respect to the sums of average pooling's input.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  dy [block,c,h/size,w/size,n]  ->  dx [block,c,h,w,n]   f32
/// Math:    dx[c,r,q,n] = f'(x[c,r,q,n]) * dy[c, r/size, q/size, n] / size^2; f is the activation that made x
/// ```
pub fn backward<S: Sum, const N: usize>(pool: &Pool, x: &[f32], dy: &[f32]) -> Vec<S::Word> {
    let Pool { input, output, size, .. } = *pool;
    let map_words = input.height * input.width * N;
    let mut dx = vec![S::ZERO.word(); x.len()];
    dx.par_chunks_mut(map_words).enumerate().for_each(|(map, dx)| {
        for (position, dx) in dx.chunks_mut(N).enumerate() {
            let (row, column) = (position / input.width, position % input.width);
            let dy = lanes::<N>(dy, (map * output.height + row / size) * output.width + column / size);
            let x = lanes::<N>(x, map * input.height * input.width + position);
            for ((dx, dy), x) in dx.iter_mut().zip(dy).zip(x) {
                let share = S::exact(*dy).times(1.0 / (size * size) as f64);
                *dx = activation::backward(pool.input_activation, share, *x).word();
            }
        }
    });
    dx
}
