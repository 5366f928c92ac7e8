//! The kernel table: which entry point of which shader runs an operation, with which constants and how
//! many workgroups. A new operation is one arm here, and a missing arm does not compile.

use super::Adapter;
use crate::error::{Error, Result};
use crate::model::Activation;
use crate::plan::{Conv2d, Dense, LANES, OpKind, Optimizer, Partials, Plan, Pool, QUADS};

/// How an operation is run.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// WGSL.
    pub source: &'static str,
    /// Entry point, the name of the operation.
    pub entry: &'static str,
    /// Binding number of each buffer of the operation, in order.
    pub bindings: &'static [u32],
    /// Values of the shader's overrides: what is known when the pipeline is made.
    pub overrides: Vec<(&'static str, f64)>,
    /// Words of the buffer at [`GEOMETRY`]; empty if the shader has none.
    pub geometry: Vec<u32>,
    /// Whether the shader reads the step's row at [`STEP`].
    pub reads_step: bool,
    /// First word in `parameters` of the part bound at [`WINDOW`], if any: [`WINDOW_BYTES`] long.
    pub window: Option<usize>,
    /// Workgroups to dispatch.
    pub workgroups: [u32; 3],
}

/// Binding of the geometry, a storage buffer: lavapipe optimises a shader whose loops depend on a uniform
/// buffer anew at every dispatch.
pub const GEOMETRY: u32 = 6;

/// Binding of the step's row, with a dynamic offset.
pub const STEP: u32 = 7;

/// Binding of which sums won, in the kernels of conv2d.wgsl.
const WINNERS: u32 = 8;

/// Binding of a part of the parameters as a uniform buffer.
pub const WINDOW: u32 = 9;

/// Bytes of that part: what WebGPU lets a uniform buffer have at least.
pub const WINDOW_BYTES: u64 = 65_536;

/// Words that the start of a binding is a multiple of, at most, on any adapter.
const WINDOW_STEP: usize = 64;

impl Kernel {
    /// Storage buffers it binds.
    pub fn storage_buffers(&self) -> u64 {
        self.bindings.len() as u64 + u64::from(!self.geometry.is_empty()) + u64::from(self.reads_step)
    }
}

/// The most layers with weights that `sums.wgsl` has room for.
pub const fn most_layers() -> usize {
    64
}

/// Errors: a model with more than [`most_layers`].
pub(super) fn check_layers(plan: &Plan) -> Result<()> {
    // Each has a weight and a bias.
    let layers = plan.layout.tensors.len() / 2;
    if layers > most_layers() {
        return Err(Error::input(
            format!(
                "model {} has {layers} layers with weights: on a GPU at most {} fit",
                plan.model.name,
                most_layers()
            ),
            "use fewer layers, or --backend cpu",
        ));
    }
    Ok(())
}

macro_rules! shader {
    ($($file:literal),+) => { concat!($(include_str!(concat!("../../shaders/", $file, ".wgsl")), "\n"),+) };
}

const GATHER: &str = shader!("gather");
/// By whether weights come from a uniform buffer, then without max-pooling, with it, and with it from bytes.
const CONV2D: [[&str; 3]; 2] = [
    [
        shader!("activation", "conv2d", "inputs_values", "weights_storage", "gradients_sums"),
        shader!("activation", "conv2d", "inputs_values", "weights_storage", "gradients_winners"),
        shader!("activation", "conv2d", "inputs_bytes", "weights_storage", "gradients_winners"),
    ],
    [
        shader!("activation", "conv2d", "inputs_values", "weights_uniform", "gradients_sums"),
        shader!("activation", "conv2d", "inputs_values", "weights_uniform", "gradients_winners"),
        shader!("activation", "conv2d", "inputs_bytes", "weights_uniform", "gradients_winners"),
    ],
];
const MAX_POOL: &str = shader!("activation", "max_pool");
const AVERAGE_POOL: &str = shader!("activation", "average_pool");
const DENSE: &str = shader!("activation", "dense");
const SOFTMAX_CROSS_ENTROPY: &str = shader!("softmax_cross_entropy");
const SUMS: &str = shader!("sums");
const OPTIMIZER: &str = shader!("optimizer");

