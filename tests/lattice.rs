//! Sessions with lattice masks: exact sums for every parameter set, whatever drops out, and what such a session refuses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use common::{Leaves, World, plain_sum, run};
use veilsum::{LatticeSet, Masking, Session};

fn read_all(sum: &veilsum::secagg::sum::Sum, session: &Session) -> Vec<u64> {
    let mut words = vec![0; usize::try_from(session.vector_len()).unwrap()];
    sum.read(0, &mut words).unwrap();
    words
}

#[test]
fn every_set_gives_the_exact_sum_with_drop_outs_in_every_round() {
    for set in LatticeSet::ALL {
        let mut world = World::masked(5, 1, Masking::Lattice(set));
        for len in [1, 1000, 40_000] {
            let session = world.builder(len, 16).max_dropouts(2).max_colluders(0).build().unwrap();
            let inputs = world.inputs(&session);
            let ids = world.ids();
            for leaves in [
                Leaves::new(),
                Leaves::from([(ids[1], 2)]),
                Leaves::from([(ids[0], 1), (ids[4], 2)]),
                Leaves::from([(ids[2], 3)]),
            ] {
                let (sum, _) = run(&mut world, &session, &inputs, &leaves).unwrap();
                assert_eq!(read_all(&sum, &session), plain_sum(&session, &inputs, sum.survivors()), "{set:?} {len} {leaves:?}");
            }
        }
    }
}
