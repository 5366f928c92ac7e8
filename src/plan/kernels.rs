//! The two sets of kernels.

/// A set of kernels: one source, tiled in two ways. The set decides the order of sums, and so the bits of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, strum::VariantArray)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Kernels {
    /// Many threads with small tiles: a thread of a convolution computes one sample.
    Gpu,
    /// Few threads with large tiles: a thread computes four samples, which a CPU holds in one vector register.
    Software,
}

impl Kernels {
    /// Its name on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::Software => "software",
        }
    }

    /// The set for a device of `kind`: see [`super::Device::kind`].
    pub fn of(kind: &str) -> Self {
        if kind == "software" { Self::Software } else { Self::Gpu }
    }
}
