//! Dense layer: every input to every output.

use std::array::from_fn;

use rayon::prelude::*;

use super::activation;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::Samples;
use crate::cpu::tiles::{add_products, grain, total};
use crate::plan::{Dense, PACK};

/// Samples, packs or inputs whose sums are computed together: enough that none waits for the addition before.
const ROWS: usize = 4;

/// The weights of pack `pack` of outputs, by input.
fn weights<'a>(dense: &Dense, parameters: &'a [f32], pack: usize) -> &'a [[f32; PACK]] {
    &parameters[dense.weights..].as_chunks().0[pack * dense.inputs..][..dense.inputs]
}

/// Output of a dense layer.
///
/// ```text
/// Shapes:  x [block,inputs,n]  parameters w [outputs,inputs] packed, b [outputs]  ->  y [block,outputs,n]   f32
/// Math:    y[o,n] = f(b[o] + sum over i of w[o,i] * x[i,n])
/// ```
pub fn forward<S: Sum>(samples: Samples, dense: &Dense, x: &[f32], parameters: &[f32], y: &mut [S::Word]) {
    let Dense { inputs, outputs, .. } = *dense;
    let x = samples.widen(x);
    y.par_chunks_mut(outputs * samples.size).enumerate().for_each(|(block, y)| {
        let x = &x[block * inputs * samples.live..][..inputs * samples.live];
        let rows = y.par_chunks_mut(ROWS * PACK * samples.size).with_min_len(grain(ROWS * PACK * x.len()));
        rows.enumerate().for_each(|(row, y)| {
            let mut write = |pack: usize, lane: usize, sums: [S; PACK]| {
                let y = y.iter_mut().skip(pack * PACK * samples.size + lane).step_by(samples.size);
                y.zip(sums).for_each(|(y, sum)| *y = activation::forward(dense.activation, sum).word());
            };
            let packs = (outputs.div_ceil(PACK) - row * ROWS).min(ROWS);
            let together = samples.live / ROWS * ROWS;
            for pack in 0..packs {
                for lane in (0..together).step_by(ROWS) {
                    let [sums] = sums::<S, 1, ROWS>(dense, parameters, row * ROWS + pack, &x[lane..], samples.live);
                    (lane..).zip(sums).for_each(|(lane, sums)| write(pack, lane, sums));
                }
            }
            for lane in together..samples.live {
                if packs == ROWS {
                    let sums = sums::<S, ROWS, 1>(dense, parameters, row * ROWS, &x[lane..], samples.live);
                    (0..).zip(sums).for_each(|(pack, [sums])| write(pack, lane, sums));
                } else {
                    for pack in 0..packs {
                        let [[sums]] = sums::<S, 1, 1>(dense, parameters, row * ROWS + pack, &x[lane..], samples.live);
                        write(pack, lane, sums);
                    }
                }
            }
        });
    });
}

/// Sums of `P` packs of outputs from `pack` on for `T` samples; `x` holds an input every `live` values.
fn sums<S: Sum, const P: usize, const T: usize>(
    dense: &Dense,
    parameters: &[f32],
    pack: usize,
    x: &[f64],
    live: usize,
) -> [[[S; PACK]; T]; P] {
    let weights: [&[[f32; PACK]]; P] = from_fn(|p| weights(dense, parameters, pack + p));
    let bias: [[f32; PACK]; P] = from_fn(|p| from_fn(|o| parameters[dense.bias + (pack + p) * PACK + o]));
    let mut sums = bias.map(|bias| [bias.map(S::exact); T]);
    for (i, x) in x.chunks(live).enumerate() {
        let x: &[f64; T] = x.first_chunk().expect("T samples are left");
        for (sums, weights) in sums.iter_mut().zip(weights) {
            let weights = weights[i].map(f64::from);
            sums.iter_mut().zip(x).for_each(|(sums, x)| add_products(sums, &weights, &[*x; PACK]));
        }
    }
    sums
}

