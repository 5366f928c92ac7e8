// Dense layer: a matrix product over blocks of samples. Uses activation.wgsl.
//
// Activations are [block][unit][quad] vec4f; weights are [out / 4][in] vec4f of four outputs. A thread
// computes a tile of 16 samples x 12 outputs, so that seven loads feed twelve `outer` products.

struct Geometry {
    inputs: u32,
    outputs: u32,
    weights: u32,         // first vec4f in parameters
    bias: u32,            // first vec4f in parameters
    partials: u32,        // first vec4f in partials
    partials_stride: u32, // vec4f a slot
    blocks_per_chunk: u32,
    blocks: u32,
    floor: f32,           // of the activation: see activation.wgsl
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(1) var<storage, read> parameters_scalar: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
// dx in the formulas; DirectX's own HLSL compiler has a namespace of that name.
@group(0) @binding(4) var<storage, read_write> x_gradient: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(6) var<storage, read> geometry: Geometry;

const QUADS = 8u;
// Threads that share a block: each takes four of its eight quads.
const HALVES = 2u;

// Four samples times four units: column c holds unit c of the four samples.
fn outer(samples: vec4f, units: vec4f) -> mat4x4f {
    return mat4x4f(samples * units.x, samples * units.y, samples * units.z, samples * units.w);
}

// --- forward: y[o] = activation(sum over i of w[o, i] x[i] + bias[o]) ---

fn store_y(sum: mat4x4f, group: u32, block: u32, quad: u32) {
    let o = group * 4u;
    if o >= geometry.outputs { return; }
    let bias = parameters[geometry.bias + group];
    let at = (block * geometry.outputs + o) * QUADS + quad;
    y[at] = activate(sum[0] + bias.x, geometry.floor);
    if o + 1u < geometry.outputs { y[at + QUADS] = activate(sum[1] + bias.y, geometry.floor); }
    if o + 2u < geometry.outputs { y[at + 2u * QUADS] = activate(sum[2] + bias.z, geometry.floor); }
    if o + 3u < geometry.outputs { y[at + 3u * QUADS] = activate(sum[3] + bias.w, geometry.floor); }
}

// id.x: half of a block; id.y: group of twelve outputs.
@compute @workgroup_size(8, 4)
fn dense_forward(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let groups = (g.outputs + 3u) / 4u;
    let block = id.x / HALVES;
    let quad = id.x % HALVES * 4u;
    let group = id.y * 3u;
    if block >= g.blocks || group >= groups { return; }
    let from_x = block * g.inputs * QUADS + quad;
    let from_0 = g.weights + group * g.inputs;
    let from_1 = g.weights + min(group + 1u, groups - 1u) * g.inputs;
    let from_2 = g.weights + min(group + 2u, groups - 1u) * g.inputs;

    var t00 = mat4x4f(); var t01 = mat4x4f(); var t02 = mat4x4f();
    var t10 = mat4x4f(); var t11 = mat4x4f(); var t12 = mat4x4f();
    var t20 = mat4x4f(); var t21 = mat4x4f(); var t22 = mat4x4f();
    var t30 = mat4x4f(); var t31 = mat4x4f(); var t32 = mat4x4f();
    for (var i = 0u; i < g.inputs; i++) {
        let at = from_x + i * QUADS;
        let x0 = x[at]; let x1 = x[at + 1u]; let x2 = x[at + 2u]; let x3 = x[at + 3u];
        let w0 = parameters[from_0 + i]; let w1 = parameters[from_1 + i]; let w2 = parameters[from_2 + i];
        t00 += outer(x0, w0); t01 += outer(x0, w1); t02 += outer(x0, w2);
        t10 += outer(x1, w0); t11 += outer(x1, w1); t12 += outer(x1, w2);
        t20 += outer(x2, w0); t21 += outer(x2, w1); t22 += outer(x2, w2);
        t30 += outer(x3, w0); t31 += outer(x3, w1); t32 += outer(x3, w2);
    }
    store_y(t00, group, block, quad);
    store_y(t01, group + 1u, block, quad);
    store_y(t02, group + 2u, block, quad);
    store_y(t10, group, block, quad + 1u);
    store_y(t11, group + 1u, block, quad + 1u);
    store_y(t12, group + 2u, block, quad + 1u);
    store_y(t20, group, block, quad + 2u);
    store_y(t21, group + 1u, block, quad + 2u);
    store_y(t22, group + 2u, block, quad + 2u);
    store_y(t30, group, block, quad + 3u);
    store_y(t31, group + 1u, block, quad + 3u);
    store_y(t32, group + 2u, block, quad + 3u);
}

// --- backward, input: dx[i] = sum over o of w[o, i] dy[o], times the derivative of the activation that made x ---

// The weights of four inputs for one output; past the last input they repeat it, and are not stored.
fn weights_of_inputs(first: u32, input: u32) -> vec4f {
    let last = geometry.inputs - 1u;
    return vec4f(
        parameters_scalar[first + min(input, last) * 4u],
        parameters_scalar[first + min(input + 1u, last) * 4u],
        parameters_scalar[first + min(input + 2u, last) * 4u],
        parameters_scalar[first + min(input + 3u, last) * 4u],
    );
}

fn store_dx(sum: mat4x4f, input: u32, block: u32, quad: u32) {
    let at = (block * geometry.inputs + input) * QUADS + quad;
    if input < geometry.inputs { x_gradient[at] = sum[0] * derivative(x[at], geometry.floor); }
    if input + 1u < geometry.inputs { x_gradient[at + QUADS] = sum[1] * derivative(x[at + QUADS], geometry.floor); }
    if input + 2u < geometry.inputs { x_gradient[at + 2u * QUADS] = sum[2] * derivative(x[at + 2u * QUADS], geometry.floor); }
    if input + 3u < geometry.inputs { x_gradient[at + 3u * QUADS] = sum[3] * derivative(x[at + 3u * QUADS], geometry.floor); }
}

// id.x: half of a block; id.y: group of twelve inputs.
@compute @workgroup_size(8, 4)
fn dense_backward_input(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let block = id.x / HALVES;
    let quad = id.x % HALVES * 4u;
    let i = id.y * 12u;
    if block >= g.blocks || i >= g.inputs { return; }
    let from_dy = block * g.outputs * QUADS + quad;

    var t00 = mat4x4f(); var t01 = mat4x4f(); var t02 = mat4x4f();
    var t10 = mat4x4f(); var t11 = mat4x4f(); var t12 = mat4x4f();
    var t20 = mat4x4f(); var t21 = mat4x4f(); var t22 = mat4x4f();
    var t30 = mat4x4f(); var t31 = mat4x4f(); var t32 = mat4x4f();
    for (var o = 0u; o < g.outputs; o++) {
        let at = from_dy + o * QUADS;
        let d0 = dy[at]; let d1 = dy[at + 1u]; let d2 = dy[at + 2u]; let d3 = dy[at + 3u];
        let first = (g.weights + o / 4u * g.inputs) * 4u + o % 4u;
        let w0 = weights_of_inputs(first, i);
        let w1 = weights_of_inputs(first, i + 4u);
        let w2 = weights_of_inputs(first, i + 8u);
        t00 += outer(d0, w0); t01 += outer(d0, w1); t02 += outer(d0, w2);
        t10 += outer(d1, w0); t11 += outer(d1, w1); t12 += outer(d1, w2);
        t20 += outer(d2, w0); t21 += outer(d2, w1); t22 += outer(d2, w2);
        t30 += outer(d3, w0); t31 += outer(d3, w1); t32 += outer(d3, w2);
    }
    store_dx(t00, i, block, quad);
    store_dx(t01, i + 4u, block, quad);
    store_dx(t02, i + 8u, block, quad);
    store_dx(t10, i, block, quad + 1u);
    store_dx(t11, i + 4u, block, quad + 1u);
    store_dx(t12, i + 8u, block, quad + 1u);
    store_dx(t20, i, block, quad + 2u);
    store_dx(t21, i + 4u, block, quad + 2u);
    store_dx(t22, i + 8u, block, quad + 2u);
    store_dx(t30, i, block, quad + 3u);
    store_dx(t31, i + 4u, block, quad + 3u);
    store_dx(t32, i + 8u, block, quad + 3u);
}

// --- backward, weights: dw[o, i] = sum over samples of dy[o] x[i]; db[o] = sum over samples of dy[o] ---

// Four outputs of one quad; past the last output they repeat it, and are masked.
fn dy_at(first: u32, o: u32) -> mat4x4f {
    let last = geometry.outputs - 1u;
    return mat4x4f(dy[first + min(o, last) * QUADS], dy[first + min(o + 1u, last) * QUADS],
                   dy[first + min(o + 2u, last) * QUADS], dy[first + min(o + 3u, last) * QUADS]);
}

fn x_at(first: u32, i: u32) -> vec4f {
    return x[first + min(i, geometry.inputs - 1u) * QUADS];
}

fn mask_of(o: u32) -> vec4f {
    return select(vec4f(), vec4f(1.0), vec4u(o, o + 1u, o + 2u, o + 3u) < vec4u(geometry.outputs));
}

// One input's sums for three groups of four outputs.
struct Sums { a: vec4f, b: vec4f, c: vec4f }

// `x * d` is four dot products over the four samples, one for each output.
fn add(s: Sums, x: vec4f, d0: mat4x4f, d1: mat4x4f, d2: mat4x4f) -> Sums {
    return Sums(s.a + x * d0, s.b + x * d1, s.c + x * d2);
}

// Three vec4f, a group's stride apart, as far as there are outputs.
fn store_groups(s: Sums, at: u32, stride: u32, o: u32) {
    partials[at] = s.a * mask_of(o);
    if o + 4u < geometry.outputs { partials[at + stride] = s.b * mask_of(o + 4u); }
    if o + 8u < geometry.outputs { partials[at + 2u * stride] = s.c * mask_of(o + 8u); }
}

fn store_dw(s: Sums, slot: u32, group: u32, i: u32) {
    if i >= geometry.inputs { return; }
    store_groups(s, slot + group * geometry.inputs + i, geometry.inputs, group * 4u);
}

// id.x: group of eight inputs; id.y: group of twelve outputs; id.z: chunk of blocks.
@compute @workgroup_size(8, 4)
fn dense_backward_weights(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let i = id.x * 8u;
    let group = id.y * 3u;
    let o = group * 4u;
    if i >= g.inputs || o >= g.outputs { return; }

    var s0 = Sums(); var s1 = Sums(); var s2 = Sums(); var s3 = Sums();
    var s4 = Sums(); var s5 = Sums(); var s6 = Sums(); var s7 = Sums();
    var bias = Sums();
    // One loop, not two nested ones: a software driver blends every sum at each level.
    let first_block = id.z * g.blocks_per_chunk;
    let blocks = min(g.blocks_per_chunk, g.blocks - first_block);
    for (var t = 0u; t < blocks * QUADS; t++) {
        let block = first_block + t / QUADS;
        let quad = t % QUADS;
        let from_dy = block * g.outputs * QUADS + quad;
        let from_x = block * g.inputs * QUADS + quad;
        let d0 = dy_at(from_dy, o);
        let d1 = dy_at(from_dy, o + 4u);
        let d2 = dy_at(from_dy, o + 8u);
        s0 = add(s0, x_at(from_x, i), d0, d1, d2);
        s1 = add(s1, x_at(from_x, i + 1u), d0, d1, d2);
        s2 = add(s2, x_at(from_x, i + 2u), d0, d1, d2);
        s3 = add(s3, x_at(from_x, i + 3u), d0, d1, d2);
        s4 = add(s4, x_at(from_x, i + 4u), d0, d1, d2);
        s5 = add(s5, x_at(from_x, i + 5u), d0, d1, d2);
        s6 = add(s6, x_at(from_x, i + 6u), d0, d1, d2);
        s7 = add(s7, x_at(from_x, i + 7u), d0, d1, d2);
        bias = add(bias, vec4f(1.0), d0, d1, d2);
    }
    let slot = g.partials + id.z * g.partials_stride;
    store_dw(s0, slot, group, i);
    store_dw(s1, slot, group, i + 1u);
    store_dw(s2, slot, group, i + 2u);
    store_dw(s3, slot, group, i + 3u);
    store_dw(s4, slot, group, i + 4u);
    store_dw(s5, slot, group, i + 5u);
    store_dw(s6, slot, group, i + 6u);
    store_dw(s7, slot, group, i + 7u);
    // The bias follows the layer's weights; the thread of the first inputs writes it.
    if i == 0u { store_groups(bias, slot + g.bias - g.weights + group, 1u, o); }
}
