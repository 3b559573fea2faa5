//! Rings, masks, encodings and noise.

use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use veilsum::{
    Bound, ClientId, Identity as _, InputError, Ring, Session,
    dp::{Encoding, EncodingSeed, FixedPoint, NOISE_BLOCK, NoiseLaw, NoiseSeed, Rational, Sampler},
    hazmat::{ClientMasks, Keystreams, ServerSum, pack_u32, pack_u64},
    message::{MaskedInput, Message},
};

use crate::{
    common::{Feed, World, masking::LATTICE, read_all, record, until_inputs},
    rogue::{pack, root},
    tools::{Watched, chi_square, watch},
};

fn random_words(ring: Ring, len: usize) -> Vec<u64> {
    let mut rng = StdRng::seed_from_u64(u64::from(ring.bits()));
    (0..len).map(|_| rng.next_u64() & ring.max()).collect()
}

/// frost-ed448, NCC-E008263: negation in the field was wrong for some values. Lesson: a mask and its negative cancel, in every ring and at
/// the ends of its range.
#[test]
fn a_mask_and_its_negative_cancel_in_every_ring() {
    let session = World::new(3, 1).builder(3, 20).build().unwrap();
    for ring in (2..=64).filter_map(Ring::new) {
        let mut words = random_words(ring, 130);
        (words[0], words[1], words[2]) = (0, ring.max(), 1 << (ring.bits() - 1));
        let mut plain = vec![0; usize::try_from(ring.packed_len(130)).unwrap()];
        pack_u64(ring, &words, &mut plain);
        let (mut streams, mut wire) = (Keystreams::with_capacity(session.id(), 2), Vec::new());
        streams.push([6; 32], false);
        streams.mask(ring, 0, &words, &mut wire);
        assert!(wire != plain, "{ring:?}");
        streams.push([6; 32], true);
        streams.mask(ring, 0, &words, &mut wire);
        assert!(wire == plain, "{ring:?}");
    }
    let world = World::masked(3, 1, LATTICE);
    let len = world.block(20);
    let session = world.builder(len, 20).build().unwrap();
    let (ring, Bound::Exact { max_abs }) = (Ring::new(20).unwrap(), session.bound()) else { panic!("lattice masks") };
    let most = i64::try_from(max_abs).unwrap();
    let values = |values: [i64; 4]| (0..usize::try_from(len).unwrap()).map(|i| ring.wrap(values[i % 4])).collect::<Vec<_>>();
    let (mut plus, mut minus) = (Vec::new(), Vec::new());
    ClientMasks::new(&session, &[([6; 32], false)], [1; 32]).mask(0, &values([most, -most, 0, 5]), &mut plus).unwrap();
    ClientMasks::new(&session, &[([6; 32], true)], [2; 32]).mask(0, &values([most, -most, 0, -7]), &mut minus).unwrap();
    let mut sum = vec![0_u64; usize::try_from(len).unwrap()];
    ServerSum::new(&session, &[&plus, &minus], &[]).unwrap().read(0, &mut sum).unwrap();
    assert!(sum == values([2 * most, -2 * most, 0, -2]));
}

/// libcrux, eprint 2026/192: back ends disagreed about the order of bytes. Lesson: the bytes on the wire are written down, and every width has
/// them, from machine integers of either size.
#[test]
fn packed_words_have_the_bytes_of_the_specification_in_every_width() {
    for ring in (2..=64).filter_map(Ring::new) {
        for len in [1, 63, 64, 65, 3 * 64 + 37] {
            let words = random_words(ring, len);
            let expected = pack(ring.bits(), words.iter().copied());
            let mut wire = vec![0; expected.len()];
            pack_u64(ring, &words, &mut wire);
            assert!(wire == expected, "{len} words in {ring:?}");
            if ring.bits() <= 32 {
                let narrow: Vec<u32> = words.iter().map(|word| u32::try_from(*word).unwrap()).collect();
                wire.fill(0);
                pack_u32(ring, &narrow, &mut wire);
                assert!(wire == expected, "{len} narrow words in {ring:?}");
            }
        }
    }
}

