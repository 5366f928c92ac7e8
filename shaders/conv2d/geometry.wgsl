// A valid convolution, stride 1, of KERNEL x KERNEL.
//
// Activations are [block][channel][row][column][sample]; weights are [out / 4][in][row][column] vec4f, a pack of four
// output channels. A cell is a 2x2 window of sums; with max-pooling, one value of y.

struct Geometry {
    in_channels: u32,
    in_height: u32,
    in_width: u32,
    out_channels: u32,
    out_height: u32,      // of the sums, before pooling
    out_width: u32,
    blocks: u32,
    weights: u32,         // first vec4f in parameters
    bias: u32,            // first vec4f in parameters
    partials: u32,        // first vec4f in partials
    partials_stride: u32, // vec4f per slot
    slots: u32,
    rows_per_slot: u32,   // rows of cells, counted over all blocks
    floor: f32,           // of the activation: see activation/
    background: f32,      // value of a byte 0, where x is bytes
    scale: f32,           // of a byte
}

@group(0) @binding(2) var<storage, read_write> y: array<Samples>;
@group(0) @binding(3) var<storage, read> dy: array<Samples>;
// dx in the formulas; DirectX's own HLSL compiler has a namespace of that name.
@group(0) @binding(4) var<storage, read_write> x_gradient: array<Samples>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;

const PACKS = (geometry.out_channels + 3u) / 4u;
const HEIGHT = (geometry.out_height + 1u) / 2u; // in cells
const WIDTH = (geometry.out_width + 1u) / 2u;
