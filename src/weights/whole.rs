//! Files that a reader finds whole: the old one or the new one, never a part.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes `bytes` beside `path`, syncs them, calls `before_rename`, takes the name `path` and syncs the folder.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], before_rename: impl FnOnce() -> Result<()>) -> Result<()> {
    let failed = |e: std::io::Error| {
        Error::input(format!("{}: {e}", path.display()), "free some space or choose another folder with --out")
    };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    beside.write_all(bytes).map_err(failed)?;
    #[cfg(unix)]
    {
        // Temporary files are private; the finished file gets the usual permissions.
        use std::os::unix::fs::PermissionsExt;
        beside.as_file().set_permissions(fs::Permissions::from_mode(0o644)).map_err(failed)?;
    }
    beside.as_file().sync_all().map_err(failed)?;
    before_rename()?;
    beside.persist(path).map_err(|e| failed(e.error))?;
    sync_folder(folder).map_err(failed)
}

/// Makes the names in `folder` safe from a power cut. Windows has no such call.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
