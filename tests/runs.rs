//! Runs of `lenet-gpu train` as a user meets them: events, files, exit codes, and the bits of a resumed run.

#[path = "common/adapter.rs"]
mod adapter;
#[path = "common/command.rs"]
mod command;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use assert_cmd::assert::OutputAssertExt;
use command::{lenet, lines, run, workplace, write_data};
use lenet_gpu::recipe::Schedule;
use lenet_gpu::train::TrainConfig;
use lenet_gpu::weights::Weights;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

/// Flags of a run that takes a moment on the CPU.
const SHORT: [&str; 11] =
    ["train", "--backend", "cpu", "--data", "data", "--validation", "50", "--epochs", "2", "--batch", "32"];

/// Arguments of that run, and `more`.
fn short(more: &[&'static str]) -> Vec<&'static str> {
    [&SHORT[..], more].concat()
}

fn same_bytes(one: &Path, other: &Path) {
    assert_eq!(fs::read(one).unwrap(), fs::read(other).unwrap(), "{} and {}", one.display(), other.display());
}

#[test]
fn json_is_one_event_per_line_and_nothing_else() {
    let folder = workplace();
    let output = run(folder.path(), &short(&["--json"]));
    assert!(output.status.success(), "{output:?}");
    let events = lines(&output);
    let kinds: Vec<&str> = events.iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("started", "finished"));
    for (kind, count) in [("epoch", 2), ("checkpoint", 2), ("finished", 1)] {
        assert_eq!(kinds.iter().filter(|k| **k == kind).count(), count, "{kinds:?}");
    }
    let finished = &events[events.len() - 1];
    for key in ["test_accuracy", "validation_accuracy"] {
        assert!((0.0..=1.0).contains(&finished[key].as_f64().unwrap()), "{finished}");
    }
    assert_eq!(finished["steps"], 16);
    assert_eq!(finished["backend"], "cpu");
    assert_eq!(finished["driver"], Value::Null);
    assert!(finished["train_s"].as_f64().unwrap() > 0.0 && finished["samples_per_s"].as_f64().unwrap() > 0.0);
    assert!(folder.path().join(finished["weights"].as_str().unwrap()).is_file());
    let log = fs::read_to_string(folder.path().join("runs/lenet5-1/events.jsonl")).unwrap();
    assert_eq!(log.as_bytes(), output.stdout);
    let last = events.iter().rfind(|e| e["event"] == "step").unwrap();
    assert_eq!((&last["step"], &last["epoch"]), (&Value::from(16), &Value::from(2)));
}

#[test]
fn without_validation_its_accuracy_is_null() {
    let folder = workplace();
    let flags = ["train", "--backend", "cpu", "--data", "data", "--validation", "0", "--epochs", "1", "--json"];
    let output = run(folder.path(), &flags);
    let events = lines(&output);
    let finished = &events[events.len() - 1];
    assert_eq!(finished["validation_accuracy"], Value::Null);
    // 300 images in batches of 64: the last, short one is not dropped.
    assert_eq!(finished["steps"], 5);
    same_bytes(
        &folder.path().join("runs/lenet5-1/best.safetensors"),
        &folder.path().join("runs/lenet5-1/last.safetensors"),
    );
}

#[test]
fn fast_is_a_recipe_and_the_flags_given_win_over_it() {
    let folder = workplace();
    let config = |flags: &[&str]| -> Value {
        let arguments = [&["train", "--fast", "--backend", "cpu", "--data", "data", "--json"], flags].concat();
        let output = run(folder.path(), &arguments);
        assert!(output.status.success(), "{output:?}");
        let mut config = lines(&output)[0]["config"].clone();
        config.as_object_mut().unwrap().remove("data");
        config
    };
    let mut recipe = TrainConfig::fast("lenet5", None).and_then(|recipe| recipe.for_data(10)).unwrap();
    recipe.backend = "cpu".to_owned();
    let plain = |config: &TrainConfig| {
        let mut config = serde_json::to_value(config).unwrap();
        config.as_object_mut().unwrap().remove("data");
        config
    };
    assert_eq!(config(&[]), plain(&recipe));
    (recipe.epochs, recipe.batch, recipe.validation, recipe.learning_rate) = (1, 32, 50, 0.02);
    (recipe.schedule, recipe.warmup) = (Schedule::Cosine, 0.0);
    let given = ["--epochs", "1", "--batch", "32", "--validation", "50", "--lr", "0.02", "--schedule", "cosine"];
    assert_eq!(config(&given), plain(&recipe));
    lenet(folder.path(), &["train", "--fast", "--resume", "runs/lenet5-1"]).assert().code(2);
    lenet(folder.path(), &["train", "--resume", "runs/lenet5-1"]).assert().success();
}

#[test]
fn piped_text_has_no_control_codes() {
    let folder = workplace();
    let output = run(folder.path(), &short(&[]));
    let text = [output.stdout, output.stderr].concat();
    assert!(text.iter().all(|byte| *byte >= b' ' && *byte != 0x7f || *byte == b'\n'), "{text:?}");
    let text = String::from_utf8(text).unwrap();
    for part in ["device    CPU oracle", "epoch 1/2", "test      accuracy", "weights   runs/lenet5-1/last.safetensors"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn equal_runs_have_equal_files_in_folders_of_their_own() {
    let folder = workplace();
    for _ in 0..2 {
        assert!(run(folder.path(), &short(&["--seed", "5"])).status.success());
    }
    for file in ["last.safetensors", "best.safetensors", "checkpoint.safetensors", "config.json"] {
        same_bytes(&folder.path().join("runs/lenet5-1").join(file), &folder.path().join("runs/lenet5-2").join(file));
    }
    assert!(run(folder.path(), &short(&["--seed", "6", "--out", "six"])).status.success());
    let [one, six] = ["runs/lenet5-1", "six"].map(|run| fs::read(folder.path().join(run).join("last.safetensors")));
    assert_ne!(one.unwrap(), six.unwrap());
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_goes_on_to_the_same_bits() {
    let folder = TempDir::new().unwrap();
    write_data(folder.path(), 3_000, 50);
    let flags = |out| {
        let flags = ["train", "--backend", "cpu", "--data", "data", "--validation", "100", "--epochs", "3", "--json"];
        [&flags[..], &["--optimizer", "adam", "--out", out]].concat()
    };
    assert!(run(folder.path(), &flags("whole")).status.success());

    let mut child = lenet(folder.path(), &flags("cut")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(events.any(|line| line.unwrap().contains(r#""event":"step""#)));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let last = events.last().unwrap().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(stderr.contains("lenet-gpu train --resume cut"), "{stderr}");
    assert!(last.contains(r#""event":"checkpoint""#), "{last}");
    assert!(!folder.path().join("cut/last.safetensors").exists());

    let resumed = run(folder.path(), &["train", "--resume", "cut", "--json"]);
    assert!(resumed.status.success(), "{resumed:?}");
    let step = lines(&resumed)[0]["step"].as_u64().unwrap();
    assert!(step > 0 && step < 138, "{step}");
    for file in ["last.safetensors", "best.safetensors", "checkpoint.safetensors"] {
        same_bytes(&folder.path().join("whole").join(file), &folder.path().join("cut").join(file));
    }
}

#[test]
fn a_finished_run_can_be_resumed_and_stays_as_it_is() {
    let folder = workplace();
    assert!(run(folder.path(), &short(&["--out", "run"])).status.success());
    let before = fs::read(folder.path().join("run/last.safetensors")).unwrap();
    let again = run(folder.path(), &["train", "--resume", "run", "--json"]);
    assert!(again.status.success(), "{again:?}");
    assert_eq!(lines(&again)[1]["samples_per_s"], Value::Null);
    assert_eq!(fs::read(folder.path().join("run/last.safetensors")).unwrap(), before);
    lenet(folder.path(), &["train", "--resume", "run", "--epochs", "9"])
        .assert()
        .code(2)
        .stderr(contains("cannot be used with"));
}

#[test]
fn a_damaged_checkpoint_is_refused_and_the_one_before_it_named() {
    let folder = workplace();
    assert!(run(folder.path(), &short(&["--out", "run"])).status.success());
    let (newest, previous) =
        (folder.path().join("run/checkpoint.safetensors"), folder.path().join("run/checkpoint.previous.safetensors"));
    let whole = fs::read(&newest).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&newest, damaged).unwrap();
    lenet(folder.path(), &["train", "--resume", "run"]).assert().code(2).stderr(
        contains("run/checkpoint.safetensors: damaged (its checksum does not match)")
            .and(contains("lenet-gpu train --resume run/checkpoint.previous.safetensors")),
    );
    assert!(previous.is_file());
    assert!(run(folder.path(), &["train", "--resume", "run/checkpoint.previous.safetensors"]).status.success());
    assert_eq!(fs::read(&newest).unwrap(), whole);
    lenet(folder.path(), &["train", "--resume", "data"]).assert().code(2).stderr(contains("no checkpoint.safetensors"));
}

#[test]
fn resuming_with_other_data_is_refused() {
    let folder = workplace();
    assert!(run(folder.path(), &short(&["--out", "run"])).status.success());
    write_data(folder.path(), 301, 50);
    lenet(folder.path(), &["train", "--resume", "run"]).assert().code(2).stderr(contains("not the data"));
}

#[test]
fn a_run_keeps_its_set_of_kernels_and_refuses_the_other() {
    adapter::adapter();
    let folder = workplace();
    let flags = ["train", "--data", "data", "--validation", "50", "--epochs", "1", "--json", "--out"];
    for (kernels, other) in [("gpu", "software"), ("software", "gpu")] {
        let events = lines(&run(folder.path(), &[&flags[..], &[kernels, "--kernels", kernels]].concat()));
        let (started, finished) = (&events[0], &events[events.len() - 1]);
        let recorded = [&started["kernel_set"], &started["config"]["kernel_set"], &finished["kernel_set"]];
        assert_eq!(recorded, [kernels; 3], "{started}");
        let config = fs::read_to_string(folder.path().join(kernels).join("config.json")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&config).unwrap()["kernel_set"], kernels);
        let weights = Weights::load(&folder.path().join(kernels).join("last.safetensors")).unwrap();
        assert_eq!(weights.metadata["kernel_set"], kernels);

        let resume = ["train", "--json", "--resume", kernels];
        assert_eq!(lines(&run(folder.path(), &resume))[0]["kernel_set"], kernels, "without the flag it goes on");
        let same = run(folder.path(), &[&resume[..], &["--kernels", kernels]].concat());
        assert_eq!(lines(&same)[0]["kernel_set"], kernels);
        let message = format!("--kernels {other}: the run has the {kernels} kernels so far");
        lenet(folder.path(), &[&resume[..], &["--kernels", other]].concat())
            .assert()
            .code(2)
            .stdout("")
            .stderr(contains(message).and(contains(format!("hint: go on with --kernels {kernels}"))));
        // The oracle runs no kernels, and the run keeps its set.
        for backend in [&["--backend", "cpu"][..], &[]] {
            let resumed = lines(&run(folder.path(), &[&resume[..], backend].concat()));
            assert_eq!(resumed[0]["config"]["kernel_set"], kernels, "{backend:?}");
        }
    }
}

#[test]
fn a_missed_target_and_a_diverging_run_exit_with_1() {
    let folder = workplace();
    lenet(folder.path(), &short(&["--lr", "1e-6", "--target-accuracy", "99"]))
        .assert()
        .code(1)
        .stderr(contains("below the target of 99.00 %"));
    lenet(folder.path(), &short(&["--lr", "1e-6", "--target-accuracy", "0.0001"])).assert().code(0);
    lenet(folder.path(), &short(&["--lr", "1000", "--schedule", "constant"]))
        .assert()
        .code(1)
        .stderr(contains("not finite").and(contains("learning rate 1000")).and(contains("lower --lr")));
}

#[test]
fn eval_agrees_with_the_test_of_the_run() {
    let folder = workplace();
    let trained = lines(&run(folder.path(), &short(&["--json", "--out", "run", "--lr", "0.02"])));
    let finished = &trained[trained.len() - 1];
    let flags = ["eval", "--weights", "run/last.safetensors", "--data", "data", "--backend", "cpu"];
    let output = run(folder.path(), &[&flags[..], &["--json"]].concat());
    let result = &lines(&output)[0];
    assert_eq!((&result["accuracy"], &result["samples"]), (&finished["test_accuracy"], &Value::from(50)));
    let rows = result["confusion"].as_array().unwrap();
    let sum: u64 = rows.iter().flat_map(|row| row.as_array().unwrap()).map(|n| n.as_u64().unwrap()).sum();
    let correct: u64 = (0..10).map(|class| rows[class][class].as_u64().unwrap()).sum();
    assert_eq!((sum, correct as f64 / 50.0), (50, result["accuracy"].as_f64().unwrap()));
    lenet(folder.path(), &flags).assert().success().stdout(contains("confusion"));
    // A checkpoint serves as weights too, and the training half can be judged.
    let more = ["--weights", "run/checkpoint.safetensors", "--split", "train", "--json"];
    let half = run(folder.path(), &[&flags[..1], &flags[3..], &more].concat());
    assert_eq!(lines(&half)[0]["samples"], 300);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = workplace();
    let mut child =
        lenet(folder.path(), &short(&["--json"])).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(folder.path().join("runs/lenet5-1/last.safetensors").is_file());
}
