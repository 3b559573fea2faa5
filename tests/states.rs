//! What callers can rely on about types: states can be moved to another thread, nothing secret is ever printed, and every error has its
//! number.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "states/errors.rs"]
mod errors;
#[path = "common/forge.rs"]
mod forge;
#[path = "states/printing.rs"]
mod printing;
#[path = "common/recorder.rs"]
mod recorder;

use std::{any::type_name, collections::BTreeMap, fmt::Debug};

use common::{World, mask_all, masking::over_both_maskings, read_all};
use dealer::key_pair;
use forge::hash;
use rand::{SeedableRng, rngs::StdRng};
use recorder::{Recorder, Secrets, derive};
use veilsum::{
    ClientFault, DecodeError, EnvironmentError, Error, Identity, InputError, Layout, Masking, ParamsError, RoundError,
    ServerFault, Session, SessionBuilder, SigningIdentity,
    driver::{self, ClientFailure, ClientStep, ServerStep},
    message::{Advert, Message},
    secagg::{
        Counters, Failure, Outbox, Progress, Receipt,
        client::{
            self, AwaitingAdverts, AwaitingAgreement, AwaitingDelivery, AwaitingSurvivors, Finished, MaskingInput, SumCheck,
        },
        complaint::Verdict,
        server::{CollectingAdverts, CollectingConsistency, CollectingInputs, CollectingReveals, CollectingShares},
        sum::Sum,
        upload::{MemorySpool, SpoolError, Upload},
    },
};

over_both_maskings! {
    no_state_prints_a_secret_or_anything_as_long_as_one,
    the_driver_prints_no_more_than_the_states,
}

#[test]
fn everything_can_be_moved_to_another_thread_and_what_is_not_a_state_can_be_shared() {
    fn owned<T: Send + 'static>() {}
    fn shared<T: Send + Sync + 'static>() {}
    owned::<(AwaitingAdverts, AwaitingDelivery, MaskingInput, AwaitingSurvivors, AwaitingAgreement, Finished, SumCheck)>();
    owned::<(CollectingAdverts, CollectingShares, CollectingInputs, CollectingConsistency, CollectingReveals, Sum)>();
    owned::<(Upload, Upload<Box<MemorySpool>>, Failure<AwaitingAdverts>, Failure<CollectingReveals>, Outbox)>();
    owned::<(driver::Client, driver::Server, ClientStep, ServerStep, ClientFailure)>();
    shared::<(Error, ParamsError, DecodeError, ClientFault, ServerFault, RoundError, InputError, EnvironmentError, SpoolError)>();
    shared::<(Session, SessionBuilder, Layout, SigningIdentity, Verdict, Progress, Receipt, Counters, Message<Advert>)>();
    shared::<Box<dyn Identity>>();
    #[cfg(feature = "hazmat")]
    owned::<veilsum::hazmat::Keystreams>();
}

#[test]
fn errors_can_be_boxed_and_travel_with_question_marks() {
    fn fails() -> Result<(), Box<dyn core::error::Error + Send + Sync>> {
        Err(Error::from(RoundError::NotIncluded))?;
        Ok(())
    }
    assert_eq!(fails().unwrap_err().to_string(), "this client is not among the survivors");
}

/// Everything printed about a session, and every secret of its first client.
struct Printed {
    texts: Vec<String>,
    secrets: Secrets,
}

impl Printed {
    /// What a value prints begins with the name of its type.
    fn show<T: Debug>(&mut self, value: &T) {
        let path = type_name::<T>().split('<').next().unwrap();
        let name = path.rsplit("::").next().unwrap();
        for text in [format!("{value:?}"), format!("{value:#?}")] {
            assert!(text.starts_with(name), "{name}: {text}");
            self.texts.push(text);
        }
    }

    fn secret(&mut self, name: &'static str, bytes: &[u8]) {
        self.secrets.push((name, bytes.to_vec()));
    }
}

