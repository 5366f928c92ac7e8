// dy of a convolution, one value per sum.

// First value of one row of one map.
struct RowOfDy { first: u32 }

fn row_of_dy(map: u32, group: u32, channel: u32, row: u32, quad: u32, g: Geometry) -> RowOfDy {
    return RowOfDy((map * g.out_height + row) * g.out_width * QUADS + quad);
}

// dy at `column`; 0 outside.
fn dy_at(row: RowOfDy, column: i32, g: Geometry) -> vec4f {
    let inside = column >= 0 && column < i32(g.out_width);
    let near = u32(clamp(column, 0, i32(g.out_width) - 1));
    return select(vec4f(), dy[row.first + near * QUADS], inside);
}

// dy at `column` and the next.
fn dy_pair(row: RowOfDy, column: i32, g: Geometry) -> mat2x4f {
    return mat2x4f(dy_at(row, column, g), dy_at(row, column + 1, g));
}
