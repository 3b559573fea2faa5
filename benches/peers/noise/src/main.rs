//! Discrete Gaussian noise: this crate's tables and exact sampler against `opendp`'s sampler, in one run.
//!
//! `peer-noise RUNS` prints one line of JSON for each width: draws a second of processor time, each the best of `RUNS`.

use std::{error::Error, hint::black_box};

use dashu::rational::RBig;
use opendp::traits::samplers::sample_discrete_gaussian;
use rand::{SeedableRng, rngs::StdRng};
use rustix::time::{ClockId, clock_gettime};
use veilsum::dp::{ExactSampler, NoiseLaw, NoiseSeed, Rational, Sampler};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const TABLE_DRAWS: usize = 1 << 20;
const SLOW_DRAWS: usize = 20_000;

fn main() -> Result<()> {
    let runs: usize = std::env::args().nth(1).ok_or("usage: peer-noise RUNS")?.parse()?;
    for sigma in [1_u64, 16, 100, 10_000, 1_000_000] {
        let law = NoiseLaw::DiscreteGaussian { variance: Rational::new(sigma * sigma, 1)? };
        let seed = NoiseSeed::random(&mut StdRng::seed_from_u64(sigma))?;
        let mut values = vec![0; TABLE_DRAWS];
        let mut table = |sampler: &Sampler| best(runs, TABLE_DRAWS, || sampler.add(&seed, 0, black_box(&mut values)));
        let (fast, constant_time) = (table(&Sampler::new(law)?), table(&Sampler::constant_time(law)?));
        let (sampler, mut rng) = (ExactSampler::new(law)?, StdRng::seed_from_u64(sigma));
        let exact = best(runs, SLOW_DRAWS, || {
            (0..SLOW_DRAWS).for_each(|_| {
                black_box(sampler.sample(&mut rng));
            });
        });
        let scale = RBig::from(sigma);
        let mut failed = false;
        let opendp = best(runs, SLOW_DRAWS, || {
            (0..SLOW_DRAWS).for_each(|_| failed |= black_box(sample_discrete_gaussian(scale.clone())).is_err());
        });
        if failed {
            return Err("opendp's sampler failed".into());
        }
        println!(
            r#"{{"sigma": {sigma}, "tables": {fast:.0}, "constant_time": {constant_time:.0}, "exact": {exact:.0}, "opendp": {opendp:.0}, "tables / opendp": {:.0}}}"#,
            fast / opendp
        );
    }
    Ok(())
}

/// Draws a second of this thread's processor time.
fn best(runs: usize, draws: usize, mut draw: impl FnMut()) -> f64 {
    let seconds = (0..runs).map(|_| {
        let start = now();
        draw();
        now() - start
    });
    draws as f64 / seconds.fold(f64::INFINITY, f64::min)
}

fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
