//! The learning rate as a function of the step number: nothing to save, nothing to restore.

use serde::{Deserialize, Serialize};

/// How the learning rate changes over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::VariantArray, strum::IntoStaticStr)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Schedule {
    /// The peak rate throughout
    Constant,
    /// A tenth after half of the steps, a hundredth after three quarters
    Step,
    /// Half a cosine from the peak rate to 0
    Cosine,
    /// Up from a 25th of the peak rate, then down to almost 0
    OneCycle,
}

/// One-cycle starts at the peak rate divided by this.
const DIVISOR: f64 = 25.0;

/// One-cycle ends at its first rate divided by this.
const FINAL_DIVISOR: f64 = 1e4;

impl Schedule {
    /// As it is written on the command line and in files.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Share of the steps that it rises for unless told otherwise.
    pub const fn usual_warmup(self) -> f64 {
        match self {
            Self::OneCycle => 0.25,
            Self::Constant | Self::Step | Self::Cosine => 0.0,
        }
    }

    /// The learning rate of step `step` (from 0) of `steps`, for a run that reaches `peak` after `warmup`
    /// (a share of all steps, 0 to below 1).
    ///
    /// Warm-up is linear, except for one-cycle, where it is the rise of the cycle (PyTorch's `pct_start`).
    /// Source: `OneCycleLR` (cosine, two phases), `CosineAnnealingLR` and `MultiStepLR` of PyTorch 2.
    pub fn rate(self, step: u64, steps: u64, peak: f64, warmup: f64) -> f64 {
        let (at, all) = (step as f64, steps as f64);
        if self == Self::OneCycle {
            let first = peak / DIVISOR;
            let (top, last) = (warmup * all - 1.0, all - 1.0);
            return if at <= top && top > 0.0 {
                cosine(first, peak, at / top)
            } else {
                let top = top.max(0.0);
                // A run of one step takes it at the peak rate.
                cosine(peak, first / FINAL_DIVISOR, if last > top { (at - top) / (last - top) } else { 0.0 })
            };
        }
        let rising = (warmup * all).round();
        if at < rising {
            return peak * (at + 1.0) / rising;
        }
        match self {
            Self::Constant | Self::OneCycle => peak,
            Self::Step if at >= 0.75 * all => peak * 0.01,
            Self::Step if at >= 0.5 * all => peak * 0.1,
            Self::Step => peak,
            Self::Cosine => cosine(peak, 0.0, (at - rising) / (all - rising)),
        }
    }
}

/// From `start` to `end` along half a cosine; `share` from 0 to 1.
fn cosine(start: f64, end: f64, share: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + (std::f64::consts::PI * share).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() <= 1e-9 * expected.abs().max(1e-3), "{actual} is not {expected}");
    }

    /// `torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)`: 0.04 up to 1 in
    /// steps 0 to 2, then down to 4e-6 in step 9.
    #[test]
    fn one_cycle_is_that_of_pytorch() {
        let rate = |step| Schedule::OneCycle.rate(step, 10, 1.0, 0.3);
        close(rate(0), 0.04);
        close(rate(1), 0.52);
        close(rate(2), 1.0);
        close(rate(3), 0.950_484_632);
        close(rate(9), 4e-6);
        assert!((2..9).all(|step| rate(step) > rate(step + 1)));
    }

    /// `CosineAnnealingLR(optimizer, T_max=4)` from 1.
    #[test]
    fn cosine_is_that_of_pytorch() {
        let rate = |step| Schedule::Cosine.rate(step, 4, 1.0, 0.0);
        close(rate(0), 1.0);
        close(rate(1), 0.853_553_390_593_273_8);
        close(rate(2), 0.5);
        close(rate(3), 0.146_446_609_406_726_24);
    }

    /// `MultiStepLR(optimizer, milestones=[4, 6], gamma=0.1)` from 1.
    #[test]
    fn steps_are_those_of_pytorch() {
        let rates: Vec<f64> = (0..8).map(|step| Schedule::Step.rate(step, 8, 1.0, 0.0)).collect();
        assert_eq!(rates, [1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.01, 0.01]);
    }

    #[test]
    fn warm_up_is_linear_and_reaches_the_peak() {
        let rates: Vec<f64> = (0..5).map(|step| Schedule::Constant.rate(step, 10, 2.0, 0.4)).collect();
        assert_eq!(rates, [0.5, 1.0, 1.5, 2.0, 2.0]);
        assert_eq!(Schedule::Cosine.rate(4, 10, 2.0, 0.4), 2.0);
    }

    #[test]
    fn every_rate_is_finite_and_no_higher_than_the_peak() {
        for schedule in [Schedule::Constant, Schedule::Step, Schedule::Cosine, Schedule::OneCycle] {
            for steps in 1..12 {
                for warmup in [0.0, 0.1, 0.25, 0.5, 0.99] {
                    for step in 0..steps {
                        let rate = schedule.rate(step, steps, 0.5, warmup);
                        assert!((0.0..=0.5).contains(&rate), "{schedule:?} {step}/{steps} {warmup}: {rate}");
                    }
                }
            }
        }
    }
}
