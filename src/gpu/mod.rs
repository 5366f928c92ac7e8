//! The GPU: the only room that says `wgpu`.

use crate::error::{Error, Result};
use crate::plan::{BufferId, Device, Metrics, Phase, Plan, Runner, Step};

/// Which adapter a user asked for. `Default` takes the best adapter of any backend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `vulkan`, `metal`, `dx12` or `gl`; none for any.
    pub backend: Option<String>,
    /// Index in the list of [`adapters`], or a part of a name; none for the best.
    pub adapter: Option<String>,
}

/// An adapter, with what of it matters here.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// Name, backend, driver.
    pub device: Device,
    /// Limits and features that matter here, as (name, value).
    pub limits: Vec<(String, String)>,
}

/// Every adapter of this machine, in a stable order; empty if there is none.
///
/// Errors: a bad value of `WGPU_BACKEND`, `WGPU_ADAPTER_NAME` or `WGPU_POWER_PREF`.
pub fn adapters() -> Result<Vec<Adapter>> {
    Ok(Vec::new())
}

/// The adapter that `selection` (and the environment variables) name; `None` if the machine has no
/// adapter at all and none was asked for by name or backend.
///
/// Errors: an adapter or backend that does not exist, or a name that fits several.
pub fn select(_selection: &Selection) -> Result<Option<Adapter>> {
    Ok(None)
}

/// Runs a plan on an adapter.
pub struct GpuRunner {
    device: Device,
}

impl GpuRunner {
    /// Opens `adapter` and prepares every buffer and pipeline of `plan`.
    ///
    /// Errors: limits that the plan exceeds (name, need, have), out of memory.
    pub fn new(_adapter: &Adapter, _plan: &Plan) -> Result<Self> {
        Err(Error::input("not built yet", ""))
    }
}

impl Runner for GpuRunner {
    fn device(&self) -> &Device {
        &self.device
    }
    fn write(&mut self, _: BufferId, _: usize, _: &[u32]) -> Result<()> {
        Ok(())
    }
    fn read(&mut self, _: BufferId) -> Result<Vec<u32>> {
        Ok(Vec::new())
    }
    fn submit(&mut self, _: Phase, _: &[Step]) -> Result<()> {
        Ok(())
    }
    fn collect(&mut self) -> Result<Vec<Metrics>> {
        Ok(Vec::new())
    }
    fn capacity(&self) -> usize {
        crate::plan::MOST_STEPS
    }
}
