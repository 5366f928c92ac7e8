//! Radial basis functions of the 1998 paper: minus the squared distance of the input to a fixed code of each class.

use super::site::{Pass, Site};
use crate::model::{Activation, Layer};
use crate::plan::facts::{Count, Facts, Role, Rounding, read, write};

/// Geometry of radial basis functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rbf {
    /// Input values per sample.
    pub inputs: usize,
    /// Output values per sample.
    pub classes: usize,
    /// The activation that made `x` (backward).
    pub input_activation: Activation,
    /// First word of the codes in `parameters`.
    pub weights: usize,
}

impl Rbf {
    /// The geometry of `layer`.
    pub(super) fn of(layer: &Layer, site: &mut Site) -> Self {
        // Its weights are not trained: they have no partial gradients.
        let (weights, ..) = (site.segment)(0, 0, 0);
        Self {
            inputs: layer.input.elements(),
            classes: layer.output.elements(),
            input_activation: site.input_activation,
            weights,
        }
    }

    pub(super) fn facts(&self, pass: Pass) -> Facts {
        let Self { inputs, classes, .. } = *self;
        let forward = Facts {
            name: "rbf_forward",
            family: "rbf",
            role: Role::Forward,
            arguments: write(read(["x", "parameters"]), ["y"]),
            flops: Count { per_sample: 3 * inputs * classes, once: 0 },
            matmul: false,
            words: Count { per_sample: inputs + classes, once: inputs * classes },
            rounding: Rounding::Sum { terms: inputs },
        };
        match pass {
            Pass::Forward => forward,
            _ => Facts {
                name: "rbf_backward_input",
                role: Role::BackwardInput,
                arguments: write(read(["dy", "parameters", "x"]), ["x_gradient"]),
                words: Count { per_sample: 2 * inputs + classes, ..forward.words },
                rounding: Rounding::Sum { terms: classes },
                ..forward
            },
        }
    }
}
