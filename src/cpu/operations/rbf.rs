//! Radial basis functions: minus the squared distance to the code of each class.

use rayon::prelude::*;

use super::activation;
use crate::cpu::accumulator::Sum;
use crate::cpu::layout::Samples;
use crate::cpu::tiles::grain;
use crate::plan::{PACK, Rbf};

/// `x - w`, with the magnitude of both.
fn difference<S: Sum>(x: f32, w: f32) -> S {
    S::exact(x).plus(S::exact(-w))
}

fn code(rbf: &Rbf, parameters: &[f32], class: usize, input: usize) -> f32 {
    parameters[rbf.weights + (class / PACK * rbf.inputs + input) * PACK + class % PACK]
}

/// Output of radial basis functions.
///
/// ```text
/// Shapes:  x [block,inputs,n]  parameters w [classes,inputs] packed  ->  y [block,classes,n]   f32
/// Math:    y[c,n] = - sum over i of (x[i,n] - w[c,i])^2
/// Source:  LeCun et al. 1998, equation 7, with the sign that makes the nearest code the largest
/// ```
pub fn forward<S: Sum>(samples: Samples, rbf: &Rbf, x: &[f32], parameters: &[f32], y: &mut [S::Word]) {
    let Rbf { inputs, classes, .. } = *rbf;
    let outputs = y.par_chunks_mut(samples.size).with_min_len(grain(inputs * samples.live));
    outputs.enumerate().for_each(|(index, y)| {
        let (block, class) = (index / classes, index % classes);
        for (lane, y) in y[..samples.live].iter_mut().enumerate() {
            let mut sum = S::ZERO;
            for input in 0..inputs {
                let x = x[(block * inputs + input) * samples.size + lane];
                let d: S = difference(x, code(rbf, parameters, class, input));
                sum = sum.plus(S::of(-d.value() * d.value(), d.magnitude() * d.magnitude()));
            }
            *y = sum.word();
        }
    });
}

/// Gradient of the loss with respect to the sums of the layer's input.
///
/// ```text
/// Shapes:  dy [block,classes,n]  parameters w [classes,inputs] packed  x [block,inputs,n]  ->  dx [block,inputs,n]   f32
/// Math:    dx[i,n] = - f'(x[i,n]) * sum over c of 2 (x[i,n] - w[c,i]) dy[c,n]; f is the activation that made x
/// ```
pub fn backward_input<S: Sum>(
    samples: Samples,
    rbf: &Rbf,
    dy: &[f32],
    parameters: &[f32],
    x: &[f32],
    dx: &mut [S::Word],
) {
    let Rbf { inputs, classes, .. } = *rbf;
    let all = dx.par_chunks_mut(samples.size).zip(x.par_chunks(samples.size));
    all.with_min_len(grain(classes * samples.live)).enumerate().for_each(|(index, (dx, x))| {
        let (block, input) = (index / inputs, index % inputs);
        for (lane, (dx, x)) in dx[..samples.live].iter_mut().zip(x).enumerate() {
            let mut sum = S::ZERO;
            for class in 0..classes {
                let dy = dy[(block * classes + class) * samples.size + lane];
                let d: S = difference(*x, code(rbf, parameters, class, input));
                sum = sum.plus(d.times(-2.0 * f64::from(dy)));
            }
            *dx = activation::backward(rbf.input_activation, sum, *x).word();
        }
    });
}
