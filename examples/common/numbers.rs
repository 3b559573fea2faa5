//! Vectors in files, as words of the session's ring.

use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
};

use veilsum::{InputError, Ring};

use crate::{
    cli::{self, Failure},
    files,
    rules::Rules,
};

/// Reads a client's vector; the last word counts the client.
pub(crate) fn read(path: &Path, rules: &Rules, ring: Ring) -> Result<Vec<u64>, Failure> {
    let numbers = if is_raw(path) { read_raw(path)? } else { read_text(path)? };
    let (got, expected) = (numbers.len() as u64, rules.values);
    if got != expected {
        return Err(Failure::file(path, format!("holds {got} numbers, but the session file says {expected}")));
    }
    let mut words = vec![0; numbers.len()];
    let clipped = rules.code.quantize(ring, 1, &numbers, &mut words).map_err(|e| match e {
        InputError::NotFinite { position } => Failure::file(path, format!("number {} is not finite", position + 1)),
        e => Failure::file(path, e),
    })?;
    if clipped > 0 {
        cli::say(&format!("{}: {clipped} numbers are beyond the clip of the session file, and were clipped", path.display()));
    }
    words.push(rules.code.weight_word(ring, 1)?);
    Ok(words)
}

/// Writes the sum, without the count at its end.
pub(crate) fn write(path: &Path, rules: &Rules, ring: Ring, words: &[u64], force: bool) -> Result<(), Failure> {
    let words = words.split_last().map_or(words, |(_, words)| words);
    let mut numbers = vec![0.0; words.len()];
    rules.code.mean(ring, words, 1, &mut numbers)?; // divided by 1: the sum
    let mut out = BufWriter::new(files::beside(path).map_err(|e| Failure::file(path, e))?);
    let raw = is_raw(path);
    for number in numbers {
        let written = if raw { write_raw(&mut out, number) } else { writeln!(out, "{number}") };
        written.map_err(|e| Failure::file(path, e))?;
    }
    let file = out.into_inner().map_err(|e| Failure::file(path, e.error()))?;
    files::place(file, path, force).map_err(|e| Failure::file(path, e))
}

fn is_raw(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "f32")
}

#[allow(clippy::cast_possible_truncation, reason = "the format that was asked for")]
fn write_raw(out: &mut impl Write, number: f64) -> std::io::Result<()> {
    out.write_all(&(number as f32).to_le_bytes())
}

fn read_raw(path: &Path) -> Result<Vec<f64>, Failure> {
    let bytes = fs::read(path).map_err(|e| Failure::file(path, e))?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(Failure::file(path, format!("{} bytes are no whole number of f32 values", bytes.len())));
    }
    Ok(numbers.iter().map(|number| f32::from_le_bytes(*number).into()).collect())
}

fn read_text(path: &Path) -> Result<Vec<f64>, Failure> {
    let text = fs::read_to_string(path).map_err(|e| Failure::file(path, e))?;
    let parse = |word: &str| word.parse().map_err(|_| Failure::file(path, format!("{word:?} is not a number")));
    text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).map(parse).collect()
}
