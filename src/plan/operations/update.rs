//! The end of a step: sums of scores and of partial gradients, and the optimiser.

use crate::plan::Segment;
use crate::plan::facts::{Argument, Count, Facts, Role, Rounding, Use, read, write};
use crate::recipe::Optimizer;

pub(super) fn sum_scores(batch: usize) -> Facts {
    Facts {
        name: "sum_scores",
        family: "sums",
        role: Role::Loss,
        arguments: write(read(["scores"]), ["metrics"]),
        flops: Count { per_sample: 4, once: 0 },
        matmul: false,
        words: Count { per_sample: 4, once: 0 },
        rounding: Rounding::Sum { terms: batch },
    }
}

pub(super) fn sum_gradients(segments: &[Segment]) -> Facts {
    let partials: usize = segments.iter().map(|s| s.partials.length()).sum();
    let gradients: usize = segments.iter().map(|s| s.partials.words).sum();
    Facts {
        name: "sum_gradients",
        family: "sums",
        role: Role::Reduce,
        arguments: write(read(["partials"]), ["gradients"]),
        flops: Count { per_sample: 0, once: partials },
        matmul: false,
        words: Count { per_sample: 0, once: partials + gradients },
        rounding: Rounding::Sum { terms: segments.iter().map(|s| s.partials.slots).max().unwrap_or(1) },
    }
}

pub(super) fn optimizer(optimizer: Optimizer, words: usize) -> Facts {
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
        arguments: read(["gradients"]).into_iter().chain(updated).collect(),
        flops: Count { per_sample: 0, once: 6 * words },
        matmul: false,
        words: Count { per_sample: 0, once: words * (3 + 2 * optimizer.states().len()) },
        rounding,
    }
}
