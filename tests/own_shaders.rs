//! A learner's round: write the shaders into a folder, change one, and let the program judge and time it.

#[path = "common/adapter.rs"]
mod adapter;
#[path = "common/command.rs"]
mod command;

use std::fs;
use std::path::Path;

use assert_cmd::assert::OutputAssertExt;
use command::{lenet, lines, run, workplace};
use lenet_gpu::check::shader_files;
use lenet_gpu::weights::Weights;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

/// A folder with the shaders of LeNet-5 in `own`.
fn with_shaders(folder: TempDir) -> TempDir {
    adapter::adapter();
    assert!(run(folder.path(), &["shaders", "own"]).status.success());
    folder
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join("own").join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(path, text.replace(from, to)).unwrap();
}

/// The bias of a dense layer, dropped.
fn drop_bias(folder: &Path) {
    edit(folder, "dense/forward.wgsl", "activate(sum + bias", "activate(sum");
}

const DENSE: [&str; 7] = ["check", "--shaders", "own", "--kernel", "dense_forward", "--case", "dense-sgd"];

#[test]
fn the_shaders_of_a_step_are_written_and_files_that_differ_stay() {
    let folder = with_shaders(TempDir::new().unwrap());
    let there = |file: &str| fs::read_to_string(folder.path().join("own").join(file));
    for (file, text) in shader_files().unwrap() {
        if let Ok(written) = there(&format!("{file}.wgsl")) {
            assert_eq!(written, text);
        }
    }
    assert!(there("conv2d/forward.wgsl").is_ok() && there("pool/subsample.wgsl").is_err(), "those of the model");
    assert!(there("run/c3-conv2d_forward.wgsl").unwrap().contains("fn conv2d_forward("));
    assert!(there("run/update-sum_sgd.wgsl").is_ok());
    for (kernels, of_one_sample) in [("gpu", true), ("software", false)] {
        run(folder.path(), &["shaders", kernels, "--kernels", kernels, "--batch", "1"]);
        assert_eq!(folder.path().join(kernels).join("lanes/one.wgsl").is_file(), of_one_sample, "{kernels}");
    }

    lenet(folder.path(), &["shaders", "own"]).assert().success();
    drop_bias(folder.path());
    let changed = there("dense/forward.wgsl").unwrap();
    let refused = lenet(folder.path(), &["shaders", "own", "--batch", "1"]).assert().code(2).stdout("");
    refused.stderr(contains("more like it; nothing was written").and(contains("--force")));
    assert_eq!(there("dense/forward.wgsl").unwrap(), changed);
    lenet(folder.path(), &["shaders", "own", "--force"]).assert().success();
    assert_ne!(there("dense/forward.wgsl").unwrap(), changed);
}

#[test]
fn check_names_the_kernel_that_went_wrong() {
    let folder = with_shaders(TempDir::new().unwrap());
    let same = lenet(folder.path(), &DENSE).assert().success();
    same.stderr(contains("own: every shader there is the program's own"));
    drop_bias(folder.path());
    let failed = lenet(folder.path(), &[&DENSE[..], &["--json", "check.json"]].concat()).assert().code(1);
    failed.stdout(contains("dense_forward FAILS").and(contains("--shaders")).and(contains("shaders of")));
    let report: Value = serde_json::from_slice(&fs::read(folder.path().join("check.json")).unwrap()).unwrap();
    assert_eq!(report["adapters"][0]["shaders"]["sha256"].as_str().unwrap().len(), 64);
    // Another kernel is as it was, and so is the program without the flag.
    lenet(folder.path(), &["check", "--shaders", "own", "--kernel", "sgd", "--case", "dense-sgd"]).assert().success();
    lenet(folder.path(), &[&DENSE[..1], &DENSE[3..]].concat()).assert().success();
}

#[cfg(unix)]
#[test]
fn the_printed_command_repeats_the_failure() {
    let folder = with_shaders(TempDir::new().unwrap());
    drop_bias(folder.path());
    fs::rename(folder.path().join("own"), folder.path().join("it's my own")).unwrap();
    let check = ["check", "--kernel", "dense_forward", "--case", "dense-sgd", "--json", "check.json"];
    lenet(folder.path(), &[&check[..], &["--shaders", "it's my own"]].concat()).assert().code(1);
    let report: Value = serde_json::from_slice(&fs::read(folder.path().join("check.json")).unwrap()).unwrap();
    let replay = report["adapters"][0]["kernels"][0]["replay"].as_str().unwrap();
    let program = lenet(folder.path(), &[]).get_program().to_str().unwrap().to_owned();
    let script = replay.replacen("lenet-gpu", &format!("'{program}'"), 1);
    let again = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(again.stdout).unwrap();
    assert!(again.status.code() == Some(1) && text.contains("dense_forward FAILS"), "{replay}: {text}");
}

#[test]
fn what_does_not_compile_is_told_with_its_file_and_line() {
    let line = |folder: &Path, file: &str, part: &str| {
        let text = fs::read_to_string(folder.join("own").join(file)).unwrap();
        1 + text.lines().position(|line| line.contains(part)).unwrap()
    };
    for (file, from, to) in [
        // No WGSL.
        ("dense/forward.wgsl", "let bias = ", "let bias == "),
        // WGSL, and a name that is not there.
        ("dense/forward.wgsl", "activate(sum + bias", "activate(sum + bias_of_nothing"),
        // In a file in front of that of the entry point, with a wrong type that only validation finds.
        ("dense/geometry.wgsl", "struct Geometry", "fn one() -> u32 { return 1.5f; }\nstruct Geometry"),
    ] {
        let folder = with_shaders(TempDir::new().unwrap());
        edit(folder.path(), file, from, to);
        let at = line(folder.path(), file, to.lines().next().unwrap());
        let output = run(folder.path(), &DENSE);
        let text = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(&format!("{file}:{at}: ")), "{text}");
        let refused = lenet(folder.path(), &["train", "--shaders", "own", "--epochs", "1"]).assert().code(2);
        refused.stderr(contains(format!("{file}:{at}: ")).and(contains("hint: ")).and(contains("panicked").not()));
    }
}

