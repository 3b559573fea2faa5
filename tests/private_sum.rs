//! Private vectors through whole sessions: encode, mask, lose clients, unmask, decode. The sum is the plain noisy sum of the survivors,
//! word by word, with either masking.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "tests")]

mod common;
#[path = "common/plain.rs"]
mod plain;

use std::collections::BTreeMap;

use common::{Leaves, Round2, World, agree_and_reveal, masking::over_both_maskings, read_all, run, until_inputs};
use half::{bf16, f16};
use plain::{l2, len, noise, rounded, seed, vector};
use rand::{SeedableRng, rngs::StdRng};
use veilsum::{
    Bound, ClientId, Error, Identity, InputError, Masking, Ring, Session, SessionBuilder,
    account::{Accountant, Event, NeighboringRelation, PureAccountant, distributed::DiscreteLaplaceShares},
    dp::{Encoding, Mechanism, NoiseLaw, NoiseSeed, Plan, Planner, Rational, Rounding, Sampler, Values, Weights},
    secagg::upload::MemorySpool,
};

over_both_maskings! {
    the_sum_of_a_session_is_the_plain_noisy_sum_of_its_survivors,
    a_weighted_mean_comes_back_from_those_who_stay,
    a_vector_is_encoded_masked_and_decoded_piece_by_piece,
    every_mechanism_and_rounding_survives_a_session,
    a_client_reads_the_encoding_from_the_descriptor,
    counts_are_purely_private_without_an_encoding,
}

const CLIENTS: u32 = 7;
const DROPOUTS: u32 = 2;
const COLLUDERS: u32 = 1;

fn planner(length: usize) -> Planner {
    Encoding::planner(CLIENTS, CLIENTS - DROPOUTS, COLLUDERS, length as u64, 1.0, 0.25, 30)
}

/// The plan for sessions that mask so: lattice masks need bounded integers.
fn plan(masking: Masking, planner: Planner) -> Plan {
    if masking == Masking::Pairwise { planner } else { planner.bounded() }.plan().unwrap()
}

/// A session whose descriptor says all that a client has to know.
fn session(world: &World, encoding: &Encoding) -> Session {
    let bits = encoding.ring().bits();
    let bound = match encoding.max_abs() {
        Some(max_abs) => Bound::Exact { max_abs },
        None => Bound::Tail { max_sum: encoding.ring().max() >> 1, log2: 20 },
    };
    let roster = world.clients.iter().map(|(id, identity)| (*id, identity.public_key()));
    let builder = Session::builder(roster, world.server.public_key(), encoding.vector_len(), bits, bound);
    limits(builder).masking(world.masking).encoding(encoding.describe()).build().unwrap()
}

fn limits(builder: SessionBuilder) -> SessionBuilder {
    builder.max_dropouts(DROPOUTS).max_colluders(COLLUDERS)
}

/// What one client has.
struct Party {
    values: Box<dyn Values>,
    exact: Vec<f64>,
    weight: u32,
    seed: u64,
}

/// Each client with another type of numbers.
fn party(number: u64, length: usize, norm: f64, weight: u32) -> Party {
    let values = vector(length, norm, number);
    let values: Box<dyn Values> = match number % 4 {
        0 => Box::new(values),
        1 => Box::new(values.iter().map(|value| f64::from(*value) * 1.000_000_1).collect::<Vec<f64>>()),
        2 => Box::new(values.iter().map(|value| f16::from_f32(*value)).collect::<Vec<f16>>()),
        _ => Box::new(values.iter().map(|value| bf16::from_f32(*value)).collect::<Vec<bf16>>()),
    };
    let mut exact = vec![0.0; length];
    values.read(0, &mut exact).unwrap();
    Party { values, exact, weight, seed: 1000 + number }
}

type Parties = BTreeMap<ClientId, Party>;

fn parties(world: &World, length: usize, norm: f64) -> Parties {
    world.ids().into_iter().zip(0..).map(|(id, number)| (id, party(number, length, norm, 1))).collect()
}

