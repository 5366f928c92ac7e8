//! The kernel table: entry point, WGSL, constants and workgroups of every operation, one arm per operation.

use std::borrow::Cow;

use super::tile::{Constants, MOST_GROUPS, Tile, Tiles, WINDOW_BYTES};
use super::unroll::{unroll, without_aliases};
use crate::error::{Error, Result};
use crate::model::{self, Activation, Shape};
use crate::plan::{
    Argument, Blocks, Conv2d, Dense, Facts, Kernels, Loss, Op, OpKind, PACK, Partials, Pass, Plan, Pool, Rbf, Role,
    STEP_STRIDE, Segment, Subsample, Use,
};
use crate::recipe::Optimizer;

/// A part of a shader: a file of `shaders/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its path in `shaders/`, without the extension.
    pub file: &'static str,
    /// WGSL: that of the program, or another ([`super::Shaders`]).
    pub text: Cow<'static, str>,
}

/// The kernel of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// Entry point, the name of the operation.
    pub entry: &'static str,
    /// Constants of the shader, set in front of its text.
    pub constants: Constants,
    /// Values of `struct Geometry`, in its order (tests/shaders.rs); empty if the shader has none.
    pub geometry: Vec<(&'static str, Value)>,
    /// Whether the geometry is a buffer, so that layers share a pipeline, or a constant of the text, so that addresses
    /// are known when it is compiled.
    pub shared: bool,
    /// The parts of its WGSL, in order.
    pub pieces: Vec<Piece>,
    /// The buffers of the operation, in order.
    pub arguments: Vec<Argument>,
    /// The constant `layers`; empty if the shader has none.
    pub layers: Vec<[u32; 4]>,
    /// First word in `parameters` of the variable `window`, which has [`WINDOW_BYTES`]; `None` without one.
    pub window: Option<usize>,
    /// Whether marked loops are left to the driver's compiler.
    pub rolled: bool,
    /// Whether it runs once per submission, for all its steps, which multiply `workgroups[1]`.
    pub once: bool,
    /// Workgroups to dispatch.
    pub workgroups: [u32; 3],
}

/// Alignment of a window's start (words): 256 bytes, the largest that WebGPU lets an adapter ask for.
const WINDOW_STEP: usize = 64;

/// A value of a geometry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// u32.
    U32(u32),
    /// f32.
    F32(f32),
}

impl Value {
    fn wgsl(self) -> String {
        match self {
            Self::U32(value) => format!("{value}u"),
            // With the digits of an f64: those of an f32 may lie past the largest f32, which Tint refuses.
            Self::F32(value) => format!("{:?}f", f64::from(value)),
        }
    }

    fn word(self) -> u32 {
        match self {
            Self::U32(value) => value,
            Self::F32(value) => value.to_bits(),
        }
    }
}

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
    /// [`Kernel::shared_geometry`].
    Geometry,
    /// The row of the step, with a dynamic offset.
    Step,
    /// The rows of all steps of the submission.
    Steps,
    /// A window of the parameters, a uniform buffer.
    Window,
}

impl Kernel {
    /// Its WGSL as it runs: [`Kernel::text`] without aliases, and with the marked loops unrolled unless it is
    /// [`Kernel::rolled`].
    ///
    /// Errors: a marked loop that cannot be unrolled.
    pub fn source(&self) -> Result<String> {
        if self.rolled {
            return Ok(without_aliases(&self.text()));
        }
        unroll(&self.text()).map_err(|why| {
            Error::input(
                format!("shaders/{}.wgsl: {why}", self.file()),
                "use bounds that are constants, or leave the mark out",
            )
        })
    }

