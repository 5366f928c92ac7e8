//! Progress of runs and checks on stderr, where that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::check::Notice;
use crate::error::Result;
use crate::report::{TrainReport, say, step_text, warn};
use crate::train::{Event, Started, StepDone};

/// Tells a run's events: a progress bar on stderr, text or JSON lines on stdout.
pub struct TrainProgress {
    report: TrainReport,
    bar: ProgressBar,
    resumed_at: u64,
}

impl TrainProgress {
    /// JSON lines or text on stdout; the bar appears when the run starts. `outputs`: see [`TrainReport::new`].
    pub fn new(json: bool, outputs: Option<usize>) -> Self {
        Self { report: TrainReport::new(json, outputs), bar: ProgressBar::hidden(), resumed_at: 0 }
    }

    /// Tells one event. Errors: stdout cannot be written.
    pub fn event(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Started(started) => self.start(started),
            Event::Step(step) => self.step(step),
            Event::Finished(_) => self.finish(),
            Event::Epoch(_) | Event::Checkpoint { .. } => (),
        }
        self.report.event(event).map_or(Ok(()), |text| self.bar.suspend(|| say(text)))
    }

    /// Takes the progress bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn start(&mut self, started: &Started) {
        self.resumed_at = started.step;
        if std::io::stderr().is_terminal() {
            self.bar = ProgressBar::with_draw_target(Some(started.steps), ProgressDrawTarget::stderr());
            // A bar of fixed width would not fit into 80 columns with a long message: the line would break.
            let template = "{wide_bar} {pos}/{len} steps  {msg}";
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
        let left = HumanDuration(Duration::from_secs_f64(seconds.min(1e9)));
        self.bar.set_message(format!("{}  {left:#} left", step_text(step)));
        self.bar.set_position(step.step);
    }
}

/// The part that runs, on stderr; where that is not a terminal, flips of bits alone.
pub struct CheckProgress {
    bar: ProgressBar,
}

impl CheckProgress {
    /// Starts it.
    pub fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    /// Shows what is about to run; a flip of bits stays.
    pub fn tell(&self, notice: &Notice) {
        match notice {
            Notice::Running(what) => self.bar.set_message(what.clone()),
            Notice::Flip { adapter, flip } => {
                let (seconds, place) = (flip.seconds, &flip.difference.place);
                self.bar.suspend(|| warn(format!("bits flipped on {adapter} after {seconds:.1} s: {place}")));
            }
        }
    }

    /// Removes it.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
