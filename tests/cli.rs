//! The command as a user meets it: help, arguments, errors, and the commands that describe and measure.

#[path = "common/adapter.rs"]
mod adapter;
#[path = "common/command.rs"]
mod command;

use std::fs;
use std::path::Path;

use assert_cmd::assert::OutputAssertExt;
use command::{lenet, lines, run, workplace};
use lenet_gpu::model::Model;
use lenet_gpu::plan::{DatasetShape, Phase, Plan};
use lenet_gpu::recipe::Optimizer;
use lenet_gpu::report::summary_text;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use strum::VariantArray;
use tempfile::TempDir;

/// Names in the list of commands that `help` has.
fn subcommands(help: &str) -> Vec<&str> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // A name is indented by two; more is a description that goes on.
    let names = list.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    names.filter_map(|line| line.split(' ').next()).collect()
}

#[test]
fn help_is_as_in_the_snapshots() {
    let folder = TempDir::new().unwrap();
    let help = |arguments: &[&str]| {
        let output = lenet(folder.path(), &[arguments, &["--help"]].concat()).env("COLUMNS", "80").output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().replace("lenet-gpu.exe", "lenet-gpu")
    };
    let whole = help(&[]);
    let names = subcommands(&whole);
    assert!(names.len() > 5, "{names:?}");
    let of_each = names.iter().filter(|name| **name != "help").map(|name| (format!("help-{name}"), help(&[name])));
    let texts: Vec<(String, String)> = std::iter::once(("help".to_owned(), whole.clone())).chain(of_each).collect();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, text) in &texts {
            insta::assert_snapshot!(name.as_str(), text);
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
    });
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").read_dir().unwrap();
    let there = files.map(|f| f.unwrap().file_name().into_string().unwrap()).filter(|f| f.starts_with("help"));
    let stale: Vec<_> = there.filter(|file| texts.iter().all(|(name, _)| *file != format!("{name}.snap"))).collect();
    assert!(stale.is_empty(), "delete the snapshots of commands that are gone: {stale:?}");
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
        (vec!["--kernels", "gpu"], "--kernels gpu does not go with --backend cpu"),
        (vec!["--kernels", "both"], "--kernels"),
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
fn summary_and_devices_are_text_and_json() {
    let folder = TempDir::new().unwrap();
    let table = summary_text(&Model::preset("lenet5").unwrap());
    lenet(folder.path(), &["summary"]).assert().success().stdout(format!("{table}\n"));
    let summary = &lines(&run(folder.path(), &["summary", "--model", "lenet5-keras", "--json"]))[0];
    assert_eq!((&summary["parameters"], &summary["multiply_adds"]), (&Value::from(61_706), &Value::from(416_520)));
    let devices = &lines(&run(folder.path(), &["devices", "--json"]))[0]["devices"];
    let devices = devices.as_array().unwrap();
    assert_eq!(devices.iter().filter(|d| d["auto"] == true).count(), 1);
    for device in devices {
        let set = match device["kind"].as_str().unwrap() {
            "cpu" => Value::Null,
            "software" => "software".into(),
            _ => "gpu".into(),
        };
        assert_eq!(device["kernel_set"], set, "{device}");
    }
    assert_eq!(devices[devices.len() - 1]["backend"], "cpu");
}

/// A step of each phase on one device: every operation of the plan, and no two events of a track at once.
fn assert_trace(file: &Path, batch: usize) {
    let trace: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let is = |key: &str, value: &str| events.iter().filter(|e| e[key] == value).cloned().collect::<Vec<_>>();
    let names: Vec<_> =
        is("name", "thread_name").iter().map(|e| e["args"]["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["phase", "host", "device"]);
    let spans = |track: usize| -> Vec<(f64, f64)> {
        let of_track = is("ph", "X").into_iter().filter(|e| e["tid"] == track);
        of_track.map(|e| (e["ts"].as_f64().unwrap(), e["dur"].as_f64().unwrap())).collect()
    };
    for (track, name) in names.iter().enumerate() {
        let spans = spans(track);
        assert!(spans.iter().all(|(start, duration)| *start >= 0.0 && *duration > 0.0), "{spans:?}");
        let overlap = spans.windows(2).find(|two| two[0].0 + two[0].1 > two[1].0 + 1e-3);
        assert_eq!(overlap, None, "{name}");
    }
    let model = Model::preset("lenet5").unwrap();
    let shape = DatasetShape { samples: 60_000, height: 28, width: 28 };
    let plan = Plan::training(&model, batch, shape, Optimizer::Sgd).unwrap();
    for phase in Phase::VARIANTS.iter().copied() {
        let named = |op: usize| format!("{} {}", plan.ops[op].layer, plan.ops[op].kind.name());
        let expected: Vec<String> = plan.phase(phase).unwrap().into_iter().map(named).collect();
        let operations = is("cat", "device").into_iter().filter(|e| e["args"]["phase"] == phase.name());
        let operations: Vec<Value> = operations.collect();
        let names: Vec<&str> = operations.iter().map(|e| e["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{phase:?}");
        for event in operations {
            let args = &event["args"];
            assert!(
                args["bytes"].as_u64().unwrap() > 0 && args["flops"].is_u64() && args["clock"].is_string(),
                "{args}"
            );
        }
    }
}

#[test]
fn a_trace_has_every_operation_and_is_an_output_beside_others() {
    let own = adapter::adapter().device;
    let folder = TempDir::new().unwrap();
    let alone = run(folder.path(), &["bench", "--trace", "gpu.json", "--batch", "9", "64"]);
    let text = String::from_utf8(alone.stdout).unwrap();
    assert!(alone.status.success() && text.contains(&own.name) && text.contains("batch 9"), "{text}");
    assert!(!text.contains("images a second"), "it is all that was measured: {text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert_trace(&folder.path().join("gpu.json"), 9);

    let beside = ["bench", "--backend", "cpu", "--batch", "4", "--quick", "--trace", "cpu.json"];
    lenet(folder.path(), &beside).assert().success().stdout(contains("ran alone").and(contains("images a second")));
    assert_trace(&folder.path().join("cpu.json"), 4);
    let nowhere = lenet(folder.path(), &["bench", "--trace", "nowhere/t.json"]).assert().code(2);
    nowhere.stderr(contains("nowhere/t.json"));
}

#[test]
fn a_bench_is_written_and_compared_with_itself() {
    let folder = TempDir::new().unwrap();
    let flags = ["bench", "--quick", "--backend", "cpu", "--batch", "4", "--json", "one.json", "--csv", "one.csv"];
    lenet(folder.path(), &flags).assert().success().stdout(contains("c1 conv2d_forward").and(contains("CPU oracle")));
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
        (&["--kernels", "gpu"], "--kernels gpu does not go with --backend cpu"),
    ] {
        let refused = lenet(folder.path(), &[&flags[..4], wrong].concat()).assert().code(2);
        refused.stderr(contains(message).and(contains("hint:")));
    }
}
