use super::*;

/// `ln sum_x P(x)^alpha P(x - d)^(1 - alpha)` for an unnormalised log-probability, by summing.
fn by_force(ln_weight: impl Fn(f64) -> f64, d: u64, lambda: f64) -> f64 {
    let points = || (-3000_i32..=3000).map(f64::from);
    let ln_total = ln(points().map(|x| exp(ln_weight(x))).sum::<f64>());
    let term = |x: f64| (lambda + 1.0) * ln_weight(x) - lambda * ln_weight(x - real(d));
    let most = points().map(term).fold(f64::NEG_INFINITY, f64::max);
    ln(points().map(|x| exp(term(x) - most)).sum::<f64>()) + most - ln_total
}

#[test]
fn discrete_laplace_agrees_with_its_sum_over_all_integers() {
    for (a, d) in [(0.05, 1), (0.05, 7), (0.5, 4), (2.0, 3), (1.0, 1)] {
        for lambda in [0.1, 0.5, 1.0, 3.7, 20.0] {
            let (got, expected) = (discrete_laplace(a, d, lambda), by_force(|x| -a * x.abs(), d, lambda));
            assert!(got >= expected - 1e-12 && got <= expected * (1.0 + 1e-9) + 1e-12, "{a} {d} {lambda}: {got} {expected}");
        }
    }
}

#[test]
fn discrete_gaussian_agrees_with_its_sum_over_all_integers() {
    for (sigma, d) in [(0.3, 1), (0.5, 2), (1.0, 3), (1.9, 1), (5.0, 4)] {
        for lambda in [0.1, 0.5, 1.0, 3.7, 20.25] {
            let (got, expected) = (discrete_gaussian(sigma, d, lambda), by_force(|x| -x * x / (2.0 * sigma * sigma), d, lambda));
            assert!(got >= expected - 1e-12 && got <= expected * (1.0 + 1e-9) + 1e-12, "{sigma} {d} {lambda}: {got} {expected}");
        }
    }
}

#[test]
fn at_low_noise_the_discrete_gaussian_is_below_the_published_line() {
    let published = 0.5 * 0.5 * 1.5 / 0.09;
    assert!(discrete_gaussian(0.3, 1, 0.5) < 0.9 * published);
    assert!(discrete_gaussian(0.3, 1, 1.0) <= 1.0 / 0.09 * (1.0 + 1e-12));
}

#[test]
fn laplace_has_no_digit_lost_at_large_scales() {
    // D_alpha tends to alpha / (2 scale^2).
    for scale in [1e3, 1e6, 1e9] {
        let got = laplace(scale, 1.0);
        assert!((got * scale * scale - 1.0).abs() < 2.0 / scale + 1e-12, "{scale}: {got}");
    }
    assert!((laplace(1.0, 1.0) - ln((2.0 * exp(1.0) + exp(-2.0)) / 3.0)).abs() < 1e-14);
    assert!((laplace(0.01, 1.0) - (100.0 + ln(2.0 / 3.0))).abs() < 1e-10);
}

#[test]
fn randomised_response_has_the_divergence_of_its_two_outputs() {
    for epsilon in [1e-6, 0.1, 1.0, 5.0] {
        for lambda in [0.3, 1.0, 7.0_f64] {
            let (p, alpha) = (1.0 / (1.0 + exp(-epsilon)), lambda + 1.0);
            let (high, low) = (ln(p), ln(1.0 - p));
            let expected = ln(exp(alpha * high - lambda * low) + exp(alpha * low - lambda * high));
            let got = pure_dp(epsilon, lambda);
            assert!((got - expected).abs() < 1e-9 * expected + 2e-15, "{epsilon} {lambda}: {got} {expected}");
        }
    }
    assert_eq!(pure_dp(0.0, 2.0), 0.0);
    assert_eq!(pure_dp(f64::INFINITY, 2.0), f64::INFINITY);
    assert!(pure_dp(1e9, 1e6) <= 1e15);
}