    /// Its WGSL as it is read: constants, geometry, and the pieces.
    pub fn text(&self) -> String {
        let constants = self.constants.iter().map(|(name, value)| format!("const {name} = {value}u;"));
        let geometry = (!self.geometry.is_empty()).then(|| match self.shared {
            true => "@group(0) @binding(6) var<storage, read> geometry: Geometry;".to_owned(),
            false => {
                let values: Vec<_> = self.geometry.iter().map(|(_, value)| value.wgsl()).collect();
                format!("const geometry = Geometry({});", values.join(", "))
            }
        });
        let layers = (!self.layers.is_empty()).then(|| {
            let count = self.layers.len();
            let layers: Vec<_> = self.layers.iter().map(|[a, b, c, d]| format!("vec4u({a}, {b}, {c}, {d})")).collect();
            format!("const LAYERS = {count}u;\nconst layers = array<vec4u, {count}>({});", layers.join(", "))
        });
        let pieces = self.pieces.iter().map(|piece| format!("\n{}", piece.text));
        constants.chain(geometry).chain(layers).chain(pieces).collect::<Vec<_>>().join("\n")
    }

    /// The file of its entry point.
    pub fn file(&self) -> &'static str {
        let entry = format!("fn {}(", self.entry);
        self.pieces.iter().find(|piece| piece.text.contains(&entry)).map_or("", |piece| piece.file)
    }

    /// The words of a shared geometry; empty if it is a constant.
    ///
    /// It is a storage buffer: lavapipe optimises a shader whose loops depend on a uniform buffer anew at every
    /// dispatch.
    pub fn shared_geometry(&self) -> Vec<u32> {
        self.geometry.iter().filter(|_| self.shared).map(|(_, value)| value.word()).collect()
    }

    /// Everything that it binds, by the number of the binding, which is read from the WGSL.
    pub fn resources(&self) -> Vec<(u32, Resource)> {
        let resource = |variable: &str| {
            let named = |argument: &Argument| argument.name == variable;
            if let Some(index) = self.arguments.iter().position(named) {
                return Some(Resource::Buffer { index, writes: self.arguments[index].usage != Use::Read });
            }
            match variable {
                "step" => Some(Resource::Step),
                "steps" => Some(Resource::Steps),
                "window" => Some(Resource::Window),
                "geometry" if self.shared && !self.geometry.is_empty() => Some(Resource::Geometry),
                _ => None,
            }
        };
        let declared = |line: &str| {
            let (number, rest) = line.strip_prefix("@group(0) @binding(")?.split_once(')')?;
            let (name, _) = rest.split_once("> ")?.1.split_once(':')?;
            Some((number.parse().ok()?, resource(name)?))
        };
        let mut found: Vec<(u32, Resource)> = Vec::new();
        for (number, resource) in self.text().lines().filter_map(declared) {
            // A buffer may be declared as words and as vectors.
            if !found.iter().any(|(other, _)| *other == number) {
                found.push((number, resource));
            }
        }
        found
    }

    /// Number of storage buffers that it binds.
    pub fn storage_buffers(&self) -> u64 {
        self.resources().iter().filter(|(_, resource)| *resource != Resource::Window).count() as u64
    }
}

macro_rules! piece {
    ($file:literal) => {
        Piece { file: $file, text: Cow::Borrowed(include_str!(concat!("../../shaders/", $file, ".wgsl"))) }
    };
}

