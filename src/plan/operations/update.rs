//! The end of a step: the sum of partial gradients, the optimiser, and both in one.

use crate::plan::Segment;
use crate::plan::facts::{Argument, Count, Facts, Role, Rounding, Use, read, write};
use crate::recipe::Optimizer;

/// The arguments that are read: `first`, and the mask if some parameters are not trained.
fn reads(first: &'static str, masked: bool) -> Vec<Argument> {
    let mut arguments = read([first]);
    arguments.extend(read(["mask"]).into_iter().filter(|_| masked));
    arguments
}

pub(super) fn sum_gradients(segments: &[Segment], masked: bool) -> Facts {
    let partials: usize = segments.iter().map(|s| s.partials.length()).sum();
    let gradients: usize = segments.iter().map(|s| s.partials.words).sum();
    Facts {
        name: "sum_gradients",
        family: "sums",
        role: Role::Reduce,
        arguments: write(reads("partials", masked), ["new_gradients"]),
        flops: Count { per_sample: 0, once: partials },
        matmul: false,
        words: Count { per_sample: 0, once: partials + gradients },
        rounding: Rounding::Sum { terms: segments.iter().map(|s| s.partials.slots).max().unwrap_or(1) },
    }
}

pub(super) fn optimizer(optimizer: Optimizer, words: usize, masked: bool) -> Facts {
    let (name, rounding) = match optimizer {
        Optimizer::Sgd | Optimizer::Nesterov => ("sgd", Rounding::Sum { terms: 4 }),
        Optimizer::Adam | Optimizer::AdamW => ("adam", Rounding::Root { terms: 16 }),
    };
    let updated = ["parameters"].iter().chain(optimizer.states());
    let updated = updated.map(|name| Argument { name, usage: Use::Update });
    Facts {
        name,
        family: "optimizer",
        role: Role::Update,
        arguments: reads("gradients", masked).into_iter().chain(updated).collect(),
        flops: Count { per_sample: 0, once: 6 * words },
        matmul: false,
        words: Count { per_sample: 0, once: words * (3 + 2 * optimizer.states().len()) },
        rounding,
    }
}

/// [`sum_gradients`] and [`optimizer`] in one.
pub(super) fn fused(segments: &[Segment], kind: Optimizer, length: usize, masked: bool) -> Facts {
    let (sum, update) = (sum_gradients(segments, masked), optimizer(kind, length, masked));
    let Rounding::Sum { terms: slots } = sum.rounding else { unreachable!("a sum is rounded as a sum") };
    Facts {
        name: if update.name == "sgd" { "sum_sgd" } else { "sum_adam" },
        arguments: write([read(["partials"]), update.arguments[1..].to_vec()].concat(), ["new_gradients"]),
        flops: Count { per_sample: 0, once: sum.flops.once + update.flops.once },
        words: Count { per_sample: 0, once: sum.words.once + update.words.once - length },
        rounding: match update.rounding {
            Rounding::Root { terms } => Rounding::Root { terms: terms + slots },
            _ => Rounding::Sum { terms: 4 + slots },
        },
        ..update
    }
}
