//! A server that shows different clients different views: it never gets both secrets of a client, nor a sum over fewer honest inputs
//! than `min_honest`, whatever it shows to whom.
//!
//! Two halves meet here. A model decides on sets of clients alone, so all strategies can be tried for up to seven clients; and
//! the library's clients are asked for all that the model says of them, for up to five. Colluders sign whatever the server likes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;
#[path = "common/dealer.rs"]
mod dealer;
#[path = "common/evil.rs"]
mod evil;
#[path = "common/forge.rs"]
mod forge;
#[path = "common/player.rs"]
mod player;
#[path = "common/views.rs"]
mod views;

use std::collections::BTreeMap;

use common::masking::over_both_maskings;
use dealer::index;
use evil::{List, Per, Scene, admits, entry, of, transcript};
use forge::{ADVERTS, DELIVERY, Raw, SURVIVORS};
use rand::{SeedableRng as _, rngs::StdRng};
use veilsum::{
    ClientId, Masking, ParamsError, Party,
    message::{Adverts, Bytes, Dealing, Delivery, Entry, Message, Package, Reveal, RevealedShare, Shares, Survivors},
};
use views::{
    Kinds, Params, Path, Rules, Set, all_params, each_path, every_assignment, has, includes, members, size, subsets, sum_of,
    two_can_coexist, views,
};

over_both_maskings! {
    clients_take_dealings_and_survivors_of_their_own_view_only_as_the_model_says,
    whatever_a_server_shows_to_clients_it_gets_one_sum_of_enough_honest_inputs,
}

#[test]
fn every_released_sum_has_enough_honest_inputs_that_are_masked_alike() {
    for params in all_params().filter(|params| params.build().is_ok()) {
        let mut least = u32::MAX;
        each_path(params, Rules::all(params.t()), |path| {
            let honest = path.survivors & params.honest();
            assert!(includes(path.second, honest), "all are masked against the same clients: {path:?}");
            assert!(includes(path.first, path.dealt & params.honest()), "all hold shares of the same dealings: {path:?}");
            assert!(size(honest) >= params.min_honest(), "{params:?} {path:?}");
            least = least.min(size(honest));
        });
        assert_eq!(least, params.min_honest(), "the bound is tight: {params:?}");
    }
}

#[test]
fn the_constructor_refuses_exactly_the_thresholds_with_which_two_sums_could_be_released() {
    let mut valid = 0;
    for params in all_params() {
        let two = two_can_coexist(params);
        match params.build() {
            Ok(_) => assert!(!two, "{params:?}"),
            Err(error) => assert!(two && matches!(error, ParamsError::Consistency { .. }), "{params:?} {error}"),
        }
        valid += u32::from(!two);
    }
    assert_eq!(valid, 1 + 3 + 5 + 8 + 11 + 15, "of two to seven clients");
}

#[test]
fn without_any_one_of_the_checks_the_model_finds_an_attack() {
    let params = Params::new(5, 1, 1);
    let finds = |rules: Rules, attack: &dyn Fn(Path) -> bool| {
        let mut found = false;
        each_path(params, rules, |path| found |= attack(path));
        found
    };
    let all = Rules::all(params.t());
    let broken = |rules, attack: &dyn Fn(Path) -> bool| assert!(finds(rules, attack) && !finds(all, attack), "{rules:?}");
    broken(Rules { first: false, ..all }, &|path| !includes(path.first, path.dealt & params.honest()));
    broken(Rules { second: false, ..all }, &|path| !includes(path.second, path.survivors & params.honest()));
    broken(Rules { threshold: false, ..all }, &|path| size(path.survivors & params.honest()) < params.min_honest());
}

#[test]
fn without_the_round_of_agreement_a_sum_of_too_few_could_be_taken() {
    let params = Params::new(5, 0, 2);
    let mut smallest = u32::MAX;
    every_assignment(params, |shown| {
        let reveal = |(_, view): &(usize, Set)| Kinds { self_secrets: *view, mask_roots: params.everybody() & !view };
        let revealed: Vec<_> = shown.iter().map(reveal).collect();
        smallest = sum_of(params, &revealed).unwrap_or(u32::MAX).min(smallest);
    });
    assert_eq!((smallest, params.min_honest()), (2, 3));
}

