// The samples of all steps of a submission: order -> bytes -> input values, centred and padded.
//
// A thread gathers TILE_COLUMNS columns of one row of a quad.

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

// The samples of a quad: MASKED past the end of a short batch.
fn samples_of(step: vec4u, quad: u32) -> vec4u {
    var samples = vec4u(MASKED);
    for (var n = 0u; n < 4u; n++) { // unroll
        if quad * 4u + n < step.y { samples[n] = order[step.x + quad * 4u + n]; }
    }
    return samples;
}

// What a thread gathers: TILE_COLUMNS columns of one row of a quad.
struct Part {
    row: u32,        // counted over all steps, blocks and channels
    column: u32,     // the first
    quad: u32,
    image_row: u32,  // above the first row it wraps
    samples: vec4u,
}

// id.x: quad, strip of columns and row; id.y: block and step. The first thread of a quad also stores its targets.
fn part_of(id: vec3u) -> Part {
    let g = geometry;
    let strips = (g.width + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let quad = id.x % QUADS;
    let row = id.x / (QUADS * strips);
    let step = steps[id.y / g.blocks * STEP_STRIDE];
    let block = step.z * g.blocks + id.y % g.blocks;
    let samples = samples_of(step, id.y % g.blocks * QUADS + quad);
    if id.x < QUADS {
        var found = vec4u(MASKED);
        for (var n = 0u; n < 4u; n++) { // unroll
            if samples[n] != MASKED { found[n] = labels[samples[n]]; }
        }
        targets[block * QUADS + quad] = found;
    }
    let rows = g.channels * g.height;
    let image_row = row % g.height - (g.height - g.image_height) / 2u;
    return Part(block * rows + row, id.x / QUADS % strips * TILE_COLUMNS, quad, image_row, samples);
}

// Four pixels of sample `n` of the quad, from `column` of the input on; 0 where there are none.
fn pixels_at(p: Part, n: u32, column: u32) -> vec4u {
    let g = geometry;
    let left = column - (g.width - g.image_width) / 2u;
    let inside = vec4u(left) + vec4u(0u, 1u, 2u, 3u) < vec4u(g.image_width);
    let real = p.samples[n] != MASKED && p.image_row < g.image_height;
    let at = (select(0u, p.samples[n], real) * g.image_height + select(0u, p.image_row, real)) * g.image_width + left;
    return select(vec4u(), four_pixels(at), inside & vec4<bool>(real));
}

fn exists(id: vec3u) -> bool {
    let strips = (geometry.width + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    return id.x < QUADS * strips * geometry.height * geometry.channels;
}

@compute @workgroup_size(64)
fn gather(@builtin(global_invocation_id) id: vec3u) {
    if !exists(id) { return; }
    let p = part_of(id);
    for (var column = p.column; column < min(p.column + TILE_COLUMNS, geometry.width); column += 4u) {
        let quad = mat4x4f(vec4f(pixels_at(p, 0u, column)), vec4f(pixels_at(p, 1u, column)),
                           vec4f(pixels_at(p, 2u, column)), vec4f(pixels_at(p, 3u, column)));
        let columns = transpose(quad);
        let to = (p.row * geometry.width + column) * QUADS + p.quad;
        for (var k = 0u; k < 4u; k++) { // unroll
            if column + k < geometry.width { x[to + k * QUADS] = geometry.background + geometry.scale * columns[k]; }
        }
    }
}

@compute @workgroup_size(64)
fn gather_bytes(@builtin(global_invocation_id) id: vec3u) {
    if !exists(id) { return; }
    let p = part_of(id);
    for (var column = p.column; column < min(p.column + TILE_COLUMNS, geometry.width); column += 4u) {
        let words = pixels_at(p, 0u, column) | (pixels_at(p, 1u, column) << vec4u(8u)) |
                    (pixels_at(p, 2u, column) << vec4u(16u)) | (pixels_at(p, 3u, column) << vec4u(24u));
        let to = (p.row * geometry.width + column) * QUADS + p.quad;
        for (var k = 0u; k < 4u; k++) { // unroll
            if column + k < geometry.width { input_bytes[to + k * QUADS] = words[k]; }
        }
    }
}
