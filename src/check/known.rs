//! Known failures of drivers, which a report shows as known.

use crate::plan::Device;

/// A failure that is a driver's, not this program's.
pub struct Known {
    /// Part of the adapter's name.
    pub adapter: &'static str,
    /// Part of the driver's name and version, the version included.
    pub driver: &'static str,
    /// The kernel that fails.
    pub kernel: &'static str,
    /// Why, with a link to the driver's issue.
    pub reason: &'static str,
}

/// The known failures. A row turns a failure of that kernel from `fail` into `known`.
pub const KNOWN: &[Known] = &[];

/// The reason of the known failure of `kernel` on `device`, if there is one.
pub fn reason(device: &Device, kernel: &str) -> Option<String> {
    reason_in(KNOWN, device, kernel)
}

fn reason_in(table: &[Known], device: &Device, kernel: &str) -> Option<String> {
    let fits = |known: &&Known| {
        device.name.contains(known.adapter) && device.driver.contains(known.driver) && kernel == known.kernel
    };
    table.iter().find(fits).map(|known| known.reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Kernels;

    #[test]
    fn a_failure_is_known_by_adapter_driver_and_kernel_together() {
        let table = [Known { adapter: "Radeon", driver: "1.2", kernel: "sgd", reason: "wrong rounding" }];
        let device = |name: &str, driver: &str| Device {
            index: Some(0),
            name: name.to_owned(),
            backend: "vulkan".to_owned(),
            driver: driver.to_owned(),
            kind: "discrete gpu".to_owned(),
            kernels: Some(Kernels::Gpu),
            shaders: None,
        };
        assert_eq!(reason_in(&table, &device("AMD Radeon", "radv 1.2.3"), "sgd").as_deref(), Some("wrong rounding"));
        assert_eq!(reason_in(&table, &device("AMD Radeon", "radv 1.3"), "sgd"), None);
        assert_eq!(reason_in(&table, &device("AMD Radeon", "radv 1.2.3"), "adam"), None);
        assert_eq!(reason_in(&table, &device("GeForce", "1.2"), "sgd"), None);
    }
}
