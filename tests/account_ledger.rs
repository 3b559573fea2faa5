//! The ledger: refuses what passes the budget or isolates too few, forgets nothing, and survives a trip through JSON.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "tests"
)]
#![cfg(feature = "std")]

use veilsum::{
    PrivacyError,
    account::{
        Accountant, Event, Ledger,
        NeighboringRelation::{AddOrRemoveOne, ReplaceOne},
        RdpAccountant, ZCdpAccountant,
        calibrate::Target,
        ledger::{DifferencingPolicy, Isolation, Round},
    },
};

fn ledger(epsilon: f64, policy: DifferencingPolicy) -> Ledger {
    Ledger::new(AddOrRemoveOne, Target::new(epsilon, 1e-5).unwrap(), 3, policy).unwrap()
}

fn round(number: u64, participants: &[u64]) -> Round {
    Round {
        session: b"one".to_vec(),
        round: number,
        participants: participants.to_vec(),
        survivors: None,
        event: Event::gaussian(5.0).unwrap(),
    }
}

const ALL: [u64; 6] = [1, 2, 3, 4, 5, 6];

#[test]
fn a_round_that_would_pass_the_budget_is_refused_and_not_recorded() {
    let mut ledger = ledger(2.0, DifferencingPolicy::Refuse);
    let mut number = 0;
    let refused = loop {
        match ledger.record(round(number, &ALL)) {
            Ok(assessment) => assert!(assessment.epsilon <= 2.0 && assessment.differencing.is_none()),
            Err(error) => break error,
        }
        number += 1;
    };
    // As many as an accountant by itself allows.
    let at = |count: u64| {
        let mut accountant = RdpAccountant::new(AddOrRemoveOne);
        accountant.compose(&Event::gaussian(5.0).unwrap(), count).unwrap();
        accountant.epsilon(1e-5).unwrap()
    };
    assert!(at(number) <= 2.0 && at(number + 1) > 2.0 && number > 1);
    assert!(matches!(refused, PrivacyError::Budget { epsilon, budget: 2.0, .. } if epsilon > 2.0));
    assert_eq!(ledger.rounds().len() as u64, number);
    let spent = ledger.spent().unwrap();
    assert!((spent - at(number)).abs() < 1e-9, "{spent}");
    // A cheaper one still fits.
    let cheap = Round { event: Event::gaussian(1e4).unwrap(), ..round(number, &ALL) };
    assert!(ledger.record(cheap).unwrap().remaining > 0.0);
}

#[test]
fn a_round_that_isolates_too_few_is_refused_or_warned_about() {
    let mut strict = ledger(100.0, DifferencingPolicy::Refuse);
    strict.record(round(0, &ALL)).unwrap();
    let error = strict.record(round(1, &[1, 2, 3, 4, 5])).unwrap_err();
    assert_eq!(error, PrivacyError::Differencing { rounds: 2, isolated: Some(1), min_honest: 3 });
    assert!(error.to_string().contains("isolates 1 parties"), "{error}");
    assert_eq!(strict.rounds().len(), 1);
    // Three can be told apart.
    strict.record(round(1, &[1, 2, 3])).unwrap();

    let mut lax = ledger(100.0, DifferencingPolicy::Warn);
    lax.record(round(0, &ALL)).unwrap();
    assert_eq!(lax.record(round(1, &[1, 2, 3, 4, 5])).unwrap().differencing, Some(Isolation::Parties(1)));
    assert_eq!(lax.rounds().len(), 2);
    // A sum of too few by itself.
    assert!(matches!(
        ledger(9.0, DifferencingPolicy::Refuse).record(round(0, &[1, 2])),
        Err(PrivacyError::Differencing { isolated: Some(2), .. })
    ));
}

#[test]
fn survivors_decide_what_is_in_a_sum_once_they_are_known() {
    let mut ledger = ledger(100.0, DifferencingPolicy::Refuse);
    ledger.record(round(0, &ALL)).unwrap();
    ledger.record(round(1, &ALL)).unwrap();
    assert!(ledger.confirm(b"one", 0, vec![1, 2, 7]).is_err());
    assert!(ledger.confirm(b"one", 0, vec![2, 1]).is_err());
    assert!(ledger.confirm(b"two", 0, ALL.to_vec()).is_err());
    ledger.confirm(b"one", 0, ALL.to_vec()).unwrap();
    // Known once and for all.
    assert!(ledger.confirm(b"one", 0, vec![1, 2, 3]).is_err());
    let refused = ledger.confirm(b"one", 1, vec![1, 2, 3, 4, 5]).unwrap_err();
    assert!(matches!(refused, PrivacyError::Differencing { isolated: Some(1), .. }));
    assert_eq!(ledger.rounds()[1].survivors, None);
    ledger.confirm(b"one", 1, vec![1, 2, 3]).unwrap();
    assert_eq!(ledger.rounds()[1].summed(), [1, 2, 3]);
}

