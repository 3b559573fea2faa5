//! The control plane: a whole session, one word long, against the summed cost of its own primitives, in the same run.
//!
//! `cargo bench --bench session -- 10 100 195`. One thread; every party is counted; no cache is shared between parties.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_precision_loss, reason = "a benchmark")]

mod common;

use std::{
    collections::BTreeMap,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use curve25519_dalek::{RistrettoPoint, Scalar, traits::VartimeMultiscalarMul};
use ed25519_dalek::{Signer, SigningKey};
use rand::{Rng, SeedableRng, rngs::StdRng};
use veilsum::{
    Bound, ClientId, Identity, Session, SigningIdentity,
    secagg::{client, server::CollectingAdverts, upload::MemorySpool},
};
use x_wing::{Decapsulate, DecapsulationKey, Decapsulator, EncapsulationKey, KeyExport, TryKeyInit};

fn main() {
    let numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let mut sizes: Vec<u64> = numbers.filter(|n| (3..=4096).contains(n)).collect();
    if sizes.is_empty() {
        sizes = if common::quick() { vec![10] } else { vec![10, 40] };
    }
    for n in sizes {
        report(n);
    }
}

/// CPU time of each step: of all clients together, and of the server.
struct Profile {
    clients: [Duration; 5],
    server: [Duration; 6],
}

impl Profile {
    fn client<T>(&mut self, step: usize, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        self.clients[step] += started.elapsed();
        result
    }

    fn server<T>(&mut self, step: usize, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        self.server[step] += started.elapsed();
        result
    }
}

fn report(n: u64) {
    let (profile, t) = run(n);
    println!("\nn = {n}, threshold {t}, all parties on one thread; seconds");
    let names = ["advertise keys", "share keys", "masked input", "consistency check", "unmasking", "sum"];
    println!("  {:<20} {:>10} {:>10}", "", "clients", "server");
    for (step, name) in names.iter().enumerate() {
        let clients = profile.clients.get(step).map_or(0.0, Duration::as_secs_f64);
        println!("  {name:<20} {clients:>10.3} {:>10.3}", profile.server[step].as_secs_f64());
    }
    let clients: f64 = profile.clients.iter().map(Duration::as_secs_f64).sum();
    let server: f64 = profile.server.iter().map(Duration::as_secs_f64).sum();
    println!("  {:<20} {clients:>10.3} {server:>10.3}   one client {:.4}", "all", clients / n as f64);
    let primitives = primitives(n, t as u64);
    println!("  {:<34} {:>10} {:>12} {:>10}", "its primitives", "count", "us each", "seconds");
    for (name, count, each) in &primitives {
        println!("  {name:<34} {count:>10} {:>12.2} {:>10.3}", 1e6 * each, *count as f64 * each);
    }
    let limit: f64 = primitives.iter().map(|(_, count, each)| *count as f64 * each).sum();
    println!("  session {:.2} s, primitives {limit:.2} s, ratio {:.2}", clients + server, (clients + server) / limit);
}

fn run(n: u64) -> (Profile, u32) {
    let mut rng = StdRng::seed_from_u64(n);
    let identities: BTreeMap<ClientId, Arc<SigningIdentity>> =
        (1..=n).map(|id| (ClientId(id), Arc::new(SigningIdentity::generate(&mut rng).unwrap()))).collect();
    let host = Arc::new(SigningIdentity::generate(&mut rng).unwrap());
    let descriptor = || {
        let roster = identities.iter().map(|(id, identity)| (*id, identity.public_key()));
        Session::builder(roster, host.public_key(), 1, 32, Bound::Exact { max_abs: 100 }).build().unwrap()
    };
    let mut profile = Profile { clients: [Duration::ZERO; 5], server: [Duration::ZERO; 6] };
    let p = &mut profile;
    let mut server = p.server(0, || CollectingAdverts::new(&descriptor(), host.clone()).unwrap());
    let mut states = BTreeMap::new();
    for (id, identity) in &identities {
        let (state, message) = p.client(0, || client::join(&descriptor(), *id, identity.clone(), &mut rng).unwrap());
        p.server(0, || server.receive(&message).unwrap());
        states.insert(*id, state);
    }
    let (mut server, outbox) = p.server(0, || server.close().unwrap());
    let mut dealt = BTreeMap::new();
    for (id, state) in states {
        let message = outbox.message_for(id).unwrap();
        let (state, message) = p.client(1, || state.receive(&message, &mut rng).unwrap());
        p.server(1, || server.receive(&message).unwrap());
        dealt.insert(id, state);
    }
    let (mut server, outbox) = p.server(1, || server.close().unwrap());
    let mut sent = BTreeMap::new();
    for (id, state) in dealt {
        let message = outbox.message_for(id).unwrap();
        let (mut wire, mut upload) = (Vec::new(), server.upload(id, MemorySpool::default()).unwrap());
        let (state, header) = p.client(2, || {
            let mut state = state.receive(&message, &mut rng).unwrap();
            state.mask(&[1_u32], &mut wire).unwrap();
            state.finish().unwrap()
        });
        p.server(2, || {
            upload.write(&wire).unwrap();
            server.accept(&mut upload, &header).unwrap()
        });
        sent.insert(id, state);
    }
    let (mut server, outbox) = p.server(2, || server.close().unwrap());
    let mut agreed = BTreeMap::new();
    for (id, state) in sent {
        let message = outbox.message_for(id).unwrap();
        let (state, message) = p.client(3, || state.receive(&message).unwrap());
        p.server(3, || server.receive(&message).unwrap());
        agreed.insert(id, state);
    }
    let (mut server, outbox) = p.server(3, || server.close().unwrap());
    for (id, state) in agreed {
        let message = outbox.message_for(id).unwrap();
        let (_, message) = p.client(4, || state.receive(&message).unwrap());
        p.server(4, || server.receive(&message).unwrap());
    }
    let mut sum = p.server(5, || server.close().unwrap());
    let mut word = [0_u32];
    p.server(5, || sum.read(0, &mut word).unwrap());
    p.server(5, || sum.announce().unwrap());
    assert_eq!(u64::from(word[0]), n);
    (profile, descriptor().threshold())
}

/// Name, how many of it a session with nobody dropping out has to do, seconds for one.
fn primitives(n: u64, t: u64) -> Vec<(&'static str, u64, f64)> {
    let pairs = n * (n - 1);
    let mut rng = StdRng::seed_from_u64(1);
    let points: Vec<RistrettoPoint> = (0..1024).map(|_| RistrettoPoint::random(&mut rng)).collect();
    let encoded: Vec<_> = points.iter().map(RistrettoPoint::compress).collect();
    let short: Vec<Scalar> =
        (0..1024).map(|_| Scalar::from(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()))).collect();
    let long = Scalar::random(&mut rng);
    let secret = DecapsulationKey::from([3; 32]);
    let public = secret.encapsulation_key().clone();
    let public_bytes = public.to_bytes();
    let (ciphertext, _) = public.encapsulate_deterministic(&[9; 64].into());
    let signer = SigningKey::from_bytes(&[1; 32]);
    let signature = signer.sign(b"message");
    vec![
        ("point decompression", 2 * t * pairs + 2 * t * n, time(|| encoded[0].decompress())),
        ("MSM point, 128-bit scalar", 2 * t * pairs, time(|| RistrettoPoint::vartime_multiscalar_mul(&short, &points)) / 1024.0),
        ("base-point multiplication", 4 * t * n + 3 * n, time(|| RistrettoPoint::mul_base(&long))),
        ("KEM key generation", 2 * n, time(|| DecapsulationKey::from([5; 32]))),
        ("KEM public key decoding", 2 * n * n + 2 * n, time(|| EncapsulationKey::new(&public_bytes))),
        ("KEM encapsulation", pairs + pairs / 2, time(|| public.encapsulate_deterministic(&[7; 64].into()))),
        ("KEM decapsulation", pairs + pairs / 2, time(|| secret.decapsulate(&ciphertext))),
        ("signature", 10 * n, time(|| signer.sign(b"message"))),
        ("signature check", 4 * n * n + 4 * n + 5 * n, time(|| signer.verifying_key().verify_strict(b"message", &signature))),
    ]
}

/// Seconds for one call: the median of many short runs.
fn time<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut samples: Vec<f64> = (0..31)
        .map(|_| {
            let (started, mut calls) = (Instant::now(), 0_u32);
            while started.elapsed() < Duration::from_millis(8) {
                black_box(work());
                calls += 1;
            }
            started.elapsed().as_secs_f64() / f64::from(calls)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
