//! Training: the loop, schedules, weights, checkpoints, and the events it emits.
//!
//! ```no_run
//! use lenet_gpu::{cpu::CpuRunner, recipe::Optimizer, train::*};
//! # fn main() -> lenet_gpu::Result<()> {
//! let training = Training::new(TrainConfig::defaults("lenet5", Optimizer::Sgd)?)?;
//! let mut runner = CpuRunner::new(training.plan());
//! let folder = RunFolder::create(None, "lenet5")?;
//! training.run(&mut runner, &folder, None, &Default::default(), &mut |event| println!("{event:?}"))?;
//! # Ok(())
//! # }
//! ```
//!
//! # Contracts
//! - **Bits.** The same config, data and device give the same weights, however the run is cut into
//!   submissions, stopped and resumed: shuffles are a function of seed and epoch, the learning rate of
//!   the step, and sums over an epoch are added in step order and kept in the checkpoint.
//! - **Test set.** It is read once, after training, with the last weights: nothing is chosen by it.
//! - **Divergence.** A loss or a parameter that is not finite ends the run, and is never saved.

mod checkpoint;
mod config;
mod drive;
mod evaluate;
mod events;
mod run_folder;
mod weights;

pub use checkpoint::{Checkpoint, Progress, parameters};
pub use config::TrainConfig;
pub use evaluate::{Evaluation, Score, evaluate, logits, write_data};
pub use events::{EpochDone, Event, Finished, Started, StepDone};
pub use run_folder::RunFolder;
pub use weights::Weights;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::data::{Dataset, Split, shuffled};
use crate::error::{Error, Result};
use crate::model::{Model, Tensor};
use crate::plan::{DatasetShape, Device, Phase, Plan, Runner, Step};
use checkpoint::state_name;
use drive::{Pace, drive};

/// A run that is ready for a device: data loaded and checked, model lowered.
#[derive(Debug)]
pub struct Training {
    config: TrainConfig,
    plan: Plan,
    train: Dataset,
    test: Dataset,
    /// Samples of `train` to train on, and those held out.
    trained: Range<usize>,
    held_out: Range<usize>,
    dataset_sha256: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Trained and tested.
    Finished(Box<Finished>),
    /// Told to stop; the checkpoint has what it takes to go on.
    Interrupted {
        /// Steps done.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
    },
}

impl Training {
    /// Validates `config`, loads its data and lowers its model.
    ///
    /// Errors: a value out of range (the flag is named), data that cannot be read or does not fit the model.
    pub fn new(config: TrainConfig) -> Result<Self> {
        config.validate()?;
        let source = config.source();
        let input = Model::preset(&config.model)?.input;
        let load = |split| Dataset::load(&source, split, (input.height, input.width));
        let (train, test) = (load(Split::Train)?, load(Split::Test)?);
        Self::with_data(config, train, test)
    }

    /// [`Training::new`] with data already in memory.
    pub fn with_data(config: TrainConfig, train: Dataset, test: Dataset) -> Result<Self> {
        config.validate()?;
        let model = Model::preset(&config.model)?;
        train.check_classes(model.classes())?;
        test.check_classes(model.classes())?;
        if (train.height, train.width) != (test.height, test.width) {
            return Err(Error::input(
                format!(
                    "{}: training images are {}x{}, test images {}x{}",
                    train.source, train.height, train.width, test.height, test.width
                ),
                "use two halves of one dataset",
            ));
        }
        let (trained, held_out) = train.hold_out_last(config.validation)?;
        let shape = DatasetShape { samples: train.len().max(test.len()), height: train.height, width: train.width };
        let plan = Plan::training(&model, config.batch, shape, config.optimizer)?;
        let mut hash = Sha256::new();
        hash.update(format!("{}x{}x{}", train.len(), train.height, train.width));
        hash.update(&train.images);
        hash.update(&train.labels);
        let dataset_sha256 = weights::hex(&hash.finalize());
        Ok(Self { config, plan, train, test, trained, held_out, dataset_sha256 })
    }

