//! The GPU, through `wgpu`.
//!
//! [`adapters`] and [`select`] find an adapter, [`GpuRunner`] runs a plan on it, and [`kernel`] is
//! the table from an operation of the plan to its entry point in `shaders/`.

mod adapters;
mod ceilings;
mod device;
mod dispatch;
mod guarded;
mod kernels;
mod limits;
mod replace;
mod runner;
mod shaders;
mod tile;
mod timeline;
mod unroll;

pub use adapters::{Adapter, BACKENDS, Selection, adapters, select};
pub use ceilings::{Ceilings, ceiling_kernels, measure};
pub use dispatch::Source;
pub use kernels::{Kernel, Piece, Resource, Value, kernel};
pub use runner::GpuRunner;
pub use shaders::{RUN, Shaders};
pub use tile::{Tile, WINDOW_BYTES};
pub use unroll::unroll;
