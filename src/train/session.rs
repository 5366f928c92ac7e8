//! A run: epochs, validation, checkpoints, test, and their events.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use web_time::Instant;

use super::{
    Checkpoint, EpochDone, Event, Finished, Progress, RunStore, Saved, Started, StepDone, TrainConfig, Training, events,
};
use crate::data::shuffled;
use crate::error::{Error, Result};
use crate::infer::{Pace, drive, evaluate, score, write_data};
use crate::model::Tensor;
use crate::plan::{Device, Phase, Runner, Step};
use crate::weights::{Weights, state_name};

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Trained and tested.
    Finished(Box<Finished>),
    /// Told to stop; the run can be resumed from its checkpoint.
    Interrupted {
        /// Steps done.
        step: u64,
        /// Steps of the whole run.
        steps: u64,
    },
}

impl Training {
    /// Trains on `runner` from the seed or from a checkpoint, validates and saves after every epoch, and
    /// tests at the end. Every event goes to `emit` and then to `store`, which also keeps the weights.
    ///
    /// When `stop` turns true the steps in flight are finished and a checkpoint is saved.
    /// Errors: a loss that is not finite (the step and its learning rate are named), a store that cannot
    /// write, a checkpoint of other data, those of the device.
    pub async fn run(
        &self,
        runner: &mut dyn Runner,
        store: &mut dyn RunStore,
        from: Option<&Checkpoint>,
        stop: &AtomicBool,
        emit: &mut dyn FnMut(&Event),
    ) -> Result<Outcome> {
        let device = runner.device().clone();
        // A run of the oracle's that goes on elsewhere has kernels from then on, and keeps them.
        let before = from.map(|c| &c.config);
        let kernels = device.kernels.or(before.and_then(|config| config.kernels));
        let shaders = device.shaders.clone().or(before.and_then(|config| config.shaders.clone()));
        let mut session = Session {
            training: self,
            config: TrainConfig { kernels, shaders, ..self.config.clone() },
            runner,
            output: Output { store, emit },
            device,
            pace: Pace::default(),
            progress: from.map(|c| c.progress.clone()).unwrap_or_default(),
            saved: from.map(|c| c.progress.step),
            trained_samples: 0.0,
            training_s: 0.0,
        };
        session.start(from)?;
        session.run(stop).await
    }
}

/// Where a run's events and files go.
struct Output<'a> {
    store: &'a mut dyn RunStore,
    emit: &'a mut dyn FnMut(&Event),
}

impl Output<'_> {
    fn tell(&mut self, event: Event) -> Result<()> {
        (self.emit)(&event);
        self.store.event(&event)
    }
}

/// One call of [`Training::run`].
struct Session<'a> {
    training: &'a Training,
    /// That of the training, with the kernels of the runner.
    config: TrainConfig,
    runner: &'a mut dyn Runner,
    output: Output<'a>,
    device: Device,
    pace: Pace,
    progress: Progress,
    /// Step of the newest checkpoint.
    saved: Option<u64>,
    /// Images trained in this session, and the time for them (s).
    trained_samples: f64,
    training_s: f64,
}

