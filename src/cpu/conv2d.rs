//! Convolution: valid, stride 1.

use rayon::prelude::*;

use super::layout::{Lanes, Packed, add_products, add_scaled, chunk_blocks, lanes, total};
use super::{Sum, activation};
use crate::plan::{BLOCK, Conv2d, LANES, QUADS};

fn packed(conv: &Conv2d) -> Packed {
    Packed {
        weights: conv.weights,
        bias: conv.bias,
        outputs: conv.output.channels,
        rest: conv.input.channels * conv.kernel * conv.kernel,
    }
}

/// Output of a convolution.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  parameters w [oc,c,k,k] packed, b [oc]  ->  y [block,oc,oh,ow,n]   f32
/// Math:    y[o,r,q,n] = f(b[o] + sum over c,i,j of w[o,c,i,j] * x[c,r+i,q+j,n])
/// Source:  LeCun et al. 1998, section II
/// ```
pub fn forward<S: Sum>(conv: &Conv2d, x: &[f32], parameters: &[f32]) -> Vec<S::Word> {
    let Conv2d { input, output, kernel, .. } = *conv;
    let packed = packed(conv);
    let blocks = x.len() / (BLOCK * input.elements());
    let map = output.height * output.width * BLOCK;
    let mut y = vec![S::ZERO.word(); blocks * output.channels * map];
    y.par_chunks_mut(map).enumerate().for_each(|(index, y)| {
        let (block, o) = (index / output.channels, index % output.channels);
        for (place, y) in y.chunks_mut(BLOCK).enumerate() {
            let (row, column) = (place / output.width, place % output.width);
            let mut sums = [S::exact(parameters[conv.bias + o]); BLOCK];
            for c in 0..input.channels {
                for i in 0..kernel {
                    for j in 0..kernel {
                        let weight = parameters[packed.word(o, (c * kernel + i) * kernel + j)];
                        let map = (block * input.channels + c) * input.height + row + i;
                        add_scaled(&mut sums, weight, lanes(x, map * input.width + column + j));
                    }
                }
            }
            for (y, sum) in y.iter_mut().zip(sums) {
                *y = activation::forward(conv.activation, sum).word();
            }
        }
    });
    y
}

/// Gradient of the loss with respect to the sums of a convolution's input.
///
/// ```text
/// Shapes:  dy [block,oc,oh,ow,n]  parameters w [oc,c,k,k] packed  x [block,c,h,w,n]  ->  dx [block,c,h,w,n]   f32
/// Math:    dx[c,r,q,n] = f'(x[c,r,q,n]) * sum over o,i,j of w[o,c,i,j] * dy[o,r-i,q-j,n], where r-i and q-j
///          lie in the output; f is the activation that made x
/// ```
pub fn backward_input<S: Sum>(conv: &Conv2d, dy: &[f32], parameters: &[f32], x: &[f32]) -> Vec<S::Word> {
    let Conv2d { input, output, kernel, .. } = *conv;
    let packed = packed(conv);
    let map = input.height * input.width * BLOCK;
    let mut dx = vec![S::ZERO.word(); x.len()];
    dx.par_chunks_mut(map).enumerate().for_each(|(index, dx)| {
        let (block, c) = (index / input.channels, index % input.channels);
        for (place, dx) in dx.chunks_mut(BLOCK).enumerate() {
            let (row, column) = (place / input.width, place % input.width);
            // Taps (i, j) whose output (row - i, column - j) exists.
            let rows = (row + 1).saturating_sub(output.height)..kernel.min(row + 1);
            let columns = (column + 1).saturating_sub(output.width)..kernel.min(column + 1);
            let mut sums = [S::ZERO; BLOCK];
            for o in 0..output.channels {
                for i in rows.clone() {
                    for j in columns.clone() {
                        let weight = parameters[packed.word(o, (c * kernel + i) * kernel + j)];
                        let map = (block * output.channels + o) * output.height + row - i;
                        add_scaled(&mut sums, weight, lanes(dy, map * output.width + column - j));
                    }
                }
            }
            let x = lanes(x, index * input.height * input.width + place);
            for ((dx, sum), x) in dx.iter_mut().zip(sums).zip(x) {
                *dx = activation::backward(conv.input_activation, sum, *x).word();
            }
        }
    });
    dx
}

/// Gradient of the loss with respect to the weights and bias of a convolution, in parts.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  dy [block,oc,oh,ow,n]  ->  partials [chunk,quad,word]   f32
/// Math:    dw[o,c,i,j] = sum over n,r,q of dy[o,r,q,n] * x[c,r+i,q+j,n], db[o] = sum over n,r,q of dy[o,r,q,n],
///          each part over the blocks of a chunk and the four samples of a quad
/// Order:   blocks, rows, columns, then the samples of the quad
/// Source:  LeCun et al. 1998, section II
/// ```
pub fn backward_weights<S: Sum>(conv: &Conv2d, x: &[f32], dy: &[f32]) -> Vec<S::Word> {
    let Conv2d { input, output, kernel, .. } = *conv;
    let packed = packed(conv);
    let blocks = x.len() / (BLOCK * input.elements());
    let chunks = conv.partials.slots / QUADS;
    let quads = |sums: Lanes<S>| -> [S; QUADS] { std::array::from_fn(|quad| total(&sums[quad * LANES..][..LANES])) };
    let sums: Vec<Vec<[S; QUADS]>> = (0..chunks * output.channels)
        .into_par_iter()
        .map(|index| {
            let (chunk, o) = (index / output.channels, index % output.channels);
            // Every place of output map o, as (block, row, column) and the gradients of its samples.
            let places = || {
                chunk_blocks(&conv.partials, chunk, blocks).flat_map(move |block| {
                    (0..output.height * output.width).map(move |place| {
                        let map = (block * output.channels + o) * output.height * output.width;
                        (block, place / output.width, place % output.width, lanes(dy, map + place))
                    })
                })
            };
            let mut all = Vec::with_capacity(packed.rest + 1);
            for c in 0..input.channels {
                for i in 0..kernel {
                    for j in 0..kernel {
                        let mut sums = [S::ZERO; BLOCK];
                        for (block, row, column, dy) in places() {
                            let map = (block * input.channels + c) * input.height + row + i;
                            add_products(&mut sums, dy, lanes(x, map * input.width + column + j));
                        }
                        all.push(quads(sums));
                    }
                }
            }
            let mut sums = [S::ZERO; BLOCK];
            for (_, _, _, dy) in places() {
                add_scaled(&mut sums, 1.0, dy);
            }
            all.push(quads(sums));
            all
        })
        .collect();
    packed.partials(&conv.partials, &sums)
}
