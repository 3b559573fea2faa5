//! Words that the auditor has, against the sum whose root the server signed.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use veilsum::{
    Layout, Session,
    hazmat::{MerkleTree, pack_u64},
};

use crate::cli::Failure;

/// Bytes of a word in a file.
const WORD: usize = size_of::<u64>();

/// A file of words, each a little-endian integer of 8 bytes, as `--demo` and the example `file_drop` write them.
pub(crate) struct Words {
    path: PathBuf,
    file: BufReader<File>,
    layout: Layout,
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
        Ok(Self { path: path.to_owned(), file: BufReader::with_capacity(1 << 20, file), layout })
    }

    /// The root that a server signs for these words (protocol.md, section 12). A client that took part has
    /// `veilsum::secagg::client::SumCheck` for that; an auditor has the parts of which it is made.
    pub(crate) fn root(mut self) -> Result<[u8; 32], Failure> {
        let (layout, mut tree, mut packed) = (self.layout, MerkleTree::new(), Vec::new());
        for index in 0..layout.chunks() {
            let words = self.chunk(index)?;
            let len = layout.ring().packed_len(words.len() as u64);
            packed.clear();
            packed.resize(usize::try_from(len).map_err(|e| Failure::file(&self.path, e))?, 0);
            pack_u64(layout.ring(), &words, &mut packed);
            tree.push(&packed);
        }
        Ok(tree.root(layout.vector_len(), layout.chunk_len()))
    }

    /// The words of the next chunk.
    fn chunk(&mut self, index: u64) -> Result<Vec<u64>, Failure> {
        let (range, ring) = (self.layout.chunk(index), self.layout.ring());
        let mut words = Vec::new();
        for position in range {
            let mut bytes = [0; WORD];
            self.file.read_exact(&mut bytes).map_err(|e| Failure::file(&self.path, e))?;
            let word = u64::from_le_bytes(bytes);
            if word > ring.max() {
                let reason = format!("word {position} is {word}, which is not below 2^{}", ring.bits());
                return Err(Failure::file(&self.path, reason));
            }
            words.push(word);
        }
        Ok(words)
    }
}
