//! The folder of a run and the files in it.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::{Checkpoint, Event, RunStore, Saved, TrainConfig};
use crate::error::{Error, Result};
use crate::shell;
use crate::weights::{Weights, write_whole};

/// The folder of a run: `config.json`, `events.jsonl`, `checkpoint.safetensors` (and the one before it,
/// `checkpoint.previous.safetensors`), `best.safetensors`, `last.safetensors`.
///
/// A resumed run appends to `events.jsonl`, beginning with a `started` event that has the step of its checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes the folder `out`, or the next free `runs/<model>-<number>`.
    ///
    /// Errors: `out` is a file or a folder that is not empty; the folder cannot be made.
    pub fn create(out: Option<&Path>, model: &str) -> Result<Self> {
        let failed = |path: &Path, e: std::io::Error| {
            Error::input(format!("{}: {e}", path.display()), "choose a folder that can be written with --out")
        };
        if let Some(out) = out {
            Self::check_free(out)?;
            fs::create_dir_all(out).map_err(|e| failed(out, e))?;
            return Ok(Self { path: out.to_owned() });
        }
        let runs = Path::new("runs");
        fs::create_dir_all(runs).map_err(|e| failed(runs, e))?;
        let mut number = 1u32;
        loop {
            let path = runs.join(format!("{model}-{number}"));
            // Making it is what claims it: two runs started together get two folders.
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(e) if e.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(e) => return Err(failed(&path, e)),
            }
        }
    }

    /// Checks that `out` can become the folder of a new run: it does not exist or is empty.
    pub fn check_free(out: &Path) -> Result<()> {
        let taken = match fs::read_dir(out) {
            Ok(mut entries) => entries.next().is_some(),
            Err(e) => e.kind() != ErrorKind::NotFound,
        };
        if taken {
            return Err(Error::input(
                format!("--out {}: it exists and is not an empty folder", out.display()),
                format!("choose another folder, or go on with the run in it: --resume {}", shell::word(out.display())),
            ));
        }
        Ok(())
    }

    /// The run in the folder `run` and its newest checkpoint. `run` may also be a checkpoint file in such a
    /// folder; the previous checkpoint then becomes the newest.
    ///
    /// Errors: no run there; a damaged checkpoint, with the way to the one before it.
    pub fn resume(run: &Path) -> Result<(Self, Checkpoint)> {
        if run.is_file() {
            let checkpoint = Checkpoint::load(run)?;
            let parent = run.parent().filter(|parent| !parent.as_os_str().is_empty());
            let folder = Self { path: parent.unwrap_or(Path::new(".")).to_owned() };
            if run.file_name() == folder.previous_checkpoint().file_name() {
                let newest = folder.path(Saved::Checkpoint);
                fs::rename(run, &newest).map_err(|e| Error::input(format!("{}: {e}", newest.display()), ""))?;
            }
            return Ok((folder, checkpoint));
        }
        let folder = Self { path: run.to_owned() };
        let (newest, previous) = (folder.path(Saved::Checkpoint), folder.previous_checkpoint());
        let wrong = if newest.is_file() {
            match Checkpoint::load(&newest) {
                Ok(checkpoint) => return Ok((folder, checkpoint)),
                Err(e) => e.to_string(),
            }
        } else {
            format!("--resume {}: no checkpoint.safetensors there", run.display())
        };
        let hint = match Checkpoint::load(&previous) {
            Ok(whole) => format!(
                "the checkpoint before it is whole (step {}): lenet-gpu train --resume {}",
                whole.progress.step,
                shell::word(previous.display())
            ),
            Err(_) => "give the folder of a run that has saved a checkpoint, or train anew".to_owned(),
        };
        Err(Error::input(wrong, hint))
    }

    /// The checkpoint before the newest.
    pub fn previous_checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.previous.safetensors")
    }
}

impl RunStore for RunFolder {
    fn place(&self) -> PathBuf {
        self.path.clone()
    }

    /// Writes `config.json`, for people: a resumed run reads its checkpoint.
    fn config(&mut self, config: &TrainConfig) -> Result<()> {
        let json = serde_json::to_string_pretty(config).map_err(|e| Error::outcome(e.to_string(), ""))?;
        write_whole(&self.path.join("config.json"), format!("{json}\n").as_bytes(), || Ok(()))
    }

    /// Appends a line to `events.jsonl`.
    fn event(&mut self, event: &Event) -> Result<()> {
        let path = self.path.join("events.jsonl");
        let line = serde_json::to_string(event).map_err(std::io::Error::from);
        line.and_then(|line| {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())
        })
        .map_err(|e| Error::input(format!("{}: {e}", path.display()), "check the folder of the run and its free space"))
    }

    /// Replaces the file. The checkpoint before the newest is kept.
    fn save(&mut self, saved: Saved, weights: &Weights) -> Result<()> {
        let path = self.path(saved);
        if saved != Saved::Checkpoint {
            return weights.save(&path);
        }
        let previous = self.previous_checkpoint();
        write_whole(&path, &weights.to_bytes()?, || match fs::rename(&path, &previous) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(Error::input(format!("{}: {e}", previous.display()), "check the folder of the run"))
            }
            _ => Ok(()),
        })
    }
}
