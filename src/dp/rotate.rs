//! The randomised Hadamard transform of a block (docs/privacy.md, section 4.2).

use multiversion::multiversion;

/// Multiplies by `factor` and by a sign for each value: bit `j` of word `k` is set where value `64 k + j` changes its sign.
#[multiversion(targets("x86_64+avx+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx+avx2+bmi1+bmi2+fma"))]
pub(super) fn flip(values: &mut [f64], signs: &[u64], factor: f64) {
    for (values, signs) in values.chunks_mut(64).zip(signs) {
        for (shift, value) in (0..64).zip(values) {
            *value = f64::from_bits((*value * factor).to_bits() ^ (*signs >> shift << 63));
        }
    }
}

/// The Hadamard transform in natural order, not normalised, of each run of `block` values: a power of two, at least 64.
#[multiversion(targets("x86_64+avx+avx2+bmi1+bmi2+fma+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx+avx2+bmi1+bmi2+fma"))]
pub(super) fn hadamard(values: &mut [f64], block: usize) {
    for values in values.chunks_exact_mut(block) {
        values.as_chunks_mut::<64>().0.iter_mut().for_each(tile);
        let mut stride = 64;
        while stride < block {
            if block / stride >= 8 {
                values.chunks_exact_mut(8 * stride).for_each(|run| eight(run, stride));
                stride *= 8;
            } else {
                values.chunks_exact_mut(2 * stride).for_each(|run| two(run, stride));
                stride *= 2;
            }
        }
    }
}

type Row = [f64; 8];

/// Eight values.
#[inline(always)]
fn row([a, b, c, d, e, f, g, h]: Row) -> Row {
    let [a, b, c, d, e, f, g, h] = [a + b, a - b, c + d, c - d, e + f, e - f, g + h, g - h];
    let [a, b, c, d, e, f, g, h] = [a + c, b + d, a - c, b - d, e + g, f + h, e - g, f - h];
    [a + e, b + f, c + g, d + h, a - e, b - f, c - g, d - h]
}

#[inline(always)]
fn add(a: Row, b: Row) -> Row {
    let mut sum = a;
    sum.iter_mut().zip(b).for_each(|(sum, b)| *sum += b);
    sum
}

#[inline(always)]
fn sub(a: Row, b: Row) -> Row {
    let mut difference = a;
    difference.iter_mut().zip(b).for_each(|(difference, b)| *difference -= b);
    difference
}

/// The transform of eight rows, each place for itself.
#[inline(always)]
fn rows([a, b, c, d, e, f, g, h]: [Row; 8]) -> [Row; 8] {
    let [a, b, c, d, e, f, g, h] = [add(a, b), sub(a, b), add(c, d), sub(c, d), add(e, f), sub(e, f), add(g, h), sub(g, h)];
    let [a, b, c, d, e, f, g, h] = [add(a, c), add(b, d), sub(a, c), sub(b, d), add(e, g), add(f, h), sub(e, g), sub(f, h)];
    [add(a, e), add(b, f), add(c, g), add(d, h), sub(a, e), sub(b, f), sub(c, g), sub(d, h)]
}

/// 64 values.
#[inline(always)]
fn tile(values: &mut [f64; 64]) {
    let (tile, _) = values.as_chunks_mut::<8>();
    if let Some(tile) = tile.first_chunk_mut::<8>() {
        *tile = rows(tile.map(row));
    }
}

/// Three steps of the transform at once: of values `stride` apart in a run of `8 * stride`.
#[inline(always)]
fn eight(run: &mut [f64], stride: usize) {
    let mut parts = run.chunks_exact_mut(stride).map(|part| part.as_chunks_mut::<8>().0);
    let mut next = || parts.next().unwrap_or_default();
    let (a, b, c, d, e, f, g, h) = (next(), next(), next(), next(), next(), next(), next(), next());
    let columns = a.iter_mut().zip(b).zip(c).zip(d).zip(e).zip(f).zip(g).zip(h);
    for (((((((a, b), c), d), e), f), g), h) in columns {
        [*a, *b, *c, *d, *e, *f, *g, *h] = rows([*a, *b, *c, *d, *e, *f, *g, *h]);
    }
}

/// One step of the transform: of values `stride` apart in a run of `2 * stride`.
#[inline(always)]
fn two(run: &mut [f64], stride: usize) {
    let (a, b) = run.split_at_mut_checked(stride).unwrap_or_default();
    for (a, b) in a.iter_mut().zip(b) {
        (*a, *b) = (*a + *b, *a - *b);
    }
}

#[cfg(test)]
mod tests;
