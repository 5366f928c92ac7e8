//! One step of an optimiser over all parameters, as PyTorch defines it.

use rayon::prelude::*;

use super::sums::CHUNK;
use crate::cpu::accumulator::Sum;
use crate::cpu::tiles::grain;
use crate::plan::Step;
use crate::recipe::Optimizer;

/// New parameters and state in place of the old, by [`sgd`] or [`adam`]. Where the mask is 0, they have neither gradient
/// nor decay: a parameter without momentum stays as it is.
///
/// ```text
/// Shapes:  gradients [word]  mask [word]  parameters [word]  each state [word]  ->  parameters [word], each state [word]   f32
/// ```
///
/// `sum` may first put a chunk of gradients in place, given its index: `sums::of_chunk`.
pub fn update<S: Sum>(
    optimizer: Optimizer,
    step: &Step,
    mask: Option<&[f32]>,
    parameters: &mut [S::Word],
    mut states: Vec<&mut [S::Word]>,
    gradients: &mut [S::Word],
    sum: impl Fn(usize, &mut [S::Word]) + Sync,
) {
    let chunks = gradients.par_chunks_mut(CHUNK).zip(parameters.par_chunks_mut(CHUNK)).enumerate();
    let chunks = chunks.with_min_len(grain(10 * CHUNK));
    let all = [1.0; CHUNK];
    let mask = |chunk: usize| mask.map_or(&all[..], |mask| &mask[chunk * CHUNK..]);
    let fixed = Step { weight_decay: 0.0, ..*step };
    let masked = |mask: f32, g: S::Word| if mask == 0.0 { (S::ZERO, &fixed) } else { (S::loaded(g), step) };
    match (optimizer, &mut states[..]) {
        (Optimizer::Sgd | Optimizer::Nesterov, [m]) => {
            chunks.zip(m.par_chunks_mut(CHUNK)).for_each(|((chunk, (g, w)), m)| {
                sum(chunk, g);
                for (((g, w), m), mask) in g.iter().zip(w).zip(m).zip(mask(chunk)) {
                    let nesterov = optimizer == Optimizer::Nesterov;
                    let (g, step) = masked(*mask, *g);
                    let new = sgd(nesterov, step, g, S::loaded(*w), S::loaded(*m));
                    (*w, *m) = (new.0.word(), new.1.word());
                }
            });
        }
        (Optimizer::Adam | Optimizer::AdamW, [m, v]) => {
            let states = m.par_chunks_mut(CHUNK).zip(v.par_chunks_mut(CHUNK));
            chunks.zip(states).for_each(|((chunk, (g, w)), (m, v))| {
                sum(chunk, g);
                for ((((g, w), m), v), mask) in g.iter().zip(w).zip(m).zip(v).zip(mask(chunk)) {
                    let decoupled = optimizer == Optimizer::AdamW;
                    let (g, step) = masked(*mask, *g);
                    let new = adam(decoupled, step, g, S::loaded(*w), S::loaded(*m), S::loaded(*v));
                    (*w, *m, *v) = (new.0.word(), new.1.word(), new.2.word());
                }
            });
        }
        (_, states) => panic!("{} has not {} states", optimizer.name(), states.len()),
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
