//! Seeds, generators and keystreams.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt as _, KeyInit as _},
};
use rand::{SeedableRng as _, rand_core::TryCryptoRng, rngs::StdRng};
use veilsum::{
    EnvironmentError, Error, Identity, Session, SigningIdentity,
    dp::{Encoding, EncodingSeed, NoiseSeed},
    hazmat::Keystreams,
    message::{Advert, Message},
    secagg::{
        Outbox,
        client::{self, AwaitingAdverts, AwaitingDelivery, MaskingInput},
        server::{CollectingAdverts, CollectingShares},
    },
};

use crate::{
    common::{Feed, World, record, until_inputs},
    dealer::kdf,
    forge::{ADVERT, ADVERTS, DELIVERY, SHARES},
    tools::Script,
};

/// Two clients, of whom nobody may drop out.
fn pair() -> (World, Session) {
    let world = World::new(2, 1);
    let session = world.builder(1000, 32).max_colluders(0).max_dropouts(0).min_honest(2).build().unwrap();
    (world, session)
}

fn keystream(session: &Session, seed: [u8; 32]) -> Keystreams {
    let mut stream = Keystreams::with_capacity(session.id(), 1);
    stream.push(seed, false);
    stream
}

/// flwrlabs/flower#7522: mask seeds of 32 bits, which can all be tried. Lesson: a seed has 32 bytes, every bit of which counts, and is
/// never an integer.
#[test]
fn a_seed_has_32_bytes_and_is_no_integer() {
    let _: fn(&mut Keystreams, [u8; 32], bool) = Keystreams::push;
    let session = pair().1;
    let words = |seed| {
        let mut words = [0_u64; 2];
        keystream(&session, seed).add_u64(0, &mut words);
        words
    };
    let flip = |bit: usize| core::array::from_fn(|place| 0x5a ^ u8::from(place == bit / 8) << (bit % 8));
    let distinct: BTreeSet<_> = (0..256).map(|bit| words(flip(bit))).chain([words([0x5a; 32])]).collect();
    assert_eq!(distinct.len(), 257);
}

/// Two clients in round 1: the first has dealt.
struct Dealt {
    world: World,
    server: CollectingShares,
    adverts: Outbox,
    mine: AwaitingDelivery,
    theirs: AwaitingAdverts,
    /// Advert and shares of the first.
    messages: [Vec<u8>; 2],
}

/// The first of two clients up to its dealing, with this generator.
fn until_dealt(rng: &mut impl TryCryptoRng) -> Result<Dealt, Error> {
    let (mut world, session) = pair();
    let [me, other] = [world.ids()[0], world.ids()[1]];
    let mut server = CollectingAdverts::new(&session, world.server.clone())?;
    let (mine, advert) = client::join(&session, me, world.clients[&me].clone(), rng)?;
    let (theirs, their_advert) = world.join(&session, other);
    server.receive(&advert)?;
    server.receive(&their_advert)?;
    let (server, adverts) = server.close()?;
    let (mine, shares) = mine.receive(&adverts.message_for(me).unwrap(), rng)?;
    Ok(Dealt { world, server, adverts, mine, theirs, messages: [advert, shares] })
}

/// The same up to its input.
fn until_masking(rng: &mut impl TryCryptoRng) -> Result<MaskingInput, Error> {
    let Dealt { mut world, mut server, adverts, mine, theirs, messages } = until_dealt(rng)?;
    let [me, other] = [world.ids()[0], world.ids()[1]];
    let (_, their_shares) = theirs.receive(&adverts.message_for(other).unwrap(), &mut world.rng)?;
    server.receive(&messages[1])?;
    server.receive(&their_shares)?;
    let (_, deliveries) = server.close()?;
    Ok(mine.receive(&deliveries.message_for(me).unwrap(), rng)?)
}

