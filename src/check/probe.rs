//! A model with random images and weights, loaded on the oracle.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::batch::Batch;
use crate::cpu::CpuRunner;
use crate::data::{Dataset, shuffled};
use crate::error::Result;
use crate::model::{Model, Shape, Tensor};
use crate::plan::{DatasetShape, Plan, Step};
use crate::recipe::Optimizer;

/// A model with random images and weights, loaded on the oracle, and the arguments of its loss.
pub struct Probe {
    /// The plan: with room for more samples than the step takes, so that some are masked.
    pub plan: Plan,
    /// The oracle, which holds data and weights.
    pub runner: CpuRunner,
    /// The weights; biases are not 0.
    pub tensors: Vec<Tensor>,
    /// A step from index 3 of the order on.
    pub step: Step,
    /// The inputs of the step in f64, `[channel][row][column]` each; every channel is the same.
    pub inputs: Vec<Vec<f64>>,
    /// Their labels.
    pub labels: Vec<u32>,
}

impl Probe {
    /// `count` samples of `model`, whose images do not fill the input, in a plan that has room for two more.
    ///
    /// Errors: a model that does not lower.
    pub fn new(model: &Model, count: usize, optimizer: Optimizer, seed: u64) -> Result<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let Shape { height, width, .. } = model.input;
        let shape = DatasetShape { samples: count + 9, height: height - 2, width: width - 3 };
        let plan = Plan::training(model, count + 2, shape, optimizer)?;
        let bytes = shape.samples * shape.height * shape.width;
        let data = Dataset {
            source: "random".to_owned(),
            height: shape.height,
            width: shape.width,
            images: (0..bytes).map(|_| random.next_u32() as u8).collect(),
            labels: (0..shape.samples).map(|_| (random.next_u32() % model.classes() as u32) as u8).collect(),
        };
        let mut tensors = model.initial_weights(seed);
        for bias in tensors.iter_mut().filter(|t| t.spec.is_bias()) {
            bias.values.iter_mut().for_each(|v| *v = (random.next_u32() % 1000) as f32 / 2000.0 - 0.25);
        }
        let step = Step {
            start: 3,
            count: count as u32,
            row: 2,
            learning_rate: 0.1,
            epsilon: 1e-8,
            weight_decay: 0.01,
            label_smoothing: 0.1,
            ..Step::default()
        };
        let batch = Batch { data, order: shuffled(shape.samples, seed, 0) };
        let chosen = &batch.order[3..3 + count];
        let inputs = chosen.iter().map(|sample| input(model, &batch.data, *sample as usize)).collect();
        let labels = chosen.iter().map(|sample| u32::from(batch.data.labels[*sample as usize])).collect();
        let mut runner = CpuRunner::new(&plan);
        batch.load(&mut runner, &plan, &tensors)?;
        Ok(Self { plan, runner, tensors, step: step.with_decays(0.9, 0.99, 1), inputs, labels })
    }
}

/// A sample in f64, `[channel][row][column]`.
fn input(model: &Model, data: &Dataset, sample: usize) -> Vec<f64> {
    let [background, foreground] = model.levels().map(f64::from);
    let mut map = vec![background; model.input.height * model.input.width];
    let (top, left) = ((model.input.height - data.height) / 2, (model.input.width - data.width) / 2);
    let pixels = data.height * data.width;
    for (index, byte) in data.images[sample * pixels..][..pixels].iter().enumerate() {
        let (row, column) = (index / data.width + top, index % data.width + left);
        map[row * model.input.width + column] += (foreground - background) * f64::from(*byte) / 255.0;
    }
    map.repeat(model.input.channels)
}
