//! One step of an optimiser over all parameters, as PyTorch defines it.

use rayon::prelude::*;

use crate::cpu::accumulator::Sum;
use crate::cpu::tiles::grain;
use crate::plan::Step;
use crate::recipe::Optimizer;

/// New parameters and state, by [`sgd`] or [`adam`]. Where the mask is 0, they have neither gradient nor decay: a
/// parameter without momentum stays as it is.
///
/// ```text
/// Shapes:  gradients [word]  mask [word]  parameters [word]  each state [word]  ->  parameters [word], each state [word]   f32
/// ```
pub fn update<S: Sum>(
    optimizer: Optimizer,
    step: &Step,
    gradients: impl IndexedParallelIterator<Item = S>,
    mask: Option<&[f32]>,
    parameters: &[f32],
    states: &[&[f32]],
) -> Vec<Vec<S::Word>> {
    let words = || vec![S::ZERO.word(); parameters.len()];
    let (mut new_w, mut new_m) = (words(), words());
    let fixed = Step { weight_decay: 0.0, ..*step };
    let masked = |(index, gradient): (usize, S)| match mask {
        Some(mask) if mask[index] == 0.0 => (S::ZERO, &fixed),
        _ => (gradient, step),
    };
    let inputs = gradients.enumerate().map(masked).zip(parameters).zip(states[0]);
    let sums = new_w.par_iter_mut().zip(&mut new_m).zip(inputs).with_min_len(grain(10));
    match optimizer {
        Optimizer::Sgd | Optimizer::Nesterov => {
            sums.for_each(|((new_w, new_m), (((g, step), w), m))| {
                let (w, m) = sgd(optimizer == Optimizer::Nesterov, step, g, S::exact(*w), S::exact(*m));
                (*new_w, *new_m) = (w.word(), m.word());
            });
            vec![new_w, new_m]
        }
        Optimizer::Adam | Optimizer::AdamW => {
            let mut new_v = words();
            sums.zip(new_v.par_iter_mut().zip(states[1])).for_each(
                |(((new_w, new_m), (((g, step), w), m)), (new_v, v))| {
                    let decoupled = optimizer == Optimizer::AdamW;
                    let (w, m, v) = adam(decoupled, step, g, S::exact(*w), S::exact(*m), S::exact(*v));
                    (*new_w, *new_m, *new_v) = (w.word(), m.word(), v.word());
                },
            );
            vec![new_w, new_m, new_v]
        }
    }
}

/// Stochastic gradient descent with momentum: new parameter and momentum.
///
/// ```text
/// Math:    g += decay * w; m = momentum * m + g; w -= rate * m (Nesterov: rate * (g + momentum * m))
/// Source:  PyTorch's SGD with dampening 0
/// ```
pub fn sgd<S: Sum>(nesterov: bool, step: &Step, g: S, w: S, m: S) -> (S, S) {
    let momentum = f64::from(step.momentum);
    let g = g.plus(w.times(step.weight_decay.into()));
    let m = m.times(momentum).plus(g);
    let direction = if nesterov { g.plus(m.times(momentum)) } else { m };
    (w.plus(direction.times(-f64::from(step.learning_rate))), m)
}

/// Adam, or AdamW if the weight decay is `decoupled`: new parameter, first and second moment.
///
/// ```text
/// Math:    Adam: g += decay * w; AdamW: w *= 1 - rate * decay. Then m = b1 m + (1 - b1) g,
///          v = b2 v + (1 - b2) g^2, w -= rate * (m * correction1) / (sqrt(v * correction2) + epsilon)
/// Source:  Kingma and Ba 2015; Loshchilov and Hutter 2019; PyTorch's Adam and AdamW
/// ```
pub fn adam<S: Sum>(decoupled: bool, step: &Step, g: S, w: S, m: S, v: S) -> (S, S, S) {
    let (beta1, beta2) = (f64::from(step.momentum), f64::from(step.beta2));
    let (rate, decay) = (f64::from(step.learning_rate), f64::from(step.weight_decay));
    let (g, w) = if decoupled { (g, w.plus(w.times(-rate * decay))) } else { (g.plus(w.times(decay)), w) };
    let m = m.times(beta1).plus(g.times(1.0 - beta1));
    let square = S::of(g.value() * g.value(), g.magnitude() * g.magnitude());
    let v = v.times(beta2).plus(square.times(1.0 - beta2));

    let (mean, variance) = (m.times(step.correction1.into()), v.times(step.correction2.into()));
    let scale = variance.value().sqrt() + f64::from(step.epsilon);
    let direction = mean.value() / scale;
    // Error of the quotient: that of the numerator, plus one rounding and the relative error of the root.
    let spread = mean.magnitude() / scale + direction.abs() * (1.0 + variance.magnitude() / (scale * scale));
    (w.plus(S::of(direction, spread).times(-rate)), m, v)
}
