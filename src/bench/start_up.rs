//! How long a user waits: from starting the program to the first training step done.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::Samples;
use crate::error::{Error, Result};

/// Seconds from the start of a process to its first training step done: data read, device opened, shaders
/// compiled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartUp {
    /// Samples a step.
    pub batch: usize,
    /// With the driver's shader cache disabled, median; none where no variable disables it.
    pub cold_s: Option<f64>,
    /// With the driver's shader cache filled, median.
    pub warm_s: f64,
    /// All samples of `cold_s`.
    pub cold_samples: Vec<f64>,
    /// All samples of `warm_s`.
    pub warm_samples: Vec<f64>,
}

/// Variables that disable the shader caches of Mesa and of NVIDIA's driver on Linux.
const WITHOUT_CACHE: [(&str, &str); 2] = [("MESA_SHADER_CACHE_DISABLE", "true"), ("__GL_SHADER_DISK_CACHE", "0")];

/// Starts what `command` makes `samples` times with the driver's shader cache and as often without; the
/// command writes a line to stdout once its first step at `batch` is done.
///
/// `has_cache` says whether what runs the plan compiles shaders at all.
///
/// Errors: a process that does not start or does not write.
pub fn start_up(command: impl Fn() -> Command, batch: usize, samples: usize, has_cache: bool) -> Result<StartUp> {
    let mut filler = command();
    seconds(&mut filler)?;
    let (mut cold_samples, mut warm_samples) = (Vec::new(), Vec::new());
    for _ in 0..samples {
        warm_samples.push(seconds(&mut command())?);
        if has_cache && cfg!(target_os = "linux") {
            cold_samples.push(seconds(command().envs(WITHOUT_CACHE))?);
        }
    }
    Ok(StartUp {
        batch,
        cold_s: (!cold_samples.is_empty()).then(|| Samples::new(cold_samples.clone()).median()),
        warm_s: Samples::new(warm_samples.clone()).median(),
        cold_samples,
        warm_samples,
    })
}

/// Seconds until `command` has written its first byte to stdout.
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
