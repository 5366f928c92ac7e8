//! Pooling: the largest value or the mean of each pooling window.

use super::site::{Pass, Site};
use crate::model::{Activation, Layer, Shape};
use crate::plan::facts::{Count, Facts, Role, Rounding, read, write};

/// Geometry of a pooling layer; the stride is the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Shape of `x`.
    pub input: Shape,
    /// Shape of `y`.
    pub output: Shape,
    /// Rows and columns of a pooling window.
    pub size: usize,
    /// The activation that made `x` (backward).
    pub input_activation: Activation,
}

impl Pool {
    /// The geometry of `layer`, with pooling windows of `size` x `size`.
    pub(super) fn of(layer: &Layer, size: usize, site: &Site) -> Self {
        Self { input: layer.input, output: layer.output, size, input_activation: site.input_activation }
    }

    pub(super) fn max_facts(&self, pass: Pass) -> Facts {
        match pass {
            Pass::Forward => self.forward("max_pool_forward", "max_pool", Rounding::Exact),
            _ => self.backward("max_pool_backward", "max_pool", Rounding::Sum { terms: 1 }),
        }
    }

    pub(super) fn average_facts(&self, pass: Pass) -> Facts {
        let mean = Rounding::Sum { terms: self.size * self.size };
        match pass {
            Pass::Forward => self.forward("average_pool_forward", "average_pool", mean),
            _ => self.backward("average_pool_backward", "average_pool", mean),
        }
    }

    fn forward(&self, name: &'static str, family: &'static str, rounding: Rounding) -> Facts {
        Facts {
            name,
            family,
            role: Role::Forward,
            arguments: write(read(["x"]), ["y"]),
            flops: Count { per_sample: self.input.elements(), once: 0 },
            matmul: false,
            words: Count { per_sample: self.input.elements() + self.output.elements(), once: 0 },
            rounding,
        }
    }

    fn backward(&self, name: &'static str, family: &'static str, rounding: Rounding) -> Facts {
        Facts {
            role: Role::BackwardInput,
            arguments: write(read(["x", "dy"]), ["x_gradient"]),
            words: Count { per_sample: 2 * self.input.elements() + self.output.elements(), once: 0 },
            ..self.forward(name, family, rounding)
        }
    }
}
