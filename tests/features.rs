//! The library without default features: what a browser builds.

use std::process::Command;

fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_library_alone_needs_nothing_that_only_the_command_or_files_need() {
    let tree = ["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let packages = |more: &[&str]| cargo(&[&tree[..], more].concat());
    let named = |tree: &str, name: &str| tree.lines().any(|line| line.starts_with(&format!("{name} v")));
    let (all, alone) = (packages(&[]), packages(&["--no-default-features"]));
    let browser = packages(&["--no-default-features", "--target", "wasm32-unknown-unknown"]);
    for optional in ["clap", "indicatif", "ctrlc", "tempfile", "image"] {
        assert!(named(&all, optional), "{optional} is no dependency");
        assert!(!named(&alone, optional), "the library alone depends on {optional}");
        assert!(!named(&browser, optional), "the library in a browser depends on {optional}");
    }
}
