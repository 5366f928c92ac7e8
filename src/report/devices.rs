//! What a plan can run on.

use serde_json::{Map, Value, json};

use crate::plan::Device;

/// Name, kind, backend and driver on one line; a software adapter is named as such.
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
        lines.extend(limits.iter().map(|(name, value)| format!("       {name}: {value}")));
    }
    lines.join("\n")
}

/// The same as one object.
pub fn devices_json(devices: &[(Device, Vec<(String, String)>)], auto: usize) -> Value {
    let entry = |place: usize, device: &Device, limits: &[(String, String)]| {
        let limits: Map<String, Value> = limits.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "index": device.index,
            "name": device.name,
            "backend": device.backend,
            "driver": Some(&device.driver).filter(|driver| !driver.is_empty()),
            "kind": device.kind,
            "limits": limits,
            "auto": place == auto,
        })
    };
    let all: Vec<Value> = devices.iter().enumerate().map(|(place, (d, limits))| entry(place, d, limits)).collect();
    json!({ "devices": all })
}
