//! Valid convolution, bias and activation; fused, also 2x2 max-pooling and its argmax.

use super::site::{Pass, Site};
use crate::model::{Activation, Layer, Shape};
use crate::plan::Partials;
use crate::plan::facts::{Count, Facts, Role, Rounding, read, write};
use crate::plan::layout::{PACK, QUAD, QUADS};

/// Most chunks per batch: more are more threads for the weight gradients, and more slots to add up.
const MOST_CHUNKS: usize = 8;

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

    /// Words of `argmax` for `blocks` blocks of samples.
    pub fn argmax_words(&self, blocks: usize) -> usize {
        let Shape { channels, height, width } = self.pooled();
        blocks * channels.div_ceil(PACK) * height * width * QUADS
    }
}

impl Conv2d {
    /// The geometry of `layer`, with a kernel of `kernel` x `kernel`; fused with the max-pooling behind it if `max_pool`.
    pub(super) fn of(layer: &Layer, kernel: usize, max_pool: bool, site: &mut Site) -> Self {
        let (weights, bias, partials) = (site.segment)(MOST_CHUNKS, QUADS);
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
                name: if self.max_pool { "conv2d_max_pool_forward" } else { "conv2d_forward" },
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
                name: if self.max_pool { "conv2d_max_pool_backward_weights" } else { "conv2d_backward_weights" },
                role: Role::BackwardWeights,
                arguments: write(argmax(read([x, "dy"])), ["partials"]),
                words: Count { per_sample: inputs + outputs, once: self.partials.length() },
                rounding: Rounding::Sum {
                    terms: self.partials.blocks_per_chunk * QUAD * self.output.height * self.output.width,
                },
                ..shared
            },
        }
    }
}