/// The kernel that runs `op` of `plan`, with the tiles of `tile`.
pub fn kernel(op: &Op, plan: &Plan, set: Tile) -> Kernel {
    let Facts { name: entry, arguments, role, .. } = op.kind.facts();
    let (blocks, kernels) = (plan.blocks, set.kernels);
    let tile = Tiles { kernels, blocks };
    // The input of the model lies in the buffer of all steps.
    let gathered = role != Role::Input && op.buffers.contains(&plan.input);
    let base = Kernel {
        entry,
        constants: vec![("BLOCK", blocks.size), ("QUADS", blocks.quads())],
        geometry: Vec::new(),
        shared: kernels == Kernels::Software,
        pieces: vec![if gathered { piece!("input/gathered") } else { piece!("input/layer") }],
        arguments,
        layers: Vec::new(),
        window: None,
        rolled: set.rolled,
        once: role == Role::Input,
        workgroups: [1, 1, 1],
    };
    match &op.kind {
        OpKind::Gather(g) => {
            let rows = g.input.channels * g.input.height;
            let [background, foreground] = g.levels;
            let strips = g.input.width.div_ceil(value(&tile.gather(), "TILE_COLUMNS"));
            Kernel {
                constants: with(with(base.constants, &[("STEP_STRIDE", STEP_STRIDE / 16)]), &tile.gather()),
                geometry: [
                    u32s([
                        ("image_height", g.image_height),
                        ("image_width", g.image_width),
                        ("height", g.input.height),
                        ("width", g.input.width),
                        ("channels", g.input.channels),
                        ("blocks", blocks.count),
                    ]),
                    scale(background, foreground),
                ]
                .concat(),
                pieces: vec![piece!("gather")],
                workgroups: [words((blocks.quads() * strips * rows).div_ceil(64)), words(blocks.count), 1],
                ..base
            }
        }
        OpKind::Conv2d(pass, c) => conv2d(base, c, *pass, (set, tile), blocks),
        OpKind::MaxPool(pass, p) => pool(base, p, *pass, piece!("pool/max_pool"), tile, blocks),
        OpKind::AveragePool(pass, p) => pool(base, p, *pass, piece!("pool/average_pool"), tile, blocks),
        OpKind::Subsample(pass, s) => subsample(base, s, *pass, tile, blocks),
        OpKind::Dense(pass, d) => dense(base, d, *pass, tile, blocks),
        OpKind::Rbf(pass, r) => rbf(base, r, *pass, tile, blocks),
        OpKind::SoftmaxCrossEntropy(l) => loss(base, l, tile, blocks),
        OpKind::SumGradients { segments, masked } => Kernel {
            constants: with(base.constants, &tile.sums()),
            pieces: vec![mask(*masked), piece!("sums")],
            layers: layers(segments),
            workgroups: per_parameter(plan.layout.words),
            ..base
        },
        OpKind::Update { optimizer, words, masked } => update(base, *optimizer, *words, *masked),
        OpKind::SumAndUpdate { segments, optimizer, words, masked } => {
            let base = Kernel { constants: with(base.constants, &tile.sums()), layers: layers(segments), ..base };
            let update = update(base, *optimizer, *words, *masked);
            let fused = [piece!("sums"), piece!("optimizer/fused")];
            Kernel { pieces: [&update.pieces[..], &fused].concat(), ..update }
        }
    }
}

/// The value of a constant.
fn value(constants: &Constants, name: &str) -> usize {
    constants.iter().find(|(other, _)| *other == name).map_or(1, |(_, value)| *value)
}

