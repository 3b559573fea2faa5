//! Whole sessions in memory, everybody honest: the sum is exact.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use common::{Leaves, World, plain_sum, read_all, run};
use veilsum::ClientId;

#[test]
fn a_session_of_five_with_one_dropout_gives_the_exact_sum() {
    let mut world = World::new(5, 1);
    let session = world.builder(200, 20).build().unwrap();
    let inputs = world.inputs(&session);
    let leaves = Leaves::from([(ClientId(30), 2)]);
    let (mut sum, finished) = run(&mut world, &session, &inputs, &leaves).unwrap();
    assert_eq!(sum.survivors(), [10, 20, 40, 50].map(ClientId));
    let words = read_all(&sum);
    assert_eq!(words, plain_sum(&session, &inputs, sum.survivors()));
    let (outbox, h4) = sum.announce().unwrap();
    for (state, (_, announcement)) in finished.into_iter().zip(outbox.messages()) {
        let mut check = state.check_sum();
        check.update(&words[..77]).unwrap();
        check.update(&words[77..]).unwrap();
        assert_eq!(check.finish(&announcement).unwrap(), h4);
    }
}