/// rand_core RUSTSEC-2021-0023: a wrong length check left most of a seed at zero. Lesson: every byte that the generator gives is in what is
/// made from it.
#[test]
fn every_byte_that_the_generator_gives_is_used() {
    let mut script = Script::flipped(usize::MAX);
    let messages = until_dealt(&mut script).unwrap().messages;
    assert_eq!(script.given, 5 * 64, "both secrets, the channel key, the polynomials, and the coins of one encapsulation");
    for at in 0..script.given {
        assert!(until_dealt(&mut Script::flipped(at)).unwrap().messages != messages, "byte {at}");
    }
}

/// WSTS audit MI-08: how random numbers were drawn. Lesson: a generator that fails ends the step with an error, and no message is made of
/// what it left half filled.
#[test]
fn a_generator_that_fails_ends_the_step_and_nothing_leaves() {
    let mut script = Script::failing(usize::MAX);
    until_masking(&mut script).unwrap();
    assert!(script.calls >= 6, "join, deal, and check");
    for call in 0..script.calls {
        let mut failing = Script::failing(call);
        assert_eq!(until_masking(&mut failing).unwrap_err(), EnvironmentError::Rng.into());
        assert_eq!(failing.calls, call + 1, "nothing is drawn afterwards");
    }
    assert_eq!(NoiseSeed::random(&mut Script::failing(0)).unwrap_err(), EnvironmentError::Rng);
    assert_eq!(EncodingSeed::generate(&mut Script::failing(1)).unwrap_err(), EnvironmentError::Rng);
    assert_eq!(SigningIdentity::generate(&mut Script::failing(0)).unwrap_err(), EnvironmentError::Rng);
}

/// rot256/mpc-pitfalls, randomness: a forked process or a restored machine draws the same again. Lesson: what is drawn is bound to session,
/// client and purpose, so that a generator that repeats itself repeats no secret.
#[test]
fn a_generator_that_repeats_itself_gives_no_key_twice() {
    let world = World::new(3, 1);
    let mut keys = BTreeSet::new();
    for attempt in 0..3 {
        let session = world.builder(3, 20).attempt([attempt; 16]).build().unwrap();
        for id in world.ids() {
            let (_, advert) = client::join(&session, id, world.clients[&id].clone(), &mut Script::new(|_| 0)).unwrap();
            let Advert { channel_key, mask_key } = Message::decode(&advert).unwrap().body;
            keys.extend([channel_key, mask_key]);
        }
    }
    assert_eq!(keys.len(), 2 * 3 * 3);
}

/// MicroSecAgg, arXiv 2410.09676: a set-up that was made once gave masks that could be predicted in later rounds. Lesson: no mask is used in
/// two rounds, even if everything that clients draw is the same.
#[test]
fn masks_of_one_round_are_not_those_of_the_next() {
    let mut world = World::new(3, 1);
    let zeros: BTreeMap<_, _> = world.ids().into_iter().map(|id| (id, vec![0; 1000])).collect();
    let mut wires = Vec::new();
    for round in [1, 2] {
        let session = world.builder(1000, 32).round(round).build().unwrap();
        world.rng = StdRng::seed_from_u64(7);
        wires.extend(record(&mut world, &session, &zeros, &Feed::default()).wires.into_values());
    }
    for (place, wire) in wires.iter().enumerate() {
        for other in &wires[..place] {
            let equal = wire.iter().zip(other).filter(|(a, b)| a == b).count();
            assert!(equal < 60, "{equal} of 4000 bytes are equal");
        }
    }
}

/// chacha20 RUSTSEC-2019-0029: the block counter wrapped after 2^32 blocks, and the keystream began again. Lesson: a counter is tested beyond
/// its boundary, up to the longest vector.
#[test]
fn a_keystream_does_not_begin_again_after_2_to_the_32_blocks() {
    let session = pair().1;
    let mut stream = keystream(&session, [3; 32]);
    let (mut narrow, mut wide) = (BTreeSet::new(), BTreeSet::new());
    let positions = [0, 1 << 20, 1 << 32, 1 << 33, 1 << 34, 1 << 35, 1 << 36, 1 << 39, veilsum::MAX_VECTOR_LEN - 64];
    for position in positions {
        let (mut short, mut long) = ([0_u32; 64], [0_u64; 64]);
        stream.add_u32(position, &mut short);
        stream.add_u64(position, &mut long);
        narrow.extend(short.as_chunks::<4>().0.iter().copied());
        wide.extend(long);
    }
    assert_eq!((narrow.len(), wide.len()), (16 * positions.len(), 64 * positions.len()));
}

