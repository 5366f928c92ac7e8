//! `lenet-gpu train`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use strum::VariantArray;

use super::device::{Backend, Choice, DeviceArgs};
use super::kernels::{KernelsArgs, read_shaders};
use super::progress::TrainProgress;
use super::shared::{Exit, MODEL, models};
use crate::error::{Error, Result};
use crate::plan::now;
use crate::recipe::{Optimizer, Schedule, Settings};
use crate::report::{say, warn};
use crate::shell;
use crate::train::{Checkpoint, Outcome, RunFolder, RunStore, TrainConfig, Training};

/// Train a model; everything about the run is kept in a folder
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    device: DeviceArgs,
    /// Go on with the run in this folder, with its settings and kernels and to the same bits; only
    /// --backend, --adapter, --kernels, --shaders and --json go with it
    #[arg(long, value_name = "RUNDIR", conflicts_with = "settings")]
    resume: Option<PathBuf>,
    /// One JSON object per line on stdout instead of text
    #[arg(long)]
    json: bool,
}

/// The settings; a resumed run takes them from its folder. One that is left out has the value in the model's file, or
/// else the usual one.
#[derive(clap::Args)]
#[group(id = "settings", multiple = true)]
struct ConfigArgs {
    #[arg(long, help = fast_help())]
    fast: bool,
    #[arg(long, value_name = MODEL)]
    #[arg(help = format!("Model to train: {}; it may have defaults of its own [default: lenet5]", models()))]
    model: Option<String>,
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(help = usual("Passes over the training images", |usual| usual.epochs.to_string()))]
    epochs: Option<u32>,
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(help = usual("Images per step", |usual| usual.batch.to_string()))]
    batch: Option<usize>,
    /// Update rule [default: sgd]
    #[arg(long, value_name = "NAME")]
    optimizer: Option<Optimizer>,
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    #[arg(help = usual("Peak learning rate", |usual| usual.learning_rate.to_string()))]
    lr: Option<f64>,
    #[arg(long, value_name = "NAME")]
    #[arg(help = usual("Schedule of the learning rate", |usual| usual.schedule.name().to_owned()))]
    schedule: Option<Schedule>,
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, help = warmup_help())]
    warmup: Option<f64>,
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    #[arg(help = usual("Momentum, for Adam its first decay, 0 to below 1", |usual| usual.momentum.to_string()))]
    momentum: Option<f64>,
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    #[arg(help = usual("Weight decay", |usual| usual.weight_decay.to_string()))]
    weight_decay: Option<f64>,
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    #[arg(help = usual("Share of each target spread over all classes, 0 to below 1", |usual| usual.label_smoothing.to_string()))]
    label_smoothing: Option<f64>,
    /// Seed of the initial weights and the shuffles [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Folder with a dataset of IDX files, such as Fashion-MNIST [default: the MNIST inside the program]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(help = usual("Images of the training set held out to validate with, the last ones", |usual| usual.validation.to_string()))]
    validation: Option<usize>,
    /// Fail (exit code 1) if the test accuracy is lower: a share up to 1 or a percentage above 1, so
    /// 0.99 and 99 are the same
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    target_accuracy: Option<f64>,
    /// Folder of the run, new or empty [default: the next free runs/MODEL-N]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Args {
    /// Trains, or goes on training.
    pub fn run(self) -> Exit {
        // Outputs that the model's file says; the data may have another number of classes.
        let mut described = None;
        let (training, device, mut folder, from) = match &self.resume {
            None => {
                let config = self.config.resolve(&self.device)?;
                if let Some(out) = &self.config.out {
                    RunFolder::check_free(out)?;
                }
                described = Some(config.model()?.classes());
                (Training::new(config)?, self.device.clone(), None, None)
            }
            Some(run) => {
                let (folder, checkpoint) = RunFolder::resume(run)?;
                let device = self.device_of(&checkpoint.config);
                (Training::new(checkpoint.config.clone())?, device, Some(folder), Some(checkpoint))
            }
        };
        let announce = |line: &str| if self.json { Ok(()) } else { say(format!("device    {line}")) };
        let mut choice = device.choose()?;
        if let Some(from) = &from {
            choice = self.as_before(choice, &from.config)?;
            from.check_kernels(&choice.device())?;
        }
        let mut runner = choice.open(training.plan(), announce)?;
        if let Some(from) = &from {
            warn_of_other_device(from, runner.device());
        }
        let mut folder = match folder.take() {
            Some(folder) => folder,
            None => RunFolder::create(self.config.out.as_deref(), &training.config().model)?,
        };

        let stop = stop_on_interrupt()?;
        let outputs = training.plan().model.classes();
        let changed = described.filter(|described| *described != outputs).map(|_| outputs);
        let mut progress = TrainProgress::new(self.json, changed);
        let mut told = Ok(());
        let outcome = now(training.run(&mut *runner, &mut folder, from.as_ref(), stop, &mut |event| {
            let telling = progress.event(event);
            if told.is_ok() {
                told = telling;
            }
        }));
        progress.finish();
        let outcome = outcome?;
        told?;
        match outcome {
            Outcome::Interrupted { step, steps } => {
                warn(format!("stopped after step {step} of {steps}; the state is saved"));
                warn(format!("go on with: lenet-gpu train --resume {}", shell::word(folder.place().display())));
                Ok(ExitCode::from(130))
            }
            Outcome::Finished(finished) => match training.config().target() {
                Some(target) if finished.test_accuracy < target => Err(Error::outcome(
                    format!(
                        "test accuracy {:.2} % is below the target of {:.2} %",
                        100.0 * finished.test_accuracy,
                        100.0 * target
                    ),
                    "train for more epochs, or lower --target-accuracy",
                )),
                _ => Ok(ExitCode::SUCCESS),
            },
        }
    }

    /// The device that the flags name, otherwise the one the run asked for at first.
    fn device_of(&self, config: &TrainConfig) -> DeviceArgs {
        if self.device.backend.is_some() || self.device.adapter.is_some() {
            return self.device.clone();
        }
        DeviceArgs {
            backend: Backend::from_str(&config.backend, true).ok(),
            adapter: config.adapter.clone(),
            kernels: self.device.kernels.clone(),
        }
    }

    /// `choice` with the kernels of the run, unless flags name others.
    ///
    /// Errors: shaders that are no longer there.
    fn as_before(&self, choice: Choice, config: &TrainConfig) -> Result<Choice> {
        let KernelsArgs { kernels, shaders } = &self.device.kernels;
        let choice = match (kernels, config.kernels) {
            (None, Some(kernels)) => choice.with_kernels(kernels),
            _ => choice,
        };
        match (shaders, &config.shaders, &choice) {
            (None, Some(own), Choice::Gpu(_)) => Ok(choice.with_shaders(&read_shaders(&own.folder)?)),
            _ => Ok(choice),
        }
    }
}

