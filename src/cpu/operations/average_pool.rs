//! Average pooling: windows of `size` x `size`, stride `size`.

use rayon::prelude::*;

use super::activation;
use super::window::Windows;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::Samples;
use crate::cpu::tiles::grain;
use crate::plan::Pool;

/// Output of average pooling.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  ->  y [block,c,h/size,w/size,n]   f32
/// Math:    y[c,r,q,n] = sum over i,j < size of x[c, r*size+i, q*size+j, n] / size^2
/// ```
pub fn forward<S: Sum>(samples: Samples, pool: &Pool, x: &[f32], y: &mut [S::Word]) {
    let Pool { input, output, size, .. } = *pool;
    let windows = Windows { samples, input, output, size };
    let map_words = output.height * output.width * samples.size;
    y.par_chunks_mut(map_words).with_min_len(grain(map_words)).enumerate().for_each(|(map, y)| {
        for (position, y) in y.chunks_mut(samples.size).enumerate() {
            for (y, sum) in y[..samples.live].iter_mut().zip(windows.sums::<S>(x, map, position)) {
                *y = sum.times(1.0 / (size * size) as f64).word();
            }
        }
    });
}

/// Gradient of the loss with respect to the sums of average pooling's input.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  dy [block,c,h/size,w/size,n]  ->  dx [block,c,h,w,n]   f32
/// Math:    dx[c,r,q,n] = f'(x[c,r,q,n]) * dy[c, r/size, q/size, n] / size^2; f is the activation that made x
/// ```
pub fn backward<S: Sum>(samples: Samples, pool: &Pool, x: &[f32], dy: &[f32], dx: &mut [S::Word]) {
    let Pool { input, output, size, .. } = *pool;
    let map_words = input.height * input.width * samples.size;
    dx.par_chunks_mut(map_words).with_min_len(grain(map_words)).enumerate().for_each(|(map, dx)| {
        for (position, dx) in dx.chunks_mut(samples.size).enumerate() {
            let (row, column) = (position / input.width, position % input.width);
            let dy = &dy[((map * output.height + row / size) * output.width + column / size) * samples.size..];
            let x = &x[map * map_words + position * samples.size..];
            for ((dx, dy), x) in dx[..samples.live].iter_mut().zip(dy).zip(x) {
                let share = S::exact(*dy).times(1.0 / (size * size) as f64);
                *dx = activation::backward(pool.input_activation, share, *x).word();
            }
        }
    });
}
