//! The figures of a measurement as plain data, which `bench --json` writes and `--compare` reads.

use serde::{Deserialize, Serialize};

use super::Samples;
use crate::date;
use crate::gpu;
use crate::model::Model;
use crate::plan::{Clock, Device};

/// The reports of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bench {
    /// Version of this program.
    pub version: String,
    /// When the last report was added: UTC, `2026-01-31T12:00:00Z`.
    pub date: String,
    /// Every adapter that was asked for, in that order.
    pub adapters: Vec<AdapterReport>,
}

impl Bench {
    /// Reports of this program, now.
    pub fn new(adapters: Vec<AdapterReport>) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), date: date::utc(date::now()), adapters }
    }

    /// Adds `report`, and sets the date to now.
    pub fn add(&mut self, report: AdapterReport) {
        self.adapters.push(report);
        self.date = date::utc(date::now());
    }
}

/// The figures of one adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterReport {
    /// Its description.
    #[serde(flatten)]
    pub device: Device,
    /// The model that was trained.
    pub model: String,
    /// Why nothing could be measured; then the rest is empty.
    pub error: Option<String>,
    /// The ceilings of the adapter; none for the CPU oracle.
    pub ceilings: Option<Ceilings>,
    /// From the start of the program to its first step; filled in by a caller that can start the program.
    pub start_up: Option<StartUp>,
    /// Training by batch size.
    pub training: Vec<Throughput>,
    /// Evaluation by batch size.
    pub evaluation: Vec<Throughput>,
    /// Each operation of a training step alone.
    pub kernels: Vec<KernelTime>,
    /// Reasons to doubt the figures, and missing ones; empty if there are none.
    pub warnings: Vec<String>,
}

impl AdapterReport {
    /// A report without figures.
    pub fn new(device: &Device, model: &Model) -> Self {
        Self {
            device: device.clone(),
            model: model.name.clone(),
            error: None,
            ceilings: None,
            start_up: None,
            training: Vec::new(),
            evaluation: Vec::new(),
            kernels: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Samples per step at which the kernels were timed; none if they were not.
    pub fn kernel_batch(&self) -> Option<usize> {
        self.kernels.first().map(|kernel| kernel.batch)
    }

    /// The fastest of `phases`.
    pub fn best(phases: &[Throughput]) -> Option<&Throughput> {
        phases.iter().max_by(|a, b| a.samples_per_s.total_cmp(&b.samples_per_s))
    }
}

/// The ceilings of an adapter: medians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceilings {
    /// Peak arithmetic (GFLOP/s): multiply-adds in registers, two operations each.
    pub fma_gflops: f64,
    /// Reading a storage buffer of 64 MiB (GB/s).
    pub read_gb_per_s: f64,
    /// Reading 2 MiB of it repeatedly, from a cache if there is one (GB/s).
    pub cached_read_gb_per_s: f64,
    /// Writing a storage buffer of 64 MiB (GB/s).
    pub write_gb_per_s: f64,
    /// One dispatch that reads what the one before wrote, in a pass of 1,000 (s).
    pub dispatch_s: f64,
    /// One dispatch that only reads, in a pass of 1,000 (s); none in older files.
    #[serde(default)]
    pub independent_dispatch_s: Option<f64>,
    /// Submitting one pass with one dispatch and waiting for it (s).
    pub submission_s: f64,
    /// Reading 4 KiB back to the host (s).
    pub read_back_s: f64,
    /// All samples of each.
    pub samples: gpu::Ceilings,
}

impl Ceilings {
    /// The medians of `samples`.
    pub fn new(samples: gpu::Ceilings) -> Self {
        let median = |samples: &Vec<f64>| Samples::new(samples.clone()).median();
        Self {
            fma_gflops: median(&samples.fma_gflops),
            read_gb_per_s: median(&samples.read_gb_per_s),
            cached_read_gb_per_s: median(&samples.cached_read_gb_per_s),
            write_gb_per_s: median(&samples.write_gb_per_s),
            dispatch_s: median(&samples.dispatch_s),
            independent_dispatch_s: Some(median(&samples.independent_dispatch_s)),
            submission_s: median(&samples.submission_s),
            read_back_s: median(&samples.read_back_s),
            samples,
        }
    }