/// What differs between kinds of adapters: the one place where a measurement on one of them is turned into
/// another variant of a kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Variant {
    /// Weights of convolutions from a uniform buffer. On llvmpipe a fifth less time for `conv2d_backward_input`;
    /// on SwiftShader a tenth more, and a third more for C1 forward (docs/performance.md). Not measured on a GPU,
    /// where threads that read different weights at a time may have to take turns.
    pub uniform_weights: bool,
}

impl Variant {
    /// For `adapter`.
    pub fn of(adapter: &Adapter) -> Self {
        let room = adapter.handle.limits().max_uniform_buffer_binding_size >= WINDOW_BYTES;
        Self { uniform_weights: adapter.device.name.contains("llvmpipe") && room }
    }
}

/// The kernel that runs `op` in `plan`.
pub fn kernel(op: &OpKind, plan: &Plan, variant: Variant) -> Kernel {
    let blocks = plan.blocks();
    let base = Kernel {
        source: "",
        entry: op.name(),
        bindings: &[],
        overrides: Vec::new(),
        geometry: Vec::new(),
        reads_step: false,
        window: None,
        workgroups: [1, 1, 1],
    };
    // One workgroup is 8 quads by 8 items.
    let per_item = |items: usize, depth: usize| [1, words(items.div_ceil(8)), words(depth)];
    match op {
        OpKind::Gather(g) => Kernel {
            source: GATHER,
            bindings: &[0, 1, 2, 3, 4],
            geometry: [
                &[g.image_height, g.image_width, g.input.height, g.input.width, g.input.channels].map(words)[..],
                &g.levels.map(f32::to_bits),
            ]
            .concat(),
            reads_step: true,
            workgroups: per_item(g.input.channels * g.input.height, blocks),
            ..base
        },
        OpKind::Conv2dForward(c) if c.max_pool => Kernel {
            bindings: &[0, 1, 2, WINNERS],
            overrides: [activation(c.activation), vec![kernel_size(c), ("CHANNELS", c.output.channels as f64)]]
                .concat(),
            workgroups: per_item(c.pooled().height * c.pooled().width * c.output.channels.div_ceil(8), blocks),
            ..conv2d(base, c, c.activation, blocks, variant)
        },
        OpKind::Conv2dForward(c) => Kernel {
            bindings: &[0, 1, 2],
            overrides: [activation(c.activation), vec![kernel_size(c)]].concat(),
            workgroups: per_item(
                c.output.width.div_ceil(10) * c.output.height * c.output.channels.div_ceil(LANES),
                blocks,
            ),
            ..conv2d(base, c, c.activation, blocks, variant)
        },
        OpKind::Conv2dBackwardInput(c) => Kernel {
            bindings: if c.max_pool { &[3, 1, 0, WINNERS, 4] } else { &[3, 1, 0, 4] },
            overrides: {
                // The middle ten columns of dy are all there is: see the shader.
                let one_strip = c.input.width <= 14 && c.output.width <= 10 && c.kernel <= 5;
                let edges = ("EDGES", f64::from(u8::from(!one_strip)));
                [activation(c.input_activation), vec![kernel_size(c), edges]].concat()
            },
            workgroups: per_item(c.input.width.div_ceil(14) * c.input.height * c.input.channels.div_ceil(3), blocks),
            ..conv2d(base, c, c.input_activation, blocks, variant)
        },
        OpKind::Conv2dBackwardWeights(c) => Kernel {
            bindings: if c.max_pool { &[0, 3, WINNERS, 5] } else { &[0, 3, 5] },
            overrides: vec![kernel_size(c)],
            workgroups: {
                let channels = if c.max_pool { 4 } else { 8 };
                let sets = c.input.channels * c.output.channels.div_ceil(channels);
                per_item(c.kernel.div_ceil(5).pow(2) * sets, c.partials.slots / QUADS)
            },
            // It reads no weights.
            ..conv2d(base, c, c.input_activation, blocks, Variant::default())
        },
        OpKind::MaxPoolForward(p) => pool_forward(base, MAX_POOL, p, per_item(p.output.elements(), blocks)),
        OpKind::MaxPoolBackward(p) => pool_backward(base, MAX_POOL, p, per_item(p.output.elements(), blocks)),
        OpKind::AveragePoolForward(p) => pool_forward(base, AVERAGE_POOL, p, per_item(p.output.elements(), blocks)),
        OpKind::AveragePoolBackward(p) => pool_backward(base, AVERAGE_POOL, p, per_item(p.output.elements(), blocks)),
        OpKind::DenseForward(d) => Kernel {
            source: DENSE,
            bindings: &[0, 1, 2],
            overrides: activation(d.activation),
            geometry: dense(d, d.activation, blocks),
            workgroups: [words((2 * blocks).div_ceil(8)), words(d.outputs.div_ceil(12).div_ceil(4)), 1],
            ..base
        },
        OpKind::DenseBackwardInput(d) => Kernel {
            source: DENSE,
            bindings: &[3, 1, 0, 4],
            overrides: activation(d.input_activation),
            geometry: dense(d, d.input_activation, blocks),
            workgroups: [words((2 * blocks).div_ceil(8)), words(d.inputs.div_ceil(12).div_ceil(4)), 1],
            ..base
        },
        OpKind::DenseBackwardWeights(d) => Kernel {
            source: DENSE,
            bindings: &[0, 3, 5],
            geometry: dense(d, d.input_activation, blocks),
            workgroups: [
                words((d.inputs.div_ceil(16) * d.outputs.div_ceil(12)).div_ceil(32)),
                1,
                words(d.partials.slots),
            ],
            ..base
        },
        OpKind::SoftmaxCrossEntropy { classes } => Kernel {
            source: SOFTMAX_CROSS_ENTROPY,
            bindings: &[0, 1, 2, 3, 4, 5],
            geometry: vec![words(*classes)],
            reads_step: true,
            workgroups: [1, words(blocks.div_ceil(4)), 1],
            ..base
        },
        OpKind::SumScores => Kernel { source: SUMS, bindings: &[0, 1], reads_step: true, ..base },
        OpKind::SumGradients(segments) => Kernel {
            source: SUMS,
            bindings: &[2, 3],
            geometry: {
                let mut geometry = vec![words(segments.len()), 0, 0, 0];
                for s in segments {
                    let p = &s.partials;
                    geometry.extend([s.first / LANES, p.words / LANES, p.slots, p.first / LANES].map(words));
                }
                geometry.resize(4 + 4 * most_layers(), 0);
                geometry
            },
            workgroups: [words(plan.layout.words.div_ceil(LANES * 64)), 1, 1],
            ..base
        },
        OpKind::Update { optimizer, words: length } => Kernel {
            source: OPTIMIZER,
            bindings: match optimizer {
                Optimizer::Sgd { .. } => &[0, 1, 2],
                Optimizer::Adam | Optimizer::AdamW => &[0, 1, 2, 3],
            },
            overrides: match optimizer {
                Optimizer::Sgd { nesterov } => vec![("NESTEROV", f64::from(u8::from(*nesterov)))],
                Optimizer::Adam => vec![("DECOUPLED", 0.0)],
                Optimizer::AdamW => vec![("DECOUPLED", 1.0)],
            },
            reads_step: true,
            workgroups: [words(length.div_ceil(LANES * 64)), 1, 1],
            ..base
        },
    }
}