/// libprio#60: a point was drawn from the whole field and not from the set that the paper excludes some points from. Lesson: a set is
/// exactly that of the paper, tested at the members that it does not have.
#[test]
fn the_allowed_words_are_exactly_those_of_the_bound() {
    let mut world = World::new(3, 1);
    let session = world.builder(400, 8).build().unwrap();
    let (ring, Bound::Exact { max_abs }) = (Ring::new(8).unwrap(), session.bound()) else { panic!("an exact bound") };
    assert_eq!(max_abs, 42);
    let mut state = until_inputs(&mut world, &session).clients.remove(&ClientId(10)).unwrap();
    let (mut allowed, mut wire) = (0, Vec::new());
    for word in 0..=1024_u32 {
        let inside = word < 256 && ring.centered(word.into()).unsigned_abs() <= max_abs;
        let position = 400 - state.remaining();
        let result = state.mask(&[word], &mut wire);
        assert_eq!(result, if inside { Ok(()) } else { Err(InputError::WordOutOfRange { position }.into()) }, "{word}");
        allowed += u64::from(inside);
        assert_eq!(400 - state.remaining(), allowed, "a refused word takes no place");
    }
    assert_eq!(allowed, 2 * 42 + 1);
}

/// OpenFL PR#1407: the weighted average was wrong because the masks were computed wrongly. Lesson: a weighted mean through
/// masks is the plain one, to the last bit.
#[test]
fn a_weighted_mean_through_masks_is_the_plain_one() {
    let mut world = World::new(4, 1);
    let code = FixedPoint::new(2.0, 10, 100).unwrap();
    let (ring, bound) = (Ring::new(code.modulus_bits(4)).unwrap(), Bound::Exact { max_abs: code.max_abs() });
    let roster = world.clients.iter().map(|(id, identity)| (*id, identity.public_key()));
    let builder = Session::builder(roster, world.server.public_key(), code.vector_len(50), ring.bits(), bound);
    let session = builder.encoding(code.encode()).build().unwrap();
    let weights = [1, 99, 100, 7];
    let value = |client: usize, place: usize| f64::from(u32::try_from((37 * client + 61 * place) % 4096).unwrap()) / 1024.0 - 2.0;
    let mut inputs = BTreeMap::new();
    for (client, id) in world.ids().into_iter().enumerate() {
        let values: Vec<f64> = (0..50).map(|place| value(client, place)).collect();
        let mut words = vec![0_u64; 51];
        assert_eq!(code.quantize(ring, weights[client], &values, &mut words[..50]), Ok(0));
        words[50] = code.weight_word(ring, weights[client]).unwrap();
        inputs.insert(id, words);
    }
    let sum = read_all(&record(&mut world, &session, &inputs, &Feed::default()).sum);
    let (total, mut mean) = (code.total_weight(ring, sum[50]), [0.0; 50]);
    assert_eq!(total, 207);
    code.mean(ring, &sum[..50], total, &mut mean).unwrap();
    for (place, mean) in mean.into_iter().enumerate() {
        let plain: f64 = (0..4).map(|client| f64::from(weights[client]) * value(client, place)).sum();
        assert_eq!(mean, plain * 1024.0 / (1024.0 * 207.0));
    }
}

/// FATE#4957: a user could not tell whether the masks were random. Lesson: a vector of zeros leaves as noise, a different one for
/// every client, and the sum of the uploads alone is noise too.
#[test]
fn a_vector_of_zeros_leaves_as_noise() {
    let mut world = World::new(3, 1);
    let session = world.builder(1 << 14, 32).build().unwrap();
    let zeros: BTreeMap<_, _> = world.ids().into_iter().map(|id| (id, vec![0; 1 << 14])).collect();
    let record = record(&mut world, &session, &zeros, &Feed::default());
    // 32-bit words lie one after another.
    let words = |wire: &[u8]| wire.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect::<Vec<_>>();
    let uploads: Vec<_> = record.wires.values().map(|wire| words(wire)).collect();
    let add = |sum: Vec<u32>, upload: &Vec<u32>| sum.iter().zip(upload).map(|(a, b)| a.wrapping_add(*b)).collect();
    let masked = uploads.iter().fold(vec![0; 1 << 14], add);
    for vector in uploads.iter().chain([&masked]) {
        let statistic = chi_square(vector.iter().flat_map(|word| word.to_le_bytes()));
        assert!(statistic < 400.0, "{statistic}");
    }
    assert!(chi_square([0; 1000]) > 400.0, "the statistic itself");
    assert!(uploads[0] != uploads[1] && uploads[1] != uploads[2] && uploads[0] != uploads[2]);
    assert!(read_all(&record.sum).iter().all(|word| *word == 0));
}

