//! The `lenet-gpu` command.

fn main() -> std::process::ExitCode {
    quiet_display_errors();
    lenet_gpu::cli::main()
}

/// Without a display, Mesa's device-select layer prints `error: XDG_RUNTIME_DIR is invalid` for each instance. The
/// layer asks a display which GPU to prefer; without one it is disabled here.
#[cfg(target_os = "linux")]
fn quiet_display_errors() {
    let set = |name| std::env::var_os(name).is_some();
    if !["XDG_RUNTIME_DIR", "WAYLAND_DISPLAY", "DISPLAY", "MESA_VK_DEVICE_SELECT"].into_iter().any(set) {
        // SAFETY: no other thread runs yet.
        #[expect(unsafe_code)]
        unsafe {
            std::env::set_var("NODEVICE_SELECT", "1");
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn quiet_display_errors() {}
