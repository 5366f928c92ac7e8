//! Do an adapter, its driver and these kernels compute training correctly? If not: which kernel, which element, by how
//! much?
//!
//! - [`check_kernels`]: every operation alone on awkward inputs, against the oracle, on all adapters at once; also the
//!   first difference between two adapters.
//! - [`check_oracle`]: the oracle itself, against finite differences in f64.
//! - `check_golden`: steps of every optimiser against PyTorch's (feature `golden`).
//! - [`check_training`]: one step, and a run on MNIST, against the oracle.
//! - [`check_bits`]: the same work again, cut and ordered in other ways, must give the same bits.
//! - [`soak`]: the same step repeatedly, to find a card that flips bits.
//!
//! [`check`] does all of them. A fault planted in any kernel turns it red (tests/mutants.rs, whose `sweep` looks for
//! faults that would go unnoticed), and so does a runner that flips a bit, drops a step or swaps two samples
//! (tests/faults.rs).
//!
//! A kernel may differ by its [`Tolerance`], a step by [`SHARE`], a run by the drift of a twin ([`Yardstick`]).

mod batch;
mod bits;
mod cases;
mod filter;
#[cfg(feature = "golden")]
mod golden;
mod gpu_pipelines;
mod inputs;
mod kernels;
mod known;
mod models;
mod oracle;
mod pair;
mod pipelines;
mod probe;
mod quantity;
pub mod reference;
mod report;
mod run;
mod soak;
mod tally;
mod tolerance;
mod verdict;
mod yardstick;

pub use bits::{Difference, Trial, check_bits};
pub use cases::{Case, cases, operations};
pub use filter::{Filter, check_filter};
#[cfg(feature = "golden")]
pub use golden::{Golden, check_golden};
pub use gpu_pipelines::gpu_pipelines;
pub use inputs::{Inputs, awkward};
pub use kernels::{KernelsOutcome, Sources, check_kernels};
pub use models::models;
pub use oracle::{check_gradients, check_oracle};
pub use pair::Pair;
pub use pipelines::{Pipeline, pipelines, shader_files};
pub use probe::Probe;
pub use quantity::{ORACLE_SHARE, Quantity, Reference, SHARE};
pub use report::{AdapterReport, Report};
pub use run::{Notice, Options, check};
pub use soak::{Flip, Soak, soak};
pub use tally::{Finding, KernelReport, UNWRITTEN};
pub use tolerance::Tolerance;
pub use verdict::{Effort, Verdict};
pub use yardstick::{Yardstick, check_training};
