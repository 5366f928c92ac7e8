//! The adapter that GPU tests run on.

use lenet_gpu::gpu::{Adapter, Selection, select};

/// The adapter that the environment selects. Without an adapter a test fails and says how to get one.
pub fn adapter() -> Adapter {
    select(&Selection::default()).unwrap().expect(
        "no GPU adapter: install a Vulkan driver; a software one is in Debian's and Ubuntu's package \
         mesa-vulkan-drivers, and scripts/test installs it",
    )
}
