//! The store of a run: its configuration, events and weights.

use std::path::PathBuf;

use super::{Event, TrainConfig};
use crate::error::Result;
use crate::weights::Weights;

/// The weights that a run saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Saved {
    /// Those with the highest validation accuracy; the last without validation.
    Best,
    /// Those after the last step.
    Last,
    /// The state to resume from: see [`super::Checkpoint::from_weights`].
    Checkpoint,
}

impl Saved {
    /// Name of the file.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Best => "best.safetensors",
            Self::Last => "last.safetensors",
            Self::Checkpoint => "checkpoint.safetensors",
        }
    }
}

/// The store of a run: a folder, or memory. Errors: those of writing to it.
pub trait RunStore {
    /// Where it is, for events and messages.
    fn place(&self) -> PathBuf;

    /// Where `saved` is, for events and messages.
    fn path(&self, saved: Saved) -> PathBuf {
        self.place().join(saved.file_name())
    }

    /// Keeps the configuration of a new run.
    fn config(&mut self, config: &TrainConfig) -> Result<()>;

    /// Keeps `event`, after those before it.
    fn event(&mut self, event: &Event) -> Result<()>;

    /// Replaces `saved` by `weights`.
    fn save(&mut self, saved: Saved, weights: &Weights) -> Result<()>;
}