    /// The ceiling of traffic (GB/s): the best of reading, reading from a cache, and writing. A kernel may find any
    /// part of its data in a cache; with the highest ceiling no share is too high.
    pub fn memory_gb_per_s(&self) -> f64 {
        self.read_gb_per_s.max(self.cached_read_gb_per_s).max(self.write_gb_per_s)
    }
}

/// Speed of a phase at one batch size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Samples per step.
    pub batch: usize,
    /// Speed (images/s), median.
    pub samples_per_s: f64,
    /// Every sample of `samples_per_s`.
    pub samples: Samples,
    /// Arithmetic of the convolutions and matrix products (GFLOP/s).
    pub gflops: f64,
    /// `gflops` as a share of the adapter's `fma_gflops`; none for the CPU oracle.
    pub share_of_fma: Option<f64>,
    /// The host's time to encode a step without submitting it, as part of a full submission (us), median; none for the
    /// CPU oracle and in older files.
    #[serde(default)]
    pub encode_us_per_step: Option<f64>,
    /// The same per dispatch (us).
    #[serde(default)]
    pub encode_us_per_dispatch: Option<f64>,
    /// Every sample of `encode_us_per_step`; empty where that is none, and in older files.
    #[serde(default)]
    pub encode_us_samples: Vec<f64>,
    /// Size of all buffers of the plan (bytes).
    pub device_bytes: u64,
}

/// Time of one operation alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KernelTime {
    /// `c1 conv2d_forward`
    pub kernel: String,
    /// Samples per step.
    pub batch: usize,
    /// Time of one run (s), median.
    pub seconds: f64,
    /// Every sample of `seconds`.
    pub samples: Samples,
    /// Arithmetic, padding not counted (GFLOP/s).
    pub gflops: f64,
    /// Traffic, every input read and every output written once (GB/s).
    pub gb_per_s: f64,
    /// Share of the ceiling that binds it; none for the CPU oracle.
    pub share: Option<f64>,
    /// The ceiling that binds it: `arithmetic` or `memory`.
    pub bound: Option<String>,
    /// The clock that timed it.
    pub clock: Clock,
    /// Part of the whole step's time.
    pub part_of_step: f64,
}

/// Time from the start of a process to the end of its first training step: data read, device opened, shaders
/// compiled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartUp {
    /// Samples per step.
    pub batch: usize,
    /// With the driver's shader cache disabled (s), median; none where no variable disables it.
    pub cold_s: Option<f64>,
    /// With the driver's shader cache filled (s), median.
    pub warm_s: f64,
    /// All samples of `cold_s`.
    pub cold_samples: Vec<f64>,
    /// All samples of `warm_s`.
    pub warm_samples: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::super::example::report;
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let bench = Bench::new(vec![report("one")]);
        // As text: a key that two fields share would be lost in a value.
        assert_eq!(serde_json::from_str::<Bench>(&serde_json::to_string(&bench).unwrap()).unwrap(), bench);
    }

    #[test]
    fn figures_that_older_files_lack_are_left_out() {
        let mut older = report("one");
        let ceilings = older.ceilings.as_mut().unwrap();
        (ceilings.independent_dispatch_s, ceilings.samples.independent_dispatch_s) = (None, Vec::new());
        older.training[0].encode_us_samples = Vec::new();
        let mut json = serde_json::to_value(&older).unwrap();
        for (part, key) in [
            ("/ceilings", "independent_dispatch_s"),
            ("/ceilings/samples", "independent_dispatch_s"),
            ("/training/0", "encode_us_samples"),
        ] {
            json.pointer_mut(part).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        }
        assert_eq!(serde_json::from_value::<AdapterReport>(json).unwrap(), older);
        let titles: Vec<String> = super::super::figures(&older).iter().map(|figure| figure.title()).collect();
        let lacks = ["ceiling independent dispatch", "encoding training at batch 4"];
        assert!(lacks.iter().all(|title| !titles.iter().any(|other| other == title)), "{titles:?}");
        assert!(titles.iter().any(|title| title == "encoding evaluation at batch 4"), "{titles:?}");
    }

    #[test]
    fn an_unknown_driver_is_null_and_files_of_before_say_it_with_no_text() {
        let mut unknown = report("one");
        (unknown.device.driver, unknown.device.index) = (String::new(), None);
        let mut json = serde_json::to_value(&unknown).unwrap();
        assert_eq!(json["driver"], serde_json::Value::Null);
        // Older reports had no index, and no set of kernels.
        unknown.device.kernels = None;
        json.as_object_mut().unwrap().retain(|key, _| !["index", "kernel_set"].contains(&key.as_str()));
        for driver in [serde_json::json!(null), serde_json::json!("")] {
            json["driver"] = driver;
            assert_eq!(serde_json::from_value::<AdapterReport>(json.clone()).unwrap(), unknown);
        }
    }
}
