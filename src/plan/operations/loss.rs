//! The loss: per sample the probabilities, loss and class; the gradient of the logits.

use crate::model;
use crate::plan::facts::{Count, Facts, Role, Rounding, read, write};

/// Extents of the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loss {
    /// Number of classes.
    pub classes: usize,
    /// The loss.
    pub kind: model::Loss,
    /// Factor of the loss and of its gradient.
    pub scale: f32,
    /// Most samples of a step.
    pub batch: usize,
    /// Whether it writes the gradient of the logits: true in a plan that trains.
    pub gradient: bool,
}

impl Loss {
    pub(super) fn facts(&self) -> Facts {
        let arguments = write(read(["logits", "targets"]), ["probabilities", "metrics", "predictions"]);
        Facts {
            name: if self.gradient { "softmax_cross_entropy" } else { "softmax_cross_entropy_evaluate" },
            family: "softmax_cross_entropy",
            role: Role::Loss,
            arguments: if self.gradient { write(arguments, ["dlogits"]) } else { arguments },
            flops: Count { per_sample: 8 * self.classes, once: 0 },
            matmul: false,
            words: Count { per_sample: (2 + usize::from(self.gradient)) * self.classes + 2, once: 0 },
            rounding: Rounding::Softmax { classes: self.classes, batch: self.batch },
        }
    }
}
