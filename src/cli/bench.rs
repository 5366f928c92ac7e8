//! `lenet-gpu bench`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::ProgressBar;

use super::device::{Backend, Choice, DeviceArgs};
use super::kernels::KernelsArgs;
use super::shared::{Exit, MODEL, described, models};
use crate::bench::{self, AdapterReport, Bench, Options, StartUp};
use crate::cpu::CpuRunner;
use crate::data::{Dataset, Source, Split};
use crate::error::{Error, Result};
use crate::gpu;
use crate::model::Model;
use crate::plan::{Plan, Runner};
use crate::report::{
    adapter_text, bench_chart, bench_csv, bench_markdown, changes_text, say, side_by_side_text, trace_json, trace_text,
    warn,
};

/// Start-ups that are measured with the driver's shader cache, and as many without it; few, since each is
/// a process.
const START_UPS: usize = 3;

/// Samples per step of a trace, unless others are asked for.
const TRACED_BATCH: usize = 64;

/// Measure adapters: their ceilings, training, evaluation and every kernel, start-up and memory
#[derive(clap::Args)]
pub struct Args {
    /// Backend that runs the kernels; auto takes the best adapter [default: auto]
    #[arg(long, value_name = "NAME")]
    backend: Option<Backend>,
    /// Adapters, each by its index in `lenet-gpu devices` or a part of its name [default: the one that
    /// auto takes]
    #[arg(long, value_name = "INDEX|NAME", num_args = 1..)]
    adapter: Vec<String>,
    /// Every adapter; one device under several backends counts several times
    #[arg(long, conflicts_with = "adapter")]
    all: bool,
    #[command(flatten)]
    kernels: KernelsArgs,
    #[arg(long, value_name = MODEL, default_value = "lenet5", help = format!("Model to measure: {}", models()))]
    model: String,
    /// Images per step, one or more numbers [default: 1 to 4096; on the CPU oracle 64 and 256]
    #[arg(long, value_name = "N", num_args = 1.., allow_negative_numbers = true)]
    batch: Vec<usize>,
    /// Take seconds: batch 64 and 256, fewer and shorter samples
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    files: Files,
    /// Write one step of each phase, operation by operation, as a Chrome trace, which ui.perfetto.dev
    /// opens: at the first --batch [default: 64]. Without --quick and another file it is all that is
    /// measured
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Say per figure whether it is faster or slower than in this file, which an earlier --json wrote
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
}

/// Where the results go.
#[derive(clap::Args)]
struct Files {
    /// Write every figure with its samples as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a row per figure as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write the tables as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Draw shares of ceilings, and throughput by batch size, as SVG
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
}

impl Files {
    fn all(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.json, &self.csv, &self.markdown, &self.chart].into_iter().flatten()
    }

    /// Minutes of measuring should not end in a file that cannot be written.
    ///
    /// Errors: a file in no folder.
    fn check(&self, trace: Option<&PathBuf>) -> Result<()> {
        for path in self.all().chain(trace) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if !folder.is_dir() || path.is_dir() {
                return Err(Error::input(
                    format!("{}: no file can be written there", path.display()),
                    "give a file in a folder that exists",
                ));
            }
        }
        Ok(())
    }

    /// Writes the files that were asked for and says so; while adapters are still to come, `last` is false: that keeps
    /// what there is from being lost, in silence and not into pipes, which take one document.
    ///
    /// Errors: a file that cannot be written.
    fn write(&self, bench: &Bench, last: bool) -> Result<()> {
        let json = serde_json::to_string_pretty(bench).map_err(|e| Error::outcome(e.to_string(), ""))?;
        let write = |path: &Option<PathBuf>, text: &dyn Fn() -> String| {
            let Some(path) = path.as_ref().filter(|path| last || path.is_file() || !path.exists()) else {
                return Ok(());
            };
            written(path, &text())?;
            if last {
                warn(format!("wrote {}", path.display()));
            }
            Ok(())
        };
        write(&self.json, &|| format!("{json}\n"))?;
        write(&self.csv, &|| bench_csv(bench))?;
        write(&self.markdown, &|| bench_markdown(bench))?;
        write(&self.chart, &|| bench_chart(bench))
    }
}

impl Args {
    /// Measures one adapter after the other; one that fails is reported as such, and fails the command only
    /// if no other ran.
    pub fn run(self) -> Exit {
        let model = described(&self.model)?.model()?;
        self.files.check(self.trace.as_ref())?;
        let before = self.compare.as_deref().map(read).transpose()?;
        let data = Dataset::load(&Source::Embedded, Split::Train, (model.input.height, model.input.width))?;
        if let Some(bad) = self.batch.iter().find(|batch| !(1..=data.len()).contains(batch)) {
            return Err(Error::input(format!("--batch is {bad}"), format!("--batch takes 1 to {} images", data.len())));
        }

        let choices = self.choices()?;
        if let Some(path) = &self.trace {
            self.write_trace(path, &choices, &model, &data)?;
            if !self.quick && self.files.all().next().is_none() && self.compare.is_none() {
                return Ok(ExitCode::SUCCESS);
            }
        }
        let mut bench = Bench::new(Vec::new());
        let mut failed = None;
        for (place, choice) in (1..).zip(&choices) {
            let report = self.measure(choice, &model, &data).unwrap_or_else(|error| {
                let report =
                    AdapterReport { error: Some(error.to_string()), ..AdapterReport::new(&choice.device(), &model) };
                failed = Some(error);
                report
            });
            if choices.len() > 1 || failed.is_none() {
                say(format!("{}{}", if place > 1 { "\n" } else { "" }, adapter_text(&report)))?;
            }
            bench.add(report);
            self.files.write(&bench, place == choices.len())?;
        }
        if choices.len() > 1 {
            say(format!("\n{}", side_by_side_text(&bench)))?;
        }
        if let Some(before) = &before {
            say(format!("\n{}", changes_text(before, &bench::compare(before, &bench))))?;
        }
        match failed {
            Some(error) if bench.adapters.iter().all(|report| report.error.is_some()) => Err(error),
            _ => Ok(ExitCode::SUCCESS),
        }
    }

