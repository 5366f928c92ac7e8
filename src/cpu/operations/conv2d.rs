//! Convolution: valid, stride 1.

use rayon::prelude::*;

use super::activation;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::{Packed, add_products, add_scaled, lanes, total};
use crate::model::Shape;
use crate::plan::{ARGMAX_BITS, Conv2d, PACK, QUAD};

fn packed(conv: &Conv2d) -> Packed {
    Packed {
        weights: conv.weights,
        bias: conv.bias,
        outputs: conv.output.channels,
        rest: conv.input.channels * conv.kernel * conv.kernel,
    }
}

/// The values of an input of bytes.
///
/// ```text
/// Shapes:  words u32 as [`crate::plan::Gather::bytes`] says  ->  x [block,c,h,w,n] f32
/// Math:    x = background + (foreground - background) / 255 * byte, in f32
/// ```
pub fn values([background, foreground]: [f32; 2], words: &[u32]) -> Vec<f32> {
    let scale = (foreground - background) / 255.0;
    let value = |word: u32, lane: usize| background + scale * (word >> (8 * lane) & 0xff) as f32;
    words.par_iter().flat_map_iter(|word| (0..QUAD).map(move |lane| value(*word, lane))).collect()
}

/// Output of a convolution, and with max-pooling the argmax of each 2x2 window.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  parameters w [oc,c,k,k] packed, b [oc]  ->  y [block,oc,oh,ow,n]   f32
/// Math:    s[o,r,q,n] = b[o] + sum over c,i,j of w[o,c,i,j] * x[c,r+i,q+j,n]
///          y = f(s), or with max-pooling y[o,r,q,n] = f(max over i,j < 2 of s[o,2r+i,2q+j,n])
/// Ties:    the first in row order wins
/// Source:  LeCun et al. 1998, section II
/// ```
///
/// An argmax that rounding in f32 could change is [`Sum::undecided`], and so is the word that holds it.
pub fn forward<S: Sum, const N: usize>(conv: &Conv2d, x: &[f32], parameters: &[f32]) -> (Vec<S::Word>, Vec<S::Word>) {
    let Conv2d { input, output, kernel, .. } = *conv;
    let packed = packed(conv);
    let blocks = x.len() / (N * input.elements());
    let sums_at = |block: usize, o: usize, row: usize, column: usize| {
        let mut sums = [S::exact(parameters[conv.bias + o]); N];
        for c in 0..input.channels {
            for i in 0..kernel {
                for j in 0..kernel {
                    let weight = parameters[packed.word(o, (c * kernel + i) * kernel + j)];
                    let map = (block * input.channels + c) * input.height + row + i;
                    add_scaled(&mut sums, weight, lanes::<N>(x, map * input.width + column + j));
                }
            }
        }
        sums
    };
    let pooled = conv.pooled();
    let map = pooled.height * pooled.width * N;
    let mut y = vec![S::ZERO.word(); blocks * output.channels * map];
    // One per value of y; `None` if it is undecided.
    let mut argmax = vec![Some(0); if conv.max_pool { y.len() } else { 0 }];
    let terms = packed.rest + 1;
    let y_maps = y.par_chunks_mut(map);
    if conv.max_pool {
        y_maps.zip(argmax.par_chunks_mut(map)).enumerate().for_each(|(index, (y, argmax))| {
            let (block, o) = (index / output.channels, index % output.channels);
            for (position, (y, argmax)) in y.chunks_mut(N).zip(argmax.chunks_mut(N)).enumerate() {
                let (row, column) = (position / pooled.width * 2, position % pooled.width * 2);
                let four = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(i, j)| sums_at(block, o, row + i, column + j));
                for (lane, (y, argmax)) in y.iter_mut().zip(argmax).enumerate() {
                    let (best, decided) = largest(std::array::from_fn(|i| four[i][lane]), terms);
                    *y = activation::forward(conv.activation, four[best][lane]).word();
                    *argmax = decided.then_some(best as u32);
                }
            }
        });
    } else {
        y_maps.enumerate().for_each(|(index, y)| {
            let (block, o) = (index / output.channels, index % output.channels);
            for (position, y) in y.chunks_mut(N).enumerate() {
                for (y, sum) in y.iter_mut().zip(sums_at(block, o, position / output.width, position % output.width)) {
                    *y = activation::forward(conv.activation, sum).word();
                }
            }
        });
    }
    (y, if conv.max_pool { pack::<S, N>(conv, &argmax) } else { Vec::new() })
}

