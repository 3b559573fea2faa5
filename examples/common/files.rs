//! Files that appear at their place whole or not at all: written beside it, flushed to the disk, then renamed.

#![allow(dead_code, reason = "not every example needs all of it")]

use std::{
    io::{self, Write},
    path::Path,
};

use tempfile::NamedTempFile;

/// A new hidden file in the directory of `path`; it goes away unless [`place`] gets it. Everybody may read it whom the umask lets.
pub(crate) fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".incomplete-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory(path))
}

/// Moves the file to `path`. Without `replace`, a file that is there already is an error.
pub(crate) fn place(file: NamedTempFile, path: &Path, replace: bool) -> io::Result<()> {
    file.as_file().sync_all()?;
    let moved = if replace { file.persist(path) } else { file.persist_noclobber(path) };
    moved.map(drop).map_err(|e| e.error)
}

/// Writes a whole file; replaces one that is there.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(text.as_bytes())?;
    place(file, path, true)
}

/// Tells, before the long work, why a file could not be written to `path` in the end.
pub(crate) fn check_place(path: &Path, replace: bool) -> Result<(), String> {
    if path.exists() && !path.is_file() {
        return Err("exists, and is not a regular file".into());
    }
    if !replace && path.exists() {
        return Err("exists; --force replaces it".into());
    }
    tempfile::tempfile_in(directory(path)).map(drop).map_err(|e| e.to_string())
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
