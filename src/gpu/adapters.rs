//! The adapters of this machine, and the choice among them. An adapter that was asked for and is missing is an error.

use super::Shaders;
use crate::error::{Error, Result};
use crate::plan::{Device, Kernels, now};

/// Names of the backends, as `--backend` and `WGPU_BACKEND` take them.
pub const BACKENDS: [&str; 4] = ["vulkan", "metal", "dx12", "gl"];

/// Which adapter a user asked for. `Default` takes the best adapter of any backend.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// `vulkan`, `metal`, `dx12` or `gl`; none for any.
    pub backend: Option<String>,
    /// Index in the list of [`adapters`], or a part of a name in any case; none for the best.
    pub adapter: Option<String>,
}

/// An adapter of this machine.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// Name, backend, driver.
    pub device: Device,
    /// Limits and features that a plan may need, as (name, value).
    pub limits: Vec<(String, String)>,
    pub(super) shaders: Shaders,
    pub(super) handle: wgpu::Adapter,
}

impl Adapter {
    /// The same adapter, which runs `kernels`.
    pub fn with_kernels(mut self, kernels: Kernels) -> Self {
        self.device.kernels = Some(kernels);
        self
    }

    /// The same adapter, which runs `shaders` in place of the program's own.
    pub fn with_shaders(mut self, shaders: &Shaders) -> Self {
        self.device.shaders = shaders.own();
        self.shaders = shaders.clone();
        self
    }
}

/// Backends that speak to the driver directly; GL is asked last, since its libraries are slow to load
/// and talkative.
const DIRECT: wgpu::Backends = wgpu::Backends::VULKAN.union(wgpu::Backends::METAL).union(wgpu::Backends::DX12);

/// Every adapter of this machine, in a stable order; empty if there is none.
///
/// Errors: a bad value of `WGPU_BACKEND`.
pub fn adapters() -> Result<Vec<Adapter>> {
    let backends = allowed_backends()?;
    let mut found = enumerate(backends & DIRECT);
    found.extend(enumerate(backends & wgpu::Backends::GL));
    Ok(found.into_iter().enumerate().map(|(index, handle)| describe(index, handle)).collect())
}

/// The backends that `WGPU_BACKEND` allows: all if it is not set.
fn allowed_backends() -> Result<wgpu::Backends> {
    match environment("WGPU_BACKEND") {
        None => Ok(DIRECT | wgpu::Backends::GL),
        Some(list) => list.split(',').map(|name| backend_bits("WGPU_BACKEND", name.trim())).collect(),
    }
}

fn enumerate(backends: wgpu::Backends) -> Vec<wgpu::Adapter> {
    if backends.is_empty() {
        return Vec::new();
    }
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        flags: wgpu::InstanceFlags::empty().with_env(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let mut found = now(instance.enumerate_adapters(backends));
    // Drivers answer in any order; sorted, an index names the same adapter in every run.
    found.sort_by_cached_key(|adapter| {
        let info = adapter.get_info();
        (backend_name(info.backend), info.name, info.device_pci_bus_id)
    });
    found
}

/// The adapter that `selection` and the environment variables `WGPU_BACKEND`, `WGPU_ADAPTER_NAME` and
/// `WGPU_POWER_PREF` name; flags win over variables. `None` if the machine has no adapter at all and
/// none was asked for.
///
/// Errors: an adapter or backend that does not exist, a name that fits several, a bad value of a variable.
pub fn select(selection: &Selection) -> Result<Option<Adapter>> {
    let prefer_low_power = match environment("WGPU_POWER_PREF").as_deref() {
        None | Some("none" | "high") => false,
        Some("low") => true,
        Some(other) => {
            return Err(Error::input(
                format!("WGPU_POWER_PREF is '{other}'"),
                "set it to low, high or none, or unset it",
            ));
        }
    };
    if let Some(backend) = &selection.backend {
        backend_bits("--backend", backend)?;
    }
    let (asked_by, asked) = match (&selection.adapter, environment("WGPU_ADAPTER_NAME")) {
        (Some(adapter), _) => ("--adapter", Some(adapter.clone())),
        (None, name) => ("WGPU_ADAPTER_NAME", name),
    };
    if selection.backend.is_none() && asked.is_none() {
        // The common case, without loading GL.
        let direct = enumerate(allowed_backends()? & DIRECT).into_iter().enumerate();
        if let Some(adapter) = best(direct.map(|(index, handle)| describe(index, handle)).collect(), prefer_low_power) {
            return Ok(Some(adapter));
        }
    }
    let all = adapters()?;
    let listed = |list: &[Adapter]| {
        list.iter()
            .map(|a| format!("{} {} ({})", a.device.index.unwrap_or(0), a.device.name, a.device.backend))
            .collect::<Vec<_>>()
            .join("; ")
    };
    let hint = if all.is_empty() {
        "this machine has no adapter; install a driver, or use --backend cpu".to_owned()
    } else {
        format!("adapters here: {}", listed(&all))
    };
    let nothing_asked = selection.backend.is_none() && asked.is_none() && environment("WGPU_BACKEND").is_none();
    if all.is_empty() && nothing_asked {
        return Ok(None);
    }

    let of_backend: Vec<Adapter> = all
        .into_iter()
        .filter(|a| selection.backend.as_ref().is_none_or(|b| a.device.backend == b.to_lowercase()))
        .collect();
    if of_backend.is_empty() {
        let backend = selection.backend.clone().or_else(|| environment("WGPU_BACKEND")).unwrap_or_default();
        return Err(Error::input(format!("no adapter of backend '{backend}'"), hint));
    }
    let Some(asked) = asked else {
        return Ok(best(of_backend, prefer_low_power));
    };
    if let Ok(index) = asked.parse::<usize>() {
        let chosen = of_backend.into_iter().find(|a| a.device.index == Some(index));
        return chosen.map(Some).ok_or_else(|| Error::input(format!("{asked_by}: no adapter has index {index}"), hint));
    }
    let fits: Vec<Adapter> =
        of_backend.into_iter().filter(|a| a.device.name.to_lowercase().contains(&asked.to_lowercase())).collect();
    match fits.len() {
        0 => Err(Error::input(format!("{asked_by}: no adapter's name contains '{asked}'"), hint)),
        1 => Ok(fits.into_iter().next()),
        _ => Err(Error::input(
            format!("{asked_by}: '{asked}' fits several adapters: {}", listed(&fits)),
            "give the index, or add --backend",
        )),
    }
}

/// The best adapter: real before software, then by power, then by how directly the backend speaks to the driver.
fn best(adapters: Vec<Adapter>, prefer_low_power: bool) -> Option<Adapter> {
    adapters.into_iter().min_by_key(|adapter| {
        let info = adapter.handle.get_info();
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => u8::from(prefer_low_power),
            wgpu::DeviceType::IntegratedGpu => u8::from(!prefer_low_power),
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        };
        let backend = match info.backend {
            wgpu::Backend::Vulkan | wgpu::Backend::Metal => 0,
            wgpu::Backend::Dx12 => 1,
            _ => 2,
        };
        // Of two software adapters the one with wider limits: llvmpipe rather than SwiftShader.
        let width = adapter.handle.limits().max_compute_invocations_per_workgroup;
        (kind, backend, std::cmp::Reverse(width), adapter.device.index)
    })
}