fn pool_forward(base: Kernel, source: &'static str, p: &Pool, workgroups: [u32; 3]) -> Kernel {
    Kernel { source, bindings: &[0, 2], overrides: vec![size(p)], geometry: pool(p), workgroups, ..base }
}

fn pool_backward(base: Kernel, source: &'static str, p: &Pool, workgroups: [u32; 3]) -> Kernel {
    let overrides = [activation(p.input_activation), vec![size(p)]].concat();
    Kernel { source, bindings: &[0, 3, 4], overrides, geometry: pool(p), workgroups, ..base }
}

/// The override of activation.wgsl.
fn activation(activation: Activation) -> Vec<(&'static str, f64)> {
    let code = match activation {
        Activation::Identity | Activation::Relu => 0.0,
        Activation::Tanh => 1.0,
        Activation::ScaledTanh => 2.0,
        Activation::Sigmoid => 3.0,
    };
    vec![("ACTIVATION", code)]
}

/// The `floor` of activation.wgsl: what ReLU, or no activation, does not go below.
fn floor(activation: Activation) -> u32 {
    let floor = if activation == Activation::Relu { 0.0 } else { f32::MIN };
    floor.to_bits()
}

fn kernel_size(c: &Conv2d) -> (&'static str, f64) {
    ("KERNEL", c.kernel as f64)
}

