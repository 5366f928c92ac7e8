//! Trainable sub-sampling of the 1998 paper: the sum of each pooling window, times a coefficient per channel, plus a
//! bias, then an activation.

use super::site::{Pass, Site};
use crate::model::{Activation, Layer, Shape};
use crate::plan::Partials;
use crate::plan::facts::{Count, Facts, Role, Rounding, read, write};

/// Most slots: channels alone are few threads.
const MOST_SLOTS: usize = 32;

/// Geometry of trainable sub-sampling; the stride is the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subsample {
    /// Shape of `x`.
    pub input: Shape,
    /// Shape of `y`.
    pub output: Shape,
    /// Rows and columns of a pooling window.
    pub size: usize,
    /// Applied to the sums (forward).
    pub activation: Activation,
    /// The activation that made `x` (backward to the input).
    pub input_activation: Activation,
    /// First word of the coefficients in `parameters`.
    pub weights: usize,
    /// First word of the bias in `parameters`.
    pub bias: usize,
    /// Layout of its partial gradients.
    pub partials: Partials,
}

impl Subsample {
    /// The geometry of `layer`, with pooling windows of `size` x `size`.
    pub(super) fn of(layer: &Layer, size: usize, site: &mut Site) -> Self {
        let (weights, bias, partials) = (site.segment)(layer.output.height, 1, MOST_SLOTS);
        Self {
            input: layer.input,
            output: layer.output,
            size,
            activation: layer.activation(),
            input_activation: site.input_activation,
            weights,
            bias,
            partials,
        }
    }

    pub(super) fn facts(&self, pass: Pass) -> Facts {
        let block = self.size * self.size;
        let (inputs, outputs) = (self.input.elements(), self.output.elements());
        let shared = Facts {
            name: "",
            family: "subsample",
            role: Role::Forward,
            arguments: Vec::new(),
            flops: Count { per_sample: inputs + 2 * outputs, once: 0 },
            matmul: false,
            words: Count { per_sample: inputs + outputs, once: self.partials.words },
            rounding: Rounding::Exact,
        };
        match pass {
            Pass::Forward => Facts {
                name: "subsample_forward",
                arguments: write(read(["x", "parameters"]), ["y"]),
                rounding: Rounding::Activated { terms: block + 1, by: self.activation },
                ..shared
            },
            Pass::BackwardInput => Facts {
                name: "subsample_backward_input",
                role: Role::BackwardInput,
                arguments: write(read(["dy", "parameters", "x"]), ["x_gradient"]),
                words: Count { per_sample: 2 * inputs + outputs, once: self.partials.words },
                rounding: Rounding::Sum { terms: 1 },
                ..shared
            },
            Pass::BackwardWeights => Facts {
                name: "subsample_backward_weights",
                role: Role::BackwardWeights,
                arguments: write(read(["x", "dy"]), ["partials"]),
                words: Count { per_sample: inputs + outputs, once: self.partials.length() },
                rounding: Rounding::Sum {
                    terms: self.partials.rows_per_slot * self.partials.samples * self.output.width * block,
                },
                ..shared
            },
        }
    }
}
