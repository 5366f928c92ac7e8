//! The command, run in a folder of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;
use tempfile::TempDir;

/// The command, to run in `folder`.
pub fn lenet(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("lenet-gpu").unwrap();
    command.current_dir(folder).args(arguments);
    for variable in ["WGPU_BACKEND", "WGPU_ADAPTER_NAME", "WGPU_POWER_PREF"] {
        command.env_remove(variable);
    }
    command
}

/// Runs to the end.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    lenet(folder, arguments).output().unwrap()
}

/// Writes a small IDX dataset into `folder/data`: class `n` is a bar in row `2 n + 4`, with noise.
pub fn write_data(folder: &Path, train: u32, test: u32) {
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
pub fn workplace() -> TempDir {
    let folder = TempDir::new().unwrap();
    write_data(folder.path(), 300, 50);
    folder
}

/// The JSON objects that it wrote, one per line.
pub fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}
