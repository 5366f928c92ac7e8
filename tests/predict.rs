//! Weights in use, by `lenet-gpu eval` and `lenet-gpu predict`: results, and what is said of unusable files.

#[path = "common/command.rs"]
mod command;

use std::fs;

use assert_cmd::assert::OutputAssertExt;
use command::{lenet, lines, run, workplace};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

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