/// `argmax`, laid out as `y`, packed as [`ARGMAX_BITS`] says.
fn pack<S: Sum, const N: usize>(conv: &Conv2d, argmax: &[Option<u32>]) -> Vec<S::Word> {
    let Shape { channels, height, width } = conv.pooled();
    let (places, packs) = (height * width, channels.div_ceil(PACK));
    let word = |index: usize| {
        let (quad, place, pack) = (index % (N / QUAD), index / (N / QUAD) % places, index / ((N / QUAD) * places));
        let (block, channel) = (pack / packs, pack % packs * PACK);
        let values = (0..QUAD * PACK).filter(|i| channel + i % PACK < channels).map(|i| {
            let map = block * channels + channel + i % PACK;
            (i, argmax[(map * places + place) * N + quad * QUAD + i / PACK])
        });
        let mut packed = Some(0);
        for (i, value) in values {
            packed = packed.zip(value).map(|(packed, value)| packed | value << (i * ARGMAX_BITS));
        }
        packed.map_or_else(S::undecided, S::integer)
    };
    (0..argmax.len() / channels * packs / QUAD).into_par_iter().map(word).collect()
}

/// The argmax of `sums`, the first of equals, and whether it is decided: whether the others are smaller by more than
/// the rounding of their `terms` terms in f32. NaN is larger than any number, and the last of them wins.
fn largest<S: Sum>(sums: [S; 4], terms: usize) -> (usize, bool) {
    let larger = |a: f64, b: f64| a > b || a.is_nan();
    let best = (1..4).fold(0, |best, i| if larger(sums[i].value(), sums[best].value()) { i } else { best });
    let rounding = |s: S| terms as f64 * f64::from(f32::EPSILON) * s.magnitude();
    // Sums of the same terms are equal on every device, and their order decides.
    let tie = |s: S| s.value() == sums[best].value() && s.magnitude() == sums[best].magnitude();
    let near = |s: S| (sums[best].value() - s.value()).abs() <= rounding(s) + rounding(sums[best]);
    (best, sums.iter().enumerate().all(|(i, s)| i == best || tie(*s) || !near(*s)))
}

/// The gradient of every sum: that of the pooled output at the argmax, 0 elsewhere. A block is of `samples` samples.
///
/// ```text
/// Shapes:  dy [block,oc,oh/2,ow/2,n] f32, argmax u32  ->  ds [block,oc,oh,ow,n] f32
/// ```
pub fn unpool(conv: &Conv2d, samples: usize, dy: &[f32], argmax: &[u32]) -> Vec<f32> {
    let (Shape { channels, height, width }, sums_width) = (conv.pooled(), conv.output.width);
    let map = height * width * samples;
    let mut ds = vec![0.0; 4 * dy.len()];
    ds.par_chunks_mut(4 * map).zip(dy.par_chunks(map)).enumerate().for_each(|(index, (ds, dy))| {
        let (block, channel) = (index / channels, index % channels);
        let pack = block * channels.div_ceil(PACK) + channel / PACK;
        for (value, dy) in dy.iter().enumerate() {
            let (position, lane) = (value / samples, value % samples);
            let word = argmax[(pack * map + value) / QUAD];
            let best = (word >> ((lane % QUAD * PACK + channel % PACK) * ARGMAX_BITS)) as usize % 4;
            let (row, column) = (position / width * 2 + best / 2, position % width * 2 + best % 2);
            ds[(row * sums_width + column) * samples + lane] = *dy;
        }
    });
    ds
}

