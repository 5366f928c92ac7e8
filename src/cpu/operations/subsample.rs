//! Trainable sub-sampling: windows of `size` x `size`, stride `size`, a coefficient and a bias per channel.

use rayon::prelude::*;

use super::activation;
use super::window::Windows;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::Samples;
use crate::cpu::tiles::{grain, total};
use crate::plan::{BLOCK, Subsample};

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
pub fn forward<S: Sum>(samples: Samples, layer: &Subsample, x: &[f32], parameters: &[f32], y: &mut [S::Word]) {
    let Subsample { output, .. } = *layer;
    let map_words = output.height * output.width * samples.size;
    y.par_chunks_mut(map_words).with_min_len(grain(map_words)).enumerate().for_each(|(map, y)| {
        let [weight, bias] = [layer.weights, layer.bias].map(|first| parameters[first + map % output.channels]);
        for (index, y) in y.chunks_mut(samples.size).enumerate() {
            for (y, sum) in y[..samples.live].iter_mut().zip(windows(samples, layer).sums::<S>(x, map, index)) {
                let sum = sum.times(f64::from(weight)).plus(S::exact(bias));
                *y = activation::forward(layer.activation, sum).word();
            }
        }
    });
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
    dx: &mut [S::Word],
) {
    let Subsample { input, output, size, .. } = *layer;
    let map_words = input.height * input.width * samples.size;
    dx.par_chunks_mut(map_words).with_min_len(grain(map_words)).enumerate().for_each(|(map, dx)| {
        let weight = parameters[layer.weights + map % output.channels];
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
}

/// Partial gradients of the loss with respect to coefficients and bias.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  dy [block,c,h/size,w/size,n]  ->  partials [slot,word]   f32
/// Math:    dw[c] = sum over n,r,q of dy[c,r,q,n] * sum over i,j < size of x[c, r*size+i, q*size+j, n],
///          db[c] = sum over n,r,q of dy[c,r,q,n], each slot over its rows of outputs
/// Order:   blocks, rows, columns, then samples
/// ```
pub fn backward_weights<S: Sum>(samples: Samples, layer: &Subsample, x: &[f32], dy: &[f32], partials: &mut [S::Word]) {
    let Subsample { input, output, partials: layout, .. } = *layer;
    let blocks = x.len() / (samples.size * input.elements());
    let map = output.height * output.width;
    let of_channel = |index: usize| {
        let (slot, channel) = (index / output.channels, index % output.channels);
        let (mut weight, mut bias) = ([S::ZERO; BLOCK], [S::ZERO; BLOCK]);
        let rows = layout.rows(slot, blocks * output.height);
        for at in rows.start * output.width..rows.end * output.width {
            let (plane, index) = (at / map * output.channels + channel, at % map);
            let dy = &dy[(plane * map + index) * samples.size..][..samples.live];
            let sums = windows(samples, layer).sums::<S>(x, plane, index);
            for (((weight, bias), sum), dy) in weight.iter_mut().zip(&mut bias).zip(sums).zip(dy) {
                *weight = weight.plus(sum.times(f64::from(*dy)));
                bias.add(f64::from(*dy));
            }
        }
        [total(weight), total(bias)]
    };
    let work = layout.rows_per_slot * input.elements() / output.height / output.channels * samples.live;
    let channels = (0..layout.slots * output.channels).into_par_iter().with_min_len(grain(work));
    let sums: Vec<[S; 2]> = channels.map(of_channel).collect();
    for (words, sums) in partials.chunks_mut(layout.words).zip(sums.chunks(output.channels)) {
        words.fill(S::ZERO.word());
        let (weights, bias) = words.split_at_mut(layer.bias - layer.weights);
        for ((weight, bias), sums) in weights.iter_mut().zip(bias).zip(sums) {
            (*weight, *bias) = (sums[0].word(), sums[1].word());
        }
    }
}