fn with(mut constants: Constants, others: &[(&'static str, usize)]) -> Constants {
    constants.extend(others);
    constants
}

fn u32s<const N: usize>(values: [(&'static str, usize); N]) -> Vec<(&'static str, Value)> {
    values.map(|(name, value)| (name, Value::U32(words(value)))).to_vec()
}

/// The value of a byte 0, and of one step of a byte.
fn scale(background: f32, foreground: f32) -> Vec<(&'static str, Value)> {
    vec![("background", Value::F32(background)), ("scale", Value::F32((foreground - background) / 255.0))]
}

fn lanes(tile: Tiles) -> Piece {
    match tile.kernels {
        Kernels::Gpu => piece!("lanes/one"),
        Kernels::Software => piece!("lanes/four"),
    }
}

/// The functions `activate` and `derivative` of `activation`, then `pieces`.
fn with_activation(activation: Activation, pieces: &[Piece]) -> Vec<Piece> {
    let safe_tanh = piece!("activation/safe_tanh");
    let mut all = match activation {
        Activation::Identity | Activation::Relu => vec![piece!("activation/rectified")],
        Activation::Tanh => vec![safe_tanh, piece!("activation/tanh")],
        Activation::ScaledTanh => vec![safe_tanh, piece!("activation/scaled_tanh")],
        Activation::Sigmoid => vec![piece!("activation/sigmoid")],
    };
    all.extend_from_slice(pieces);
    all
}

/// The `floor` of activation/rectified.wgsl, the lowest output: 0 for ReLU, the lowest f32 without activation.
fn floor(activation: Activation) -> (&'static str, Value) {
    ("floor", Value::F32(if activation == Activation::Relu { 0.0 } else { f32::MIN }))
}

/// Offsets in `parameters` and `partials`, in vec4f.
fn offsets(weights: usize, bias: usize, partials: &Partials) -> Vec<(&'static str, Value)> {
    u32s([("weights", weights / PACK), ("bias", bias / PACK), ("partials", partials.first / PACK)])
}

/// The layout of slots.
fn slots(partials: &Partials) -> Vec<(&'static str, Value)> {
    u32s([
        ("partials_stride", partials.words / PACK),
        ("slots", partials.slots),
        ("rows_per_slot", partials.rows_per_slot),
    ])
}

/// A kernel of shaders/conv2d. Its geometry is always constant: so are the sizes of its arrays, and channels that only
/// pad a pack then cost nothing.
fn conv2d(base: Kernel, c: &Conv2d, pass: Pass, (set, tile): (Tile, Tiles), blocks: Blocks) -> Kernel {
    let ([height, width], packs) = (c.cells(), c.output.channels.div_ceil(PACK));
    let (body, activation, constants) = match pass {
        Pass::Forward => (piece!("conv2d/forward"), c.activation, tile.conv2d_forward(c.kernel, height * width)),
        Pass::BackwardInput => {
            (piece!("conv2d/backward_input"), c.input_activation, tile.conv2d_backward_input(c.kernel))
        }
        // It applies no activation.
        Pass::BackwardWeights => (
            piece!("conv2d/backward_weights"),
            Activation::Identity,
            tile.conv2d_backward_weights(c.kernel, c.input.channels * packs),
        ),
    };
    let size = |name| value(&constants, name);
    let workgroups = match pass {
        Pass::Forward => [(height * width).div_ceil(size("ITEMS")), packs.div_ceil(size("TILE_PACKS")), blocks.count],
        Pass::BackwardInput => {
            let strips = c.input.width.div_ceil(size("TILE_COLUMNS"));
            let lines = c.input.height.div_ceil(size("TILE_LINES"));
            let channels = c.input.channels.div_ceil(size("TILE_CHANNELS"));
            [strips.div_ceil(size("TILE_STRIPS")), lines * channels, blocks.count]
        }
        Pass::BackwardWeights => {
            let items = c.kernel.div_ceil(size("TILE_ROWS")) * c.input.channels * packs;
            [items.div_ceil(size("ITEMS")), c.partials.slots.div_ceil(size("TILE_SLOTS")), 1]
        }
    };
    let [background, foreground] = c.levels.unwrap_or_default();
    // The weights and the bias lie in one window, if they fit.
    let start = c.weights / WINDOW_STEP * WINDOW_STEP;
    let fits = 4 * (c.weights + c.partials.words - start) as u64 <= WINDOW_BYTES;
    let window = (set.uniform_weights && fits && pass != Pass::BackwardWeights).then_some(start);
    let limits = [("WINDOW", WINDOW_BYTES as usize / 16), ("WINDOW_START", start / PACK)];
    let constants = with(constants, if window.is_some() { &limits } else { &[] });
    let pieces = [
        lanes(tile),
        piece!("conv2d/geometry"),
        if c.levels.is_some() { piece!("conv2d/inputs_bytes") } else { piece!("conv2d/inputs_values") },
        if window.is_some() { piece!("conv2d/weights_uniform") } else { piece!("conv2d/weights_storage") },
        if c.max_pool { piece!("conv2d/max_pooled") } else { piece!("conv2d/unpooled") },
        body,
    ];
    let shapes = u32s([
        ("in_channels", c.input.channels),
        ("in_height", c.input.height),
        ("in_width", c.input.width),
        ("out_channels", c.output.channels),
        ("out_height", c.output.height),
        ("out_width", c.output.width),
        ("blocks", blocks.count),
    ]);
    let rest = [offsets(c.weights, c.bias, &c.partials), slots(&c.partials), vec![floor(activation)]];
    Kernel {
        constants: with(with(base.constants, &[("KERNEL", c.kernel)]), &constants),
        geometry: [shapes, rest.concat(), scale(background, foreground)].concat(),
        shared: false,
        pieces: [base.pieces, with_activation(activation, &pieces)].concat(),
        window,
        workgroups: workgroups.map(words),
        ..base
    }
}

/// A kernel of shaders/dense.
fn dense(base: Kernel, d: &Dense, pass: Pass, tile: Tiles, blocks: Blocks) -> Kernel {
    let (packs, quads) = (d.outputs.div_ceil(PACK), blocks.count * blocks.quads());
    let (body, activation, constants) = match pass {
        Pass::Forward => (piece!("dense/forward"), d.activation, tile.dense_forward()),
        Pass::BackwardInput => (piece!("dense/backward_input"), d.input_activation, tile.dense_backward_input()),
        // It applies no activation.
        Pass::BackwardWeights => {
            (piece!("dense/backward_weights"), Activation::Identity, tile.dense_backward_weights())
        }
    };
    let size = |name| value(&constants, name);
    let tiles = match pass {
        Pass::Forward => quads / size("TILE_QUADS") * packs.div_ceil(size("TILE_PACKS")),
        Pass::BackwardInput => quads / size("TILE_QUADS") * d.inputs.div_ceil(size("TILE_INPUTS")),
        Pass::BackwardWeights => packs.div_ceil(size("TILE_PACKS")) * d.inputs.div_ceil(size("TILE_INPUTS")),
    };
    let groups = tiles.div_ceil(size("TILES"));
    let shapes = u32s([("inputs", d.inputs), ("outputs", d.outputs), ("blocks", blocks.count)]);
    let pieces = with_activation(activation, &[piece!("lanes/four"), piece!("dense/geometry"), body]);
    Kernel {
        geometry: [shapes, offsets(d.weights, d.bias, &d.partials), vec![floor(activation)]].concat(),
        constants: with(with(base.constants, &[("MOST_GROUPS", MOST_GROUPS)]), &constants),
        pieces: [base.pieces, pieces].concat(),
        workgroups: [groups.min(MOST_GROUPS), groups.div_ceil(MOST_GROUPS), 1].map(words),
        ..base
    }
}

/// A kernel of shaders/pool/max_pool.wgsl or average_pool.wgsl.
fn pool(base: Kernel, p: &Pool, pass: Pass, body: Piece, tile: Tiles, blocks: Blocks) -> Kernel {
    let activation = if pass == Pass::Forward { Activation::Identity } else { p.input_activation };
    let none = Partials { first: 0, words: 0, slots: 0, rows_per_slot: 0, samples: 0 };
    let windows = Windows { size: p.size, shape: p.output, weights: 0, bias: 0, partials: none, blocks };
    windows.kernel(base, activation, body, tile)
}

/// A kernel of shaders/pool/subsample.wgsl.
fn subsample(base: Kernel, s: &Subsample, pass: Pass, tile: Tiles, blocks: Blocks) -> Kernel {
    let (weights, bias, partials) = (s.weights, s.bias, s.partials);
    let windows = Windows { size: s.size, shape: s.output, weights, bias, partials, blocks };
    let activation = match pass {
        Pass::Forward => s.activation,
        Pass::BackwardInput => s.input_activation,
        Pass::BackwardWeights => Activation::Identity,
    };
    let kernel = windows.kernel(base, activation, piece!("pool/subsample"), tile);
    match pass {
        Pass::BackwardWeights => Kernel {
            // A workgroup per channel, those that only pad a pack too.
            workgroups: [words(s.output.channels.next_multiple_of(PACK)), words(partials.slots), 1],
            ..kernel
        },
        _ => kernel,
    }
}

/// What kernels of shaders/pool need to know.
struct Windows {
    size: usize,
    shape: Shape,
    weights: usize,
    bias: usize,
    partials: Partials,
    blocks: Blocks,
}

impl Windows {
    fn kernel(self, base: Kernel, activation: Activation, body: Piece, tile: Tiles) -> Kernel {
        let shapes = u32s([
            ("channels", self.shape.channels),
            ("out_height", self.shape.height),
            ("out_width", self.shape.width),
            ("blocks", self.blocks.count),
        ]);
        let rest = [offsets(self.weights, self.bias, &self.partials), slots(&self.partials), vec![floor(activation)]];
        let items = self.shape.elements().div_ceil(value(&tile.per_value(), "ITEMS"));
        Kernel {
            constants: with(with(base.constants, &[("SIZE", self.size)]), &tile.per_value()),
            geometry: [shapes, rest.concat()].concat(),
            pieces: [base.pieces, with_activation(activation, &[lanes(tile), piece!("pool/window"), body])].concat(),
            workgroups: [items, 1, self.blocks.count].map(words),
            ..base
        }
    }
}

/// A kernel of shaders/rbf.wgsl.
fn rbf(base: Kernel, r: &Rbf, pass: Pass, tile: Tiles, blocks: Blocks) -> Kernel {
    let (items, activation) = match pass {
        Pass::Forward => (r.classes, Activation::Identity),
        _ => (r.inputs, r.input_activation),
    };
    let items = items.div_ceil(value(&tile.per_value(), "ITEMS"));
    let shapes =
        [("inputs", r.inputs), ("classes", r.classes), ("blocks", blocks.count), ("weights", r.weights / PACK)];
    Kernel {
        constants: with(base.constants, &tile.per_value()),
        geometry: [u32s(shapes), vec![floor(activation)]].concat(),
        pieces: [base.pieces, with_activation(activation, &[lanes(tile), piece!("rbf")])].concat(),
        workgroups: [items, 1, blocks.count].map(words),
        ..base
    }
}

/// A kernel of shaders/softmax_cross_entropy.wgsl.
fn loss(base: Kernel, l: &Loss, tile: Tiles, blocks: Blocks) -> Kernel {
    let (rivals, rubbish) = match l.kind {
        model::Loss::SoftmaxCrossEntropy => (1, None),
        model::Loss::Mse => (0, None),
        model::Loss::Map { j } => (1, Some(-j as f32)),
    };
    let extents = u32s([("classes", l.classes), ("blocks", blocks.count)]);
    let factors = vec![("rubbish", Value::F32(rubbish.unwrap_or_default())), ("scale", Value::F32(l.scale))];
    Kernel {
        constants: with(base.constants, &[("RIVALS", rivals), ("RUBBISH", usize::from(rubbish.is_some()))]),
        geometry: [extents, factors].concat(),
        pieces: vec![lanes(tile), piece!("softmax_cross_entropy")],
        workgroups: [words(blocks.count), 1, 1],
        ..base
    }
}

/// Which parameters are trained.
fn mask(masked: bool) -> Piece {
    if masked { piece!("mask/fixed") } else { piece!("mask/none") }
}

/// A kernel of shaders/optimizer.wgsl.
fn update(base: Kernel, optimizer: Optimizer, length: usize, masked: bool) -> Kernel {
    let nesterov = usize::from(optimizer == Optimizer::Nesterov);
    let decoupled = usize::from(optimizer == Optimizer::AdamW);
    Kernel {
        constants: with(base.constants, &[("NESTEROV", nesterov), ("DECOUPLED", decoupled)]),
        pieces: vec![mask(masked), piece!("optimizer")],
        workgroups: per_parameter(length),
        ..base
    }
}

/// A workgroup of 64 threads, each of a vec4f.
fn per_parameter(length: usize) -> [u32; 3] {
    [words(length.div_ceil(PACK * 64)), 1, 1]
}

/// `layers` of sums.wgsl.
fn layers(segments: &[Segment]) -> Vec<[u32; 4]> {
    let layer = |s: &Segment| [s.first / PACK, s.partials.words / PACK, s.partials.slots, s.partials.first / PACK];
    segments.iter().map(|s| layer(s).map(words)).collect()
}

/// `count` as u32. Larger counts belong to buffers beyond an adapter's limits, which [`super::GpuRunner`] refuses.
fn words(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
