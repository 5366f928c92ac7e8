//! Choosing the kernels that an adapter runs: their set, and shaders of a user's.

use std::path::{Path, PathBuf};

use crate::check::shader_files;
use crate::error::{Error, Result};
use crate::gpu::{Adapter, Shaders};
use crate::plan::Kernels;
use crate::report::warn;

/// The kernels.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct KernelsArgs {
    /// Set of kernels that the adapter runs [default: its own, see `lenet-gpu devices`]
    #[arg(long, value_name = "SET")]
    pub kernels: Option<Kernels>,
    /// Folder with shaders that run in place of the program's, which `lenet-gpu shaders DIR` writes
    #[arg(long, value_name = "DIR")]
    pub shaders: Option<PathBuf>,
}

impl KernelsArgs {
    /// Errors: kernels for the CPU oracle.
    pub fn check(&self, on_cpu: bool) -> Result<()> {
        let kernels = self.kernels.map(|kernels| format!("--kernels {}", kernels.name()));
        let shaders = || self.shaders.as_ref().map(|folder| format!("--shaders {}", folder.display()));
        match kernels.or_else(shaders) {
            Some(flag) if on_cpu => Err(Error::input(
                format!("{flag} does not go with --backend cpu: the oracle runs no kernels"),
                "leave one of them out",
            )),
            _ => Ok(()),
        }
    }

    /// The shaders of --shaders.
    ///
    /// Errors: those of [`read_shaders`].
    pub fn shaders(&self) -> Result<Shaders> {
        self.shaders.as_deref().map_or_else(|| Ok(Shaders::default()), read_shaders)
    }

    /// `adapter` with the set that was asked for, and `shaders`.
    pub fn of(&self, adapter: Adapter, shaders: &Shaders) -> Adapter {
        let adapter = adapter.with_shaders(shaders);
        match self.kernels {
            Some(kernels) => adapter.with_kernels(kernels),
            None => adapter,
        }
    }
}

/// The shaders of `folder`; says on stderr if none differs from the program's.
///
/// Errors: see [`Shaders::read`].
pub fn read_shaders(folder: &Path) -> Result<Shaders> {
    let shaders = Shaders::read(folder, &shader_files()?).map_err(|e| e.context("--shaders"))?;
    if shaders.own().is_none() {
        warn(format!("warning: {}: every shader there is the program's own", folder.display()));
    }
    Ok(shaders)
}
