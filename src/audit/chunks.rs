//! The chunks of a transcript: uploads against their signed roots, and the sum once more (section 20.2, chunks).

use alloc::{collections::BTreeSet, vec::Vec};
use core::ops::Range;

use super::{
    file::{Reader, tag},
    report::{Check, Finding, Part, Report},
    rounds::Settled,
};
use crate::{
    crypto::merkle::{self, Tree},
    error::{ClientFault, DecodeError, Error, InputError, RoundError, ServerFault},
    hash::Hash,
    mask::{Accumulator, Layout, Masks, TOGETHER},
    secagg::upload::ChunkTree,
    session::Session,
};

/// Checks whatever chunks there are as far as `check` asks, and that they are enough.
pub(super) fn recompute(
    session: &Session,
    settled: &Settled,
    file: &mut Reader<'_>,
    check: &Check,
    report: &mut Report,
) -> Result<(), Finding> {
    let mut sums = Sums::new(session, settled);
    match file.tag().map_err(Finding::at(Part::Chunks))? {
        tag::ALL_CHUNKS => sums.all(file, check)?,
        tag::OPENED_CHUNKS => sums.opened(file)?,
        _ => {}
    }
    report.chunks_checked = sums.checked.count();
    missing(&sums.layout, &sums.checked, check).map_err(Finding::at(Part::Chunks))
}

/// A session without a sum has no chunk that could be checked.
pub(super) fn none(session: &Session, check: &Check) -> Result<(), Finding> {
    missing(&Layout::new(session), &Checked::Some(BTreeSet::new()), check).map_err(Finding::at(Part::Chunks))
}

/// Which chunks were recomputed.
enum Checked {
    All(u64),
    Some(BTreeSet<u64>),
}

impl Checked {
    fn count(&self) -> u64 {
        match self {
            Self::All(chunks) => *chunks,
            Self::Some(chunks) => chunks.len() as u64,
        }
    }
}

/// How an upload's chunk is tied to the root that its client signed.
enum Tie<'a> {
    /// By the tree over all its chunks, which is compared at the end.
    Trees(&'a mut [ChunkTree]),
    /// By a path, which comes first.
    Path,
}

struct Sums<'a> {
    settled: &'a Settled,
    layout: Layout,
    masks: Masks,
    checked: Checked,
    /// Memory that is used again: one chunk of some uploads, and one of the sum.
    buffers: [Vec<u8>; TOGETHER],
    words: Vec<u64>,
    wire: Vec<u8>,
}

impl<'a> Sums<'a> {
    fn new(session: &Session, settled: &'a Settled) -> Self {
        let layout = Layout::new(session);
        Self {
            settled,
            layout,
            masks: settled.seeds.to_masks(session.id(), &layout),
            checked: Checked::Some(BTreeSet::new()),
            buffers: [const { Vec::new() }; TOGETHER],
            words: Vec::new(),
            wire: Vec::new(),
        }
    }

    /// All chunks in order. A fault counts only once the roots of everything are known to be the signed ones.
    fn all(&mut self, file: &mut Reader<'_>, check: &Check) -> Result<(), Finding> {
        let mut trees: Vec<_> = self.settled.uploads.iter().map(|_| ChunkTree::new(self.layout)).collect();
        let (mut sum_tree, mut first, mut checked) = (Tree::default(), None, BTreeSet::new());
        let whole = matches!(check, Check::Full | Check::Present);
        for index in 0..self.layout.chunks() {
            let wanted = check.wants(index);
            let mut read = || {
                let leaf = self.chunk(file, index, wanted, &mut Tie::Trees(&mut trees))?;
                let stated: Hash = file.array()?;
                sum_tree.push(stated);
                Ok(leaf.and_then(|leaf| compare(leaf, &stated)))
            };
            let outcome = read().map_err(Finding::at::<Error>(Part::Chunk(index)))?;
            if let Err(fault) = outcome {
                first.get_or_insert(Finding { part: Part::Chunk(index), error: fault });
            }
            if wanted && !whole {
                checked.insert(index);
            }
        }
        self.checked = if whole { Checked::All(self.layout.chunks()) } else { Checked::Some(checked) };
        self.check_roots(&trees, &sum_tree).map_err(Finding::at(Part::Chunks))?;
        file.next();
        first.map_or(Ok(()), Err)
    }

    fn check_roots(&self, trees: &[ChunkTree], sum_tree: &Tree) -> Result<(), Error> {
        for ((client, root), tree) in self.settled.uploads.iter().zip(trees) {
            if tree.root() != *root {
                return Err(RoundError::UploadMismatch(*client).into());
            }
        }
        let root = sum_tree.root(self.layout.vector_len(), self.layout.chunk_len());
        if root == self.settled.sum_root { Ok(()) } else { Err(DecodeError::Mismatch.into()) }
    }

    /// Some chunks, each with its paths; all of them are recomputed.
    fn opened(&mut self, file: &mut Reader<'_>) -> Result<(), Finding> {
        let count = file.u32().map_err(Finding::at(Part::Chunks))?;
        if count == 0 {
            return Err(Finding::at(Part::Chunks)(DecodeError::Count));
        }
        let (mut checked, mut next) = (BTreeSet::new(), 0);
        for _ in 0..count {
            let index = file.u64().map_err(Finding::at(Part::Chunks))?;
            if index < next || index >= self.layout.chunks() {
                return Err(Finding::at(Part::Chunks)(DecodeError::Order));
            }
            self.open(file, index).map_err(Finding::at(Part::Chunk(index)))?;
            checked.insert(index);
            next = index + 1;
        }
        self.checked = Checked::Some(checked);
        file.next();
        Ok(())
    }

