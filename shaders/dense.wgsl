// Dense layer: a matrix product over blocks of samples. Uses one of activation/.
//
// Activations are [block][unit][quad] vec4f; weights are [out / 4][in] vec4f, a pack of four outputs (`group`). A
// thread computes a tile, so that each load is used several times: loads bind these kernels, not arithmetic
// (docs/performance.md).

struct Geometry {
    inputs: u32,
    outputs: u32,
    weights: u32,         // first vec4f in parameters
    bias: u32,            // first vec4f in parameters
    partials: u32,        // first vec4f in partials
    partials_stride: u32, // vec4f per slot
    blocks_per_chunk: u32,
    blocks: u32,
    floor: f32,           // of the activation: see activation/
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
// dx in the formulas; DirectX's own HLSL compiler has a namespace of that name.
@group(0) @binding(4) var<storage, read_write> x_gradient: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(6) var<storage, read> geometry: Geometry;

const QUADS = 8u;
// Threads per block: each takes four of its eight quads.
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

// id.x: half of a block; id.y: twelve outputs.
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
    // A loop that shifts the tiles: twelve copies of the store take longer to compile than all the rest.
    for (var q = 0u; q < 4u; q++) {
        store_y(t00, group, block, quad + q);
        store_y(t01, group + 1u, block, quad + q);
        store_y(t02, group + 2u, block, quad + q);
        t00 = t10; t01 = t11; t02 = t12;
        t10 = t20; t11 = t21; t12 = t22;
        t20 = t30; t21 = t31; t22 = t32;
    }
}

// --- backward, input: dx[i] = sum over o of w[o, i] dy[o], times the derivative of the activation that made x ---

// dy of four outputs, one quad. Outputs past the last repeat it: their weights are zero, or their sums are masked.
fn dy_at(first: u32, o: u32) -> mat4x4f {
    let last = geometry.outputs - 1u;
    return mat4x4f(dy[first + min(o, last) * QUADS], dy[first + min(o + 1u, last) * QUADS],
                   dy[first + min(o + 2u, last) * QUADS], dy[first + min(o + 3u, last) * QUADS]);
}

// One input of four quads.
struct Quads { a: vec4f, b: vec4f, c: vec4f, d: vec4f }

// `d * w` is the sum over four outputs of their gradients times their weights.
fn add_outputs(s: Quads, w: vec4f, d0: mat4x4f, d1: mat4x4f, d2: mat4x4f, d3: mat4x4f) -> Quads {
    return Quads(s.a + d0 * w, s.b + d1 * w, s.c + d2 * w, s.d + d3 * w);
}

fn store_dx(s: Quads, input: u32, block: u32, quad: u32) {
    if input >= geometry.inputs { return; }
    let at = (block * geometry.inputs + input) * QUADS + quad;
    let floor = geometry.floor;
    x_gradient[at] = s.a * derivative(x[at], floor);
    x_gradient[at + 1u] = s.b * derivative(x[at + 1u], floor);
    x_gradient[at + 2u] = s.c * derivative(x[at + 2u], floor);
    x_gradient[at + 3u] = s.d * derivative(x[at + 3u], floor);
}

// id.x: half of a block; id.y: twelve inputs.
@compute @workgroup_size(8, 4)
fn dense_backward_input(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let block = id.x / HALVES;
    let quad = id.x % HALVES * 4u;
    let i = id.y * 12u;
    if block >= g.blocks || i >= g.inputs { return; }
    let from_dy = block * g.outputs * QUADS + quad;
    let last = g.inputs - 1u;

    var s0 = Quads(); var s1 = Quads(); var s2 = Quads(); var s3 = Quads();
    var s4 = Quads(); var s5 = Quads(); var s6 = Quads(); var s7 = Quads();
    var s8 = Quads(); var s9 = Quads(); var s10 = Quads(); var s11 = Quads();
    for (var group = 0u; group < (g.outputs + 3u) / 4u; group++) {
        let d0 = dy_at(from_dy, group * 4u);
        let d1 = dy_at(from_dy + 1u, group * 4u);
        let d2 = dy_at(from_dy + 2u, group * 4u);
        let d3 = dy_at(from_dy + 3u, group * 4u);
        let w = g.weights + group * g.inputs;
        s0 = add_outputs(s0, parameters[w + min(i + 0u, last)], d0, d1, d2, d3);
        s1 = add_outputs(s1, parameters[w + min(i + 1u, last)], d0, d1, d2, d3);
        s2 = add_outputs(s2, parameters[w + min(i + 2u, last)], d0, d1, d2, d3);
        s3 = add_outputs(s3, parameters[w + min(i + 3u, last)], d0, d1, d2, d3);
        s4 = add_outputs(s4, parameters[w + min(i + 4u, last)], d0, d1, d2, d3);
        s5 = add_outputs(s5, parameters[w + min(i + 5u, last)], d0, d1, d2, d3);
        s6 = add_outputs(s6, parameters[w + min(i + 6u, last)], d0, d1, d2, d3);
        s7 = add_outputs(s7, parameters[w + min(i + 7u, last)], d0, d1, d2, d3);
        s8 = add_outputs(s8, parameters[w + min(i + 8u, last)], d0, d1, d2, d3);
        s9 = add_outputs(s9, parameters[w + min(i + 9u, last)], d0, d1, d2, d3);
        s10 = add_outputs(s10, parameters[w + min(i + 10u, last)], d0, d1, d2, d3);
        s11 = add_outputs(s11, parameters[w + min(i + 11u, last)], d0, d1, d2, d3);
    }
    // As forward.
    for (var k = 0u; k < 12u; k += 3u) {
        store_dx(s0, i + k, block, quad);
        store_dx(s1, i + k + 1u, block, quad);
        store_dx(s2, i + k + 2u, block, quad);
        s0 = s3; s1 = s4; s2 = s5;
        s3 = s6; s4 = s7; s5 = s8;
        s6 = s9; s7 = s10; s8 = s11;
    }
}

