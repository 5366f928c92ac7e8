//! The facts of an operation: name, role, buffers, costs, rounding.

use crate::model::Activation;

/// The facts of an operation, given by [`super::OpKind::facts`]. The names of entry points, bindings, tolerances,
/// shares of ceilings and orders of operations derive from them.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Name in every report, and of the entry point.
    pub name: &'static str,
    /// Name of its files: `shaders/<family>.wgsl` and `src/cpu/operations/<family>.rs` (tests/operations.rs).
    pub family: &'static str,
    /// Its part in a step.
    pub role: Role,
    /// Its buffers in the order of [`super::Op::buffers`]: first those it reads, then the others.
    pub arguments: Vec<Argument>,
    /// Floating-point operations, two per multiply-add, padding not counted. For pooling, the loss and the optimiser
    /// a rough count, since memory binds them.
    pub flops: Count,
    /// Whether it is a convolution or a matrix product: the arithmetic that a step's share of the ceiling counts.
    pub matmul: bool,
    /// Words that must move at least once: every input read and every output written.
    pub words: Count,
    /// How a result in f32 may be rounded.
    pub rounding: Rounding,
}

/// The part of an operation in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Samples to input values.
    Input,
    /// A layer's output.
    Forward,
    /// Loss, predictions, metrics.
    Loss,
    /// Gradient of a layer's input.
    BackwardInput,
    /// Partial gradients of a layer's weights; layers in any order.
    BackwardWeights,
    /// Partial gradients to gradients.
    Reduce,
    /// The optimiser.
    Update,
}

/// A buffer of an operation, by the name of the shader's variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// The variable in the shader.
    pub name: &'static str,
    /// Whether the operation reads or writes it.
    pub usage: Use,
}

/// Whether an operation reads or writes a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Reads it.
    Read,
    /// Writes it.
    Write,
    /// Reads and writes it.
    Update,
}

/// A number that grows with the samples of a step: `per_sample * samples + once`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Per sample.
    pub per_sample: usize,
    /// Independent of the samples.
    pub once: usize,
}

impl Count {
    /// The number for `samples` samples.
    pub fn of(self, samples: usize) -> u64 {
        (self.per_sample * samples + self.once) as u64
    }
}

/// How a result in f32 may differ from the exact one; `check` derives its allowance from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rounding {
    /// Copied or chosen: nothing is rounded.
    Exact,
    /// A sum of `terms` terms in any order.
    Sum {
        /// Number of terms; a term may be a product.
        terms: usize,
    },
    /// An activation of such a sum.
    Activated {
        /// Terms of the sum.
        terms: usize,
        /// The activation.
        by: Activation,
    },
    /// Exponentials and their logarithm, and a mean of such.
    Softmax {
        /// Terms of the sum of exponentials.
        classes: usize,
        /// Samples of the mean.
        batch: usize,
    },
    /// A quotient by a square root.
    Root {
        /// Terms around it.
        terms: usize,
    },
}

/// Slots that are read, by name.
pub(super) fn read<const N: usize>(names: [&'static str; N]) -> Vec<Argument> {
    names.map(|name| Argument { name, usage: Use::Read }).to_vec()
}

/// `arguments`, then others that are written.
pub(super) fn write<const N: usize>(mut arguments: Vec<Argument>, names: [&'static str; N]) -> Vec<Argument> {
    arguments.extend(names.map(|name| Argument { name, usage: Use::Write }));
    arguments
}
