//! Training: configuration, loop, events, and the files of a run.
//!
//! ```no_run
//! use lenet_gpu::{cpu::CpuRunner, plan::now, recipe::Optimizer, train::*};
//! # fn main() -> lenet_gpu::Result<()> {
//! let training = Training::new(TrainConfig::defaults("lenet5", Optimizer::Sgd)?)?;
//! let mut runner = CpuRunner::new(training.plan());
//! let mut folder = RunFolder::create(None, "lenet5")?;
//! now(training.run(&mut runner, &mut folder, None, &Default::default(), &mut |event| println!("{event:?}")))?;
//! # Ok(())
//! # }
//! ```
//!
//! # Contracts
//! - **Bits.** The same config, data and device give the same weights, however the run is cut into
//!   submissions, stopped and resumed: shuffles are a function of seed and epoch, the learning rate of
//!   the step, and sums over an epoch are added in step order and kept in the checkpoint.
//! - **Test set.** It is evaluated once, after training, with the last weights: nothing is chosen by it.
//! - **Divergence.** A loss or a parameter that is not finite ends the run, before it is saved.

mod checkpoint;
mod config;
mod events;
mod in_memory;
#[cfg(feature = "files")]
mod run_folder;
mod session;
mod store;
mod training;

pub use checkpoint::{Checkpoint, Progress};
pub use config::TrainConfig;
pub use events::{EpochDone, Event, Finished, Started, StepDone};
pub use in_memory::InMemory;
#[cfg(feature = "files")]
pub use run_folder::RunFolder;
pub use session::Outcome;
pub use store::{RunStore, Saved};
pub use training::Training;
