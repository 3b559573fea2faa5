//! Writes the seed corpora to `fuzz/corpus/TARGET/seed-NAME`: what is genuine, and the honest run of everything that is played.
//!
//! ```sh
//! cargo run --manifest-path fuzz/Cargo.toml --example seeds
//! ```

use std::{collections::BTreeMap, fs, path::Path};

use rand::{Rng, SeedableRng, rngs::StdRng};
use safetensors::{Dtype, serialize, tensor::TensorView};
use veilsum_fuzz::{GAMES, TAPE, decoders::DECODERS, forgeries::PARTIES, proofs::PROOFS};

/// Seeds of one target, by name.
type Seeds = Vec<(String, Vec<u8>)>;

fn main() -> std::io::Result<()> {
    let targets: [(&str, fn() -> Seeds); 10] = [
        ("message", messages),
        ("descriptor", descriptors),
        ("decoders", decoders),
        ("model", models),
        ("client", client),
        ("server", server),
        ("network", network),
        ("complaint", complaint),
        ("evidence", evidence),
        ("transcript", transcript),
    ];
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in targets {
        let (directory, seeds) = (corpus.join(target), seeds());
        fs::create_dir_all(&directory)?;
        for (name, bytes) in &seeds {
            fs::write(directory.join(format!("seed-{name}")), bytes)?;
        }
        println!("{target}: {} seeds, {} bytes", seeds.len(), seeds.iter().map(|(_, bytes)| bytes.len()).sum::<usize>());
    }
    Ok(())
}

/// One message of each type.
fn messages() -> Seeds {
    let by_type: BTreeMap<u8, &Vec<u8>> = GAMES[0].messages.iter().map(|message| (message[35], message)).collect();
    by_type.into_iter().map(|(kind, message)| (format!("{kind:02x}"), message.clone())).collect()
}

/// No changes to the good descriptor, and then the bytes of one.
fn descriptors() -> Seeds {
    let seed = |bytes: Vec<u8>| [&[0][..], &bytes].concat();
    vec![("three".into(), seed(TAPE.session.encode())), ("four".into(), seed(GAMES[0].session.encode()))]
}

fn decoders() -> Seeds {
    let seed = |(choice, decoder): (usize, &veilsum_fuzz::decoders::Decoder)| {
        (decoder.name.to_owned(), [&[choice as u8][..], &(decoder.sample)()].concat())
    };
    DECODERS.iter().enumerate().map(seed).collect()
}

/// Every number format, no numbers, and numbers that are none. In `all` no two bytes of a tensor are equal, so that a number in the
/// wrong place shows.
fn models() -> Seeds {
    let view = |dtype, shape: &[usize], bytes| TensorView::new(dtype, shape.to_vec(), bytes).expect("the right length");
    let numbers: Vec<u8> = (0..32).collect();
    let nan = [0.0, -1.5, 1.0e300, f64::NAN].map(f64::to_le_bytes).concat();
    let all = |bytes| {
        [
            ("half", view(Dtype::F16, &[4, 4], bytes)),
            ("brain", view(Dtype::BF16, &[16], bytes)),
            ("single", view(Dtype::F32, &[2, 2, 2], bytes)),
            ("double", view(Dtype::F64, &[4], bytes)),
            ("empty", view(Dtype::F32, &[0, 7], &[])),
        ]
    };
    let one = [("x", view(Dtype::F32, &[], &numbers[..4]))];
    let integers = [("x", view(Dtype::I64, &[4], &numbers))];
    let comment = Some([("by".to_owned(), "nobody".to_owned())].into());
    let bytes = |file: Result<Vec<u8>, _>| file.expect("valid tensors");
    vec![
        ("all".into(), bytes(serialize(all(&numbers), comment))),
        ("nan".into(), bytes(serialize(all(&nan), None))),
        ("one".into(), bytes(serialize(one, None))),
        ("integers".into(), bytes(serialize(integers, None))),
    ]
}

/// A list of operations as `arbitrary` reads it: each after a byte that says that there is one.
fn list(operations: &[Vec<u8>]) -> Vec<u8> {
    operations.iter().flat_map(|operation| [&[1][..], operation].concat()).collect()
}

/// The first bytes of an operation: which of so many it is.
fn choice(which: u64, of: u64) -> Vec<u8> {
    ((which << 32) / of + 1).to_le_bytes()[..4].to_vec()
}

