//! Every error has the number, the name and the culprit that section 16 of docs/protocol.md gives it.

use std::collections::BTreeSet;

use veilsum::{
    ClientFault, ClientId, DecodeError, EnvironmentError, Error, InputError, ParamsError, Party, RoundError, ServerFault,
};

/// One error of every variant, in the order of section 16.
fn every_error() -> Vec<Error> {
    let (id, other) = (ClientId(7), ClientId(9));
    let params = [
        ParamsError::RosterSize { n: 1 },
        ParamsError::RosterOrder(id),
        ParamsError::DuplicateIdentity(id),
        ParamsError::InvalidIdentity(None),
        ParamsError::Consistency { n: 5, c: 1, d: 2, t: 3 },
        ParamsError::TooFewHonest { t: 4, c: 2, min_honest: 3 },
        ParamsError::ModulusBits(1),
        ParamsError::Overflow { bits: 2, holds: 1, what: String::new(), need: 3 },
        ParamsError::VectorLen(0),
        ParamsError::ChunkLen(1),
        ParamsError::EncodingLen(2000),
        ParamsError::Bound,
        ParamsError::Dropouts { d: 3, n: 3 },
        ParamsError::Quantizer,
        ParamsError::LatticeWidth { clients: 3, max_abs: 1, need: 3, holds: 2 },
        ParamsError::LatticeBound,
        ParamsError::LatticeChunk { chunk_len: 64, block: 2048 },
    ];
    let client = [
        ClientFault::Malformed(DecodeError::Point),
        ClientFault::WrongTranscript,
        ClientFault::Equivocation,
        ClientFault::WrongHolders,
        ClientFault::WrongThreshold { expected: 3, got: 2 },
        ClientFault::PackageMismatch,
        ClientFault::WrongDimensions,
        ClientFault::WrongOwners,
        ClientFault::BadDealing,
        ClientFault::FalseComplaint,
        ClientFault::BadReveal,
        ClientFault::MaskKeyMismatch,
        ClientFault::NotInRound,
    ];
    let server = [
        ServerFault::Malformed(DecodeError::Order),
        ServerFault::WrongTranscript,
        ServerFault::EntrySignature(id),
        ServerFault::EntryTranscript(id),
        ServerFault::UnknownClient(id),
        ServerFault::OwnEntry,
        ServerFault::BelowThreshold { got: 2, threshold: 3 },
        ServerFault::DuplicateKey(id),
        ServerFault::PackageMismatch(id),
        ServerFault::WrongPackages,
        ServerFault::EntryContents(id, ClientFault::WrongHolders),
        ServerFault::Equivocation,
        ServerFault::WrongSum,
    ];
    let environment = [
        EnvironmentError::Rng,
        EnvironmentError::Signer,
        EnvironmentError::Spool(String::new()),
        EnvironmentError::Memory { words: 1 },
    ];
    let mut all: Vec<Error> = params.map(Error::from).into();
    all.extend(decode_errors().map(Error::from));
    all.extend(client.map(|fault| Error::Client { culprit: id, fault }));
    all.extend(server.map(Error::from));
    all.extend(round_errors(id, other).map(Error::from));
    all.extend(input_errors(id).map(Error::from));
    all.extend(environment.map(Error::from));
    all
}

fn decode_errors() -> [DecodeError; 17] {
    [
        DecodeError::Truncated,
        DecodeError::Trailing,
        DecodeError::Version { expected: 1, got: 2 },
        DecodeError::Suite { expected: 1, got: 2 },
        DecodeError::Session,
        DecodeError::UnexpectedType { expected: 1, got: 2 },
        DecodeError::Count,
        DecodeError::Scalar,
        DecodeError::Point,
        DecodeError::KemKey,
        DecodeError::KemCiphertext,
        DecodeError::Order,
        DecodeError::Padding,
        DecodeError::Value,
        DecodeError::Signature,
        DecodeError::Recipient,
        DecodeError::Mismatch,
    ]
}

fn round_errors(first: ClientId, second: ClientId) -> [RoundError; 10] {
    [
        RoundError::TooFewClients { remaining: 2, threshold: 3 },
        RoundError::NotIncluded,
        RoundError::Unopenable(first),
        RoundError::SharedKey { first, second },
        RoundError::Late(first),
        RoundError::UploadMismatch(first),
        RoundError::Repeat,
        RoundError::SumMismatch,
        RoundError::CorruptBlock(1),
        RoundError::Unproven,
    ]
}

