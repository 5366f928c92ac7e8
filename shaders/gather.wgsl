// The samples of a step: order -> bytes -> input values, centred and padded.
//
// One thread per row of the input and quad.

struct Geometry {
    image_height: u32,
    image_width: u32,
    height: u32,
    width: u32,
    channels: u32,
    background: f32,
    foreground: f32,
}

struct Step {
    start: u32,
    count: u32,
}

@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read_write> x: array<vec4f>;
// A pair of columns per vec2u: each word has the bytes of four samples.
@group(0) @binding(3) var<storage, read_write> input_bytes: array<vec2u>;
@group(0) @binding(4) var<storage, read_write> targets: array<vec4u>;
@group(0) @binding(6) var<storage, read> geometry: Geometry;
@group(0) @binding(7) var<storage, read> step: Step;

const QUADS = 8u;
// The target of a sample past the end of a short batch.
const MASKED = 0xffffffffu;

fn pixel(sample: u32, index: u32) -> u32 {
    let byte = sample * geometry.image_height * geometry.image_width + index;
    return (images[byte / 4u] >> (byte % 4u * 8u)) & 0xffu;
}

// The samples of a quad: MASKED past the end of a short batch.
fn samples_of(quad: u32) -> vec4u {
    var samples = vec4u(MASKED);
    for (var i = 0u; i < 4u; i++) {
        if quad * 4u + i < step.count { samples[i] = order[step.start + quad * 4u + i]; }
    }
    return samples;
}

// Byte `index` of the images of four samples; 0 for a masked one.
fn pixels(samples: vec4u, index: u32) -> vec4u {
    let present = samples != vec4u(MASKED);
    let s = select(vec4u(), samples, present);
    return select(vec4u(), vec4u(pixel(s.x, index), pixel(s.y, index), pixel(s.z, index), pixel(s.w, index)), present);
}

fn store_targets(samples: vec4u, quad: u32) {
    let present = samples != vec4u(MASKED);
    let s = select(vec4u(), samples, present);
    targets[quad] = select(vec4u(MASKED), vec4u(labels[s.x], labels[s.y], labels[s.z], labels[s.w]), present);
}

// id.x: quad; id.y: row of all channels; id.z: block.
@compute @workgroup_size(8, 8)
fn gather(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let row = id.y;
    if row >= g.channels * g.height { return; }
    let samples = samples_of(id.z * QUADS + id.x);
    let top = (g.height - g.image_height) / 2u;
    let left = (g.width - g.image_width) / 2u;
    let image_row = row % g.height - top;
    let inside = row % g.height >= top && image_row < g.image_height;
    let scale = (g.foreground - g.background) / 255.0;
    let out = (id.z * g.channels * g.height + row) * g.width * QUADS + id.x;
    for (var column = 0u; column < g.width; column++) {
        var bytes = vec4u();
        if inside && column >= left && column - left < g.image_width {
            bytes = pixels(samples, image_row * g.image_width + column - left);
        }
        x[out + column * QUADS] = g.background + scale * vec4f(bytes);
    }
    if row == 0u { store_targets(samples, id.z * QUADS + id.x); }
}

// Four bytes of the images from `byte` on. Bytes before the first are arbitrary, and the caller drops them.
fn four_pixels(byte: u32) -> vec4u {
    let word = bitcast<i32>(byte) >> 2u;
    let shift = byte % 4u * 8u;
    let low = images[max(word, 0)] >> shift;
    // Two shifts, since a shift by 32 is one by 0.
    let high = (images[word + 1] << (24u - shift)) << 8u;
    return (vec4u(low | high) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(0xffu);
}

// id.x: quad; id.y: row of all channels; id.z: block.
@compute @workgroup_size(8, 8)
fn gather_bytes(@builtin(global_invocation_id) id: vec3u) {
    let g = geometry;
    let row = id.y;
    if row >= g.channels * g.height { return; }
    let samples = samples_of(id.z * QUADS + id.x);
    let top = (g.height - g.image_height) / 2u;
    let left = (g.width - g.image_width) / 2u;
    let image_row = row % g.height - top;
    let inside = row % g.height >= top && image_row < g.image_height;
    let present = samples != vec4u(MASKED);
    let first = select(vec4u(), samples, present) * (g.image_height * g.image_width) + vec4u(image_row * g.image_width);
    let pairs = g.width / 2u;
    let out = (id.z * g.channels * g.height + row) * pairs * QUADS + id.x;
    // Four columns at a time, so that a word of an image is read for several of its pixels.
    for (var column = 0u; column < g.width; column += 4u) {
        let at = column - left;
        let real = (vec4u(at, at + 1u, at + 2u, at + 3u) < vec4u(g.image_width)) & vec4<bool>(inside);
        let a = select(vec4u(), four_pixels(first.x + at), real & vec4<bool>(present.x));
        let b = select(vec4u(), four_pixels(first.y + at), real & vec4<bool>(present.y));
        let c = select(vec4u(), four_pixels(first.z + at), real & vec4<bool>(present.z));
        let d = select(vec4u(), four_pixels(first.w + at), real & vec4<bool>(present.w));
        let words = a | (b << vec4u(8u)) | (c << vec4u(16u)) | (d << vec4u(24u));
        let to = out + column / 2u * QUADS;
        input_bytes[to] = words.xy;
        if column / 2u + 1u < pairs { input_bytes[to + QUADS] = words.zw; }
    }
    if row == 0u { store_targets(samples, id.z * QUADS + id.x); }
}