/// One real session of honest clients, to be shown any views.
struct Stage {
    params: Params,
    scene: Scene,
    ids: Vec<ClientId>,
}

impl Stage {
    fn new(masking: Masking, n: u32, c: u32, d: u32) -> Self {
        let scene = Scene::play(masking, u64::from(n), &[], |b| b.max_colluders(c).max_dropouts(d));
        let ids = scene.ids();
        Self { params: Params::new(n, c, d), scene, ids }
    }

    fn pick(&self, set: Set) -> Vec<ClientId> {
        members(set).map(|place| self.ids[place]).collect()
    }

    /// What a client signs in a view in which another one advertised, or dealt, differently.
    fn elsewhere(&self, id: ClientId, kind: u8) -> Vec<u8> {
        let odd = self.ids.iter().copied().find(|other| *other != id).unwrap();
        let message = if kind == ADVERTS {
            let advert = entry(&self.scene.join(odd, odd.0 + 1).1);
            self.scene.forge_list::<Adverts>(id, |entries| *of(entries, odd) = advert)
        } else {
            let mut colluder = self.scene.at(odd, ADVERTS);
            colluder.rng = StdRng::seed_from_u64(odd.0 + 1);
            let shares = colluder.receive(&self.scene.sent[&(odd, ADVERTS)]).unwrap().1;
            self.scene.forge::<Delivery>(id, |message| {
                *of(&mut message.dealings, odd) = entry(&shares);
                *message.packages.iter_mut().find(|package| package.peer == odd).unwrap() = package(&shares, id);
            })
        };
        self.scene.at(id, kind).receive(&message).unwrap().1
    }

    /// Asks every client about every list of every mix of views, and compares with the model.
    fn check_lists<L: List>(&self, fill: impl Fn(&mut L, ClientId, &[&[u8]])) {
        let stage = if L::TYPE == DELIVERY { ADVERTS } else { DELIVERY };
        let foreign: Vec<_> = self.ids.iter().map(|id| self.elsewhere(*id, stage)).collect();
        let genuine: Vec<_> = self.ids.iter().map(|id| self.scene.answers[&(*id, stage)].clone()).collect();
        for (place, id) in self.ids.iter().enumerate() {
            for list in subsets(self.params.everybody()) {
                for other in subsets(list & !(1 << place)) {
                    let pick = |member: usize| if has(other, member) { &foreign[member][..] } else { &genuine[member][..] };
                    let listed: Vec<_> = members(list).map(pick).collect();
                    let message = self.scene.forge::<L>(*id, |message| fill(message, *id, &listed));
                    let result = self.scene.at(*id, L::TYPE).receive(&message);
                    let (taken, culprit) = (result.is_ok(), result.err().and_then(|refused| refused.error.culprit()));
                    assert!(!matches!(culprit, Some(Party::Client(_))), "no client did anything wrong");
                    let expected = Rules::all(self.params.t()).takes(true, list, !other) && has(list, place);
                    assert_eq!(taken, expected, "{id}: {list:#b}, of another view {other:#b}");
                }
            }
        }
    }
}

/// The package for a holder in a shares message, as it is delivered.
fn package(shares: &[u8], holder: ClientId) -> Package {
    let shares = Message::<Shares>::decode(shares).unwrap();
    let package = shares.body.packages.into_iter().find(|package| package.peer == holder).unwrap();
    Package { peer: shares.client, ..package }
}

fn clients_take_dealings_and_survivors_of_their_own_view_only_as_the_model_says(masking: Masking) {
    for (n, c, d) in [(3, 0, 1), (4, 1, 1), (5, 0, 2)] {
        let stage = Stage::new(masking, n, c, d);
        stage.check_lists::<Delivery>(|message, id, dealt| {
            let others = dealt.iter().filter(|shares| Raw::parse(shares).client != id);
            message.packages = others.map(|shares| package(shares, id)).collect();
            message.dealings = dealt.iter().map(|shares| entry(shares)).collect();
        });
        stage.check_lists::<Survivors>(|message, _, headers| {
            message.entries = headers.iter().map(|header| entry(header)).collect();
            message.tidy(&stage.scene.session);
        });
    }
}

