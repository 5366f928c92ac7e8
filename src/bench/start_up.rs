//! The wait of a user: from the start of the program to the end of its first training step.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use web_time::Instant;

use super::{Samples, StartUp};
use crate::error::{Error, Result};
use crate::plan::Device;

/// Variables that disable the shader caches of Mesa and of NVIDIA's driver on Linux.
const WITHOUT_CACHE: [(&str, &str); 2] = [("MESA_SHADER_CACHE_DISABLE", "true"), ("__GL_SHADER_DISK_CACHE", "0")];

impl StartUp {
    /// Starts `program` (`lenet-gpu`, by its path) for its first training step of `batch` images on `device`,
    /// `samples` times with the driver's shader cache and as often without it; `model` is the value of `--model`.
    ///
    /// Errors: a process that does not start, or ends before its first step.
    pub fn of(program: &Path, device: &Device, model: &str, batch: usize, samples: usize) -> Result<Self> {
        let command = || first_step(program, device, model, batch);
        // Fills the cache.
        seconds(&mut command())?;
        // The CPU oracle compiles no shaders.
        let has_cache = device.index.is_some() && cfg!(target_os = "linux");
        let (mut cold_samples, mut warm_samples) = (Vec::new(), Vec::new());
        for _ in 0..samples {
            warm_samples.push(seconds(&mut command())?);
            if has_cache {
                cold_samples.push(seconds(command().envs(WITHOUT_CACHE))?);
            }
        }
        Ok(Self {
            batch,
            cold_s: (!cold_samples.is_empty()).then(|| Samples::new(cold_samples.clone()).median()),
            warm_s: Samples::new(warm_samples.clone()).median(),
            cold_samples,
            warm_samples,
        })
    }
}

/// The hidden subcommand of `program` that does one training step, then writes a line to stdout.
fn first_step(program: &Path, device: &Device, model: &str, batch: usize) -> Command {
    let mut command = Command::new(program);
    command.args(["first-step", "--backend", &device.backend, "--model", model, "--batch", &batch.to_string()]);
    if let Some(index) = device.index {
        command.args(["--adapter", &index.to_string()]);
    }
    if let Some(kernels) = device.kernels {
        command.args(["--kernels", kernels.name()]);
    }
    if let Some(own) = &device.shaders {
        command.arg("--shaders").arg(&own.folder);
    }
    command
}

/// Time until `command` has written its first byte to stdout (s).
fn seconds(command: &mut Command) -> Result<f64> {
    let failed = |what: String| Error::outcome(format!("start-up was not measured: {what}"), "");
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(e.to_string()))?;
    let first = child.stdout.take().and_then(|mut stdout| stdout.read_exact(&mut [0]).ok());
    let seconds = started.elapsed().as_secs_f64();
    let output = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
    match first {
        Some(()) if output.status.success() => Ok(seconds),
        _ => Err(failed(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("no answer").to_owned())),
    }
}
