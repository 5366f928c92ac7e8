//! A run on MNIST: a device against the oracle.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::batch::Batch;
use super::quantity::{Quantity, Reference, SHARE, largest, pairs, within};
use crate::cpu::CpuRunner;
use crate::data::{Dataset, Source, Split, shuffled};
use crate::error::{Error, Result};
use crate::model::{Model, Tensor};
use crate::plan::{DatasetShape, Phase, Plan, Runner, Step};
use crate::recipe::Optimizer;

/// Samples per step.
const BATCH: usize = 32;

/// A run of LeNet-5 on MNIST on the oracle, and its drift when its weights are nudged.
///
/// Training amplifies roundings, so no fixed bound on a run after many steps has a reason. This one has: a
/// second run of the oracle, a twin, in which every weight is moved by one unit in the last place, up or
/// down at random, after every step. A device's roundings are about that large; a device passes within `DRIFT` times
/// the distance of the two runs.
pub struct Yardstick {
    pub(super) plan: Plan,
    pub(super) batch: Batch,
    pub(super) tensors: Vec<Tensor>,
    pub(super) steps: Vec<Step>,
    losses: Vec<f64>,
    twin_losses: Vec<f64>,
    first: Snapshot,
    last: Vec<Tensor>,
    twin_last: Vec<Tensor>,
}

/// Allowance of a device in distances of the twin: its sums round at every stage, not once per step.
const DRIFT: f64 = 16.0;

struct Snapshot {
    gradients: Vec<Tensor>,
    weights: Vec<Tensor>,
}

impl Yardstick {
    /// Runs the oracle for `steps` steps, and its twin.
    ///
    /// Errors: none, unless the data inside the program is damaged.
    pub fn new(seed: u64, steps: usize) -> Result<Self> {
        let model = Model::preset("lenet5")?;
        let samples = steps * BATCH;
        let mnist = Dataset::load(&Source::Embedded, Split::Train, (model.input.height, model.input.width))?;
        let pixels = mnist.height * mnist.width;
        let chosen = &shuffled(mnist.len(), seed, 0)[..samples];
        let batch = Batch {
            data: Dataset {
                images: chosen.iter().flat_map(|s| &mnist.images[*s as usize * pixels..][..pixels]).copied().collect(),
                labels: chosen.iter().map(|s| mnist.labels[*s as usize]).collect(),
                ..mnist
            },
            order: shuffled(samples, seed, 1),
        };
        let data = DatasetShape { samples, height: mnist.height, width: mnist.width };
        let plan = Plan::training(&model, BATCH, data, Optimizer::Sgd)?;
        let tensors = model.initial_weights(seed);
        let step = |index: usize| Step {
            start: (index * BATCH) as u32,
            // The last is short, as the last of an epoch is.
            count: if index + 1 == steps { BATCH as u32 - 5 } else { BATCH as u32 },
            row: 0,
            learning_rate: 0.02,
            momentum: 0.9,
            weight_decay: 5e-4,
            ..Step::default()
        };
        let steps: Vec<Step> = (0..steps).map(step).collect();

        let mut runner = CpuRunner::new(&plan);
        let mut twin = CpuRunner::new(&plan);
        batch.load(&mut runner, &plan, &tensors)?;
        batch.load(&mut twin, &plan, &tensors)?;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut losses, mut twin_losses) = (Vec::new(), Vec::new());
        let mut first = None;
        for step in &steps {
            losses.push(take(&mut runner, step)?);
            twin_losses.push(take(&mut twin, step)?);
            let mut weights = twin.read_now(plan.parameters)?;
            for bits in weights.iter_mut().filter(|bits| **bits & 0x7fff_ffff != 0) {
                *bits = if random.next_u32() % 2 == 0 { *bits + 1 } else { *bits - 1 };
            }
            twin.write(plan.parameters, 0, &weights)?;
            if first.is_none() {
                first = Some(Snapshot {
                    gradients: plan.layout.unpack(&runner.read_f32_now(plan.gradients()?)?),
                    weights: plan.layout.unpack(&runner.read_f32_now(plan.parameters)?),
                });
            }
        }
        let last = plan.layout.unpack(&runner.read_f32_now(plan.parameters)?);
        let twin_last = plan.layout.unpack(&twin.read_f32_now(plan.parameters)?);
        let first = first.ok_or_else(|| Error::input("a run of no steps", "ask for at least one"))?;
        Ok(Self { plan, batch, tensors, steps, losses, twin_losses, first, last, twin_last })
    }

    /// Writes the samples and the initial weights to `runner`. Errors: those of the runner.
    pub fn load(&self, runner: &mut dyn Runner) -> Result<()> {
        self.batch.load(runner, &self.plan, &self.tensors)
    }

    /// The plan of the run, for which a runner must be made.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// Runs one training step. Returns its mean loss.
