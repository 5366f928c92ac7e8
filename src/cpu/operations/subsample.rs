//! Trainable sub-sampling: windows of `size` x `size`, stride `size`, a coefficient and a bias per channel.

use rayon::prelude::*;

use super::activation;
use super::window::Windows;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::{Packed, Samples};
use crate::cpu::tiles::{grain, total};
use crate::plan::{BLOCK, Subsample};

fn packed(layer: &Subsample) -> Packed {
    Packed { weights: layer.weights, bias: layer.bias, outputs: layer.output.channels, rest: 1 }
}

fn windows(samples: Samples, layer: &Subsample) -> Windows {
    Windows { samples, input: layer.input, output: layer.output, size: layer.size }
}

/// Output of trainable sub-sampling.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  w [c]  b [c]  ->  y [block,c,h/size,w/size,n]   f32
/// Math:    y[c,r,q,n] = f(w[c] * sum over i,j < size of x[c, r*size+i, q*size+j, n] + b[c])
/// Source:  LeCun et al. 1998, section II.B
/// ```
pub fn forward<S: Sum>(samples: Samples, layer: &Subsample, x: &[f32], parameters: &[f32]) -> Vec<S::Word> {
    let Subsample { input, output, .. } = *layer;
    let maps = x.len() / (samples.size * input.height * input.width);
    let map_words = output.height * output.width * samples.size;
    let mut y = vec![S::ZERO.word(); maps * map_words];
    y.par_chunks_mut(map_words).with_min_len(grain(map_words)).enumerate().for_each(|(map, y)| {
        let [weight, bias] = [0, 1].map(|inner| parameters[packed(layer).word(map % output.channels, inner)]);
        for (index, y) in y.chunks_mut(samples.size).enumerate() {
            for (y, sum) in y[..samples.live].iter_mut().zip(windows(samples, layer).sums::<S>(x, map, index)) {
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
pub fn backward_input<S: Sum>(
    samples: Samples,
    layer: &Subsample,
    dy: &[f32],
    parameters: &[f32],
    x: &[f32],
) -> Vec<S::Word> {
    let Subsample { input, output, size, .. } = *layer;
    let map_words = input.height * input.width * samples.size;
    let mut dx = vec![S::ZERO.word(); x.len()];
    dx.par_chunks_mut(map_words).with_min_len(grain(map_words)).enumerate().for_each(|(map, dx)| {
        let weight = parameters[packed(layer).word(map % output.channels, 0)];
        for (index, dx) in dx.chunks_mut(samples.size).enumerate() {
            let (row, column) = (index / input.width / size, index % input.width / size);
            let dy = &dy[((map * output.height + row) * output.width + column) * samples.size..];
            let x = &x[map * map_words + index * samples.size..];
            for ((dx, dy), x) in dx[..samples.live].iter_mut().zip(dy).zip(x) {
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
pub fn backward_weights<S: Sum>(samples: Samples, layer: &Subsample, x: &[f32], dy: &[f32]) -> Vec<S::Word> {
    let Subsample { input, output, partials, .. } = *layer;
    let blocks = x.len() / (samples.size * input.elements());
    let map = output.height * output.width;
    let of_channel = |index: usize| {
        let (slot, channel) = (index / output.channels, index % output.channels);
        let (mut weight, mut bias) = ([S::ZERO; BLOCK], [S::ZERO; BLOCK]);
        let rows = partials.rows(slot, blocks * output.height);
        for at in rows.start * output.width..rows.end * output.width {
            let (plane, index) = (at / map * output.channels + channel, at % map);
            let dy = &dy[(plane * map + index) * samples.size..][..samples.live];
            let sums = windows(samples, layer).sums::<S>(x, plane, index);
            for (((weight, bias), sum), dy) in weight.iter_mut().zip(&mut bias).zip(sums).zip(dy) {
                *weight = weight.plus(sum.times(f64::from(*dy)));
                bias.add(f64::from(*dy));
            }
        }
        vec![total(weight), total(bias)]
    };
    let work = partials.rows_per_slot * input.elements() / output.height / output.channels * samples.live;
    let channels = (0..partials.slots * output.channels).into_par_iter().with_min_len(grain(work));
    let sums: Vec<Vec<S>> = channels.map(of_channel).collect();
    packed(layer).partials(&partials, &sums)
}
