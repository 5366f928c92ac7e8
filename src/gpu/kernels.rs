//! The kernel table: entry point, WGSL, constants and workgroups of every operation, one arm per operation.

use super::Adapter;
use crate::error::{Error, Result};
use crate::model::Activation;
use crate::plan::{Argument, Conv2d, Dense, Facts, Loss, Op, OpKind, PACK, Partials, Pass, Plan, Pool, QUADS, Use};
use crate::recipe::Optimizer;

/// A part of a shader: a file of `shaders/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Its path in `shaders/`, without the extension.
    pub file: &'static str,
    /// WGSL.
    pub text: &'static str,
}

/// The kernel of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// Entry point, the name of the operation.
    pub entry: &'static str,
    /// The parts of its WGSL, in order.
    pub pieces: Vec<Piece>,
    /// The buffers of the operation, in order.
    pub arguments: Vec<Argument>,
    /// Names and values of the shader's overrides, set when the pipeline is made.
    pub overrides: Vec<(&'static str, f64)>,
    /// Words of the variable `geometry`; empty if the shader has none.
    pub geometry: Vec<u32>,
    /// Whether the shader reads the step's row, the variable `step`, which has a dynamic offset.
    pub reads_step: bool,
    /// First word in `parameters` of the variable `window`, which has [`WINDOW_BYTES`]; `None` without one.
    pub window: Option<usize>,
    /// Workgroups to dispatch.
    pub workgroups: [u32; 3],
}

/// Size of a window of the parameters, bound as a uniform buffer (bytes): the limit that every WebGPU adapter has.
pub const WINDOW_BYTES: u64 = 65_536;

/// Alignment of a window's start (words): 256 bytes, the largest that WebGPU lets an adapter ask for.
const WINDOW_STEP: usize = 64;

/// The resource behind a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A buffer of the operation.
    Buffer {
        /// Its index in [`Kernel::arguments`].
        index: usize,
        /// Whether the kernel writes it.
        writes: bool,
    },
    /// [`Kernel::geometry`].
    Geometry,
    /// The row of the step, with a dynamic offset.
    Step,
    /// A window of the parameters, a uniform buffer.
    Window,
}

impl Kernel {
    /// Its WGSL.
    pub fn source(&self) -> String {
        self.pieces.iter().map(|piece| piece.text).collect::<Vec<_>>().join("\n")
    }

    /// Everything that it binds, by the number of the binding.
    ///
    /// Geometry is a storage buffer: lavapipe optimises a shader whose loops depend on a uniform buffer anew at every
    /// dispatch.
    pub fn resources(&self) -> Vec<(u32, Resource)> {
        // A kernel that reads a window does not declare `parameters`.
        let buffers = self.arguments.iter().enumerate().filter_map(|(index, argument)| {
            let resource = Resource::Buffer { index, writes: argument.usage != Use::Read };
            Some((self.binding(argument.name)?, resource))
        });
        let others = [
            (!self.geometry.is_empty(), "geometry", Resource::Geometry),
            (self.reads_step, "step", Resource::Step),
            (self.window.is_some(), "window", Resource::Window),
        ];
        let others = others.into_iter().filter(|(binds, ..)| *binds);
        buffers.chain(others.filter_map(|(_, name, resource)| Some((self.binding(name)?, resource)))).collect()
    }

    /// Number of the binding of `variable`, read from the WGSL.
    fn binding(&self, variable: &str) -> Option<u32> {
        let declared = |line: &str| {
            let (number, rest) = line.strip_prefix("@group(0) @binding(")?.split_once(')')?;
            let (name, _) = rest.split_once("> ")?.1.split_once(':')?;
            if name == variable { number.parse().ok() } else { None }
        };
        self.pieces.iter().flat_map(|piece| piece.text.lines()).find_map(declared)
    }

    /// Number of storage buffers that it binds.
    pub fn storage_buffers(&self) -> u64 {
        self.resources().iter().filter(|(_, resource)| *resource != Resource::Window).count() as u64
    }
}

