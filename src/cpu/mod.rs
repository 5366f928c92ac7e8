//! The CPU oracle: one plain function per operation, f64 sums. Also the fallback without a GPU.
//!
//! Each file of [`operations`] holds one family, forward and backward side by side. A function reads f32 and
//! u32 slices laid out as [`crate::plan`] says, sums in f64, and writes words. It is generic over [`Sum`]:
//! with `f64` the words are f32 bits and those of the buffers themselves, which is how [`CpuRunner`] runs a plan;
//! with [`Traced`], as in [`run_op`], each comes with the magnitudes that were added, by which another device is
//! judged. The inner loops of both are those of tiles.rs. Sums run in a fixed order and every element has
//! one writer, so the same input gives the same bits with any number of threads (tests/plans.rs).

mod accumulator;
mod buffers;
mod layout;
pub mod operations;
mod runner;
mod tiles;

pub use accumulator::{Sum, Traced};
pub use buffers::Buffers;
pub use layout::Samples;
pub use operations::{Output, run_op};
pub use runner::CpuRunner;