/// sha2 RUSTSEC-2021-0100: a back end for AVX2 computed wrong results for some lengths. Lesson: whatever back end runs, every length and
/// alignment gives what single blocks give.
#[test]
fn every_length_and_offset_of_a_keystream_is_that_of_single_blocks() {
    let (session, seed) = (pair().1, [9; 32]);
    // Across the place where the key changes.
    let first = (1_u64 << 20) - 512;
    let word = |position: u64| {
        let key: [u8; 32] = kdf(&session, "prg-block", &seed, &[&(position >> 20).to_le_bytes()]);
        let mut block = u128::from(position % (1 << 20) / 4).to_be_bytes().into();
        Aes256::new(&key.into()).encrypt_block(&mut block);
        let at = usize::try_from(position % 4 * 4).unwrap();
        u32::from_le_bytes(block[at..at + 4].try_into().unwrap())
    };
    let expected: Vec<u32> = (first..first + 1200).map(word).collect();
    let mut stream = keystream(&session, seed);
    for start in (0..20).chain(500..520) {
        for len in (0..70).chain([255, 256, 257, 511, 512, 513, 600]) {
            let mut words = vec![0; len];
            stream.add_u32(first + start as u64, &mut words);
            assert!(words == expected[start..start + len], "{len} words at {start}");
        }
    }
}

/// PySyft#7089: the data scientist chose the seeds that hid the owners' data. Lesson: the server draws nothing: it takes no
/// generator, and gives equal answers to equal messages.
#[test]
fn the_server_draws_nothing_and_chooses_no_seed() {
    let _: fn(&Session, Arc<dyn Identity>) -> Result<CollectingAdverts, Error> = CollectingAdverts::new;
    let mut world = World::new(3, 2);
    let session = world.builder(3, 20).build().unwrap();
    let heard = until_inputs(&mut world, &session).messages;
    let of = |kind: u8| heard.iter().filter(move |message| message[35] == kind);
    let mut server = CollectingAdverts::new(&session, world.server.clone()).unwrap();
    of(ADVERT).for_each(|message| assert!(server.receive(message).unwrap().fresh));
    let (mut server, adverts) = server.close().unwrap();
    of(SHARES).for_each(|message| assert!(server.receive(message).unwrap().fresh));
    let (_, deliveries) = server.close().unwrap();
    assert!(adverts.messages().map(|(_, message)| message).eq(of(ADVERTS).cloned()));
    assert!(deliveries.messages().map(|(_, message)| message).eq(of(DELIVERY).cloned()));
}

/// VDAF draft #129: a public value came from the seed of a secret one, which could then be found by trying. Lesson: no secret depends on a
/// public seed, and the reverse.
#[test]
fn noise_does_not_depend_on_the_public_seed_of_the_rotation() {
    let noise = |public: u8, secret: u64| {
        let plan = Encoding::planner(3, 3, 0, 64, 1.0, 1.0, 24).rotation_seed([public; 32]).plan().unwrap();
        let (encoding, seed) = (plan.encoding(), EncodingSeed::generate(&mut StdRng::seed_from_u64(secret)).unwrap());
        let (sampler, mut integers) = (encoding.sampler().unwrap(), vec![0; usize::try_from(encoding.vector_len()).unwrap()]);
        // A vector of zeros is one after any rotation: what remains is the noise.
        encoding.encoder(&sampler, &[0.0_f32; 64][..], 1, seed).unwrap().next_integers(&mut integers).unwrap();
        integers
    };
    assert_eq!(noise(1, 1), noise(2, 1));
    assert_ne!(noise(1, 1), noise(1, 2));
    assert!(noise(1, 1).iter().any(|draw| *draw != 0));
}