#[test]
fn what_the_device_refuses_is_the_shaders_fault_and_no_panic() {
    for (file, from, to, named) in [
        (
            "dense/forward.wgsl",
            "fn dense_forward(",
            "fn dense_forwards(",
            "dense/forward.wgsl: no function is called dense_forward",
        ),
        ("dense/forward.wgsl", "@workgroup_size(", "@workgroup_size(4096u * ", "shaders of"),
        ("dense/forward.wgsl", "a < AHEAD; a++", "a < 4000000000u; a++", "shaders of"),
    ] {
        let folder = with_shaders(TempDir::new().unwrap());
        edit(folder.path(), file, from, to);
        let output = run(folder.path(), &DENSE);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(named) && !text.contains("panicked"), "{text}");
    }
}

#[test]
fn folders_and_files_that_cannot_be_used_are_refused_by_name() {
    let folder = with_shaders(TempDir::new().unwrap());
    fs::copy(folder.path().join("own/sums.wgsl"), folder.path().join("own/dense/foward.wgsl")).unwrap();
    let refused = lenet(folder.path(), &DENSE).assert().code(2).stdout("");
    refused.stderr(contains("own/dense/foward.wgsl: no shader").and(contains("did you mean dense/forward.wgsl?")));
    fs::remove_file(folder.path().join("own/dense/foward.wgsl")).unwrap();
    fs::write(folder.path().join("own/sums.wgsl"), b"\xff").unwrap();
    lenet(folder.path(), &DENSE).assert().code(2).stderr(contains("own/sums.wgsl: ").and(contains("UTF-8")));
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (flags, message) in [
        (["--shaders", "nowhere"], "--shaders: nowhere: "),
        (["--shaders", "empty"], "--shaders: empty: no shader is there"),
    ] {
        let refused = lenet(folder.path(), &[&["check"], &flags[..]].concat()).assert().code(2);
        refused.stderr(contains(message).and(contains("lenet-gpu shaders")));
    }
    let file = lenet(folder.path(), &["check", "--shaders", "own/gather.wgsl"]).assert().code(2);
    file.stderr(contains("own/gather.wgsl: that is a file").and(contains("hint: give the folder")));
    let oracle = lenet(folder.path(), &["train", "--backend", "cpu", "--shaders", "own"]).assert().code(2);
    oracle.stderr(contains("--shaders own does not go with --backend cpu"));
}

#[test]
fn a_run_keeps_its_shaders_and_refuses_others() {
    let folder = with_shaders(workplace());
    let train = ["train", "--data", "data", "--validation", "50", "--epochs", "1", "--json", "--out"];
    drop_bias(folder.path());
    let events = lines(&run(folder.path(), &[&train[..], &["run", "--shaders", "own"]].concat()));
    let recorded = &events[0]["config"]["shaders"];
    assert!(recorded["folder"].as_str().unwrap().ends_with("own"), "{recorded}");
    let config: Value = serde_json::from_slice(&fs::read(folder.path().join("run/config.json")).unwrap()).unwrap();
    assert_eq!(config["shaders"], *recorded);
    let weights = Weights::load(&folder.path().join("run/last.safetensors")).unwrap();
    assert_eq!(weights.metadata["shaders_sha256"], recorded["sha256"].as_str().unwrap());
    let bits = weights.tensors;
    run(folder.path(), &[&train[..], &["plain"]].concat());
    let plain = Weights::load(&folder.path().join("plain/last.safetensors")).unwrap();
    assert!(plain.tensors != bits && !plain.metadata.contains_key("shaders_sha256"), "the shaders ran");

    let resume = ["train", "--json", "--resume", "run"];
    assert_eq!(lines(&run(folder.path(), &resume))[0]["config"]["shaders"], *recorded, "without the flag");
    let refused = |flags: &[&str], message: &str, hint: &str| {
        let output = lenet(folder.path(), flags).assert().code(2).stdout("");
        output.stderr(contains(message).and(contains(hint)));
    };
    let plain = ["train", "--json", "--resume", "plain", "--shaders", "own"];
    refused(&plain, "--shaders ", "hint: leave --shaders out, or train anew");
    edit(folder.path(), "dense/forward.wgsl", "// A loop", "// The loop");
    refused(&resume, "and others change its bits", "hint: put them back, or train anew");
    assert!(run(folder.path(), &["shaders", "own", "--force"]).status.success());
    refused(&resume, "the run has shaders of its own so far", "hint: go on with --shaders ");
    // The oracle runs none.
    lenet(folder.path(), &[&resume[..], &["--backend", "cpu"]].concat()).assert().success();
}

#[test]
fn bench_times_them() {
    let folder = with_shaders(TempDir::new().unwrap());
    drop_bias(folder.path());
    let flags = ["bench", "--quick", "--batch", "1", "--json", "bench.json", "--shaders", "own"];
    lenet(folder.path(), &flags).assert().success().stdout(contains("shaders of"));
    let bench: Value = serde_json::from_slice(&fs::read(folder.path().join("bench.json")).unwrap()).unwrap();
    let adapter = &bench["adapters"][0];
    assert!(adapter["shaders"]["sha256"].is_string(), "{adapter}");
    assert!(adapter["start_up"]["warm_s"].as_f64().unwrap() > 0.0, "{adapter}");
}
