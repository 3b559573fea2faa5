//! Wrong reveals: every liar is found in one pass, the sum is exact while enough tell the truth, and a session that they end names them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/forge.rs"]
mod forge;

use common::{Feed, World, mask_in_pieces, masking::over_both_maskings, plain_sum, read_all, until_inputs};
use curve25519_dalek::Scalar;
use veilsum::{
    ClientFault, ClientId, Error, Masking, RoundError, Session,
    message::{Bytes, Message, Reveal},
    secagg::{server::CollectingReveals, upload::MemorySpool},
};

over_both_maskings! {
    every_liar_is_found_whichever_share_it_changed_and_the_sum_is_exact,
    lies_that_cancel_in_a_plain_sum_are_found,
    lies_that_cancel_under_weights_known_before_they_are_told_are_found,
    lies_that_cancel_in_the_recovery_itself_change_nothing,
    a_liar_that_is_not_needed_does_not_disturb,
    the_server_knows_its_liars_while_it_waits_for_others,
    when_liars_leave_too_few_and_nobody_is_missing_the_first_one_is_named_and_the_session_over,
    a_reveal_that_comes_after_a_failed_close_can_still_give_the_sum_and_can_still_be_a_lie,
}

/// Eight clients, of whom five must reveal well; the last one dropped out before its input.
struct Scene {
    world: World,
    session: Session,
    server: CollectingReveals,
    reveals: Vec<(ClientId, Vec<u8>)>,
    expected: Vec<u64>,
}

fn scene(masking: Masking) -> Scene {
    let mut world = World::masked(8, 31, masking);
    let session = world.builder(3, 20).max_colluders(0).max_dropouts(3).build().unwrap();
    let inputs = world.inputs(&session);
    let round2 = until_inputs(&mut world, &session);
    let (mut server, mut sent) = (round2.server, Vec::new());
    for (id, state) in round2.clients.into_iter().take(7) {
        let (state, wire, header) = mask_in_pieces(state, &session, &inputs[&id], &Feed::default());
        let mut upload = server.upload(id, MemorySpool::default()).unwrap();
        upload.write(&wire).unwrap();
        server.accept(&mut upload, &header).unwrap();
        sent.push((id, state));
    }
    let (mut server, outbox) = server.close().unwrap();
    let mut agreed = Vec::new();
    for (id, state) in sent {
        let (state, consistency) = state.receive(&outbox.message_for(id).unwrap()).unwrap();
        server.receive(&consistency).unwrap();
        agreed.push((id, state));
    }
    let (server, outbox) = server.close().unwrap();
    let reveal = |(id, state): (ClientId, veilsum::secagg::client::AwaitingAgreement)| {
        (id, state.receive(&outbox.message_for(id).unwrap()).unwrap().1)
    };
    let reveals: Vec<_> = agreed.into_iter().map(reveal).collect();
    let survivors: Vec<_> = reveals.iter().map(|(id, _)| *id).collect();
    let expected = plain_sum(&session, &inputs, &survivors);
    Scene { world, session, server, reveals, expected }
}

impl Scene {
    /// Changes a client's share of the owner at `place` by `by`, and signs the reveal again.
    fn lie(&mut self, client: u64, place: usize, by: Scalar) {
        let (id, message) = self.reveals.iter_mut().find(|(id, _)| id.0 == client).unwrap();
        *message = forge::alter_body::<Reveal>(message, &*self.world.clients[id], |reveal| {
            let share = Scalar::from_canonical_bytes(reveal.shares[place].share.0).unwrap();
            reveal.shares[place].share = Bytes((share + by).to_bytes());
        });
    }

    fn reveal(&mut self, clients: impl Fn(u64) -> bool) {
        for (_, message) in self.reveals.iter().filter(|(id, _)| clients(id.0)) {
            assert!(self.server.receive(message).unwrap().fresh);
        }
    }

    fn check_sum(self, liars: &[u64]) {
        let sum = self.server.close().unwrap();
        assert_eq!(sum.liars(), ids(liars));
        assert_eq!(read_all(&sum), self.expected);
    }
}

fn ids(numbers: &[u64]) -> Vec<ClientId> {
    numbers.iter().copied().map(ClientId).collect()
}

fn every_liar_is_found_whichever_share_it_changed_and_the_sum_is_exact(masking: Masking) {
    for liars in [&[(10, 0)][..], &[(30, 7)], &[(10, 7), (50, 0)], &[(20, 3), (40, 4)], &[(10, 2), (20, 2)]] {
        let mut scene = scene(masking);
        liars.iter().for_each(|(client, place)| scene.lie(*client, *place, Scalar::ONE));
        scene.reveal(|_| true);
        scene.check_sum(&liars.iter().map(|(client, _)| *client).collect::<Vec<_>>());
    }
}

