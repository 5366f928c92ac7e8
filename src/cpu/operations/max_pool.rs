//! Max-pooling: windows of `size` x `size`, stride `size`.

use rayon::prelude::*;

use super::activation;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::Samples;
use crate::cpu::tiles::grain;
use crate::plan::Pool;

/// Index in `x` of the largest value of the pooling window of output (`map`, `row`, `column`) for sample `lane`; the
/// first of equals in row order. NaN is larger than any number, and the last of them wins.
fn largest(samples: Samples, pool: &Pool, x: &[f32], [map, row, column]: [usize; 3], lane: usize) -> usize {
    let Pool { input, size, .. } = *pool;
    let index = |i, j| ((map * input.height + row * size + i) * input.width + column * size + j) * samples.size + lane;
    let mut best = index(0, 0);
    for i in 0..size {
        for j in 0..size {
            if x[index(i, j)] > x[best] || x[index(i, j)].is_nan() {
                best = index(i, j);
            }
        }
    }
    best
}

/// Output of max-pooling.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  ->  y [block,c,h/size,w/size,n]   f32
/// Math:    y[c,r,q,n] = max over i,j < size of x[c, r*size+i, q*size+j, n]
/// ```
pub fn forward<S: Sum>(samples: Samples, pool: &Pool, x: &[f32], y: &mut [S::Word]) {
    let Pool { output, .. } = *pool;
    let map_words = output.height * output.width * samples.size;
    y.par_chunks_mut(map_words).with_min_len(grain(4 * map_words)).enumerate().for_each(|(map, y)| {
        for (position, y) in y.chunks_mut(samples.size).enumerate() {
            let (row, column) = (position / output.width, position % output.width);
            for (lane, y) in y[..samples.live].iter_mut().enumerate() {
                *y = S::exact(x[largest(samples, pool, x, [map, row, column], lane)]).word();
            }
        }
    });
}

/// Gradient of the loss with respect to the sums of max-pooling's input.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  dy [block,c,h/size,w/size,n]  ->  dx [block,c,h,w,n]   f32
/// Math:    dx = f'(x) * dy where x is the first largest of its pooling window, else 0; f is the activation that made x
/// ```
pub fn backward<S: Sum>(samples: Samples, pool: &Pool, x: &[f32], dy: &[f32], dx: &mut [S::Word]) {
    let Pool { input, output, .. } = *pool;
    let map_words = input.height * input.width * samples.size;
    dx.par_chunks_mut(map_words).with_min_len(grain(map_words)).enumerate().for_each(|(map, dx)| {
        dx.fill(S::ZERO.word());
        for row in 0..output.height {
            for column in 0..output.width {
                for lane in 0..samples.live {
                    let best = largest(samples, pool, x, [map, row, column], lane);
                    let dy = dy[((map * output.height + row) * output.width + column) * samples.size + lane];
                    dx[best - map * map_words] =
                        activation::backward(pool.input_activation, S::exact(dy), x[best]).word();
                }
            }
        }
    });
}
