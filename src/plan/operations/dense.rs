//! Dense: matrix product, bias and activation.

use super::site::{Pass, Site};
use crate::model::{Activation, Layer};
use crate::plan::Partials;
use crate::plan::facts::{Count, Facts, Role, Rounding, read, write};

/// Geometry of a dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense {
    /// Input values per sample.
    pub inputs: usize,
    /// Output values per sample.
    pub outputs: usize,
    /// Applied to the sums (forward).
    pub activation: Activation,
    /// The activation that made `x` (backward to the input).
    pub input_activation: Activation,
    /// First word of the weights in `parameters`.
    pub weights: usize,
    /// First word of the bias in `parameters`.
    pub bias: usize,
    /// Layout of its partial gradients.
    pub partials: Partials,
}

impl Dense {
    /// The geometry of `layer`: dense, or a convolution whose output is 1x1, which is dense over its whole input.
    pub(super) fn of(layer: &Layer, site: &mut Site) -> Self {
        let (weights, bias, partials) = (site.segment)(1, 1, 1);
        Self {
            inputs: layer.input.elements(),
            outputs: layer.output.elements(),
            activation: layer.activation(),
            input_activation: site.input_activation,
            weights,
            bias,
            partials,
        }
    }

    pub(super) fn facts(&self, pass: Pass) -> Facts {
        let shared = Facts {
            name: "",
            family: "dense",
            role: Role::Forward,
            arguments: Vec::new(),
            flops: Count { per_sample: 2 * self.inputs * self.outputs, once: 0 },
            matmul: true,
            words: Count { per_sample: self.inputs + self.outputs, once: self.partials.words },
            rounding: Rounding::Exact,
        };
        match pass {
            Pass::Forward => Facts {
                name: "dense_forward",
                arguments: write(read(["x", "parameters"]), ["y"]),
                rounding: Rounding::Activated { terms: self.inputs + 1, by: self.activation },
                ..shared
            },
            Pass::BackwardInput => Facts {
                name: "dense_backward_input",
                role: Role::BackwardInput,
                arguments: write(read(["dy", "parameters", "x"]), ["x_gradient"]),
                words: Count { per_sample: 2 * self.inputs + self.outputs, once: self.partials.words },
                rounding: Rounding::Sum { terms: self.outputs },
                ..shared
            },
            Pass::BackwardWeights => Facts {
                name: "dense_backward_weights",
                role: Role::BackwardWeights,
                arguments: write(read(["x", "dy"]), ["partials"]),
                words: Count { per_sample: self.inputs + self.outputs, once: self.partials.length() },
                rounding: Rounding::Sum { terms: self.partials.rows_per_slot * self.partials.samples },
                ..shared
            },
        }
    }
}
