// A dense layer: a matrix product over blocks of samples.
//
// Activations are [block][unit][quad] vec4f; weights are [out / 4][in] vec4f, a pack of four outputs. A tile is the
// sums of one thread. Threads count through the tiles of the whole layer, quads innermost.

struct Geometry {
    inputs: u32,
    outputs: u32,
    blocks: u32,
    weights: u32,         // first vec4f in parameters
    bias: u32,            // first vec4f in parameters
    partials: u32,        // first vec4f in partials
    floor: f32,           // of the activation: see activation/
}

@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> parameters: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
// dx in the formulas; DirectX's own HLSL compiler has a namespace of that name.
@group(0) @binding(4) var<storage, read_write> x_gradient: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;

// Index of the vec4f of a unit, in a buffer of `units` units per block.
fn at(block: u32, units: u32, unit: u32, quad: u32) -> u32 { return (block * units + unit) * QUADS + quad; }

// dy of a pack of outputs, one quad. Outputs past the last repeat it: their weights are zero, or their sums masked.
fn dy_of(block: u32, pack: u32, quad: u32) -> mat4x4f {
    var d: mat4x4f;
    for (var k = 0u; k < 4u; k++) { // unroll
        d[k] = dy[at(block, geometry.outputs, min(pack * 4u + k, geometry.outputs - 1u), quad)];
    }
    return d;
}
