//! Events and results as text for people and JSON for programs.
//!
//! Results go to stdout. Progress, warnings and errors go to stderr. Nothing here has colours.

mod bench;
mod chart;
mod check;
#[cfg(test)]
mod check_example;
mod devices;
mod evaluation;
mod predictions;
#[cfg(test)]
mod snapshot;
mod summary;
mod text;
mod trace;
mod training;

pub use bench::{adapter_text, bench_csv, bench_markdown, changes_text, side_by_side_text};
pub use chart::bench_chart;
pub use check::{check_markdown, check_text};
pub use devices::{device_line, devices_json, devices_text};
pub use evaluation::{evaluation_json, evaluation_text};
pub use predictions::{Prediction, prediction_json, prediction_text};
pub use summary::{codes_text, summary_json, summary_text};
pub use text::{say, warn};
pub use trace::{trace_json, trace_text};
pub use training::{TrainReport, step_text};
