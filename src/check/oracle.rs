//! Is the oracle right? Its gradients against central differences of a loss that shares no code with it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Quantity;
use super::reference::{Weights, mean_loss, widen};
use super::training::Batch;
use crate::cpu::CpuRunner;
use crate::error::Result;
use crate::model::{Activation, Initializer, LayerKind, Model, Shape};
use crate::plan::{DatasetShape, Phase, Plan, Runner, Step};
use crate::recipe::Optimizer;

/// Samples of the step; the plan has room for more, so that some are masked.
const SAMPLES: usize = 3;

/// Elements of each tensor that are compared.
const ELEMENTS: usize = 8;

/// How far a parameter is moved each way.
const NUDGE: f64 = 1e-6;

/// One quantity a model and activation: the worst of its loss and of some elements of every gradient.
///
/// Allowance: a gradient went through some ten roundings to f32 of 2^-24 = 6e-8, and what cancels in a sum is
/// of the size of its largest neighbours: 2e-6 of the largest of its tensor. The difference itself errs by
/// about 2^-53 / 1e-6 = 1e-10: 1e-9.
pub fn check_oracle(seed: u64) -> Result<Vec<Quantity>> {
    let mut quantities = Vec::new();
    for activation in Activation::ALL {
        for model in models(activation)? {
            quantities.push(check_model(&model, activation, seed)?);
        }
    }
    Ok(quantities)
}

/// Every layer kind, both ways a convolution is lowered, pools on pools; nothing square.
fn models(activation: Activation) -> Result<[Model; 2]> {
    let conv = |channels, kernel| LayerKind::Conv2d { channels, kernel, activation };
    let logits = |units| LayerKind::Dense { units, activation: Activation::Identity };
    let build = |name, shape, layers: &[(&str, LayerKind)]| {
        Model::new(name, shape, (-0.1, 1.175), Initializer::GlorotUniform, layers)
    };
    Ok([
        build(
            "convolutions and dense layers",
            Shape::new(1, 10, 12),
            &[
                ("c1", conv(5, 3)),
                ("s2", LayerKind::MaxPool { size: 2 }),
                ("c3", conv(6, 3)),
                ("f4", LayerKind::Dense { units: 7, activation }),
                ("output", logits(3)),
            ],
        )?,
        build(
            "pools and a convolution to a point",
            Shape::new(1, 16, 16),
            &[
                ("c1", conv(3, 5)),
                ("s2", LayerKind::AveragePool { size: 2 }),
                ("s3", LayerKind::MaxPool { size: 2 }),
                ("c4", conv(4, 3)),
                ("output", logits(4)),
            ],
        )?,
    ])
}

fn check_model(model: &Model, activation: Activation, seed: u64) -> Result<Quantity> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let Shape { height, width, .. } = model.input;
    let data = DatasetShape { samples: SAMPLES, height: height - 2, width: width - 3 };
    let plan = Plan::training(model, SAMPLES, data, Optimizer::Sgd)?;
    let mut tensors = model.initial_weights(seed);
    for bias in tensors.iter_mut().filter(|t| t.spec.shape.len() == 1) {
        bias.values.iter_mut().for_each(|v| *v = (random.next_u32() % 1000) as f32 / 2000.0 - 0.25);
    }
    let batch = Batch {
        images: (0..SAMPLES * data.height * data.width).map(|_| random.next_u32() as u8).collect(),
        labels: (0..SAMPLES).map(|_| random.next_u32() % model.classes() as u32).collect(),
        order: vec![2, 0, 1],
    };
    let mut runner = CpuRunner::new(&plan);
    batch.load(&mut runner, &plan, &tensors)?;
    let smoothing = 0.1_f32;
    // Two of the three, so that one is masked.
    let used = &batch.order[..2];
    runner.submit(Phase::Train, &[Step { count: 2, label_smoothing: smoothing, ..Step::default() }])?;
    let metrics = runner.collect_now()?[0];
    let gradients = plan.layout.unpack(&runner.read_f32_now(plan.gradients()?)?);

    let inputs: Vec<Vec<f64>> = used.iter().map(|sample| input(model, data, &batch.images, *sample as usize)).collect();
    let labels: Vec<u32> = used.iter().map(|sample| batch.labels[*sample as usize]).collect();
    let weights = widen(&tensors);
    let loss = |weights: &Weights| mean_loss(model, weights, &inputs, &labels, f64::from(smoothing), None);
    let expected = loss(&weights);
    let mut compared = vec![(f64::from(metrics.loss) / f64::from(metrics.count), expected, 1e-6 * expected)];
    for (index, gradient) in gradients.iter().enumerate() {
        let largest = gradient.values.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
        for _ in 0..ELEMENTS.min(gradient.values.len()) {
            let element = random.next_u32() as usize % gradient.values.len();
            let at = |by: f64| {
                let mut weights = weights.clone();
                weights[index][element] += by;
                loss(&weights)
            };
            let slope = (at(NUDGE) - at(-NUDGE)) / (2.0 * NUDGE);
            compared.push((f64::from(gradient.values[element]), slope, 2e-6 * f64::from(largest) + 1e-9));
        }
    }
    Ok(Quantity::of(format!("{}, {}", model.name, activation.name()), compared))
}

/// A sample in f64, `[channel][row][column]` of a model with one channel.
fn input(model: &Model, data: DatasetShape, images: &[u8], sample: usize) -> Vec<f64> {
    let (background, foreground) = (f64::from(model.background), f64::from(model.foreground));
    let mut input = vec![background; model.input.elements()];
    let (top, left) = ((model.input.height - data.height) / 2, (model.input.width - data.width) / 2);
    let pixels = data.height * data.width;
    for (place, byte) in images[sample * pixels..][..pixels].iter().enumerate() {
        let (row, column) = (place / data.width + top, place % data.width + left);
        input[row * model.input.width + column] += (foreground - background) * f64::from(*byte) / 255.0;
    }
    input
}