/// The value of a variable, in lower case; `None` if it is unset or empty.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_lowercase()).filter(|value| !value.is_empty())
}

fn backend_bits(asked_by: &str, name: &str) -> Result<wgpu::Backends> {
    match name.to_lowercase().as_str() {
        "vulkan" | "vk" => Ok(wgpu::Backends::VULKAN),
        "metal" | "mtl" => Ok(wgpu::Backends::METAL),
        "dx12" | "d3d12" => Ok(wgpu::Backends::DX12),
        "gl" | "gles" | "opengl" => Ok(wgpu::Backends::GL),
        _ => Err(Error::input(
            format!("{asked_by}: no backend is called '{name}'"),
            format!("choose one of: {}", BACKENDS.join(", ")),
        )),
    }
}

fn backend_name(backend: wgpu::Backend) -> &'static str {
    match backend {
        wgpu::Backend::Vulkan => "vulkan",
        wgpu::Backend::Metal => "metal",
        wgpu::Backend::Dx12 => "dx12",
        wgpu::Backend::Gl => "gl",
        wgpu::Backend::BrowserWebGpu => "webgpu",
        wgpu::Backend::Noop => "noop",
    }
}

fn describe(index: usize, handle: wgpu::Adapter) -> Adapter {
    let info = handle.get_info();
    let limits = handle.limits();
    let features = handle.features();
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "discrete gpu",
        wgpu::DeviceType::IntegratedGpu => "integrated gpu",
        wgpu::DeviceType::VirtualGpu => "virtual gpu",
        wgpu::DeviceType::Cpu => "software",
        // llvmpipe through GL does not say that it is software.
        wgpu::DeviceType::Other if info.name.contains("llvmpipe") => "software",
        wgpu::DeviceType::Other => "other",
    };
    let yes_no = |feature| if features.contains(feature) { "yes" } else { "no" }.to_owned();
    let limits = [
        ("storage buffers per stage", limits.max_storage_buffers_per_shader_stage.to_string()),
        ("storage binding, MiB", (limits.max_storage_buffer_binding_size >> 20).to_string()),
        ("buffer, MiB", (limits.max_buffer_size >> 20).to_string()),
        ("invocations per workgroup", limits.max_compute_invocations_per_workgroup.to_string()),
        ("workgroup memory, KiB", (limits.max_compute_workgroup_storage_size >> 10).to_string()),
        ("workgroups per dimension", limits.max_compute_workgroups_per_dimension.to_string()),
        ("timestamps", yes_no(wgpu::Features::TIMESTAMP_QUERY)),
        ("subgroups", yes_no(wgpu::Features::SUBGROUP)),
        ("f16", yes_no(wgpu::Features::SHADER_F16)),
    ];
    Adapter {
        device: Device {
            index: Some(index),
            name: info.name.clone(),
            backend: backend_name(info.backend).to_owned(),
            driver: [info.driver.as_str(), info.driver_info.as_str()].join(" ").trim().to_owned(),
            kind: kind.to_owned(),
            kernels: Some(Kernels::of(kind)),
            shaders: None,
        },
        limits: limits.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        shaders: Shaders::default(),
        handle,
    }
}