fn take(runner: &mut dyn Runner, step: &Step) -> Result<f64> {
    runner.submit(Phase::Train, std::slice::from_ref(step))?;
    let metrics = runner.collect_now()?[0];
    Ok(f64::from(metrics.loss) / f64::from(metrics.count))
}

/// The first step and the whole run of `yardstick` on `runner`, against the oracle.
///
/// Errors: those of the device.
pub fn check_training(runner: &mut dyn Runner, yardstick: &Yardstick) -> Result<Vec<Reference>> {
    let Yardstick { plan, batch, tensors, steps, losses, twin_losses, first, last, twin_last } = yardstick;
    batch.load(runner, plan, tensors)?;
    let loss = take(runner, &steps[0])?;
    let gradients = plan.layout.unpack(&runner.read_f32_now(plan.gradients()?)?);
    let weights = plan.layout.unpack(&runner.read_f32_now(plan.parameters)?);
    let mut quantities = vec![Quantity::of("loss", [(loss, losses[0], SHARE * losses[0])])];
    for (actual, expected) in gradients.iter().zip(&first.gradients) {
        quantities.push(within(SHARE, &format!("gradient of {}", actual.spec.name), &actual.values, &expected.values));
    }
    let rate = f64::from(steps[0].learning_rate);
    for ((actual, expected), gradient) in weights.iter().zip(&first.weights).zip(&first.gradients) {
        let moved = rate * SHARE * largest(&gradient.values) + 1e-30;
        let elements = pairs(&actual.values, &expected.values).map(|(a, e)| (a, e, moved + 2.0 * 6e-8 * e.abs()));
        quantities.push(Quantity::of(format!("{} after it", actual.spec.name), elements));
    }
    let one = Reference { name: "one step on MNIST beside the oracle".to_owned(), quantities };

    let mut device_losses = vec![loss];
    for step in &steps[1..] {
        device_losses.push(take(runner, step)?);
    }
    let mut drift = 0.0_f64;
    let curve = device_losses.iter().zip(losses).zip(twin_losses).map(|((device, oracle), twin)| {
        drift = drift.max((oracle - twin).abs());
        (*device, *oracle, DRIFT * drift + SHARE * oracle)
    });
    let mut quantities = vec![Quantity::of(format!("loss of each of {} steps", steps.len()), curve)];
    let weights = plan.layout.unpack(&runner.read_f32_now(plan.parameters)?);
    for ((actual, expected), twin) in weights.iter().zip(last).zip(twin_last) {
        let allowance = DRIFT * distance(&twin.values, &expected.values) + 1e-30;
        let name = format!("distance of {} after {} steps", actual.spec.name, steps.len());
        quantities.push(Quantity::of(name, [(distance(&actual.values, &expected.values), 0.0, allowance)]));
    }
    let name = format!("{} steps on MNIST beside the oracle", steps.len());
    Ok(vec![one, Reference { name, quantities }])
}

/// The Euclidean distance of two tensors.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    pairs(a, b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}
