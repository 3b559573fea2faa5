//! Sections 1 and 4: descriptors.

use veilsum::{
    Bound, ClientId, Error, Identity as _, IdentityKey, LatticeSet, Masking, PROTOCOL_VERSION, SUITE, Session, SigningIdentity,
};

use crate::json::Node;

pub(crate) fn descriptors(section: &Node<'_>) {
    descriptor(&section.get("exact"));
    descriptor(&section.get("tail"));
    section.list("defaults").iter().for_each(defaults);
    invalid(section);
}

pub(crate) fn lattice(section: &Node<'_>) {
    for node in section.list("valid") {
        assert!(matches!(descriptor(&node).masking(), Masking::Lattice(_)));
    }
    invalid(section);
}

fn invalid(section: &Node<'_>) {
    for case in section.list("invalid") {
        let (name, code) = (case.get("name").text(), case.get("code").number());
        let error = Session::decode(&case.hex("canonical")).unwrap_err();
        assert_eq!(u64::from(error.code()), code, "{name}: {error}");
        assert_eq!(matches!(error, Error::Params(_)), code < 200, "{name}");
    }
}

/// Decodes a descriptor, and builds it again from its fields.
pub(crate) fn descriptor(node: &Node<'_>) -> Session {
    let canonical = node.hex("canonical");
    let session = Session::decode(&canonical).unwrap();
    assert_eq!(session, built(node));
    assert_eq!(session.encode(), canonical);
    node.is("sid", &session.id().0);
    node.counts("n", session.clients() as u64);
    node.counts("threshold", session.threshold());
    node.counts("protocol_version", PROTOCOL_VERSION);
    node.counts("suite", SUITE);
    node.counts("masking", canonical[3]);
    // The only one that there is: whoever decodes has checked it.
    node.counts("graph", canonical[4]);
    session
}

fn built(node: &Node<'_>) -> Session {
    let member = |row: &Node<'_>| (ClientId(row.get("id").number()), IdentityKey(row.fixed("key")));
    let (bound, log2) = (node.get("bound").number(), node.get("tail_log2").small());
    let bound = match node.get("bound_kind").number() {
        1 => {
            assert_eq!(log2, 0);
            Bound::Exact { max_abs: bound }
        }
        kind => {
            assert_eq!(kind, 2);
            Bound::Tail { max_sum: bound, log2 }
        }
    };
    let roster: Vec<_> = node.list("roster").iter().map(member).collect();
    let server = IdentityKey(node.fixed("server_key"));
    let masking = match node.get("masking").small() {
        1 => Masking::Pairwise,
        code => Masking::Lattice(LatticeSet::from_code(code).unwrap()),
    };
    Session::builder(roster, server, node.get("vector_len").number(), node.get("modulus_bits").small(), bound)
        .masking(masking)
        .max_colluders(node.get("max_colluders").small())
        .max_dropouts(node.get("max_dropouts").small())
        .min_honest(node.get("min_honest").small())
        .chunk_len(node.get("chunk_len").small())
        .encoding(node.hex("encoding"))
        .round(node.get("round").number())
        .attempt(node.fixed("attempt"))
        .context(node.fixed("context"))
        .previous(node.fixed("previous"))
        .build()
        .unwrap()
}

fn defaults(row: &Node<'_>) {
    let key = |k: u64| {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&k.to_le_bytes());
        SigningIdentity::from_seed(&seed).public_key()
    };
    let roster = (1..=row.get("n").number()).map(|k| (ClientId(k), key(k)));
    let session = Session::builder(roster, key(0), 1, 64, Bound::Exact { max_abs: 1 }).build().unwrap();
    row.counts("max_colluders", session.max_colluders());
    row.counts("max_dropouts", session.max_dropouts());
    row.counts("min_honest", session.min_honest());
    row.counts("threshold", session.threshold());
}
