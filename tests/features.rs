//! The library without default features, as a browser builds it.

use std::fs;
use std::path::{Path, PathBuf};
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

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// It would compile for a browser, and panic there.
#[test]
fn no_file_takes_the_time_from_the_standard_library() {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 50, "{}", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let clock =
            |line: &&str| line.contains("std::time") && ["Instant", "SystemTime"].iter().any(|c| line.contains(c));
        assert_eq!(text.lines().find(clock), None, "{}: take it from web_time", file.display());
    }
}
