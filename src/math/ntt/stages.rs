//! The stages whose butterflies are whole vectors apart: the same for every instruction set.

/// Defines `all_passes` in terms of the `Vector`, `Field` and `Twiddle` of the module that it is in.
///
/// All stages from the one on whose butterflies are `distance` vectors apart, two in a pass over the data. If their number is odd, the
/// first is alone.
macro_rules! passes {
    ($(#[$attribute:meta])*) => {
        #[inline]
        $(#[$attribute])*
        fn all_passes(field: Field, twiddles: &super::Factors<Scalar>, vectors: &mut [[u64; LANES]], mut distance: usize) {
            let stages = (vectors.len() / distance).trailing_zeros();
            if stages % 2 == 1 {
                single_pass(field, twiddles, vectors, distance);
                distance *= 2;
            }
            while distance < vectors.len() {
                double_pass(field, twiddles, vectors, distance);
                distance *= 4;
            }
        }

        /// The twiddles of the stage with so many groups of butterflies.
        #[inline(always)]
        fn stage(twiddles: &super::Factors<Scalar>, groups: usize) -> (&[Scalar], &[Scalar]) {
            let range = groups..2 * groups;
            (twiddles.values.get(range.clone()).unwrap_or_default(), twiddles.quotients.get(range).unwrap_or_default())
        }

        #[inline]
        $(#[$attribute])*
        fn single_pass(field: Field, twiddles: &super::Factors<Scalar>, vectors: &mut [[u64; LANES]], distance: usize) {
            let (values, quotients) = stage(twiddles, vectors.len() / (2 * distance));
            for ((group, value), quotient) in vectors.chunks_exact_mut(2 * distance).zip(values).zip(quotients) {
                let w = splat(*value, *quotient);
                let (first, second) = group.split_at_mut(distance);
                for (a, b) in first.iter_mut().zip(second) {
                    let (u, v) = (load(a), load(b));
                    store(a, settle(field, sum(field, u, v)));
                    store(b, difference(field, u, v, w));
                }
            }
        }

        #[inline]
        $(#[$attribute])*
        fn double_pass(field: Field, twiddles: &super::Factors<Scalar>, vectors: &mut [[u64; LANES]], distance: usize) {
            let groups = vectors.len() / (4 * distance);
            let (values, quotients) = stage(twiddles, 2 * groups);
            let inner = values.as_chunks::<2>().0.iter().zip(quotients.as_chunks::<2>().0);
            let (values, quotients) = stage(twiddles, groups);
            let outer = values.iter().zip(quotients);
            for ((group, ([v1, v2], [q1, q2])), (v3, q3)) in vectors.chunks_exact_mut(4 * distance).zip(inner).zip(outer) {
                let (w1, w2, w3) = (splat(*v1, *q1), splat(*v2, *q2), splat(*v3, *q3));
                let (left, right) = group.split_at_mut(2 * distance);
                let (first, second) = left.split_at_mut(distance);
                let (third, fourth) = right.split_at_mut(distance);
                for (((a, b), c), d) in first.iter_mut().zip(second).zip(third).zip(fourth) {
                    let (p, q, r, s) = (load(a), load(b), load(c), load(d));
                    let (p, q) = (sum(field, p, q), difference(field, p, q, w1));
                    let (r, s) = (sum(field, r, s), difference(field, r, s, w2));
                    store(a, settle(field, sum(field, p, r)));
                    store(b, settle(field, sum(field, q, s)));
                    store(c, difference(field, p, r, w3));
                    store(d, difference(field, q, s, w3));
                }
            }
        }
    };
}

pub(super) use passes;
