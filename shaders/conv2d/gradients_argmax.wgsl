// dy of a convolution with max-pooling: a value for the argmax of each 2x2 window, 0 for its other sums.

// One row of sums of one map.
struct RowOfDy {
    first: u32,   // value of dy
    argmax: u32, // first word of its argmax
    shift: u32,   // of the map's eight bits in a word
    place: u32,   // index of the row's first sum in its window: 0 or 2
}

fn row_of_dy(map: u32, group: u32, channel: u32, row: u32, quad: u32, g: Geometry) -> RowOfDy {
    let height = g.out_height / 2u;
    let width = g.out_width / 2u * QUADS;
    let first = row / 2u * width + quad;
    return RowOfDy(map * height * width + first, group * height * width + first, channel % 4u * 8u, row % 2u * 2u);
}

// The argmax of four samples: an index into the 2x2 window, in row order.
fn winner(word: u32, shift: u32) -> vec4u {
    return (vec4u(word) >> (vec4u(0u, 2u, 4u, 6u) + vec4u(shift))) & vec4u(3u);
}

// dy of the sums at `column` and the next; 0 outside. An even column needs one load for both, and only a kernel of
// several turns asks for an odd one.
fn dy_pair(row: RowOfDy, column: i32, g: Geometry) -> mat2x4f {
    if KERNEL > TAPS { return mat2x4f(dy_block(row, column, g)[column & 1], dy_block(row, column + 1, g)[(column + 1) & 1]); }
    return dy_block(row, column, g);
}

// dy of the two sums of this row in the pooling window of `column`.
fn dy_block(row: RowOfDy, column: i32, g: Geometry) -> mat2x4f {
    let inside = column >= 0 && column < i32(g.out_width);
    let at = u32(clamp(column, 0, i32(g.out_width) - 1)) / 2u * QUADS;
    let gradient = select(vec4f(), dy[row.first + at], inside);
    let won = winner(argmax[row.argmax + at], row.shift);
    return mat2x4f(
        select(vec4f(), gradient, won == vec4u(row.place)),
        select(vec4f(), gradient, won == vec4u(row.place + 1u)),
    );
}
