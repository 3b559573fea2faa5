//! What a server can reach by showing different views to different clients, on sets of clients alone.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use veilsum::{ParamsError, Session};

use crate::common::World;

/// A set of clients, as bits in the order of the roster.
pub type Set = u8;

pub fn size(set: Set) -> u32 {
    set.count_ones()
}

pub fn subsets(of: Set) -> impl Iterator<Item = Set> {
    (0..=of).filter(move |set| includes(of, *set))
}

pub fn includes(set: Set, part: Set) -> bool {
    part & !set == 0
}

pub fn has(set: Set, place: usize) -> bool {
    set >> place & 1 == 1
}

pub fn members(set: Set) -> impl Iterator<Item = usize> {
    (0..8).filter(move |place| has(set, *place))
}

/// `n`, `d`, and who colludes.
#[derive(Clone, Copy, Debug)]
pub struct Params {
    pub n: u32,
    pub d: u32,
    pub colluders: Set,
}

impl Params {
    /// The first `c` clients collude; in the model all clients are alike.
    pub fn new(n: u32, c: u32, d: u32) -> Self {
        Self { n, d, colluders: Set::MAX.unbounded_shr(8 - c) }
    }

    pub fn c(self) -> u32 {
        size(self.colluders)
    }

    pub fn t(self) -> u32 {
        self.n - self.d
    }

    pub fn everybody(self) -> Set {
        Set::MAX >> (8 - self.n)
    }

    pub fn honest(self) -> Set {
        self.everybody() & !self.colluders
    }

    /// The largest `min_honest` that the constructor takes. So many honest shares complete a secret, colluders having the rest.
    pub fn min_honest(self) -> u32 {
        self.t() - self.c()
    }

    pub fn build(self) -> Result<Session, ParamsError> {
        let builder = World::new(u64::from(self.n), 1).builder(1, 20).max_colluders(self.c()).max_dropouts(self.d);
        builder.min_honest(self.min_honest()).build()
    }
}

/// All `n`, `c`, `d` with `t - c >= 2`.
pub fn all_params() -> impl Iterator<Item = Params> {
    let choices = (2..=7).flat_map(|n| (0..n).flat_map(move |c| (0..n).map(move |d| (n, c, d))));
    choices.filter(|(n, c, d)| n - d >= c + 2).map(|(n, c, d)| Params::new(n, c, d))
}

/// Which of its checks a client makes.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub t: u32,
    /// Dealings are signed over its own h1.
    pub first: bool,
    /// Inputs are signed over its own h2.
    pub second: bool,
    /// Every list has `t` entries.
    pub threshold: bool,
}

impl Rules {
    pub fn all(t: u32) -> Self {
        Self { t, first: true, second: true, threshold: true }
    }

    /// Whether a list is taken of which `same` signed over the client's own transcript.
    pub fn takes(self, checked: bool, list: Set, same: Set) -> bool {
        (!checked || includes(same, list)) && (!self.threshold || size(list) >= self.t)
    }
}

/// A way to lead some honest clients to a reveal.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// Honest clients with one h1.
    pub first: Set,
    /// U2 as some of them hear it.
    pub dealt: Set,
    /// Those, with one h2.
    pub second: Set,
    /// U3 as some of them hear it.
    pub survivors: Set,
    /// Those, with one h3. They reveal.
    pub revealing: Set,
}

/// All paths. An advert is signed over h0, which all share, so any U1 of `t` clients can be shown to anybody.
pub fn each_path(params: Params, rules: Rules, mut each: impl FnMut(Path)) {
    let Params { colluders, .. } = params;
    for (first, second) in subsets(params.honest()).flat_map(|first| subsets(first).map(move |second| (first, second))) {
        // A client takes no list that it is not in.
        let dealt = subsets(params.everybody()).filter(|dealt| includes(*dealt, second));
        for dealt in dealt.filter(|dealt| rules.takes(rules.first, *dealt, first | colluders)) {
            for survivors in subsets(dealt).filter(|set| rules.takes(rules.second, *set, second | colluders)) {
                let groups = subsets(second & survivors).filter(|set| *set != 0);
                let agree = |group: &Set| rules.takes(true, (group | colluders) & survivors, group | colluders);
                groups.filter(agree).for_each(|revealing| each(Path { first, dealt, second, survivors, revealing }));
            }
        }
    }
}

/// Whether two paths can be in one session: no honest client is on both, since it signs once in every round.
pub fn two_can_coexist(params: Params) -> bool {
    let mut groups = BTreeSet::new();
    each_path(params, Rules::all(params.t()), |path| {
        groups.insert(path.revealing);
    });
    groups.iter().any(|group| groups.iter().any(|other| group & other == 0))
}

/// What a client reveals: whose self secrets, and whose mask roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    pub self_secrets: Set,
    pub mask_roots: Set,
}

/// How many honest inputs are in the sum that can be taken from what was revealed, if one can.
pub fn sum_of(params: Params, revealed: &[Kinds]) -> Option<u32> {
    let known = |of: fn(&Kinds) -> Set| {
        let holders = |owner: usize| revealed.iter().filter(|kinds| has(of(kinds), owner)).count();
        let enough = members(params.honest()).filter(|owner| holders(*owner) >= params.min_honest() as usize);
        enough.fold(0, |set: Set, owner| set | 1 << owner)
    };
    let (self_secrets, mask_roots) = (known(|kinds| kinds.self_secrets), known(|kinds| kinds.mask_roots));
    assert_eq!(self_secrets & mask_roots, 0, "{params:?}: both secrets of a client");
    // The pair mask of two clients stays unless the mask root of either is known, so all without one go into the same sum.
    let sum = params.honest() & !mask_roots;
    (sum != 0 && includes(self_secrets, sum)).then(|| size(sum))
}

/// Sets that a client takes for U3, if everybody is in U2.
pub fn views(params: Params) -> Vec<Set> {
    subsets(params.everybody()).filter(|set| size(*set) >= params.t()).collect()
}

/// Calls `each` for every choice of a view for every honest client: one that it is in, or one that it is not in, which ends it.
pub fn every_assignment(params: Params, mut each: impl FnMut(&[(usize, Set)])) {
    let all = views(params);
    let own = |client| (client, all.iter().copied().filter(|view| has(*view, client)).collect::<Vec<_>>());
    let choices: Vec<(usize, Vec<Set>)> = members(params.honest()).map(own).collect();
    let mut chosen = vec![0; choices.len()];
    loop {
        let shown = choices.iter().zip(&chosen).filter_map(|((client, views), choice)| Some((*client, *views.get(*choice)?)));
        each(&shown.collect::<Vec<_>>());
        let Some(place) = choices.iter().zip(&chosen).position(|((_, views), choice)| *choice < views.len()) else { return };
        chosen[place] += 1;
        chosen[..place].fill(0);
    }
}
