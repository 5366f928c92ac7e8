//! Steps and runs: a device beside PyTorch's golden values, and beside the oracle on MNIST.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Serialize;

use super::{Golden, Quantity, Sources};
use crate::cpu::CpuRunner;
use crate::data::{Dataset, Source, Split, shuffled};
use crate::error::{Error, Result};
use crate::gpu::{Adapter, GpuRunner};
use crate::model::{Model, Tensor};
use crate::plan::{BLOCK, DatasetShape, Phase, Plan, Runner, Step};
use crate::recipe::Optimizer;

/// Quantities that belong together: of one step, or of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Reference {
    /// What was run and what it is compared with.
    pub name: String,
    /// Loss, gradients, weights.
    pub quantities: Vec<Quantity>,
}

/// Images and labels as a plan's buffers take them.
pub(super) struct Batch {
    /// Bytes, `[sample][row][column]`.
    pub images: Vec<u8>,
    /// One a sample.
    pub labels: Vec<u32>,
    /// A permutation of the samples.
    pub order: Vec<u32>,
}

impl Batch {
    /// Writes the samples and `tensors` to `runner`, and zero to the state of the optimiser.
    pub fn load(&self, runner: &mut dyn Runner, plan: &Plan, tensors: &[Tensor]) -> Result<()> {
        let mut bytes = self.images.clone();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let words: Vec<u32> = bytes.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        runner.write(plan.images, 0, &words)?;
        runner.write(plan.labels, 0, &self.labels)?;
        runner.write(plan.order, 0, &self.order)?;
        reset(runner, plan, tensors)
    }
}

/// Writes `tensors` to `runner`, and zero to the state of the optimiser.
pub(super) fn reset(runner: &mut dyn Runner, plan: &Plan, tensors: &[Tensor]) -> Result<()> {
    runner.write_f32(plan.parameters, 0, &plan.layout.pack(tensors)?)?;
    for state in &plan.states {
        runner.write(*state, 0, &vec![0; plan.buffer(*state).words])?;
    }
    Ok(())
}

// -----------------------------------------------------------------------------------------------------
// PyTorch.

/// What a device may differ by from PyTorch's f64, as a share of the largest of a tensor.
///
/// Ten stages between an image and a gradient each sum up to 576 products in f32, so each errs by about
/// sqrt(576) / 2 roundings of 2^-24 = 7e-7 of the magnitude it sums, which is a few times its largest value
/// where signs cancel; ten of them add like a random walk: 7e-7 * sqrt(10) * 4 = 9e-6.
const STEP: f64 = 1e-5;

/// The optimiser that a golden run is named after.
fn optimizer(run: &str) -> Optimizer {
    match run {
        "nesterov" => Optimizer::Nesterov,
        "adam" => Optimizer::Adam,
        "adamw" => Optimizer::AdamW,
        _ => Optimizer::Sgd,
    }
}

/// Steps of every optimiser on `adapter` against PyTorch: logits, loss, gradients, weights after three steps.
///
/// Errors: those of the device.
pub fn check_golden(adapter: &Adapter, sources: Sources) -> Result<Vec<Reference>> {
    let mut references = Vec::new();
    for preset in Golden::presets() {
        let golden = Golden::of(preset)?;
        let model = Model::preset(preset)?;
        for run in golden.runs() {
            let plan = golden.plan(&model, optimizer(run))?;
            let mut runner = GpuRunner::with_sources(adapter, &plan, sources)?;
            golden.load(&mut runner, &plan)?;
            let name = format!("{preset} with {run} against PyTorch");
            references.push(Reference { name, quantities: golden_run(&golden, run, &plan, &mut runner)? });
        }
    }
    Ok(references)
}

fn golden_run(golden: &Golden, run: &str, plan: &Plan, runner: &mut dyn Runner) -> Result<Vec<Quantity>> {
    const STEPS: i32 = 3;
    let model = &plan.model;
    let first = golden.step(run, 1);
    runner.submit(Phase::Train, &[first])?;
    let metrics = runner.collect_now()?[0];
    let classes = model.classes();
    let mut quantities = Vec::new();
    let blocks = runner.read_f32_now(plan.logits)?;
    let expected = golden.get("logits");
    let place = |i: usize| (i / classes / BLOCK * classes + i % classes) * BLOCK + i / classes % BLOCK;
    let logits: Vec<f32> = (0..expected.len()).map(|i| blocks[place(i)]).collect();
    quantities.push(shared("logits", &logits, &expected));
    quantities.push(shared("loss", &[metrics.loss / metrics.count], &golden.get("loss")));
    let gradients = golden.tensors("gradient", model);
    for (actual, expected) in plan.layout.unpack(&runner.read_f32_now(plan.gradients()?)?).iter().zip(&gradients) {
        quantities.push(shared(&format!("gradient of {}", actual.spec.name), &actual.values, &expected.values));
    }

    let rest: Vec<Step> = (2..=STEPS).map(|t| golden.step(run, t)).collect();
    runner.submit(Phase::Train, &rest)?;
    runner.collect_now()?;
    let rate = f64::from(first.learning_rate);
    let expected = golden.tensors(&format!("{run}.{STEPS}"), model);
    let weights = plan.layout.unpack(&runner.read_f32_now(plan.parameters)?);
    for ((actual, expected), gradient) in weights.iter().zip(&expected).zip(&gradients) {
        let error = STEP * largest(&gradient.values);
        let allowance = |i: usize| {
            // A weight is rounded by 2^-24 of its size at each step here, and once in the file.
            let rounding = f64::from(STEPS + 1) * 6e-8 * f64::from(expected.values[i].abs());
            let moved = match optimizer(run) {
                // Three steps of momentum 0.9 add up 1 + 1.9 + 2.71 gradients, with Nesterov 1.9 + 2.71 + 3.44.
                Optimizer::Sgd | Optimizer::Nesterov => rate * 8.1 * error,
                // The direction is about g / |g|: it turns by the error of g relative to g, at most from -1 to
                // 1; gradients change by a few times from step to step.
                Optimizer::Adam | Optimizer::AdamW => {
                    rate * 3.0 * (4.0 * error / (f64::from(gradient.values[i].abs()) + 1e-12)).min(2.0)
                }
            };
            rounding + moved + 1e-12
        };
        let elements = pairs(&actual.values, &expected.values).enumerate().map(|(i, (a, e))| (a, e, allowance(i)));
        quantities.push(Quantity::of(format!("{} after {STEPS} steps", actual.spec.name), elements));
    }
    Ok(quantities)
}

