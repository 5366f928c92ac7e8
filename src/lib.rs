//! Train LeNet-5 and its relatives on any GPU with WGSL compute shaders: no CUDA, no Python.
//!
//! This page is the architecture. The command is `cli`; everything it does can be done from Rust: [`train`] and
//! [`infer`] have examples, and examples/predict.rs is a program.
//!
//! # One idea
//!
//! A training step is a short, fixed list of operations over named buffers: the [`plan`]. Everything the
//! program does is something done to a plan.
//!
//! ```text
//! model (layers) -> plan (operations over buffers) -> run it on a GPU        train, eval, predict
//!                                                  -> run it on the CPU      the oracle, and the fallback
//!                                                  -> run both and compare   check
//!                                                  -> time every operation   bench
//! ```
//!
//! So a layer that lowers to operations is trained, checked and benchmarked without another line. What
//! runs a plan is a [`plan::Runner`]; there are two, and no code above them knows which one it has.
//!
//! # Rooms
//!
//! | room | what it holds |
//! |---|---|
//! | [`model`] | layers, shape rules, presets, initial weights |
//! | [`data`] | IDX files, the embedded MNIST, image files, shuffled orders |
//! | [`plan`] | operations and buffers as plain data; lowering a model to them; the [`plan::Runner`] contract |
//! | [`gpu`] | the only room that says `wgpu`: adapters, pipelines, recording, reading back |
//! | [`cpu`] | the oracle: one plain function an operation, f64 sums, no cleverness |
//! | [`check`] | runs of one plan on two runners, compared within bounds that have a reason |
//! | [`bench`](mod@bench) | timing a plan, the ceilings of an adapter, comparing adapters and earlier figures |
//! | [`weights`] | safetensors files, parameters and states by name, files that are written whole |
//! | [`infer`] | weights with their model, forward passes over a dataset |
//! | [`train`] | the loop, checkpoints, the events it emits, what it leaves behind in a folder or in memory |
//! | [`report`] | events and results as text, JSON, CSV, Markdown and a chart |
//! | `cli` | one file a subcommand: its arguments and its `run` |
//!
//! Imports run one way: `main -> cli -> {train, check, bench} -> {gpu, cpu} -> plan -> model`, and
//! `train -> infer -> {weights, data}`. `report` is used by `cli` alone, `gpu` and `cpu` never know each other, and
//! `train` and `infer` know neither: they are given a runner.
//!
//! Without default features the library has neither the command nor what it needs (tests/features.rs), and builds for
//! `wasm32-unknown-unknown` (scripts/test). There the results of a runner, [`plan::Pending`], are awaited; natively
//! [`plan::now`] waits for them.
//!
//! # One operation, one name, four places
//!
//! `conv2d_forward` is an entry point of `shaders/conv2d.wgsl`, a variant of [`plan::OpKind`] with its
//! geometry and buffers, a row of the kernel table in `gpu`, and a function of `cpu/conv2d.rs`. A missing
//! one is a compile error; tests walk the table.
//!
//! # From the command line to the weights
//!
//! 1. Arguments become a [`train::TrainConfig`], validated before a file or a device is touched.
//! 2. The dataset is read and checked, and stays bytes.
//! 3. A device is chosen and printed; never another than the one asked for, and the fallback says so.
//! 4. The model is lowered to a plan, the device prepares its buffers and pipelines once, and the same
//!    initial weights are written to any device.
//! 5. Dataset and order of the epoch live on the device. Many steps go into one submission and two
//!    submissions are in flight; a step reads what is its own (place in the order, learning rate) from a
//!    table. Losses come back with each submission.
//! 6. [`train::Event`]s become a progress bar, text, JSON lines and `events.jsonl`.
//! 7. After each epoch, and on Ctrl-C: a checkpoint, written beside, synced, renamed.
//!
//! # Contracts
//!
//! - **Bits.** One device, driver, config and dataset: the same bits, also when stopped and resumed.
//!   Every element has one writer and every sum a fixed order.
//! - **Parity.** The oracle gives each value with the magnitudes it summed; other devices are judged by that.
//! - **Layout, short batches, derivatives.** Stated in [`plan`].
//! - **Unknown is null**, never 0. JSON times are seconds, accuracies 0 to 1.
//! - **Errors** name the flag, file, tensor or limit, and have a hint ([`Error`]); exit code 2 for unusable
//!   input, 1 for a bad outcome, 130 for an interrupted run.

pub mod bench;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod cpu;
pub mod data;
#[allow(dead_code)]
pub(crate) mod date;
pub mod error;
pub mod gpu;
pub mod infer;
pub mod model;
pub mod plan;
pub mod recipe;
pub mod report;
mod table;
pub mod train;
pub mod weights;
pub use error::{Error, Result};
