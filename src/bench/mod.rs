//! The speed of training on an adapter, and its share of the adapter's ceilings.
//!
//! Every figure is a set of [`Samples`] taken after a warm-up, so that its spread is known. Shares compare
//! a figure with the ceiling that was measured on the same adapter in the same run. [`compare()`] compares two
//! reports; a difference counts if it is larger than both spreads together.

mod compare;
#[cfg(test)]
pub(crate) mod example;
mod figures;
mod measure;
mod options;
mod report;
mod samples;
#[cfg(not(target_arch = "wasm32"))]
mod start_up;
mod trace;

pub use compare::{Change, Verdict, compare, verdict};
pub use figures::{Figure, figures};
pub use measure::{Open, first_step, measure, measure_with};
pub use options::Options;
pub use report::{AdapterReport, Bench, Ceilings, KernelTime, StartUp, Throughput};
pub use samples::Samples;
pub use trace::{OperationTrace, PhaseTrace, Trace, trace};
