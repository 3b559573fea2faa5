//! All points of the experiment, over all processors.

use std::{
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use rand::{SeedableRng, rngs::StdRng};
use veilsum::{
    PrivacyError,
    dp::{Mechanism, NoiseLaw, Sampler},
};

use crate::{
    broken,
    cli::Failure,
    measure::{Data, Vectors, squared_error},
    row::{Measured, Row},
    scheme::{Central, Planned, Rotation, Rules, Scheme},
};

/// What is varied, and how often each point is measured.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    pub(crate) rules: Rules,
    pub(crate) clients: Vec<u32>,
    pub(crate) centrals: Vec<Central>,
    pub(crate) bits: Vec<u8>,
    pub(crate) repetitions: u64,
    pub(crate) seed: u64,
}

/// A point of the experiment.
struct Point {
    scheme: Scheme,
    vectors: Vectors,
    planned: Result<Planned, PrivacyError>,
}

impl Grid {
    /// The epsilon at which data of both kinds are compared, with and without rotation.
    pub(crate) fn middle(&self) -> &Central {
        &self.centrals[(self.centrals.len() - 1) / 2]
    }

    /// Measures everything.
    pub(crate) fn run(&self) -> Result<Vec<Row>, Failure> {
        let plan = |(scheme, vectors): (Scheme, Vectors)| {
            let planned = scheme.plan(&self.rules, self.central(scheme.epsilon));
            Point { scheme, vectors, planned }
        };
        let points: Vec<Point> = self.schemes().into_iter().map(plan).collect();
        let mut squared_errors = vec![Vec::new(); points.len()];
        for (place, errors) in self.measure(&points)? {
            squared_errors[place] = errors;
        }
        Ok(points.iter().zip(&squared_errors).map(|(point, errors)| self.row(point, errors)).collect())
    }

    /// The squared errors of all planned points, one for each repetition, with the places of the points.
    fn measure(&self, points: &[Point]) -> Result<Vec<(usize, Vec<f64>)>, Failure> {
        let most = self.clients.iter().copied().max().unwrap_or(0);
        let length = usize::try_from(self.rules.length).map_err(broken)?;
        let data: Vec<Data> =
            (0..self.repetitions).map(|repetition| Data::new(most, length, &mut self.rng(repetition, u64::MAX))).collect();
        let groups = same_noise(points);
        let bar = bar(groups.iter().map(Vec::len).sum());
        let measured = in_parallel(&groups, |group| {
            let Some(law) = group.first().and_then(|&place| law(&points[place])) else { return Ok(Vec::new()) };
            let sampler = Sampler::new(law).map_err(broken)?;
            let errors = |&place: &usize| {
                let errors = self.squared_errors(&points[place], &sampler, &data, place as u64)?;
                bar.inc(1);
                Ok((place, errors))
            };
            group.iter().map(errors).collect::<Result<Vec<_>, Failure>>()
        });
        bar.finish_and_clear();
        Ok(measured.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    fn squared_errors(&self, point: &Point, sampler: &Sampler, data: &[Data], place: u64) -> Result<Vec<f64>, Failure> {
        let planned = point.planned.as_ref().map_err(broken)?;
        let one = |(repetition, data): (u64, &Data)| {
            squared_error(planned, sampler, (data, point.vectors), repetition, &mut self.rng(repetition, place))
        };
        (0..).zip(data).map(one).collect()
    }

    /// The result depends on the seed, and neither on the order of the work nor on the number of processors.
    fn rng(&self, repetition: u64, place: u64) -> StdRng {
        let mut bytes = [0; 32];
        let seed = [self.seed, repetition, place];
        bytes.as_chunks_mut().0.iter_mut().zip(seed).for_each(|(bytes, seed)| *bytes = seed.to_le_bytes());
        StdRng::from_seed(bytes)
    }

    /// The whole grid for points of the sphere; where rotation matters, one mechanism and one epsilon for the others.
    fn schemes(&self) -> Vec<(Scheme, Vectors)> {
        let mut schemes = Vec::new();
        for &clients in &self.clients {
            for &Central { epsilon, .. } in &self.centrals {
                for &bits in &self.bits {
                    for (vectors, rotation, mechanism) in self.kinds(epsilon) {
                        schemes.push((Scheme { mechanism, rotation, clients, epsilon, bits }, vectors));
                    }
                }
            }
        }
        schemes
    }

    fn kinds(&self, epsilon: f64) -> Vec<(Vectors, Rotation, Mechanism)> {
        let mut kinds = Vec::new();
        for rotation in [Rotation::On, Rotation::Off] {
            kinds.extend(
                [Mechanism::Skellam, Mechanism::DiscreteGaussian].map(|mechanism| (Vectors::Sphere, rotation, mechanism)),
            );
        }
        if epsilon == self.middle().epsilon {
            kinds.push((Vectors::Sphere, Rotation::Unplanned, Mechanism::Skellam));
            let rotations = [Rotation::On, Rotation::Off, Rotation::Unplanned];
            kinds.extend(rotations.map(|rotation| (Vectors::Spike, rotation, Mechanism::Skellam)));
        }
        kinds
    }

    fn central(&self, epsilon: f64) -> &Central {
        self.centrals.iter().find(|central| central.epsilon == epsilon).unwrap_or(self.middle())
    }

    fn row(&self, point: &Point, squared_errors: &[f64]) -> Row {
        let central = self.central(point.scheme.epsilon);
        let measured = point.planned.as_ref().ok().map(|planned| Measured::new(planned, squared_errors, central));
        Row::new(self.rules.length, &point.scheme, point.vectors, measured, point.planned.as_ref().err().map(ToString::to_string))
    }
}

fn law(point: &Point) -> Option<NoiseLaw> {
    point.planned.as_ref().ok().map(|planned| planned.plan.release().law)
}

/// The places of the planned points, together where one table of noise does for all; the longest work, with the most clients, first.
fn same_noise(points: &[Point]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(NoiseLaw, Vec<usize>)> = Vec::new();
    for (place, point) in points.iter().enumerate().rev() {
        let Some(law) = law(point) else { continue };
        match groups.iter_mut().find(|(other, _)| *other == law) {
            Some((_, group)) => group.push(place),
            None => groups.push((law, vec![place])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Does the work for every item, over all processors, and returns the results in any order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || std::iter::from_fn(|| items.get(next.fetch_add(1, Ordering::Relaxed))).map(&work).collect::<Vec<R>>();
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// Hidden unless the standard error is a terminal.
fn bar(len: usize) -> ProgressBar {
    let bar = ProgressBar::new(len as u64);
    if let Ok(style) = ProgressStyle::with_template("point {pos:>4}/{len} [{bar:40}] {elapsed} eta {eta}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
