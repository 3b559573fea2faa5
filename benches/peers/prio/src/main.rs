//! Prio3SumVec's side of the comparison: two aggregators, one million elements of 8 bits.
//!
//! `peer-prio RUNS` shards one client's measurement, and lets both aggregators decode, verify and add the shares of that one client.
//! The aggregators' time is multiplied by the 90 clients of the comparison, which is exact but for the last step (adding two aggregate
//! shares), counted once. Prints one line of JSON, and checks the sum.

use std::{error::Error, time::Duration};

use prio::{
    codec::{Encode, ParameterizedDecode},
    vdaf::{
        Aggregator, Client, Collector, VerifyTransition,
        prio3::{Prio3InputShare, Prio3PublicShare, Prio3SumVec, optimal_chunk_length},
    },
};
use rand::{Rng, SeedableRng, rngs::StdRng};

const SURVIVORS: f64 = 90.0;
const VALUES: usize = 1_000_000;
/// The size of the shares grows with the bits of a value. 32 bits need 4 times as much of everything, and some 512 MB for one client.
const BITS: usize = 8;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let runs: usize = std::env::args().nth(1).ok_or("usage: peer-prio RUNS")?.parse()?;
    let measurement: Vec<u128> = (0..VALUES as u128).map(|k| k * 131 % (1 << BITS)).collect();
    let (mut clients, mut servers, mut bytes) = (Vec::new(), Vec::new(), 0);
    for run in 0..runs {
        let (client, server, sent) = round(&measurement, run as u64)?;
        clients.push(client);
        servers.push(server);
        bytes = sent;
    }
    println!(r#"{{"peer": "prio", "part": "Prio3SumVec", "client": {clients:?}, "server": {servers:?}, "bytes": {bytes}}}"#);
    Ok(())
}

/// Seconds of the client and of both aggregators for 90 clients, and the bytes that a client sends.
fn round(measurement: &Vec<u128>, seed: u64) -> Result<(f64, f64, usize)> {
    let context = b"comparison";
    let vdaf = Prio3SumVec::new_sum_vec(2, (1 << BITS) - 1, VALUES, optimal_chunk_length(VALUES * BITS))?;
    let (mut rng, mut nonce, mut verify_key) = (StdRng::seed_from_u64(seed), [0; 16], [0; 32]);
    rng.fill_bytes(&mut nonce);
    rng.fill_bytes(&mut verify_key);

    let started = cpu();
    let (public, shares) = vdaf.shard(context, measurement, &nonce)?;
    let public = public.get_encoded()?;
    let shares = shares.iter().map(Encode::get_encoded).collect::<std::result::Result<Vec<_>, _>>()?;
    let client = (cpu() - started).as_secs_f64();
    // Both aggregators get the public share.
    let bytes = shares.iter().map(|share| share.len() + public.len()).sum();

    let started = cpu();
    let (mut states, mut verifiers) = (Vec::new(), Vec::new());
    for (id, share) in shares.iter().enumerate() {
        let public = Prio3PublicShare::get_decoded_with_param(&vdaf, &public)?;
        let share = Prio3InputShare::get_decoded_with_param(&(&vdaf, id), share)?;
        let (state, verifier) = vdaf.verify_init(&verify_key, context, id, &(), &nonce, &public, &share)?;
        states.push(state);
        verifiers.push(verifier);
    }
    let message = vdaf.verifier_shares_to_message(context, &(), verifiers)?;
    let mut aggregates = Vec::new();
    for state in states {
        let VerifyTransition::Finish(share) = vdaf.verify_next(context, state, message.clone())? else {
            return Err("verification takes one round".into());
        };
        aggregates.push(vdaf.aggregate(&(), [share])?);
    }
    let each = (cpu() - started).as_secs_f64();
    let started = cpu();
    let sum = vdaf.unshard(&(), aggregates, 1)?;
    let server = SURVIVORS * each + (cpu() - started).as_secs_f64();
    if sum != *measurement {
        return Err("the sum is wrong".into());
    }
    Ok((client, server, bytes))
}

/// Processor time of this process: on a busy machine a better measure of work than the time on the wall.
fn cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