// --- backward, weights: dw[o, i] = sum over samples of dy[o] x[i]; db[o] = sum over samples of dy[o] ---

fn x_at(first: u32, i: u32) -> vec4f {
    return x[first + min(i, geometry.inputs - 1u) * QUADS];
}

fn mask_of(o: u32) -> vec4f {
    return select(vec4f(), vec4f(1.0), vec4u(o, o + 1u, o + 2u, o + 3u) < vec4u(geometry.outputs));
}

// One input's sums for three groups of four outputs.
struct Sums { a: vec4f, b: vec4f, c: vec4f }

// `x * d` is four dot products over the four samples, one per output.
fn add(s: Sums, x: vec4f, d0: mat4x4f, d1: mat4x4f, d2: mat4x4f) -> Sums {
    return Sums(s.a + x * d0, s.b + x * d1, s.c + x * d2);
}

// Stores three vec4f, `stride` apart, of the groups that exist.
fn store_groups(s: Sums, at: u32, stride: u32, o: u32) {
    partials[at] = s.a * mask_of(o);
    if o + 4u < geometry.outputs { partials[at + stride] = s.b * mask_of(o + 4u); }
    if o + 8u < geometry.outputs { partials[at + 2u * stride] = s.c * mask_of(o + 8u); }
}

fn store_dw(s: Sums, slot: u32, group: u32, i: u32) {
    if i >= geometry.inputs { return; }
    store_groups(s, slot + group * geometry.inputs + i, geometry.inputs, group * 4u);
}

// id.x: sixteen inputs of twelve outputs; id.z: chunk of blocks.
@compute @workgroup_size(32)
fn dense_backward_weights(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let across = (g.inputs + 15u) / 16u;
    let i = id.x % across * 16u;
    let group = id.x / across * 3u;
    let o = group * 4u;
    if i >= g.inputs || o >= g.outputs { return; }

    var s0 = Sums(); var s1 = Sums(); var s2 = Sums(); var s3 = Sums();
    var s4 = Sums(); var s5 = Sums(); var s6 = Sums(); var s7 = Sums();
    var s8 = Sums(); var s9 = Sums(); var s10 = Sums(); var s11 = Sums();
    var s12 = Sums(); var s13 = Sums(); var s14 = Sums(); var s15 = Sums();
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
        bias = add(bias, vec4f(1.0), d0, d1, d2);
        s0 = add(s0, x_at(from_x, i + 0u), d0, d1, d2);
        s1 = add(s1, x_at(from_x, i + 1u), d0, d1, d2);
        s2 = add(s2, x_at(from_x, i + 2u), d0, d1, d2);
        s3 = add(s3, x_at(from_x, i + 3u), d0, d1, d2);
        s4 = add(s4, x_at(from_x, i + 4u), d0, d1, d2);
        s5 = add(s5, x_at(from_x, i + 5u), d0, d1, d2);
        s6 = add(s6, x_at(from_x, i + 6u), d0, d1, d2);
        s7 = add(s7, x_at(from_x, i + 7u), d0, d1, d2);
        s8 = add(s8, x_at(from_x, i + 8u), d0, d1, d2);
        s9 = add(s9, x_at(from_x, i + 9u), d0, d1, d2);
        s10 = add(s10, x_at(from_x, i + 10u), d0, d1, d2);
        s11 = add(s11, x_at(from_x, i + 11u), d0, d1, d2);
        s12 = add(s12, x_at(from_x, i + 12u), d0, d1, d2);
        s13 = add(s13, x_at(from_x, i + 13u), d0, d1, d2);
        s14 = add(s14, x_at(from_x, i + 14u), d0, d1, d2);
        s15 = add(s15, x_at(from_x, i + 15u), d0, d1, d2);
    }
    let slot = g.partials + id.z * g.partials_stride;
    // As forward.
    for (var k = 0u; k < 16u; k += 4u) {
        store_dw(s0, slot, group, i + k);
        store_dw(s1, slot, group, i + k + 1u);
        store_dw(s2, slot, group, i + k + 2u);
        store_dw(s3, slot, group, i + k + 3u);
        s0 = s4; s1 = s5; s2 = s6; s3 = s7;
        s4 = s8; s5 = s9; s6 = s10; s7 = s11;
        s8 = s12; s9 = s13; s10 = s14; s11 = s15;
    }
    // The bias follows the layer's weights; the thread of the first inputs writes it.
    if i == 0u { store_groups(bias, slot + g.bias - g.weights + group, 1u, o); }
}
