//! Training on the GPU as a user does it: equal bits, resuming, learning MNIST.

#[path = "common/adapter.rs"]
mod adapter;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use lenet_gpu::data::{Dataset, Source, Split};
use lenet_gpu::gpu::GpuRunner;
use lenet_gpu::plan::now;
use lenet_gpu::recipe::Optimizer;
use lenet_gpu::train::{Event, Outcome, RunFolder, TrainConfig, Training};
use tempfile::TempDir;

/// A part of the real MNIST: the first images of each half.
fn part(split: Split, samples: usize) -> Dataset {
    let mut data = Dataset::load(&Source::Embedded, split, (32, 32)).unwrap();
    data.images.truncate(samples * data.height * data.width);
    data.labels.truncate(samples);
    data
}

/// Two epochs over 1,500 images, whose last batch is short, in steps of 64.
fn short(optimizer: Optimizer) -> Training {
    let mut config = TrainConfig::defaults("lenet5", optimizer).unwrap();
    (config.epochs, config.validation) = (2, 300);
    Training::with_data(config, part(Split::Train, 1800), part(Split::Test, 200)).unwrap()
}

/// Runs `training` in `folder`, from its checkpoint if there is one; stops after `stop_after` submissions.
fn run(training: &Training, folder: &Path, stop_after: usize) -> Outcome {
    let (mut folder, from) = match folder.join("checkpoint.safetensors").exists() {
        true => RunFolder::resume(folder).map(|(folder, checkpoint)| (folder, Some(checkpoint))).unwrap(),
        false => (RunFolder::create(Some(folder), "lenet5").unwrap(), None),
    };
    let mut runner = GpuRunner::new(&adapter::adapter(), training.plan()).unwrap();
    let stop = AtomicBool::new(false);
    let mut submissions = 0;
    let outcome = now(training.run(&mut runner, &mut folder, from.as_ref(), &stop, &mut |event| {
        submissions += usize::from(matches!(event, Event::Step(_)));
        stop.store(submissions >= stop_after, Ordering::Relaxed);
    }));
    outcome.unwrap()
}

fn same_bytes(one: &Path, other: &Path) {
    assert!(std::fs::read(one).unwrap() == std::fs::read(other).unwrap(), "{} differs", one.display());
}

#[test]
fn two_runs_are_equal_to_the_bit() {
    let folder = TempDir::new().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    let training = short(Optimizer::Sgd);
    for path in [&one, &other] {
        assert!(matches!(run(&training, path, usize::MAX), Outcome::Finished(_)));
    }
    same_bytes(&one.join("last.safetensors"), &other.join("last.safetensors"));
    same_bytes(&one.join("checkpoint.safetensors"), &other.join("checkpoint.safetensors"));
}

#[test]
fn a_run_that_was_stopped_and_resumed_ends_with_the_bits_of_one_that_was_not() {
    for optimizer in [Optimizer::Sgd, Optimizer::AdamW] {
        let folder = TempDir::new().unwrap();
        let [whole, cut] = ["whole", "cut"].map(|name| folder.path().join(name));
        let training = short(optimizer);
        run(&training, &whole, usize::MAX);
        let mut stops = 0;
        while let Outcome::Interrupted { .. } = run(&training, &cut, 2) {
            stops += 1;
        }
        assert!(stops > 1, "the run was meant to be cut");
        same_bytes(&whole.join("last.safetensors"), &cut.join("last.safetensors"));
        same_bytes(&whole.join("best.safetensors"), &cut.join("best.safetensors"));
    }
}

#[test]
fn an_epoch_of_mnist_is_learnt() {
    for (model, at_least) in [("lenet5", 0.975), ("lenet5-keras", 0.955)] {
        let folder = TempDir::new().unwrap();
        let mut config = TrainConfig::defaults(model, Optimizer::Sgd).unwrap();
        config.epochs = 1;
        let training = Training::new(config).unwrap();
        let Outcome::Finished(finished) = run(&training, &folder.path().join("run"), usize::MAX) else {
            panic!("{model} was not trained to the end");
        };
        assert!(finished.test_accuracy >= at_least, "{model}: {}", finished.test_accuracy);
    }
}