/// Most layers with weights: the length of `layers` in sums.wgsl.
pub const fn most_layers() -> usize {
    64
}

/// Errors: a model with more than [`most_layers`].
pub(super) fn check_layers(plan: &Plan) -> Result<()> {
    // Each layer has two tensors, a weight and a bias.
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

macro_rules! piece {
    ($file:literal) => {
        Piece { file: $file, text: include_str!(concat!("../../shaders/", $file, ".wgsl")) }
    };
}

/// Choices made per adapter, each from a measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Variant {
    /// Weights of convolutions from a uniform buffer. On llvmpipe a fifth less time for `conv2d_backward_input`;
    /// on SwiftShader a tenth more, and a third more for C1 forward (docs/performance.md). Not measured on a GPU,
    /// where reads of different weights by the threads of a subgroup may be serialised.
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
pub fn kernel(op: &Op, plan: &Plan, variant: Variant) -> Kernel {
    let Facts { name: entry, arguments, .. } = op.kind.facts();
    let blocks = plan.blocks();
    let base = Kernel {
        entry,
        pieces: Vec::new(),
        arguments,
        overrides: Vec::new(),
        geometry: Vec::new(),
        reads_step: false,
        window: None,
        workgroups: [1, 1, 1],
    };
    // One workgroup is 8 quads by 8 items.
    let per_item = |items: usize, depth: usize| [1, words(items.div_ceil(8)), words(depth)];
    match &op.kind {
        OpKind::Gather(g) => Kernel {
            pieces: vec![piece!("gather")],
            geometry: [
                &[g.image_height, g.image_width, g.input.height, g.input.width, g.input.channels].map(words)[..],
                &g.levels.map(f32::to_bits),
            ]
            .concat(),
            reads_step: true,
            workgroups: per_item(g.input.channels * g.input.height, blocks),
            ..base
        },
        OpKind::Conv2d(Pass::Forward, c) if c.max_pool => Kernel {
            overrides: vec![kernel_size(c), ("CHANNELS", c.output.channels as f64)],
            workgroups: per_item(c.pooled().height * c.pooled().width * c.output.channels.div_ceil(8), blocks),
            ..conv2d(base, c, c.activation, blocks, variant)
        },
        OpKind::Conv2d(Pass::Forward, c) => Kernel {
            overrides: vec![kernel_size(c)],
            workgroups: per_item(
                c.output.width.div_ceil(10) * c.output.height * c.output.channels.div_ceil(PACK),
                blocks,
            ),
            ..conv2d(base, c, c.activation, blocks, variant)
        },
        OpKind::Conv2d(Pass::BackwardInput, c) => Kernel {
            overrides: {
                // All columns of dy are the middle ten of the strip: see EDGES in conv2d.wgsl.
                let one_strip = c.input.width <= 14 && c.output.width <= 10 && c.kernel <= 5;
                let edges = ("EDGES", f64::from(u8::from(!one_strip)));
                vec![kernel_size(c), edges]
            },
            workgroups: per_item(c.input.width.div_ceil(14) * c.input.height * c.input.channels.div_ceil(3), blocks),
            ..conv2d(base, c, c.input_activation, blocks, variant)
        },
        OpKind::Conv2d(Pass::BackwardWeights, c) => Kernel {
            overrides: vec![kernel_size(c)],
            workgroups: {
                let channels = if c.max_pool { 4 } else { 8 };
                let sets = c.input.channels * c.output.channels.div_ceil(channels);
                per_item(c.kernel.div_ceil(5).pow(2) * sets, c.partials.slots / QUADS)
            },
            // It reads no weights and applies no activation.
            ..conv2d(base, c, Activation::Identity, blocks, Variant::default())
        },
        OpKind::MaxPool(Pass::Forward, p) => {
            pool_forward(base, piece!("max_pool"), p, per_item(p.output.elements(), blocks))
        }
        OpKind::MaxPool(_, p) => pool_backward(base, piece!("max_pool"), p, per_item(p.output.elements(), blocks)),
        OpKind::AveragePool(Pass::Forward, p) => {
            pool_forward(base, piece!("average_pool"), p, per_item(p.output.elements(), blocks))
        }
        OpKind::AveragePool(_, p) => {
            pool_backward(base, piece!("average_pool"), p, per_item(p.output.elements(), blocks))
        }
        OpKind::Subsample(pass, s) => {
            let (activation, workgroups) = match pass {
                Pass::Forward => (s.activation, per_item(s.output.elements(), blocks)),
                Pass::BackwardInput => (s.input_activation, per_item(s.output.elements(), blocks)),
                Pass::BackwardWeights => {
                    (Activation::Identity, per_item(s.output.channels.div_ceil(PACK), s.partials.slots / QUADS))
                }
            };
            let shapes = [s.output.channels, s.output.height, s.output.width].map(words);
            let offsets = parameters(s.weights, s.bias, &s.partials, blocks);
            Kernel {
                pieces: with_activation(activation, &[piece!("subsample")]),
                overrides: vec![("SIZE", s.size as f64)],
                geometry: [&shapes[..], &offsets, &[floor(activation)]].concat(),
                workgroups,
                ..base
            }
        }
        OpKind::Dense(Pass::Forward, d) => Kernel {
            pieces: with_activation(d.activation, &[piece!("dense")]),
            geometry: dense(d, d.activation, blocks),
            workgroups: [words((2 * blocks).div_ceil(8)), words(d.outputs.div_ceil(12).div_ceil(4)), 1],
            ..base
        },
        OpKind::Dense(Pass::BackwardInput, d) => Kernel {
            pieces: with_activation(d.input_activation, &[piece!("dense")]),
            geometry: dense(d, d.input_activation, blocks),
            workgroups: [words((2 * blocks).div_ceil(8)), words(d.inputs.div_ceil(12).div_ceil(4)), 1],
            ..base
        },
        OpKind::Dense(Pass::BackwardWeights, d) => Kernel {
            pieces: with_activation(Activation::Identity, &[piece!("dense")]),
            geometry: dense(d, Activation::Identity, blocks),
            workgroups: [
                words((d.inputs.div_ceil(16) * d.outputs.div_ceil(12)).div_ceil(32)),
                1,
                words(d.partials.slots),
            ],
            ..base
        },
        OpKind::SoftmaxCrossEntropy(Loss { classes, .. }) => Kernel {
            pieces: vec![piece!("softmax_cross_entropy")],
            geometry: vec![words(*classes)],
            reads_step: true,
            workgroups: [1, words(blocks.div_ceil(4)), 1],
            ..base
        },
        OpKind::SumScores { .. } => Kernel { pieces: vec![piece!("sums")], reads_step: true, ..base },
        OpKind::SumGradients(segments) => Kernel {
            pieces: vec![piece!("sums")],
            geometry: {
                let mut geometry = vec![words(segments.len()), 0, 0, 0];
                for s in segments {
                    let p = &s.partials;
                    geometry.extend([s.first / PACK, p.words / PACK, p.slots, p.first / PACK].map(words));
                }
                geometry.resize(4 + 4 * most_layers(), 0);
                geometry
            },
            workgroups: [words(plan.layout.words.div_ceil(PACK * 64)), 1, 1],
            ..base
        },
        OpKind::Update { optimizer, words: length } => Kernel {
            pieces: vec![piece!("optimizer")],
            overrides: match optimizer {
                Optimizer::Sgd => vec![("NESTEROV", 0.0)],
                Optimizer::Nesterov => vec![("NESTEROV", 1.0)],
                Optimizer::Adam => vec![("DECOUPLED", 0.0)],
                Optimizer::AdamW => vec![("DECOUPLED", 1.0)],
            },
            reads_step: true,
            workgroups: [words(length.div_ceil(PACK * 64)), 1, 1],
            ..base
        },
    }
}

fn pool_forward(base: Kernel, piece: Piece, p: &Pool, workgroups: [u32; 3]) -> Kernel {
    let pieces = with_activation(Activation::Identity, &[piece]);
    Kernel { pieces, overrides: vec![size(p)], geometry: pool(p), workgroups, ..base }
}

fn pool_backward(base: Kernel, piece: Piece, p: &Pool, workgroups: [u32; 3]) -> Kernel {
    let pieces = with_activation(p.input_activation, &[piece]);
    Kernel { pieces, overrides: vec![size(p)], geometry: pool(p), workgroups, ..base }
}

/// The functions `activate` and `derivative` of `activation`, then `pieces`.
fn with_activation(activation: Activation, pieces: &[Piece]) -> Vec<Piece> {
    let safe_tanh = piece!("safe_tanh");
    let mut all = match activation {
        Activation::Identity | Activation::Relu => vec![piece!("activation/rectified")],
        Activation::Tanh => vec![safe_tanh, piece!("activation/tanh")],
        Activation::ScaledTanh => vec![safe_tanh, piece!("activation/scaled_tanh")],
        Activation::Sigmoid => vec![piece!("activation/sigmoid")],
    };
    all.extend(pieces);
    all
}

/// The `floor` of activation/rectified.wgsl, the lowest output: 0 for ReLU, the lowest f32 without activation.
fn floor(activation: Activation) -> u32 {
    let floor = if activation == Activation::Relu { 0.0 } else { f32::MIN };
    floor.to_bits()
}

fn kernel_size(c: &Conv2d) -> (&'static str, f64) {
    ("KERNEL", c.kernel as f64)
}

/// First word of the window that holds the weights and bias of `c`; `None` if they do not fit, or without windows.
fn window(c: &Conv2d, variant: Variant) -> Option<usize> {
    let first = window_start(c);
    let fits = 4 * (c.weights + c.partials.words - first) as u64 <= WINDOW_BYTES;
    (variant.uniform_weights && fits).then_some(first)
}

fn window_start(c: &Conv2d) -> usize {
    c.weights / WINDOW_STEP * WINDOW_STEP
}

/// The kernel of an operation of conv2d.wgsl, without overrides and workgroups.
fn conv2d(base: Kernel, c: &Conv2d, activation: Activation, blocks: usize, variant: Variant) -> Kernel {
    let shapes = [c.input.channels, c.input.height, c.input.width, c.output.channels, c.output.height, c.output.width];
    let [background, foreground] = c.levels.unwrap_or_default();
    let scale = (foreground - background) / 255.0;
    let rest = [floor(activation), words(window_start(c) / PACK), background.to_bits(), scale.to_bits()];
    let window = window(c, variant);
    let pieces = [
        piece!("conv2d"),
        if c.levels.is_some() { piece!("conv2d/inputs_bytes") } else { piece!("conv2d/inputs_values") },
        if window.is_some() { piece!("conv2d/weights_uniform") } else { piece!("conv2d/weights_storage") },
        if c.max_pool { piece!("conv2d/gradients_argmax") } else { piece!("conv2d/gradients_sums") },
    ];
    Kernel {
        pieces: with_activation(activation, &pieces),
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

/// The fields that conv2d.wgsl and dense.wgsl share; offsets and lengths in `parameters` and `partials` in vec4f.
fn parameters(weights: usize, bias: usize, p: &Partials, blocks: usize) -> [u32; 6] {
    [weights / PACK, bias / PACK, p.first / PACK, p.words / PACK, p.blocks_per_chunk, blocks].map(words)
}

/// `struct Geometry` of max_pool.wgsl and average_pool.wgsl.
fn pool(p: &Pool) -> Vec<u32> {
    let shapes = [p.output.channels, p.output.height, p.output.width];
    [&shapes.map(words)[..], &[floor(p.input_activation)]].concat()
}

fn size(p: &Pool) -> (&'static str, f64) {
    ("SIZE", p.size as f64)
}

/// `count` as u32. Larger counts belong to buffers beyond an adapter's limits, which [`super::GpuRunner`] refuses.
fn words(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
