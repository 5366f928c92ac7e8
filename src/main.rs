//! The `lenet-gpu` command.

fn main() -> std::process::ExitCode {
    lenet_gpu::cli::main()
}
