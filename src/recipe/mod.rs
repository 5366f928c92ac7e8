//! How a model is trained, as plain data: optimiser, schedule of the learning rate, and the numbers.

mod optimizer;
#[expect(clippy::module_inception, reason = "the type that the room is named after")]
mod recipe;
mod schedule;
mod settings;

pub use optimizer::Optimizer;
pub use recipe::Recipe;
pub use schedule::Schedule;
pub use settings::Settings;
