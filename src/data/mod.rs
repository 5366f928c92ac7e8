//! Datasets: IDX files, the embedded MNIST, image files, shuffled orders.

mod dataset;
pub mod digit;
mod embedded;
mod folder;
mod grey;
mod idx;
mod ink;
mod order;
#[cfg(feature = "picture")]
pub mod picture;
mod split;

pub use dataset::{Dataset, Source};
pub use grey::Grey;
pub use order::shuffled;
pub use split::Split;
