// The samples of a step: order -> bytes -> input values, centred and padded.
//
// One thread fills one row of the input for four samples.

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
@group(0) @binding(4) var<storage, read_write> targets: array<vec4u>;
@group(0) @binding(6) var<storage, read> geometry: Geometry;
@group(0) @binding(7) var<storage, read> step: Step;

const QUADS = 8u;
// The target of a sample past the end of a short batch.
const MASKED = 0xffffffffu;

fn pixel(sample: u32, index: u32) -> f32 {
    let byte = sample * geometry.image_height * geometry.image_width + index;
    return f32((images[byte / 4u] >> (byte % 4u * 8u)) & 0xffu);
}

@compute @workgroup_size(8, 8)
fn gather(@builtin(global_invocation_id) id: vec3u) {
    let quad = id.x;
    let row = id.y;
    let block = id.z;
    if row >= geometry.channels * geometry.height { return; }

    let first = (block * QUADS + quad) * 4u;
    var samples = vec4u(MASKED);
    for (var i = 0u; i < 4u; i++) {
        if first + i < step.count { samples[i] = order[step.start + first + i]; }
    }
    let present = samples != vec4u(MASKED);
    let sample = select(vec4u(), samples, present);

    let top = (geometry.height - geometry.image_height) / 2u;
    let left = (geometry.width - geometry.image_width) / 2u;
    let image_row = row % geometry.height - top;
    let inside = row % geometry.height >= top && image_row < geometry.image_height;
    let scale = (geometry.foreground - geometry.background) / 255.0;
    let out = ((block * geometry.channels * geometry.height + row) * geometry.width) * QUADS + quad;
    for (var column = 0u; column < geometry.width; column++) {
        var bytes = vec4f();
        if inside && column >= left && column - left < geometry.image_width {
            let index = image_row * geometry.image_width + column - left;
            bytes = vec4f(pixel(sample.x, index), pixel(sample.y, index), pixel(sample.z, index), pixel(sample.w, index));
        }
        x[out + column * QUADS] = geometry.background + scale * select(vec4f(), bytes, present);
    }
    if row == 0u {
        targets[block * QUADS + quad] = select(
            vec4u(MASKED),
            vec4u(labels[sample.x], labels[sample.y], labels[sample.z], labels[sample.w]),
            present,
        );
    }
}
