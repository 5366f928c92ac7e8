//! PyTorch's values of training steps, inside the program, and a device compared with them.

use std::collections::HashMap;

use safetensors::SafeTensors;
use strum::VariantArray;

use super::batch::Batch;
use super::quantity::{Quantity, Reference, largest, pairs, within};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{Model, Tensor, TensorSpec};
use crate::plan::{DatasetShape, Phase, Plan, Runner, Step};
use crate::recipe::Optimizer;

/// Golden values by preset; scripts/golden.py makes them. None in a build without the feature `golden`.
#[cfg(not(feature = "golden"))]
const GOLDEN: [(&str, &[u8]); 0] = [];
#[cfg(feature = "golden")]
const GOLDEN: [(&str, &[u8]); 3] = [
    ("lenet5", include_bytes!("../../assets/golden/lenet5_step.safetensors")),
    ("lenet5-keras", include_bytes!("../../assets/golden/lenet5-keras_step.safetensors")),
    ("lenet5-1998", include_bytes!("../../assets/golden/lenet5-1998_step.safetensors")),
];

/// The values of one file.
pub struct Golden {
    values: HashMap<String, Vec<f32>>,
    batch: Batch,
    settings: serde_json::Value,
}

impl Golden {
    /// Presets with golden values.
    pub fn presets() -> impl Iterator<Item = &'static str> {
        GOLDEN.into_iter().map(|(preset, _)| preset)
    }

    /// The values of `preset`.
    ///
    /// Errors: a preset without values.
    pub fn of(preset: &str) -> Result<Self> {
        let unknown = || Error::input(format!("no golden values of {preset}"), "choose a preset that has some");
        let (_, bytes) = GOLDEN.into_iter().find(|(name, _)| *name == preset).ok_or_else(unknown)?;
        Self::read(bytes)
    }

    fn read(bytes: &[u8]) -> Result<Self> {
        let damaged = |why: &str| Error::input(format!("the golden values inside the program: {why}"), "report it");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| damaged(&e.to_string()))?;
        let settings =
            header.metadata().as_ref().and_then(|m| m.get("settings")).ok_or_else(|| damaged("no settings"))?;
        let settings = serde_json::from_str(settings).map_err(|e| damaged(&e.to_string()))?;
        let file = SafeTensors::deserialize(bytes).map_err(|e| damaged(&e.to_string()))?;
        let mut values = HashMap::new();
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for (name, view) in file.tensors() {
            let words: &[[u8; 4]] = view.data().as_chunks().0;
            match name.as_str() {
                "images" => images = view.data().to_vec(),
                "labels" => labels = words.iter().map(|w| w[0]).collect(),
                _ => {
                    values.insert(name, words.iter().map(|w| f32::from_le_bytes(*w)).collect());
                }
            }
        }
        let order = (0..labels.len() as u32).collect();
        let data = Dataset { source: "golden values".to_owned(), height: 28, width: 28, images, labels };
        Ok(Self { values, batch: Batch { data, order }, settings })
    }

    /// Names of the runs, each of one optimiser.
    pub fn runs(&self) -> Vec<&str> {
        self.settings["runs"].as_object().map(|runs| runs.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// The optimiser that `run` is named after.
    ///
    /// Errors: a name that no optimiser has.
    pub fn optimizer(&self, run: &str) -> Result<Optimizer> {
        let found = Optimizer::VARIANTS.iter().find(|optimizer| optimizer.name() == run).copied();
        found.ok_or_else(|| {
            Error::input(format!("the golden values inside the program: a run called {run}"), "report it")
        })
    }

    /// Samples per step.
    pub fn samples(&self) -> usize {
        self.batch.data.len()
    }

    /// The plan of a run of `model` with `optimizer`.
    ///
    /// Errors: none, if the model is the preset's.
    pub fn plan(&self, model: &Model, optimizer: Optimizer) -> Result<Plan> {
        let samples = self.samples();
        Plan::training(
            model,
            samples,
            DatasetShape { samples, height: self.batch.data.height, width: self.batch.data.width },
            optimizer,
        )
    }

    /// Writes the samples and the weights that every run starts from to `runner`.
    ///
    /// Errors: those of the device.
    pub fn load(&self, runner: &mut dyn Runner, plan: &Plan) -> Result<()> {
        self.batch.load(runner, plan, &self.tensors("initial", &plan.model))
    }

    /// The values called `name`; empty if there are none.
    pub fn get(&self, name: &str) -> Vec<f32> {
        self.values.get(name).cloned().unwrap_or_default()
    }

    /// The tensors called `<kind>.<layer>.weight` and `.bias`.
    pub fn tensors(&self, kind: &str, model: &Model) -> Vec<Tensor> {
        let tensor = |spec: TensorSpec| Tensor { values: self.get(&format!("{kind}.{}", spec.name)), spec };
        model.tensors().into_iter().map(tensor).collect()
    }

    /// The step that `run` takes as its `t`th, from 1.
    pub fn step(&self, run: &str, t: u64) -> Step {
        let settings = &self.settings["runs"][run];
        let number = |value: &serde_json::Value| value.as_f64().map(|v| v as f32);
        let momentum = number(&settings["momentum"]).or(number(&settings["betas"][0])).unwrap_or(0.0);
        let beta2 = number(&settings["betas"][1]).unwrap_or(0.0);
        let step = Step {
            count: self.samples() as u32,
            learning_rate: number(&settings["lr"]).unwrap_or(0.0),
            epsilon: number(&settings["eps"]).unwrap_or(0.0),
            weight_decay: number(&settings["weight_decay"]).unwrap_or(0.0),
            label_smoothing: number(&self.settings["label_smoothing"]).unwrap_or(0.0),
            ..Step::default()
        };
        step.with_decays(f64::from(momentum), f64::from(beta2), t)
    }
}

/// Steps of every optimiser on the runners that `open` makes, against PyTorch's: logits, loss, gradients, and weights
/// after three steps. A value may differ by `share` of the largest of its tensor.
///
/// Errors: those of the runner.
pub fn check_golden(open: Open, share: f64) -> Result<Vec<Reference>> {
    let mut references = Vec::new();
    for preset in Golden::presets() {
        let golden = Golden::of(preset)?;
        let model = Model::preset(preset)?;
        for run in golden.runs() {
            let plan = golden.plan(&model, golden.optimizer(run)?)?;
            let mut runner = open(&plan)?;
            golden.load(&mut *runner, &plan)?;
            let name = format!("{preset} with {run} against PyTorch");
            references.push(Reference { name, quantities: golden_run(&golden, run, &plan, &mut *runner, share)? });
        }
    }
    Ok(references)
}

/// Makes a runner for a plan.
pub type Open<'a> = &'a dyn Fn(&Plan) -> Result<Box<dyn Runner>>;

/// Steps of a golden run.
const STEPS: u64 = 3;

fn golden_run(golden: &Golden, run: &str, plan: &Plan, runner: &mut dyn Runner, share: f64) -> Result<Vec<Quantity>> {
    let model = &plan.model;
    let first = golden.step(run, 1);
    runner.submit(Phase::Train, &[first])?;
    let metrics = runner.collect_now()?[0];
    let mut quantities = Vec::new();
    let logits = plan.blocks.unblock(&runner.read_f32_now(plan.logits)?, model.classes(), golden.samples());
    quantities.push(within(share, "logits", &logits, &golden.get("logits")));
    quantities.push(within(share, "loss", &[metrics.loss / metrics.count], &golden.get("loss")));
    let gradients = golden.tensors("gradient", model);
    for (actual, expected) in plan.layout.unpack(&runner.read_f32_now(plan.gradients()?)?).iter().zip(&gradients) {
        let name = format!("gradient of {}", actual.spec.name);
        quantities.push(within(share, &name, &actual.values, &expected.values));
    }

    let rest: Vec<Step> = (2..=STEPS).map(|t| golden.step(run, t)).collect();
    runner.submit(Phase::Train, &Step::in_rows(&rest))?;
    runner.collect_now()?;
    let rate = f64::from(first.learning_rate);
    let optimizer = golden.optimizer(run)?;
    let expected = golden.tensors(&format!("{run}.{STEPS}"), model);
    let weights = plan.layout.unpack(&runner.read_f32_now(plan.parameters)?);
    for ((actual, expected), gradient) in weights.iter().zip(&expected).zip(&gradients) {
        let error = share * largest(&gradient.values);
        let allowance = |i: usize| {
            // A weight is rounded by 2^-24 = 6e-8 of its size at each step here, and once in the file.
            let rounding = (STEPS + 1) as f64 * 6e-8 * f64::from(expected.values[i].abs());
            let moved = match optimizer {
                // Three steps of momentum 0.9 add up 1 + 1.9 + 2.71 gradients, with Nesterov 1.9 + 2.71 + 3.44.
                Optimizer::Sgd | Optimizer::Nesterov => rate * 8.1 * error,
                // The direction is about g / |g|: it changes by the relative error of g, at most from -1 to 1. The
                // gradients of later steps differ from the first by a small factor: 4.
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
