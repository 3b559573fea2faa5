use rand::{SeedableRng, rngs::StdRng};
use veilsum::dp::*;
use std::time::Instant;
fn best(mut f: impl FnMut()) -> f64 { (0..40).map(|_| { let t = Instant::now(); f(); t.elapsed().as_secs_f64() }).fold(1e9, f64::min) }
#[test]
fn probe() {
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    let len = 1<<20;
    let values: Vec<f32> = (0..len as u64).map(|i| ((i * 7919 % 2003) as f32 / 1001.0 - 1.0) * 2e-3).collect();
    let mut words = vec![0_u32; len];
    for rot in [None, Some(12), Some(16)] {
      for bits in [32, 20] {
        let seed = || EncodingSeed::generate(&mut StdRng::seed_from_u64(8)).unwrap();
        let p = |r| Encoding::planner(100, 67, 33, len as u64, 1.0, 1.0, bits).rotation(rot).rounding(r).plan().unwrap();
        let (plain, cond) = (p(Rounding::Plain), p(Rounding::Conditional));
        let norm = best(|| { plain.encoding().encoder_without_noise(&values, 1, seed()).unwrap(); });
        let mut a = 0;
        let count = best(|| { a = cond.encoding().encoder_without_noise(&values, 1, seed()).unwrap().attempts(); }) - norm;
        let all = best(|| { cond.encoding().encoder_without_noise(&values, 1, seed()).unwrap().next_words(&mut words).unwrap(); });
        let plainall = best(|| { plain.encoding().encoder_without_noise(&values, 1, seed()).unwrap().next_words(&mut words).unwrap(); });
        let ns = |t: f64| t * 1e9 / len as f64;
        println!("{rot:?} {bits} norm {:.2} count {:.2} (attempts {a}) emit {:.2} all {:.2} ns = {:.0} M/s", ns(norm), ns(count), ns(plainall - norm), ns(all), 1e3 / ns(all));
      }
    }
}
