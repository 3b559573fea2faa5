//! Many clients encode, the server adds and decodes, and the result is compared with the true sum.

use std::f64::consts::TAU;

use rand::{RngExt, rngs::StdRng};
use serde::Serialize;
use veilsum::dp::{EncodingSeed, Sampler};

use crate::{broken, cli::Failure, scheme::Planned};

/// What the clients hold; every vector has norm 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Vectors {
    /// Independent uniform points of the sphere, as in the papers.
    Sphere,
    /// All clients have all of their norm in the first value.
    Spike,
}

impl Vectors {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sphere => "sphere",
            Self::Spike => "spike",
        }
    }
}

/// The vectors of all clients.
pub(crate) struct Data {
    pub(crate) sphere: Vec<Vec<f32>>,
    pub(crate) spike: Vec<f32>,
}

impl Data {
    pub(crate) fn new(clients: u32, length: usize, rng: &mut StdRng) -> Self {
        let mut spike = vec![0.0; length];
        spike[0] = 1.0;
        Self { sphere: (0..clients).map(|_| point_of_the_sphere(length, rng)).collect(), spike }
    }

    fn of(&self, vectors: Vectors, client: usize) -> &Vec<f32> {
        match vectors {
            Vectors::Sphere => &self.sphere[client],
            Vectors::Spike => &self.spike,
        }
    }

    fn sum(&self, vectors: Vectors, clients: usize) -> Vec<f64> {
        let mut sum = vec![0.0; self.spike.len()];
        for client in 0..clients {
            sum.iter_mut().zip(self.of(vectors, client)).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        sum
    }
}

/// Normal variates (Box and Muller, 1958), scaled to norm 1.
#[allow(clippy::cast_possible_truncation, reason = "an update in f32")]
fn point_of_the_sphere(length: usize, rng: &mut StdRng) -> Vec<f32> {
    let mut normals = Vec::with_capacity(length + 1);
    while normals.len() < length {
        let (radius, angle) = ((-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt(), TAU * rng.random::<f64>());
        normals.extend([radius * angle.cos(), radius * angle.sin()]);
    }
    normals.truncate(length);
    let norm = normals.iter().map(|x| x * x).sum::<f64>().sqrt();
    normals.iter().map(|x| (x / norm) as f32).collect()
}

/// Mean squared error of a coordinate of the decoded sum. The words are added modulo the ring, which is what a session computes too.
pub(crate) fn squared_error(
    planned: &Planned,
    sampler: &Sampler,
    (data, vectors): (&Data, Vectors),
    round: u64,
    rng: &mut StdRng,
) -> Result<f64, Failure> {
    let encoding = planned.encoding.for_round(round);
    let clients = planned.plan.release().clients as usize;
    let words = usize::try_from(encoding.vector_len()).map_err(broken)?;
    let (mut sum, mut one) = (vec![0_u32; words], vec![0_u32; words]);
    for client in 0..clients {
        let seed = EncodingSeed::generate(rng).map_err(veilsum::Error::from)?;
        encoding.encoder(sampler, data.of(vectors, client), 1, seed)?.next_words(&mut one)?;
        // Words have at most 32 bits, and what is above them does not count.
        sum.iter_mut().zip(&one).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
    }
    let mut decoded = vec![0.0; words];
    encoding.decode(0, &sum, &mut decoded)?;
    let truth = data.sum(vectors, clients);
    let squares = decoded.iter().zip(&truth).map(|(decoded, truth)| (decoded - truth).powi(2));
    Ok(squares.sum::<f64>() / truth.len() as f64)
}
