//! Feeding steps to a runner: the next submission is ready before one ends, and none is long.

use std::collections::VecDeque;
use std::ops::Range;

use web_time::Instant;

use crate::error::Result;
use crate::plan::{Metrics, Phase, Runner, Step};

/// Submissions in flight: one runs while the next is ready behind it.
const IN_FLIGHT: usize = 2;

/// Wanted length of a submission (s): long beside the overhead of submitting, short enough that progress is shown
/// often and Ctrl-C is quick.
const SUBMISSION_S: f64 = 0.15;

/// The number of steps per submission, learnt from the time that submissions take. Results do not depend on it:
/// `check_bits` in src/check/bits.rs.
#[derive(Debug, Default)]
pub struct Pace {
    steps: usize,
}

impl Pace {
    fn next(&self, capacity: usize) -> usize {
        self.steps.clamp(1, capacity.max(1))
    }

    /// Learns that `steps` took `seconds`; grows slowly, since a first measurement may mislead.
    fn learn(&mut self, steps: usize, seconds: f64) {
        let wanted = SUBMISSION_S * steps as f64 / seconds.max(1e-9);
        self.steps = (wanted as usize).min(2 * self.steps.max(1)).max(1);
    }
}

/// Runs `steps` in order, in as many submissions as [`Pace`] says; sets their metrics rows.
///
/// `collected` gets each submission's range of `steps` and its metrics. When `stop` turns true, the submissions in
/// flight are finished and no more are made. Returns the number of steps that ran.
///
/// Errors: those of the runner and of `collected`.
pub async fn drive(
    runner: &mut dyn Runner,
    phase: Phase,
    steps: &[Step],
    pace: &mut Pace,
    stop: &dyn Fn() -> bool,
    mut collected: impl FnMut(Range<usize>, &[Metrics]) -> Result<()>,
) -> Result<usize> {
    let mut submitted = 0;
    let mut flight: VecDeque<Range<usize>> = VecDeque::new();
    let mut before = Instant::now();
    loop {
        while flight.len() < IN_FLIGHT && submitted < steps.len() && !stop() {
            let range = submitted..steps.len().min(submitted + pace.next(runner.capacity()));
            runner.submit(phase, &Step::in_rows(&steps[range.clone()]))?;
            submitted = range.end;
            flight.push_back(range);
        }
        let Some(range) = flight.pop_front() else { return Ok(submitted) };
        let metrics = runner.collect().await?;
        // The last submissions tell nothing: a runner that computes in `submit` gives them at once.
        if submitted < steps.len() {
            pace.learn(range.len(), before.elapsed().as_secs_f64());
        }
        before = Instant::now();
        collected(range, &metrics)?;
    }
}
