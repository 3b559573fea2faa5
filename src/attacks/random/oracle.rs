//! What the adversary's view determines: bookkeeping of who knows which seed, then linear algebra.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec,
    vec::Vec,
};

use crate::{ClientId, SessionId, crypto::vss::Kind, hash::Hash};

/// A Mersenne prime: combinations with it are as good as rational ones.
const LARGE: u64 = (1 << 61) - 1;

/// A client in a session.
pub(super) type Who = (SessionId, ClientId);

/// Who knows the secret behind a public key, or what was encapsulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Adversary,
    Honest(Who),
}

/// How the client whose mask it is came by a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// From its self secret.
    Own,
    /// By an encapsulation to this key.
    To(Hash),
    /// By decapsulating this ciphertext with the secret key of this public key.
    From(Hash, Hash),
}

/// A masked vector that has left an honest client: an unknown input, and masks with these seeds. Signs do not matter to what is
/// determined modulo two, and are kept for the other field.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) of: Who,
    /// Honest inputs that any sum in this session must have at least.
    pub(super) least: usize,
    pub(super) masks: Vec<(Hash, bool, Source)>,
}

/// What the adversary has.
#[derive(Default)]
pub(super) struct Knowledge {
    pub(super) rows: Vec<Row>,
    /// By hash of the key.
    pub(super) keys: BTreeMap<Hash, Owner>,
    /// By hash of the ciphertext; with the hash of the key that it was made for.
    pub(super) ciphertexts: BTreeMap<Hash, (Owner, Hash)>,
    /// Holders whose share of a secret is known. A share is never two holders': the roster numbers them.
    holders: BTreeMap<(SessionId, ClientId, u8), BTreeSet<ClientId>>,
    /// Shares that suffice, by session.
    pub(super) thresholds: BTreeMap<SessionId, usize>,
}

/// Combinations of inputs, more than is allowed: each the masked vectors that go into it, modulo two or a large prime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leak(pub(super) Vec<Vec<ClientId>>);

impl Knowledge {
    pub(super) fn share(&mut self, (session, dealer): Who, kind: Kind, holder: ClientId) {
        self.holders.entry((session, dealer, kind as u8)).or_default().insert(holder);
    }

    pub(super) fn both_shares(&mut self, dealer: Who, holder: ClientId) {
        [Kind::MaskRoot, Kind::SelfSecret].into_iter().for_each(|kind| self.share(dealer, kind, holder));
    }

    /// Whether the adversary can recover a secret of this client: from fewer shares than the threshold nothing can be learned.
    fn recovers(&self, (session, client): Who, kind: Kind) -> bool {
        let shares = self.holders.get(&(session, client, kind as u8)).map_or(0, BTreeSet::len);
        self.thresholds.get(&session).is_some_and(|threshold| shares >= *threshold)
    }

    fn has(&self, owner: Option<Owner>) -> bool {
        match owner {
            Some(Owner::Adversary) => true,
            Some(Owner::Honest(who)) => self.recovers(who, Kind::MaskRoot),
            None => false,
        }
    }

    /// Whether the adversary can compute this seed. Whoever knows a client's mask root knows its decapsulation key and what it
    /// encapsulated. A ciphertext decapsulated with another key than it was made for gives a secret that its maker does not know.
    fn computes(&self, of: Who, source: Source) -> bool {
        match source {
            Source::Own => self.recovers(of, Kind::SelfSecret),
            Source::To(key) => self.recovers(of, Kind::MaskRoot) || self.has(self.keys.get(&key).copied()),
            Source::From(ciphertext, key) => {
                let made = self.ciphertexts.get(&ciphertext).filter(|(_, for_key)| *for_key == key);
                self.recovers(of, Kind::MaskRoot) || self.has(made.map(|(owner, _)| *owner))
            }
        }
    }

