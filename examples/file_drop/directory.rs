//! The shared directory: messages as files that appear whole, and are never changed.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{cli::Failure, files};

/// Time between two looks.
pub(crate) const POLL: Duration = Duration::from_millis(50);
/// The server began; holds the session id.
pub(crate) const OPEN: &str = "server.open";
/// The server gave up.
pub(crate) const FAILED: &str = "server.failed";
/// The sum, for the clients: words of 8 bytes.
pub(crate) const SUM: &str = "server.sum";
/// Messages are smaller; a roster of 4096 needs some megabytes.
const MAX_MESSAGE: u64 = 1 << 28;

pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        match fs::metadata(path) {
            Ok(status) if status.is_dir() => Ok(Self(path.to_owned())),
            Ok(_) => Err(Failure::file(path, "is not a directory")),
            Err(e) => Err(Failure::file(path, e)),
        }
    }

    pub(crate) fn failure(&self, name: &str, reason: impl std::fmt::Display) -> Failure {
        Failure::file(&self.0.join(name), reason)
    }

    /// Lets a message appear. One that is there already is never replaced.
    pub(crate) fn publish(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.publish_with(name, |out| out.write_all(bytes).map_err(|e| self.failure(name, e)))
    }

    /// The same for contents that are written in pieces.
    pub(crate) fn publish_with(
        &self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let path = self.0.join(name);
        let mut out = io::BufWriter::new(files::beside(&path).map_err(|e| self.failure(name, e))?);
        write(&mut out)?;
        let file = out.into_inner().map_err(|e| self.failure(name, e.error()))?;
        files::place(file, &path, false).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => self.failure(name, "is there already; a session needs an empty directory of its own"),
            _ => self.failure(name, e),
        })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.join(name).symlink_metadata().is_ok()
    }

    /// Opens a message, if it is there.
    pub(crate) fn open_file(&self, name: &str) -> Result<Option<(File, u64)>, Failure> {
        let path = self.0.join(name);
        match path.symlink_metadata() {
            Ok(status) if status.is_file() => {} // a pipe in its place would block whoever opens it
            Ok(_) => return Err(self.failure(name, "is not a regular file")),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.failure(name, e)),
        }
        let file = File::open(&path).map_err(|e| self.failure(name, e))?;
        let len = file.metadata().map_err(|e| self.failure(name, e))?.len();
        Ok(Some((file, len)))
    }

    /// Reads a message, if it is there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let Some((file, len)) = self.open_file(name)? else { return Ok(None) };
        if len > MAX_MESSAGE {
            return Err(self.failure(name, format!("{len} bytes are too many for a message")));
        }
        let mut bytes = Vec::new();
        file.take(MAX_MESSAGE).read_to_end(&mut bytes).map_err(|e| self.failure(name, e))?;
        Ok(Some(bytes))
    }

    /// Waits for a message of the server.
    pub(crate) fn wait(&self, name: &str, patience: Duration) -> Result<Vec<u8>, Failure> {
        let end = Instant::now() + patience;
        loop {
            if let Some(bytes) = self.read(name)? {
                return Ok(bytes);
            }
            if self.has(FAILED) {
                return Err(Failure::Run("the server gave this session up; the round is lost, and nothing else".into()));
            }
            if Instant::now() >= end {
                let waited = patience.as_secs();
                let text = "the server is gone, or went on without this client; the round is lost, and nothing else";
                return Err(Failure::Run(format!("{name} did not come within {waited} s: {text}")));
            }
            thread::sleep(POLL);
        }
    }
}
