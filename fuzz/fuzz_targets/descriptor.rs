//! Any bytes, or a changed good descriptor: no panic, and whatever decodes is canonical.
#![no_main]

use libfuzzer_sys::fuzz_target;
use veilsum::Session;
use veilsum_fuzz::TAPE;

fn check(bytes: &[u8]) {
    if let Ok(session) = Session::decode(bytes) {
        assert_eq!(session.encode(), bytes);
        assert_eq!(Session::decode(&session.encode()).map(|again| again.id()), Ok(session.id()));
        let (n, t, c) = (session.clients() as u64, u64::from(session.threshold()), u64::from(session.max_colluders()));
        assert!(2 * t > n + c && t - c >= u64::from(session.min_honest()) && session.min_honest() >= 2);
    }
}

fuzz_target!(|input: (Vec<(u16, u8)>, &[u8])| {
    let (changes, raw) = input;
    check(raw);
    let mut good = TAPE.session.encode();
    for (place, change) in changes {
        let len = good.len();
        good[usize::from(place) % len] ^= change;
    }
    check(&good);
});
