//! What private training says about itself.

use std::fmt::Write;

use veilsum::account::ledger::Isolation;

use super::{
    Budget, History, References, Setting,
    frontier::{Frontier, Point, REPEATS, Spread, Use},
    training::{LEARNING_RATE, LOCAL_EPOCHS},
};
use crate::{
    code::max_absent,
    data::{CLASSES, NATIONS},
    last,
    learn::PARAMETERS,
    linear::LINEAR_PARAMETERS,
};

/// What is promised, to whom, and by which knobs.
pub(crate) fn setting(setting: &Setting, budget: &Budget) -> String {
    let (target, plan, release, rounds) = (setting.target, &budget.plan, budget.plan.release(), setting.rounds);
    let (nations, absent) = (NATIONS.len(), max_absent(NATIONS.len()));
    let (present, mut text) = (nations - absent as usize, String::new());
    let _ = writeln!(text, "private: epsilon {} at delta {:e}, for all {rounds} rounds together", target.epsilon, target.delta);
    let _ = writeln!(text, "  unit             a whole nation: all of its data against none of it");
    let _ = writeln!(text, "  model            softmax regression, {LINEAR_PARAMETERS} parameters (without --dp: {PARAMETERS})");
    let _ = writeln!(
        text,
        "  at home          {LOCAL_EPOCHS} passes a round, step length {LEARNING_RATE}; every nation counts the same"
    );
    let _ = writeln!(text, "  clip             {} (L2 norm of what a nation adds to the model in a round)", setting.clip);
    let _ = writeln!(text, "  noise multiplier {:.3} (Rényi accountant, Skellam noise)", budget.noise_multiplier);
    let _ = writeln!(
        text,
        "                   of the {} honest that are certain: {present} of {nations} answer, {absent} of them tell the server theirs",
        release.honest
    );
    let _ =
        writeln!(text, "  central          {:.3} (analytic Gaussian, a curator whom all would have to trust)", budget.central);
    let _ = writeln!(
        text,
        "  encoding         {} words of {} bits, {} bytes a nation; {:.0} levels to the clip; any sum wraps: below 2^{:.0}",
        plan.encoding().vector_len(),
        plan.encoding().ring().bits(),
        plan.bytes(),
        plan.scale() * setting.clip,
        plan.log2_wrap(),
    );
    #[allow(clippy::cast_precision_loss, reason = "few rounds")]
    let failures = rounds as f64 * release.added_delta(budget.epsilon);
    let _ = writeln!(text, "  delta            {failures:.1e} of it is for what the encoder may fail to do");
    if target.delta * f64::from(release.clients) >= 1.0 {
        let _ = writeln!(
            text,
            "  WARNING          a delta of 1/{nations} or more allows to publish all data of a nation drawn at random"
        );
    }
    text + "The knobs were chosen by hand on these data, which epsilon does not count: choose yours on public data.\n\n"
}

/// The training through sessions beside what it is measured against.
pub(crate) fn accuracy(setting: &Setting, history: &History, references: &References) -> String {
    let (mut text, rounds) = (String::new(), setting.rounds);
    let mut line = |name: &str, accuracy: f32| {
        let _ = writeln!(text, "  {name:<45} {:>6.1} %", 100.0 * accuracy);
    };
    line("private, secure sums (this is the federation)", last(&history.private));
    line("private, a trusted curator, continuous noise", last(&history.central));
    line("the same training, clipped, without noise", last(&history.clipped));
    line("without --dp", references.open);
    line("best nation alone", references.best_alone);
    #[allow(clippy::cast_precision_loss, reason = "ten")]
    line("guessing", 1.0 / CLASSES as f32);
    let verdict = if last(&history.private) <= references.best_alone {
        "USELESS at this epsilon: the best nation is better off alone, and then shows nothing\n"
    } else {
        ""
    };
    let spent: String = history.spent.iter().map(|epsilon| format!(" {epsilon:.2}")).collect();
    let isolated = match history.isolated {
        Some(Isolation::Parties(parties)) => format!("single out {parties} of the nations"),
        Some(_) => "may single out nations".into(),
        None => "single out no nation".into(),
    };
    format!(
        "accuracy on the held-out images after {rounds} rounds, every round a session\n{text}{verdict}\
         (the others are here to compare: a federation that wants its privacy can not show them)\n\n\
         epsilon spent after each round:{spent}\n\
         drop-outs in {rounds} rounds: {}; largest difference between secure sum and plain sum: {} ring units\n\
         combined, the sums of different survivors {isolated}; the noise is what protects them\n\n",
        history.dropouts, history.difference
    )
}