/// VerifyNet and others, broken by VerSA (IEEE TDSC 2023): tags that verified a sum told the server the models. Lesson: what a client signs
/// about its vector is computed from the masked one, and can not be found by guessing the input.
#[test]
fn a_tag_of_a_guessable_input_can_not_be_guessed() {
    let mut world = World::new(3, 1);
    let session = world.builder(64, 8).build().unwrap();
    let guesses: Vec<_> = (0..256).map(|word| root(&session, &pack(8, [word; 64].into_iter()))).collect();
    let mut tags = Vec::new();
    for id in world.ids() {
        let Watched { wire, header, .. } = watch(&mut world, &session, id, &[1; 64]);
        let tag = Message::<MaskedInput>::decode(&header).unwrap().body.root.0;
        assert_eq!(tag, root(&session, &wire));
        assert!(!guesses.contains(&tag));
        tags.push(tag);
    }
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "equal inputs have different tags");
}

/// libprio-rs#645 and arXiv 2112.05307: the time of a sampler told the noise. Lesson: a draw takes the same words of the generator whatever it
/// gives, so that every place of a vector can be drawn by itself.
#[test]
fn a_draw_takes_the_same_words_whatever_it_gives() {
    let ratio = |numerator, denominator| Rational::new(numerator, denominator).unwrap();
    let laws = [
        NoiseLaw::Skellam { variance: ratio(1000, 3) },
        NoiseLaw::DiscreteGaussian { variance: ratio(100, 7) },
        NoiseLaw::DiscreteLaplace { noise_parameter: ratio(1, 10) },
    ];
    let seed = NoiseSeed::random(&mut StdRng::seed_from_u64(4)).unwrap();
    for law in laws {
        for sampler in [Sampler::new(law).unwrap(), Sampler::constant_time(law).unwrap()] {
            let draw = |block, len, value| {
                let mut values = vec![value; len];
                sampler.add(&seed, block, &mut values);
                values.into_iter().map(|noisy| noisy - value).collect::<Vec<i64>>()
            };
            let whole = draw(0, 2 * NOISE_BLOCK, 0);
            assert!(draw(1, NOISE_BLOCK, 1_000_000) == whole[NOISE_BLOCK..], "{law:?}");
            assert!(draw(0, 10, -1) == whole[..10] && draw(1, 700, 3) == whole[NOISE_BLOCK..][..700], "{law:?}");
            assert!(whole.iter().any(|draw| *draw != whole[0]));
        }
    }
}

/// opendp#346: floating-point noise could be minus zero or no number, and its low bits told the input. Lesson: a release is a whole
/// multiple of one public grid, whatever the input.
#[test]
fn every_release_is_a_multiple_of_one_public_grid() {
    let plan = Encoding::planner(1, 1, 0, 1, 1024.0, 1.0, 40).rotation(None).plan().unwrap();
    let (encoding, sampler) = (plan.encoding(), plan.encoding().sampler().unwrap());
    let seed = |number| EncodingSeed::generate(&mut StdRng::seed_from_u64(number)).unwrap();
    let release = |value: f64, number| {
        let (mut words, mut decoded) = ([0_u64], [0.0]);
        encoding.encoder(&sampler, &[value][..], 1, seed(number)).unwrap().next_words(&mut words).unwrap();
        encoding.decode(0, &words, &mut decoded).unwrap();
        decoded[0]
    };
    for value in [0.0, -0.0, 5e-324, 1e-300, f64::MIN_POSITIVE, 0.1, -1.0, 1024.0, -1e300, f64::MAX] {
        for run in 0..100 {
            let steps = release(value, run) / plan.granularity();
            assert!(steps.is_finite() && steps.fract() == 0.0, "{value}: {steps}");
        }
    }
    assert!((0..100).all(|run| release(0.0, run).to_bits() == release(-0.0, run).to_bits()));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = encoding.encoder(&sampler, &[value][..], 1, seed(1)).unwrap_err();
        assert_eq!(refused, InputError::NotFinite { position: 0 });
    }
}
