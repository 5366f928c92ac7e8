//! However a run is cut, it ends with the bits of the run that was never stopped.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use lenet_gpu::cpu::CpuRunner;
use lenet_gpu::data::Dataset;
use lenet_gpu::plan::now;
use lenet_gpu::recipe::{Optimizer, Schedule};
use lenet_gpu::train::{Checkpoint, Event, InMemory, Outcome, RunFolder, RunStore, Saved, TrainConfig, Training};

/// 90 images of noise: 70 to train on, 20 held out.
fn training(config: TrainConfig) -> Training {
    let noise = |samples: usize, seed: u32| Dataset {
        source: "noise".to_owned(),
        height: 28,
        width: 28,
        images: (0..samples as u32 * 784).map(|i| ((i + seed).wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
        labels: (0..samples).map(|i| (i * 7 % 10) as u8).collect(),
    };
    Training::with_data(config, noise(90, 1), noise(15, 2)).unwrap()
}

fn run(training: &Training, store: &mut dyn RunStore, from: Option<&Checkpoint>, stop_at_step_event: bool) -> Outcome {
    let stop = AtomicBool::new(false);
    let mut runner = CpuRunner::new(training.plan());
    let outcome = now(training.run(&mut runner, store, from, &stop, &mut |event| {
        if stop_at_step_event && matches!(event, Event::Step(_)) {
            stop.store(true, Ordering::Relaxed);
        }
    }));
    outcome.unwrap()
}

#[test]
fn a_run_cut_after_every_submission_ends_with_the_same_bits() {
    for (optimizer, schedule, validation) in [
        (Optimizer::Sgd, Schedule::OneCycle, 20),
        (Optimizer::Nesterov, Schedule::Step, 20),
        (Optimizer::Adam, Schedule::Cosine, 0),
        (Optimizer::AdamW, Schedule::Constant, 20),
    ] {
        let config = TrainConfig {
            epochs: 3,
            batch: 8,
            schedule,
            validation,
            warmup: 0.3,
            label_smoothing: 0.1,
            ..TrainConfig::defaults("lenet5", optimizer).unwrap()
        };
        let folder = tempfile::tempdir().unwrap();
        let [whole, cut] = ["whole", "cut"].map(|name| folder.path().join(name));
        let training = training(config);
        let mut folder = RunFolder::create(Some(&whole), "lenet5").unwrap();
        let Outcome::Finished(expected) = run(&training, &mut folder, None, false) else { panic!("not finished") };

        let mut folder = RunFolder::create(Some(&cut), "lenet5").unwrap();
        let mut outcome = run(&training, &mut folder, None, true);
        let mut cuts = 0;
        while let Outcome::Interrupted { .. } = outcome {
            cuts += 1;
            let (mut folder, checkpoint) = RunFolder::resume(&cut).unwrap();
            outcome = run(&training, &mut folder, Some(&checkpoint), true);
        }
        assert!(cuts > 5, "{cuts}");
        let Outcome::Finished(finished) = outcome else { panic!("not finished") };
        assert_eq!((finished.test_loss, finished.best_epoch), (expected.test_loss, expected.best_epoch));
        for file in ["last.safetensors", "best.safetensors", "checkpoint.safetensors"] {
            assert_eq!(fs::read(whole.join(file)).unwrap(), fs::read(cut.join(file)).unwrap(), "{optimizer:?} {file}");
        }
    }
}

#[test]
fn a_run_in_memory_is_resumed_from_there_to_the_bytes_of_one_in_a_folder() {
    let defaults = TrainConfig::defaults("lenet5", Optimizer::Adam).unwrap();
    let training = training(TrainConfig { epochs: 2, batch: 8, validation: 20, ..defaults });
    let folder = tempfile::tempdir().unwrap();
    run(&training, &mut RunFolder::create(Some(folder.path()), "lenet5").unwrap(), None, false);

    let mut store = InMemory::default();
    let mut outcome = run(&training, &mut store, None, true);
    let mut cuts = 0;
    while let Outcome::Interrupted { step, .. } = outcome {
        cuts += 1;
        let checkpoint = Checkpoint::from_weights(store.saved[&Saved::Checkpoint].clone()).unwrap();
        assert_eq!(checkpoint.progress.step, step);
        outcome = run(&training, &mut store, Some(&checkpoint), true);
    }
    assert!(cuts > 3, "{cuts}");
    let started = store.events.iter().filter(|event| matches!(event, Event::Started(_))).count();
    assert_eq!(started, 1 + cuts);
    assert!(matches!(store.events.last(), Some(Event::Finished(_))));
    assert_eq!(store.config.as_ref(), Some(training.config()));
    for (saved, weights) in &store.saved {
        assert_eq!(weights.to_bytes().unwrap(), fs::read(folder.path().join(saved.file_name())).unwrap(), "{saved:?}");
    }
    assert_eq!(store.saved.len(), 3);
}
