//! The command line: one file per subcommand, with its arguments and its `run`.

mod bench;
mod check;
mod command;
mod device;
mod devices;
mod eval;
mod first_step;
mod kernels;
mod predict;
mod progress;
mod shaders;
mod shared;
mod summary;
mod train;

pub use command::main;
