//! `lenet-gpu devices`

use std::process::ExitCode;

use super::shared::Exit;
use crate::cpu::CpuRunner;
use crate::gpu::{self, Selection};
use crate::report::{devices_json, devices_text, say};

/// List every adapter with its limits, and the one that auto takes
#[derive(clap::Args)]
pub struct Args {
    /// One JSON object on stdout instead of text
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Lists them; the CPU oracle comes last.
    pub fn run(self) -> Exit {
        let mut devices: Vec<_> = gpu::adapters()?.into_iter().map(|a| (a.device, a.limits)).collect();
        let chosen = gpu::select(&Selection::default())?.and_then(|adapter| adapter.device.index);
        let auto = devices.iter().position(|(d, _)| chosen.is_some() && d.index == chosen).unwrap_or(devices.len());
        devices.push((CpuRunner::description(), Vec::new()));
        if self.json {
            say(devices_json(&devices, auto))?;
        } else {
            say(devices_text(&devices, auto))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