/// The words that each client gives to its session.
fn encoded(encoding: &Encoding, parties: &Parties) -> BTreeMap<ClientId, Vec<u64>> {
    let sampler = encoding.sampler().unwrap();
    let words = |Party { values, weight, seed: number, .. }: &Party| {
        let mut words = vec![0_u64; len(encoding)];
        encoding.encoder(&sampler, &**values, *weight, seed(*number)).unwrap().next_words(&mut words).unwrap();
        words
    };
    parties.iter().map(|(id, party)| (*id, words(party))).collect()
}

/// The sum of these clients' rounded integers and noise, modulo `2^bits`: no words, no masks, no session.
fn plain_noisy_sum(encoding: &Encoding, parties: &Parties, survivors: &[ClientId]) -> Vec<u64> {
    let mut sum = vec![0_i64; len(encoding)];
    for Party { values, weight, seed, .. } in survivors.iter().map(|id| &parties[id]) {
        for part in [rounded(encoding, &**values, *weight, *seed), noise(encoding, *seed)] {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
    }
    sum.into_iter().map(|integer| encoding.ring().wrap(integer)).collect()
}

fn decoded(encoding: &Encoding, words: &[u64]) -> Vec<f64> {
    let mut values = vec![0.0; words.len()];
    encoding.decode(0, words, &mut values).unwrap();
    values
}

/// The sum of what the survivors have.
fn exact_sum(parties: &Parties, survivors: &[ClientId]) -> Vec<f64> {
    let mut sum = vec![0.0; parties[&survivors[0]].exact.len()];
    for Party { exact, weight, .. } in survivors.iter().map(|id| &parties[id]) {
        sum.iter_mut().zip(exact).for_each(|(sum, value)| *sum += f64::from(*weight) * value);
    }
    sum
}

/// Who leaves when: nobody; before the upload; after it, which is no loss for the sum; and both.
fn patterns(ids: &[ClientId]) -> [Leaves; 5] {
    [
        Leaves::new(),
        Leaves::from([(ids[0], 0), (ids[6], 1)]),
        Leaves::from([(ids[1], 2), (ids[4], 2)]),
        Leaves::from([(ids[2], 3), (ids[5], 4)]),
        Leaves::from([(ids[3], 2), (ids[5], 4)]),
    ]
}

/// Plays a session, and checks that its sum and what is decoded from it are the plain ones. Returns the decoded values and the survivors.
fn play(world: &mut World, encoding: &Encoding, parties: &Parties, leaves: &Leaves) -> (Vec<f64>, Vec<ClientId>) {
    let session = session(world, encoding);
    let inputs = encoded(encoding, parties);
    let (sum, _) = run(world, &session, &inputs, leaves).unwrap();
    let survivors = sum.survivors().to_vec();
    let stayed = world.ids().into_iter().filter(|id| leaves.get(id).is_none_or(|round| *round > 2));
    assert!(stayed.eq(survivors.iter().copied()), "who has uploaded counts, whatever happens later");
    let (words, expected) = (read_all(&sum), plain_noisy_sum(encoding, parties, &survivors));
    assert!(words == expected, "{leaves:?}");
    let values = decoded(encoding, &words);
    assert_eq!(values, decoded(encoding, &expected));
    (values, survivors)
}

fn the_sum_of_a_session_is_the_plain_noisy_sum_of_its_survivors(masking: Masking) {
    let mut world = World::masked(CLIENTS.into(), 1, masking);
    let (plan, parties) = (plan(masking, planner(4000)), parties(&world, 4000, 0.9));
    for leaves in patterns(&world.ids()) {
        let (values, survivors) = play(&mut world, plan.encoding(), &parties, &leaves);
        let exact = exact_sum(&parties, &survivors);
        let error: Vec<f64> = values.iter().zip(&exact).map(|(value, exact)| value - exact).collect();
        // The deviation of 4000 errors is known to about one part in ninety.
        let ratio = l2(&error) / 4000.0_f64.sqrt() / plan.error(survivors.len() as u32);
        assert!((0.93..1.07).contains(&ratio), "{ratio} with {} survivors", survivors.len());
        // What the accountant is told: no more honest survivors than are left when colluders are taken out.
        assert!(u64::from(plan.release().honest + COLLUDERS) <= survivors.len() as u64);
    }
}

fn a_weighted_mean_comes_back_from_those_who_stay(masking: Masking) {
    let mut world = World::masked(CLIENTS.into(), 2, masking);
    let planner = Encoding::planner(CLIENTS, CLIENTS - DROPOUTS, COLLUDERS, 500, 1.0, 1e-3, 30);
    let plan = plan(masking, planner.weights(Weights { max: 100, unit: 0.005 }));
    let encoding = plan.encoding();
    let weights = [100, 1, 37, 0, 50, 8, 99];
    let party = |(place, weight): (usize, u32)| party(place as u64, 500, 0.006, weight);
    let parties: Parties = world.ids().into_iter().zip(weights.into_iter().enumerate().map(party)).collect();
    for leaves in patterns(&world.ids()) {
        let (values, survivors) = play(&mut world, encoding, &parties, &leaves);
        let weight = survivors.iter().map(|id| f64::from(parties[id].weight)).sum::<f64>();
        let place = usize::try_from(encoding.weight_position().unwrap()).unwrap();
        let total = encoding.total_weight(values[place]).unwrap();
        let deviation = plan.error(survivors.len() as u32);
        assert!((total - weight).abs() < 5.0 * deviation / 0.005, "{total} for {weight}");
        for (value, exact) in values.iter().zip(exact_sum(&parties, &survivors)) {
            assert!(
                (value / total - exact / weight).abs() < 6.0 * deviation / weight,
                "{value} / {total} for {exact} / {weight}"
            );
        }
    }
}

fn a_vector_is_encoded_masked_and_decoded_piece_by_piece(masking: Masking) {
    let mut world = World::masked(CLIENTS.into(), 3, masking);
    let length = 70_000;
    let (plan, parties) = (plan(masking, planner(length)), parties(&world, length, 3.0));
    let (encoding, session) = (plan.encoding(), session(&world, plan.encoding()));
    let Round2 { mut server, clients, .. } = until_inputs(&mut world, &session);
    let (sampler, mut sent) = (encoding.sampler().unwrap(), BTreeMap::new());
    for ((id, mut state), size) in clients.into_iter().zip([4096, 1, 63, 5000, 65_536, 12_345, 100_000]) {
        let Party { values, seed: number, .. } = &parties[&id];
        let mut encoder = encoding.encoder(&sampler, &**values, 1, seed(*number)).unwrap();
        let mut upload = server.upload(id, MemorySpool::default()).unwrap();
        let (mut piece, mut wire) = (vec![0_u32; size.max(50)], Vec::new());
        while encoder.remaining() > 0 {
            let take = usize::try_from(encoder.remaining()).unwrap().min(piece.len());
            encoder.next_words(&mut piece[..take]).unwrap();
            wire.clear();
            state.mask(&piece[..take], &mut wire).unwrap();
            upload.write(&wire).unwrap();
        }
        let (state, header) = state.finish().unwrap();
        server.accept(&mut upload, &header).unwrap();
        sent.insert(id, state);
    }
    let (sum, _) = agree_and_reveal(server, sent, &mut Vec::new());
    let expected = plain_noisy_sum(encoding, &parties, &world.ids());
    let whole = decoded(encoding, &expected);
    let step = usize::try_from(encoding.block()).unwrap() * 3;
    for (start, part) in (0..).step_by(step).zip(whole.chunks(step)) {
        let (mut words, mut values) = (vec![0_u32; part.len()], vec![0.0; part.len()]);
        sum.read(start, &mut words).unwrap();
        encoding.decode(start, &words, &mut values).unwrap();
        assert_eq!(values, part, "from {start}");
    }
}

fn every_mechanism_and_rounding_survives_a_session(masking: Masking) {
    let mut world = World::masked(CLIENTS.into(), 4, masking);
    for (mechanism, rounding, rotation) in [
        (Mechanism::Skellam, Rounding::Plain, None),
        (Mechanism::Skellam, Rounding::Conditional, Some(6)),
        (Mechanism::DiscreteGaussian, Rounding::Conditional, None),
        (Mechanism::DiscreteGaussian, Rounding::Plain, Some(16)),
        (Mechanism::DiscreteLaplaceShares, Rounding::Conditional, None),
        (Mechanism::DiscreteLaplaceShares, Rounding::Plain, Some(6)),
    ] {
        for length in [1, 333] {
            let plan = plan(masking, planner(length).mechanism(mechanism).rounding(rounding).rotation(rotation));
            let parties = parties(&world, length, 1.5);
            for leaves in patterns(&world.ids()).into_iter().skip(3) {
                play(&mut world, plan.encoding(), &parties, &leaves);
            }
        }
    }
}

fn a_client_reads_the_encoding_from_the_descriptor(masking: Masking) {
    let mut world = World::masked(CLIENTS.into(), 5, masking);
    let plan = plan(masking, planner(100));
    let session = session(&world, plan.encoding());
    let theirs = Encoding::from_description(session.encoding()).unwrap();
    assert_eq!(&theirs, plan.encoding());
    assert_eq!((theirs.release(), theirs.vector_len()), (plan.release(), session.vector_len()));
    assert_eq!(theirs.release().honest, session.threshold() - session.max_colluders());
    // A word outside what the description promises does not pass the mask of bounded integers.
    if let Some(max_abs) = theirs.max_abs() {
        let Round2 { clients, .. } = until_inputs(&mut world, &session);
        let (_, mut state) = clients.into_iter().next().unwrap();
        let too_large = theirs.ring().wrap(-i64::try_from(max_abs).unwrap() - 1) as u32;
        let refused = state.mask(&[0, too_large], &mut Vec::new());
        assert_eq!(refused, Err(Error::Input(InputError::WordOutOfRange { position: 1 })));
    }
}

/// A histogram to which each client adds one count: integers with L1 sensitivity 1, and Laplace shares from the sampler alone.
fn counts_are_purely_private_without_an_encoding(masking: Masking) {
    let (mut world, ring) = (World::masked(CLIENTS.into(), 6, masking), Ring::new(20).unwrap());
    let honest = CLIENTS - DROPOUTS - COLLUDERS;
    let law = NoiseLaw::LaplaceShare { noise_parameter: Rational::new(1, 2).unwrap(), shares: honest };
    let (sampler, bins) = (Sampler::new(law).unwrap(), 1000);
    let session = limits(world.builder(bins as u64, 20)).build().unwrap();
    let integers = |place: usize| {
        let mut integers = vec![0; bins];
        integers[place] = 1;
        sampler.add(&NoiseSeed::random(&mut StdRng::seed_from_u64(place as u64)).unwrap(), 0, &mut integers);
        integers
    };
    let noisy: BTreeMap<ClientId, Vec<i64>> = world.ids().into_iter().zip((0..).map(integers)).collect();
    let wrap = |integers: &Vec<i64>| integers.iter().map(|integer| ring.wrap(*integer)).collect();
    let inputs = noisy.iter().map(|(id, integers)| (*id, wrap(integers))).collect();
    let ids = world.ids();
    let (sum, _) = run(&mut world, &session, &inputs, &Leaves::from([(ids[0], 2), (ids[6], 1)])).unwrap();
    let sums: Vec<i64> = read_all(&sum).into_iter().map(|word| ring.centered(word)).collect();
    assert!((0..bins).all(|bin| sums[bin] == sum.survivors().iter().map(|id| noisy[id][bin]).sum::<i64>()));
    // Five shares of which four make the noise of parameter 1/2: its variance is 2 q / (1 - q)^2 or 7.84; the fourth moment is below 6 variances.
    let variance = sums.iter().map(|count| count.pow(2) as f64).sum::<f64>() / bins as f64 / 1.25;
    assert!((6.0..10.0).contains(&variance), "{variance}");
    let event =
        Event::DiscreteLaplaceShares(DiscreteLaplaceShares::new(0.5, 1, bins as u64, honest.into(), honest.into()).unwrap());
    let mut accountant = PureAccountant::new(NeighboringRelation::ReplaceSpecial);
    accountant.compose(&event, 1).unwrap();
    let epsilon = accountant.epsilon(0.0).unwrap();
    assert!((0.5..0.500_001).contains(&epsilon), "{epsilon}");
}
