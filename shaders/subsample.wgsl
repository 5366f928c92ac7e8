// Trainable sub-sampling of the 1998 paper: the sum of size x size windows, stride size, times a coefficient per
// channel, plus a bias, then an activation. Uses one of activation/.

struct Geometry {
    channels: u32,
    out_height: u32,
    out_width: u32,
    weights: u32,         // first vec4f in parameters
    bias: u32,            // first vec4f in parameters
    partials: u32,        // first vec4f in partials
    partials_stride: u32, // vec4f per slot
    blocks_per_chunk: u32,
    blocks: u32,
    floor: f32,           // of the activation: see activation/
}

// Rows and columns of a pooling window: known when the pipeline is made, so that the loops unroll.
override SIZE: u32 = 2u;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
// dx in the formulas; DirectX's own HLSL compiler has a namespace of that name.
@group(0) @binding(4) var<storage, read_write> x_gradient: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;
@group(0) @binding(6) var<storage, read> geometry: Geometry;

const QUADS = 8u;

// First value of x in the pooling window of output `item` of `block`.
fn first_of_block(item: u32, block: u32, quad: u32, g: Geometry) -> u32 {
    let column = item % g.out_width;
    let row = item / g.out_width; // over all channels; x has SIZE rows per row of y
    let rows = block * g.channels * g.out_height + row;
    return (rows * SIZE * g.out_width + column) * SIZE * QUADS + quad;
}

// Value (i, j) of the pooling window that begins at `first`.
fn in_block(first: u32, i: u32, j: u32, g: Geometry) -> u32 {
    return first + (i * g.out_width * SIZE + j) * QUADS;
}

fn block_sum(first: u32, g: Geometry) -> vec4f {
    var sum = vec4f();
    for (var i = 0u; i < SIZE; i++) {
        for (var j = 0u; j < SIZE; j++) {
            sum += x[in_block(first, i, j, g)];
        }
    }
    return sum;
}

// id.x: quad; id.y: output value; id.z: block.
@compute @workgroup_size(8, 8)
fn subsample_forward(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let outputs = g.channels * g.out_height * g.out_width;
    if id.y >= outputs { return; }
    let channel = id.y / (g.out_height * g.out_width);
    let weight = parameters[g.weights + channel / 4u][channel % 4u];
    let bias = parameters[g.bias + channel / 4u][channel % 4u];
    let sum = block_sum(first_of_block(id.y, id.z, id.x, g), g);
    y[(id.z * outputs + id.y) * QUADS + id.x] = activate(weight * sum + bias, g.floor);
}

// id.x: quad; id.y: output value; id.z: block.
@compute @workgroup_size(8, 8)
fn subsample_backward_input(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let outputs = g.channels * g.out_height * g.out_width;
    if id.y >= outputs { return; }
    let channel = id.y / (g.out_height * g.out_width);
    let weight = parameters[g.weights + channel / 4u][channel % 4u];
    let gradient = dy[(id.z * outputs + id.y) * QUADS + id.x] * weight;
    let first = first_of_block(id.y, id.z, id.x, g);
    for (var i = 0u; i < SIZE; i++) {
        for (var j = 0u; j < SIZE; j++) {
            let at = in_block(first, i, j, g);
            x_gradient[at] = gradient * derivative(x[at], g.floor);
        }
    }
}

// One thread per pack of channels, quad and chunk.
//
// id.x: quad; id.y: four channels; id.z: chunk.
@compute @workgroup_size(8, 8)
fn subsample_backward_weights(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    if id.y * 4u >= g.channels { return; }
    let map = g.out_height * g.out_width;
    // Channels past the last keep 0.
    var weight = vec4f();
    var bias = vec4f();
    let last = min((id.z + 1u) * g.blocks_per_chunk, g.blocks);
    for (var k = 0u; k < min(4u, g.channels - id.y * 4u); k++) {
        let channel = id.y * 4u + k;
        var dw = 0.0;
        var db = 0.0;
        for (var block = id.z * g.blocks_per_chunk; block < last; block++) {
            for (var item = channel * map; item < (channel + 1u) * map; item++) {
                let gradient = dy[(block * g.channels * map + item) * QUADS + id.x];
                dw += dot(gradient, block_sum(first_of_block(item, block, id.x, g), g));
                db += dot(gradient, vec4f(1.0));
            }
        }
        // FXC refuses to write a component by its index in a loop whose end it does not know.
        let here = vec4u(0u, 1u, 2u, 3u) == vec4u(k);
        weight = select(weight, vec4f(dw), here);
        bias = select(bias, vec4f(db), here);
    }
    let slot = g.partials + (id.z * QUADS + id.x) * g.partials_stride;
    partials[slot + id.y] = weight;
    partials[slot + g.bias - g.weights + id.y] = bias;
}