fn input_errors(id: ClientId) -> [InputError; 16] {
    [
        InputError::NotInRoster(id),
        InputError::IdentityMismatch,
        InputError::WordOutOfRange { position: 1 },
        InputError::TooManyWords { expected: 1, given: 2 },
        InputError::Incomplete { missing: 1 },
        InputError::WordWidth(40),
        InputError::Range { start: 1, end: 2 },
        InputError::WrongState,
        InputError::NotFinite { position: 1 },
        InputError::Weight { weight: 2, max: 1 },
        InputError::Length { expected: 1, got: 2 },
        InputError::UploadOffset { expected: 1, got: 2 },
        InputError::Shard,
        InputError::Rounding { attempts: 90 },
        InputError::Truncated { position: 1 },
        InputError::Changed,
    ]
}

/// A row of the table in section 16.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    code: u16,
    name: String,
    blames: String,
}

/// The table in section 16 of the specification.
fn rows() -> Vec<Row> {
    let document = include_str!("../../docs/protocol.md");
    let section = document.split("\n## 16. Errors").nth(1).unwrap().split("\n## ").next().unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let [code, name, blames, meaning] = cells[..] else { panic!("{line}") };
        assert!(!meaning.is_empty());
        if name == "(retired)" {
            return None;
        }
        Some(Row { code: code.parse().ok()?, name: name.trim_matches('`').to_owned(), blames: blames.to_owned() })
    };
    section.lines().filter_map(row).collect()
}

/// An error as the table would have it: the variant's name is the beginning of what `Debug` prints.
fn row_of(error: &Error) -> Row {
    let (kind, inner, blames) = match error {
        Error::Params(inner) => (1, format!("{inner:?}"), "caller"),
        Error::Decode(inner) => (2, format!("{inner:?}"), "nobody"),
        Error::Client { fault, .. } => (3, format!("{fault:?}"), "client"),
        Error::Server(inner) => (4, format!("{inner:?}"), "server"),
        Error::Round(inner) => (5, format!("{inner:?}"), "nobody"),
        Error::Input(inner) => (6, format!("{inner:?}"), "caller"),
        Error::Environment(inner) => (7, format!("{inner:?}"), "environment"),
        error => panic!("{error}"),
    };
    assert_eq!(error.code() / 100, kind, "{error:?}");
    let name = inner.chars().take_while(|c| c.is_alphanumeric()).collect();
    Row { code: error.code(), name, blames: blames.to_owned() }
}

#[test]
fn every_error_has_the_number_the_name_and_the_culprit_of_the_specification() {
    let (stated, errors) = (rows(), every_error());
    assert_eq!(stated.len(), errors.len());
    for (stated, error) in stated.iter().zip(&errors) {
        assert_eq!(row_of(error), *stated);
        let culprit = match stated.blames.as_str() {
            "client" => Some(Party::Client(ClientId(7))),
            "server" => Some(Party::Server),
            _ => None,
        };
        assert_eq!(error.culprit(), culprit, "{error:?}");
    }
}

#[test]
fn numbers_of_errors_are_unique_and_the_source_has_no_others() {
    let stated: Vec<u16> = rows().iter().map(|row| row.code).collect();
    let unique: BTreeSet<u16> = stated.iter().copied().collect();
    assert_eq!(unique.len(), stated.len());
    // `codes!` is exhaustive by the compiler's word, so a new variant is found here.
    let table = include_str!("../../src/error.rs").split("\ncodes! {").nth(1).unwrap();
    let number = |after: &str| after.trim_start().get(..3)?.parse().ok();
    let coded: Vec<u16> = table.split("=>").skip(1).filter_map(number).collect();
    assert_eq!(coded, stated);
}

#[test]
fn every_error_says_something_of_its_own() {
    let texts: BTreeSet<String> = every_error().iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), every_error().len());
    for text in texts {
        assert!(text.len() > 10 && !text.ends_with('.') && text.starts_with(|c: char| !c.is_uppercase()), "{text}");
    }
}
