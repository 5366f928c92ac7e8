//! Trainable sub-sampling: windows of `size` x `size`, stride `size`, a coefficient and a bias per channel.

use rayon::prelude::*;

use super::activation;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::{Lanes, Packed, add_scaled, lanes, total};
use crate::plan::Subsample;

fn packed(layer: &Subsample) -> Packed {
    Packed { weights: layer.weights, bias: layer.bias, outputs: layer.output.channels, rest: 1 }
}

/// Sums of the pooling window of output `index` of `map`, which counts over blocks of samples and channels.
fn block_sums<S: Sum, const N: usize>(layer: &Subsample, x: &[f32], map: usize, index: usize) -> Lanes<S, N> {
    let Subsample { input, output, size, .. } = *layer;
    let (row, column) = (index / output.width, index % output.width);
    let mut sums = [S::ZERO; N];
    for i in 0..size {
        for j in 0..size {
            let row = map * input.height + row * size + i;
            add_scaled(&mut sums, 1.0, lanes::<N>(x, row * input.width + column * size + j));
        }
    }
    sums
}

/// Output of trainable sub-sampling.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  w [c]  b [c]  ->  y [block,c,h/size,w/size,n]   f32
/// Math:    y[c,r,q,n] = f(w[c] * sum over i,j < size of x[c, r*size+i, q*size+j, n] + b[c])
/// Source:  LeCun et al. 1998, section II.B
/// ```
pub fn forward<S: Sum, const N: usize>(layer: &Subsample, x: &[f32], parameters: &[f32]) -> Vec<S::Word> {
    let Subsample { input, output, .. } = *layer;
    let maps = x.len() / (N * input.height * input.width);
    let map_words = output.height * output.width * N;
    let mut y = vec![S::ZERO.word(); maps * map_words];
    y.par_chunks_mut(map_words).enumerate().for_each(|(map, y)| {
        let [weight, bias] = [0, 1].map(|inner| parameters[packed(layer).word(map % output.channels, inner)]);
        for (index, y) in y.chunks_mut(N).enumerate() {
            for (y, sum) in y.iter_mut().zip(block_sums::<S, N>(layer, x, map, index)) {
                let sum = sum.times(f64::from(weight)).plus(S::exact(bias));
                *y = activation::forward(layer.activation, sum).word();
            }
        }
    });
    y
}

/// Gradient of the loss with respect to the sums of the layer's input.
///
/// ```text
/// Shapes:  dy [block,c,h/size,w/size,n]  w [c]  x [block,c,h,w,n]  ->  dx [block,c,h,w,n]   f32
/// Math:    dx[c,r,q,n] = f'(x[c,r,q,n]) * w[c] * dy[c, r/size, q/size, n]; f is the activation that made x
/// ```
pub fn backward_input<S: Sum, const N: usize>(
    layer: &Subsample,
    dy: &[f32],
    parameters: &[f32],
    x: &[f32],
) -> Vec<S::Word> {
    let Subsample { input, output, size, .. } = *layer;
    let map_words = input.height * input.width * N;
    let mut dx = vec![S::ZERO.word(); x.len()];
    dx.par_chunks_mut(map_words).enumerate().for_each(|(map, dx)| {
        let weight = parameters[packed(layer).word(map % output.channels, 0)];
        for (index, dx) in dx.chunks_mut(N).enumerate() {
            let (row, column) = (index / input.width / size, index % input.width / size);
            let dy = lanes::<N>(dy, (map * output.height + row) * output.width + column);
            let x = lanes::<N>(x, map * input.height * input.width + index);
            for ((dx, dy), x) in dx.iter_mut().zip(dy).zip(x) {
                let gradient = S::exact(*dy).times(f64::from(weight));
                *dx = activation::backward(layer.input_activation, gradient, *x).word();
            }
        }
    });
    dx
}

/// Partial gradients of the loss with respect to coefficients and bias.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  dy [block,c,h/size,w/size,n]  ->  partials [slot,word]   f32
/// Math:    dw[c] = sum over n,r,q of dy[c,r,q,n] * sum over i,j < size of x[c, r*size+i, q*size+j, n],
///          db[c] = sum over n,r,q of dy[c,r,q,n], each slot over its rows of outputs
/// Order:   blocks, rows, columns, then samples
/// ```
pub fn backward_weights<S: Sum, const N: usize>(layer: &Subsample, x: &[f32], dy: &[f32]) -> Vec<S::Word> {
    let Subsample { input, output, partials, .. } = *layer;
    let blocks = x.len() / (N * input.elements());
    let map = output.height * output.width;
    let of_channel = |index: usize| {
        let (slot, channel) = (index / output.channels, index % output.channels);
        let (mut weight, mut bias) = ([S::ZERO; N], [S::ZERO; N]);
        let rows = partials.rows(slot, blocks * output.height);
        for at in rows.start * output.width..rows.end * output.width {
            let (plane, index) = (at / map * output.channels + channel, at % map);
            let dy = lanes::<N>(dy, plane * map + index);
            for ((weight, sum), dy) in weight.iter_mut().zip(block_sums::<S, N>(layer, x, plane, index)).zip(dy) {
                *weight = weight.plus(sum.times(f64::from(*dy)));
            }
            add_scaled(&mut bias, 1.0, dy);
        }
        vec![total(&weight), total(&bias)]
    };
    let sums: Vec<Vec<S>> = (0..partials.slots * output.channels).into_par_iter().map(of_channel).collect();
    packed(layer).partials(&partials, &sums)
}
