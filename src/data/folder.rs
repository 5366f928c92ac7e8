//! Finds an IDX set in a folder by the names of its files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::split::Split;
use crate::error::{Error, Result};

/// The two files of a split.
pub struct Files {
    pub images: PathBuf,
    pub labels: PathBuf,
}

/// Finds the images and labels of `split` in a folder.
pub fn find(folder: &Path, split: Split) -> Result<Files> {
    let unreadable = |e: io::Error| {
        Error::input(
            format!("{}: cannot list the folder: {e}", folder.display()),
            "--data takes a folder with IDX files; without it, the built-in MNIST is used",
        )
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        // Some archives unpack to folders with the names of files.
        if entry.path().is_file() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    names.sort();

    // One file per set, to tell the sets apart.
    let sets: BTreeMap<&str, &str> =
        names.iter().filter_map(|name| recognise(name).map(|(prefix, ..)| (prefix, name.as_str()))).collect();
    if sets.len() > 1 {
        let examples: Vec<&str> = sets.into_values().collect();
        return Err(Error::input(
            format!("{}: several datasets in one folder: {}", folder.display(), examples.join(", ")),
            "give each dataset a folder of its own",
        ));
    }

    let one = |kind: &str| {
        let found: Vec<&String> = names
            .iter()
            .filter(|name| {
                recognise(name).is_some_and(|(_, word, k)| k == kind && split.names().contains(&word))
                    // A file and its gzipped twin are one; the plain one is faster to read.
                    && !name.strip_suffix(".gz").is_some_and(|plain| names.iter().any(|n| n == plain))
            })
            .collect();
        match found.as_slice() {
            [name] => Ok(folder.join(name)),
            [] => Err(Error::input(
                format!(
                    "{}: no {} file",
                    folder.display(),
                    split.names().iter().map(|word| format!("{word}-{kind}-*")).collect::<Vec<_>>().join(" or ")
                ),
                format!(
                    "put {0}-images-idx3-ubyte and {0}-labels-idx1-ubyte (or their .gz files) into it",
                    split.names()[0]
                ),
            )),
            several => Err(Error::input(
                format!("{}: several files with the same {kind}: {several:?}", folder.display()),
                "keep one of them in the folder",
            )),
        }
    };
    Ok(Files { images: one("images")?, labels: one("labels")? })
}

/// Set (`emnist-letters-`, often empty), split and kind of an IDX file by its name; `None` for other names.
fn recognise(name: &str) -> Option<(&str, &str, &str)> {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let (stem, kind) =
        [("idx3-ubyte", "images"), ("idx1-ubyte", "labels")].into_iter().find_map(|(suffix, kind)| {
            let stem = name.strip_suffix(suffix)?.strip_suffix(['-', '.'])?.strip_suffix(kind)?.strip_suffix('-')?;
            Some((stem, kind))
        })?;
    let word = [Split::Train, Split::Test].iter().flat_map(|s| s.names()).find(|word| stem.ends_with(**word))?;
    let prefix = &stem[..stem.len() - word.len()];
    (prefix.is_empty() || prefix.ends_with('-')).then_some((prefix, word, kind))
}

/// Opens a file that was found. Errors: it cannot be read.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| {
        Error::input(format!("{}: cannot open: {e}", path.display()), "check that the file exists and may be read")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            File::create(folder.path().join(name)).unwrap();
        }
        folder
    }

    /// The error of a folder of these files.
    fn refused(names: &[&str], split: Split) -> String {
        find(folder(names).path(), split).err().unwrap().to_string()
    }

    #[test]
    fn every_naming_style_is_found() {
        for (images, labels, split) in [
            ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", Split::Train),
            ("train-images.idx3-ubyte", "train-labels.idx1-ubyte", Split::Train),
            ("t10k-images-idx3-ubyte", "t10k-labels.idx1-ubyte", Split::Test),
            ("test-images.idx3-ubyte", "test-labels-idx1-ubyte", Split::Test),
            ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte", Split::Train),
            ("emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte", Split::Test),
        ] {
            for suffix in ["", ".gz"] {
                let (images, labels) = (format!("{images}{suffix}"), format!("{labels}{suffix}"));
                let names = [&*images, &*labels, "emnist-letters-mapping.txt"];
                let folder = folder(&names);
                let found = find(folder.path(), split).unwrap();
                assert_eq!(found.images, folder.path().join(&images));
                assert_eq!(found.labels, folder.path().join(&labels));
                let other = if split == Split::Train { Split::Test } else { Split::Train };
                assert!(refused(&names, other).contains("-images-* file"));
            }
        }
    }

    #[test]
    fn a_folder_holds_one_set() {
        let error = refused(
            &[
                "emnist-digits-train-images-idx3-ubyte",
                "emnist-digits-train-labels-idx1-ubyte",
                "emnist-letters-test-images-idx3-ubyte",
            ],
            Split::Train,
        );
        assert!(
            error.contains("several datasets") && error.contains("emnist-digits") && error.contains("emnist-letters")
        );

        let error = refused(&["test-images-idx3-ubyte", "t10k-images-idx3-ubyte"], Split::Test);
        assert!(error.contains("\"t10k-images-idx3-ubyte\", \"test-images-idx3-ubyte\""), "{error}");

        let twins = folder(&["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte"]);
        assert_eq!(find(twins.path(), Split::Train).unwrap().images, twins.path().join("train-images-idx3-ubyte"));
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = find(Path::new("no/such/folder"), Split::Train).err().unwrap().to_string();
        assert!(error.starts_with("no/such/folder: cannot list the folder"), "{error}");
    }
}
