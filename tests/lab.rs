//! The lab, benches/lab: every tiling there still computes what the program's kernels do, and differs from them little.

#[path = "common/adapter.rs"]
mod adapter;
#[path = "common/kind.rs"]
mod kind;
#[path = "common/reduced.rs"]
mod reduced;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kind::kind;
use lenet_gpu::check::{Case, Effort, Filter, Verdict, cases, check_kernels, shader_files};
use lenet_gpu::gpu::{Kernel, Shaders};
use lenet_gpu::model::Model;
use lenet_gpu::plan::Kernels;
use reduced::reduced;

/// Lines of a file that a tiling may change: more is a kernel that has moved on without it.
const MOST_LINES: usize = 16;

/// The folder of every tiling.
fn tilings() -> Vec<PathBuf> {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/lab");
    let entries = fs::read_dir(lab).unwrap().map(|entry| entry.unwrap().path());
    let folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    assert!(folders.len() >= 3, "{folders:?}");
    folders
}

/// The files of `folder`: path as the kernel table says it, and text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let own = shader_files().unwrap();
    let path = |name: &str| folder.join(name).with_extension("wgsl");
    own.keys().filter_map(|name| Some(((*name).to_owned(), fs::read_to_string(path(name)).ok()?))).collect()
}

#[test]
fn every_tiling_passes_the_check_with_both_sets() {
    let (own, adapter) = (shader_files().unwrap(), adapter::adapter());
    let all = cases(&[Model::preset("lenet5").unwrap()], &[65], Effort::Quick).unwrap();
    let check = |folder: &Path, set: Kernels| {
        let shaders = Shaders::read(folder, &own).unwrap();
        let changed = files(folder);
        let adapter = adapter.clone().with_kernels(set).with_shaders(&shaders);
        let mut seen = BTreeSet::new();
        let mut wanted = |kernel: &Kernel| {
            let changes = kernel.pieces.iter().any(|piece| changed.iter().any(|(name, _)| name == piece.file));
            changes && seen.insert(kind(kernel))
        };
        let cases: Vec<Case> = all.iter().filter_map(|case| reduced(&adapter, case, &mut wanted)).collect();
        let outcome = check_kernels(&[adapter], &cases, 1, &Filter::default(), &Kernel::source, &mut |_| ());
        let kernels = outcome.adapters[0].as_ref().unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        assert!(!kernels.is_empty(), "{} changes no kernel", folder.display());
        for kernel in kernels {
            assert_eq!(kernel.verdict, Verdict::Pass, "{}, {}: {kernel:#?}", folder.display(), set.name());
        }
    };
    let tilings = tilings();
    std::thread::scope(|scope| {
        let check = &check;
        for set in [Kernels::Gpu, Kernels::Software] {
            let tilings = &tilings;
            scope.spawn(move || tilings.iter().for_each(|folder| check(folder, set)));
        }
    });
}

#[test]
fn every_tiling_is_a_small_change_of_the_programs_kernels_and_in_the_readme() {
    let own = shader_files().unwrap();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/lab/README.md")).unwrap();
    for folder in tilings() {
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(readme.contains(&format!("\n| `{name}` |")), "benches/lab/README.md has no row of {name}");
        let files = files(&folder);
        assert!(!files.is_empty(), "{name} has no file of the program's");
        for (file, text) in files {
            let differs = |line: &&str, other: &str| !other.lines().any(|same| same == *line);
            let lines = text.lines().filter(|line| differs(line, &own[file.as_str()])).count();
            assert!((1..=MOST_LINES).contains(&lines), "{name}: {lines} lines differ from shaders/{file}.wgsl");
            let lost = own[file.as_str()].lines().filter(|line| differs(line, &text)).count();
            assert!(lost <= MOST_LINES, "{name} lacks {lost} lines of shaders/{file}.wgsl");
        }
    }
}