fn with(choice: Vec<u8>, fields: &[u8]) -> Vec<u8> {
    [&choice[..], fields].concat()
}

/// No changed bytes, in any of three places, nothing cut and nothing at the end, the type and transcript as they are; signed again.
const RESIGNED: [u8; 8] = [0, 0, 0, 0, 0, 0, 0, 1];

fn client() -> Seeds {
    let (honest, replay) = (choice(0, 4), |step| with(choice(1, 4), &[&[0, step][..], &RESIGNED].concat()));
    let whole = list(&vec![honest.clone(); 5]);
    let replays = list(&[honest.clone(), replay(0), honest.clone(), replay(1), honest.clone(), choice(3, 4), honest]);
    vec![("honest".into(), [&[0][..], &whole].concat()), ("replays".into(), [&[1][..], &replays].concat())]
}

fn server() -> Seeds {
    let (honest, close) = (|of| with(choice(0, 4), &[of]), choice(2, 4));
    let round = [honest(0), honest(1), honest(2), close];
    let forged = with(choice(1, 4), &[&[0, 0][..], &RESIGNED, &[0]].concat());
    vec![
        ("honest".into(), list(&vec![round.clone(); 5].concat())),
        ("one-leaves".into(), list(&[vec![round.clone(); 2].concat(), vec![honest(0), honest(1), choice(3, 4)]].concat())),
        ("forged".into(), list(&[round.to_vec(), vec![forged]].concat())),
    ]
}

/// Everything arrives; in the second, client 20's input is lost; in the third, everything arrives twice.
fn network() -> Seeds {
    let up = |from| with(choice(0, 3), &[from, 0, 0]);
    let down = |to| with(choice(1, 3), &[to, 0, 0, 0]);
    let round = |ups: &[u8]| {
        let (ups, downs) = (ups.iter().map(|from| up(*from)), (0..3).map(down));
        ups.chain([choice(2, 3)]).chain(downs).collect::<Vec<_>>()
    };
    let all = [0, 1, 2];
    let twice = [0, 0, 1, 1, 2, 2];
    vec![
        ("honest".into(), list(&[all; 5].map(|ups| round(&ups)).concat())),
        ("lost".into(), list(&[&all[..], &all, &[0, 2], &[0, 2], &[0, 2]].map(round).concat())),
        ("twice".into(), list(&[twice; 5].map(|ups| round(&ups)).concat())),
    ]
}

fn complaint() -> Seeds {
    let seed = |complainer, place| [&[complainer, place][..], &[7; 32], &RESIGNED].concat();
    vec![("first".into(), seed(0, 0)), ("last".into(), seed(2, 1))]
}

/// What the adversary draws, for each kind; and each proof as it is.
fn evidence() -> Seeds {
    let mut rng = StdRng::seed_from_u64(7);
    let mut forged = |kind: u8| {
        let mut drawn = [0; 400];
        rng.fill_bytes(&mut drawn);
        (format!("forged-{kind}"), [&[kind, 1, 0][..], &drawn].concat())
    };
    let mut seeds: Seeds = (0..4).map(&mut forged).collect();
    seeds.extend((0..PROOFS.len() as u8).map(|proof| (format!("proof-{proof}"), vec![5 * proof + 4, 0, 0])));
    seeds
}

/// For each honest party: nothing changed, everything signed again, without the input of one client, another sum, and a split view.
fn transcript() -> Seeds {
    let (replay, announce) = (choice(5, 7), with(choice(6, 7), &[9]));
    let without = |list: u8, place: u8| with(choice(1, 7), &[list, place, 0, 0, 0]);
    let runs = [
        ("genuine", vec![]),
        ("replayed", vec![replay.clone()]),
        ("fewer", vec![without(2, 1), without(3, 1), replay]),
        ("wrong-sum", vec![announce]),
    ];
    let seed = |party: u8, split: u8, name: &str, run: &[Vec<u8>]| {
        (format!("{party}-{name}"), [&[party, 1, split][..], &list(run)].concat())
    };
    let whole = (0..PARTIES.len() as u8).flat_map(|party| runs.each_ref().map(|(name, run)| seed(party, 0, name, run)));
    let split = (1..PARTIES.len() as u8).map(|party| seed(party, 1, "split", &[]));
    whole.chain(split).collect()
}
