//! Where uploads wait for the sum: memory, files, or whatever a caller has.

use alloc::{format, string::String, sync::Arc, vec::Vec};
use core::fmt;

use crate::error::{EnvironmentError, Error};

/// Storage that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolError(String);

impl SpoolError {
    /// Storage that failed, with the reason.
    #[must_use]
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(format!("{reason}"))
    }
}

impl fmt::Display for SpoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for SpoolError {}

impl From<SpoolError> for Error {
    fn from(error: SpoolError) -> Self {
        EnvironmentError::Spool(error.0).into()
    }
}

/// Where an upload waits until the round is closed: memory, a file, an object store.
///
/// What it gives back must be what it was given: the upload's root is checked as the bytes arrive. A sum over other bytes is wrong,
/// so keep uploads where nobody else writes.
pub trait Spool {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// [`SpoolError`] if they could not all be stored.
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError>;

    /// Fills `out` with the bytes at `offset`.
    ///
    /// # Errors
    /// [`SpoolError`] if they could not all be read.
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), SpoolError>;

    /// The `len` bytes at `offset`, where they are in memory anyway: saves a copy. By default `None`.
    fn view(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let _ = (offset, len);
        None
    }
}

/// A [`Spool`] in memory.
#[derive(Debug, Default)]
pub struct MemorySpool(Vec<u8>);

impl Spool for MemorySpool {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.0.try_reserve(bytes.len()).map_err(SpoolError::new)?;
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), SpoolError> {
        let stored = self.view(offset, out.len());
        out.copy_from_slice(stored.ok_or_else(|| SpoolError::new("read beyond the end"))?);
        Ok(())
    }

    fn view(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        self.0.get(start..start.checked_add(len)?)
    }
}

/// A spool that others may read once it is full. Bytes can be added only while nobody else has it.
impl<S: Spool> Spool for Arc<S> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        Arc::get_mut(self).ok_or_else(|| SpoolError::new("a spool that is shared can not grow"))?.append(bytes)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), SpoolError> {
        S::read(self, offset, out)
    }

    fn view(&self, offset: u64, len: usize) -> Option<&[u8]> {
        S::view(self, offset, len)
    }
}

/// A [`Spool`] in a file, which is removed when the spool is dropped.
#[cfg(feature = "std")]
#[derive(Debug)]
pub struct FileSpool {
    file: std::fs::File,
    path: std::path::PathBuf,
    kept: bool,
    /// Held from seeking to the end of reading: threads that share the file share its position.
    reading: std::sync::Mutex<()>,
}

#[cfg(feature = "std")]
impl FileSpool {
    /// A new file; one that exists already is left alone.
    ///
    /// # Errors
    /// [`SpoolError`] if it exists, or can not be made.
    pub fn create(path: impl Into<std::path::PathBuf>) -> Result<Self, SpoolError> {
        let path = path.into();
        let file = std::fs::OpenOptions::new().read(true).append(true).create_new(true).open(&path);
        let file = file.map_err(|e| SpoolError::new(format!("{}: {e}", path.display())))?;
        Ok(Self { file, path, kept: false, reading: std::sync::Mutex::default() })
    }

    /// A file that holds a whole upload, to be read again; it is not removed.
    ///
    /// # Errors
    /// [`SpoolError`] if it can not be opened.
    pub fn open(path: impl Into<std::path::PathBuf>) -> Result<Self, SpoolError> {
        let path = path.into();
        let file = std::fs::File::open(&path).map_err(|e| SpoolError::new(format!("{}: {e}", path.display())))?;
        Ok(Self { file, path, kept: true, reading: std::sync::Mutex::default() })
    }

    /// Leaves the file where it is, for instance for the workers of a sharded sum.
    #[must_use]
    pub fn keep(mut self) -> std::path::PathBuf {
        self.kept = true;
        self.path.clone()
    }

    fn failed(&self, error: &std::io::Error) -> SpoolError {
        SpoolError::new(format!("{}: {error}", self.path.display()))
    }
}

#[cfg(feature = "std")]
impl Spool for FileSpool {
    fn append(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        std::io::Write::write_all(&mut self.file, bytes).map_err(|e| self.failed(&e))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), SpoolError> {
        let _alone = self.reading.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut file = &self.file;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(offset)).map_err(|e| self.failed(&e))?;
        std::io::Read::read_exact(&mut file, out).map_err(|e| self.failed(&e))
    }
}

#[cfg(feature = "std")]
impl Drop for FileSpool {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody can be told, and what is left behind is a masked vector.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
