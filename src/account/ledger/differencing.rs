//! Which sums of few parties follow from the recorded sums.
//!
//! A sum over a set of parties is the product of the set's indicator vector with the inputs. If inputs repeat or change little between rounds,
//! everything in the span of the indicator vectors is known (So et al., 2021, arXiv 2106.03328). So: does the span hold a non-zero vector that is
//! supported on fewer than `least` parties?
//!
//! Parties with the same history are not told apart by any combination: they form an *atom*, and the span is a linear code over the atoms. A code
//! word is supported in a set of atoms if and only if the columns of the parity-check matrix of the set are dependent. The search tries all sets of
//! atoms with fewer than `least` parties, column by column.
//!
//! Arithmetic is modulo the prime 2^61 - 1. The result differs from that over the rationals only if the prime divides a minor of the 0/1 matrix,
//! which Hadamard's bound excludes up to 30 atoms or rounds.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use super::Isolation;

const PRIME: u64 = (1 << 61) - 1;
/// Operations on field elements before the search gives up: about a second.
const WORK: u64 = 1 << 27;

/// The smallest number of parties, below `least`, whose sum follows from these sums.
pub(super) fn isolated(sets: &[&[u64]], least: usize) -> Option<Isolation> {
    let (sizes, columns) = atoms(sets);
    let check = parity_check(&columns, sets.len());
    let mut search = Search { sizes: &sizes, check: &check, best: least, work: WORK };
    let complete = search.extend(&mut Vec::new(), 0, 0).is_some();
    match (search.best < least, complete) {
        (true, _) => Some(Isolation::Parties(search.best)),
        (false, true) => None,
        (false, false) => Some(Isolation::Undecided),
    }
}

/// The number of parties of each atom, and in which sets it is.
fn atoms(sets: &[&[u64]]) -> (Vec<usize>, Vec<Vec<u64>>) {
    let mut histories: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (place, set) in sets.iter().enumerate() {
        for &party in *set {
            let history = histories.entry(party).or_insert_with(|| vec![0; sets.len()]);
            if let Some(entry) = history.get_mut(place) {
                *entry = 1;
            }
        }
    }
    let mut atoms: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
    histories.into_values().for_each(|history| *atoms.entry(history).or_default() += 1);
    atoms.into_iter().map(|(history, size)| (size, history)).unzip()
}

/// Columns of a parity-check matrix of the code that the sets span: one for each atom.
fn parity_check(columns: &[Vec<u64>], sets: usize) -> Vec<Vec<u64>> {
    // A maximal independent set of columns is a basis; every other column `f` is `sum_b x_b b`, and gives the row `e_f - sum_b x_b e_b`.
    let mut basis = Basis::new(sets);
    let mut rows: Vec<(usize, Vec<(usize, u64)>)> = Vec::new();
    for (atom, column) in columns.iter().enumerate() {
        if let Some(combination) = basis.insert(atom, column) {
            rows.push((atom, combination));
        }
    }
    let mut check = vec![vec![0; rows.len()]; columns.len()];
    let mut set = |atom: usize, row: usize, value: u64| {
        if let Some(entry) = check.get_mut(atom).and_then(|column| column.get_mut(row)) {
            *entry = value;
        }
    };
    for (row, (atom, combination)) in rows.iter().enumerate() {
        set(*atom, row, 1);
        combination.iter().for_each(|&(other, factor)| set(other, row, negate(factor)));
    }
    check
}

/// Columns in echelon form, each with the combination of inserted columns that it is.
struct Basis {
    /// By pivot.
    reduced: Vec<Option<Reduced>>,
}

/// A reduced column and the combination that it is.
type Reduced = (Vec<u64>, BTreeMap<usize, u64>);

impl Basis {
    fn new(rows: usize) -> Self {
        Self { reduced: vec![None; rows] }
    }

    /// Adds an independent column; for a dependent one, returns the combination of earlier columns that it is.
    fn insert(&mut self, name: usize, column: &[u64]) -> Option<Vec<(usize, u64)>> {
        let (mut rest, mut combination) = (column.to_vec(), BTreeMap::from([(name, 1)]));
        for (pivot, slot) in self.reduced.iter_mut().enumerate() {
            let head = rest.get(pivot).copied().unwrap_or(0);
            if head == 0 {
                continue;
            }
            let Some((known, parts)) = slot else {
                let scale = inverse(head);
                rest.iter_mut().for_each(|x| *x = multiply(*x, scale));
                combination.values_mut().for_each(|x| *x = multiply(*x, scale));
                *slot = Some((rest, combination));
                return None;
            };
            subtract(&mut rest, known, head);
            for (&part, &factor) in parts.iter() {
                let entry = combination.entry(part).or_insert(0);
                *entry = add(*entry, negate(multiply(factor, head)));
            }
        }
        // column - sum = 0
        combination.remove(&name);
        Some(combination.into_iter().map(|(part, factor)| (part, negate(factor))).collect())
    }
}

struct Search<'a> {
    sizes: &'a [usize],
    check: &'a [Vec<u64>],
    /// Fewest parties so far; the search is for fewer.
    best: usize,
    work: u64,
}

impl Search<'_> {
    /// Tries all sets of atoms that extend the chosen ones by atoms from `next` on; `chosen` are their columns, reduced, with pivots. `None` if it had
    /// to give up.
    fn extend(&mut self, chosen: &mut Vec<(usize, Vec<u64>)>, parties: usize, next: usize) -> Option<()> {
        for (atom, (&size, column)) in self.sizes.iter().zip(self.check).enumerate().skip(next) {
            if parties + size >= self.best {
                continue;
            }
            let cost = (chosen.len() as u64 + 1) * (column.len() as u64 + 1);
            self.work = self.work.checked_sub(cost)?;
            let rest = reduce(column, chosen);
            match rest.iter().position(|&x| x != 0) {
                None => self.best = parties + size,
                Some(pivot) => {
                    chosen.push((pivot, rest));
                    self.extend(chosen, parties + size, atom + 1)?;
                    chosen.pop();
                }
            }
        }
        Some(())
    }
}

/// The column modulo the chosen ones.
fn reduce(column: &[u64], chosen: &[(usize, Vec<u64>)]) -> Vec<u64> {
    let mut rest = column.to_vec();
    for (pivot, known) in chosen {
        let (head, lead) = (rest.get(*pivot).copied().unwrap_or(0), known.get(*pivot).copied().unwrap_or(1));
        if head != 0 {
            subtract(&mut rest, known, multiply(head, inverse(lead)));
        }
    }
    rest
}

/// `rest -= factor * known`.
fn subtract(rest: &mut [u64], known: &[u64], factor: u64) {
    rest.iter_mut().zip(known).for_each(|(x, &y)| *x = add(*x, negate(multiply(y, factor))));
}

fn add(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= PRIME { sum - PRIME } else { sum }
}

fn negate(a: u64) -> u64 {
    if a == 0 { 0 } else { PRIME - a }
}

#[allow(clippy::cast_possible_truncation, reason = "below the prime")]
fn multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    // 2^61 = 1
    add((product >> 61) as u64, product as u64 & PRIME) % PRIME
}

/// By Fermat.
fn inverse(a: u64) -> u64 {
    let (mut result, mut power, mut exponent) = (1, a, PRIME - 2);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = multiply(result, power);
        }
        power = multiply(power, power);
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests;
