//! Dense layer: every input to every output.

use rayon::prelude::*;

use super::activation;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::Samples;
use crate::cpu::tiles::{add_products, grain, total};
use crate::plan::{Dense, PACK};

/// Samples, or inputs, whose sums are computed together.
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
        let packs = y.par_chunks_mut(PACK * samples.size).with_min_len(grain(PACK * inputs * samples.live));
        packs.enumerate().for_each(|(pack, y)| {
            let weights = weights(dense, parameters, pack);
            let bias = *parameters[dense.bias + pack * PACK..].first_chunk().expect("a bias is padded to whole packs");
            let mut write = |first: usize, sums: &[[S; PACK]]| {
                for (lane, sums) in (first..).zip(sums) {
                    for (y, sum) in y.iter_mut().skip(lane).step_by(samples.size).zip(sums) {
                        *y = activation::forward(dense.activation, *sum).word();
                    }
                }
            };
            for lane in (0..samples.live).step_by(ROWS) {
                if lane + ROWS <= samples.live {
                    write(lane, &outputs_of::<S, ROWS>(weights, bias, &x[lane..], samples.live));
                } else {
                    (lane..samples.live)
                        .for_each(|lane| write(lane, &outputs_of::<S, 1>(weights, bias, &x[lane..], samples.live)));
                }
            }
        });
    });
}

/// Sums of a pack of outputs for `T` samples; `x` holds an input every `live` values.
fn outputs_of<S: Sum, const T: usize>(
    weights: &[[f32; PACK]],
    bias: [f32; PACK],
    x: &[f64],
    live: usize,
) -> [[S; PACK]; T] {
    let mut sums = [bias.map(S::exact); T];
    for (weights, x) in weights.iter().zip(x.chunks(live)) {
        let (weights, x): (_, &[f64; T]) = (weights.map(f64::from), x.first_chunk().expect("T samples are left"));
        for (sums, x) in sums.iter_mut().zip(x) {
            add_products(sums, &weights, &[*x; PACK]);
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
            let (words, _): (&mut [[S::Word; PACK]], _) = words.as_chunks_mut();
            for (tile, words) in words.chunks_mut(ROWS).enumerate() {
                let mut sums = [[S::ZERO; PACK]; ROWS];
                for n in of_slot.clone() {
                    for (sums, x) in sums.iter_mut().zip(&x[n * padded / ROWS + tile]) {
                        add_products(sums, &dy[n * packs + pack], &[*x; PACK]);
                    }
                }
                words.iter_mut().zip(sums).for_each(|(words, sums)| *words = sums.map(S::word));
            }
        });
        for (pack, words) in bias.chunks_mut(PACK).enumerate() {
            let mut sums = [S::ZERO; PACK];
            of_slot.clone().for_each(|n| add_products(&mut sums, &dy[n * packs + pack], &[1.0; PACK]));
            words.iter_mut().zip(sums).for_each(|(word, sum)| *word = sum.word());
        }
    }
}