impl Session<'_> {
    fn start(&mut self, from: Option<&Checkpoint>) -> Result<()> {
        let Training { plan, train, test, trained, held_out, dataset_sha256, .. } = self.training;
        let config = &self.config;
        from.map_or(Ok(()), |c| c.check_kernels(&self.device))?;
        if from.is_some_and(|c| c.dataset_sha256 != *dataset_sha256) {
            return Err(Error::input(
                format!("{}: not the data this run was trained with", train.source),
                "put the data back where it was, or train anew",
            ));
        }
        if from.is_none() {
            self.output.store.config(config)?;
        }
        let tensors = from.map_or_else(|| plan.model.initial_weights(config.seed), |c| c.weights.parameters());
        self.runner.write_f32(plan.parameters, 0, &plan.layout.pack(&tensors)?)?;
        for (state, name) in plan.states.iter().zip(config.optimizer.states()) {
            let values = from.map(|c| plan.layout.place(&c.weights.state(name))).transpose()?;
            self.runner.write_f32(*state, 0, &values.unwrap_or_else(|| vec![0.0; plan.layout.words]))?;
        }
        write_data(self.runner, plan, train)?;
        // Held-out samples keep their indices; each epoch overwrites those before them.
        self.runner.write(plan.order, 0, &(0..train.len() as u32).collect::<Vec<_>>())?;
        self.output.tell(Event::Started(Box::new(Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run: self.output.store.place(),
            adapter: self.device.name.clone(),
            backend: self.device.backend.clone(),
            driver: events::driver(&self.device),
            kind: self.device.kind.clone(),
            kernels: self.device.kernels,
            parameters: plan.model.parameters(),
            dataset: train.source.clone(),
            train_samples: trained.len(),
            validation_samples: held_out.len(),
            test_samples: test.len(),
            step: self.progress.step,
            steps: self.training.steps(),
            config: config.clone(),
        })))
    }

    async fn run(&mut self, stop: &AtomicBool) -> Result<Outcome> {
        let began = Instant::now();
        while self.progress.step < self.training.steps() {
            match self.train_epoch(stop).await? {
                Some(samples_per_s) => self.end_epoch(samples_per_s, began).await?,
                None => self.save(false).await?,
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(Outcome::Interrupted { step: self.progress.step, steps: self.training.steps() });
            }
        }
        self.finish(began.elapsed().as_secs_f64()).await
    }

    /// Trains to the end of the epoch. Returns images per second; none if it was told to stop before.
    async fn train_epoch(&mut self, stop: &AtomicBool) -> Result<Option<f64>> {
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

        let Self { runner, output, pace, progress, saved, trained_samples, training_s, .. } = self;
        let began = Instant::now();
        let mut here = 0.0;
        let done = drive(*runner, Phase::Train, &left, pace, &|| stop.load(Ordering::Relaxed), |range, metrics| {
            let (mut loss, mut samples) = (0.0, 0.0);
            for (step, row) in left[range].iter().zip(metrics) {
                if !row.loss.is_finite() {
                    return Err(diverged(
                        &format!(
                            "the loss is not finite at step {} (learning rate {})",
                            progress.step, step.learning_rate
                        ),
                        *saved,
                        output.store,
                    ));
                }
                progress.epoch_loss += f64::from(row.loss);
                progress.epoch_correct += f64::from(row.correct);
                progress.step += 1;
                loss += f64::from(row.loss);
                samples += f64::from(row.count);
            }
            here += samples;
            output.tell(Event::Step(StepDone {
                step: progress.step,
                epoch: epoch + 1,
                loss: loss / samples,
                learning_rate: config.schedule.rate(progress.step - 1, steps, config.learning_rate, config.warmup),
                samples_per_s: here / began.elapsed().as_secs_f64(),
            }))
        })
        .await?;
        let seconds = began.elapsed().as_secs_f64();
        *training_s += seconds;
        *trained_samples += here;
        Ok((done == left.len()).then(|| here / seconds))
    }

    /// Validates and saves.
    async fn end_epoch(&mut self, samples_per_s: f64, began: Instant) -> Result<()> {
        let Training { plan, trained, held_out, .. } = self.training;
        let epoch = self.progress.step / self.training.steps_per_epoch();
        let score = score(self.runner, plan, held_out.clone(), &mut self.pace).await?;
        let accuracy = score.accuracy();
        let best = match (accuracy, self.progress.best_validation_accuracy) {
            (Some(now), Some(before)) => now > before,
            _ => true,
        };
        self.progress.validation_accuracy = accuracy;
        if best {
            (self.progress.best_validation_accuracy, self.progress.best_epoch) = (accuracy, epoch);
        }
        self.output.tell(Event::Epoch(EpochDone {
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
        self.save(best).await
    }

    /// Tests the last weights, and reports the end of the run.
    async fn finish(&mut self, train_s: f64) -> Result<Outcome> {
        let Training { plan, test, .. } = self.training;
        let tensors = plan.layout.unpack(&self.read_finite().await?);
        self.output.store.save(Saved::Last, &Weights { tensors, metadata: self.metadata() })?;
        let tested = evaluate(self.runner, plan, test).await?.score;
        let finished = Finished {
            test_accuracy: tested.correct / tested.count,
            test_loss: tested.loss / tested.count,
            validation_accuracy: self.progress.validation_accuracy,
            best_validation_accuracy: self.progress.best_validation_accuracy,
            best_epoch: self.progress.best_epoch,
            train_s,
            samples_per_s: self.samples_per_s(),
            steps: self.progress.step,
            weights: self.output.store.path(Saved::Last),
            best_weights: self.output.store.path(Saved::Best),
            run: self.output.store.place(),
            adapter: self.device.name.clone(),
            backend: self.device.backend.clone(),
            driver: events::driver(&self.device),
            kernels: self.device.kernels,
        };
        self.output.tell(Event::Finished(finished.clone()))?;
        Ok(Outcome::Finished(Box::new(finished)))
    }

    /// Writes the best weights, then a checkpoint: a run that is cut in between repeats both.
    async fn save(&mut self, best: bool) -> Result<()> {
        let Training { plan, dataset_sha256, .. } = self.training;
        let mut tensors = plan.layout.unpack(&self.read_finite().await?);
        let mut metadata = self.metadata();
        if best {
            let weights = Weights { tensors: tensors.clone(), metadata: metadata.clone() };
            self.output.store.save(Saved::Best, &weights)?;
        }
        for (state, name) in plan.states.iter().zip(self.config.optimizer.states()) {
            let values = plan.layout.unpack(&self.runner.read_f32(*state).await?);
            tensors.extend(values.into_iter().map(|mut tensor: Tensor| {
                tensor.spec.name = state_name(name, &tensor.spec.name);
                tensor
            }));
        }
        let json = |value: serde_json::Result<String>| value.map_err(|e| Error::outcome(e.to_string(), ""));
        metadata.insert("config".to_owned(), json(serde_json::to_string(&self.config))?);
        metadata.insert("progress".to_owned(), json(serde_json::to_string(&self.progress))?);
        metadata.insert("dataset_sha256".to_owned(), dataset_sha256.clone());
        self.output.store.save(Saved::Checkpoint, &Weights { tensors, metadata })?;
        self.saved = Some(self.progress.step);
        self.output
            .tell(Event::Checkpoint { step: self.progress.step, path: self.output.store.path(Saved::Checkpoint) })
    }

    /// The flat parameters. Errors: one is not finite.
    async fn read_finite(&mut self) -> Result<Vec<f32>> {
        let flat = self.runner.read_f32(self.training.plan.parameters).await?;
        if flat.iter().all(|value| value.is_finite()) {
            return Ok(flat);
        }
        let last = self.progress.step.saturating_sub(1);
        let rate = self.training.config.step(last, self.training.steps()).learning_rate;
        let what = format!("a parameter is not finite after step {last} (learning rate {rate})");
        Err(diverged(&what, self.saved, self.output.store))
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        let Training { config, plan, train, .. } = self.training;
        let kernels = self.device.kernels.map(|kernels| ("kernel_set", kernels.name().to_owned()));
        let shaders = self.device.shaders.as_ref().map(|own| ("shaders_sha256", own.sha256.clone()));
        [
            ("model", config.model.clone()),
            ("description", plan.model.description().to_json()),
            ("seed", config.seed.to_string()),
            ("adapter", self.device.name.clone()),
            ("backend", self.device.backend.clone()),
            ("driver", self.device.driver.clone()),
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("dataset", train.source.clone()),
            ("steps", self.progress.step.to_string()),
        ]
        .into_iter()
        .chain(kernels)
        .chain(shaders)
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }

    fn samples_per_s(&self) -> Option<f64> {
        (self.trained_samples > 0.0).then(|| self.trained_samples / self.training_s)
    }
}

fn diverged(what: &str, saved: Option<u64>, store: &dyn RunStore) -> Error {
    let kept = saved.map_or("no checkpoint was saved before".to_owned(), |step| {
        format!("the checkpoint of step {step} is kept: {}", store.path(Saved::Checkpoint).display())
    });
    Error::outcome(what, format!("train anew with a lower --lr; {kept}"))
}
