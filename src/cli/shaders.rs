//! `lenet-gpu shaders`

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::shared::{Exit, MODEL, described, models};
use crate::error::{Error, Result};
use crate::gpu::{self, Kernel, RUN, Selection, Tile, kernel};
use crate::plan::{DatasetShape, Kernels, Phase, Plan};
use crate::report::say;
use crate::shell;
use crate::train::TrainConfig;

/// Write the shaders of a model's training step into a folder, to read, change and run
///
/// DIR gets the files as people read and edit them, DIR/run the whole WGSL of each operation as it runs.
/// Then `check --shaders DIR` names the element that went wrong, and `bench --shaders DIR` the time that
/// was won.
#[derive(clap::Args)]
pub struct Args {
    /// Folder for them
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[arg(long, value_name = MODEL, default_value = "lenet5", help = format!("Model to train: {}", models()))]
    model: String,
    /// Images per step, which decide the constants in DIR/run
    #[arg(long, value_name = "N", default_value_t = 64)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: u32,
    /// Set of kernels [default: that of the adapter that auto takes; gpu without one]
    #[arg(long, value_name = "SET")]
    kernels: Option<Kernels>,
    /// Overwrite files that differ
    #[arg(long)]
    force: bool,
}

impl Args {
    /// Writes them.
    pub fn run(self) -> Exit {
        let model = described(&self.model)?.model()?;
        let optimizer = TrainConfig::defaults(&self.model, None)?.optimizer;
        let batch = self.batch as usize;
        let data = DatasetShape { samples: batch, height: model.input.height, width: model.input.width };
        let plan = Plan::training(&model, batch, data, optimizer)?;
        let tile = self.tile()?;

        let mut read = BTreeMap::new();
        let mut run = BTreeMap::new();
        for op in plan.phase(Phase::Train)?.into_iter().map(|index| &plan.ops[index]) {
            let kernel: Kernel = kernel(op, &plan, tile);
            let name = format!("{}-{}.wgsl", op.layer, kernel.entry);
            run.insert(self.folder.join(RUN).join(name), kernel.source()? + "\n");
            let pieces = kernel.pieces.into_iter();
            read.extend(pieces.map(|piece| (self.path(piece.file), piece.text.into_owned())));
        }
        let all = || read.iter().chain(&run);
        if !self.force {
            self.refuse_others(all())?;
        }
        for (path, text) in all() {
            write(path, text)?;
        }
        let folder = self.folder.display();
        say(format!("kernels   {}, batch {batch}, {} set", model.name, tile.kernels.name()))?;
        say(format!("to edit   {folder}: {} files", read.len()))?;
        say(format!("as run    {folder}/{RUN}: {} files, one per operation of a step", run.len()))?;
        say(format!("next      lenet-gpu check --quick --shaders {}", shell::word(folder)))?;
        Ok(ExitCode::SUCCESS)
    }

    fn tile(&self) -> Result<Tile> {
        let adapter = gpu::select(&Selection::default())?;
        Ok(match (adapter, self.kernels) {
            (Some(adapter), None) => Tile::of(&adapter),
            (Some(adapter), Some(kernels)) => Tile::of(&adapter.with_kernels(kernels)),
            (None, kernels) => Tile { kernels: kernels.unwrap_or(Kernels::Gpu), uniform_weights: false, rolled: false },
        })
    }

    fn path(&self, piece: &str) -> PathBuf {
        self.folder.join(format!("{piece}.wgsl"))
    }

    /// Errors: files that are there with another text; nothing has been written then.
    fn refuse_others<'a>(&self, files: impl Iterator<Item = (&'a PathBuf, &'a String)>) -> Result<()> {
        let differs = |(path, text): &(&PathBuf, &String)| fs::read(path).is_ok_and(|there| there != text.as_bytes());
        let others: Vec<&PathBuf> = files.filter(differs).map(|(path, _)| path).collect();
        let Some(first) = others.first() else { return Ok(()) };
        let more = if others.len() > 1 { format!(", and {} more like it", others.len() - 1) } else { String::new() };
        Err(Error::input(
            format!("{}: there is another text{more}; nothing was written", first.display()),
            "give another folder, or overwrite with --force",
        ))
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let failed = |e: std::io::Error| Error::input(format!("{}: {e}", path.display()), "give a folder to write into");
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
    fs::write(path, text).map_err(failed)
}
