//! Inference: trained weights with their model, and images run through them.
//!
//! ```no_run
//! use lenet_gpu::data::{Dataset, Source, Split};
//! use lenet_gpu::infer::{Predictor, Trained};
//! use lenet_gpu::{cpu::CpuRunner, plan::now};
//! # fn main() -> lenet_gpu::Result<()> {
//! let trained = Trained::load(None, None)?;
//! let data = Dataset::load(&Source::Folder("fashion".into()), Split::Test, trained.largest_image())?;
//! let plan = trained.plan(&data)?;
//! let runner = Box::new(CpuRunner::new(&plan));
//! let mut predictor = Predictor::new(&trained, plan, runner)?;
//! println!("{:?}", now(predictor.evaluate(&data))?.score.accuracy());
//! # Ok(())
//! # }
//! ```
//!
//! The runner is given, so this room knows no device.

mod drive;
mod evaluation;
mod forward;
mod predictor;
mod trained;

pub(crate) use drive::{Pace, drive};
pub use evaluation::{Evaluation, Score};
pub(crate) use forward::score;
pub use forward::{evaluate, logits, probabilities, write_data};
pub use predictor::Predictor;
pub use trained::Trained;