fn lies_that_cancel_in_a_plain_sum_are_found(masking: Masking) {
    let mut scene = scene(masking);
    scene.lie(10, 1, Scalar::ONE);
    scene.lie(10, 2, -Scalar::ONE);
    scene.lie(20, 1, -Scalar::ONE);
    scene.lie(20, 2, Scalar::ONE);
    scene.reveal(|_| true);
    scene.check_sum(&[10, 20]);
}

/// The weight of a share (section 13), if the hash of what was revealed were this one.
fn weight(seed: &[u8; 32], place: u64) -> Scalar {
    let digest = forge::hash("reveal-weight", &[seed, &place.to_le_bytes()]);
    Scalar::from(u128::from_le_bytes(*digest.first_chunk().unwrap()))
}

fn lies_that_cancel_under_weights_known_before_they_are_told_are_found(masking: Masking) {
    let honest = scene(masking);
    let (mut without_shares, mut without_lies) = (Vec::new(), Vec::new());
    let h3 = forge::Raw::parse(&honest.reveals[0].1).prev;
    for parts in [&mut without_shares, &mut without_lies] {
        parts.push(h3.to_vec());
    }
    for (id, message) in &honest.reveals {
        without_shares.push(id.0.to_le_bytes().to_vec());
        without_lies.push(id.0.to_le_bytes().to_vec());
        let reveal = Message::<Reveal>::decode(message).unwrap().body;
        without_lies.extend(reveal.shares.iter().map(|share| [share.share.0, share.blinding.0].concat()));
    }
    let seed = |parts: &[Vec<u8>]| forge::hash("reveals", &parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
    for seed in [[0; 32], seed(&without_shares), seed(&without_lies)] {
        let mut scene = scene(masking);
        scene.lie(10, 1, weight(&seed, 2));
        scene.lie(10, 2, -weight(&seed, 1));
        scene.reveal(|_| true);
        scene.check_sum(&[10]);
    }
}

fn lies_that_cancel_in_the_recovery_itself_change_nothing(masking: Masking) {
    let mut scene = scene(masking);
    // The weights of the second and third of the indices 1 to 5 are -10 and 10.
    scene.lie(20, 1, Scalar::ONE);
    scene.lie(30, 1, Scalar::ONE);
    scene.reveal(|_| true);
    scene.check_sum(&[]);
}

fn a_liar_that_is_not_needed_does_not_disturb(masking: Masking) {
    let mut scene = scene(masking);
    scene.lie(70, 0, Scalar::ONE);
    scene.reveal(|_| true);
    scene.check_sum(&[]);
}

fn the_server_knows_its_liars_while_it_waits_for_others(masking: Masking) {
    let mut scene = scene(masking);
    let session = scene.session.clone();
    for client in [10, 20, 30] {
        scene.lie(client, 0, Scalar::ONE);
    }
    scene.reveal(|client| client <= 60);
    assert!(scene.server.liars().is_empty(), "nobody has looked");
    let failure = scene.server.close().unwrap_err();
    let threshold = session.threshold();
    assert_eq!((threshold, failure.error), (5, RoundError::TooFewClients { remaining: 3, threshold }.into()));
    scene.server = *failure.state.expect("one may still reveal");
    assert_eq!(scene.server.liars(), ids(&[10, 20, 30]));
    let progress = scene.server.progress();
    assert_eq!((progress.received, progress.expected, progress.missing), (3, 4, ids(&[70])));
}

fn when_liars_leave_too_few_and_nobody_is_missing_the_first_one_is_named_and_the_session_over(masking: Masking) {
    let mut scene = scene(masking);
    for client in [20, 30, 60] {
        scene.lie(client, 1, Scalar::from(client));
    }
    scene.reveal(|client| client != 70);
    let failure = scene.server.close().unwrap_err();
    assert_eq!(failure.error.culprit(), None, "one is missing");
    scene.server = *failure.state.unwrap();
    scene.reveal(|client| client == 70);
    let failure = scene.server.close().unwrap_err();
    assert_eq!(failure.error, Error::Client { culprit: ClientId(20), fault: ClientFault::BadReveal });
    assert_eq!(failure.error.code(), 311);
    assert!(failure.state.is_none());
}

fn a_reveal_that_comes_after_a_failed_close_can_still_give_the_sum_and_can_still_be_a_lie(masking: Masking) {
    for last_lies in [false, true] {
        let mut scene = scene(masking);
        scene.lie(10, 4, Scalar::ONE);
        scene.lie(20, 4, Scalar::ONE);
        scene.reveal(|client| client <= 60);
        let failure = scene.server.close().unwrap_err();
        scene.server = *failure.state.unwrap();
        if last_lies {
            scene.lie(70, 2, Scalar::ONE);
        }
        scene.reveal(|client| client == 70);
        if last_lies {
            let failure = scene.server.close().unwrap_err();
            assert_eq!(failure.error, Error::Client { culprit: ClientId(10), fault: ClientFault::BadReveal });
        } else {
            scene.check_sum(&[10, 20]);
        }
    }
}
