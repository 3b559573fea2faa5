//! The mean, compared with the plain one and written; at its place only once it is complete.

use std::{
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use veilsum::{dp::FixedPoint, secagg::sum::Sum};

use crate::{
    Holder,
    cli::Failure,
    files,
    session::{PIECE, Pieces},
};

/// Largest absolute differences.
#[derive(Default)]
pub(crate) struct Errors {
    /// Secure sum minus plain sum, in ring units.
    pub(crate) units: u64,
    /// Secure mean minus the exact mean of the numbers in the files, before clipping and rounding.
    pub(crate) mean: f64,
    /// The same after rounding to the format of the output.
    pub(crate) written: f64,
}

/// A file that is being written beside its final place.
pub(crate) struct Output {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Output {
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let file = files::beside(path).map_err(|e| Failure::file(path, e))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|e| Failure::file(&self.path, e))
    }

    /// Moves the file to its place.
    pub(crate) fn publish(self, force: bool) -> Result<(), Failure> {
        let Self { path, file } = self;
        let file = file.into_inner().map_err(|e| Failure::file(&path, e.error()))?;
        files::place(file, &path, force).map_err(|e| Failure::file(&path, e))
    }
}

/// Reads the sum in pieces, writes the mean in the formats of the first file, and compares with the files.
pub(crate) fn write_mean(holders: &[Holder], code: &FixedPoint, sum: &Sum, output: &mut Output) -> Result<Errors, Failure> {
    let Some(Holder { model, .. }) = holders.first() else { return Ok(Errors::default()) };
    output.write(model.header())?;
    let ring = sum.layout().ring();
    let mut comparison = Comparison::new(holders, code, sum)?;
    let total = comparison.total;
    for position in (0..model.parameters()).step_by(PIECE) {
        let len = PIECE.min(model.parameters() - position);
        let (mut words, mut mean) = (vec![0_u64; len], vec![0.0; len]);
        sum.read(position as u64, &mut words)?;
        code.mean(ring, &words, total, &mut mean)?;
        comparison.read(position, len)?;
        comparison.compare_words(&words);
        comparison.errors.mean = comparison.largest(&mean).max(comparison.errors.mean);
        output.write(&model.encode(position, &mut mean)?)?;
        comparison.errors.written = comparison.largest(&mean).max(comparison.errors.written);
    }
    Ok(comparison.errors)
}

/// What the sum should be, from the files.
struct Comparison<'a> {
    pieces: Vec<(Pieces<'a>, f64)>,
    mask: u64,
    total: u64,
    words: Vec<u64>,
    exact: Vec<f64>,
    errors: Errors,
}

impl<'a> Comparison<'a> {
    fn new(holders: &'a [Holder], code: &FixedPoint, sum: &Sum) -> Result<Self, Failure> {
        let ring = sum.layout().ring();
        let mut word = [0_u64];
        sum.read(sum.layout().vector_len() - 1, &mut word)?;
        let [weight] = word;
        let plain: u64 = holders.iter().map(|holder| u64::from(holder.weight)).sum();
        let errors = Errors { units: weight.abs_diff(plain), ..Errors::default() };
        let pieces = holders.iter().map(|holder| (Pieces::new(holder, *code, ring), f64::from(holder.weight))).collect();
        let total = code.total_weight(ring, weight);
        Ok(Self { pieces, mask: ring.max(), total, words: Vec::new(), exact: Vec::new(), errors })
    }

    #[allow(clippy::cast_precision_loss, reason = "weights are far below 2^53")]
    fn read(&mut self, position: usize, len: usize) -> Result<(), Failure> {
        self.words = vec![0; len];
        self.exact = vec![0.0; len];
        for (piece, weight) in &mut self.pieces {
            piece.read(position)?;
            self.words.iter_mut().zip(&piece.words).for_each(|(sum, word)| *sum = sum.wrapping_add(*word) & self.mask);
            let share = *weight / self.total as f64;
            self.exact.iter_mut().zip(&piece.numbers).for_each(|(mean, number)| *mean += share * number);
        }
        Ok(())
    }

    fn compare_words(&mut self, words: &[u64]) {
        let worst = words.iter().zip(&self.words).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
        self.errors.units = self.errors.units.max(worst);
    }

    fn largest(&self, mean: &[f64]) -> f64 {
        mean.iter().zip(&self.exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }
}
