//! Shaders of a user's in place of the program's own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::plan::OwnShaders;
use crate::shell;
use crate::table::nearest;

/// Folder of the kernels as they run, written for people: it is not read.
pub const RUN: &str = "run";

/// The files of a folder that are not the program's own; by default none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shaders {
    folder: PathBuf,
    /// Text by path in the folder, without the extension.
    files: BTreeMap<String, String>,
}

impl Shaders {
    /// Reads the WGSL of `folder`, in which a file has the path of the program's own: `programs` has the text of each
    /// by its path without the extension. A file that is missing is the program's.
    ///
    /// Errors: a folder or file that cannot be read, a folder without WGSL, a file that the program does not have.
    pub fn read(folder: &Path, programs: &BTreeMap<&str, Cow<str>>) -> Result<Self> {
        let hint = format!("lenet-gpu shaders {} writes the program's own there", shell::word(folder.display()));
        if folder.is_file() {
            return Err(Error::input(format!("{}: that is a file", folder.display()), "give the folder that it is in"));
        }
        let mut found = Vec::new();
        walk(folder, &mut found).map_err(|(path, e)| Error::input(format!("{}: {e}", path.display()), &hint))?;
        found.retain(|path| !path.starts_with(folder.join(RUN)));
        if found.is_empty() {
            return Err(Error::input(format!("{}: no shader is there", folder.display()), hint));
        }
        found.sort();
        let mut files = BTreeMap::new();
        for path in found {
            let name = path.strip_prefix(folder).unwrap_or(&path).with_extension("");
            let name = name.to_string_lossy().replace('\\', "/");
            let Some(own) = programs.get(name.as_str()) else {
                let nearest = nearest(&name, programs.keys().copied());
                let nearest = nearest.map_or(String::new(), |name| format!("; did you mean {name}.wgsl?"));
                // Left out, it would let the program's own pass for the one that was meant.
                return Err(Error::input(
                    format!("{}: no shader of the program is called that{nearest}", path.display()),
                    "rename it, or move it out of the folder",
                ));
            };
            let text = fs::read_to_string(&path)
                .map_err(|e| Error::input(format!("{}: {e}", path.display()), "make it a readable text in UTF-8"))?;
            // An editor may write other line ends, which change nothing.
            let text = text.replace("\r\n", "\n");
            if text != **own {
                files.insert(name, text);
            }
        }
        // Absolute, so that a run can be resumed from anywhere.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Ok(Self { folder, files })
    }

    /// Their folder and hash; none if all are the program's.
    pub fn own(&self) -> Option<OwnShaders> {
        let mut hash = Sha256::new();
        for (name, text) in &self.files {
            hash.update(format!("{name} {}\n{text}", text.len()));
        }
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        (!self.files.is_empty()).then(|| OwnShaders { folder: self.folder.clone(), sha256 })
    }

    /// The text of `file`, its path without the extension; none if it is the program's.
    pub(super) fn text(&self, file: &str) -> Option<&str> {
        self.files.get(file).map(String::as_str)
    }

    /// Their folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// An error of making pipelines: with shaders of a user's it is theirs.
    pub(super) fn blamed(&self, error: Error) -> Error {
        match self.files.is_empty() {
            true => error,
            false => Error::input(
                format!("shaders of {}: {error}", self.folder.display()),
                "undo the last change there: the program's own shaders run",
            ),
        }
    }
}

/// The WGSL files under `folder`. Errors: the path that cannot be read.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, std::io::Error)> {
    let failed = |e| (folder.to_owned(), e);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        // A link to a folder could lead back here.
        if entry.file_type().map_err(failed)?.is_dir() {
            walk(&path, found)?;
        } else if path.extension() == Some(OsStr::new("wgsl")) {
            found.push(path);
        }
    }
    Ok(())
}
