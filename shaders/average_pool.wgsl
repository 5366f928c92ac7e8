// Mean of size x size windows, stride size. Uses one of activation/.
//
// One thread per output value and quad.

struct Geometry {
    out_planes: u32, // channels
    out_height: u32,
    out_width: u32,
    floor: f32, // of the activation that made x: see activation/
}

// Rows and columns of a pooling window: known when the pipeline is made, so that the loops unroll.
override SIZE: u32 = 2u;

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
// dx in the formulas; DirectX's own HLSL compiler has a namespace of that name.
@group(0) @binding(4) var<storage, read_write> x_gradient: array<vec4f>;
@group(0) @binding(6) var<storage, read> geometry: Geometry;

const QUADS = 8u;

// First value of x in the pooling window of output `item` of `block`.
fn first_of_block(item: u32, block: u32, quad: u32, g: Geometry) -> u32 {
    let column = item % g.out_width;
    let row = item / g.out_width; // over all channels; x has SIZE rows per row of y
    let in_width = g.out_width * SIZE;
    let rows = block * g.out_planes * g.out_height + row;
    return (rows * SIZE * in_width + column * SIZE) * QUADS + quad;
}

// id.x: quad; id.y: output value; id.z: block.
@compute @workgroup_size(8, 8)
fn average_pool_forward(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let outputs = g.out_planes * g.out_height * g.out_width;
    if id.y >= outputs { return; }
    let first = first_of_block(id.y, id.z, id.x, g);
    var sum = vec4f();
    for (var i = 0u; i < SIZE; i++) {
        for (var j = 0u; j < SIZE; j++) {
            sum += x[first + (i * g.out_width * SIZE + j) * QUADS];
        }
    }
    y[(id.z * outputs + id.y) * QUADS + id.x] = sum / f32(SIZE * SIZE);
}

// id.x: quad; id.y: output value; id.z: block.
@compute @workgroup_size(8, 8)
fn average_pool_backward(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let outputs = g.out_planes * g.out_height * g.out_width;
    if id.y >= outputs { return; }
    let first = first_of_block(id.y, id.z, id.x, g);
    let gradient = dy[(id.z * outputs + id.y) * QUADS + id.x] / f32(SIZE * SIZE);
    for (var i = 0u; i < SIZE; i++) {
        for (var j = 0u; j < SIZE; j++) {
            let at = first + (i * g.out_width * SIZE + j) * QUADS;
            x_gradient[at] = gradient * derivative(x[at], g.floor);
        }
    }
}
