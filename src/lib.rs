//! placeholder
pub mod check;
pub mod cli;
pub mod cpu;
pub mod data;
pub mod error;
pub mod gpu;
pub mod model;
pub mod plan;
pub mod report;
pub mod train;
pub use error::{Error, Result};