impl ConfigArgs {
    /// The settings, defaults filled in, checked.
    fn resolve(&self, device: &DeviceArgs) -> Result<TrainConfig> {
        device.check()?;
        let model = self.model.as_deref().unwrap_or("lenet5");
        let mut config = if self.fast {
            TrainConfig::fast(model, self.optimizer)?
        } else {
            TrainConfig::defaults(model, self.optimizer)?
        };
        if let Some(schedule) = self.schedule {
            (config.schedule, config.warmup) = (schedule, schedule.usual_warmup());
        }
        fn set<T: Copy>(value: &mut T, given: Option<T>) {
            *value = given.unwrap_or(*value);
        }
        set(&mut config.epochs, self.epochs);
        set(&mut config.batch, self.batch);
        set(&mut config.learning_rate, self.lr);
        set(&mut config.warmup, self.warmup);
        set(&mut config.momentum, self.momentum);
        set(&mut config.weight_decay, self.weight_decay);
        set(&mut config.label_smoothing, self.label_smoothing);
        set(&mut config.seed, self.seed);
        set(&mut config.validation, self.validation);
        config.target_accuracy = self.target_accuracy;
        // Absolute, so that the run can be resumed from anywhere.
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        config.data = self.data.as_ref().map(absolute);
        config.backend = device.backend.unwrap_or(Backend::Auto).name();
        config.adapter = device.adapter.clone();
        config.validate()?;
        Ok(config)
    }
}

fn warn_of_other_device(from: &Checkpoint, device: &crate::plan::Device) {
    let was = ["adapter", "backend", "driver"].map(|key| from.metadata(key));
    if was != [&device.name, &device.backend, &device.driver] {
        warn(format!(
            "warning: this run was on {} ({} {}); on another device or driver its bits may differ",
            was[0], was[1], was[2]
        ));
    }
}

/// A flag that the first Ctrl-C (or SIGTERM) sets; the second ends the program at once.
fn stop_on_interrupt() -> Result<&'static AtomicBool> {
    static STOP: AtomicBool = AtomicBool::new(false);
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .map_err(|e| Error::outcome(format!("Ctrl-C cannot be caught: {e}"), ""))?;
    Ok(&STOP)
}

/// `what`, with the usual value: that of the first optimiser, then of each that has another.
fn usual(what: &str, value: impl Fn(Settings) -> String) -> String {
    let of = |optimizer| value(Settings::usual(optimizer));
    let (first, rest) = (of(Optimizer::VARIANTS[0]), &Optimizer::VARIANTS[1..]);
    let others = rest.iter().filter(|optimizer| of(**optimizer) != first);
    let others: String = others.map(|optimizer| format!("; {} {}", optimizer.name(), of(*optimizer))).collect();
    format!("{what} [default: {first}{others}]")
}

fn warmup_help() -> String {
    let values = Schedule::VARIANTS.iter().map(|schedule| format!("{} {}", schedule.name(), schedule.usual_warmup()));
    let values = values.collect::<Vec<_>>().join("; ");
    format!("Share of all steps spent rising to the peak rate, 0 to below 1 [default: {values}]")
}

/// Help of `--fast`, from the recipe itself.
fn fast_help() -> String {
    let recipe = TrainConfig::fast("lenet5", None).map_or(String::new(), |config| {
        let TrainConfig { epochs, batch, learning_rate, weight_decay, label_smoothing, validation, .. } = config;
        let optimizer = config.optimizer.name();
        format!(
            "--epochs {epochs} --batch {batch} --optimizer {optimizer} --lr {learning_rate} \
             --weight-decay {weight_decay} --label-smoothing {label_smoothing} --validation {validation}"
        )
    });
    format!(
        "The model's quickest good recipe; that of lenet5 is the quickest way to a mean test accuracy of 99 % on \
         MNIST: the same as {recipe}, except for flags that are given as well"
    )
}
