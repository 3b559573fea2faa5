//! Uploads and the sum, written chunk by chunk (section 20.1, chunks).

use alloc::{collections::BTreeSet, vec::Vec};
use core::{fmt, ops::Range};

use super::file::{Sink, tag};
use crate::{
    codec::put_count,
    crypto::merkle::{self, Path},
    error::{ClientId, Error, InputError},
    hash::Hash,
    mask::Layout,
    secagg::upload::Spool,
    session::Session,
};

/// The words of the sum at a position: [`crate::secagg::sum::Sum::read`], or [`crate::secagg::shard::ShardSum::read`] of whichever shard
/// has them.
type ReadSum<'a> = &'a dyn Fn(u64, &mut [u64]) -> Result<(), Error>;

/// Where the chunks of a transcript come from.
///
/// Writing them fails with [`InputError::Length`] if a survivor's upload is missing, [`InputError::Range`] for a chunk that the vectors do
/// not have, and with the errors of spools and sum.
pub struct Vectors<'a> {
    uploads: &'a [(ClientId, &'a dyn Spool)],
    sum: ReadSum<'a>,
    /// All, if none are named.
    chosen: Option<&'a BTreeSet<u64>>,
}

impl<'a> Vectors<'a> {
    /// All chunks: the file is then longer than all uploads together, and needs nothing beside it. Spools of others than survivors are
    /// left alone.
    #[must_use]
    pub fn all(uploads: &'a [(ClientId, &'a dyn Spool)], sum: ReadSum<'a>) -> Self {
        Self { uploads, sum, chosen: None }
    }

    /// Only these chunks, at least one, each with its Merkle paths: for a reader who asks for chunks of its own choice. Every upload is
    /// hashed once for that.
    #[must_use]
    pub fn opened(uploads: &'a [(ClientId, &'a dyn Spool)], sum: ReadSum<'a>, chunks: &'a BTreeSet<u64>) -> Self {
        Self { uploads, sum, chosen: Some(chunks) }
    }

    pub(super) fn write(&self, sink: &mut dyn Sink, session: &Session, survivors: &[ClientId]) -> Result<(), Error> {
        let spool = |id| self.uploads.iter().find(|(client, _)| client == id).map(|(_, spool)| *spool);
        let spools: Vec<&dyn Spool> = survivors.iter().filter_map(spool).collect();
        if spools.len() != survivors.len() {
            return Err(InputError::Length { expected: survivors.len() as u64, got: spools.len() as u64 }.into());
        }
        let writer = Writer { layout: Layout::new(session), spools, sum: self.sum };
        match self.chosen {
            None => writer.all(sink),
            Some(chosen) => writer.opened(sink, chosen),
        }
    }
}

impl fmt::Debug for Vectors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vectors").field("uploads", &self.uploads.len()).field("chosen", &self.chosen).finish_non_exhaustive()
    }
}

struct Writer<'a> {
    layout: Layout,
    /// Of the survivors, ascending.
    spools: Vec<&'a dyn Spool>,
    sum: ReadSum<'a>,
}

impl Writer<'_> {
    fn all(&self, sink: &mut dyn Sink) -> Result<(), Error> {
        let mut buffer = Vec::new();
        sink.write(&[tag::ALL_CHUNKS])?;
        for index in 0..self.layout.chunks() {
            for spool in &self.spools {
                self.read(*spool, index, &mut buffer)?;
                sink.write(&buffer)?;
            }
            sink.write(&self.sum_leaf(index, &mut buffer)?)?;
        }
        Ok(())
    }

    fn opened(&self, sink: &mut dyn Sink, chosen: &BTreeSet<u64>) -> Result<(), Error> {
        if let Some(beyond) = chosen.last().filter(|index| **index >= self.layout.chunks()) {
            let Range { start, end } = self.layout.chunk(*beyond);
            return Err(InputError::Range { start, end }.into());
        }
        if chosen.is_empty() {
            return Err(InputError::Range { start: 0, end: 0 }.into());
        }
        let mut buffer = Vec::new();
        let mut paths = Vec::new();
        for spool in &self.spools {
            paths.push(self.paths(chosen, |index| {
                self.read(*spool, index, &mut buffer)?;
                Ok(merkle::leaf(index, &buffer))
            })?);
        }
        paths.push(self.paths(chosen, |index| self.sum_leaf(index, &mut buffer))?);
        let mut out = Vec::from([tag::OPENED_CHUNKS]);
        put_count(&mut out, chosen.len());
        sink.write(&out)?;
        for (place, index) in chosen.iter().enumerate() {
            let path = |owner: usize| paths.get(owner).and_then(|paths| paths.get(place)).into_iter().flat_map(Path::hashes);
            sink.write(&index.to_le_bytes())?;
            for (owner, spool) in self.spools.iter().enumerate() {
                self.read(*spool, *index, &mut buffer)?;
                path(owner).try_for_each(|hash| sink.write(&hash))?;
                sink.write(&buffer)?;
            }
            sink.write(&self.sum_leaf(*index, &mut buffer)?)?;
            path(self.spools.len()).try_for_each(|hash| sink.write(&hash))?;
        }
        Ok(())
    }

    /// The paths of the chosen leaves of one tree.
    fn paths(&self, chosen: &BTreeSet<u64>, mut leaf: impl FnMut(u64) -> Result<Hash, Error>) -> Result<Vec<Path>, Error> {
        let mut paths: Vec<_> = chosen.iter().map(|index| Path::of(*index, self.layout.chunks())).collect();
        for index in 0..self.layout.chunks() {
            let leaf = leaf(index)?;
            paths.iter_mut().for_each(|path| path.push(index, leaf));
        }
        Ok(paths)
    }

    fn read(&self, spool: &dyn Spool, index: u64, out: &mut Vec<u8>) -> Result<(), Error> {
        let range = self.layout.chunk(index);
        out.resize(usize::try_from(self.layout.wire_len(&range)).unwrap_or(usize::MAX), 0);
        Ok(spool.read(self.layout.wire_len(&(0..range.start)), out)?)
    }

    fn sum_leaf(&self, index: u64, buffer: &mut Vec<u8>) -> Result<Hash, Error> {
        let range = self.layout.chunk(index);
        let mut words = Vec::new();
        words.resize(usize::try_from(range.end - range.start).unwrap_or(usize::MAX), 0);
        (self.sum)(range.start, &mut words)?;
        buffer.clear();
        self.layout.ring().pack(&words, buffer);
        Ok(merkle::leaf(index, buffer))
    }
}
