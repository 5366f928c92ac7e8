//! A burn-in: the same step repeatedly, to find a card that flips bits.

use serde::Serialize;
use web_time::Instant;

use super::bits::{Difference, difference, train};
use super::yardstick::Yardstick;
use crate::error::Result;
use crate::plan::Runner;

/// A burn-in: one step on fixed data, repeated.
#[derive(Debug, Clone, Serialize)]
pub struct Soak {
    /// Duration in seconds.
    pub seconds: f64,
    /// Steps taken.
    pub steps: u64,
    /// Repetitions with other bits than the first, at most the first hundred.
    pub flips: Vec<Flip>,
}

/// A repetition that gave other bits.
#[derive(Debug, Clone, Serialize)]
pub struct Flip {
    /// Seconds from the start of the soak.
    pub seconds: f64,
    /// Index of the repetition, from 1.
    pub repetition: u64,
    /// The first word that changed.
    pub difference: Difference,
}

/// Repeats one step of `yardstick` from the initial weights for `seconds`, and compares every bit with the first time.
/// `flipped` is told of each repetition that differs, as it happens.
///
/// Errors: those of the device.
pub fn soak(
    runner: &mut dyn Runner,
    yardstick: &Yardstick,
    seconds: f64,
    flipped: &mut dyn FnMut(&Flip),
) -> Result<Soak> {
    let steps = &yardstick.steps[..1];
    yardstick.load(runner)?;
    let began = Instant::now();
    let first = train(runner, yardstick, steps, 1)?;
    let mut soak = Soak { seconds: 0.0, steps: 1, flips: Vec::new() };
    while began.elapsed().as_secs_f64() < seconds {
        let again = train(runner, yardstick, steps, 1)?;
        if let Some(difference) = difference(&first, &again) {
            let flip = Flip { seconds: began.elapsed().as_secs_f64(), repetition: soak.steps, difference };
            flipped(&flip);
            if soak.flips.len() < 100 {
                soak.flips.push(flip);
            }
        }
        soak.steps += 1;
    }
    soak.seconds = began.elapsed().as_secs_f64();
    Ok(soak)
}
