//! The smaller decoders: for each a sample that it takes, and what must hold for whatever it takes.

use veilsum::{
    ClientId, Error, PROTOCOL_VERSION, SUITE,
    account::{
        Event, Ledger, NeighboringRelation,
        calibrate::Target,
        ledger::{DifferencingPolicy, Round},
    },
    audit::{Check, Evidence, descriptor, verify},
    dp::{Encoding, FixedPoint},
    message::{
        Advert, Adverts, Agreement, Announcement, Body, Complaint, Consistency, Delivery, MaskedInput, Message, Reveal, Shares,
        Survivors,
    },
    secagg::{
        shard::{PartialSum, ShardDescriptor, ShardRoot, UnmaskPlan},
        upload::Spool,
    },
};

use crate::{GAMES, forge::REVEAL, proofs::PROOFS};

pub struct Decoder {
    pub name: &'static str,
    pub sample: fn() -> Vec<u8>,
    /// Decodes; panics if what it gives is not what these bytes say.
    pub check: fn(&[u8]),
}

pub const DECODERS: [Decoder; 10] = [
    Decoder { name: "shard-descriptor", sample: shard, check: check_shard },
    Decoder { name: "partial-sum", sample: partial_sum, check: check_partial_sum },
    Decoder { name: "unmask-plan", sample: unmask_plan, check: check_unmask_plan },
    Decoder { name: "shard-root", sample: shard_root, check: check_shard_root },
    Decoder { name: "fixed-point", sample: fixed_point, check: check_fixed_point },
    Decoder { name: "private-encoding", sample: encoding, check: check_encoding },
    Decoder { name: "ledger", sample: ledger, check: check_ledger },
    Decoder { name: "message-json", sample: json, check: check_json },
    Decoder { name: "evidence", sample: || PROOFS[1].0.encode(), check: check_evidence },
    Decoder { name: "transcript", sample: || GAMES[0].transcript(), check: check_transcript },
];

/// What these bytes decode to has these bytes.
fn canonical<T>(bytes: &[u8], decoded: Result<T, Error>, encode: impl FnOnce(&T) -> Vec<u8>) -> Option<T> {
    let value = decoded.ok()?;
    assert_eq!(encode(&value), bytes);
    Some(value)
}

/// The only shard of the session: its fields as docs/protocol.md, section 12.1, has them.
fn shard() -> Vec<u8> {
    let session = &GAMES[0].session;
    let survivors = GAMES[0].sum.as_ref().expect("a whole session").survivors();
    let mut out = vec![PROTOCOL_VERSION];
    out.extend(SUITE.to_le_bytes());
    out.extend(session.id().0);
    out.extend([5; 32]);
    [0, session.vector_len()].into_iter().for_each(|end| out.extend(end.to_le_bytes()));
    out.extend((survivors.len() as u32).to_le_bytes());
    survivors.iter().for_each(|id| out.extend(id.0.to_le_bytes()));
    out
}

fn check_shard(bytes: &[u8]) {
    if let Some(shard) = canonical(bytes, ShardDescriptor::decode(bytes), ShardDescriptor::encode) {
        assert!(shard.survivors().is_sorted_by(|a, b| a < b));
    }
}

fn partial() -> PartialSum {
    let game = &GAMES[0];
    let uploads: Vec<(ClientId, &dyn Spool)> = game.uploads.iter().map(|(id, spool)| (*id, &**spool as _)).collect();
    let shard = ShardDescriptor::decode(&shard()).expect("as specified");
    PartialSum::new(&game.session, shard, &uploads).expect("its uploads")
}

fn partial_sum() -> Vec<u8> {
    partial().encode()
}

fn check_partial_sum(bytes: &[u8]) {
    let sum = canonical(bytes, PartialSum::decode(&GAMES[0].session, bytes), PartialSum::encode);
    if let Some(mut sum) = sum {
        assert!(sum.included().all(|id| sum.shard().survivors().contains(&id)));
        let _ = sum.merge(&partial());
    }
}

fn unmask_plan() -> Vec<u8> {
    let shard = shard();
    let head = [(shard.len() as u32).to_le_bytes().to_vec(), shard, 2_u32.to_le_bytes().to_vec()].concat();
    [&head[..], &[0], &[3; 32], &[1], &[4; 32]].concat()
}

fn check_unmask_plan(bytes: &[u8]) {
    if let Some(plan) = canonical(bytes, UnmaskPlan::decode(bytes), |plan| plan.encode().to_vec()) {
        assert!(partial().unmask(&plan).is_err() || plan.shard() == partial().shard());
    }
}

fn shard_root() -> Vec<u8> {
    let plan = UnmaskPlan::decode(&unmask_plan()).expect("as specified");
    let sum = partial().unmask(&plan).expect("the same shard");
    sum.root().expect("pairwise masks").encode()
}

fn check_shard_root(bytes: &[u8]) {
    canonical(bytes, ShardRoot::decode(bytes), ShardRoot::encode);
}

fn fixed_point() -> Vec<u8> {
    FixedPoint::new(4.0, 16, 1000).expect("in range").encode()
}

