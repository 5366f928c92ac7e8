//! `lenet-gpu check` as a user and a program meet it.

#[path = "common/adapter.rs"]
mod adapter;

use assert_cmd::Command;
use lenet_gpu::check::{AdapterReport, Effort, Filter, Report, Verdict, cases, check_kernels, check_oracle};
use lenet_gpu::gpu::Kernel;
use lenet_gpu::plan::Kernels;
use lenet_gpu::report::check_text;
use serde_json::Value;

fn check(arguments: &[&str]) -> std::process::Output {
    Command::cargo_bin("lenet-gpu").unwrap().arg("check").args(arguments).output().unwrap()
}

#[test]
fn a_replayed_kernel_passes_and_the_json_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let (json, markdown) = (folder.path().join("check.json"), folder.path().join("check.md"));
    let files = [json.to_str().unwrap(), markdown.to_str().unwrap()];
    let arguments = ["--kernel", "sgd", "--case", "dense-nesterov", "--json", files[0], "--markdown", files[1]];
    let output = check(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.lines().last().unwrap().contains("check PASS"), "{text}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let adapter = &report["adapters"][0];
    assert!(["name", "backend", "driver", "verdict"].iter().all(|key| adapter.get(key).is_some()), "{adapter}");
    assert_eq!(adapter["verdict"], "pass");
    let kernel = &adapter["kernels"][0];
    assert_eq!((&kernel["kernel"], &kernel["verdict"]), (&"sgd".into(), &"pass".into()));
    assert!(kernel["worst"].as_f64().unwrap() <= 1.0);
    assert!(kernel["replay"].as_str().unwrap().contains("--kernel sgd --case dense-nesterov --inputs "));
    assert!(std::fs::read_to_string(markdown).unwrap().contains("| pass |"));
}

#[test]
fn all_checks_each_set_of_kernels_unless_one_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("check.json");
    let sets = |flags: &[&str]| {
        let replay = ["--kernel", "sgd", "--case", "dense-nesterov", "--inputs", "unit", "--json"];
        let output = check(&[&replay[..], &[json.to_str().unwrap()], flags].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let report: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
        let adapters = report["adapters"].as_array().unwrap().clone();
        let sets =
            adapters.iter().map(|a| (a["index"].as_u64().unwrap(), a["kernel_set"].as_str().unwrap().to_owned()));
        (sets.collect::<Vec<_>>(), String::from_utf8(output.stdout).unwrap())
    };
    let own = adapter::adapter().device;
    let kernels = own.kernels.unwrap();
    let other = if kernels == Kernels::Gpu { Kernels::Software } else { Kernels::Gpu };
    let index = own.index.unwrap();
    let one = ["--adapter", &index.to_string()];
    assert_eq!(sets(&one).0, [(index as u64, kernels.name().to_owned())]);
    let (asked, text) = sets(&[&one[..], &["--kernels", other.name()]].concat());
    assert_eq!(asked, [(index as u64, other.name().to_owned())]);
    assert!(text.contains(&format!(", {} kernels", other.name())), "{text}");

    let (all, _) = sets(&["--all"]);
    for adapter in 0..all.len() as u64 / 2 {
        let of: Vec<&str> = all.iter().filter(|(index, _)| *index == adapter).map(|(_, set)| set.as_str()).collect();
        assert_eq!(of, ["gpu", "software"], "{all:?}");
    }
    let (all_of_one, _) = sets(&["--all", "--kernels", "gpu"]);
    assert_eq!((all_of_one.len(), all_of_one.iter().all(|(_, set)| set == "gpu")), (all.len() / 2, true));
}

#[test]
fn what_does_not_exist_is_refused_with_what_does() {
    let refused = |arguments: &[&str], expected: &str| {
        let output = check(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
    };
    refused(&["--kernel", "conv3d"], "conv2d_forward");
    refused(&["--case", "dense"], "dense-adamw");
    refused(&["--inputs", "odd"], "huge");
    refused(&["--model", "lenet6"], "lenet5-keras");
    refused(&["--backend", "cpu"], "checked against");
    refused(&["--adapter", "no such adapter"], "no such adapter");
    refused(&["--kernels", "cpu"], "[possible values: gpu, software]");
    refused(&["--soak=-1"], "--soak");
    refused(&["--quick", "--thorough"], "cannot be used with");
}

#[test]
fn a_failure_is_red_names_the_kernel_and_fits_a_terminal() {
    let adapter = adapter::adapter();
    let cases = cases(&[], &[], Effort::Quick).unwrap();
    let filter = Filter { case: Some("activation-scaled-tanh".to_owned()), ..Filter::default() };
    let altered = |kernel: &Kernel| match kernel.entry {
        "average_pool_backward" => Ok(kernel.source()?.replace("/ f32(SIZE * SIZE)", "* 0.3")),
        _ => kernel.source(),
    };
    let mut outcome = check_kernels(std::slice::from_ref(&adapter), &cases, 1, &filter, &altered, &mut |_| ());
    let report = AdapterReport {
        device: adapter.device.clone(),
        verdict: Verdict::Pass,
        error: None,
        kernels: outcome.adapters.remove(0).unwrap(),
        training: Vec::new(),
        bits: Vec::new(),
        soak: None,
    };
    let report = Report {
        version: "0.0.0".to_owned(),
        date: "2026-01-31".to_owned(),
        seed: 1,
        effort: Effort::Quick,
        verdict: Verdict::Pass,
        oracle: check_oracle(1).unwrap(),
        adapters: vec![report.judge()],
        pairs: outcome.pairs,
        seconds: 1.0,
    };
    let report = report.judge();
    assert_eq!(report.verdict, Verdict::Fail);
    let text = check_text(&report);
    println!("{text}");
    let last = text.lines().last().unwrap();
    assert!(last.contains("check FAIL") && last.contains("(average_pool_backward)"), "{last}");
    assert!(text.contains("average_pool_backward FAILS") && text.contains("--kernel average_pool_backward"), "{text}");
    for line in text.lines().filter(|line| *line != last) {
        assert!(line.chars().count() <= 100, "{line}");
    }
}
