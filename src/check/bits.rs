//! The same bits again: twice, cut into submissions in other ways, and in another order of operations.

use serde::Serialize;

use super::batch::reset;
use super::yardstick::Yardstick;
use crate::error::Result;
use crate::plan::{Phase, Plan, Role, Runner, Step};

/// A repetition that must give the same bits as the first time.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// The work that was repeated, and the way.
    pub name: String,
    /// The first word with other bits; null if there is none.
    pub difference: Option<Difference>,
}

/// A word with two values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Buffer and word.
    pub place: String,
    /// Bits of the first time.
    pub first: u32,
    /// Bits of this time.
    pub again: u32,
    /// Number of words that differ.
    pub words: usize,
}

/// Buffers and their words, by name.
pub(super) type Bits = Vec<(String, Vec<u32>)>;

/// The first word that differs, and the number of those that do; `None` if none does.
pub(super) fn difference(first: &Bits, again: &Bits) -> Option<Difference> {
    let mut found: Option<Difference> = None;
    for ((name, a), (_, b)) in first.iter().zip(again) {
        for (word, (a, b)) in a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b) {
            let named = || format!("{name}[{word}]");
            found.get_or_insert_with(|| Difference { place: named(), first: *a, again: *b, words: 0 }).words += 1;
        }
    }
    found
}

/// The results of steps: losses, gradients, weights and the state of the optimiser.
fn bits(runner: &mut dyn Runner, plan: &Plan, losses: Vec<u32>) -> Result<Bits> {
    let mut bits = vec![("losses".to_owned(), losses)];
    for buffer in [plan.gradients()?, plan.parameters].iter().chain(&plan.states) {
        bits.push((plan.buffer(*buffer).name.clone(), runner.read_now(*buffer)?));
    }
    Ok(bits)
}

/// Runs `steps` from the initial weights, `at_once` of them per submission.
pub(super) fn train(runner: &mut dyn Runner, yardstick: &Yardstick, steps: &[Step], at_once: usize) -> Result<Bits> {
    let plan = yardstick.plan();
    reset(runner, plan, &yardstick.tensors)?;
    let mut losses = Vec::new();
    for steps in steps.chunks(at_once) {
        runner.submit(Phase::Train, &Step::in_rows(steps))?;
        losses.extend(runner.collect_now()?.iter().map(|m| m.loss.to_bits()));
    }
    bits(runner, plan, losses)
}

/// Runs `steps` one operation at a time, each waited for. If `reversed`, the gradients of weights run after all other
/// gradients and from the last layer to the first: see [`Role::BackwardWeights`].
fn train_by_operation(runner: &mut dyn Runner, yardstick: &Yardstick, steps: &[Step], reversed: bool) -> Result<Bits> {
    let plan = yardstick.plan();
    reset(runner, plan, &yardstick.tensors)?;
    let mut order = plan.phase(Phase::Train)?;
    if reversed {
        let rank = |index: &usize| match plan.ops[*index].kind.facts().role {
            Role::Input | Role::Forward | Role::Loss | Role::BackwardInput => (0, *index),
            Role::BackwardWeights => (1, plan.ops.len() - index),
            Role::Reduce | Role::Update => (2, *index),
        };
        order.sort_by_key(rank);
    }
    let mut losses = Vec::new();
    for step in steps {
        for index in &order {
            runner.run_op_now(*index, step, 1)?;
        }
        losses.push(runner.read_now(plan.metrics)?[4 * step.row as usize]);
    }
    bits(runner, plan, losses)
}

/// Logits of the first `samples` samples, evaluated in steps of `count`.
fn evaluate(runner: &mut dyn Runner, plan: &Plan, samples: usize, count: usize) -> Result<Bits> {
    let classes = plan.model.classes();
    let mut logits = Vec::new();
    for step in Step::default().batches(0..samples, count) {
        runner.submit(Phase::Evaluate, &[step])?;
        runner.collect_now()?;
        logits.extend(plan.blocks.unblock(&runner.read_now(plan.logits)?, classes, step.count as usize));
    }
    let predictions = runner.read_now(plan.predictions)?[..samples].to_vec();
    Ok(vec![("logits".to_owned(), logits), ("predictions".to_owned(), predictions)])
}

/// The first `count` steps of `yardstick` in several ways, and a batch evaluated in parts.
///
/// Errors: those of the device.
pub fn check_bits(runner: &mut dyn Runner, yardstick: &Yardstick, count: usize) -> Result<Vec<Trial>> {
    let steps = &yardstick.steps[..count.min(yardstick.steps.len())];
    yardstick.load(runner)?;
    let few = &steps[..steps.len().min(3)];
    let first = train(runner, yardstick, steps, steps.len())?;
    // The data are written anew, so that a fault in the data on the device shows.
    yardstick.load(runner)?;
    let again = train(runner, yardstick, steps, steps.len())?;
    let one_by_one = train(runner, yardstick, steps, 1)?;
    let first_few = train(runner, yardstick, few, few.len())?;
    let apart = train_by_operation(runner, yardstick, few, false)?;
    let reversed = train_by_operation(runner, yardstick, few, true)?;

    let batch = yardstick.plan.batch;
    let whole = evaluate(runner, &yardstick.plan, batch, batch)?;
    let halves = evaluate(runner, &yardstick.plan, batch, batch / 2)?;
    let uneven = evaluate(runner, &yardstick.plan, batch, 7)?;
    let trial = |name: String, first: &Bits, again: &Bits| Trial { name, difference: difference(first, again) };
    let (n, f) = (steps.len(), few.len());
    Ok(vec![
        trial(format!("{n} steps, twice"), &first, &again),
        trial(format!("{n} steps in one submission, or one per submission"), &first, &one_by_one),
        trial(format!("{f} steps, each operation waited for"), &first_few, &apart),
        trial(format!("{f} steps, weight gradients last and in reverse"), &first_few, &reversed),
        trial(format!("{batch} samples at once, or in halves"), &whole, &halves),
        trial(format!("{batch} samples at once, or seven at a time"), &whole, &uneven),
    ])
}
