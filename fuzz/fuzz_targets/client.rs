//! A client, and a server that may send it anything, in any order.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rand::rngs::StdRng;
use veilsum::{
    ClientId, Party,
    driver::{Client, ClientStep},
};
use veilsum_fuzz::{Forgery, IDS, TAPE, input, rng};

#[derive(Arbitrary, Debug)]
enum Operation {
    /// What an honest server would send now; or the input, if the client waits for it.
    Honest,
    /// A recorded message, of this or another step, for this or another client, changed.
    Forged { of: u8, step: u8, forgery: Forgery },
    /// Words that are too many or out of range.
    BadWords(Vec<u32>),
    /// The end of the input, too early.
    Finish,
}

struct Run {
    id: ClientId,
    client: Client,
    rng: StdRng,
    /// Messages of the server that were taken.
    step: usize,
}

impl Run {
    /// Plays one operation; `false` ends the run.
    fn play(&mut self, operation: &Operation) -> bool {
        match operation {
            Operation::Honest if self.client.awaits_input() => self.give_input(),
            Operation::Honest => match TAPE.to_client[&self.id].get(self.step) {
                Some(message) => self.receive(message, false),
                None => false,
            },
            Operation::Forged { of, step, forgery } => {
                let messages = &TAPE.to_client[&IDS[usize::from(*of) % IDS.len()]];
                let original = &messages[usize::from(*step) % messages.len()];
                self.receive(&forgery.apply(original, &*TAPE.host), forgery.resign)
            }
            Operation::BadWords(words) => {
                let (words, mut wire): (Vec<u32>, _) = (words.iter().map(|word| word | 1 << 20).collect(), Vec::new());
                assert!(words.is_empty() || self.client.mask(&words, &mut wire).is_err());
                assert!(wire.is_empty());
                true
            }
            Operation::Finish => {
                assert!(self.client.finish().is_err(), "no word was given");
                true
            }
        }
    }

    /// Whatever was refused before has not changed what leaves now.
    fn give_input(&mut self) -> bool {
        let mut wire = Vec::new();
        self.client.mask(&input(self.id), &mut wire).expect("within the bound");
        assert_eq!(wire, TAPE.uploads[&self.id]);
        assert_eq!(self.client.finish().expect("all words"), TAPE.to_server[&self.id][2]);
        true
    }

    fn receive(&mut self, bytes: &[u8], resigned: bool) -> bool {
        let (genuine, before) = (&TAPE.to_client[&self.id], self.client.ended());
        let expected = genuine.get(self.step).is_some_and(|message| message == bytes);
        // Genuine survivors, before this client's input is in: no honest server lists it then.
        let outrun = expected && self.client.awaits_input();
        match self.client.receive(bytes, &mut self.rng) {
            Ok(ClientStep::Ignored) => {
                assert!(genuine[..self.step].iter().any(|message| message == bytes), "not a repeat");
                true
            }
            Ok(step) => {
                assert!(expected || resigned, "a forgery was taken");
                if let (ClientStep::Send(answer) | ClientStep::Done(answer, _), true) = (step, expected) {
                    assert!(TAPE.to_server[&self.id].contains(&answer), "another answer than the first time");
                }
                self.step += 1;
                expected
            }
            Err(failure) => {
                assert!(!matches!(failure.error.culprit(), Some(Party::Client(_))), "no client deviated");
                assert!(before || !failure.ended || resigned || outrun, "only what the server signed ends a client");
                assert!(resigned || outrun || failure.error.culprit().is_none(), "blame without a signature");
                before || !failure.ended
            }
        }
    }
}

fuzz_target!(|input: (u8, Vec<Operation>)| {
    let id = IDS[usize::from(input.0) % IDS.len()];
    let mut rng = rng(id);
    let (client, advert) = TAPE.join(id, &mut rng);
    assert_eq!(advert, TAPE.to_server[&id][0]);
    let mut run = Run { id, client, rng, step: 0 };
    for operation in input.1.iter().take(16) {
        if !run.play(operation) {
            return;
        }
    }
});
