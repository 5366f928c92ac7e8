// x is bytes, a word per quad. Only with max-pooling, so that maps are even.

@group(0) @binding(0) var<storage, read> input_bytes: array<u32>;

fn x_at(plane: u32, row: u32, column: u32, lane: u32) -> Samples {
    let near = min(row, geometry.in_height - 1u);
    let at = (plane * geometry.in_height + near) * geometry.in_width + column;
    let word = input_bytes[at * QUADS + lane * QUADS / LANES];
    return geometry.background + geometry.scale * byte_of(word, lane);
}
