//! Models: named layers, checked shapes, tensors, presets and files. [`crate::plan`] lowers a model to operations.

mod codes;
mod description;
mod initializer;
mod layer;
#[expect(clippy::module_inception, reason = "the type that the room is named after")]
mod model;
mod preset;
mod tensor;

pub use codes::Codes;
pub use description::{Description, LayerDescription, Loss, Outputs};
pub use initializer::Initializer;
pub use layer::{Activation, Layer, LayerKind, Shape};
pub use model::Model;
pub use preset::PRESETS;
pub use tensor::{Tensor, TensorSpec};
