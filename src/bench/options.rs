//! The options of a measurement, and the work per sample.

use crate::error::{Error, Result};

/// Sampling of a figure stops early after `PATIENCE` x [`Options::seconds`].
const PATIENCE: f64 = 15.0;

/// Samples per figure before sampling may stop early.
pub(super) const FEWEST: usize = 3;

/// Operations per step, roughly: a sample of one operation takes at least [`Options::seconds`] / `OPERATIONS`.
const OPERATIONS: f64 = 20.0;

/// Most runs of one operation per sample.
const MOST_RUNS: usize = 4_096;

/// The options of a measurement.
#[derive(Debug, Clone)]
pub struct Options {
    /// Batch sizes of the training and evaluation figures, each at most the dataset; at least one.
    pub batches: Vec<usize>,
    /// Samples of each figure, at least 1.
    pub samples: usize,
    /// Length of one sample (s).
    pub seconds: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { batches: vec![1, 4, 16, 64, 256, 1024, 4096], samples: 7, seconds: 0.2 }
    }
}

impl Options {
    /// A look in seconds: two batch sizes, fewer and shorter samples.
    pub fn quick() -> Self {
        Self { batches: vec![64, 256], samples: 5, seconds: 0.1 }
    }

    /// Errors: nothing to measure.
    pub(super) fn check(&self) -> Result<()> {
        match self.batches.is_empty() || self.samples == 0 {
            true => Err(Error::input("nothing to measure", "give Options a batch size and at least one sample")),
            false => Ok(()),
        }
    }

    /// Samples of the time that `run` measures (s).
    pub(super) fn take(&self, mut run: impl FnMut() -> Result<f64>) -> Result<Vec<f64>> {
        let mut taken: Vec<f64> = Vec::new();
        while taken.len() < self.samples {
            if taken.len() >= FEWEST && taken.iter().sum::<f64>() > PATIENCE * self.seconds {
                break;
            }
            taken.push(run()?);
        }
        Ok(taken)
    }

    /// Steps per sample. `run` runs that many steps and returns their time (s); it is called with more each time, which
    /// also warms up.
    pub(super) fn steps_per_sample(&self, mut run: impl FnMut(usize) -> Result<f64>) -> Result<usize> {
        let mut steps = 1;
        loop {
            let seconds = run(steps)?;
            if seconds >= self.seconds / 2.0 {
                return Ok(((steps as f64 * self.seconds / seconds) as usize).max(1));
            }
            steps *= 2;
        }
    }

    /// Runs of one operation per sample; `run` as in [`Options::steps_per_sample`].
    pub(super) fn runs_per_sample(&self, mut run: impl FnMut(usize) -> Result<f64>) -> Result<usize> {
        let mut runs = 1;
        while runs < MOST_RUNS && run(runs)? < self.seconds / OPERATIONS {
            runs *= 2;
        }
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(samples: usize, seconds: f64) -> Options {
        Options { batches: vec![1], samples, seconds }
    }

    #[test]
    fn a_slow_figure_has_fewer_samples() {
        // Time (s) of a sample that should take 0.1 s, and samples taken of 7.
        for (seconds, taken) in [(0.1, 7), (0.4, 4), (0.6, 3), (60.0, 3)] {
            assert_eq!(options(7, 0.1).take(|| Ok(seconds)).unwrap(), vec![seconds; taken]);
        }
        assert_eq!(options(2, 0.1).take(|| Ok(60.0)).unwrap().len(), 2, "no more than asked for");
        assert!(options(2, 0.1).take(|| Err(Error::outcome("lost", ""))).is_err());
    }

    #[test]
    fn a_sample_has_as_many_steps_as_fill_it() {
        // Time of a step (s), steps per sample of 0.1 s, and steps tried.
        for (step_s, steps, tried) in
            [(0.03, 3, vec![1, 2]), (0.001, 100, vec![1, 2, 4, 8, 16, 32, 64]), (9.0, 1, vec![1])]
        {
            let mut asked = Vec::new();
            let run = |steps: usize| {
                asked.push(steps);
                Ok(steps as f64 * step_s)
            };
            assert_eq!(options(1, 0.1).steps_per_sample(run).unwrap(), steps);
            assert_eq!(asked, tried);
        }
    }

    #[test]
    fn a_sample_of_an_operation_has_few_runs() {
        // Time of a run (s), and runs per sample of at least 0.2 / 20 = 0.01 s.
        for (run_s, runs) in [(1.0, 1), (0.01, 1), (0.003, 4), (1e-9, MOST_RUNS)] {
            assert_eq!(options(1, 0.2).runs_per_sample(|runs| Ok(runs as f64 * run_s)).unwrap(), runs);
        }
    }

    #[test]
    fn nothing_to_measure_is_refused() {
        assert!(options(0, 0.1).check().is_err());
        assert!(Options { batches: Vec::new(), ..Options::quick() }.check().is_err());
        assert!(Options::quick().check().is_ok());
    }
}
