//! The extent of a check, and the verdict on a part of it.

use serde::Serialize;

/// The extent of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Seconds: every kernel and activation, fewer shapes, two kinds of input, a short run.
    Quick,
    /// Every kind of input, 100 steps.
    Normal,
    /// More batch sizes and kinds of input for whole models.
    Thorough,
}

impl Effort {
    /// As it is written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Normal => "normal",
            Self::Thorough => "thorough",
        }
    }
}

/// The verdict on a part of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within the allowance everywhere.
    Pass,
    /// Beyond an allowance somewhere.
    Fail,
    /// Beyond an allowance, for a known reason.
    Known,
    /// It could not be run.
    Error,
}
