//! A complainer that may sign anything: no panic, and a dealer that dealt well is never blamed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use veilsum::{
    message::{Bytes, Complaint, Delivery, Message},
    secagg::complaint::judge,
};
use veilsum_fuzz::{Forgery, IDS, TAPE, forge};

fuzz_target!(|input: (u8, u8, [u8; 32], Forgery)| {
    let (complainer, place, key, forgery) = (IDS[usize::from(input.0) % IDS.len()], input.1, input.2, input.3);
    let identity = &*TAPE.identities[&complainer];
    let delivery = Message::<Delivery>::decode(&TAPE.to_client[&complainer][1]).expect("recorded");
    let package = delivery.body.packages[usize::from(place) % 2].clone();
    let dealer = package.peer;
    let entry = delivery.body.dealings.iter().find(|entry| entry.client == dealer).expect("it dealt").clone();
    let body = Complaint { dealer, key: Bytes(key), entry, package };
    let message = forge::sign(&TAPE.session, complainer, delivery.prev.0, &body, identity);
    if let Ok(verdict) = judge(&TAPE.session, &forgery.apply(&message, identity)) {
        assert_eq!((verdict.culprit, verdict.complainer), (complainer, complainer), "an honest dealer is blamed");
    }
});
