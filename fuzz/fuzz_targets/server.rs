//! A server, and clients that may send it anything, in any order.
#![no_main]

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use veilsum::{
    ClientId, Error, Party,
    driver::{Server, ServerStep},
    secagg::{Receipt, upload::MemorySpool},
};
use veilsum_fuzz::{Forgery, IDS, LEN, TAPE, plain_sum};

#[derive(Arbitrary, Debug)]
enum Operation {
    /// What this client would send now.
    Honest { of: u8 },
    /// A recorded message of this client, of this or another round, changed; in round 2 after this upload.
    Forged { of: u8, step: u8, forgery: Forgery, upload: Vec<(u16, u8)> },
    /// The end of the round, if everybody was heard.
    Close,
    /// The end of the round, whoever was heard.
    CloseEarly,
}

struct Run {
    server: Server,
    round: usize,
    /// Who signed something that an honest client would not.
    forgers: BTreeSet<ClientId>,
    /// The recorded messages no longer fit: clients would have sent others.
    off_tape: bool,
}

impl Run {
    /// Plays one operation; `false` ends the run.
    fn play(&mut self, operation: &Operation) -> bool {
        match operation {
            Operation::Honest { of } => {
                let id = IDS[usize::from(*of) % IDS.len()];
                let result = self.send(id, &TAPE.to_server[&id][self.round], &TAPE.uploads[&id]);
                assert!(
                    self.off_tape || self.forgers.contains(&id) || result.is_ok(),
                    "an honest message is refused: {result:?}"
                );
                self.judge(result)
            }
            Operation::Forged { of, step, forgery, upload } => {
                let id = IDS[usize::from(*of) % IDS.len()];
                let genuine = &TAPE.to_server[&id];
                let bytes = forgery.apply(&genuine[usize::from(*step) % genuine.len()], &*TAPE.identities[&id]);
                let known = genuine.contains(&bytes);
                let mut wire = TAPE.uploads[&id].clone();
                let len = wire.len();
                upload.iter().for_each(|(place, change)| wire[usize::from(*place) % len] ^= change);
                if forgery.resign && !known {
                    self.forgers.insert(id);
                }
                let result = self.send(id, &bytes, &wire);
                let fresh = result.as_ref().is_ok_and(|receipt| receipt.fresh);
                assert!(!fresh || known || forgery.resign, "a forgery was taken");
                self.off_tape |= fresh && !known;
                self.judge(result)
            }
            Operation::Close if self.server.progress().is_some_and(|progress| !progress.missing.is_empty()) => true,
            Operation::Close | Operation::CloseEarly => {
                // Who complained is not missing, but not in the round either.
                self.off_tape |= self.server.progress().is_some_and(|progress| progress.received < IDS.len());
                self.close()
            }
        }
    }

    fn send(&mut self, id: ClientId, message: &[u8], wire: &[u8]) -> Result<Receipt, Error> {
        match self.server.upload(id, MemorySpool::default()) {
            Ok(mut upload) if message.get(35) == Some(&4) => {
                upload.write(wire)?;
                self.server.accept(&mut upload, message)
            }
            _ => self.server.receive(message),
        }
    }

    /// Nobody is blamed who signed nothing wrong.
    fn judge(&self, result: Result<Receipt, Error>) -> bool {
        if let Err(error) = result
            && !self.off_tape
        {
            match error.culprit() {
                Some(Party::Client(id)) => assert!(self.forgers.contains(&id), "{id} is honest: {error}"),
                culprit => assert_eq!(culprit, None),
            }
        }
        !self.server.ended()
    }

    fn close(&mut self) -> bool {
        match self.server.close() {
            Ok(ServerStep::Send(_)) => {
                self.round += 1;
                true
            }
            Ok(ServerStep::Sum(sum)) => {
                let mut words = [0_u32; LEN];
                sum.read(0, &mut words).expect("the right length");
                assert!(self.off_tape || words[..] == plain_sum(&IDS), "a wrong sum");
                false
            }
            Ok(_) => false,
            Err(error) => {
                assert!(self.off_tape, "a full round does not close: {error}");
                !self.server.ended()
            }
        }
    }
}

fuzz_target!(|operations: Vec<Operation>| {
    let server = Server::new(&TAPE.session, TAPE.host.clone()).expect("the right identity");
    let mut run = Run { server, round: 0, forgers: BTreeSet::new(), off_tape: false };
    for operation in operations.iter().take(40) {
        if !run.play(operation) {
            return;
        }
    }
});
