//! Recognises the digit in an image file, from Rust, on the best device:
//! `cargo run --release --example predict -- IMAGE [WEIGHTS]`. Without WEIGHTS, those inside the program.

use std::path::PathBuf;

use lenet_gpu::Error;
use lenet_gpu::cpu::CpuRunner;
use lenet_gpu::data::{Dataset, digit, picture};
use lenet_gpu::gpu::{GpuRunner, Selection, select};
use lenet_gpu::infer::{Predictor, Trained};
use lenet_gpu::plan::{Runner, now};

fn main() -> lenet_gpu::Result<()> {
    let mut files = std::env::args_os().skip(1).map(PathBuf::from);
    let image = files.next().ok_or_else(|| Error::input("no image is named", "give the path of an image file"))?;
    let trained = Trained::load(files.next().as_deref(), None)?;
    let digit = digit::prepare(&picture::load(&image)?)?;
    let data = Dataset::unlabelled("images", (digit::SIDE, digit::SIDE), digit.to_vec())?;
    let plan = trained.plan(&data)?;
    let runner: Box<dyn Runner> = match select(&Selection::default())? {
        Some(adapter) => Box::new(GpuRunner::new(&adapter, &plan)?),
        None => Box::new(CpuRunner::new(&plan)),
    };
    let mut predictor = Predictor::new(&trained, plan, runner)?;
    for (class, probability) in &now(predictor.top(&data, 3))?[0] {
        println!("{class} ({:.1} %)", 100.0 * probability);
    }
    Ok(())
}
