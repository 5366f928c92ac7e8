//! Every figure of a report, by name.

use super::{AdapterReport, Samples};
use crate::plan::Clock;

/// One figure of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// `ceiling`, `start-up`, `training`, `evaluation`, `encoding` (of a step, on the host) or `kernel`.
    pub kind: &'static str,
    /// Its name among its kind: `read`, `cold`, `training`, `c1 conv2d_forward`; empty for training and evaluation.
    pub name: String,
    /// Samples per step; none for a figure without steps.
    pub batch: Option<usize>,
    /// `GFLOP/s`, `GB/s`, `images/s` or `s`.
    pub unit: &'static str,
    /// Every sample, in `unit`.
    pub samples: Samples,
    /// Share of the ceiling that binds it; none if unknown.
    pub share: Option<f64>,
    /// The clock of a kernel's time; none for other figures, which the host's clock times.
    pub clock: Option<Clock>,
}

impl Figure {
    /// `training at batch 64`
    pub fn title(&self) -> String {
        let name = if self.name.is_empty() { String::new() } else { format!(" {}", self.name) };
        let batch = self.batch.map_or(String::new(), |batch| format!(" at batch {batch}"));
        format!("{}{name}{batch}", self.kind)
    }

    /// Whether more is faster: true unless the unit is s.
    pub fn more_is_faster(&self) -> bool {
        self.unit != "s"
    }
}

/// Every figure of `report` that has samples.
pub fn figures(report: &AdapterReport) -> Vec<Figure> {
    let figure = |kind, name: &str, batch, unit, samples: &[f64]| {
        let samples = (!samples.is_empty()).then(|| Samples::new(samples.to_vec()))?;
        Some(Figure { kind, name: name.to_owned(), batch, unit, samples, share: None, clock: None })
    };
    let mut all = Vec::new();
    if let Some(ceilings) = &report.ceilings {
        let of = &ceilings.samples;
        all.extend([
            figure("ceiling", "multiply-add", None, "GFLOP/s", &of.fma_gflops),
            figure("ceiling", "read", None, "GB/s", &of.read_gb_per_s),
            figure("ceiling", "cached read", None, "GB/s", &of.cached_read_gb_per_s),
            figure("ceiling", "write", None, "GB/s", &of.write_gb_per_s),
            figure("ceiling", "dispatch", None, "s", &of.dispatch_s),
            figure("ceiling", "independent dispatch", None, "s", &of.independent_dispatch_s),
            figure("ceiling", "submission", None, "s", &of.submission_s),
            figure("ceiling", "read-back", None, "s", &of.read_back_s),
        ]);
    }
    if let Some(start) = &report.start_up {
        let of = [("cold", &start.cold_samples), ("warm", &start.warm_samples)];
        all.extend(of.map(|(name, samples)| figure("start-up", name, Some(start.batch), "s", samples)));
    }
    for (kind, throughputs) in [("training", &report.training), ("evaluation", &report.evaluation)] {
        all.extend(throughputs.iter().map(|t| {
            let figure = figure(kind, "", Some(t.batch), "images/s", t.samples.all())?;
            Some(Figure { share: t.share_of_fma, ..figure })
        }));
        all.extend(throughputs.iter().map(|t| {
            let seconds: Vec<f64> = t.encode_us_samples.iter().map(|us| 1e-6 * us).collect();
            figure("encoding", kind, Some(t.batch), "s", &seconds)
        }));
    }
    all.extend(report.kernels.iter().map(|k| {
        let figure = figure("kernel", &k.kernel, Some(k.batch), "s", k.samples.all())?;
        Some(Figure { share: k.share, clock: Some(k.clock), ..figure })
    }));
    all.into_iter().flatten().collect()
}
