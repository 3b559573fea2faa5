//! The key commitment `kc`: an accusation of an honest dealer.

use super::stage::Stage;
use crate::{
    ClientId,
    error::ClientFault,
    message::{Bytes, Complaint},
    mutant::{self, Mutant},
    secagg::complaint::{Verdict, judge},
};

const DEALER: ClientId = ClientId(10);
const LIAR: ClientId = ClientId(50);

/// One colluder, who complains about an honest dealer and discloses some key or other.
///
/// The envelope does not open under it, which looks like a bad dealing. Only the commitment that the dealer signed tells that the
/// complainer made the key up. Without it anyone could end any session and have an honest client blamed for that.
fn attack() -> Verdict {
    let mut stage = Stage::new(5, &[LIAR]);
    let joined = stage.join_all();
    stage.deal_all(joined);
    let entry = stage.seen.dealings[&DEALER].clone();
    let package = crate::message::Package { peer: DEALER, ..stage.seen.packages[&(DEALER, LIAR)].clone() };
    let h1 = entry.prev.0;
    let complaint = Complaint { dealer: DEALER, key: Bytes([7; 32]), entry, package };
    judge(&stage.session, &stage.signed(LIAR, &h1, &complaint)).unwrap()
}

#[test]
fn a_made_up_key_would_convict_an_honest_dealer_if_it_were_not_committed_to() {
    let verdict = attack();
    assert_eq!((verdict.culprit, verdict.fault), (LIAR, ClientFault::FalseComplaint));
    let verdict = mutant::with(&[Mutant::UncommittedKey], attack);
    assert_eq!((verdict.culprit, verdict.fault), (DEALER, ClientFault::BadDealing));
}
