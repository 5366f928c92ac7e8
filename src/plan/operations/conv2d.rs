//! Valid convolution, bias and activation; fused, also 2x2 max-pooling and its argmax.

use super::site::{Pass, Site};
use crate::model::{Activation, Layer, Shape};
use crate::plan::Partials;
use crate::plan::facts::{Count, Facts, Role, Rounding, read, write};
use crate::plan::layout::PACK;

/// Workgroups of weight gradients that a layer should have: more slots are more threads, and more sums to add up.
const WORKGROUPS: usize = 128;

/// Most slots of a layer, however many or few channels it has.
const SLOTS: std::ops::RangeInclusive<usize> = 20..=64;

/// Cells that a slot should have at least: what a thread does once for all of them is then little.
const CELLS: usize = 20;

/// Geometry of a convolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2d {
    /// Shape of `x`.
    pub input: Shape,
    /// Shape of the sums, which is that of `y` without max-pooling.
    pub output: Shape,
    /// Whether it is fused with 2x2 max-pooling. Then `y` and `dy` have half the rows and columns, only the largest sum
    /// of each pooling window is stored, and `argmax` says which that was: see [`crate::plan::ARGMAX_BITS`].
    pub max_pool: bool,
    /// Levels of the input if `x` is bytes, laid out as [`super::Gather::bytes`] says; only with max-pooling.
    pub levels: Option<[f32; 2]>,
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Applied to the sums (forward).
    pub activation: Activation,
    /// The activation that made `x` (backward to the input).
    pub input_activation: Activation,
    /// First word of the weights in `parameters`; the packed layout is in [`crate::plan::ParameterLayout`].
    pub weights: usize,
    /// First word of the bias in `parameters`.
    pub bias: usize,
    /// Layout of its partial gradients.
    pub partials: Partials,
}

impl Conv2d {
    /// Shape of `y` and `dy`.
    pub fn pooled(&self) -> Shape {
        let Shape { channels, height, width } = self.output;
        if self.max_pool { Shape::new(channels, height / 2, width / 2) } else { self.output }
    }

    /// Words of `x` per sample.
    fn input_words(&self) -> usize {
        if self.levels.is_some() { self.input.elements() / 4 } else { self.input.elements() }
    }

    /// Cells: rows and columns of 2x2 windows of sums. The last of an odd map reaches past it.
    pub fn cells(&self) -> [usize; 2] {
        [self.output.height.div_ceil(2), self.output.width.div_ceil(2)]
    }
}

impl Conv2d {
    /// The geometry of `layer`, with a kernel of `kernel` x `kernel`; fused with the max-pooling behind it if `max_pool`.
    pub(super) fn of(layer: &Layer, kernel: usize, max_pool: bool, site: &mut Site) -> Self {
        // A pair of an input channel and a pack of outputs is at least one workgroup.
        let pairs = layer.input.channels * layer.output.channels.div_ceil(PACK);
        let slots = WORKGROUPS.div_ceil(pairs).clamp(*SLOTS.start(), *SLOTS.end());
        let rows = CELLS.div_ceil(layer.output.width.div_ceil(2));
        let (weights, bias, partials) = (site.segment)(layer.output.height.div_ceil(2), rows, slots);
        Self {
            input: layer.input,
            output: layer.output,
            max_pool,
            levels: site.bytes,
            kernel,
            activation: layer.activation(),
            input_activation: site.input_activation,
            weights,
            bias,
            partials,
        }
    }

    pub(super) fn facts(&self, pass: Pass) -> Facts {
        let x = if self.levels.is_some() { "input_bytes" } else { "x" };
        let argmax = |arguments| if self.max_pool { [arguments, read(["argmax"])].concat() } else { arguments };
        let multiply_adds = self.output.elements() * self.input.channels * self.kernel * self.kernel;
        let (inputs, outputs) = (self.input_words(), self.pooled().elements());
        let shared = Facts {
            name: "",
            family: "conv2d",
            role: Role::Forward,
            arguments: Vec::new(),
            flops: Count { per_sample: 2 * multiply_adds, once: 0 },
            matmul: true,
            words: Count { per_sample: inputs + outputs, once: self.partials.words },
            rounding: Rounding::Exact,
        };
        match pass {
            Pass::Forward => Facts {
                name: "conv2d_forward",
                arguments: {
                    let arguments = write(read([x, "parameters"]), ["y"]);
                    if self.max_pool { write(arguments, ["new_argmax"]) } else { arguments }
                },
                rounding: Rounding::Activated {
                    terms: self.input.channels * self.kernel * self.kernel + 1,
                    by: self.activation,
                },
                ..shared
            },
            Pass::BackwardInput => Facts {
                name: "conv2d_backward_input",
                role: Role::BackwardInput,
                arguments: write(argmax(read(["dy", "parameters", "x"])), ["x_gradient"]),
                words: Count { per_sample: 2 * self.input.elements() + outputs, once: self.partials.words },
                rounding: Rounding::Sum { terms: self.output.channels * self.kernel * self.kernel },
                ..shared
            },
            Pass::BackwardWeights => Facts {
                name: "conv2d_backward_weights",
                role: Role::BackwardWeights,
                arguments: write(argmax(read([x, "dy"])), ["partials"]),
                words: Count { per_sample: inputs + outputs, once: self.partials.length() },
                rounding: Rounding::Sum {
                    terms: self.partials.rows_per_slot * self.partials.samples * 2 * self.output.width,
                },
                ..shared
            },
        }
    }
}
