//! The files of `shaders/`.

use std::path::{Path, PathBuf};

/// Every shader: its path, and its name as the kernel table says it, such as `conv2d/inputs_bytes`.
pub fn files() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                let name = path.with_extension("").strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                found.push((path, name));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort();
    found
}

/// Every entry point of an operation, with the name of its file; those that measure an adapter are left out.
pub fn entry_points() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, name) in files().into_iter().filter(|(_, name)| name != "ceilings") {
        let text = std::fs::read_to_string(path).unwrap();
        for (at, _) in text.match_indices("@compute") {
            let (_, rest) = text[at..].split_once("fn ").unwrap();
            found.push((rest.split('(').next().unwrap().to_owned(), name.clone()));
        }
    }
    assert!(found.len() > 15, "{found:?}");
    found
}
