//! Tests.
#[test]
fn smoke() {
    use super::*;
    for v in [1_u64, 100, 10_000, 100_000_000, 1_000_000_000_000] {
        let t = std::time::Instant::now();
        let s = Sampler::new(NoiseLaw::Skellam { variance: Rational::new(v, 1).unwrap() }).unwrap();
        let seed = NoiseSeed::random(&mut rand::rngs::SysRng).unwrap();
        let mut out = std::vec![0; 1 << 20];
        s.add(&seed, 0, &mut out);
        let t2 = std::time::Instant::now();
        s.add(&seed, 0, &mut out);
        let e = t2.elapsed();
        std::println!(
            "{:?} M/s, mean {}",
            (1 << 20) as f64 / e.as_secs_f64() / 1e6,
            out.iter().map(|x| (x * x) as f64).sum::<f64>() / 4.0 / (1 << 20) as f64
        );
        std::println!("{v}: {} parts, {:?}", s.components.len(), t.elapsed());
    }
}
