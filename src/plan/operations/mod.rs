//! The operations, one file per family: what each computes, with which extents, and what it costs.

mod conv2d;
mod dense;
mod gather;
mod kind;
mod loss;
mod op;
mod pool;
mod site;
mod update;

pub use conv2d::Conv2d;
pub use dense::Dense;
pub use gather::Gather;
pub use kind::OpKind;
pub use loss::Loss;
pub use op::Op;
pub use pool::Pool;
pub use site::Pass;
pub(super) use site::Site;
