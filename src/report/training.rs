//! A run as it goes: text, a line an epoch; or one JSON object an event.

use super::text::{percent, thousands};
use crate::train::{EpochDone, Event, Finished, Started, StepDone};

/// Text of a run's events.
#[derive(Debug)]
pub struct TrainReport {
    json: bool,
    epochs: u32,
    outputs: Option<usize>,
}

impl TrainReport {
    /// JSON lines or text; `outputs` is how many the model has where its file says another number.
    pub fn new(json: bool, outputs: Option<usize>) -> Self {
        Self { json, epochs: 0, outputs }
    }

    /// The lines that tell `event`; none where text says nothing of it.
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
        "data      {}: {} images to train on, {} to validate with, {} to test\n\
         model     {}{outputs}, {} parameters\n\
         training  {} epochs, batch {}, {} steps{resumed}; {}, {} to {}; seed {}\n\
         run       {}",
        started.dataset,
        thousands(started.train_samples as u64),
        thousands(started.validation_samples as u64),
        thousands(started.test_samples as u64),
        config.model,
        thousands(started.parameters as u64),
        config.epochs,
        config.batch,
        thousands(started.steps),
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