/// Plays a session of three and prints every state that there is on the way.
fn print_everything(masking: Masking) -> Printed {
    let mut printed = Printed { texts: Vec::new(), secrets: Vec::new() };
    let p = &mut printed;
    let mut world = World::masked(3, 1, masking);
    let session = world.builder(70, 20).build().unwrap();
    let inputs = world.inputs(&session);
    let mut rng = Recorder { inner: StdRng::seed_from_u64(2), given: Vec::new() };
    let mut server = CollectingAdverts::new(&session, world.server.clone()).unwrap();
    p.show(&server);
    let mut adverts = Vec::new();
    for id in world.ids() {
        let from = rng.given.len();
        let (state, advert) = client::join(&session, id, world.clients[&id].clone(), &mut rng).unwrap();
        p.show(&server.receive(&advert).unwrap());
        if adverts.is_empty() {
            derive(&mut p.secrets, &session, id, &rng.given[from..]);
            assert!(is_advert_of(&advert, p), "the secrets are those of the client");
        }
        adverts.push((id, state));
    }
    let (mut server, outbox) = server.close().unwrap();
    p.show(&server);
    p.show(&outbox);
    let mut dealt = Vec::new();
    for (id, state) in adverts {
        p.show(&state);
        let failure = state.receive(b"no message", &mut rng).unwrap_err();
        p.show(&failure);
        let (state, shares) = failure.state.unwrap().receive(&outbox.message_for(id).unwrap(), &mut rng).unwrap();
        server.receive(&shares).unwrap();
        dealt.push((id, state));
    }
    let (mut server, outbox) = server.close().unwrap();
    p.show(&server);
    p.show(&outbox);
    let mut sent = Vec::new();
    for (id, state) in dealt {
        p.show(&state);
        let mut state = state.receive(&outbox.message_for(id).unwrap(), &mut rng).unwrap();
        let (mut wire, mut upload) = (Vec::new(), server.upload(id, MemorySpool::default()).unwrap());
        state.mask(&inputs[&id][..30], &mut wire).unwrap();
        p.show(&state);
        mask_all(&mut state, &session, &inputs[&id][30..], &mut wire).unwrap();
        upload.write(&wire).unwrap();
        p.show(&state);
        p.show(&upload);
        let (state, header) = state.finish().unwrap();
        server.accept(&mut upload, &header).unwrap();
        sent.push((id, state));
    }
    let (mut server, outbox) = server.close().unwrap();
    p.show(&server);
    p.show(&outbox);
    let mut agreed = Vec::new();
    for (id, state) in sent {
        p.show(&state);
        let (state, consistency) = state.receive(&outbox.message_for(id).unwrap()).unwrap();
        server.receive(&consistency).unwrap();
        agreed.push((id, state));
    }
    let (mut server, outbox) = server.close().unwrap();
    p.show(&server);
    p.show(&outbox);
    let mut finished = Vec::new();
    for (id, state) in agreed {
        p.show(&state);
        let (state, reveal) = state.receive(&outbox.message_for(id).unwrap()).unwrap();
        p.show(&server.receive(&reveal).unwrap());
        finished.push(state);
    }
    p.show(&server);
    let mut sum = server.close().unwrap();
    p.show(&sum);
    p.show(&sum.announce().unwrap().0);
    let words = read_all(&sum);
    p.secret("words of the sum", &words[..4].iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
    for state in finished {
        p.show(&state);
        let mut check = state.check_sum();
        check.update(&words[..50]).unwrap();
        p.show(&check);
    }
    p.show(&Layout::new(&session));
    printed
}

/// Whether an advert has the public keys of the secrets that were derived.
fn is_advert_of(advert: &[u8], printed: &Printed) -> bool {
    let advert = Message::<Advert>::decode(advert).unwrap().body;
    let seed = |wanted| -> [u8; 32] {
        let (_, bytes) = printed.secrets.iter().find(|(name, _)| *name == wanted).unwrap();
        bytes[..].try_into().unwrap()
    };
    let public = |wanted| key_pair(seed(wanted)).1;
    advert.channel_key.0 == public("channel seed") && advert.mask_key.0 == public("mask seed")
}

/// The longest run of hexadecimal digits.
fn longest_hex_run(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max().unwrap_or(0)
}

/// Runs of numbers between commas, as a slice of bytes is printed: the longest.
fn longest_list(text: &str) -> usize {
    let is_number = |part: &str| part.trim().parse::<u64>().is_ok();
    let mut longest = 0;
    for list in text.split(['[', ']']) {
        let run = list.split(',').filter(|part| !part.trim().is_empty());
        longest = longest.max(if run.clone().all(is_number) { run.count() } else { 0 });
    }
    longest
}

/// Whether `text` has any eight bytes in a row of a secret, in hexadecimal or as a list of numbers.
fn tells(text: &str, secret: &[u8]) -> bool {
    let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    secret.windows(8).any(|part| {
        let list: Vec<String> = part.iter().map(u8::to_string).collect();
        dense.contains(&hex::encode(part)) || dense.contains(&list.join(","))
    })
}

fn no_state_prints_a_secret_or_anything_as_long_as_one(masking: Masking) {
    let printed = print_everything(masking);
    assert!(printed.texts.len() > 60 && printed.secrets.len() > 20);
    for text in &printed.texts {
        assert!(longest_hex_run(text) < 16 && longest_list(text) < 16, "{text}");
        for (name, secret) in &printed.secrets {
            assert!(!tells(text, secret), "{name} in {text}");
        }
    }
}

#[test]
fn the_search_for_secrets_finds_them() {
    let secret: Vec<u8> = (100..132).collect();
    for text in [format!("{secret:?}"), format!("{secret:#?}"), hex::encode(&secret), hex::encode_upper(&secret)] {
        assert!(tells(&text, &secret) && (longest_hex_run(&text) >= 16 || longest_list(&text) >= 16), "{text}");
    }
    assert!(!tells("Secret(..)", &secret));
}

#[test]
fn an_identity_prints_its_public_key_only() {
    for seed in 0..8_u8 {
        let secret: [u8; 32] = hash("seed", &[&[seed]]);
        let identity = SigningIdentity::from_seed(&secret);
        let text = format!("{identity:?} {identity:#?}");
        assert!(tells(&text, &identity.public_key().0));
        assert!(!tells(&text, &secret), "{text}");
    }
}

fn the_driver_prints_no_more_than_the_states(masking: Masking) {
    let mut world = World::masked(3, 3, masking);
    let session = world.builder(70, 20).build().unwrap();
    let mut rng = StdRng::seed_from_u64(4);
    let mut server = driver::Server::new(&session, world.server.clone()).unwrap();
    let mut texts = Vec::new();
    let mut clients = BTreeMap::new();
    for id in world.ids() {
        let (client, advert) = driver::Client::join(&session, id, world.clients[&id].clone(), &mut rng).unwrap();
        server.receive(&advert).unwrap();
        clients.insert(id, client);
    }
    for _ in 0..2 {
        let ServerStep::Send(outbox) = server.close().unwrap() else { panic!("two rounds") };
        for (id, client) in &mut clients {
            texts.extend([format!("{client:?}"), format!("{client:#?}")]);
            if let ClientStep::Send(shares) = client.receive(&outbox.message_for(*id).unwrap(), &mut rng).unwrap() {
                server.receive(&shares).unwrap();
            }
        }
        texts.extend([format!("{server:?}"), format!("{server:#?}")]);
    }
    assert!(clients.values().all(driver::Client::awaits_input));
    world.inputs(&session);
    for text in texts {
        assert!(longest_hex_run(&text) < 16 && longest_list(&text) < 16, "{text}");
    }
}

#[cfg(feature = "hazmat")]
#[test]
fn keystreams_do_not_print_their_seeds() {
    let session = World::new(3, 5).builder(70, 20).build().unwrap();
    let mut streams = veilsum::hazmat::Keystreams::with_capacity(session.id(), 1);
    let seed = hash("seed", &[]);
    streams.push(seed, false);
    streams.add_u32(0, &mut [0; 64]);
    let text = format!("{streams:?} {streams:#?}");
    assert!(!tells(&text, &seed), "{text}");
}
