//! How much is checked, and how a part of it ended.

use serde::Serialize;

/// How much is checked.
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

/// The outcome of a part of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within the allowance everywhere.
    Pass,
    /// Not.
    Fail,
    /// Not, and it is known why.
    Known,
    /// It could not be run.
    Error,
}