    /// What the runner given to [`Training::run`] must have been made for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the run is told to do.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Steps of an epoch; the last may be short.
    pub fn steps_per_epoch(&self) -> u64 {
        self.trained.len().div_ceil(self.config.batch) as u64
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> u64 {
        u64::from(self.config.epochs) * self.steps_per_epoch()
    }

    /// Trains on `runner` from the seed or from a checkpoint, validates and saves after every epoch, and
    /// tests at the end. Everything that happens goes to `events.jsonl` in `folder` and to `emit`.
    ///
    /// When `stop` turns true the steps in flight are finished and a checkpoint is saved.
    /// Errors: a loss that is not finite (the step and its learning rate are named), files that cannot be
    /// written, a checkpoint of other data, those of the device.
    pub fn run(
        &self,
        runner: &mut dyn Runner,
        folder: &RunFolder,
        from: Option<&Checkpoint>,
        stop: &AtomicBool,
        emit: &mut dyn FnMut(&Event),
    ) -> Result<Outcome> {
        let device = runner.device().clone();
        let mut log = folder.events()?;
        let mut tell = |event: Event| {
            emit(&event);
            log.append(&event)
        };
        let mut session = Session {
            training: self,
            runner,
            folder,
            device,
            tell: &mut tell,
            pace: Pace::default(),
            progress: from.map(|c| c.progress.clone()).unwrap_or_default(),
            saved: from.map(|c| c.progress.step),
            trained_samples: 0.0,
            training_s: 0.0,
        };
        session.start(from)?;
        session.run(stop)
    }
}

/// One call of [`Training::run`].
struct Session<'a> {
    training: &'a Training,
    runner: &'a mut dyn Runner,
    folder: &'a RunFolder,
    device: Device,
    tell: &'a mut dyn FnMut(Event) -> Result<()>,
    pace: Pace,
    progress: Progress,
    /// Step of the newest checkpoint.
    saved: Option<u64>,
    /// Images trained in this session, and the seconds that took.
    trained_samples: f64,
    training_s: f64,
}

