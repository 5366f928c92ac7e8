//! `lenet-gpu check`

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use strum::VariantArray;

use super::device::Backend;
use super::kernels::KernelsArgs;
use super::progress::CheckProgress;
use super::shared::{Exit, MODEL, described, models};
use crate::check::{Effort, Filter, Inputs, Options, Verdict, check};
use crate::error::{Error, Result};
use crate::gpu::{self, Adapter, Selection};
use crate::model::PRESETS;
use crate::plan::Kernels;
use crate::report::{check_markdown, check_text, device_line, say, warn};

/// Judge whether an adapter, its driver and these kernels compute training correctly
///
/// Every kernel runs alone on awkward inputs beside an oracle on the CPU; a step is compared with PyTorch's,
/// a run on MNIST with the oracle's; the same work must give the same bits. The exit code is 0 if all
/// passes, 1 if anything fails, 2 if it could not run.
#[derive(clap::Args)]
pub struct Args {
    /// An adapter, by its index in `lenet-gpu devices` or a part of its name [default: the best]
    #[arg(long, value_name = "INDEX|NAME", conflicts_with = "all")]
    adapter: Option<String>,
    /// Every adapter with each set of kernels, and how far they are from each other
    #[arg(long)]
    all: bool,
    /// Only adapters of this backend
    #[arg(long, value_name = "NAME")]
    backend: Option<Backend>,
    #[command(flatten)]
    kernels: KernelsArgs,
    #[arg(long, value_name = MODEL, default_value = "lenet5", conflicts_with = "all_models")]
    #[arg(help = format!("Model to check beside the synthetic ones: {}", models()))]
    model: String,
    /// Every model inside the program
    #[arg(long)]
    all_models: bool,
    /// Batch sizes of the model [default: 1 64; 9 if quick; 1 3 64 257 if thorough]
    #[arg(long, value_name = "N", num_args = 1.., value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch: Vec<u32>,
    /// Seed of every input
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Write the whole report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a table of adapters, drivers, verdicts and dates as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Take seconds: fewer kinds of input, a short run
    #[arg(long, conflicts_with = "thorough")]
    quick: bool,
    /// More batch sizes, every kind of input for the model too
    #[arg(long)]
    thorough: bool,
    /// Then repeat one step for this time and compare every bit: a burn-in test
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    soak: f64,
    /// Only this kernel: replays a finding
    #[arg(long, value_name = "NAME")]
    kernel: Option<String>,
    /// Only this case
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
    /// Only this kind of input: small, unit, large, huge or tiny
    #[arg(long, value_name = "KIND")]
    inputs: Option<String>,
}

impl Args {
    /// Checks, and prints the verdict.
    pub fn run(self) -> Exit {
        let options = self.options()?;
        let adapters = self.adapters()?;
        for adapter in &adapters {
            warn(format!("checking  {}", device_line(&adapter.device)));
        }
        let progress = CheckProgress::new();
        let report = check(&adapters, &options, &mut |notice| progress.tell(notice))?;
        progress.finish();
        say(check_text(&report))?;
        let written = |path: &PathBuf, text: String| {
            fs::write(path, text).map_err(|e| Error::input(format!("{}: {e}", path.display()), "write elsewhere"))
        };
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(&report)
                .map_err(|e| Error::outcome(format!("the report cannot be written: {e}"), ""))?;
            written(path, text + "\n")?;
        }
        if let Some(path) = &self.markdown {
            written(path, check_markdown(&report))?;
        }
        Ok(match report.verdict {
            Verdict::Pass | Verdict::Known => ExitCode::SUCCESS,
            Verdict::Fail => ExitCode::from(1),
            Verdict::Error => ExitCode::from(2),
        })
    }

    fn options(&self) -> Result<Options> {
        let models = if self.all_models { PRESETS.map(|(name, _)| name).to_vec() } else { vec![self.model.as_str()] };
        let inputs = |name: &String| {
            Inputs::ALL.into_iter().find(|inputs| inputs.name() == name).ok_or_else(|| {
                let names = Inputs::ALL.map(Inputs::name).join(", ");
                Error::input(format!("--inputs: no kind is called '{name}'"), format!("choose one of: {names}"))
            })
        };
        if !self.soak.is_finite() || self.soak < 0.0 {
            return Err(Error::input(format!("--soak {}: not a duration", self.soak), "give seconds, such as 600"));
        }
        Ok(Options {
            models: models.into_iter().map(|model| described(model)?.model()).collect::<Result<_>>()?,
            batches: self.batch.iter().map(|batch| *batch as usize).collect(),
            seed: self.seed,
            effort: match (self.quick, self.thorough) {
                (true, _) => Effort::Quick,
                (_, true) => Effort::Thorough,
                _ => Effort::Normal,
            },
            filter: Filter {
                kernel: self.kernel.clone(),
                case: self.case.clone(),
                inputs: self.inputs.as_ref().map(inputs).transpose()?,
            },
            soak: self.soak,
        })
    }

    /// Errors: none that fits, or several.
    fn adapters(&self) -> Result<Vec<Adapter>> {
        if self.backend == Some(Backend::Cpu) {
            return Err(Error::input(
                "--backend cpu: the CPU oracle is what is checked against",
                "choose a GPU backend",
            ));
        }
        let shaders = self.kernels.shaders()?;
        let backend = self.backend.filter(|b| *b != Backend::Auto).and_then(|b| b.to_possible_value());
        let backend = backend.map(|value| value.get_name().to_owned());
        let none =
            || Error::input("there is no adapter to check", "install a GPU driver; lenet-gpu devices lists them");
        if !self.all {
            let selection = Selection { backend, adapter: self.adapter.clone() };
            return Ok(vec![self.kernels.of(gpu::select(&selection)?.ok_or_else(none)?, &shaders)]);
        }
        let fits = |adapter: &Adapter| backend.as_ref().is_none_or(|backend| adapter.device.backend == *backend);
        let sets = |adapter: Adapter| match self.kernels.kernels {
            Some(_) => vec![self.kernels.of(adapter, &shaders)],
            None => Kernels::VARIANTS
                .iter()
                .map(|kernels| self.kernels.of(adapter.clone(), &shaders).with_kernels(*kernels))
                .collect(),
        };
        let adapters: Vec<Adapter> = gpu::adapters()?.into_iter().filter(fits).flat_map(sets).collect();
        if adapters.is_empty() { Err(none()) } else { Ok(adapters) }
    }
}