/// Gradient of the loss with respect to the sums of a dense layer's input.
///
/// ```text
/// Shapes:  dy [block,outputs,n]  parameters w [outputs,inputs] packed  x [block,inputs,n]  ->
///          dx [block,inputs,n]   f32
/// Math:    dx[i,n] = f'(x[i,n]) * sum over o of w[o,i] * dy[o,n]; f is the activation that made x
/// Order:   packs of outputs, dealt to [`PACK`] sums
/// ```
pub fn backward_input<S: Sum>(
    samples: Samples,
    dense: &Dense,
    dy: &[f32],
    parameters: &[f32],
    x: &[f32],
    dx: &mut [S::Word],
) {
    let Dense { inputs, outputs, .. } = *dense;
    let packs = outputs.div_ceil(PACK);
    let dy = samples.transpose(dy, outputs);
    let dy: &[[f64; PACK]] = dy.as_chunks().0;
    let weights: &[[f32; PACK]] = parameters[dense.weights..].as_chunks().0;
    let of_block = dx.par_chunks_mut(inputs * samples.size).zip(x.par_chunks(inputs * samples.size)).enumerate();
    of_block.for_each(|(block, (dx, x))| {
        let rows = dx.par_chunks_mut(ROWS * samples.size).zip(x.par_chunks(ROWS * samples.size));
        rows.with_min_len(grain(ROWS * samples.live * packs * PACK)).enumerate().for_each(|(row, (dx, x))| {
            let of_sample = dy[block * samples.live * packs..].chunks(packs).take(samples.live);
            for (lane, dy) in of_sample.enumerate() {
                let mut sums = [[S::ZERO; PACK]; ROWS];
                for (weights, dy) in weights.chunks(inputs).zip(dy) {
                    for (sums, weights) in sums.iter_mut().zip(&weights[row * ROWS..]) {
                        add_products(sums, &weights.map(f64::from), dy);
                    }
                }
                let words = dx.iter_mut().zip(x).skip(lane).step_by(samples.size);
                for ((dx, x), sums) in words.zip(sums) {
                    *dx = activation::backward(dense.input_activation, total(sums), *x).word();
                }
            }
        });
    });
}

/// Partial gradients of the loss with respect to the weights and bias of a dense layer.
///
/// ```text
/// Shapes:  x [block,inputs,n]  dy [block,outputs,n]  ->  partials [slot,word]   f32
/// Math:    dw[o,i] = sum over n of dy[o,n] * x[i,n], db[o] = sum over n of dy[o,n], each slot over its blocks
/// Order:   blocks, then samples
/// ```
pub fn backward_weights<S: Sum>(samples: Samples, dense: &Dense, x: &[f32], dy: &[f32], partials: &mut [S::Word]) {
    let Dense { inputs, outputs, partials: layout, .. } = *dense;
    let (packs, padded) = (outputs.div_ceil(PACK), inputs.next_multiple_of(ROWS));
    let blocks = x.len() / (samples.size * inputs);
    let (x, dy) = (samples.transpose(x, inputs), samples.transpose(dy, outputs));
    let (x, dy): (&[[f64; ROWS]], &[[f64; PACK]]) = (x.as_chunks().0, dy.as_chunks().0);
    for (slot, words) in partials.chunks_mut(layout.words).enumerate() {
        let of_slot = layout.rows(slot, blocks);
        let of_slot = of_slot.start * samples.live..of_slot.end * samples.live;
        let (weights, bias) = words.split_at_mut(dense.bias - dense.weights);
        let work = PACK * inputs * of_slot.len();
        weights.par_chunks_mut(inputs * PACK).with_min_len(grain(work)).enumerate().for_each(|(pack, words)| {
            for (tile, words) in words.chunks_mut(ROWS * PACK).enumerate() {
                let mut sums = [[S::ZERO; PACK]; ROWS];
                for n in of_slot.clone() {
                    for (sums, x) in sums.iter_mut().zip(&x[n * padded / ROWS + tile]) {
                        add_products(sums, &dy[n * packs + pack], &[*x; PACK]);
                    }
                }
                words.iter_mut().zip(sums.as_flattened()).for_each(|(word, sum)| *word = sum.word());
            }
        });
        for (pack, words) in bias.chunks_mut(PACK).enumerate() {
            let mut sums = [S::ZERO; PACK];
            of_slot.clone().for_each(|n| add_products(&mut sums, &dy[n * packs + pack], &[1.0; PACK]));
            words.iter_mut().zip(sums).for_each(|(word, sum)| *word = sum.word());
        }
    }
}
