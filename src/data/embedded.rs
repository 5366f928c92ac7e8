//! MNIST inside the program, behind the feature `mnist`.

use super::split::Split;
use crate::error::Result;

/// Name and bytes of a split's two files: images, then labels.
pub type Files = [(&'static str, &'static [u8]); 2];

/// The files of `split`. Errors: a build without the feature `mnist`.
#[cfg(feature = "mnist")]
pub fn files(split: Split) -> Result<Files> {
    Ok(match split {
        Split::Train => [
            ("train-images-idx3-ubyte.gz", include_bytes!("../../assets/mnist/train-images-idx3-ubyte.gz")),
            ("train-labels-idx1-ubyte.gz", include_bytes!("../../assets/mnist/train-labels-idx1-ubyte.gz")),
        ],
        Split::Test => [
            ("t10k-images-idx3-ubyte.gz", include_bytes!("../../assets/mnist/t10k-images-idx3-ubyte.gz")),
            ("t10k-labels-idx1-ubyte.gz", include_bytes!("../../assets/mnist/t10k-labels-idx1-ubyte.gz")),
        ],
    })
}

/// The files of `split`. Errors: a build without the feature `mnist`.
#[cfg(not(feature = "mnist"))]
pub fn files(_split: Split) -> Result<Files> {
    Err(crate::error::Error::input(
        "this build has no MNIST inside",
        "give --data DIR, or build with the feature mnist",
    ))
}