impl Session<'_> {
    fn start(&mut self, from: Option<&Checkpoint>) -> Result<()> {
        let Training { config, plan, train, test, trained, held_out, dataset_sha256 } = self.training;
        if from.is_some_and(|c| c.dataset_sha256 != *dataset_sha256) {
            return Err(Error::input(
                format!("{}: not the data this run was trained with", train.source),
                "put the data back where it was, or train anew",
            ));
        }
        if from.is_none() {
            self.folder.write_config(config)?;
        }
        let tensors = from.map_or_else(|| plan.model.initial_weights(config.seed), Checkpoint::parameters);
        self.runner.write_f32(plan.parameters, 0, &plan.layout.pack(&tensors)?)?;
        for (state, name) in plan.states.iter().zip(config.optimizer.states()) {
            let values = from.map(|c| plan.layout.pack(&c.state(name))).transpose()?;
            self.runner.write_f32(*state, 0, &values.unwrap_or_else(|| vec![0.0; plan.layout.words]))?;
        }
        write_data(self.runner, plan, train)?;
        // Held-out samples keep their places; each epoch overwrites only those before them.
        self.runner.write(plan.order, 0, &(0..train.len() as u32).collect::<Vec<_>>())?;
        (self.tell)(Event::Started(Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run: self.folder.path().to_owned(),
            adapter: self.device.name.clone(),
            backend: self.device.backend.clone(),
            driver: events::driver(&self.device),
            kind: self.device.kind.clone(),
            parameters: plan.model.parameters(),
            dataset: train.source.clone(),
            train_samples: trained.len(),
            validation_samples: held_out.len(),
            test_samples: test.len(),
            step: self.progress.step,
            steps: self.training.steps(),
            config: config.clone(),
        }))
    }

    fn run(&mut self, stop: &AtomicBool) -> Result<Outcome> {
        let began = Instant::now();
        while self.progress.step < self.training.steps() {
            match self.train_epoch(stop)? {
                Some(samples_per_s) => self.end_epoch(samples_per_s, began)?,
                None => self.save(false)?,
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(Outcome::Interrupted { step: self.progress.step, steps: self.training.steps() });
            }
        }
        self.finish(began.elapsed().as_secs_f64())
    }

    /// Trains to the end of the epoch: images a second; none if it was told to stop before.
    fn train_epoch(&mut self, stop: &AtomicBool) -> Result<Option<f64>> {
        let Training { config, plan, trained, .. } = self.training;
        let (per_epoch, steps) = (self.training.steps_per_epoch(), self.training.steps());
        let epoch = self.progress.step / per_epoch;
        let first = self.progress.step;
        if first.is_multiple_of(per_epoch) {
            (self.progress.epoch_loss, self.progress.epoch_correct) = (0.0, 0.0);
        }
        self.runner.write(plan.order, 0, &shuffled(trained.len(), config.seed, epoch))?;
        let left: Vec<Step> = (epoch * per_epoch..)
            .zip(Step::default().batches(trained.clone(), config.batch))
            .skip((first % per_epoch) as usize)
            .map(|(step, Step { start, count, .. })| Step { start, count, ..config.step(step, steps) })
            .collect();

        let Self { runner, tell, pace, progress, saved, folder, trained_samples, training_s, .. } = self;
        let began = Instant::now();
        let mut here = 0.0;
        let done = drive(*runner, Phase::Train, &left, pace, &|| stop.load(Ordering::Relaxed), |place, metrics| {
            let (mut loss, mut samples) = (0.0, 0.0);
            for (step, row) in left[place].iter().zip(metrics) {
                if !row.loss.is_finite() {
                    return Err(diverged(
                        &format!(
                            "the loss is not finite at step {} (learning rate {})",
                            progress.step, step.learning_rate
                        ),
                        *saved,
                        folder,
                    ));
                }
                progress.epoch_loss += f64::from(row.loss);
                progress.epoch_correct += f64::from(row.correct);
                progress.step += 1;
                loss += f64::from(row.loss);
                samples += f64::from(row.count);
            }
            here += samples;
            tell(Event::Step(StepDone {
                step: progress.step,
                epoch: epoch + 1,
                loss: loss / samples,
                learning_rate: config.schedule.rate(progress.step - 1, steps, config.learning_rate, config.warmup),
                samples_per_s: here / began.elapsed().as_secs_f64(),
            }))
        })?;
        let seconds = began.elapsed().as_secs_f64();
        *training_s += seconds;
        *trained_samples += here;
        Ok((done == left.len()).then(|| here / seconds))
    }

    /// Validates and saves.
    fn end_epoch(&mut self, samples_per_s: f64, began: Instant) -> Result<()> {
        let Training { plan, trained, held_out, .. } = self.training;
        let epoch = self.progress.step / self.training.steps_per_epoch();
        let score = evaluate::score(self.runner, plan, held_out.clone(), &mut self.pace)?;
        let accuracy = score.accuracy();
        let best = match (accuracy, self.progress.best_validation_accuracy) {
            (Some(now), Some(before)) => now > before,
            _ => true,
        };
        self.progress.validation_accuracy = accuracy;
        if best {
            (self.progress.best_validation_accuracy, self.progress.best_epoch) = (accuracy, epoch);
        }
        (self.tell)(Event::Epoch(EpochDone {
            epoch,
            step: self.progress.step,
            loss: self.progress.epoch_loss / trained.len() as f64,
            accuracy: self.progress.epoch_correct / trained.len() as f64,
            validation_loss: score.mean_loss(),
            validation_accuracy: accuracy,
            best,
            samples_per_s,
            elapsed_s: began.elapsed().as_secs_f64(),
        }))?;
        self.save(best)
    }

    /// Tests the last weights and says how it all went.
    fn finish(&mut self, train_s: f64) -> Result<Outcome> {
        let Training { plan, test, .. } = self.training;
        let tensors = plan.layout.unpack(&self.read_finite()?);
        Weights { tensors, metadata: self.metadata() }.save(&self.folder.last())?;
        let tested = evaluate(self.runner, plan, test)?.score;
        let finished = Finished {
            test_accuracy: tested.correct / tested.count,
            test_loss: tested.loss / tested.count,
            validation_accuracy: self.progress.validation_accuracy,
            best_validation_accuracy: self.progress.best_validation_accuracy,
            best_epoch: self.progress.best_epoch,
            train_s,
            samples_per_s: self.samples_per_s(),
            steps: self.progress.step,
            weights: self.folder.last(),
            best_weights: self.folder.best(),
            run: self.folder.path().to_owned(),
            adapter: self.device.name.clone(),
            backend: self.device.backend.clone(),
            driver: events::driver(&self.device),
        };
        (self.tell)(Event::Finished(finished.clone()))?;
        Ok(Outcome::Finished(Box::new(finished)))
    }

    /// Writes a checkpoint, and the best weights before it: a run that is cut in between repeats both.
    fn save(&mut self, best: bool) -> Result<()> {
        let Training { config, plan, dataset_sha256, .. } = self.training;
        let mut tensors = plan.layout.unpack(&self.read_finite()?);
        let mut metadata = self.metadata();
        if best {
            Weights { tensors: tensors.clone(), metadata: metadata.clone() }.save(&self.folder.best())?;
        }
        for (state, name) in plan.states.iter().zip(config.optimizer.states()) {
            let values = plan.layout.unpack(&self.runner.read_f32_now(*state)?);
            tensors.extend(values.into_iter().map(|mut tensor: Tensor| {
                tensor.spec.name = state_name(name, &tensor.spec.name);
                tensor
            }));
        }
        let json = |value: serde_json::Result<String>| value.map_err(|e| Error::outcome(e.to_string(), ""));
        metadata.insert("config".to_owned(), json(serde_json::to_string(config))?);
        metadata.insert("progress".to_owned(), json(serde_json::to_string(&self.progress))?);
        metadata.insert("dataset_sha256".to_owned(), dataset_sha256.clone());
        self.folder.write_checkpoint(&Weights { tensors, metadata })?;
        self.saved = Some(self.progress.step);
        (self.tell)(Event::Checkpoint { step: self.progress.step, path: self.folder.checkpoint() })
    }

    /// The flat parameters. Errors: one is not finite.
    fn read_finite(&mut self) -> Result<Vec<f32>> {
        let flat = self.runner.read_f32_now(self.training.plan.parameters)?;
        if flat.iter().all(|value| value.is_finite()) {
            return Ok(flat);
        }
        let last = self.progress.step.saturating_sub(1);
        let rate = self.training.config.step(last, self.training.steps()).learning_rate;
        let what = format!("a parameter is not finite after step {last} (learning rate {rate})");
        Err(diverged(&what, self.saved, self.folder))
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        let Training { config, train, .. } = self.training;
        [
            ("model", config.model.clone()),
            ("seed", config.seed.to_string()),
            ("adapter", self.device.name.clone()),
            ("backend", self.device.backend.clone()),
            ("driver", self.device.driver.clone()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("dataset", train.source.clone()),
            ("steps", self.progress.step.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    fn samples_per_s(&self) -> Option<f64> {
        (self.trained_samples > 0.0).then(|| self.trained_samples / self.training_s)
    }
}

fn diverged(what: &str, saved: Option<u64>, folder: &RunFolder) -> Error {
    let kept = saved.map_or("no checkpoint was saved before".to_owned(), |step| {
        format!("the checkpoint of step {step} is kept: {}", folder.checkpoint().display())
    });
    Error::outcome(what, format!("train anew with a lower --lr; {kept}"))
}
