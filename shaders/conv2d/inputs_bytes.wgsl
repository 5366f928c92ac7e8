// x of a convolution with max-pooling, bytes: [block][channel][row][column / 2][quad] vec2u of two columns, in each
// word the bytes of four samples.

@group(0) @binding(0) var<storage, read> input_bytes: array<vec2u>;

// First pair of one row; `row` counts over all maps.
fn row_of_x(row: u32, quad: u32, g: Geometry) -> u32 {
    return row * (g.in_width / 2u) * QUADS + quad;
}

fn values(word: u32, g: Geometry) -> vec4f {
    return g.background + g.scale * vec4f((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(0xffu));
}

fn x_one(row_of_x: u32, column: u32, g: Geometry) -> vec4f {
    let near = min(column, g.in_width - 1u);
    return values(input_bytes[row_of_x + near / 2u * QUADS][near % 2u], g);
}

// x at `column` and the next; columns past the last repeat it. An even column needs one load for both, and only a
// kernel of several turns asks for an odd one.
fn x_two(row_of_x: u32, column: u32, g: Geometry) -> mat2x4f {
    if KERNEL > TAPS { return mat2x4f(x_one(row_of_x, column, g), x_one(row_of_x, column + 1u, g)); }
    let pair = column / 2u;
    let near = select(min(pair, g.in_width / 2u - 1u), pair, KERNEL == TAPS);
    let words = input_bytes[row_of_x + near * QUADS];
    return mat2x4f(values(words.x, g), values(words.y, g));
}