fn check_fixed_point(bytes: &[u8]) {
    let Some(code) = canonical(bytes, FixedPoint::decode(bytes), FixedPoint::encode) else { return };
    let Some(ring) = veilsum::Ring::new(code.modulus_bits(3)) else { return };
    let mut words = [0_u64; 3];
    let values = [f64::from_bits(1), 1.0e300, -0.75];
    assert!(code.quantize(ring, 1, &values, &mut words).expect("finite") <= values.len());
    assert!(words.iter().all(|word| ring.centered(*word).unsigned_abs() <= code.max_abs()));
    let mut mean = [0.0; 3];
    code.mean(ring, &words, 1, &mut mean).expect("a weight");
    assert!(mean.iter().all(|value| value.is_finite()));
}

fn encoding() -> Vec<u8> {
    Encoding::plan(10, 8, 2, 100, 1.0, 1.0, 32).expect("there is a plan").encoding().describe()
}

/// Beside the bytes: whatever is accepted can be worked with.
fn check_encoding(bytes: &[u8]) {
    let Ok(encoding) = Encoding::from_description(bytes) else { return };
    assert_eq!(encoding.describe(), bytes);
    assert!(encoding.vector_len() >= encoding.length() && encoding.vector_len().is_multiple_of(encoding.block()));
    let words = vec![encoding.ring().max() / 2; encoding.block() as usize];
    let mut values = vec![f64::NAN; words.len()];
    encoding.decode(encoding.vector_len() - encoding.block(), &words, &mut values).expect("the last block");
    assert!(values.iter().all(|value| !value.is_nan()), "{encoding:?}");
    assert!(encoding.decode(encoding.vector_len(), &words, &mut values).is_err());
    let _ = (encoding.release(), encoding.log2_wrap(10), encoding.sampler());
}

fn ledger() -> Vec<u8> {
    let budget = Target::new(2.0, 1e-5).expect("in range");
    let mut ledger = Ledger::new(NeighboringRelation::AddOrRemoveOne, budget, 3, DifferencingPolicy::Refuse).expect("in range");
    for round in 0..2 {
        let event = Event::gaussian(9.0).expect("positive");
        let participants = vec![1, 2, 3, 4, 5, 6];
        ledger.record(Round { session: b"one".to_vec(), round, participants, survivors: None, event }).expect("in budget");
    }
    ledger.confirm(b"one", 0, vec![1, 2, 3, 4, 5, 6]).expect("nobody is isolated");
    serde_json::to_vec(&ledger).expect("no maps")
}

fn check_ledger(bytes: &[u8]) {
    let Ok(ledger) = serde_json::from_slice::<Ledger>(bytes) else { return };
    assert!(ledger.spent().is_ok_and(|spent| spent >= 0.0), "{ledger:?}");
    let text = serde_json::to_vec(&ledger).expect("finite numbers");
    let again: Ledger = serde_json::from_slice(&text).expect("its own export");
    assert_eq!((again.rounds(), again.budget(), again.relation()), (ledger.rounds(), ledger.budget(), ledger.relation()));
}

fn json() -> Vec<u8> {
    let reveal = GAMES[0].messages.iter().find(|message| message[35] == REVEAL).expect("a whole session");
    serde_json::to_vec(&Message::<Reveal>::decode(reveal).expect("recorded")).expect("no maps")
}

/// One message has one canonical form, however it came.
fn check_json(bytes: &[u8]) {
    fn check<B: Body + serde::Serialize + serde::de::DeserializeOwned>(bytes: &[u8]) {
        let Ok(message) = serde_json::from_slice::<Message<B>>(bytes) else { return };
        let encoded = message.encode();
        if let Ok(decoded) = Message::<B>::decode(&encoded) {
            assert_eq!(decoded.encode(), encoded);
        }
        let text = serde_json::to_vec(&message).expect("no maps");
        let again: Message<B> = serde_json::from_slice(&text).expect("its own export");
        assert_eq!(again.encode(), encoded);
    }
    check::<Advert>(bytes);
    check::<Adverts>(bytes);
    check::<Shares>(bytes);
    check::<Delivery>(bytes);
    check::<Complaint>(bytes);
    check::<MaskedInput>(bytes);
    check::<Survivors>(bytes);
    check::<Consistency>(bytes);
    check::<Agreement>(bytes);
    check::<Reveal>(bytes);
    check::<Announcement>(bytes);
}

fn check_evidence(bytes: &[u8]) {
    if let Some(evidence) = canonical(bytes, Evidence::decode(bytes), Evidence::encode) {
        let _ = evidence.verify(&GAMES[0].session);
    }
}

/// As the file stands: nobody has any key here, so that nothing but the genuine transcript, or its beginning, is accepted.
fn check_transcript(bytes: &[u8]) {
    let session = &GAMES[0].session;
    if let Ok(stated) = descriptor(&mut &bytes[..]) {
        assert_eq!(stated.encode(), bytes[21..][..stated.encode().len()]);
    }
    match verify(session, &mut &bytes[..], &Check::Present) {
        Ok(report) => assert!(report.sum_root.is_none_or(|root| root == crate::proofs::sum_root(&GAMES[0]))),
        Err(finding) => assert_eq!(finding.culprit(), None, "{finding}"),
    }
}
