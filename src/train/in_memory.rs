//! A run that is kept in memory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Event, RunStore, Saved, TrainConfig};
use crate::error::Result;
use crate::weights::Weights;

/// A run that is kept in memory: for a browser, for tests.
#[derive(Debug, Clone, Default)]
pub struct InMemory {
    /// The configuration of the run; none before it started.
    pub config: Option<TrainConfig>,
    /// Everything that happened.
    pub events: Vec<Event>,
    /// The weights saved.
    pub saved: BTreeMap<Saved, Weights>,
}

impl RunStore for InMemory {
    fn place(&self) -> PathBuf {
        PathBuf::from("memory")
    }

    fn config(&mut self, config: &TrainConfig) -> Result<()> {
        self.config = Some(config.clone());
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<()> {
        self.events.push(event.clone());
        Ok(())
    }

    fn save(&mut self, saved: Saved, weights: &Weights) -> Result<()> {
        self.saved.insert(saved, weights.clone());
        Ok(())
    }
}