/// Accuracy against epsilon.
pub(crate) fn frontiers(setting: &Setting, frontiers: &[Frontier]) -> String {
    let mut text = format!(
        "accuracy against epsilon (delta {:e}), mean and standard deviation of {REPEATS} trainings\n\
         encoded, added up and decoded without sessions, for speed: a session gives the same sum bit for bit\n",
        setting.target.delta
    );
    let cell = |spread: Spread| format!("{:>7.1} % ± {:>4.1}", 100.0 * spread.mean, 100.0 * spread.deviation);
    for frontier in frontiers {
        let Frontier { nations, images, best_alone, .. } = frontier;
        let _ = writeln!(text, "\n  {nations} nations, {images} images each; best nation alone {:.1} %", 100.0 * best_alone);
        let _ = writeln!(text, "    epsilon        secure sums  trusted curator");
        for point @ Point { epsilon, private, central } in &frontier.points {
            let remark = match point.compared_to(*best_alone) {
                Use::Useless => "  useless",
                Use::Uncertain => "  uncertain",
                Use::Better => "",
            };
            let _ = writeln!(text, "    {epsilon:>7}  {}  {}{remark}", cell(*private), cell(*central));
        }
        let _ = writeln!(text, "   no noise  {}", cell(frontier.clipped));
        for (epsilon, reason) in &frontier.missing {
            let _ = writeln!(text, "    {epsilon:>7}  {reason}");
        }
    }
    text
}

/// Where private training is of no use, in words.
pub(crate) fn verdicts(frontiers: &[Frontier]) -> String {
    let verdicts: String = frontiers.iter().map(verdict).collect();
    let clear = "better: by more than a standard deviation";
    format!("\n{verdicts}({clear}; an epsilon of 10 or more promises little: a likelihood may change by a factor of e^epsilon)\n")
}

fn verdict(frontier: &Frontier) -> String {
    let Frontier { nations, best_alone, points, .. } = frontier;
    let last_that = |found: Use| points.iter().rfind(|point| point.compared_to(*best_alone) == found);
    let all_better_from =
        points.iter().rposition(|point| point.compared_to(*best_alone) != Use::Better).map_or(0, |place| place + 1);
    let say = |point: &Point| format!("{:.1} % at epsilon {}", 100.0 * point.private.mean, point.epsilon);
    let useless = last_that(Use::Useless).map_or_else(
        || "nowhere useless".into(),
        |last| format!("USELESS at epsilon {} and below ({})", last.epsilon, some_of(points, last.epsilon, say)),
    );
    let better = points.get(all_better_from).map_or_else(
        || "nowhere clearly better".into(),
        |first| format!("better from epsilon {} on ({})", first.epsilon, say(first)),
    );
    format!("{nations} nations: {useless}, {better}; the best nation alone: {:.1} %\n", 100.0 * best_alone)
}

/// The first of the points up to an epsilon, and the last.
fn some_of(points: &[Point], epsilon: f64, say: impl Fn(&Point) -> String) -> String {
    let mut upto = points.iter().filter(|point| point.epsilon <= epsilon);
    let ends = [upto.next(), upto.next_back()];
    ends.into_iter().flatten().map(say).collect::<Vec<_>>().join(", ")
}
