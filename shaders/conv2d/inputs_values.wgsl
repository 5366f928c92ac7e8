// x is values.

@group(0) @binding(0) var<storage, read> x: array<Samples>;

// The last cell of an odd map reads past the last row and column; so does the last thread of a kernel's rows.
fn x_at(plane: u32, row: u32, column: u32, lane: u32) -> Samples {
    let near = min(row, geometry.in_height - 1u);
    let beside = select(column, min(column, geometry.in_width - 1u), geometry.out_width % 2u == 1u);
    // Rows share what depends on the column, and columns the rest.
    return x[((plane * geometry.in_height + near) * geometry.in_width * LANES + lane) + beside * LANES];
}