fn pairs<'a>(actual: &'a [f32], expected: &'a [f32]) -> impl Iterator<Item = (f64, f64)> + 'a {
    actual.iter().zip(expected).map(|(a, e)| (f64::from(*a), f64::from(*e)))
}

fn largest(values: &[f32]) -> f64 {
    f64::from(values.iter().fold(0.0_f32, |m, v| m.max(v.abs())))
}

/// Compares within [`STEP`] of the largest expected value.
fn shared(name: &str, actual: &[f32], expected: &[f32]) -> Quantity {
    let allowance = STEP * largest(expected) + 1e-30;
    Quantity::of(name, pairs(actual, expected).map(|(a, e)| (a, e, allowance)))
}

// -----------------------------------------------------------------------------------------------------
// The oracle's own run, made once for all adapters.

/// Samples a step.
const BATCH: usize = 32;

/// A run of LeNet-5 on MNIST on the oracle, and how far it drifts when its weights are nudged.
///
/// Training amplifies roundings, so no fixed bound on a run after many steps has a reason. This one has: a
/// second run of the oracle, a twin, in which every weight is moved by one unit in the last place, up or
/// down at random, after every step. That is about what a device's roundings amount to; `DRIFT` times the
/// distance between the two is what it may be away.
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

/// Times the drift of the twin that a device may be away: its sums round at every stage, not once a step.
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
            images: chosen.iter().flat_map(|s| &mnist.images[*s as usize * pixels..][..pixels]).copied().collect(),
            labels: chosen.iter().map(|s| u32::from(mnist.labels[*s as usize])).collect(),
            order: shuffled(samples, seed, 1),
        };
        let data = DatasetShape { samples, height: mnist.height, width: mnist.width };
        let plan = Plan::training(&model, BATCH, data, Optimizer::Sgd)?;
        let tensors = model.initial_weights(seed);
        let step = |index: usize| Step {
            start: (index * BATCH) as u32,
            // The last is short, as the last of an epoch is.
            count: if index + 1 == steps { BATCH as u32 - 5 } else { BATCH as u32 },
            slot: 0,
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

    /// What a runner must be made for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// One training step; its mean loss.
fn take(runner: &mut dyn Runner, step: &Step) -> Result<f64> {
    runner.submit(Phase::Train, std::slice::from_ref(step))?;
    let metrics = runner.collect_now()?[0];
    Ok(f64::from(metrics.loss) / f64::from(metrics.count))
}

/// The first step and the whole run of `yardstick` on `runner`, beside the oracle.
///
/// Errors: those of the device.
pub fn check_training(runner: &mut dyn Runner, yardstick: &Yardstick) -> Result<Vec<Reference>> {
    let Yardstick { plan, batch, tensors, steps, losses, twin_losses, first, last, twin_last } = yardstick;
    batch.load(runner, plan, tensors)?;
    let loss = take(runner, &steps[0])?;
    let gradients = plan.layout.unpack(&runner.read_f32_now(plan.gradients()?)?);
    let weights = plan.layout.unpack(&runner.read_f32_now(plan.parameters)?);
    let mut quantities = vec![Quantity::of("loss", [(loss, losses[0], STEP * losses[0])])];
    for (actual, expected) in gradients.iter().zip(&first.gradients) {
        quantities.push(shared(&format!("gradient of {}", actual.spec.name), &actual.values, &expected.values));
    }
    let rate = f64::from(steps[0].learning_rate);
    for ((actual, expected), gradient) in weights.iter().zip(&first.weights).zip(&first.gradients) {
        let moved = rate * STEP * largest(&gradient.values) + 1e-30;
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
        (*device, *oracle, DRIFT * drift + STEP * oracle)
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
