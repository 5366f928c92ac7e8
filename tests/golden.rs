//! Training steps of both runners against PyTorch's: scripts/golden.py made the values and says how.

#[path = "common/adapter.rs"]
mod adapter;

use lenet_gpu::check::Golden;
use lenet_gpu::cpu::CpuRunner;
use lenet_gpu::gpu::GpuRunner;
use lenet_gpu::model::Model;
use lenet_gpu::plan::{BLOCK, Phase, Plan, Runner, Step};
use lenet_gpu::recipe::Optimizer;

const SGD: Optimizer = Optimizer::Sgd;

#[derive(Debug, Clone, Copy)]
enum Device {
    Oracle,
    Gpu,
}

impl Device {
    /// A plan and a runner that is loaded with what every run starts from.
    fn open(self, golden: &Golden, model: &Model, optimizer: Optimizer) -> (Plan, Box<dyn Runner>) {
        let plan = golden.plan(model, optimizer).unwrap();
        let mut runner: Box<dyn Runner> = match self {
            Self::Oracle => Box::new(CpuRunner::new(&plan)),
            Self::Gpu => Box::new(GpuRunner::new(&adapter::adapter(), &plan).unwrap()),
        };
        golden.load(runner.as_mut(), &plan).unwrap();
        (plan, runner)
    }

    /// The share of the largest value of a tensor by which a gradient or logit may differ.
    ///
    /// The oracle stores each of the ten or so stages between image and gradient in f32, rounding by
    /// 2^-24 = 6e-8 each; PyTorch's were exact. A GPU also adds in f32: up to 6,272 terms (28x28 places of 8
    /// samples), a random walk of roundings of about sqrt(6272) = 80 times 6e-8 = 5e-6 of the largest.
    fn share(self) -> f32 {
        match self {
            Self::Oracle => 1e-6,
            Self::Gpu => 1e-5,
        }
    }
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |m, v| m.max(v.abs()))
}

/// Fails, naming the worst, unless every value is within `tolerance(index)` of the expected one.
fn assert_close(name: &str, actual: &[f32], expected: &[f32], tolerance: impl Fn(usize) -> f32) {
    assert_eq!(actual.len(), expected.len(), "{name}");
    let excess = |i: usize| (actual[i] - expected[i]).abs() / tolerance(i);
    let worst = (0..actual.len()).max_by(|a, b| excess(*a).total_cmp(&excess(*b))).unwrap();
    println!("{name}: {:.3} of the tolerance", excess(worst));
    // Not `excess > 1`: a NaN must fail.
    let within = excess(worst) <= 1.0;
    assert!(within, "{name}[{worst}]: {} is not PyTorch's {}", actual[worst], expected[worst]);
}

#[test]
fn a_pass_of_the_oracle_is_pytorchs() {
    a_pass_is_pytorchs(Device::Oracle);
}

#[test]
fn a_pass_of_the_gpu_is_pytorchs() {
    a_pass_is_pytorchs(Device::Gpu);
}

#[test]
fn steps_of_the_oracle_are_pytorchs() {
    steps_are_pytorchs(Device::Oracle);
}

#[test]
fn steps_of_the_gpu_are_pytorchs() {
    steps_are_pytorchs(Device::Gpu);
}

fn a_pass_is_pytorchs(device: Device) {
    for preset in ["lenet5", "lenet5-keras"] {
        let golden = Golden::of(preset).unwrap();
        let model = Model::preset(preset).unwrap();
        let (plan, mut runner) = device.open(&golden, &model, SGD);
        let run = if preset == "lenet5" { "sgd" } else { "nesterov" };
        runner.submit(Phase::Train, &[golden.step(run, 1)]).unwrap();
        let metrics = runner.collect_now().unwrap()[0];

        let samples = golden.samples();
        let logits = runner.read_f32_now(plan.find("output").unwrap()).unwrap();
        let logits: Vec<f32> = (0..samples * 10).map(|i| logits[i % 10 * BLOCK + i / 10]).collect();
        let bound = device.share() * largest(&golden.get("logits"));
        assert_close(&format!("{preset}: logits"), &logits, &golden.get("logits"), |_| bound);
        // The mean of 8 losses near 2.3, from logits as above; `log` of a GPU may err by 2e-6.
        let bound = 2.5 * device.share();
        assert_close(&format!("{preset}: loss"), &[metrics.loss / metrics.count], &golden.get("loss"), |_| bound);

        let gradients = plan.layout.unpack(&runner.read_f32_now(plan.gradients.unwrap()).unwrap());
        for (actual, expected) in gradients.iter().zip(golden.tensors("gradient", &model)) {
            let bound = device.share() * largest(&expected.values);
            assert_close(&format!("{preset}: {}", actual.spec.name), &actual.values, &expected.values, |_| bound);
        }
    }
}

fn steps_are_pytorchs(device: Device) {
    let cases = [
        ("lenet5", "sgd", 1, SGD),
        ("lenet5", "sgd", 3, SGD),
        ("lenet5-keras", "nesterov", 3, Optimizer::Nesterov),
        ("lenet5", "adam", 3, Optimizer::Adam),
        ("lenet5", "adamw", 3, Optimizer::AdamW),
    ];
    for (preset, run, steps, optimizer) in cases {
        let golden = Golden::of(preset).unwrap();
        let model = Model::preset(preset).unwrap();
        let (plan, mut runner) = device.open(&golden, &model, optimizer);
        let table: Vec<Step> = (1..=steps).map(|t| golden.step(run, t)).collect();
        runner.submit(Phase::Train, &table).unwrap();
        let rate = table[0].learning_rate;

        let weights = plan.layout.unpack(&runner.read_f32_now(plan.parameters).unwrap());
        let expected = golden.tensors(&format!("{run}.{steps}"), &model);
        let gradients = golden.tensors("gradient", &model);
        for ((actual, expected), gradient) in weights.iter().zip(&expected).zip(&gradients) {
            let error = device.share() * largest(&gradient.values);
            let tolerance = |i: usize| {
                // Weights are rounded by 2^-24 of their size at each step here, and once in the file.
                let rounding = (steps + 1) as f32 * 6e-8 * expected.values[i].abs();
                let from_gradient = match optimizer {
                    // Three steps of momentum add up 1 + 1.9 + 2.71 gradients, with Nesterov 1.9 + 2.71 + 3.44.
                    Optimizer::Sgd | Optimizer::Nesterov => rate * 8.1 * error,
                    // The direction is about g / |g|: it turns by the error of g relative to g, at most from
                    // -1 to 1. Three steps, and gradients that change by a few times from step to step.
                    Optimizer::Adam | Optimizer::AdamW => {
                        rate * 3.0 * (4.0 * error / (gradient.values[i].abs() + 1e-12)).min(2.0)
                    }
                };
                rounding + from_gradient + 1e-12
            };
            let name = format!("{preset}, {run} step {steps}: {}", actual.spec.name);
            assert_close(&name, &actual.values, &expected.values, tolerance);
            let moved = actual.values.iter().zip(golden.get(&format!("initial.{}", actual.spec.name)));
            assert!(moved.into_iter().any(|(a, b)| (a - b).abs() > 0.1 * rate * largest(&gradient.values)), "{name}");
        }
    }
}
