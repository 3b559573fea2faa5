//! A transcript is written and checked in memory for one chunk of some uploads, however long the vectors are.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/recorded.rs"]
mod recorded;

use allocation_counter::measure;
use common::masking::over_both_maskings;
use recorded::{Recorded, Script};
use veilsum::{
    ClientId, Layout, Masking,
    audit::{Check, Sink, Vectors, verify},
    secagg::upload::{Spool, SpoolError},
};

over_both_maskings!(memory_is_for_one_chunk_however_long_the_vector_is);

/// Counts what it is given.
struct Nowhere(u64);

impl Sink for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.0 += bytes.len() as u64;
        Ok(())
    }
}

fn game(masking: Masking, chunks: u64) -> Recorded {
    let chunk = common::World::masked(4, 1, masking).block(20).max(1 << 12);
    let mut script = Script::new(masking, 4, &[(20, 2)]);
    script.len = chunks * chunk - 3;
    let change = move |builder: veilsum::SessionBuilder| builder.min_honest(2).chunk_len(u32::try_from(chunk).unwrap());
    script.change = &change;
    script.play()
}

fn memory_is_for_one_chunk_however_long_the_vector_is(masking: Masking) {
    let peaks = [4, 16].map(|chunks| {
        let game = game(masking, chunks);
        let (bytes, sum) = (game.transcript(), game.sum.as_ref().unwrap());
        let uploads: Vec<(ClientId, &dyn Spool)> = game.uploads.iter().map(|(id, spool)| (*id, spool as &dyn Spool)).collect();
        let words = |position, words: &mut [u64]| sum.read(position, words);
        let mut sink = Nowhere(0);
        let writing = measure(|| game.record.write(&mut sink, Some(&Vectors::all(&uploads, &words))).unwrap()).bytes_max;
        assert_eq!(sink.0, bytes.len() as u64);
        let checking = measure(|| assert!(verify(&game.session, &mut &bytes[..], &Check::Full).unwrap().complete())).bytes_max;
        let layout = Layout::new(&game.session);
        assert_eq!(layout.chunks(), chunks);
        // The words of a chunk, twice, and its bytes for each of three survivors; the rest is the control plane and the masks.
        let most = 24 * u64::from(layout.chunk_len()) + 4 * layout.wire_len(&layout.chunk(0)) + (1 << 18);
        assert!(writing.max(checking) < most, "{writing}, {checking} of {most}");
        [writing, checking]
    });
    let [short, long] = peaks;
    assert!(long[0] < short[0] + 4096 && long[1] < short[1] + 4096, "{short:?}, {long:?}");
}
