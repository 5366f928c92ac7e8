//! The limits that a plan needs of an adapter.

use super::Adapter;
use super::guarded::GUARD_BYTES;
use super::kernels::Kernel;
use super::tile::WINDOW_BYTES;
use crate::error::{Error, Result};
use crate::plan::Plan;

/// WebGPU's default limits, raised where a buffer of the plan needs more.
///
/// Errors: a limit of the adapter that the plan exceeds (name, need, have).
pub(super) fn limits(adapter: &Adapter, plan: &Plan, kernels: &[Kernel]) -> Result<wgpu::Limits> {
    let have = adapter.handle.limits();
    let mut limits = wgpu::Limits::default().or_worse_values_from(&have);
    let largest = plan.buffers.iter().map(|b| 4 * b.words as u64).max().unwrap_or(0);
    let allocated = largest + 2 * GUARD_BYTES + WINDOW_BYTES;
    let storage_buffers = kernels.iter().map(Kernel::storage_buffers).max().unwrap_or(0);
    let workgroups = kernels.iter().flat_map(|k| k.workgroups).max().unwrap_or(0);
    let needs = [
        ("max_storage_buffer_binding_size", largest + GUARD_BYTES, have.max_storage_buffer_binding_size),
        ("max_buffer_size", allocated, have.max_buffer_size),
        ("max_storage_buffers_per_shader_stage", storage_buffers, u64::from(have.max_storage_buffers_per_shader_stage)),
        ("max_compute_invocations_per_workgroup", 256, u64::from(have.max_compute_invocations_per_workgroup)),
        (
            "max_compute_workgroups_per_dimension",
            u64::from(workgroups),
            u64::from(have.max_compute_workgroups_per_dimension),
        ),
    ];
    for (name, need, have) in needs {
        if need > have {
            return Err(Error::input(
                format!("adapter {}: limit {name} is {have}, and this needs {need}", adapter.device.name),
                "use a smaller --batch or data set, another --adapter, or --backend cpu",
            ));
        }
    }
    limits.max_storage_buffer_binding_size = limits.max_storage_buffer_binding_size.max(largest + GUARD_BYTES);
    limits.max_buffer_size = limits.max_buffer_size.max(allocated);
    limits.max_compute_workgroups_per_dimension = limits.max_compute_workgroups_per_dimension.max(workgroups);
    Ok(limits)
}