/// Gradient of the loss with respect to the sums of a convolution's input.
///
/// ```text
/// Shapes:  dy [block,oc,oh,ow,n], of every sum  parameters w [oc,c,k,k] packed  x [block,c,h,w,n]  ->  dx [block,c,h,w,n]   f32
/// Math:    dx[c,r,q,n] = f'(x[c,r,q,n]) * sum over o,i,j of w[o,c,i,j] * dy[o,r-i,q-j,n], where r-i and q-j
///          lie in the output; f is the activation that made x
/// ```
pub fn backward_input<S: Sum, const N: usize>(
    conv: &Conv2d,
    dy: &[f32],
    parameters: &[f32],
    x: &[f32],
) -> Vec<S::Word> {
    let Conv2d { input, output, kernel, .. } = *conv;
    let packed = packed(conv);
    let map = input.height * input.width * N;
    let mut dx = vec![S::ZERO.word(); x.len()];
    dx.par_chunks_mut(map).enumerate().for_each(|(index, dx)| {
        let (block, c) = (index / input.channels, index % input.channels);
        for (position, dx) in dx.chunks_mut(N).enumerate() {
            let (row, column) = (position / input.width, position % input.width);
            // Taps (i, j) whose output (row - i, column - j) exists.
            let rows = (row + 1).saturating_sub(output.height)..kernel.min(row + 1);
            let columns = (column + 1).saturating_sub(output.width)..kernel.min(column + 1);
            let mut sums = [S::ZERO; N];
            for o in 0..output.channels {
                for i in rows.clone() {
                    for j in columns.clone() {
                        let weight = parameters[packed.word(o, (c * kernel + i) * kernel + j)];
                        let map = (block * output.channels + o) * output.height + row - i;
                        add_scaled(&mut sums, weight, lanes::<N>(dy, map * output.width + column - j));
                    }
                }
            }
            let x = lanes::<N>(x, index * input.height * input.width + position);
            for ((dx, sum), x) in dx.iter_mut().zip(sums).zip(x) {
                *dx = activation::backward(conv.input_activation, sum, *x).word();
            }
        }
    });
    dx
}

/// Partial gradients of the loss with respect to the weights and bias of a convolution.
///
/// ```text
/// Shapes:  x [block,c,h,w,n]  dy [block,oc,oh,ow,n], of every sum  ->  partials [slot,word]   f32
/// Math:    dw[o,c,i,j] = sum over n,r,q of dy[o,r,q,n] * x[c,r+i,q+j,n], db[o] = sum over n,r,q of dy[o,r,q,n],
///          each slot over its rows of cells: see [`crate::plan::Partials::rows_per_slot`]
/// Order:   blocks, rows, columns, then samples
/// Source:  LeCun et al. 1998, section II
/// ```
pub fn backward_weights<S: Sum, const N: usize>(conv: &Conv2d, x: &[f32], dy: &[f32]) -> Vec<S::Word> {
    let Conv2d { input, output, kernel, partials, .. } = *conv;
    let packed = packed(conv);
    let blocks = x.len() / (N * input.elements());
    let [cells, _] = conv.cells();
    let sums: Vec<Vec<S>> = (0..partials.slots * output.channels)
        .into_par_iter()
        .map(|index| {
            let (slot, o) = (index / output.channels, index % output.channels);
            // Every (block, row) of output map o in the slot, and the first of its gradients.
            let rows = || {
                let rows = partials.rows(slot, blocks * cells).flat_map(|row| [2 * row, 2 * row + 1]);
                rows.map(|row| (row / (2 * cells), row % (2 * cells))).filter(|(_, row)| *row < output.height).map(
                    |(block, row)| (block, row, ((block * output.channels + o) * output.height + row) * output.width),
                )
            };
            let mut all = Vec::with_capacity(packed.rest + 1);
            for c in 0..input.channels {
                for i in 0..kernel {
                    for j in 0..kernel {
                        let mut sums = [S::ZERO; N];
                        for (block, row, first) in rows() {
                            let map = (block * input.channels + c) * input.height + row + i;
                            for column in 0..output.width {
                                let x = lanes::<N>(x, map * input.width + column + j);
                                add_products(&mut sums, lanes::<N>(dy, first + column), x);
                            }
                        }
                        all.push(total(&sums));
                    }
                }
            }
            let mut sums = [S::ZERO; N];
            for (_, _, first) in rows() {
                (first..first + output.width).for_each(|at| add_scaled(&mut sums, 1.0, lanes::<N>(dy, at)));
            }
            all.push(total(&sums));
            all
        })
        .collect();
    packed.partials(&partials, &sums)
}
