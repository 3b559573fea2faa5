//! Strategies: how likely each plan is, and towards what a plan that leaks is shrunk.

use alloc::{vec, vec::Vec};

use proptest::{
    collection,
    option::weighted,
    prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof},
    sample::{select, subsequence},
};

use super::{
    plan::{Envelope, Filler, Plan, Set, Terms, Trick},
    views::Views,
};

/// Plans whose honest clients' randomness, and the order of whose messages, follow from `seed`.
pub(super) fn plans(seed: u64) -> impl Strategy<Value = Plan> {
    let lattice = prop_oneof![39 => Just(false), 1 => Just(true)];
    let sessions = prop_oneof![4 => Just(1_usize), 1 => Just(2)];
    (terms().no_shrink(), lattice, sessions).prop_flat_map(move |(terms, lattice, sessions)| {
        let tricks = collection::vec(Tricks { terms, sessions }.with_company(), 0..=4);
        tricks.prop_map(move |tricks| Plan { seed, lattice, terms, sessions, tricks: tricks.into_iter().flatten().collect() })
    })
}

/// Any that a descriptor admits, with mostly few clients: they cost time.
fn terms() -> impl Strategy<Value = Terms> {
    prop_oneof![2 => Just(4_usize), 4 => Just(5), 2 => Just(6), 2 => Just(7)].prop_flat_map(|clients| {
        let n = number(clients);
        let pairs = (0..n - 2).flat_map(|c| (0..n).map(move |d| (c, d)));
        let good: Vec<(u32, u32)> = pairs.filter(|(c, d)| 2 * (n - d) > n + c && n - d >= c + 2).collect();
        // The more may drop out, the more the server can choose.
        let limits = [select(good.clone()), select(good)].prop_map(|limits| limits.into_iter().max_by_key(|(_, d)| *d).unwrap());
        (limits, 2..=3_u32).prop_flat_map(move |((max_colluders, max_dropouts), honest)| {
            let min_honest = honest.min(n - max_dropouts - max_colluders);
            let real = prop_oneof![3 => Just(max_colluders), 1 => 0..=max_colluders];
            let colluders = real.prop_flat_map(move |real| some_of((0..clients).collect(), real as usize));
            colluders.prop_map(move |colluders| Terms { clients, colluders, max_colluders, max_dropouts, min_honest })
        })
    })
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap()
}

/// So many of these places.
fn some_of(places: Vec<usize>, count: usize) -> impl Strategy<Value = Set> {
    subsequence(places, count).prop_map(Set::of)
}

/// One deviation from an honest server's work, in a run on these terms.
#[derive(Clone, Copy)]
struct Tricks {
    terms: Terms,
    sessions: usize,
}

impl Tricks {
    /// A trick, and what makes it worth while, with the session that they are about.
    fn with_company(self) -> impl Strategy<Value = Vec<(usize, Trick)>> {
        let tricks = self.trick().prop_flat_map(move |trick| {
            let company = match trick {
                Trick::Show(Views::Without(_)) => Just(None).boxed(),
                Trick::Show(_) => weighted(0.75, self.filler(self.sessions).prop_map(Trick::Fill)).boxed(),
                Trick::Offer { .. } => self.show().prop_map(Some).boxed(),
                _ => Just(None).boxed(),
            };
            company.prop_map(move |company| (trick, company))
        });
        (0..self.sessions, tricks).prop_map(|(session, (trick, company))| {
            core::iter::once(trick).chain(company).map(|trick| (session, trick)).collect()
        })
    }

    fn trick(self) -> BoxedStrategy<Trick> {
        let (round, place, to) = (|| 1..=4_u8, || self.place(), || self.targets());
        prop_oneof![
            33 => self.views().prop_map(Trick::Show),
            8 => self.offer(),
            10 => (round(), to(), place()).prop_map(|(round, to, whom)| Trick::Omit { round, to, whom }),
            7 => (to(), self.others()).prop_map(|(to, whom)| Trick::Impersonate { to, whom }),
            11 => self.entries(),
            8 => self.dealing(),
            2 => (to(), place()).prop_map(|(to, whom)| Trick::Bitmap { to, whom }),
            2 => self.filler(2).prop_map(Trick::Fill),
            6 => (round(), to(), envelope()).prop_map(|(round, to, how)| Trick::Spoil { round, to, how }),
            5 => (round(), place(), (0..1_usize << 16).no_shrink(), any::<bool>())
                .prop_map(|(before, to, pick, addressed)| Trick::Interject { before, to, pick, addressed }),
            4 => (round(), to(), place()).prop_map(|(round, to, without)| Trick::Again { round, to, without }),
            4 => (round(), place()).prop_map(|(round, who)| Trick::Late { round, who }),
        ]
        .boxed()
    }

    fn place(self) -> impl Strategy<Value = usize> {
        0..self.terms.clients
    }

    /// A place among the colluders, if there are any.
    fn colluder(self) -> impl Strategy<Value = usize> {
        let colluders: Vec<usize> = self.terms.colluders.places().collect();
        select(if colluders.is_empty() { vec![0] } else { colluders })
    }