/// What each client reveals in each view, by the set of those that agreed; nothing where it refuses.
type Answers = BTreeMap<(usize, Set, Set), Kinds>;

/// Asks every client about every set of survivors that it is in, and every set of signers among them.
fn ask(stage: &Stage) -> Answers {
    let (mut answers, mut reveals) = (Answers::new(), BTreeMap::new());
    for (place, view) in (0..stage.ids.len()).flat_map(|place| views(stage.params).into_iter().map(move |view| (place, view))) {
        let id = stage.ids[place];
        let message = stage.scene.survivors(id, &stage.pick(view));
        for signers in subsets(view) {
            let Ok((player, consistency)) = stage.scene.at(id, SURVIVORS).receive(&message) else {
                assert!(!has(view, place));
                break;
            };
            let agreement = stage.scene.agreement(id, transcript(&consistency), &stage.pick(signers));
            let result = player.receive(&agreement);
            assert_eq!(result.is_ok(), size(signers) >= stage.params.t(), "{view:#b} {signers:#b}");
            if let Ok((_, reveal)) = result {
                let known = reveals.entry((place, view)).or_insert_with(|| (reveal.clone(), kinds(stage, place, &reveal)));
                assert_eq!(reveal, known.0, "whoever agreed");
                answers.insert((place, view, signers), known.1);
            }
        }
    }
    answers
}

/// Which secrets the revealed shares are of, by the commitments.
fn kinds(stage: &Stage, place: usize, reveal: &[u8]) -> Kinds {
    let (id, shares) = (stage.ids[place], Message::<Reveal>::decode(reveal).unwrap().body.shares);
    let dealings = stage.scene.sent::<Delivery>(id).dealings.into_iter();
    let dealings: Per<Entry<Dealing>> = dealings.map(|entry| (entry.client, entry)).collect();
    let of = |commitments: fn(&Dealing) -> &Vec<Bytes<32>>| {
        let good =
            |share: &&RevealedShare| admits(commitments(&dealings[&share.owner].body), index(&stage.scene.session, id), share);
        let owner = |share: &RevealedShare| stage.ids.iter().position(|id| *id == share.owner).unwrap();
        shares.iter().filter(good).fold(0, |set, share| set | 1 << owner(share))
    };
    Kinds { self_secrets: of(|dealing| &dealing.self_secret), mask_roots: of(|dealing| &dealing.mask_root) }
}

/// Plays every assignment of views with what the clients answered. Returns how many honest inputs the smallest sum has.
fn play(params: Params, answers: &Answers) -> u32 {
    let mut smallest = u32::MAX;
    every_assignment(params, |shown| {
        let reveal = |(client, view): &(usize, Set)| {
            let group = shown.iter().filter(|(_, other)| other == view).fold(0, |set, (client, _)| set | 1 << client);
            answers.get(&(*client, *view, group | params.colluders & view)).copied()
        };
        let revealed: Vec<Kinds> = shown.iter().filter_map(reveal).collect();
        assert!(revealed.iter().all(|kinds| *kinds == revealed[0]), "{params:?}: reveals in two views");
        smallest = sum_of(params, &revealed).unwrap_or(u32::MAX).min(smallest);
    });
    smallest
}

fn whatever_a_server_shows_to_clients_it_gets_one_sum_of_enough_honest_inputs(masking: Masking) {
    // The largest c for each n and d; smaller ones are played with the same answers, and every set of colluders.
    let all = [(2, 0, 0), (3, 1, 0), (3, 0, 1), (4, 2, 0), (4, 1, 1), (5, 3, 0), (5, 2, 1), (5, 0, 2)];
    // What clients show depends on views, not on masks: with the second masking some shapes will do.
    let shapes = if masking == Masking::Pairwise { &all[..] } else { &[all[2], all[4], all[7]] };
    for (n, most, d) in shapes.iter().copied() {
        let stage = Stage::new(masking, n, most, d);
        let answers = ask(&stage);
        for colluders in subsets(stage.params.everybody()).filter(|set| size(*set) <= most) {
            let params = Params { n, d, colluders };
            assert_eq!(play(params, &answers), params.min_honest(), "the bound is tight: {params:?}");
        }
    }
}
