//! What several frameworks did that are not named here.

use std::collections::{BTreeMap, BTreeSet};

use veilsum::{
    ClientId, Session,
    message::{Body as _, Bytes, MaskedInput, Message, Reveal},
    secagg::{sum::Sum, upload::MemorySpool},
};

use crate::{
    common::{Feed, World, agree_and_reveal, mask_in_pieces, plain_sum, read_all, record, until_inputs},
    tools::{Watched, chi_square, watch},
};

/// What each client uploads for a vector of one word over and over, in a ring of 64 bits.
fn uploads(clients: u64, len: usize, word: u64) -> Vec<Vec<u64>> {
    let mut world = World::new(clients, 1);
    let session = world.builder(len as u64, 64).build().unwrap();
    let inputs: BTreeMap<_, _> = world.ids().into_iter().map(|id| (id, vec![word; len])).collect();
    let wires = record(&mut world, &session, &inputs, &Feed::default()).wires;
    // 64-bit words lie one after another.
    wires.values().map(|wire| wire.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()).collect()
}

/// Frameworks not named here: one random number was the mask of every value of a model. Lesson: no two words of a vector have one mask, so
/// that differences inside a model do not show.
#[test]
fn no_two_words_of_a_vector_have_one_mask() {
    for upload in uploads(3, 1 << 14, 7) {
        assert_eq!(upload.iter().collect::<BTreeSet<_>>().len(), 1 << 14);
        let steps: BTreeSet<_> = upload.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        assert_eq!(steps.len(), (1 << 14) - 1, "nor do masks go up by a constant");
    }
}

/// Frameworks not named here: all clients had one secret in advance, or masks that two of them could take off. Lesson: no set of uploads,
/// all of them included, adds or subtracts to a vector without masks.
#[test]
fn no_set_of_uploads_is_without_masks() {
    let uploads = uploads(4, 64, 0);
    // Each not at all, added, or subtracted.
    let times = [0, 1, u64::MAX];
    for choice in 1..81 {
        let chosen = [1, 3, 9, 27].map(|place| times[choice / place % 3]);
        for at in 0..64 {
            let total =
                uploads.iter().zip(chosen).fold(0_u64, |sum, (upload, times)| sum.wrapping_add(upload[at].wrapping_mul(times)));
            assert!(total != 0, "{chosen:?}");
        }
    }
}

/// Frameworks not named here: masks were floating-point numbers with a normal law, which hide small values and not large ones. Lesson: a
/// masked word is uniform in its ring, whatever the value.
#[test]
fn a_masked_word_is_uniform_whatever_its_value() {
    for word in [0, 1, 1 << 50, (1 << 50) + 12_345] {
        for upload in uploads(3, 1 << 12, word) {
            let statistic = chi_square(upload.iter().flat_map(|word| word.to_le_bytes()));
            assert!(statistic < 400.0, "{word}: {statistic}");
            let high = upload.iter().filter(|word| **word >= 1 << 63).count();
            assert!(high.abs_diff(1 << 11) < 200, "{word}: {high}");
        }
    }
}

/// A session of four clients, the second of which is gone before its input.
struct Left {
    session: Session,
    inputs: BTreeMap<ClientId, Vec<u64>>,
    survivors: Vec<ClientId>,
    sum: Sum,
    messages: Vec<Vec<u8>>,
}

fn one_leaves() -> Left {
    let mut world = World::new(4, 1);
    let session = world.builder(100, 20).build().unwrap();
    let (inputs, round2) = (world.inputs(&session), until_inputs(&mut world, &session));
    let (mut server, mut messages, mut sent) = (round2.server, Vec::new(), BTreeMap::new());
    for (id, state) in round2.clients.into_iter().filter(|(id, _)| *id != ClientId(20)) {
        let (state, wire, header) = mask_in_pieces(state, &session, &inputs[&id], &Feed::default());
        let mut upload = server.upload(id, MemorySpool::default()).unwrap();
        upload.write(&wire).unwrap();
        server.accept(&mut upload, &header).unwrap();
        sent.insert(id, state);
    }
    let survivors = sent.keys().copied().collect();
    let (sum, _) = agree_and_reveal(server, sent, &mut messages);
    Left { session, inputs, survivors, sum, messages }
}

/// Frameworks not named here: a client that left took its masks with it, and the sum stayed noise. Lesson: the sum is that of the clients
/// that stayed, to the last bit.
#[test]
fn a_client_that_leaves_does_not_spoil_the_sum() {
    let Left { session, inputs, survivors, sum, .. } = one_leaves();
    assert_eq!(sum.survivors(), survivors);
    assert!(read_all(&sum) == plain_sum(&session, &inputs, &survivors));
}

/// A framework not named here: the lists of those who stayed and those who left came one beside the other, and could overlap. Lesson: whoever
/// reveals opens one share of each client, and a form for two of one client does not exist.
#[test]
fn nobody_has_stayed_and_left() {
    let messages = one_leaves().messages;
    let reveals: Vec<_> = messages.iter().filter_map(|message| Message::<Reveal>::decode(message).ok()).collect();
    assert_eq!(reveals.len(), 3);
    for Message { body, .. } in reveals {
        assert_eq!(body.shares.iter().map(|share| share.owner.0).collect::<Vec<_>>(), [10, 20, 30, 40]);
        let mut twice = body.clone();
        twice.shares.insert(1, twice.shares[1].clone());
        twice.shares[1].share = Bytes([0; 32]);
        assert!(Reveal::decode(ClientId(0), &twice.body(), &[]).is_err());
    }
}

/// Frameworks not named here: the weight of a client went to the server in the clear, beside its masked update. Lesson: a weight is one of
/// the words that are masked, and nothing else that is sent depends on it.
#[test]
fn a_weight_leaves_under_the_mask() {
    let sent = |weight| {
        let mut world = World::new(3, 1);
        let session = world.builder(64, 64).build().unwrap();
        let mut words = [3; 64];
        words[63] = weight;
        watch(&mut world, &session, ClientId(10), &words)
    };
    let (light, heavy) = (sent(1), sent(1000));
    assert_eq!((&light.advert, &light.shares), (&heavy.advert, &heavy.shares));
    let word = |Watched { wire, .. }: &Watched, at: usize| u64::from_le_bytes(wire[8 * at..][..8].try_into().unwrap());
    assert!((0..63).all(|at| word(&light, at) == word(&heavy, at)), "the same client, with the same secrets");
    assert_eq!(word(&heavy, 63).wrapping_sub(word(&light, 63)), 999);
    assert!(![1, 1000].contains(&word(&light, 63)));
    let header = |Watched { header, .. }: &Watched| Message::<MaskedInput>::decode(header).unwrap().body;
    let (mut light, heavy) = (header(&light), header(&heavy));
    light.root = heavy.root;
    assert_eq!(light, heavy, "but for the root of what is masked");
}
