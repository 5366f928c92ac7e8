// Valid convolution, stride 1. Uses one of activation/, and of conv2d/ one each of inputs_*, weights_* and gradients_*.
//
// Activations are [block][channel][row][column][quad] vec4f, a quad being four samples; weights are
// [out / 4][in][row][column] vec4f, a pack of four output channels (`group`). One `outer` product of a
// quad with the weights of a pack is sixteen multiply-adds from two loads, and a strip of columns uses
// each load again. Loads bind these kernels, not arithmetic (docs/performance.md).

struct Geometry {
    in_channels: u32,
    in_height: u32,
    in_width: u32,
    out_channels: u32,
    out_height: u32,
    out_width: u32,
    weights: u32,         // first vec4f in parameters
    bias: u32,            // first vec4f in parameters
    partials: u32,        // first vec4f in partials
    partials_stride: u32, // vec4f per slot
    blocks_per_chunk: u32,
    blocks: u32,
    floor: f32,           // of the activation: see activation/
    window: u32,          // first vec4f of `window` in parameters
    background: f32,      // value of a byte 0, where x is bytes
    scale: f32,           // of a byte
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
// dx in the formulas; DirectX's own HLSL compiler has a namespace of that name.
@group(0) @binding(4) var<storage, read_write> x_gradient: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(6) var<storage, read> geometry: Geometry;
// Which sum of each 2x2 window was the largest: [block][channel / 4][row][column][quad], 8 bits per channel of the
// pack, of which 2 per sample of the quad.
@group(0) @binding(8) var<storage, read> argmax: array<u32>;
@group(0) @binding(8) var<storage, read_write> new_argmax: array<u32>;

// Rows and columns of a kernel: known when the pipeline is made, so that no loop divides by a variable.
override KERNEL: u32 = 5u;

const QUADS = 8u;
// Taps of a kernel row per turn; a longer row takes several turns.
const TAPS = 5u;

// Four samples times four channels: column c holds channel c of the four samples.
fn outer(samples: vec4f, channels: vec4f) -> mat4x4f {
    return mat4x4f(samples * channels.x, samples * channels.y, samples * channels.z, samples * channels.w);
}

// Weights of one kernel row for four channels.
struct Row { w0: vec4f, w1: vec4f, w2: vec4f, w3: vec4f, w4: vec4f }

fn taps(r: Row, a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f) -> mat4x4f {
    return outer(a, r.w0) + outer(b, r.w1) + outer(c, r.w2) + outer(d, r.w3) + outer(e, r.w4);
}

// --- forward: y = activation(sum over c, i, j of w[o, c, i, j] x[c, row + i, column + j] + bias[o]) ---

// A strip: columns of y per thread, for a pack and a quad.
const STRIP = 10u;

fn weights_at(first: u32, tap: u32) -> vec4f {
    return select(vec4f(), weight(first + min(tap, KERNEL - 1u)), tap < KERNEL);
}

fn store_y(sum: mat4x4f, bias: vec4f, row_of_y: u32, column: u32, channel: u32, g: Geometry) {
    if column >= g.out_width { return; }
    let plane = g.out_height * g.out_width * QUADS;
    let at = row_of_y + column * QUADS;
    y[at] = activate(sum[0] + bias.x, g.floor);
    if channel + 1u < g.out_channels { y[at + plane] = activate(sum[1] + bias.y, g.floor); }
    if channel + 2u < g.out_channels { y[at + 2u * plane] = activate(sum[2] + bias.z, g.floor); }
    if channel + 3u < g.out_channels { y[at + 3u * plane] = activate(sum[3] + bias.w, g.floor); }
}

// id.x: quad; id.y: strip, row and group of four channels; id.z: block.
@compute @workgroup_size(8, 8)
fn conv2d_forward(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let strips = (g.out_width + STRIP - 1u) / STRIP;
    let groups = (g.out_channels + 3u) / 4u;
    if id.y >= strips * g.out_height * groups { return; }
    let column = id.y % strips * STRIP;
    let row = id.y / strips % g.out_height;
    let group = id.y / (strips * g.out_height);
    let last = g.in_width - 1u;

    var t0 = mat4x4f(); var t1 = mat4x4f(); var t2 = mat4x4f(); var t3 = mat4x4f(); var t4 = mat4x4f();
    var t5 = mat4x4f(); var t6 = mat4x4f(); var t7 = mat4x4f(); var t8 = mat4x4f(); var t9 = mat4x4f();
    // One loop, not three nested ones: a software driver blends every sum at each level of nesting.
    let turns = (KERNEL + TAPS - 1u) / TAPS;
    for (var t = 0u; t < g.in_channels * KERNEL * turns; t++) {
        let c = t / (KERNEL * turns);
        let i = t / turns % KERNEL;
        let j = t % turns * TAPS;
        let w = g.weights + ((group * g.in_channels + c) * KERNEL + i) * KERNEL;
        let r = Row(weights_at(w, j), weights_at(w, j + 1u), weights_at(w, j + 2u),
                    weights_at(w, j + 3u), weights_at(w, j + 4u));
        let from_x = ((id.z * g.in_channels + c) * g.in_height + row + i) * g.in_width * QUADS + id.x;
        let left = column + j;
        let x0 = x[from_x + min(left, last) * QUADS];
        let x1 = x[from_x + min(left + 1u, last) * QUADS];
        let x2 = x[from_x + min(left + 2u, last) * QUADS];
        let x3 = x[from_x + min(left + 3u, last) * QUADS];
        let x4 = x[from_x + min(left + 4u, last) * QUADS];
        let x5 = x[from_x + min(left + 5u, last) * QUADS];
        let x6 = x[from_x + min(left + 6u, last) * QUADS];
        let x7 = x[from_x + min(left + 7u, last) * QUADS];
        let x8 = x[from_x + min(left + 8u, last) * QUADS];
        let x9 = x[from_x + min(left + 9u, last) * QUADS];
        let x10 = x[from_x + min(left + 10u, last) * QUADS];
        let x11 = x[from_x + min(left + 11u, last) * QUADS];
        let x12 = x[from_x + min(left + 12u, last) * QUADS];
        let x13 = x[from_x + min(left + 13u, last) * QUADS];
        t0 += taps(r, x0, x1, x2, x3, x4);
        t1 += taps(r, x1, x2, x3, x4, x5);
        t2 += taps(r, x2, x3, x4, x5, x6);
        t3 += taps(r, x3, x4, x5, x6, x7);
        t4 += taps(r, x4, x5, x6, x7, x8);
        t5 += taps(r, x5, x6, x7, x8, x9);
        t6 += taps(r, x6, x7, x8, x9, x10);
        t7 += taps(r, x7, x8, x9, x10, x11);
        t8 += taps(r, x8, x9, x10, x11, x12);
        t9 += taps(r, x9, x10, x11, x12, x13);
    }
    let bias = weight(g.bias + group);
    let o = group * 4u;
    let to_y = ((id.z * g.out_channels + o) * g.out_height + row) * g.out_width * QUADS + id.x;
    store_y(t0, bias, to_y, column, o, g);
    store_y(t1, bias, to_y, column + 1u, o, g);
    store_y(t2, bias, to_y, column + 2u, o, g);
    store_y(t3, bias, to_y, column + 3u, o, g);
    store_y(t4, bias, to_y, column + 4u, o, g);
    store_y(t5, bias, to_y, column + 5u, o, g);
    store_y(t6, bias, to_y, column + 6u, o, g);
    store_y(t7, bias, to_y, column + 7u, o, g);
    store_y(t8, bias, to_y, column + 8u, o, g);
    store_y(t9, bias, to_y, column + 9u, o, g);
}

// --- forward with max-pooling: y = activation(largest sum of each 2x2 window) ---

// Output channels: known when the pipeline is made, so that channels that only pad a group cost nothing.
override CHANNELS: u32 = 8u;

// Weights of one kernel row for four channels from `channel` on; zeros past the last.
fn row_of_weights(first: u32, tap: u32, channel: u32) -> Row {
    let within = vec4u(channel, channel + 1u, channel + 2u, channel + 3u) < vec4u(CHANNELS);
    let real = vec4<bool>(CHANNELS % 8u == 0u) | within;
    return Row(
        select(vec4f(), weights_at(first, tap), real),
        select(vec4f(), weights_at(first, tap + 1u), real),
        select(vec4f(), weights_at(first, tap + 2u), real),
        select(vec4f(), weights_at(first, tap + 3u), real),
        select(vec4f(), weights_at(first, tap + 4u), real),
    );
}

struct Largest { sum: vec4f, place: vec4u }

// The largest of four sums and the argmax, the first of equals.
fn largest(a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> Largest {
    var best = Largest(a, vec4u());
    best = Largest(max(best.sum, b), select(best.place, vec4u(1u), b > best.sum));
    best = Largest(max(best.sum, c), select(best.place, vec4u(2u), c > best.sum));
    return Largest(max(best.sum, d), select(best.place, vec4u(3u), d > best.sum));
}

// Stores four channels of a pooling window. Returns their argmax, packed.
fn store_largest(a: mat4x4f, b: mat4x4f, c: mat4x4f, d: mat4x4f, group: u32, to_y: u32, plane: u32) -> u32 {
    let bias = weight(geometry.bias + group);
    let floor = geometry.floor;
    let channel = group * 4u;
    let best0 = largest(a[0], b[0], c[0], d[0]);
    let best1 = largest(a[1], b[1], c[1], d[1]);
    let best2 = largest(a[2], b[2], c[2], d[2]);
    let best3 = largest(a[3], b[3], c[3], d[3]);
    y[to_y] = activate(best0.sum + bias.x, floor);
    if channel + 1u < CHANNELS { y[to_y + plane] = activate(best1.sum + bias.y, floor); }
    if channel + 2u < CHANNELS { y[to_y + 2u * plane] = activate(best2.sum + bias.z, floor); }
    if channel + 3u < CHANNELS { y[to_y + 3u * plane] = activate(best3.sum + bias.w, floor); }
    let four = best0.place | (best1.place << vec4u(8u)) | (best2.place << vec4u(16u)) | (best3.place << vec4u(24u));
    return four.x | (four.y << 2u) | (four.z << 4u) | (four.w << 6u);
}

// id.x: quad; id.y: position in y and set of eight channels (two packs); id.z: block. 2x2 sums per position.
@compute @workgroup_size(8, 8)
fn conv2d_max_pool_forward(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let width = g.out_width / 2u;
    let places = g.out_height / 2u * width;
    if id.y >= places * ((CHANNELS + 7u) / 8u) { return; }
    let column = id.y % width;
    let row = id.y / width % (g.out_height / 2u);
    // With one set this is a constant: the compiler drops the channels that only pad.
    let eights = select(id.y / places, 0u, CHANNELS <= 8u);
    let channel = eights * 8u;
    let last_group = (CHANNELS + 3u) / 4u - 1u;
    let group = eights * 2u;
    let other_group = min(group + 1u, last_group);

    // Sums of two packs: a and b above, c and d below; a and c left, b and d right.
    var a0 = mat4x4f(); var b0 = mat4x4f(); var c0 = mat4x4f(); var d0 = mat4x4f();
    var a1 = mat4x4f(); var b1 = mat4x4f(); var c1 = mat4x4f(); var d1 = mat4x4f();
    let turns = (KERNEL + TAPS - 1u) / TAPS;
    for (var t = 0u; t < g.in_channels * KERNEL * turns; t++) {
        let c = t / (KERNEL * turns);
        let i = t / turns % KERNEL;
        let j = t % turns * TAPS;
        let tap = (c * KERNEL + i) * KERNEL;
        let weights_of_group = g.in_channels * KERNEL * KERNEL;
        let r0 = row_of_weights(g.weights + group * weights_of_group + tap, j, channel);
        let r1 = row_of_weights(g.weights + other_group * weights_of_group + tap, j, channel + 4u);
        let row_of_map = (id.z * g.in_channels + c) * g.in_height + row * 2u + i;
        let above = row_of_x(row_of_map, id.x, g);
        let below = row_of_x(row_of_map + 1u, id.x, g);
        let left = column * 2u + j;
        let x0 = x_two(above, left, g);
        let x2 = x_two(above, left + 2u, g);
        let x4 = x_two(above, left + 4u, g);
        a0 += taps(r0, x0[0], x0[1], x2[0], x2[1], x4[0]);
        b0 += taps(r0, x0[1], x2[0], x2[1], x4[0], x4[1]);
        a1 += taps(r1, x0[0], x0[1], x2[0], x2[1], x4[0]);
        b1 += taps(r1, x0[1], x2[0], x2[1], x4[0], x4[1]);
        let z0 = x_two(below, left, g);
        let z2 = x_two(below, left + 2u, g);
        let z4 = x_two(below, left + 4u, g);
        c0 += taps(r0, z0[0], z0[1], z2[0], z2[1], z4[0]);
        d0 += taps(r0, z0[1], z2[0], z2[1], z4[0], z4[1]);
        c1 += taps(r1, z0[0], z0[1], z2[0], z2[1], z4[0]);
        d1 += taps(r1, z0[1], z2[0], z2[1], z4[0], z4[1]);
    }
    let plane = places * QUADS;
    let place = (row * width + column) * QUADS + id.x;
    let to_y = (id.z * CHANNELS + channel) * plane + place;
    let to_argmax = (id.z * (last_group + 1u) + group) * plane + place;
    new_argmax[to_argmax] = store_largest(a0, b0, c0, d0, group, to_y, plane);
    if channel + 4u < CHANNELS {
        new_argmax[to_argmax + plane] = store_largest(a1, b1, c1, d1, group + 1u, to_y + 4u * plane, plane);
    }
}

// --- backward, input: dx[c, row, column] = sum over o, i, j of w[o, c, i, j] dy[o, row - i, column - j],
//     times the derivative of the activation that made x ---

// A strip: columns of dx per thread, for three channels and a quad. 14 = 10 + 5 - 1: C3's whole row of dx is one
// strip. 3 divides S2's 6 channels.
const BACK_STRIP = 14u;

// Whether the strip needs columns of dy beside the ten in its middle: false if all of dx fits one strip.
override EDGES: bool = true;

// Four samples times three channels.
fn outer3(samples: vec4f, channels: vec3f) -> mat3x4f {
    return mat3x4f(samples * channels.x, samples * channels.y, samples * channels.z);
}

// One weight per input channel, of three, for one output channel and tap.
fn weights_of_inputs(first: u32, channel: u32, tap: u32, g: Geometry) -> vec3f {
    let plane = KERNEL * KERNEL * 4u;
    let at = first + min(tap, KERNEL - 1u) * 4u;
    let last = g.in_channels - 1u;
    let w = vec3f(
        weight_scalar(at + channel * plane),
        weight_scalar(at + min(channel + 1u, last) * plane),
        weight_scalar(at + min(channel + 2u, last) * plane),
    );
    return select(vec3f(), w, tap < KERNEL);
}

fn store_dx(sum: mat3x4f, row_of_x: u32, column: u32, channel: u32, g: Geometry) {
    if column >= g.in_width { return; }
    let plane = g.in_height * g.in_width * QUADS;
    let at = row_of_x + column * QUADS;
    x_gradient[at] = sum[0] * derivative(x[at], g.floor);
    if channel + 1u < g.in_channels { x_gradient[at + plane] = sum[1] * derivative(x[at + plane], g.floor); }
    if channel + 2u < g.in_channels { x_gradient[at + 2u * plane] = sum[2] * derivative(x[at + 2u * plane], g.floor); }
}

// id.x: quad; id.y: strip, row and group of three input channels; id.z: block.
@compute @workgroup_size(8, 8)
fn conv2d_backward_input(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let strips = (g.in_width + BACK_STRIP - 1u) / BACK_STRIP;
    let groups = (g.in_channels + 2u) / 3u;
    if id.y >= strips * g.in_height * groups { return; }
    let column = id.y % strips * BACK_STRIP;
    let row = id.y / strips % g.in_height;
    let c = id.y / (strips * g.in_height) * 3u;
    // Kernel rows whose output row exists.
    let first_i = max(row + 1u, g.out_height) - g.out_height;
    let end_i = min(row + 1u, KERNEL);

    var t0 = mat3x4f(); var t1 = mat3x4f(); var t2 = mat3x4f(); var t3 = mat3x4f(); var t4 = mat3x4f();
    var t5 = mat3x4f(); var t6 = mat3x4f(); var t7 = mat3x4f(); var t8 = mat3x4f(); var t9 = mat3x4f();
    var t10 = mat3x4f(); var t11 = mat3x4f(); var t12 = mat3x4f(); var t13 = mat3x4f();
    // One loop, as forward: t counts rows and turns, from first_i * turns on.
    let turns = (KERNEL + TAPS - 1u) / TAPS;
    var o = 0u;
    for (var t = first_i * turns; o < g.out_channels; ) {
        let i = t / turns;
        let j = t % turns * TAPS;
        let w = g.weights * 4u + ((o / 4u * g.in_channels * KERNEL + i) * KERNEL) * 4u + o % 4u;
        let w0 = weights_of_inputs(w, c, j, g);
        let w1 = weights_of_inputs(w, c, j + 1u, g);
        let w2 = weights_of_inputs(w, c, j + 2u, g);
        let w3 = weights_of_inputs(w, c, j + 3u, g);
        let w4 = weights_of_inputs(w, c, j + 4u, g);
        let group = id.z * ((g.out_channels + 3u) / 4u) + o / 4u;
        let from_dy = row_of_dy(id.z * g.out_channels + o, group, o, row - i, id.x, g);
        // Column p of the strip takes d(p + 4) with tap 0, ..., d(p) with tap 4.
        let left = i32(column) - i32(j) - 4;
        let p4 = dy_pair(from_dy, left + 4, g); let d4 = p4[0]; let d5 = p4[1];
        let p6 = dy_pair(from_dy, left + 6, g); let d6 = p6[0]; let d7 = p6[1];
        let p8 = dy_pair(from_dy, left + 8, g); let d8 = p8[0]; let d9 = p8[1];
        let p10 = dy_pair(from_dy, left + 10, g); let d10 = p10[0]; let d11 = p10[1];
        let p12 = dy_pair(from_dy, left + 12, g); let d12 = p12[0]; let d13 = p12[1];
        t0 += outer3(d4, w0);
        t1 += outer3(d5, w0) + outer3(d4, w1);
        t2 += outer3(d6, w0) + outer3(d5, w1) + outer3(d4, w2);
        t3 += outer3(d7, w0) + outer3(d6, w1) + outer3(d5, w2) + outer3(d4, w3);
        t4 += outer3(d8, w0) + outer3(d7, w1) + outer3(d6, w2) + outer3(d5, w3) + outer3(d4, w4);
        t5 += outer3(d9, w0) + outer3(d8, w1) + outer3(d7, w2) + outer3(d6, w3) + outer3(d5, w4);
        t6 += outer3(d10, w0) + outer3(d9, w1) + outer3(d8, w2) + outer3(d7, w3) + outer3(d6, w4);
        t7 += outer3(d11, w0) + outer3(d10, w1) + outer3(d9, w2) + outer3(d8, w3) + outer3(d7, w4);
        t8 += outer3(d12, w0) + outer3(d11, w1) + outer3(d10, w2) + outer3(d9, w3) + outer3(d8, w4);
        t9 += outer3(d13, w0) + outer3(d12, w1) + outer3(d11, w2) + outer3(d10, w3) + outer3(d9, w4);
        t10 += outer3(d13, w1) + outer3(d12, w2) + outer3(d11, w3) + outer3(d10, w4);
        t11 += outer3(d13, w2) + outer3(d12, w3) + outer3(d11, w4);
        t12 += outer3(d13, w3) + outer3(d12, w4);
        t13 += outer3(d13, w4);
        if EDGES {
            let p0 = dy_pair(from_dy, left, g); let d0 = p0[0]; let d1 = p0[1];
            let p2 = dy_pair(from_dy, left + 2, g); let d2 = p2[0]; let d3 = p2[1];
            let p14 = dy_pair(from_dy, left + 14, g); let d14 = p14[0]; let d15 = p14[1];
            let p16 = dy_pair(from_dy, left + 16, g); let d16 = p16[0]; let d17 = p16[1];
            t0 += outer3(d3, w1) + outer3(d2, w2) + outer3(d1, w3) + outer3(d0, w4);
            t1 += outer3(d3, w2) + outer3(d2, w3) + outer3(d1, w4);
            t2 += outer3(d3, w3) + outer3(d2, w4);
            t3 += outer3(d3, w4);
            t10 += outer3(d14, w0);
            t11 += outer3(d15, w0) + outer3(d14, w1);
            t12 += outer3(d16, w0) + outer3(d15, w1) + outer3(d14, w2);
            t13 += outer3(d17, w0) + outer3(d16, w1) + outer3(d15, w2) + outer3(d14, w3);
        }
        t++;
        let done = t == end_i * turns;
        o += select(0u, 1u, done);
        t = select(t, first_i * turns, done);
    }
    let to_x = ((id.z * g.in_channels + c) * g.in_height + row) * g.in_width * QUADS + id.x;
    // A loop that shifts the columns: fourteen copies of the store take longer to compile than all the rest.
    for (var p = 0u; p < BACK_STRIP; p += 2u) {
        store_dx(t0, to_x, column + p, c, g);
        store_dx(t1, to_x, column + p + 1u, c, g);
        t0 = t2; t1 = t3; t2 = t4; t3 = t5; t4 = t6; t5 = t7; t6 = t8; t7 = t9; t8 = t10; t9 = t11; t10 = t12; t11 = t13;
    }
}

// --- backward, weights: dw[o, c, i, j] = sum over samples, row, column of
//     dy[o, row, column] x[c, row + i, column + j]; db[o] = sum of dy[o] ---

// Five columns of one row of x, a window that slides to the right.
struct Window { a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f }

// Sums of one kernel row: per tap a vec4f of four output channels.
struct Sums { t0: vec4f, t1: vec4f, t2: vec4f, t3: vec4f, t4: vec4f }

fn slide(w: Window, next: vec4f) -> Window {
    return Window(w.b, w.c, w.d, w.e, next);
}

// `x * d` is four dot products over the four samples, one per column (output channel) of d.
fn add(s: Sums, w: Window, d: mat4x4f) -> Sums {
    return Sums(s.t0 + w.a * d, s.t1 + w.b * d, s.t2 + w.c * d, s.t3 + w.d * d, s.t4 + w.e * d);
}

// First four columns of a row, one position to the right: the next column slides them left.
fn window_at(from_x: u32, left: u32, last: u32) -> Window {
    return Window(vec4f(), x[from_x + min(left, last) * QUADS], x[from_x + min(left + 1u, last) * QUADS],
                  x[from_x + min(left + 2u, last) * QUADS], x[from_x + min(left + 3u, last) * QUADS]);
}

fn store_row(s: Sums, at: u32, i: u32, j: u32, mask: vec4f) {
    if i >= KERNEL { return; }
    let to = at + i * KERNEL + j;
    partials[to] = s.t0 * mask;
    if j + 1u < KERNEL { partials[to + 1u] = s.t1 * mask; }
    if j + 2u < KERNEL { partials[to + 2u] = s.t2 * mask; }
    if j + 3u < KERNEL { partials[to + 3u] = s.t3 * mask; }
    if j + 4u < KERNEL { partials[to + 4u] = s.t4 * mask; }
}

// 1 for each of four channels from `channel` on that exists; channels that only pad the group get 0, no gradient.
fn mask_of(channel: u32, g: Geometry) -> vec4f {
    return select(vec4f(), vec4f(1.0), vec4u(channel, channel + 1u, channel + 2u, channel + 3u) < vec4u(g.out_channels));
}

// dy of four channels, `at` in the first one's map. Channels past the last repeat it; their sums are masked.
fn dy_of_four(at: u32, channel: u32, g: Geometry) -> mat4x4f {
    let last = g.out_channels - 1u;
    let map = g.out_height * g.out_width * QUADS;
    return mat4x4f(dy[at + min(channel, last) * map], dy[at + min(channel + 1u, last) * map],
                   dy[at + min(channel + 2u, last) * map], dy[at + min(channel + 3u, last) * map]);
}

// id.x: quad; id.y: 5x5 taps, input channel and set of eight output channels (two packs); id.z: chunk of blocks.
@compute @workgroup_size(8, 8)
fn conv2d_backward_weights(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let turns = (KERNEL + TAPS - 1u) / TAPS;
    let sets = (g.out_channels + 7u) / 8u;
    if id.y >= turns * turns * g.in_channels * sets { return; }
    let j = id.y % turns * TAPS;
    let i = id.y / turns % turns * TAPS;
    let c = id.y / (turns * turns) % g.in_channels;
    let group = id.y / (turns * turns * g.in_channels) * 2u;
    let o = group * 4u;
    let last = g.in_width - 1u;
    let last_row = g.in_height - 1u;

    // Sums of two packs.
    var s0 = Sums(); var s1 = Sums(); var s2 = Sums(); var s3 = Sums(); var s4 = Sums();
    var u0 = Sums(); var u1 = Sums(); var u2 = Sums(); var u3 = Sums(); var u4 = Sums();
    var s_bias = vec4f(); var u_bias = vec4f();
    let first_block = id.z * g.blocks_per_chunk;
    let blocks = min(g.blocks_per_chunk, g.blocks - first_block);
    for (var t = 0u; t < blocks * g.out_height; t++) {
        let block = first_block + t / g.out_height;
        let row = t % g.out_height;
        let plane = (block * g.in_channels + c) * g.in_height;
        let from_0 = (plane + min(row + i, last_row)) * g.in_width * QUADS + id.x;
        let from_1 = (plane + min(row + i + 1u, last_row)) * g.in_width * QUADS + id.x;
        let from_2 = (plane + min(row + i + 2u, last_row)) * g.in_width * QUADS + id.x;
        let from_3 = (plane + min(row + i + 3u, last_row)) * g.in_width * QUADS + id.x;
        let from_4 = (plane + min(row + i + 4u, last_row)) * g.in_width * QUADS + id.x;
        let from_dy = (block * g.out_channels * g.out_height + row) * g.out_width * QUADS + id.x;
        var w0 = window_at(from_0, j, last);
        var w1 = window_at(from_1, j, last);
        var w2 = window_at(from_2, j, last);
        var w3 = window_at(from_3, j, last);
        var w4 = window_at(from_4, j, last);
        for (var column = 0u; column < g.out_width; column++) {
            let next = min(column + j + 4u, last) * QUADS;
            w0 = slide(w0, x[from_0 + next]);
            w1 = slide(w1, x[from_1 + next]);
            w2 = slide(w2, x[from_2 + next]);
            w3 = slide(w3, x[from_3 + next]);
            w4 = slide(w4, x[from_4 + next]);
            let d = dy_of_four(from_dy + column * QUADS, o, g);
            let e = dy_of_four(from_dy + column * QUADS, o + 4u, g);
            s0 = add(s0, w0, d);
            s1 = add(s1, w1, d);
            s2 = add(s2, w2, d);
            s3 = add(s3, w3, d);
            s4 = add(s4, w4, d);
            s_bias += vec4f(1.0) * d;
            u0 = add(u0, w0, e);
            u1 = add(u1, w1, e);
            u2 = add(u2, w2, e);
            u3 = add(u3, w3, e);
            u4 = add(u4, w4, e);
            u_bias += vec4f(1.0) * e;
        }
    }
    let slot = g.partials + (id.z * QUADS + id.x) * g.partials_stride;
    let weights_of_group = g.in_channels * KERNEL * KERNEL;
    let to = slot + group * weights_of_group + c * KERNEL * KERNEL;
    // The bias follows the layer's weights; one thread per set writes it.
    let to_bias = slot + g.bias - g.weights + group;
    let first = i == 0u && j == 0u && c == 0u;
    let mask = mask_of(o, g);
    let other_mask = mask_of(o + 4u, g);
    let has_other = o + 4u < g.out_channels;
    if first { partials[to_bias] = s_bias * mask; }
    if first && has_other { partials[to_bias + 1u] = u_bias * other_mask; }
    // A loop that shifts the rows, as above.
    for (var row = i; row < i + TAPS; row++) {
        store_row(s0, to, row, j, mask);
        s0 = s1; s1 = s2; s2 = s3; s3 = s4;
        if has_other { store_row(u0, to + weights_of_group, row, j, other_mask); }
        u0 = u1; u1 = u2; u2 = u3; u3 = u4;
    }
}

// --- the same with max-pooling: only the argmax of each 2x2 window has a gradient. Per tap and channel, one of four
//     values of x is selected and then multiplied: one product instead of four ---

// Six columns of one row of x: those under five taps of two neighbouring sums.
struct Six { a: vec4f, b: vec4f, c: vec4f, d: vec4f, e: vec4f, f: vec4f }

// First four columns of a row, two positions to the right: the next two columns slide them left.
fn six_at(row_of_x: u32, left: u32, g: Geometry) -> Six {
    let a = x_two(row_of_x, left, g);
    let b = x_two(row_of_x, left + 2u, g);
    return Six(vec4f(), vec4f(), a[0], a[1], b[0], b[1]);
}

fn slide_two(s: Six, row_of_x: u32, column: u32, g: Geometry) -> Six {
    let next = x_two(row_of_x, column, g);
    return Six(s.c, s.d, s.e, s.f, next[0], next[1]);
}

// The gradients of one channel of a pooling window, and its argmax as row and column.
struct Winner { dy: vec4f, below: vec4<bool>, right: vec4<bool> }

fn winner_of(dy: vec4f, word: u32, shift: u32) -> Winner {
    let place = vec4u(word) >> (vec4u(0u, 2u, 4u, 6u) + vec4u(shift));
    return Winner(dy, (place & vec4u(2u)) != vec4u(), (place & vec4u(1u)) != vec4u());
}

struct Five { t0: f32, t1: f32, t2: f32, t3: f32, t4: f32 }

// The terms of one channel for the five taps of a kernel row, from the rows `above` and `below` of x.
fn five(above: Six, below: Six, w: Winner) -> Five {
    let a = select(above.a, below.a, w.below);
    let b = select(above.b, below.b, w.below);
    let c = select(above.c, below.c, w.below);
    let d = select(above.d, below.d, w.below);
    let e = select(above.e, below.e, w.below);
    let f = select(above.f, below.f, w.below);
    return Five(dot(select(a, b, w.right), w.dy), dot(select(b, c, w.right), w.dy), dot(select(c, d, w.right), w.dy),
                dot(select(d, e, w.right), w.dy), dot(select(e, f, w.right), w.dy));
}

fn add_winners(s: Sums, above: Six, below: Six, w0: Winner, w1: Winner, w2: Winner, w3: Winner) -> Sums {
    let a = five(above, below, w0);
    let b = five(above, below, w1);
    let c = five(above, below, w2);
    let d = five(above, below, w3);
    return Sums(s.t0 + vec4f(a.t0, b.t0, c.t0, d.t0), s.t1 + vec4f(a.t1, b.t1, c.t1, d.t1),
                s.t2 + vec4f(a.t2, b.t2, c.t2, d.t2), s.t3 + vec4f(a.t3, b.t3, c.t3, d.t3),
                s.t4 + vec4f(a.t4, b.t4, c.t4, d.t4));
}

// id.x: quad; id.y: 5x5 taps, input channel and group of four output channels; id.z: chunk of blocks.
@compute @workgroup_size(8, 8)
fn conv2d_max_pool_backward_weights(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let turns = (KERNEL + TAPS - 1u) / TAPS;
    let groups = (g.out_channels + 3u) / 4u;
    if id.y >= turns * turns * g.in_channels * groups { return; }
    let j = id.y % turns * TAPS;
    let i = id.y / turns % turns * TAPS;
    let c = id.y / (turns * turns) % g.in_channels;
    let group = id.y / (turns * turns * g.in_channels);
    let o = group * 4u;
    let last_o = g.out_channels - 1u;
    let last_row = g.in_height - 1u;
    let height = g.out_height / 2u;
    let width = g.out_width / 2u;
    let map = height * width * QUADS;

    var s0 = Sums(); var s1 = Sums(); var s2 = Sums(); var s3 = Sums(); var s4 = Sums();
    var b = vec4f();
    let first_block = id.z * g.blocks_per_chunk;
    let blocks = min(g.blocks_per_chunk, g.blocks - first_block);
    for (var t = 0u; t < blocks * height; t++) {
        let block = first_block + t / height;
        let row = t % height;
        let plane = (block * g.in_channels + c) * g.in_height;
        let top = row * 2u + i;
        let from_0 = row_of_x(plane + min(top, last_row), id.x, g);
        let from_1 = row_of_x(plane + min(top + 1u, last_row), id.x, g);
        let from_2 = row_of_x(plane + min(top + 2u, last_row), id.x, g);
        let from_3 = row_of_x(plane + min(top + 3u, last_row), id.x, g);
        let from_4 = row_of_x(plane + min(top + 4u, last_row), id.x, g);
        let from_5 = row_of_x(plane + min(top + 5u, last_row), id.x, g);
        let from_dy = block * g.out_channels * map + row * width * QUADS + id.x;
        let from_winners = (block * groups + group) * map + row * width * QUADS + id.x;
        var x0 = six_at(from_0, j, g);
        var x1 = six_at(from_1, j, g);
        var x2 = six_at(from_2, j, g);
        var x3 = six_at(from_3, j, g);
        var x4 = six_at(from_4, j, g);
        var x5 = six_at(from_5, j, g);
        for (var column = 0u; column < width; column++) {
            let next = column * 2u + j + 4u;
            let at = from_dy + column * QUADS;
            let word = argmax[from_winners + column * QUADS];
            let w0 = winner_of(dy[at + o * map], word, 0u);
            let w1 = winner_of(dy[at + min(o + 1u, last_o) * map], word, 8u);
            let w2 = winner_of(dy[at + min(o + 2u, last_o) * map], word, 16u);
            let w3 = winner_of(dy[at + min(o + 3u, last_o) * map], word, 24u);
            x0 = slide_two(x0, from_0, next, g);
            x1 = slide_two(x1, from_1, next, g);
            s0 = add_winners(s0, x0, x1, w0, w1, w2, w3);
            x2 = slide_two(x2, from_2, next, g);
            s1 = add_winners(s1, x1, x2, w0, w1, w2, w3);
            x3 = slide_two(x3, from_3, next, g);
            s2 = add_winners(s2, x2, x3, w0, w1, w2, w3);
            x4 = slide_two(x4, from_4, next, g);
            s3 = add_winners(s3, x3, x4, w0, w1, w2, w3);
            x5 = slide_two(x5, from_5, next, g);
            s4 = add_winners(s4, x4, x5, w0, w1, w2, w3);
            let ones = vec4f(1.0);
            b += vec4f(dot(ones, w0.dy), dot(ones, w1.dy), dot(ones, w2.dy), dot(ones, w3.dy));
        }
    }
    let mask = mask_of(o, g);
    let slot = g.partials + (id.z * QUADS + id.x) * g.partials_stride;
    let to = slot + (group * g.in_channels + c) * KERNEL * KERNEL;
    for (var row = i; row < i + TAPS; row++) {
        store_row(s0, to, row, j, mask);
        s0 = s1; s1 = s2; s2 = s3; s3 = s4;
    }
    // The bias follows the layer's weights; one thread per group writes it.
    if i == 0u && j == 0u && c == 0u { partials[slot + g.bias - g.weights + group] = b * mask; }
}
