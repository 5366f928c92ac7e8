//! Cases with some of their operations alone.

use lenet_gpu::check::Case;
use lenet_gpu::gpu::{Adapter, Kernel, Tile, kernel};

/// `case` with the operations alone whose kernel `wanted` accepts; `None` if there are none.
pub fn reduced(adapter: &Adapter, case: &Case, mut wanted: impl FnMut(&Kernel) -> bool) -> Option<Case> {
    let tile = Tile::of(adapter);
    let mut reduced = case.clone();
    reduced.plan.ops.retain(|op| wanted(&kernel(op, &case.plan, tile)));
    (!reduced.plan.ops.is_empty()).then_some(reduced)
}
