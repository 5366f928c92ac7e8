//! Choosing what runs a plan: an adapter or the CPU oracle. A device that was asked for is taken or refused.

use clap::ValueEnum;

use super::kernels::KernelsArgs;
use crate::cpu::CpuRunner;
use crate::error::{Error, Result};
use crate::gpu::{self, Adapter, GpuRunner, Selection, Shaders};
use crate::plan::{Device, Kernels, Plan, Runner};
use crate::report::{device_line, warn};

/// The device to run on.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct DeviceArgs {
    /// Backend that runs the kernels; auto takes the best adapter [default: auto]
    #[arg(long, value_name = "NAME")]
    pub backend: Option<Backend>,
    /// An adapter, by its index in `lenet-gpu devices` or a part of its name
    #[arg(long, value_name = "INDEX|NAME")]
    pub adapter: Option<String>,
    #[command(flatten)]
    pub kernels: KernelsArgs,
}

/// A backend by its name on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// The best adapter of any backend; the CPU oracle if there is none
    Auto,
    /// Vulkan
    Vulkan,
    /// Metal
    Metal,
    /// Direct3D 12
    Dx12,
    /// OpenGL (ES)
    Gl,
    /// The CPU oracle: exact and slow
    Cpu,
}

impl Backend {
    /// As it is written on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
    }
}

/// A chosen device, not yet opened.
pub enum Choice {
    /// An adapter.
    Gpu(Box<Adapter>),
    /// The CPU oracle.
    Cpu,
}

impl DeviceArgs {
    /// Checks the flags by themselves. Errors: an adapter or kernels for the CPU oracle.
    pub fn check(&self) -> Result<()> {
        self.kernels.check(self.backend == Some(Backend::Cpu))?;
        match &self.adapter {
            Some(adapter) if self.backend == Some(Backend::Cpu) => Err(Error::input(
                format!("--adapter {adapter} does not go with --backend cpu, which has no adapters"),
                "leave one of them out",
            )),
            _ => Ok(()),
        }
    }

    /// Finds the device that was asked for; says on stderr when `auto` has to fall back to the CPU.
    ///
    /// Errors: a backend or adapter that does not exist, kernels where there is no adapter, shaders that cannot be
    /// read.
    pub fn choose(&self) -> Result<Choice> {
        self.check()?;
        let backend = self.backend.unwrap_or(Backend::Auto);
        if backend == Backend::Cpu {
            return Ok(Choice::Cpu);
        }
        let backend = (backend != Backend::Auto).then(|| backend.name());
        let selection = Selection { backend, adapter: self.adapter.clone() };
        Ok(match gpu::select(&selection)? {
            Some(adapter) => Choice::Gpu(Box::new(self.kernels.of(adapter, &self.kernels.shaders()?))),
            None => {
                self.kernels.check(true).map_err(|e| e.context("this machine has no GPU adapter"))?;
                warn("warning: this machine has no GPU adapter; running on the CPU oracle, which is much slower");
                Choice::Cpu
            }
        })
    }
}

impl Choice {
    /// The same device; an adapter runs `kernels`.
    pub fn with_kernels(self, kernels: Kernels) -> Self {
        match self {
            Self::Gpu(adapter) => Self::Gpu(Box::new(adapter.with_kernels(kernels))),
            Self::Cpu => Self::Cpu,
        }
    }

    /// The same device; an adapter runs `shaders`.
    pub fn with_shaders(self, shaders: &Shaders) -> Self {
        match self {
            Self::Gpu(adapter) => Self::Gpu(Box::new(adapter.with_shaders(shaders))),
            Self::Cpu => Self::Cpu,
        }
    }

    /// Its description.
    pub fn device(&self) -> Device {
        match self {
            Self::Gpu(adapter) => adapter.device.clone(),
            Self::Cpu => CpuRunner::description(),
        }
    }

    /// Opens the device for `plan`, after telling `announce` which it is.
    ///
    /// Errors: limits that the plan exceeds, a device that does not open, those of `announce`.
    pub fn open(&self, plan: &Plan, announce: impl FnOnce(&str) -> Result<()>) -> Result<Box<dyn Runner>> {
        announce(&device_line(&self.device()))?;
        match self {
            Self::Gpu(adapter) => Ok(Box::new(GpuRunner::new(adapter, plan)?)),
            Self::Cpu => Ok(Box::new(CpuRunner::new(plan))),
        }
    }
}
