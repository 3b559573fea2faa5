//! The inverse transform of lattice masks beside that of tfhe-ntt, in one run: first that both multiply polynomials alike, then the
//! medians of alternating runs.
//!
//! tfhe-ntt is under the BSD-3-Clause-Clear licence, which grants no patents: it is an oracle and a peer here, and no part of veilsum.

use std::{hint::black_box, time::Instant};

use tfhe_ntt::prime64::Plan;
use veilsum::{
    LatticeSet,
    hazmat::{Instructions, InverseTransform},
};

const SETS: [LatticeSet; 7] =
    [LatticeSet::L96, LatticeSet::L100, LatticeSet::L108, LatticeSet::S48, LatticeSet::L160, LatticeSet::S50, LatticeSet::L188];

/// Pseudo-random numbers below `q`.
fn numbers(len: usize, q: u64, seed: u64) -> Vec<u64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 7) % q
    };
    (0..len).map(|_| next()).collect()
}

/// `a b` modulo `X^N + 1`, by the peer.
fn peer_product(plan: &Plan, a: &[u64], b: &[u64]) -> Vec<u64> {
    let (mut a, mut b) = (a.to_vec(), b.to_vec());
    plan.fwd(&mut a);
    plan.fwd(&mut b);
    plan.mul_assign_normalize(&mut a, &b);
    plan.inv(&mut a);
    a
}

/// Polynomials that we only know by their slots: ours, and their product.
fn check(set: LatticeSet, instructions: Instructions, plan: &Plan) {
    let mut transform = InverseTransform::new(set, instructions);
    let (len, q) = (transform.len(), transform.modulus());
    let mut inverse = |slots: &[u64], key: &[u64]| {
        transform.set_key(key);
        let mut values = slots.to_vec();
        transform.apply(&mut values);
        values.iter().map(|value| value % q).collect::<Vec<u64>>()
    };
    let (x, y, one) = (numbers(len, q, 1), numbers(len, q, 2), vec![1; len]);
    let (a, b) = (inverse(&x, &one), inverse(&y, &one));
    assert!(inverse(&x, &y) == peer_product(plan, &a, &b), "{set:?}, {instructions:?}: another product");
}

/// Nanoseconds a coefficient.
fn time(len: usize, mut run: impl FnMut()) -> f64 {
    let rounds = 50;
    let start = Instant::now();
    (0..rounds).for_each(|_| run());
    start.elapsed().as_secs_f64() * 1e9 / (rounds * len) as f64
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn main() {
    println!("inverse transform, ns a coefficient (ours with a product by a key before it)");
    for set in SETS {
        let q = InverseTransform::new(set, Instructions::Portable).modulus();
        let len = InverseTransform::new(set, Instructions::Portable).len();
        let plan = Plan::try_new(len, q).expect("a prime with roots");
        for instructions in Instructions::available() {
            check(set, instructions, &plan);
            let transform = InverseTransform::new(set, instructions);
            let (mut ours, mut theirs) = (numbers(len, q, 3), numbers(len, q, 3));
            let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
            let key = numbers(len, q, 4);
            for _ in 0..41 {
                // What comes out may go in again.
                a.push(time(len, || transform.apply(black_box(&mut ours))));
                b.push(time(len, || plan.inv(black_box(&mut theirs))));
                c.push(time(len, || {
                    plan.mul_assign_normalize(black_box(&mut theirs), &key);
                    plan.inv(black_box(&mut theirs));
                }));
            }
            let (a, b, c) = (median(a), median(b), median(c));
            println!(
                "{set:?}, {instructions:?}: {a:.2}; tfhe-ntt {b:.2}, with a product {c:.2}: {:.2} times as fast, with the product {:.2}",
                b / a,
                c / a
            );
        }
    }
}
