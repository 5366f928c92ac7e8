//! Datasets: IDX files, the embedded MNIST, image files, shuffled orders.

mod dataset;
pub mod digit;
mod embedded;
mod folder;
mod idx;
mod order;
mod split;

pub use dataset::{Dataset, Source};
pub use order::shuffled;
pub use split::Split;
