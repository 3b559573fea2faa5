//! Survivors as each client is told of them.

use alloc::vec::Vec;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::plan::{Set, Terms};

/// Which survivors each client is told of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Views {
    /// These are left out, for everybody.
    Without(Set),
    /// Every client its own side, and the colluders.
    Sides(Set),
    /// Each client any set of at least `least`, itself among them.
    Any { salt: u64, least: usize },
    /// These for everybody, and of the other honest clients each client is told that it survived and that some did not: as many as a
    /// descriptor allows, or all.
    Isolate { these: Set, all: bool, salt: usize },
}

impl Terms {
    /// Whom a client is told of.
    pub(super) fn view(&self, place: usize, views: Views) -> Set {
        match views {
            Views::Without(set) => Set(!set.0),
            Views::Sides(side) => Set(if side.has(place) { side.0 } else { !side.0 } | self.colluders.0),
            Views::Any { salt, least } => {
                let mut rng = StdRng::seed_from_u64(salt ^ place as u64);
                let mut set = Set(rng.random_range(0..1 << self.clients) | 1 << place);
                while set.len() < least.min(self.clients) {
                    set.0 |= 1 << rng.random_range(0..self.clients);
                }
                set
            }
            Views::Isolate { these, all, salt } => {
                let shown = these.0 | self.colluders.0 | 1 << place;
                let mut outside: Vec<usize> = (0..self.clients).filter(|other| !Set(shown).has(*other)).collect();
                // In turn, so that each is left out about equally often.
                let (turn, count) = (these.places().filter(|other| *other < place).count() + salt, outside.len());
                outside.rotate_left(turn % count.max(1));
                outside.truncate(if all { count } else { self.max_dropouts as usize });
                Set(!outside.into_iter().fold(0, |set, other| set | 1 << other))
            }
        }
    }
}
