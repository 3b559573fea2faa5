//! The session file: what all parties have agreed on. Every party has its own copy, and builds the descriptor from that.

use std::{collections::BTreeMap, fs, path::Path, str::FromStr};

use veilsum::{Bound, ClientId, Identity, IdentityKey, LatticeSet, Masking, Session, dp::FixedPoint};

use crate::{cli::Failure, keys::Key};

pub(crate) struct Rules {
    pub(crate) session: Session,
    pub(crate) code: FixedPoint,
    /// Numbers in a vector.
    pub(crate) values: u64,
}

/// The lines of a session file.
#[derive(Default)]
struct Lines {
    fields: BTreeMap<String, String>,
    roster: Vec<(ClientId, IdentityKey)>,
}

const FIELDS: [&str; 9] =
    ["round", "attempt", "values", "clip", "fraction_bits", "max_dropouts", "max_colluders", "masking", "server"];

impl Rules {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|e| Failure::file(path, e))?;
        Self::parse(&text).map_err(|reason| Failure::file(path, reason))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let lines = Lines::parse(text)?;
        let values: u64 = lines.number("values")?;
        if values == 0 {
            return Err("values: must be at least 1".into());
        }
        let code = FixedPoint::new(lines.number("clip")?, lines.number("fraction_bits")?, 1).map_err(|e| e.to_string())?;
        let (len, bits) = (code.vector_len(values), code.modulus_bits(lines.roster.len()));
        let bound = Bound::Exact { max_abs: code.max_abs() };
        let server = IdentityKey(hex(lines.field("server")?).ok_or("server: a key has 64 hexadecimal digits")?);
        let attempt = hex(lines.field("attempt")?).ok_or("attempt: 32 hexadecimal digits are needed")?;
        let mut builder = Session::builder(lines.roster.iter().copied(), server, len, bits, bound);
        if lines.fields.contains_key("max_dropouts") {
            builder = builder.max_dropouts(lines.number("max_dropouts")?);
        }
        if lines.fields.contains_key("max_colluders") {
            builder = builder.max_colluders(lines.number("max_colluders")?);
        }
        if let Some(name) = lines.fields.get("masking") {
            builder = builder.masking(masking(name)?);
        }
        let builder = builder.encoding(code.encode()).round(lines.number("round")?).attempt(attempt);
        Ok(Self { session: builder.build().map_err(|e| e.to_string())?, code, values })
    }

    /// Who has this key in the roster.
    pub(crate) fn client(&self, key: &Key) -> Option<ClientId> {
        let public = key.identity.public_key();
        self.session.roster().iter().find(|(_, other)| *other == public).map(|(id, _)| *id)
    }
}

impl Lines {
    fn parse(text: &str) -> Result<Self, String> {
        let mut lines = Self::default();
        for (place, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                lines.add(line).map_err(|reason| format!("line {}: {reason}", place + 1))?;
            }
        }
        Ok(lines)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let (name, value) = line.split_once('=').ok_or("expected: name = value")?;
        let (name, value) = (name.trim(), value.trim());
        if let Some(id) = name.strip_prefix("client ") {
            let id = id.trim().parse().map_err(|e| format!("{name}: {e}"))?;
            let key = hex(value).ok_or_else(|| format!("{name}: a key has 64 hexadecimal digits"))?;
            self.roster.push((ClientId(id), IdentityKey(key)));
            return Ok(());
        }
        if !FIELDS.contains(&name) {
            return Err(format!("no field is called {name:?}; there are client NUMBER, {}", FIELDS.join(", ")));
        }
        match self.fields.insert(name.to_owned(), value.to_owned()) {
            Some(_) => Err(format!("{name} is given twice")),
            None => Ok(()),
        }
    }

    fn field(&self, name: &str) -> Result<&str, String> {
        self.fields.get(name).map(String::as_str).ok_or_else(|| format!("{name} is missing"))
    }

    fn number<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, String> {
        self.field(name)?.parse().map_err(|e| format!("{name}: {e}"))
    }
}

/// `pairwise`, which is the default, or the name of a lattice set.
fn masking(name: &str) -> Result<Masking, String> {
    let set = LatticeSet::ALL.into_iter().find(|set| format!("{set:?}") == name);
    let sets = || LatticeSet::ALL.map(|set| format!("{set:?}")).join(", ");
    match (name, set) {
        ("pairwise", _) => Ok(Masking::Pairwise),
        (_, Some(set)) => Ok(Masking::Lattice(set)),
        _ => Err(format!("masking: {name:?} is none of pairwise, {}", sets())),
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}
