//! Words that the auditor has, against the sum whose root the server signed.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use veilsum::{Layout, Session, audit::SumRoot};

use crate::cli::Failure;

/// Bytes of a word in a file.
const WORD: usize = size_of::<u64>();

/// A file of words, each a little-endian integer of 8 bytes, as `--demo` and the example `file_drop` write them.
pub(crate) struct Words {
    path: PathBuf,
    file: BufReader<File>,
    layout: Layout,
    root: SumRoot,
}

impl Words {
    /// Refuses a file that can not be a sum of this session, by its length.
    pub(crate) fn open(path: &Path, session: &Session) -> Result<Self, Failure> {
        let failure = |e| Failure::file(path, e);
        let status = fs::metadata(path).map_err(failure)?;
        if !status.is_file() {
            return Err(Failure::file(path, "is not a regular file")); // a pipe would block whoever opens it
        }
        let (file, layout) = (File::open(path).map_err(failure)?, Layout::new(session));
        let (got, words) = (status.len(), layout.vector_len());
        let expected = words * WORD as u64;
        if got != expected {
            let reason = format!("has {got} bytes, but a sum of this session has {expected}: {words} words of {WORD}");
            return Err(Failure::file(path, reason));
        }
        Ok(Self { path: path.to_owned(), file: BufReader::with_capacity(1 << 20, file), layout, root: SumRoot::new(session) })
    }

    /// The root that a server signs for these words.
    pub(crate) fn root(mut self) -> Result<[u8; 32], Failure> {
        for index in 0..self.layout.chunks() {
            let words = self.chunk(index)?;
            self.root.update(&words).map_err(|e| Failure::file(&self.path, e))?;
        }
        self.root.finish().map_err(|e| Failure::file(&self.path, e))
    }

    /// The words of the next chunk.
    fn chunk(&mut self, index: u64) -> Result<Vec<u64>, Failure> {
        let mut words = Vec::new();
        for _ in self.layout.chunk(index) {
            let mut bytes = [0; WORD];
            self.file.read_exact(&mut bytes).map_err(|e| Failure::file(&self.path, e))?;
            words.push(u64::from_le_bytes(bytes));
        }
        Ok(words)
    }
}
