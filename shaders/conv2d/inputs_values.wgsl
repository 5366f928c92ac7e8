// x of a convolution with max-pooling, values.

// First value of one row; `row` counts over all maps.
fn row_of_x(row: u32, quad: u32, g: Geometry) -> u32 {
    return row * g.in_width * QUADS + quad;
}

// x at `column` and the next; columns past the last repeat it, which only a kernel shorter than its turn asks for.
fn x_two(row_of_x: u32, column: u32, g: Geometry) -> mat2x4f {
    let last = g.in_width - 1u;
    let a = select(min(column, last), column, KERNEL == TAPS);
    let b = select(min(column + 1u, last), column + 1u, KERNEL == TAPS);
    return mat2x4f(x[row_of_x + a * QUADS], x[row_of_x + b * QUADS]);
}
