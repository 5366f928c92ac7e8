//! A run as it goes: text, a line per epoch; or one JSON object per event.

use super::text::{counted, percent, thousands};
use crate::train::{EpochDone, Event, Finished, Started, StepDone};

/// Text of a run's events.
#[derive(Debug)]
pub struct TrainReport {
    json: bool,
    epochs: u32,
    outputs: Option<usize>,
}

impl TrainReport {
    /// JSON lines or text; `outputs` is the model's number of outputs where its file says another.
    pub fn new(json: bool, outputs: Option<usize>) -> Self {
        Self { json, epochs: 0, outputs }
    }

    /// The lines that tell `event`; none if text has none for it.
    pub fn event(&mut self, event: &Event) -> Option<String> {
        if let Event::Started(started) = event {
            self.epochs = started.config.epochs;
        }
        if self.json {
            return Some(serde_json::to_string(event).unwrap_or_default());
        }
        match event {
            Event::Started(started) => Some(started_text(started, self.outputs)),
            Event::Epoch(epoch) => Some(epoch_text(epoch, self.epochs)),
            Event::Finished(finished) => Some(finished_text(finished)),
            Event::Step(_) | Event::Checkpoint { .. } => None,
        }
    }
}

/// `12,345 samples/s  loss 0.1234`: beside a progress bar.
pub fn step_text(step: &StepDone) -> String {
    format!("{} samples/s  loss {:.4}", thousands(step.samples_per_s as u64), step.loss)
}

fn started_text(started: &Started, outputs: Option<usize>) -> String {
    let config = &started.config;
    let outputs = outputs.map_or(String::new(), |n| format!(" with {n} outputs, one per class of the data"));
    let resumed = if started.step > 0 { format!(", {} of them done", thousands(started.step)) } else { String::new() };
    format!(
        "data      {}: {} training, {} validation, {} test images\n\
         model     {}{outputs}, {} parameters\n\
         training  {}, batch {}, {}{resumed}; {}, {} to {}; seed {}\n\
         run       {}",
        started.dataset,
        thousands(started.train_samples as u64),
        thousands(started.validation_samples as u64),
        thousands(started.test_samples as u64),
        config.model,
        thousands(started.parameters as u64),
        counted(config.epochs.into(), "epoch"),
        config.batch,
        counted(started.steps, "step"),
        config.optimizer.name(),
        config.schedule.name(),
        config.learning_rate,
        config.seed,
        started.run.display(),
    )
}

fn epoch_text(epoch: &EpochDone, epochs: u32) -> String {
    let width = epochs.to_string().len();
    let validation = match epoch.validation_accuracy {
        Some(accuracy) => format!("  validation accuracy {:>7}", percent(accuracy, 2)),
        None => String::new(),
    };
    format!(
        "epoch {:>width$}/{epochs}  loss {:.4}{validation}  {:>9} samples/s",
        epoch.epoch,
        epoch.loss,
        thousands(epoch.samples_per_s as u64),
    )
}

fn finished_text(finished: &Finished) -> String {
    let rate = finished.samples_per_s.map_or(String::new(), |rate| format!(", {} samples/s", thousands(rate as u64)));
    let best = match finished.best_validation_accuracy {
        Some(accuracy) => format!(
            "\nbest      {} (epoch {}, validation accuracy {})",
            finished.best_weights.display(),
            finished.best_epoch,
            percent(accuracy, 2)
        ),
        None => String::new(),
    };
    format!(
        "test      accuracy {}, loss {:.4} (weights of the last step)\n\
         time      {:.1} s{rate}\n\
         weights   {}{best}",
        percent(finished.test_accuracy, 2),
        finished.test_loss,
        finished.train_s,
        finished.weights.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Kernels;
    use crate::report::snapshot;
    use crate::train::TrainConfig;

    fn started(step: u64) -> Event {
        Event::Started(Box::new(Started {
            version: "1.2.3".to_owned(),
            run: "runs/lenet5-1".into(),
            adapter: "A card".to_owned(),
            backend: "vulkan".to_owned(),
            driver: Some("maker 1.2".to_owned()),
            kind: "discrete gpu".to_owned(),
            kernels: Some(Kernels::Gpu),
            parameters: 61_706,
            dataset: "embedded MNIST".to_owned(),
            train_samples: 55_000,
            validation_samples: 5_000,
            test_samples: 10_000,
            step,
            steps: 10_320,
            config: TrainConfig { epochs: 12, ..TrainConfig::defaults("lenet5", None).unwrap() },
        }))
    }

    fn epoch(epoch: u64, validation: Option<f64>) -> Event {
        Event::Epoch(EpochDone {
            epoch,
            step: 860 * epoch,
            loss: 0.321_44,
            accuracy: 0.9,
            validation_loss: validation.map(|_| 0.1),
            validation_accuracy: validation,
            best: true,
            samples_per_s: 12_623.4,
            elapsed_s: 4.5,
        })
    }

    fn finished(validation: Option<f64>, samples_per_s: Option<f64>) -> Event {
        Event::Finished(Finished {
            test_accuracy: 0.994,
            test_loss: 0.020_06,
            validation_accuracy: validation,
            best_validation_accuracy: validation,
            best_epoch: 7,
            train_s: 32.44,
            samples_per_s,
            steps: 10_320,
            weights: "runs/lenet5-1/last.safetensors".into(),
            best_weights: "runs/lenet5-1/best.safetensors".into(),
            run: "runs/lenet5-1".into(),
            adapter: "A card".to_owned(),
            backend: "vulkan".to_owned(),
            driver: Some("maker 1.2".to_owned()),
            kernels: Some(Kernels::Gpu),
        })
    }

    fn step() -> StepDone {
        StepDone { step: 99, epoch: 1, loss: 0.123_44, learning_rate: 0.05, samples_per_s: 12_345.6 }
    }

    /// The text of a run, an empty line for an event without one.
    fn told(outputs: Option<usize>, events: &[Event]) -> String {
        let mut report = TrainReport::new(false, outputs);
        events.iter().map(|event| report.event(event).unwrap_or_default() + "\n").collect()
    }

    #[test]
    fn every_event_is_as_in_its_snapshot() {
        let checkpoint = Event::Checkpoint { step: 860, path: "runs/lenet5-1/checkpoint.safetensors".into() };
        let quiet = [Event::Step(step()), checkpoint];
        assert_eq!(told(None, &quiet), "\n\n", "text has no line for steps and checkpoints");
        let whole = [started(0), epoch(1, Some(0.9616)), epoch(12, Some(1.0)), finished(Some(0.9918), Some(14_054.3))];
        snapshot::assert("training_text", &told(None, &whole));
        let resumed = [started(1_720), epoch(3, None), finished(None, None)];
        snapshot::assert("training_text_resumed_without_validation", &told(Some(26), &resumed));
        assert_eq!(step_text(&step()), "12,345 samples/s  loss 0.1234");
    }
}
