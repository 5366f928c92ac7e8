// The samples of all steps of a submission: order -> bytes -> input values, centred and padded.
//
// A thread gathers four columns of one row of a quad.

struct Geometry {
    image_height: u32,
    image_width: u32,
    height: u32,
    width: u32,
    channels: u32,
    blocks: u32,
    background: f32,
    scale: f32, // of a byte
}

@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> x: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> input_bytes: array<u32>; // a word per quad
@group(0) @binding(4) var<storage, read_write> targets: array<vec4u>;
@group(0) @binding(7) var<storage, read> steps: array<vec4u>; // of each step the first vec4u is start, count, row

// The target of a sample past the end of a short batch.
const MASKED = 0xffffffffu;

// Four bytes of the images from `byte` on. Bytes before the first are arbitrary, and the caller drops them.
fn four_pixels(byte: u32) -> vec4u {
    let word = bitcast<i32>(byte) >> 2u;
    let shift = byte % 4u * 8u;
    let low = images[max(word, 0)] >> shift;
    // Two shifts, since a shift by 32 is one by 0.
    let high = (images[word + 1] << (24u - shift)) << 8u;
    return (vec4u(low | high) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(0xffu);
}

// Where a thread writes, and four pixels of each sample of a quad.
struct Pixels {
    row: u32,    // counted over all steps, blocks and channels
    column: u32, // the first of four
    quad: u32,
    bytes: array<vec4u, 4>,
}

// id.x: quad, column and row; id.y: block and step. The first thread of a quad also stores its targets.
fn pixels_at(id: vec3u) -> Pixels {
    let g = geometry;
    let columns = (g.width + 3u) / 4u;
    let quad = id.x % QUADS;
    let column = id.x / QUADS % columns * 4u;
    let row = id.x / (QUADS * columns);
    let step = steps[id.y / g.blocks * STEP_STRIDE];
    let block = step.z * g.blocks + id.y % g.blocks;
    let samples = vec4u((id.y % g.blocks * QUADS + quad) * 4u) + vec4u(0u, 1u, 2u, 3u);
    let image_row = row % g.height - (g.height - g.image_height) / 2u; // above the first row it wraps
    let left = column - (g.width - g.image_width) / 2u;
    let inside = (vec4u(left) + vec4u(0u, 1u, 2u, 3u) < vec4u(g.image_width)) & vec4<bool>(image_row < g.image_height);
    var pixels = array<vec4u, 4>();
    var found = vec4u(MASKED);
    for (var n = 0u; n < 4u; n++) { // unroll
        if samples[n] < step.y {
            let sample = order[step.x + samples[n]];
            found[n] = labels[sample];
            pixels[n] = select(vec4u(), four_pixels((sample * g.image_height + image_row) * g.image_width + left), inside);
        }
    }
    if id.x < QUADS { targets[block * QUADS + quad] = found; }
    return Pixels(block * g.channels * g.height + row, column, quad, pixels);
}

@compute @workgroup_size(64)
fn gather(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    if id.x >= QUADS * ((g.width + 3u) / 4u) * g.height * g.channels { return; }
    let p = pixels_at(id);
    for (var k = 0u; k < 4u; k++) { // unroll
        let bytes = vec4u(p.bytes[0][k], p.bytes[1][k], p.bytes[2][k], p.bytes[3][k]);
        if p.column + k < g.width {
            x[(p.row * g.width + p.column + k) * QUADS + p.quad] = g.background + g.scale * vec4f(bytes);
        }
    }
}

@compute @workgroup_size(64)
fn gather_bytes(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    if id.x >= QUADS * ((g.width + 3u) / 4u) * g.height * g.channels { return; }
    let p = pixels_at(id);
    let words = p.bytes[0] | (p.bytes[1] << vec4u(8u)) | (p.bytes[2] << vec4u(16u)) | (p.bytes[3] << vec4u(24u));
    for (var k = 0u; k < 4u; k++) { // unroll
        if p.column + k < g.width { input_bytes[(p.row * g.width + p.column + k) * QUADS + p.quad] = words[k]; }
    }
}
