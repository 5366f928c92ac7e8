//! The rule that turns gradients into new parameters.

use serde::{Deserialize, Serialize};

/// The rule that turns gradients into new parameters. `w` is the parameter, `g` its gradient.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::VariantArray,
    strum::IntoStaticStr,
)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum), value(rename_all = "lower"))]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Optimizer {
    /// SGD with momentum: `g += decay w; m = momentum m + g; w -= rate m`
    Sgd,
    /// SGD with Nesterov momentum: `w -= rate (g + momentum m)`
    Nesterov,
    /// Adam (Kingma and Ba 2015), weight decay added to the gradient
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019)
    AdamW,
}

impl Optimizer {
    /// As it is written on the command line and in files.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Names of the state buffers that it keeps, in the order of its kernel's bindings. A checkpoint keeps each
    /// under its name.
    pub const fn states(self) -> &'static [&'static str] {
        match self {
            Self::Sgd | Self::Nesterov => &["momentum"],
            Self::Adam | Self::AdamW => &["momentum", "variance"],
        }
    }
}
