//! A run as it goes: a progress bar, a line an epoch, a summary; or one JSON object an event.

use std::io::IsTerminal;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{percent, say, thousands};
use crate::error::Result;
use crate::train::{EpochDone, Event, Finished, Started, StepDone};

/// Tells a run's events.
pub struct TrainReport {
    json: bool,
    bar: ProgressBar,
    epochs: u32,
    resumed_at: u64,
}

impl TrainReport {
    /// JSON lines on stdout, or text with a progress bar on stderr where that is a terminal.
    pub fn new(json: bool) -> Self {
        Self { json, bar: ProgressBar::hidden(), epochs: 0, resumed_at: 0 }
    }

    /// Tells one event. Errors: stdout cannot be written.
    pub fn event(&mut self, event: &Event) -> Result<()> {
        if let Event::Started(started) = event {
            self.start(started);
        }
        if let Event::Step(step) = event {
            self.step(step);
        }
        if let Event::Finished(_) = event {
            self.bar.finish_and_clear();
        }
        let text = if self.json {
            Some(serde_json::to_string(event).unwrap_or_default())
        } else {
            match event {
                Event::Started(started) => Some(started_text(started)),
                Event::Epoch(epoch) => Some(epoch_text(epoch, self.epochs)),
                Event::Finished(finished) => Some(finished_text(finished)),
                Event::Step(_) | Event::Checkpoint { .. } => None,
            }
        };
        text.map_or(Ok(()), |text| self.bar.suspend(|| say(text)))
    }

    /// Takes the progress bar away.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn start(&mut self, started: &Started) {
        (self.epochs, self.resumed_at) = (started.config.epochs, started.step);
        if std::io::stderr().is_terminal() {
            self.bar = ProgressBar::with_draw_target(Some(started.steps), ProgressDrawTarget::stderr());
            let template = "{bar:30} {pos}/{len} steps  {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.bar.set_style(style.progress_chars("=> "));
            }
            self.bar.set_position(started.step);
        }
    }

    fn step(&mut self, step: &StepDone) {
        let left = self.bar.length().unwrap_or(0).saturating_sub(step.step);
        let done = step.step.saturating_sub(self.resumed_at).max(1);
        let seconds = self.bar.elapsed().as_secs_f64() / done as f64 * left as f64;
        self.bar.set_message(format!(
            "{} samples/s  loss {:.4}  {} left",
            thousands(step.samples_per_s as u64),
            step.loss,
            HumanDuration(std::time::Duration::from_secs_f64(seconds.min(1e9)))
        ));
        self.bar.set_position(step.step);
    }
}

fn started_text(started: &Started) -> String {
    let config = &started.config;
    let resumed = if started.step > 0 { format!(", {} of them done", thousands(started.step)) } else { String::new() };
    format!(
        "data      {}: {} images to train on, {} to validate with, {} to test\n\
         model     {}, {} parameters\n\
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
