//! How a model is trained, as plain data: the rule of the update and the course of the learning rate.

mod optimizer;
mod schedule;

pub use optimizer::Optimizer;
pub use schedule::Schedule;
