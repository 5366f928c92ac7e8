//! PyTorch's values of training steps, inside the program.

use std::collections::HashMap;

use safetensors::SafeTensors;

use super::training::Batch;
use crate::error::{Error, Result};
use crate::model::{Model, Tensor, TensorSpec};
use crate::plan::{DatasetShape, Plan, Runner, Step};
use crate::recipe::Optimizer;

/// Golden values by preset; scripts/golden.py makes them.
const GOLDEN: [(&str, &[u8]); 2] = [
    ("lenet5", include_bytes!("../../assets/golden/lenet5_step.safetensors")),
    ("lenet5-keras", include_bytes!("../../assets/golden/lenet5-keras_step.safetensors")),
];

/// The values of one file.
pub struct Golden {
    values: HashMap<String, Vec<f32>>,
    batch: Batch,
    settings: serde_json::Value,
}

impl Golden {
    /// Presets that there are values of.
    pub fn presets() -> impl Iterator<Item = &'static str> {
        GOLDEN.into_iter().map(|(preset, _)| preset)
    }

    /// The values of `preset`.
    ///
    /// Errors: a preset without any.
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
                "labels" => labels = words.iter().map(|w| u32::from_le_bytes(*w)).collect(),
                _ => {
                    values.insert(name, words.iter().map(|w| f32::from_le_bytes(*w)).collect());
                }
            }
        }
        let order = (0..labels.len() as u32).collect();
        Ok(Self { values, batch: Batch { images, labels, order }, settings })
    }

    /// Names of the runs, each of one optimiser.
    pub fn runs(&self) -> Vec<&str> {
        self.settings["runs"].as_object().map(|runs| runs.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Samples of every step.
    pub fn samples(&self) -> usize {
        self.batch.labels.len()
    }

    /// The plan of a run of `model` with `optimizer`.
    ///
    /// Errors: none, if the model is the preset's.
    pub fn plan(&self, model: &Model, optimizer: Optimizer) -> Result<Plan> {
        let samples = self.samples();
        Plan::training(model, samples, DatasetShape { samples, height: 28, width: 28 }, optimizer)
    }

    /// Writes the samples and the weights that every run starts from to `runner`.
    ///
    /// Errors: those of the device.
    pub fn load(&self, runner: &mut dyn Runner, plan: &Plan) -> Result<()> {
        self.batch.load(runner, plan, &self.tensors("initial", &plan.model))
    }

    /// The values called `name`; none if it is not there.
    pub fn get(&self, name: &str) -> Vec<f32> {
        self.values.get(name).cloned().unwrap_or_default()
    }

    /// The tensors called `<kind>.<layer>.weight` and `.bias`.
    pub fn tensors(&self, kind: &str, model: &Model) -> Vec<Tensor> {
        let tensor = |spec: TensorSpec| Tensor { values: self.get(&format!("{kind}.{}", spec.name)), spec };
        model.tensors().into_iter().map(tensor).collect()
    }

    /// The step that `run` takes as its `t`th, from 1.
    pub fn step(&self, run: &str, t: i32) -> Step {
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
        step.with_decays(f64::from(momentum), f64::from(beta2), t as u64)
    }
}