    /// What is determined beyond one sum for each session of enough honest inputs.
    pub(super) fn leak(&self) -> Option<Leak> {
        let masks = || self.rows.iter().flat_map(|row| row.masks.iter().map(move |mask| (row.of, mask)));
        let known: BTreeSet<Hash> =
            masks().filter(|(of, (_, _, source))| self.computes(*of, *source)).map(|(_, (seed, _, _))| *seed).collect();
        let unknown: BTreeSet<Hash> = masks().map(|(_, (seed, _, _))| *seed).filter(|seed| !known.contains(seed)).collect();
        let columns: BTreeMap<Hash, usize> = unknown.into_iter().zip(0..).collect();
        [2, LARGE].into_iter().find_map(|prime| {
            let matrix = self.rows.iter().map(|row| coefficients(row, &columns, prime)).collect();
            self.beyond(&determined(matrix, columns.len(), prime))
        })
    }

    /// The combinations, unless they are spanned by one indicator of enough clients for each session. In reduced echelon form they are
    /// those indicators themselves then, since different sessions have no masked vector in common.
    fn beyond(&self, combinations: &[Vec<u64>]) -> Option<Leak> {
        let mut sessions = BTreeSet::new();
        let fine = combinations.iter().all(|combination| {
            let members: Vec<_> = self.rows.iter().zip(combination).filter(|(_, coefficient)| **coefficient != 0).collect();
            let clients: BTreeSet<Who> = members.iter().map(|(row, _)| row.of).collect();
            let Some((first, _)) = members.first() else { return false };
            let one = members.iter().all(|(row, coefficient)| **coefficient == 1 && row.of.0 == first.of.0);
            one && clients.len() == members.len() && clients.len() >= first.least && sessions.insert(first.of.0)
        });
        let named = |combination: &Vec<u64>| {
            self.rows.iter().zip(combination).filter(|(_, coefficient)| **coefficient != 0).map(|(row, _)| row.of.1).collect()
        };
        (!fine).then(|| Leak(combinations.iter().map(named).collect()))
    }
}

/// A row of the matrix: how often each unknown seed is in it.
fn coefficients(row: &Row, columns: &BTreeMap<Hash, usize>, prime: u64) -> Vec<u64> {
    let mut out = vec![0; columns.len()];
    for (seed, negative, _) in &row.masks {
        if let Some(column) = columns.get(seed) {
            out[*column] = (out[*column] + if *negative { prime - 1 } else { 1 }) % prime;
        }
    }
    out
}

/// All combinations of rows in which every column cancels, as a basis in reduced echelon form.
fn determined(matrix: Vec<Vec<u64>>, columns: usize, prime: u64) -> Vec<Vec<u64>> {
    let count = matrix.len();
    let with_unit = |(place, mut row): (usize, Vec<u64>)| {
        row.extend((0..count).map(|other| u64::from(other == place)));
        row
    };
    let mut rows: Vec<Vec<u64>> = matrix.into_iter().enumerate().map(with_unit).collect();
    let rank = eliminate(&mut rows, 0..columns, prime);
    let mut kernel: Vec<Vec<u64>> = rows.into_iter().skip(rank).map(|row| row[columns..].to_vec()).collect();
    eliminate(&mut kernel, 0..count, prime);
    kernel
}

/// Gauss and Jordan; returns the rank within these columns. The rows of the rank come first.
fn eliminate(rows: &mut [Vec<u64>], columns: core::ops::Range<usize>, prime: u64) -> usize {
    let times = |a: u64, b: u64| u64::try_from(u128::from(a) * u128::from(b) % u128::from(prime)).unwrap();
    let inverse = |a: u64| {
        let bits = (0..64).rev().map(|bit| (prime - 2) >> bit & 1);
        bits.fold(1, |power, bit| times(times(power, power), if bit == 1 { a } else { 1 }))
    };
    let mut rank = 0;
    for column in columns {
        let Some(pivot) = (rank..rows.len()).find(|row| rows[*row][column] != 0) else { continue };
        rows.swap(rank, pivot);
        let scale = inverse(rows[rank][column]);
        let row: Vec<u64> = rows[rank].iter().map(|entry| times(*entry, scale)).collect();
        for (place, other) in rows.iter_mut().enumerate().filter(|(place, _)| *place != rank) {
            debug_assert!(place != rank);
            let factor = prime - other[column];
            other.iter_mut().zip(&row).for_each(|(entry, base)| *entry = (*entry + times(factor, *base)) % prime);
        }
        rows[rank] = row;
        rank += 1;
    }
    rank
}

#[cfg(test)]
mod tests;
