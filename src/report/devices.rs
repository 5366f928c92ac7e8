//! Devices that a plan can run on.

use serde_json::{Map, Value, json};

use crate::plan::Device;

/// Name, kind, backend and driver on one line; a software adapter is named as such, and so are kernels that are not
/// the device's own, and shaders that are not the program's.
pub fn device_line(device: &Device) -> String {
    let mut parts = vec![device.name.clone()];
    match device.kind.as_str() {
        "software" => parts.push("software adapter: runs on the CPU".to_owned()),
        kind => parts.push(kind.to_owned()),
    }
    parts.push(device.backend.clone());
    parts.push(if device.driver.is_empty() {
        "driver unknown".to_owned()
    } else {
        format!("driver {}", device.driver)
    });
    parts.extend(device.other_kernels().map(|kernels| format!("{} kernels", kernels.name())));
    parts.extend(device.shaders.as_ref().map(|own| format!("shaders of {}", own.title())));
    if device.backend == "cpu" {
        parts.truncate(1);
    }
    parts.join(", ")
}

/// Every device with its limits; the one that `auto` takes is marked.
pub fn devices_text(devices: &[(Device, Vec<(String, String)>)], auto: usize) -> String {
    let mut lines = Vec::new();
    for (place, (device, limits)) in devices.iter().enumerate() {
        let index = device.index.map_or("cpu".to_owned(), |index| index.to_string());
        let mark = if place == auto { "  <- auto" } else { "" };
        lines.push(format!("{index:>3}  {}{mark}", device_line(device)));
        lines.extend(device.kernels.map(|kernels| format!("       kernels: {}", kernels.name())));
        lines.extend(limits.iter().map(|(name, value)| format!("       {name}: {value}")));
    }
    lines.join("\n")
}

/// The same as one object. The keys of `limits` say "a" for "per", as in version 0.1.
pub fn devices_json(devices: &[(Device, Vec<(String, String)>)], auto: usize) -> Value {
    let entry = |place: usize, device: &Device, limits: &[(String, String)]| {
        // The keys are those of version 0.1.
        let limits: Map<String, Value> =
            limits.iter().map(|(name, value)| (name.replace(" per ", " a "), json!(value))).collect();
        json!({
            "index": device.index,
            "name": device.name,
            "backend": device.backend,
            "driver": Some(&device.driver).filter(|driver| !driver.is_empty()),
            "kind": device.kind,
            "kernel_set": device.kernels,
            "limits": limits,
            "auto": place == auto,
        })
    };
    let all: Vec<Value> = devices.iter().enumerate().map(|(place, (d, limits))| entry(place, d, limits)).collect();
    json!({ "devices": all })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::CpuRunner;
    use crate::plan::Kernels;
    use crate::report::snapshot;

    #[test]
    fn every_form_is_as_in_its_snapshot() {
        let device = |index, name: &str, backend: &str, driver: &str, kind: &str| Device {
            index: Some(index),
            name: name.to_owned(),
            backend: backend.to_owned(),
            driver: driver.to_owned(),
            kind: kind.to_owned(),
            kernels: Some(Kernels::of(kind)),
            shaders: None,
        };
        let limits = |stage: &str, f16: &str| {
            [("storage buffers per stage", stage), ("buffer, MiB", "2047"), ("f16", f16)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec()
        };
        let devices = [
            (device(0, "A card", "vulkan", "maker 1.2", "discrete gpu"), limits("32", "yes")),
            (device(1, "llvmpipe (LLVM 15, 256 bits)", "gl", "", "software"), limits("16", "no")),
            (CpuRunner::description(), Vec::new()),
        ];
        snapshot::assert("devices_text", &devices_text(&devices, 0));
        snapshot::assert("devices_json", &format!("{:#}", devices_json(&devices, 0)));
        snapshot::assert("devices_text_of_the_oracle_alone", &devices_text(&devices[2..], 0));
    }
}
