//! Kernels of one kind, of which a slow test takes the first.

use lenet_gpu::gpu::Kernel;

/// What kernels of one kind share: all but the activation and the layer's geometry.
pub fn kind(kernel: &Kernel) -> (&'static str, Vec<(&'static str, usize)>, Vec<&'static str>) {
    let files = kernel.pieces.iter().map(|piece| piece.file).filter(|file| !file.starts_with("activation/"));
    (kernel.entry, kernel.constants.clone(), files.collect())
}