/// Where the part of the parameters starts that holds the weights of `c`; none if they do not fit, or come
/// from a storage buffer.
fn window(c: &Conv2d, variant: Variant) -> Option<usize> {
    let first = window_start(c);
    let fits = 4 * (c.weights + c.partials.words - first) as u64 <= WINDOW_BYTES;
    (variant.uniform_weights && fits).then_some(first)
}

fn window_start(c: &Conv2d) -> usize {
    c.weights / WINDOW_STEP * WINDOW_STEP
}

/// What the kernels of conv2d.wgsl share.
fn conv2d(base: Kernel, c: &Conv2d, activation: Activation, blocks: usize, variant: Variant) -> Kernel {
    let shapes = [c.input.channels, c.input.height, c.input.width, c.output.channels, c.output.height, c.output.width];
    let [background, foreground] = c.levels.unwrap_or_default();
    let scale = (foreground - background) / 255.0;
    let rest = [floor(activation), words(window_start(c) / LANES), background.to_bits(), scale.to_bits()];
    let window = window(c, variant);
    Kernel {
        source: CONV2D[usize::from(window.is_some())][usize::from(c.max_pool) + usize::from(c.levels.is_some())],
        geometry: [&shapes.map(words)[..], &parameters(c.weights, c.bias, &c.partials, blocks), &rest].concat(),
        window,
        ..base
    }
}

/// `struct Geometry` of dense.wgsl.
fn dense(d: &Dense, activation: Activation, blocks: usize) -> Vec<u32> {
    [
        &[words(d.inputs), words(d.outputs)][..],
        &parameters(d.weights, d.bias, &d.partials, blocks),
        &[floor(activation)],
    ]
    .concat()
}

/// The fields that conv2d.wgsl and dense.wgsl share, in units of vec4f where they are places.
fn parameters(weights: usize, bias: usize, p: &Partials, blocks: usize) -> [u32; 6] {
    [weights / LANES, bias / LANES, p.first / LANES, p.words / LANES, p.blocks_per_chunk, blocks].map(words)
}

/// `struct Geometry` of max_pool.wgsl and average_pool.wgsl.
fn pool(p: &Pool) -> Vec<u32> {
    let shapes = [p.output.channels, p.output.height, p.output.width];
    [&shapes.map(words)[..], &[floor(p.input_activation)]].concat()
}

fn size(p: &Pool) -> (&'static str, f64) {
    ("SIZE", p.size as f64)
}

/// A count as the shaders take it. Plans are far below 2^32 words: [`super::GpuRunner`] checks their buffers.
fn words(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
