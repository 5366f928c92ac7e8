// x is bytes, a word per quad. Only with max-pooling, so that maps are even.

@group(0) @binding(0) var<storage, read> input_bytes: array<u32>;

fn x_at(plane: u32, row: u32, column: u32, lane: u32) -> Samples {
    let near = min(row, geometry.in_height - 1u);
    // Rows share what depends on the column, and columns the rest.
    let row_at = (plane * geometry.in_height + near) * geometry.in_width * QUADS + lane * PER_LANE / 4u;
    let bytes = bytes_of(input_bytes[row_at + column * QUADS], lane);
    return geometry.background + geometry.scale * Samples(bytes);
}