    fn any_set(self) -> impl Strategy<Value = Set> {
        (0..1_u8 << self.terms.clients).prop_map(Set)
    }

    /// One client, some, or all.
    fn targets(self) -> impl Strategy<Value = Set> {
        prop_oneof![2 => self.place().prop_map(Set::one), 1 => self.any_set(), 1 => Just(Set(u8::MAX))]
    }

    /// One, some, or everybody but one.
    fn others(self) -> impl Strategy<Value = Set> {
        let but_one = self.place().prop_map(|place| Set(!Set::one(place).0));
        prop_oneof![self.place().prop_map(Set::one), self.any_set(), but_one]
    }

    fn views(self) -> impl Strategy<Value = Views> {
        let (n, d) = (self.terms.clients, self.terms.max_dropouts as usize);
        let without = collection::vec(self.place(), d.max(1)).prop_map(|places| Views::Without(Set::of(places)));
        let any_view = (any::<u64>().no_shrink(), select(vec![n - d, 1])).prop_map(|(salt, least)| Views::Any { salt, least });
        let isolate = (self.too_few(), prop_oneof![3 => Just(false), 1 => Just(true)], 0..8_usize)
            .prop_map(|(these, all, salt)| Views::Isolate { these, all, salt });
        prop_oneof![2 => without, 1 => self.sides(), 1 => any_view, 4 => isolate]
    }

    fn sides(self) -> impl Strategy<Value = Views> {
        self.any_set().prop_map(Views::Sides)
    }

    /// Honest clients whose sum would be a leak: mostly one less than are allowed.
    fn too_few(self) -> impl Strategy<Value = Set> {
        let Terms { clients, colluders, max_dropouts, .. } = self.terms;
        let honest: Vec<usize> = (0..clients).filter(|place| !colluders.has(*place)).collect();
        let fewer = honest.len() - max_dropouts as usize - 1;
        prop_oneof![1 => some_of(honest.clone(), 1), 2 => some_of(honest, fewer)]
    }

    /// What goes with an offer of a low threshold.
    fn show(self) -> impl Strategy<Value = Trick> {
        let without = self.place().prop_map(|place| Views::Without(Set::one(place)));
        prop_oneof![2 => self.sides(), 1 => without].prop_map(Trick::Show)
    }

    fn filler(self, sessions: usize) -> impl Strategy<Value = Filler> {
        let foreign = [false, true].map(|restamped| Filler::Foreign { restamped });
        let mut fillers = vec![Filler::Others, Filler::Restamped, Filler::Repeats, Filler::Forged];
        fillers.extend(foreign.into_iter().filter(|_| sessions > 1));
        select(fillers)
    }

    /// Mostly the lowest threshold that leaves enough honest inputs, or the next one.
    fn offer(self) -> impl Strategy<Value = Trick> {
        let (n, colluders) = (number(self.terms.clients), number(self.terms.colluders.len()));
        let lowest = n - colluders - self.terms.min_honest;
        let offer = |(max_colluders, max_dropouts)| Trick::Offer { max_colluders, max_dropouts };
        let other = (self.targets(), 0..n).prop_map(|(to, max_dropouts)| Trick::OfferOther { to, max_dropouts });
        prop_oneof![
            2 => Just(offer((colluders, lowest))),
            2 => Just(offer((colluders, lowest + 1))),
            1 => (0..n, 0..n).prop_map(offer),
            1 => other,
        ]
    }

    fn entries(self) -> impl Strategy<Value = Trick> {
        let (round, to) = (|| 1..=4_u8, || self.targets());
        prop_oneof![
            (round(), to(), self.others()).prop_map(|(round, to, whom)| Trick::Foreign { round, to, whom }),
            (round(), to(), self.others()).prop_map(|(round, to, whom)| Trick::Restamp { round, to, whom }),
            (round(), to()).prop_map(|(round, to)| Trick::Stubborn { round, to }),
            (round(), to(), self.place()).prop_map(|(round, to, whom)| Trick::Repeat { round, to, whom }),
            (round(), to()).prop_map(|(round, to)| Trick::Swap { round, to }),
        ]
    }

    fn dealing(self) -> impl Strategy<Value = Trick> {
        let place = || self.place();
        prop_oneof![
            (self.colluder(), place()).prop_map(|(colluder, whom)| Trick::CopyKeys { colluder, whom }),
            (self.colluder(), place(), place()).prop_map(|(colluder, from, to)| Trick::CopyCiphertext { colluder, from, to }),
            (self.colluder(), self.others()).prop_map(|(colluder, to)| Trick::BadDealing { colluder, to }),
            (place(), place(), place(), any::<bool>()).prop_map(|(to, dealer, other, holder)| Trick::Package {
                to,
                dealer,
                other,
                holder
            }),
        ]
    }
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let bit = || (0..1_u32 << 20).no_shrink();
    prop_oneof![
        Just(Envelope::Session),
        Just(Envelope::Recipient),
        Just(Envelope::Transcript),
        Just(Envelope::Kind),
        Just(Envelope::Signer),
        bit().prop_map(Envelope::Body),
        bit().prop_map(Envelope::Bit),
    ]
}