    /// Errors: those of a device, a file that cannot be written.
    fn write_trace(&self, path: &Path, choices: &[Choice], model: &Model, data: &Dataset) -> Result<()> {
        let batch = self.batch.first().copied().unwrap_or(TRACED_BATCH);
        let trace = |choice: &Choice| bench::trace(&|plan| choice.open(plan, |_| Ok(())), model, data, batch);
        let traces = choices.iter().map(trace).collect::<Result<Vec<_>>>()?;
        for trace in &traces {
            say(format!("{}\n", trace_text(trace)))?;
        }
        written(path, &format!("{}\n", trace_json(&traces)))?;
        warn(format!("wrote {}", path.display()));
        Ok(())
    }

    /// The devices to measure.
    ///
    /// Errors: an adapter or backend that does not exist.
    fn choices(&self) -> Result<Vec<Choice>> {
        self.kernels.check(self.backend == Some(Backend::Cpu))?;
        // Read once, however many adapters there are.
        let shaders = self.kernels.shaders()?;
        let kernels = KernelsArgs { shaders: None, ..self.kernels.clone() };
        let one = |adapter: Option<String>| {
            let device = DeviceArgs { backend: self.backend, adapter, kernels: kernels.clone() };
            let choice = device.choose()?;
            self.kernels.check(matches!(choice, Choice::Cpu))?;
            Ok::<_, Error>(choice.with_shaders(&shaders))
        };
        if !self.all {
            let asked = self.adapter.iter().cloned().map(|adapter| one(Some(adapter)));
            return if self.adapter.is_empty() { Ok(vec![one(None)?]) } else { asked.collect() };
        }
        // An error here says what is wrong with the backend.
        let best = one(None)?;
        let backend = self.backend.filter(|backend| *backend != Backend::Auto).map(Backend::name);
        let fits = |adapter: &gpu::Adapter| backend.as_ref().is_none_or(|backend| adapter.device.backend == *backend);
        let choice = |adapter| Choice::Gpu(Box::new(kernels.of(adapter, &shaders)));
        let all: Vec<Choice> = gpu::adapters()?.into_iter().filter(fits).map(choice).collect();
        Ok(if all.is_empty() { vec![best] } else { all })
    }

    fn measure(&self, choice: &Choice, model: &Model, data: &Dataset) -> Result<AdapterReport> {
        let mut options = if self.quick { Options::quick() } else { Options::default() };
        if !self.batch.is_empty() {
            options.batches = self.batch.clone();
            options.batches.sort_unstable();
            options.batches.dedup();
        } else if matches!(choice, Choice::Cpu) {
            // The oracle is slow, and is not faster with more images at a time.
            options.batches = Options::quick().batches;
        }
        let device = choice.device();
        let bar = ProgressBar::new_spinner();
        let mut progress = |what: &str| {
            bar.set_message(format!("{}, {}: {what}", device.name, device.backend));
            bar.tick();
        };
        let mut report = match choice {
            Choice::Gpu(adapter) => bench::measure(adapter, model, data, &options, &mut progress)?,
            Choice::Cpu => {
                let open = |plan: &Plan| Ok(Box::new(CpuRunner::new(plan)) as Box<dyn Runner>);
                bench::measure_with(&device, None, &open, model, data, &options, &mut progress)?
            }
        };
        progress("start-up");
        let batch = report.kernel_batch().unwrap_or(1);
        let samples = if self.quick { 1 } else { START_UPS };
        let program = std::env::current_exe();
        let start_up = program
            .map_err(|e| Error::outcome(format!("start-up was not measured: {e}"), ""))
            .and_then(|program| StartUp::of(&program, &device, &self.model, batch, samples));
        match start_up {
            Ok(start_up) => report.start_up = Some(start_up),
            Err(error) => report.warnings.push(error.to_string()),
        }
        bar.finish_and_clear();
        Ok(report)
    }
}

fn written(path: &Path, text: &str) -> Result<()> {
    let failed = |e: std::io::Error| Error::input(format!("{}: {e}", path.display()), "give another file");
    std::fs::write(path, text).map_err(failed)
}

fn read(path: &Path) -> Result<Bench> {
    let failed = |e: String| {
        Error::input(format!("--compare {}: {e}", path.display()), "give a file that `lenet-gpu bench --json` wrote")
    };
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| failed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::example::report;

    #[test]
    fn results_are_written_while_adapters_are_still_to_come() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| Some(folder.path().join(name));
        let files = Files { json: file("a.json"), csv: file("a.csv"), markdown: file("a.md"), chart: file("a.svg") };
        let mut bench = Bench::new(Vec::new());
        for (name, last) in [("one", false), ("two", true)] {
            bench.add(report(name));
            files.write(&bench, last).unwrap();
            assert_eq!(read(files.json.as_deref().unwrap()).unwrap(), bench);
            for path in [&files.csv, &files.markdown, &files.chart].into_iter().flatten() {
                assert!(std::fs::read_to_string(path).unwrap().contains(name), "{}", path.display());
            }
        }
    }
}
