//! Train LeNet-5 and its relatives on any GPU with WGSL compute shaders: no CUDA, no Python.
//!
//! This page is the architecture. The command is `cli`; what it does can be done from Rust: [`train`] and [`infer`]
//! have examples, and examples/predict.rs is a program.
//!
//! # One idea
//!
//! A training step is a short, fixed list of operations over named buffers: the [`plan`]. Everything the program does
//! is something done to a plan.
//!
//! ```text
//! model (layers) -> plan (operations over buffers) -> run it on a GPU        train, eval, predict
//!                                                  -> run it on the CPU      the oracle, and the fallback
//!                                                  -> run both and compare   check
//!                                                  -> time every operation   bench
//! ```
//!
//! What runs a plan is a [`plan::Runner`]. There are two, and they keep one contract (tests/runner.rs).
//!
//! # Rooms
//!
//! Imports run one way, and no files import each other in a circle; the third column is what a room imports. Errors,
//! dates, tables that people write and commands for their shell are for all. tests/structure.rs reads the sources and
//! holds this table against them.
//!
//! | room | what it holds | imports |
//! |---|---|---|
//! | [`model`] | layers, shape rules, models as files, initial weights | |
//! | [`recipe`] | how a model is trained, as data: optimiser, schedule, settings | |
//! | [`data`] | IDX files, the embedded MNIST, image files, shuffled orders | |
//! | [`plan`] | operations and buffers as plain data, lowering a model to them, the contract of runners | `model`, `recipe` |
//! | [`gpu`] | the only room that says `wgpu`: adapters, pipelines, recording, reading back | `model`, `plan`, `recipe` |
//! | [`cpu`] | the oracle: one plain function per operation, f64 sums, no cleverness | `model`, `plan`, `recipe` |
//! | [`weights`] | safetensors files, parameters and states by name, files that are written whole | `model`, `recipe` |
//! | [`infer`] | weights with their model, forward passes over a dataset | `data`, `model`, `plan`, `weights` |
//! | [`train`] | the loop, checkpoints, events, what a run leaves behind in a folder or in memory | `data`, `infer`, `model`, `plan`, `recipe`, `weights` |
//! | [`check`] | one plan on two runners, compared within bounds that have a reason | `cpu`, `data`, `gpu`, `model`, `plan`, `recipe` |
//! | [`bench`](mod@bench) | timing a plan, the ceilings of an adapter, comparing adapters and earlier figures | `data`, `gpu`, `infer`, `model`, `plan`, `recipe` |
//! | [`report`] | events and results as text, JSON, CSV, Markdown and a chart | `bench`, `check`, `infer`, `model`, `plan`, `train` |
//! | [`cli`] | one file per subcommand: its arguments and its `run` | `bench`, `check`, `cpu`, `data`, `gpu`, `infer`, `model`, `plan`, `recipe`, `report`, `train`, `weights` |
//!
//! So `gpu` and `cpu` never know each other, and `train` and `infer` know neither: they are given a runner.
//!
//! Without default features the library has neither the command nor what it needs (tests/features.rs), and builds for
//! `wasm32-unknown-unknown` (scripts/test). There the results of a runner, [`plan::Pending`], are awaited; natively
//! [`plan::now`] waits for them.
//!
//! # Add an operation
//!
//! One name leads through it: `conv2d_forward` is an entry point in `shaders/conv2d`; its family, `conv2d`, is also a
//! file of `plan/operations` and of `cpu/operations`. A layer with weights of a new kind, forward and backward,
//! is three new files of that family and a line or an arm at each of these places:
//!
//! | file | what is added | if it is missing |
//! |---|---|---|
//! | `src/model/layer.rs` | a variant of `LayerKind`, an arm of `rule`: shapes, weights, costs | does not compile |
//! | `src/plan/operations/mod.rs` | a variant of `OpKind`, an arm of `of` and of `facts` | does not compile |
//! | `src/cpu/operations/mod.rs` | an arm of `run`: which function computes it | does not compile |
//! | `src/gpu/kernels.rs` | an arm of `kernel`: constants, geometry, workgroups | does not compile |
//! | `src/check/reference.rs` | an arm of `logits`: the second opinion, one sample in f64 | does not compile |
//! | `src/check/models.rs` | the layer in a model of `models` | tests/operations.rs: every entry point is judged |
//! | `tests/mutants.rs` | five `MUTANTS` per entry point | tests/mutants.rs: every entry point has faults |
//!
//! The three files are `src/plan/operations/FAMILY.rs` (extents, and the [`plan::Facts`] of each pass), `src/cpu/operations/FAMILY.rs`
//! (the oracle) and `shaders/FAMILY.wgsl`, or a folder of that name; docs/kernels.md
//! teaches how a kernel is written. Names, bindings, tolerances, shares of ceilings, orders of operations, the
//! kernels that `check` judges and the pipelines that other compilers judge derive from them. tests/operations.rs
//! holds this page against the files.
//!
//! # From the command line to the weights
//!
//! 1. Arguments become a [`train::TrainConfig`], validated before a file or a device is touched.
//! 2. The dataset is read and checked, and stays bytes.
//! 3. A device is chosen and printed: the one asked for, or an error. Without a request the fallback says so.
//! 4. The model is lowered to a plan, the device prepares its buffers and pipelines once, and the same
//!    initial weights are written to any device.
//! 5. Dataset and order of the epoch live on the device. Many steps go into one submission and two
//!    submissions are in flight; a step reads what is its own (first sample, learning rate) from a
//!    table. Losses come back with each submission.
//! 6. [`train::Event`]s become a progress bar, text, JSON lines and `events.jsonl`.
//! 7. After each epoch, and on Ctrl-C: a checkpoint, written beside, synced, renamed.
//!
//! # Contracts
//!
//! - **Bits.** One device, driver, config and dataset: the same bits, also when stopped and resumed.
//!   Every element has one writer and every sum a fixed order (tests/training.rs, tests/resume.rs).
//! - **Parity.** The oracle gives each value with the magnitudes it summed; other devices are judged by that.
//! - **Layout, short batches, derivatives.** Stated in [`plan`].
//! - **Unknown is null**, not 0. JSON times are seconds, accuracies 0 to 1.
//! - **Errors** name the flag, file, tensor or limit, and have a hint ([`Error`]); exit code 2 for unusable
//!   input, 1 for a bad outcome, 130 for an interrupted run.

pub mod bench;
pub mod check;
#[cfg(feature = "cli")]
pub mod cli;
pub mod cpu;
pub mod data;
pub(crate) mod date;
pub mod error;
pub mod gpu;
pub mod infer;
pub mod model;
pub mod plan;
pub mod recipe;
pub mod report;
mod shell;
mod table;
pub mod train;
pub mod weights;
pub use error::{Error, Result};
