//! Two reports compared.

use serde::Serialize;

use super::{AdapterReport, Bench, Figure, Samples, figures};
use crate::plan::Device;

/// Medians that differ by less than this share are the same, however narrow the spreads: two runs of one program
/// differed by 6 %, with samples that agreed within 1 to 3 % in each.
const SAME: f64 = 0.06;

/// How a figure changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Faster by more than both spreads.
    Faster,
    /// Slower by more than both spreads.
    Slower,
    /// Within the spread, or within 6 %.
    Same,
    /// Fewer than three samples on a side, so no spread.
    Unknown,
}

impl Verdict {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Same => "same",
            Self::Unknown => "unknown",
        }
    }
}

/// A figure changed if its medians differ by more than the sum of both spreads ([`Samples::width`]), and by more
/// than 6 %.
pub fn verdict(before: &Samples, after: &Samples, more_is_faster: bool) -> Verdict {
    if before.all().len() < 3 || after.all().len() < 3 {
        return Verdict::Unknown;
    }
    let difference = after.median() - before.median();
    // The comparison is false for a NaN, which so counts as the same.
    let differs = difference.abs() > before.width() + after.width() && difference.abs() > SAME * before.median().abs();
    match (differs, (difference > 0.0) == more_is_faster) {
        (false, _) => Verdict::Same,
        (true, true) => Verdict::Faster,
        (true, false) => Verdict::Slower,
    }
}

/// A figure before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The adapter's name and backend; its sets of kernels, if they differ.
    pub adapter: String,
    /// The figure after.
    pub figure: Figure,
    /// Its samples before.
    pub before: Samples,
    /// How it changed.
    pub verdict: Verdict,
}

impl Change {
    /// How many times as fast as before, by the medians: above 1 is faster.
    pub fn speed(&self) -> f64 {
        let ratio = self.figure.samples.median() / self.before.median();
        if self.figure.more_is_faster() { ratio } else { 1.0 / ratio }
    }
}

/// Every figure that both benches have, of adapters with the same name, backend and model. Adapters that are alike in
/// all three are compared in order.
pub fn compare(before: &Bench, after: &Bench) -> Vec<Change> {
    let mut left: Vec<&AdapterReport> = before.adapters.iter().collect();
    let key =
        |report: &AdapterReport| (report.device.name.clone(), report.device.backend.clone(), report.model.clone());
    let mut changes = Vec::new();
    for report in &after.adapters {
        let Some(index) = left.iter().position(|other| key(other) == key(report)) else { continue };
        let other = left.remove(index);
        let adapter = adapter(&other.device, &report.device);
        let old = figures(other);
        for figure in figures(report) {
            let same = |f: &&Figure| (f.kind, &f.name, f.batch) == (figure.kind, &figure.name, figure.batch);
            let Some(before) = old.iter().find(same).map(|f| f.samples.clone()) else { continue };
            let verdict = verdict(&before, &figure.samples, figure.more_is_faster());
            changes.push(Change { adapter: adapter.clone(), figure, before, verdict });
        }
    }
    changes
}

fn adapter(before: &Device, after: &Device) -> String {
    let kernels = match (before.kernels, after.kernels) {
        (Some(before), Some(after)) if before != after => {
            format!(", {} kernels (before: {})", after.name(), before.name())
        }
        _ => String::new(),
    };
    let own = after.shaders.iter().map(|own| format!(", shaders of {}", own.title()));
    format!("{}, {}{kernels}{}", after.name, after.backend, own.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::super::StartUp;
    use super::super::example::report;
    use super::*;
    use crate::plan::Kernels;

    fn samples(values: &[f64]) -> Samples {
        Samples::new(values.to_vec())
    }

    #[test]
    fn a_difference_counts_only_beyond_both_spreads() {
        let old = samples(&[100.0, 102.0, 98.0, 101.0, 99.0]);
        for (new, more, less) in [
            (&[110.0, 112.0, 108.0, 111.0, 109.0][..], Verdict::Faster, Verdict::Slower),
            (&[80.0, 82.0, 78.0, 81.0, 79.0], Verdict::Slower, Verdict::Faster),
            // Further apart, but spread wide.
            (&[110.0, 130.0, 90.0, 120.0, 100.0], Verdict::Same, Verdict::Same),
            (&[103.0, 105.0, 101.0, 104.0, 102.0], Verdict::Same, Verdict::Same),
            (&[150.0, 150.0], Verdict::Unknown, Verdict::Unknown),
            (&[f64::NAN, f64::NAN, f64::NAN], Verdict::Same, Verdict::Same),
        ] {
            assert_eq!(verdict(&old, &samples(new), true), more, "{new:?}");
            assert_eq!(verdict(&old, &samples(new), false), less, "{new:?}");
        }
        // An outlier is left out, and half a per cent is the same.
        assert_eq!(verdict(&old, &samples(&[110.0, 111.0, 50.0, 110.0, 109.0]), true), Verdict::Faster);
        assert_eq!(verdict(&samples(&[100.0; 5]), &samples(&[100.5; 5]), true), Verdict::Same);
    }

    #[test]
    fn adapters_and_figures_meet_their_likes() {
        let mut old = Bench::new(vec![report("one"), report("two")]);
        let mut new = old.clone();
        old.adapters[1].training[0].samples = samples(&[1.0; 3]);
        new.adapters.remove(0);
        new.adapters[0].start_up =
            Some(StartUp { batch: 4, cold_s: None, warm_s: 1.0, cold_samples: Vec::new(), warm_samples: vec![1.0] });
        let changes = compare(&old, &new);
        let (ceilings, throughputs, encodings, kernels) = (8, 2, 2, 1);
        assert_eq!(changes.len(), ceilings + throughputs + encodings + kernels, "the start-up is new");
        assert!(changes.iter().all(|c| c.adapter == "two, vulkan"));
        new.adapters[0].device.kernels = Some(Kernels::Gpu);
        assert_eq!(compare(&old, &new)[0].adapter, "two, vulkan, gpu kernels (before: software)");
        let training = changes.iter().find(|c| c.figure.kind == "training").unwrap();
        assert_eq!(training.verdict, Verdict::Faster);
        assert!(training.speed() > 1.0);
    }
}
