//! Sections 1 and 4: descriptors.

use veilsum::{
    Bound, ClientId, Error, Identity as _, IdentityKey, LatticeSet, Masking, PROTOCOL_VERSION, SUITE, Session, SigningIdentity,
};

use super::{
    context::Context,
    node::{At, Node, Outcome},
    tally::Tally,
};

pub(crate) fn descriptors(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for name in ["exact", "tail"] {
        let node = group.get(name)?;
        tally.case(&node, || descriptor(&node).map(drop));
    }
    for row in group.list("defaults")? {
        tally.case(&row, || defaults(&row));
    }
    invalid(group, tally)
}

pub(crate) fn lattice(group: &Node<'_>, _: &Context<'_>, tally: &mut Tally) -> Outcome {
    for node in group.list("valid")? {
        tally.case(&node, || node.holds(matches!(descriptor(&node)?.masking(), Masking::Lattice(_)), "lattice masks"));
    }
    invalid(group, tally)
}

fn invalid(group: &Node<'_>, tally: &mut Tally) -> Outcome {
    for case in group.list("invalid")? {
        tally.case(&case, || {
            let code = case.get("code")?;
            let error = Session::decode(&case.hex("canonical")?).err();
            code.same(Some(code.number()?), error.as_ref().map(|error| error.code().into()))?;
            code.same(code.number()? < 200, matches!(error, Some(Error::Params(_))))
        });
    }
    Ok(())
}

/// Decodes a descriptor, and builds it again from its fields.
pub(super) fn descriptor(node: &Node<'_>) -> Outcome<Session> {
    let canonical = node.hex("canonical")?;
    let session = Session::decode(&canonical).at(node)?;
    node.holds(session == built(node)?, "the descriptor that its fields give")?;
    node.is("canonical", &session.encode())?;
    node.is("sid", &session.id().0)?;
    node.counts("n", session.clients() as u64)?;
    node.counts("threshold", session.threshold())?;
    node.counts("protocol_version", PROTOCOL_VERSION)?;
    node.counts("suite", SUITE)?;
    node.counts("masking", canonical.get(3).copied().unwrap_or(0))?;
    // The only one that there is: whoever decodes has checked it.
    node.counts("graph", canonical.get(4).copied().unwrap_or(0))?;
    Ok(session)
}

fn bound(node: &Node<'_>) -> Outcome<Bound> {
    let (bound, log2) = (node.get("bound")?.number()?, node.get("tail_log2")?);
    match node.get("bound_kind")?.number()? {
        1 => log2.same(0, log2.number()?).map(|()| Bound::Exact { max_abs: bound }),
        2 => Ok(Bound::Tail { max_sum: bound, log2: log2.small()? }),
        other => Err(node.fails("bound_kind 1 or 2", other)),
    }
}

fn built(node: &Node<'_>) -> Outcome<Session> {
    let member = |row: &Node<'_>| Ok((ClientId(row.get("id")?.number()?), IdentityKey(row.fixed("key")?)));
    let roster: Vec<_> = node.list("roster")?.iter().map(member).collect::<Outcome<_>>()?;
    let server = IdentityKey(node.fixed("server_key")?);
    let masking = match node.get("masking")?.small()? {
        1 => Masking::Pairwise,
        code => Masking::Lattice(LatticeSet::from_code(code).at(node)?),
    };
    Session::builder(roster, server, node.get("vector_len")?.number()?, node.get("modulus_bits")?.small()?, bound(node)?)
        .masking(masking)
        .max_colluders(node.get("max_colluders")?.small()?)
        .max_dropouts(node.get("max_dropouts")?.small()?)
        .min_honest(node.get("min_honest")?.small()?)
        .chunk_len(node.get("chunk_len")?.small()?)
        .encoding(node.hex("encoding")?)
        .round(node.get("round")?.number()?)
        .attempt(node.fixed("attempt")?)
        .context(node.fixed("context")?)
        .previous(node.fixed("previous")?)
        .build()
        .at(node)
}

fn defaults(row: &Node<'_>) -> Outcome {
    let key = |k: u64| {
        let seed: Vec<u8> = k.to_le_bytes().into_iter().chain([0; 24]).collect();
        SigningIdentity::from_seed(&seed.try_into().unwrap_or_default()).public_key()
    };
    let roster = (1..=row.get("n")?.small::<u16>()?.into()).map(|k| (ClientId(k), key(k)));
    let session = Session::builder(roster, key(0), 1, 64, Bound::Exact { max_abs: 1 }).build().at(row)?;
    row.counts("max_colluders", session.max_colluders())?;
    row.counts("max_dropouts", session.max_dropouts())?;
    row.counts("min_honest", session.min_honest())?;
    row.counts("threshold", session.threshold())
}
