//! The command as a user meets it: exit codes, messages, files, and the bits of a resumed run.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use assert_cmd::assert::OutputAssertExt;
use assert_cmd::cargo::CommandCargoExt;
use lenet_gpu::recipe::Schedule;
use lenet_gpu::train::TrainConfig;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

/// The command, to run in `folder`.
fn lenet(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("lenet-gpu").unwrap();
    command.current_dir(folder).args(arguments);
    for variable in ["WGPU_BACKEND", "WGPU_ADAPTER_NAME", "WGPU_POWER_PREF"] {
        command.env_remove(variable);
    }
    command
}

/// Runs to the end.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    lenet(folder, arguments).output().unwrap()
}

/// Writes a small IDX dataset into `folder/data`: class `n` is a bar in row `2 n + 4`, with noise.
fn write_data(folder: &Path, train: u32, test: u32) {
    let data = folder.join("data");
    fs::create_dir_all(&data).unwrap();
    let mut noise = 1u32;
    for (half, samples) in [("train", train), ("t10k", test)] {
        let mut images: Vec<u8> = [0x803, samples, 28, 28].iter().flat_map(|n: &u32| n.to_be_bytes()).collect();
        let mut labels: Vec<u8> = [0x801, samples].iter().flat_map(|n: &u32| n.to_be_bytes()).collect();
        for sample in 0..samples {
            let class = sample * 7 % 10;
            labels.push(class as u8);
            for pixel in 0..28 * 28 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let bar = pixel / 28 == 2 * class + 4 && (4..24).contains(&(pixel % 28));
                images.push(if bar { 255 } else { (noise >> 26) as u8 });
            }
        }
        fs::write(data.join(format!("{half}-images-idx3-ubyte")), images).unwrap();
        fs::write(data.join(format!("{half}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// A folder with a small dataset.
fn workplace() -> TempDir {
    let folder = TempDir::new().unwrap();
    write_data(folder.path(), 300, 50);
    folder
}

/// Flags of a run that takes a moment on the CPU.
const SHORT: [&str; 11] =
    ["train", "--backend", "cpu", "--data", "data", "--validation", "50", "--epochs", "2", "--batch", "32"];

fn short(more: &[&'static str]) -> Vec<&'static str> {
    [&SHORT[..], more].concat()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

fn same_bytes(one: &Path, other: &Path) {
    assert_eq!(fs::read(one).unwrap(), fs::read(other).unwrap(), "{} and {}", one.display(), other.display());
}

#[test]
fn wrong_flags_are_named_and_nothing_is_written() {
    let folder = workplace();
    for (flags, named) in [
        (vec!["--model", "lenet6"], "no model is called 'lenet6'"),
        (vec!["--epochs", "0"], "--epochs is 0"),
        (vec!["--epochs", "-3"], "--epochs"),
        (vec!["--batch", "0"], "--batch is 0"),
        (vec!["--lr", "-1"], "--lr is -1"),
        (vec!["--lr", "nan"], "--lr is NaN"),
        (vec!["--warmup", "1"], "--warmup is 1"),
        (vec!["--momentum", "1.5"], "--momentum is 1.5"),
        (vec!["--weight-decay", "-0.1"], "--weight-decay is -0.1"),
        (vec!["--label-smoothing", "1"], "--label-smoothing is 1"),
        (vec!["--target-accuracy", "101"], "--target-accuracy is 101"),
        (vec!["--optimizer", "sdg"], "--optimizer"),
        (vec!["--fast", "--model", "lenet5-keras"], "--fast goes with --model lenet5 alone"),
        (vec!["--fast", "--optimizer", "adam"], "--fast goes with --optimizer sgd or nesterov alone"),
        (vec!["--validation", "300"], "leave none to train on"),
        (vec!["--data", "nowhere"], "nowhere"),
        (vec!["--adapter", "0"], "--adapter 0 does not go with --backend cpu"),
        (vec!["--out", "data"], "--out data: it exists"),
    ] {
        let mut arguments = vec!["train", "--backend", "cpu"];
        if !flags.contains(&"--data") {
            arguments.extend(["--data", "data"]);
        }
        arguments.extend(&flags);
        let assert = lenet(folder.path(), &arguments).assert().code(2).stdout("");
        assert.stderr(contains(named).and(contains("error: ")).and(contains("panicked").not()));
    }
    lenet(folder.path(), &["train", "--model", "lenet6"])
        .assert()
        .stderr(contains("hint: ").and(contains("lenet5-keras")));
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn json_is_one_event_a_line_and_nothing_else() {
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
    lenet(folder.path(), &flags).assert().success().stdout(contains("confusion").and(contains("precision")));
    // A checkpoint serves as weights too, and the training half can be judged.
    let more = ["--weights", "run/checkpoint.safetensors", "--split", "train", "--json"];
    let half = run(folder.path(), &[&flags[..1], &flags[3..], &more].concat());
    assert_eq!(lines(&half)[0]["samples"], 300);
}

#[test]
fn the_shipped_weights_read_mnist() {
    let folder = TempDir::new().unwrap();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/lenet5.safetensors");
    let result = &lines(&run(folder.path(), &["eval", "--weights", shipped, "--backend", "cpu", "--json"]))[0];
    assert_eq!(result["samples"], 10_000);
    assert!(result["accuracy"].as_f64().unwrap() > 0.99, "{result}");
}

#[test]
fn unusable_weights_are_explained() {
    let folder = workplace();
    let path = folder.path().join("w.safetensors");
    let write = |names: &[(&str, Vec<usize>)]| {
        let zeros = vec![0u8; 4 * 20_000];
        let view = |shape: &Vec<usize>| {
            let bytes = &zeros[..4 * shape.iter().product::<usize>()];
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap()
        };
        let bytes = safetensors::serialize(names.iter().map(|(name, shape)| (*name, view(shape))), None).unwrap();
        fs::write(&path, bytes).unwrap();
    };
    let eval = |more: &[&str]| {
        let flags = ["eval", "--weights", "w.safetensors", "--data", "data", "--backend", "cpu"];
        lenet(folder.path(), &[&flags[..], more].concat()).assert().code(2)
    };
    eval(&[]).stderr(contains("w.safetensors"));
    write(&[("c1.weight", vec![6, 1, 5, 5])]);
    eval(&[]).stderr(contains("does not say which model").and(contains("--model")));
    eval(&["--model", "lenet5"]).stderr(contains("tensor c1.bias is missing"));
    write(&[("conv1.weight", vec![6, 1, 5, 5])]);
    eval(&["--model", "lenet5"]).stderr(contains("tensor conv1.weight does not belong"));
    write(&[("c1.weight", vec![6, 1, 3, 3])]);
    eval(&["--model", "lenet5"]).stderr(contains("tensor c1.weight has shape [6, 1, 3, 3]"));
    fs::write(&path, b"not weights").unwrap();
    eval(&[]).stderr(contains("not a safetensors file"));
}

#[test]
fn predict_names_the_digit_and_the_weights() {
    let folder = workplace();
    // A one, as a netpbm text image: dark on light.
    let mut image = "P2 40 60 255\n".to_owned();
    for row in 0..60 {
        for column in 0..40 {
            let ink = (18..23).contains(&column) && (8..52).contains(&row);
            image += if ink { "0 " } else { "255 " };
        }
    }
    fs::create_dir(folder.path().join("images")).unwrap();
    fs::write(folder.path().join("images/one.pgm"), &image).unwrap();
    lenet(folder.path(), &["predict", "--backend", "cpu", "images"])
        .assert()
        .success()
        .stdout(contains("images/one.pgm: 1 (").and(contains("weights: the weights inside the program (lenet5)")));
    let mut stdin =
        assert_cmd::Command::from_std(lenet(folder.path(), &["predict", "--backend", "cpu", "--json", "-"]));
    let output = stdin.write_stdin(image).output().unwrap();
    let prediction = &lines(&output)[0];
    assert_eq!((&prediction["image"], &prediction["predictions"][0]["class"]), (&Value::from("-"), &Value::from(1)));
    assert_eq!(prediction["predictions"].as_array().unwrap().len(), 3);
    // One unusable image does not keep the others from being recognised.
    fs::write(folder.path().join("images/broken.png"), b"no image").unwrap();
    fs::write(folder.path().join("images/blank.pgm"), "P2 2 2 255\n9 9 9 9\n").unwrap();
    lenet(folder.path(), &["predict", "--backend", "cpu", "images"])
        .assert()
        .code(2)
        .stdout(contains("one.pgm: 1 ("))
        .stderr(contains("images/broken.png: cannot decode").and(contains("images/blank.pgm: no digit found")));
}

#[test]
fn summary_and_devices_are_text_and_json() {
    let folder = TempDir::new().unwrap();
    lenet(folder.path(), &["summary"]).assert().success().stdout(contains("61,706").and(contains("416,520")));
    let summary = &lines(&run(folder.path(), &["summary", "--model", "lenet5-keras", "--json"]))[0];
    assert_eq!((&summary["parameters"], &summary["multiply_adds"]), (&Value::from(61_706), &Value::from(416_520)));
    let devices = &lines(&run(folder.path(), &["devices", "--json"]))[0]["devices"];
    let devices = devices.as_array().unwrap();
    assert_eq!(devices.iter().filter(|d| d["auto"] == true).count(), 1);
    assert_eq!(devices[devices.len() - 1]["backend"], "cpu");
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

#[test]
fn a_bench_is_written_and_compared_with_itself() {
    let folder = TempDir::new().unwrap();
    let flags = ["bench", "--quick", "--backend", "cpu", "--batch", "4", "--json", "one.json", "--csv", "one.csv"];
    lenet(folder.path(), &flags)
        .assert()
        .success()
        .stdout(contains("c1 conv2d_max_pool_forward").and(contains("CPU oracle")));
    let bench: Value = serde_json::from_slice(&fs::read(folder.path().join("one.json")).unwrap()).unwrap();
    let adapter = &bench["adapters"][0];
    assert_eq!(
        (&adapter["backend"], &adapter["error"], &adapter["ceilings"]),
        (&"cpu".into(), &Value::Null, &Value::Null)
    );
    for phase in ["training", "evaluation"] {
        assert_eq!(adapter[phase][0]["batch"], 4);
        assert_eq!(adapter[phase][0]["share_of_fma"], Value::Null, "unknown is null");
        assert!(adapter[phase][0]["samples_per_s"].as_f64().unwrap() > 0.0);
        assert_eq!(adapter[phase][0]["samples"].as_array().unwrap().len(), 5);
    }
    assert!(adapter["start_up"]["warm_s"].as_f64().unwrap() > 0.0, "{adapter}");
    assert_eq!(adapter["start_up"]["cold_s"], Value::Null, "the oracle compiles no shaders");
    assert!(fs::read_to_string(folder.path().join("one.csv")).unwrap().lines().count() > 20);

    let again = ["--compare", "one.json"];
    lenet(folder.path(), &[&flags[..6], &again].concat()).assert().success().stdout(contains("within the spread"));
    for (wrong, message) in [
        (&["--compare", "one.csv"][..], "--compare one.csv"),
        (&["--json", "nowhere/one.json"], "nowhere/one.json"),
        (&["--batch", "0"], "--batch is 0"),
        (&["--adapter", "0"], "--adapter 0 does not go with --backend cpu"),
    ] {
        let refused = lenet(folder.path(), &[&flags[..4], wrong].concat()).assert().code(2);
        refused.stderr(contains(message).and(contains("hint:")));
    }
}
