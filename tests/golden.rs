//! Training steps of both runners against PyTorch's: scripts/golden.py made the values and says how.

#[path = "common/adapter.rs"]
mod adapter;

use lenet_gpu::cpu::CpuRunner;
use lenet_gpu::gpu::GpuRunner;
use lenet_gpu::model::{Model, Tensor, TensorSpec};
use lenet_gpu::plan::{BLOCK, DatasetShape, Optimizer, Phase, Plan, Runner, Step};

const SGD: Optimizer = Optimizer::Sgd { nesterov: false };

/// A file of golden values.
struct Golden {
    values: std::collections::HashMap<String, Vec<f32>>,
    images: Vec<u8>,
    labels: Vec<u32>,
    settings: serde_json::Value,
}

fn golden(preset: &str) -> Golden {
    let path = format!("{}/assets/golden/{preset}_step.safetensors", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let settings = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["settings"]).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let words = |name: &str| -> Vec<[u8; 4]> { file.tensor(name).unwrap().data().as_chunks().0.to_vec() };
    let values = file
        .names()
        .into_iter()
        .filter(|name| !["images", "labels"].contains(name))
        .map(|name| (name.to_owned(), words(name).into_iter().map(f32::from_le_bytes).collect()))
        .collect();
    Golden {
        values,
        images: file.tensor("images").unwrap().data().to_vec(),
        labels: words("labels").into_iter().map(u32::from_le_bytes).collect(),
        settings,
    }
}

impl Golden {
    /// The tensors called `<kind>.<layer>.weight` and `.bias`.
    fn tensors(&self, kind: &str, model: &Model) -> Vec<Tensor> {
        let tensor = |spec: TensorSpec| Tensor { values: self.values[&format!("{kind}.{}", spec.name)].clone(), spec };
        model.tensors().into_iter().map(tensor).collect()
    }

    /// The step that `run` takes as its `t`th, from 1.
    fn step(&self, run: &str, t: i32) -> Step {
        let settings = &self.settings["runs"][run];
        let number = |value: &serde_json::Value| value.as_f64().map(|v| v as f32);
        let momentum = number(&settings["momentum"]).or(number(&settings["betas"][0])).unwrap();
        let beta2 = number(&settings["betas"][1]).unwrap_or(0.0);
        let correction = |beta: f32| (1.0 / (1.0 - f64::from(beta).powi(t))) as f32;
        Step {
            count: self.labels.len() as u32,
            learning_rate: number(&settings["lr"]).unwrap(),
            momentum,
            beta2,
            epsilon: number(&settings["eps"]).unwrap_or(0.0),
            weight_decay: number(&settings["weight_decay"]).unwrap(),
            label_smoothing: number(&self.settings["label_smoothing"]).unwrap(),
            correction1: correction(momentum),
            correction2: correction(beta2),
            ..Step::default()
        }
    }

    fn runner(&self, device: Device, model: &Model, optimizer: Optimizer) -> (Plan, Box<dyn Runner>) {
        let samples = self.labels.len();
        let data = DatasetShape { samples, height: 28, width: 28 };
        let plan = Plan::new(model, samples, data, optimizer).unwrap();
        let mut runner = device.open(&plan);
        let images: Vec<u32> = self.images.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        runner.write(plan.images, 0, &images).unwrap();
        runner.write(plan.labels, 0, &self.labels).unwrap();
        runner.write(plan.order, 0, &(0..samples as u32).collect::<Vec<_>>()).unwrap();
        let initial = plan.layout.pack(&self.tensors("initial", model)).unwrap();
        runner.write_f32(plan.parameters, 0, &initial).unwrap();
        (plan, runner)
    }
}

#[derive(Debug, Clone, Copy)]
enum Device {
    Oracle,
    Gpu,
}

impl Device {
    fn open(self, plan: &Plan) -> Box<dyn Runner> {
        match self {
            Self::Oracle => Box::new(CpuRunner::new(plan)),
            Self::Gpu => Box::new(GpuRunner::new(&adapter::adapter(), plan).unwrap()),
        }
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
        let golden = golden(preset);
        let model = Model::preset(preset).unwrap();
        let (plan, mut runner) = golden.runner(device, &model, SGD);
        let run = if preset == "lenet5" { "sgd" } else { "nesterov" };
        runner.submit(Phase::Train, &[golden.step(run, 1)]).unwrap();
        let metrics = runner.collect().unwrap()[0];

        let samples = golden.labels.len();
        let logits = runner.read_f32(plan.find("output").unwrap()).unwrap();
        let logits: Vec<f32> = (0..samples * 10).map(|i| logits[i % 10 * BLOCK + i / 10]).collect();
        let bound = device.share() * largest(&golden.values["logits"]);
        assert_close(&format!("{preset}: logits"), &logits, &golden.values["logits"], |_| bound);
        // The mean of 8 losses near 2.3, from logits as above; `log` of a GPU may err by 2e-6.
        let bound = 2.5 * device.share();
        assert_close(&format!("{preset}: loss"), &[metrics.loss / metrics.count], &golden.values["loss"], |_| bound);

        let gradients = plan.layout.unpack(&runner.read_f32(plan.gradients).unwrap());
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
        ("lenet5-keras", "nesterov", 3, Optimizer::Sgd { nesterov: true }),
        ("lenet5", "adam", 3, Optimizer::Adam),
        ("lenet5", "adamw", 3, Optimizer::AdamW),
    ];
    for (preset, run, steps, optimizer) in cases {
        let golden = golden(preset);
        let model = Model::preset(preset).unwrap();
        let (plan, mut runner) = golden.runner(device, &model, optimizer);
        let table: Vec<Step> = (1..=steps).map(|t| golden.step(run, t)).collect();
        runner.submit(Phase::Train, &table).unwrap();
        let rate = table[0].learning_rate;

        let weights = plan.layout.unpack(&runner.read_f32(plan.parameters).unwrap());
        let expected = golden.tensors(&format!("{run}.{steps}"), &model);
        let gradients = golden.tensors("gradient", &model);
        for ((actual, expected), gradient) in weights.iter().zip(&expected).zip(&gradients) {
            let error = device.share() * largest(&gradient.values);
            let tolerance = |i: usize| {
                // Weights are rounded by 2^-24 of their size at each step here, and once in the file.
                let rounding = (steps + 1) as f32 * 6e-8 * expected.values[i].abs();
                let from_gradient = match optimizer {
                    // Three steps of momentum add up 1 + 1.9 + 2.71 gradients, with Nesterov 1.9 + 2.71 + 3.44.
                    Optimizer::Sgd { .. } => rate * 8.1 * error,
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
            let moved = actual.values.iter().zip(&golden.values[&format!("initial.{}", actual.spec.name)]);
            assert!(moved.into_iter().any(|(a, b)| (a - b).abs() > 0.1 * rate * largest(&gradient.values)), "{name}");
        }
    }
}
