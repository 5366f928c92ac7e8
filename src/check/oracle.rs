//! The check of the oracle: its gradients against central differences of a loss that shares no code with it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use strum::VariantArray;

use super::models::models;
use super::probe::Probe;
use super::quantity::Quantity;
use super::reference::{Nudge, Weights, mean_loss, widen};
use crate::cpu::{Samples, operations::conv2d};
use crate::error::Result;
use crate::model::{Activation, Model};
use crate::plan::{OpKind, Pass, Phase, Plan, Runner};
use crate::recipe::Optimizer;

/// Samples per step.
const SAMPLES: usize = 2;

/// Elements per tensor that are compared.
const ELEMENTS: usize = 8;

/// Distance that a parameter is moved, up and down.
const NUDGE: f64 = 1e-6;

/// One quantity per model and activation: the worst of [`check_gradients`] on small [`models`].
///
/// Errors: none, as long as the models are valid.
pub fn check_oracle(seed: u64) -> Result<Vec<Quantity>> {
    let mut quantities = Vec::new();
    for activation in Activation::VARIANTS.iter().copied() {
        for model in models(activation)? {
            let name = format!("{}, {}", model.name, activation.name());
            quantities.push(check_gradients(name, &model, SAMPLES, seed)?);
        }
    }
    Ok(quantities)
}

/// The worst of the oracle's loss of `count` samples of `model`, and of some elements of each of its gradients
/// (weights, biases, sums of each layer), against central differences of a loss that shares no code with the oracle.
///
/// Allowance: a gradient went through some ten roundings to f32 of 2^-24 = 6e-8, of terms as large as the largest of
/// its tensor where a sum cancels: 2e-6 of that. The difference itself errs by about 2^-53 / 1e-6 = 1e-10: 1e-9.
/// Gradients of masked samples and of weights that are not trained are 0.
///
/// Errors: a model that does not lower.
pub fn check_gradients(name: String, model: &Model, count: usize, seed: u64) -> Result<Quantity> {
    let Probe { plan, mut runner, tensors, step, inputs, labels } = Probe::new(model, count, Optimizer::Sgd, seed)?;
    let mut random = ChaCha8Rng::seed_from_u64(seed + 1);
    runner.submit(Phase::Train, &[step])?;
    let metrics = runner.collect_now()?[0];
    let weights = widen(&tensors);
    let loss =
        |weights: &Weights, nudge| mean_loss(model, weights, &inputs, &labels, f64::from(step.label_smoothing), nudge);
    let expected = loss(&weights, None);
    let mut compared = vec![(f64::from(metrics.loss) / f64::from(metrics.count), expected, 1e-6 * expected)];
    let mut compare = |gradient: &[f32], loss: &dyn Fn(usize, f64) -> f64| {
        let largest = gradient.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
        for _ in 0..ELEMENTS.min(gradient.len()) {
            let element = random.next_u32() as usize % gradient.len();
            let slope = (loss(element, NUDGE) - loss(element, -NUDGE)) / (2.0 * NUDGE);
            compared.push((f64::from(gradient[element]), slope, 2e-6 * f64::from(largest) + 1e-9));
        }
    };
    for (index, gradient) in plan.layout.unpack(&runner.read_f32_now(plan.gradients()?)?).iter().enumerate() {
        let placed = &plan.layout.tensors[index];
        compare(&gradient.values, &|element, by| {
            let mut weights = weights.clone();
            let trained = plan.layout.fixed.iter().all(|(word, _)| *word != placed.word(element));
            weights[index][element] += if trained { by } else { 0.0 };
            loss(&weights, None)
        });
    }
    let mut masked = Vec::new();
    for (layer, spec) in model.layers.iter().enumerate() {
        let Some(blocks) = gradient_of_sums(&plan, &mut runner, &spec.name)? else { continue };
        let elements = spec.output.elements();
        let all = plan.blocks.unblock(&blocks, elements, plan.blocks.samples());
        compare(&all[..count * elements], &|element, by| {
            let nudge = Nudge { layer, sample: element / elements, element: element % elements, by };
            loss(&weights, Some(nudge))
        });
        masked.extend(all[count * elements..].iter().map(|gradient| (f64::from(*gradient), 0.0, 1e-30)));
    }
    Ok(Quantity::of(name, compared.into_iter().chain(masked)))
}

/// The gradient of the sums of a layer, `[block][channel][row][column][sample]`; `None` for pooling fused with a
/// convolution.
fn gradient_of_sums(plan: &Plan, runner: &mut dyn Runner, layer: &str) -> Result<Option<Vec<f32>>> {
    let mut ops = plan.ops.iter().filter(|op| op.layer == layer).peekable();
    if ops.peek().is_none() {
        return Ok(None);
    }
    let fused = ops.find_map(|op| match op.kind {
        OpKind::Conv2d(Pass::BackwardWeights, conv) if conv.max_pool => Some((conv, op.buffers[1], op.buffers[2])),
        _ => None,
    });
    Ok(match (fused, plan.find(&format!("{layer}.gradient"))) {
        (Some((conv, dy, argmax)), _) => {
            Some(conv2d::unpool(Samples::all(plan.blocks), &conv, &runner.read_f32_now(dy)?, &runner.read_now(argmax)?))
        }
        (None, Some(gradient)) => Some(runner.read_f32_now(gradient)?),
        (None, None) => None,
    })
}