#[test]
fn rounds_only_go_up_and_sets_are_sorted() {
    let mut ledger = ledger(100.0, DifferencingPolicy::Refuse);
    ledger.record(round(5, &ALL)).unwrap();
    let knob = |ledger: &mut Ledger, round: Round| match ledger.record(round) {
        Err(PrivacyError::Parameter { knob, .. }) => knob,
        other => panic!("{other:?}"),
    };
    assert_eq!(knob(&mut ledger, round(5, &ALL)), "round");
    assert_eq!(knob(&mut ledger, round(4, &ALL)), "round");
    assert_eq!(knob(&mut ledger, round(6, &[3, 2, 1])), "participants");
    assert_eq!(knob(&mut ledger, round(6, &[1, 1, 2])), "participants");
    assert_eq!(knob(&mut ledger, round(6, &[])), "participants");
    assert_eq!(knob(&mut ledger, Round { survivors: Some(vec![9]), ..round(6, &ALL) }), "survivors");
    assert_eq!(
        knob(&mut ledger, Round { event: Event::Gaussian { noise_multiplier: -1.0 }, ..round(6, &ALL) }),
        "noise_multiplier"
    );
    // Another session counts by itself.
    ledger.record(Round { session: b"two".to_vec(), ..round(0, &ALL) }).unwrap();
    assert!(Ledger::new(AddOrRemoveOne, Target { epsilon: -1.0, delta: 0.1 }, 3, DifferencingPolicy::Warn).is_err());
    assert!(Ledger::new(AddOrRemoveOne, Target { epsilon: 1.0, delta: 0.1 }, 0, DifferencingPolicy::Warn).is_err());
}

#[test]
fn the_record_replays_into_other_accountants_for_all_or_for_one_party() {
    let mut ledger = ledger(100.0, DifferencingPolicy::Warn);
    ledger.record(round(0, &ALL)).unwrap();
    ledger.record(round(1, &ALL)).unwrap();
    ledger.record(round(2, &[1, 2, 3])).unwrap();
    let rho = |party: Option<u64>| {
        let mut accountant = ZCdpAccountant::new(AddOrRemoveOne);
        match party {
            Some(party) => ledger.replay_party(party, &mut accountant).unwrap(),
            None => ledger.replay(&mut accountant).unwrap(),
        }
        accountant.rho()
    };
    assert!((rho(None) - 0.06).abs() < 1e-12 && (rho(Some(1)) - 0.06).abs() < 1e-12);
    assert!((rho(Some(6)) - 0.04).abs() < 1e-12);
    assert_eq!(rho(Some(9)), 0.0);
    assert!(ledger.replay(&mut ZCdpAccountant::new(ReplaceOne)).is_err());
}

#[cfg(feature = "serde")]
#[test]
fn a_ledger_comes_back_from_json_and_goes_on_where_it_was() {
    let mut ledger = ledger(1.5, DifferencingPolicy::Refuse);
    ledger.record(round(0, &ALL)).unwrap();
    ledger.confirm(b"one", 0, ALL.to_vec()).unwrap();
    let text = serde_json::to_string_pretty(&ledger).unwrap();
    let mut back: Ledger = serde_json::from_str(&text).unwrap();
    assert_eq!((back.rounds(), back.budget(), back.relation()), (ledger.rounds(), ledger.budget(), ledger.relation()));
    assert_eq!(back.spent(), ledger.spent());
    assert_eq!(back.record(round(1, &ALL)), ledger.record(round(1, &ALL)));
    // Neither a relation nor a budget is ever assumed.
    for key in ["\"relation\"", "\"budget\"", "\"min_honest\"", "\"policy\"", "\"event\""] {
        assert!(serde_json::from_str::<Ledger>(&text.replace(key, "\"other\"")).is_err(), "{key}");
    }
    assert!(serde_json::from_str::<Ledger>(&text.replace("5.0", "-5.0")).is_err());
}

#[cfg(feature = "serde")]
#[test]
fn what_was_released_stays_recorded_even_above_the_budget() {
    let mut ledger = ledger(100.0, DifferencingPolicy::Warn);
    (0..50).for_each(|number| {
        ledger.record(round(number, &ALL)).unwrap();
    });
    let text = serde_json::to_string(&ledger).unwrap().replace("\"epsilon\":100.0", "\"epsilon\":1.0");
    let mut back: Ledger = serde_json::from_str(&text).unwrap();
    assert!(back.spent().unwrap() > 1.0);
    assert!(matches!(back.record(round(50, &ALL)), Err(PrivacyError::Budget { .. })));
}