    fn open(&mut self, file: &mut Reader<'_>, index: u64) -> Result<(), Error> {
        let leaf = self.chunk(file, index, true, &mut Tie::Path)?;
        let (stated, path) = (file.array()?, self.path(file, index)?);
        if self.root(index, stated, &path) != Some(self.settled.sum_root) {
            return Err(DecodeError::Mismatch.into());
        }
        leaf.and_then(|leaf| compare(leaf, &stated))
    }

    /// Reads one chunk of all uploads, and returns the leaf of their sum, unmasked, if it is wanted. The outer error is the file's; the
    /// inner one some party's, if the upload is what that party signed.
    fn chunk(
        &mut self,
        file: &mut Reader<'_>,
        index: u64,
        wanted: bool,
        tie: &mut Tie<'_>,
    ) -> Result<Result<Option<Hash>, Error>, Error> {
        let range = self.layout.chunk(index);
        let mut sum = if wanted { Some(Accumulator::new(&self.layout, &range)?) } else { None };
        let mut fault = Ok(());
        for first in (0..self.settled.uploads.len()).step_by(TOGETHER) {
            let outcome = self.group(file, index, first, tie, sum.as_mut())?;
            fault = fault.and(outcome);
        }
        if let Err(fault) = fault {
            return Ok(Err(fault));
        }
        match sum {
            Some(sum) => Ok(self.unmask(&sum, index, &range).map(Some)),
            None => Ok(Ok(None)),
        }
    }

    /// The same chunk of some uploads, added to the sum.
    fn group(
        &mut self,
        file: &mut Reader<'_>,
        index: u64,
        first: usize,
        tie: &mut Tie<'_>,
        sum: Option<&mut Accumulator>,
    ) -> Result<Result<(), Error>, Error> {
        let (settled, range) = (self.settled, self.layout.chunk(index));
        let len = usize::try_from(self.layout.wire_len(&range)).map_err(|_| DecodeError::Truncated)?;
        let (mut wires, mut fault): ([&[u8]; TOGETHER], _) = ([&[]; TOGETHER], Ok(()));
        let mut buffers = core::mem::take(&mut self.buffers);
        let group = settled.uploads.iter().enumerate().skip(first).take(TOGETHER);
        let members = group.len();
        for (((place, (client, root)), buffer), wire) in group.zip(&mut buffers).zip(&mut wires) {
            let path = if matches!(tie, Tie::Path) { self.path(file, index)? } else { Vec::new() };
            buffer.resize(len, 0);
            file.fill(buffer)?;
            match tie {
                Tie::Trees(trees) => trees.get_mut(place).into_iter().for_each(|tree| tree.update(buffer)),
                Tie::Path if self.root(index, merkle::leaf(index, buffer), &path) == Some(*root) => {}
                Tie::Path => return Err(RoundError::UploadMismatch(*client).into()),
            }
            let last = buffer.last().filter(|_| range.end == self.layout.vector_len());
            let padding = last.map_or(Ok(()), |last| self.layout.check_padding(*last));
            fault = fault.and(padding.map_err(|e| Error::client(*client, ClientFault::Malformed(e))));
            *wire = buffer;
        }
        if let (Some(sum), Ok(())) = (sum, &fault) {
            sum.add_wires(&range, wires.get(..members).unwrap_or_default()).map_err(|(_, e)| e)?;
        }
        self.buffers = buffers;
        Ok(fault)
    }

    fn unmask(&mut self, sum: &Accumulator, index: u64, range: &Range<u64>) -> Result<Hash, Error> {
        self.words.resize(usize::try_from(range.end - range.start).unwrap_or(usize::MAX), 0);
        let survivors = u32::try_from(self.settled.uploads.len()).unwrap_or(u32::MAX);
        match sum.read(range.start, &self.masks, survivors, &mut self.words) {
            // An honest server announces nothing then.
            Err(Error::Round(RoundError::CorruptBlock(_))) => return Err(ServerFault::WrongSum.into()),
            other => other?,
        }
        self.wire.clear();
        self.layout.ring().pack(&self.words, &mut self.wire);
        Ok(merkle::leaf(index, &self.wire))
    }

    fn path(&self, file: &mut Reader<'_>, index: u64) -> Result<Vec<Hash>, Error> {
        merkle::siblings(index, self.layout.chunks()).iter().map(|_| file.array()).collect()
    }

    fn root(&self, index: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
        let top = merkle::climb(index, self.layout.chunks(), leaf, path)?;
        Some(merkle::root(self.layout.vector_len(), self.layout.chunk_len(), &top))
    }
}

/// Refuses fewer chunks than were asked for.
fn missing(layout: &Layout, checked: &Checked, check: &Check) -> Result<(), InputError> {
    let words = |chunk: u64| layout.chunk(chunk).end - layout.chunk(chunk).start;
    let missing = match (check, checked) {
        // All are recomputed only for somebody who asks for all.
        (Check::Present, _) | (_, Checked::All(_)) => 0,
        (Check::Full, Checked::Some(chunks)) => layout.vector_len() - chunks.iter().copied().map(words).sum::<u64>(),
        (Check::Chunks(chosen), Checked::Some(chunks)) => chosen.difference(chunks).map(|chunk| words(*chunk).max(1)).sum(),
    };
    if missing == 0 { Ok(()) } else { Err(InputError::Incomplete { missing }) }
}

/// A leaf that was recomputed is the one stated; where it was not, there is nothing to compare.
fn compare(recomputed: Option<Hash>, stated: &Hash) -> Result<(), Error> {
    match recomputed {
        Some(leaf) if leaf != *stated => Err(ServerFault::WrongSum.into()),
        _ => Ok(()),
    }
}
