//! Weights: safetensors files of named tensors, parameters and states by name, files that are written whole.

mod names;
mod safetensors;
#[cfg(feature = "files")]
mod whole;

pub(crate) use names::state_name;
pub use safetensors::Weights;
pub(crate) use safetensors::hex;
#[cfg(feature = "files")]
pub(crate) use whole::write_whole;
