//! Fixed-point numbers and intervals.

use crate::dp::noise::{
    fixed::Fixed,
    interval::{Angle, Interval},
};

/// `value * 2^-192`.
fn tiny(value: u64) -> Fixed {
    Fixed::from_limbs([value, 0, 0, 0])
}

/// Whether `inner` lies in an interval that is narrower than `2^-172`.
fn holds(interval: Interval, inner: Interval) {
    assert!(interval.low <= inner.low && inner.high <= interval.high, "{interval:?} does not hold {inner:?}");
    assert!(interval.high.sub(interval.low) < tiny(1 << 20), "{interval:?}");
}

#[test]
fn roundings_have_their_direction() {
    let third = Fixed::ONE.div_down(3);
    assert_eq!(third.add(third).add(third), Fixed::ONE.sub(Fixed::ULP));
    assert_eq!(Fixed::ONE.div_up(3), third.add(Fixed::ULP));
    assert_eq!(third.mul_up(Fixed::integer(3)), Fixed::ONE.sub(Fixed::ULP), "an exact product is not rounded");
    assert_eq!((tiny(3).mul_down(tiny(5)), tiny(3).mul_up(tiny(5))), (Fixed::ZERO, Fixed::ULP));
    assert_eq!(Fixed::ratio(1, 3), (third, false));
    assert_eq!(Fixed::ratio(21, 7), (Fixed::integer(3), true));
    assert_eq!(Fixed::integer(3).recip_down(), third);
    assert_eq!(Fixed::ONE.recip_down(), Fixed::ONE);
}

#[test]
fn carries_go_through_all_limbs() {
    let below_two = Fixed::integer(2).sub(Fixed::ULP);
    assert_eq!(below_two.add(Fixed::ULP), Fixed::integer(2));
    // (2 - u)^2 = 4 - 4u + u^2
    assert_eq!(below_two.mul_down(below_two), Fixed::integer(4).sub(tiny(4)));
    assert_eq!(below_two.mul_up(below_two), Fixed::integer(4).sub(tiny(3)));
    assert_eq!(Fixed::ZERO.sub(Fixed::ULP), Fixed::ZERO);
    assert_eq!(Fixed::ONE.div_down(2).weight(), 1 << 127);
    assert!(Fixed::ONE > below_two.div_down(2) && Fixed::ONE.weight() == u128::MAX);
}

#[test]
fn a_power_of_e_is_the_product_of_its_parts() {
    let unit = Interval::ratio(1, 1).exp_neg();
    let mut power = Interval::ONE;
    for exponent in 0..130 {
        let whole = Interval::ratio(exponent, 1).exp_neg();
        assert!(whole.low <= power.high && power.low <= whole.high, "{exponent}");
        holds(whole, Interval { low: whole.low.max(power.low), high: whole.high.min(power.high) });
        power = power.mul(unit);
    }
    assert_eq!(Interval::ratio(500, 1).exp_neg().low, Fixed::ZERO);
}

#[test]
fn e_and_the_sine_of_a_sixth_of_a_half_turn_are_known() {
    // 1/e = 0.5E2D58D8B3BCDF1ABADEC7829054F90DDA9805AAB56C7733.. in hexadecimal
    let inverse = Fixed::from_limbs([0xDA98_05AA_B56C_7733, 0xBADE_C782_9054_F90D, 0x5E2D_58D8_B3BC_DF1A, 0]);
    holds(Interval::ratio(1, 1).exp_neg(), Interval { low: inverse, high: inverse.add(Fixed::ULP) });
    let half = Fixed::ONE.div_down(2);
    holds(Angle::new(Interval::PI.over(6)).sin, Interval { low: half, high: half });
}

#[test]
fn angles_add_up_to_a_quarter_turn() {
    let unit = Angle::new(Interval::PI.over(2 * 1000));
    let (mut angle, one) = (Angle::ZERO, Interval { low: Fixed::ONE, high: Fixed::ONE });
    for _ in 0..1000 {
        angle = angle.plus(unit);
        holds(angle.cos.mul(angle.cos).add(angle.sin.mul(angle.sin)), one);
    }
    holds(angle.sin, one);
    holds(angle.cos, Interval::ZERO);
}
