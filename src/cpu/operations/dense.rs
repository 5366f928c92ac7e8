//! Dense layer: every input to every output.

use rayon::prelude::*;

use super::activation;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::{Packed, add_products, add_scaled, lanes, total};
use crate::plan::Dense;

fn packed(dense: &Dense) -> Packed {
    Packed { weights: dense.weights, bias: dense.bias, outputs: dense.outputs, rest: dense.inputs }
}

/// Output of a dense layer.
///
/// ```text
/// Shapes:  x [block,inputs,n]  parameters w [outputs,inputs] packed, b [outputs]  ->  y [block,outputs,n]   f32
/// Math:    y[o,n] = f(b[o] + sum over i of w[o,i] * x[i,n])
/// ```
pub fn forward<S: Sum, const N: usize>(dense: &Dense, x: &[f32], parameters: &[f32]) -> Vec<S::Word> {
    let packed = packed(dense);
    let blocks = x.len() / (N * dense.inputs);
    let mut y = vec![S::ZERO.word(); blocks * dense.outputs * N];
    y.par_chunks_mut(N).enumerate().for_each(|(index, y)| {
        let (block, o) = (index / dense.outputs, index % dense.outputs);
        let mut sums = [S::exact(parameters[dense.bias + o]); N];
        for i in 0..dense.inputs {
            add_scaled(&mut sums, parameters[packed.word(o, i)], lanes::<N>(x, block * dense.inputs + i));
        }
        for (y, sum) in y.iter_mut().zip(sums) {
            *y = activation::forward(dense.activation, sum).word();
        }
    });
    y
}

/// Gradient of the loss with respect to the sums of a dense layer's input.
///
/// ```text
/// Shapes:  dy [block,outputs,n]  parameters w [outputs,inputs] packed  x [block,inputs,n]  ->
///          dx [block,inputs,n]   f32
/// Math:    dx[i,n] = f'(x[i,n]) * sum over o of w[o,i] * dy[o,n]; f is the activation that made x
/// ```
pub fn backward_input<S: Sum, const N: usize>(
    dense: &Dense,
    dy: &[f32],
    parameters: &[f32],
    x: &[f32],
) -> Vec<S::Word> {
    let packed = packed(dense);
    let mut dx = vec![S::ZERO.word(); x.len()];
    dx.par_chunks_mut(N).enumerate().for_each(|(index, dx)| {
        let (block, i) = (index / dense.inputs, index % dense.inputs);
        let mut sums = [S::ZERO; N];
        for o in 0..dense.outputs {
            add_scaled(&mut sums, parameters[packed.word(o, i)], lanes::<N>(dy, block * dense.outputs + o));
        }
        for ((dx, sum), x) in dx.iter_mut().zip(sums).zip(lanes::<N>(x, index)) {
            *dx = activation::backward(dense.input_activation, sum, *x).word();
        }
    });
    dx
}

/// Partial gradients of the loss with respect to the weights and bias of a dense layer.
///
/// ```text
/// Shapes:  x [block,inputs,n]  dy [block,outputs,n]  ->  partials [slot,word]   f32
/// Math:    dw[o,i] = sum over n of dy[o,n] * x[i,n], db[o] = sum over n of dy[o,n], each slot over its blocks
/// Order:   blocks, then samples
/// ```
pub fn backward_weights<S: Sum, const N: usize>(dense: &Dense, x: &[f32], dy: &[f32]) -> Vec<S::Word> {
    let packed = packed(dense);
    let blocks = x.len() / (N * dense.inputs);
    let sums: Vec<Vec<S>> = (0..dense.partials.slots * dense.outputs)
        .into_par_iter()
        .map(|index| {
            let (slot, o) = (index / dense.outputs, index % dense.outputs);
            let blocks = || dense.partials.rows(slot, blocks);
            let dy = |block| lanes::<N>(dy, block * dense.outputs + o);
            let mut all = Vec::with_capacity(packed.rest + 1);
            for i in 0..dense.inputs {
                let mut sums = [S::ZERO; N];
                for block in blocks() {
                    add_products(&mut sums, dy(block), lanes::<N>(x, block * dense.inputs + i));
                }
                all.push(total(&sums));
            }
            let mut sums = [S::ZERO; N];
            for block in blocks() {
                add_scaled(&mut sums, 1.0, dy(block));
            }
            all.push(total(&sums));
            all
        })
        .collect();
    packed.partials(&dense.partials, &sums)
}
