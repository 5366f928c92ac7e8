// dx[c, row, column] = sum over o, i, j of w[o, c, i, j] dy[o, row - i, column - j], times the derivative of the
// activation that made x
//
// A thread computes TILE_COLUMNS columns of TILE_CHANNELS channels of one row. Where TILE_LINES is 1, row and channels
// are those of the whole workgroup, so that its threads read the same weights.

// Cells that the columns meet, of which BEFORE lie to the left of the first column.
const BEFORE = KERNEL / 2u;
const CELLS = TILE_COLUMNS / 2u + BEFORE;

@compute @workgroup_size(LANES * ITEMS)
fn conv2d_backward_input(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let lane = me % LANES;
    let item = me / LANES;
    let lines = (geometry.in_height + TILE_LINES - 1u) / TILE_LINES;
    let row = group.y % lines * TILE_LINES + select(item / TILE_STRIPS, 0u, TILE_LINES == 1u);
    let first = group.y / lines * TILE_CHANNELS;
    // With one strip a constant.
    let column = select((group.x * TILE_STRIPS + item % TILE_STRIPS) * TILE_COLUMNS, 0u, TILE_COLUMNS >= geometry.in_width);
    if column >= geometry.in_width || row >= geometry.in_height { return; }

    var sums: array<array<Samples, TILE_COLUMNS>, TILE_CHANNELS>;
    let top = max(row + 1u, KERNEL) - KERNEL; // rows of sums that this row met
    let bottom = min(row + 1u, geometry.out_height);
    var r = top;
    var o = 0u;
    // One loop over outputs and rows, as forward.
    while o < geometry.out_channels {
        var places: array<Places, CELLS>;
        for (var n = 0u; n < CELLS; n++) { // unroll
            // Left of the first column the index wraps, and is not below WIDTH.
            let cell = r / 2u * WIDTH + min(column / 2u + n - BEFORE, WIDTH - 1u);
            places[n] = places_at(group.z, o / 4u, cell, lane);
        }
        for (var k = 0u; k < TILE_OUTPUTS; k++) { // unroll
            let bit = select(2u * k, o % 4u * 2u, TILE_OUTPUTS == 1u);
            let exists = TILE_OUTPUTS == 1u || o + k < geometry.out_channels;
            let channel = select(geometry.out_channels - 1u, o + k, exists);
            var d: array<Samples, 2u * CELLS>;
            for (var n = 0u; n < CELLS; n++) { // unroll
                let at = column / 2u + n - BEFORE;
                let cell = r / 2u * WIDTH + min(at, WIDTH - 1u);
                let pair = row_of(gradients_at(group.z, channel, cell, lane, places[n], bit), r % 2u);
                d[2u * n] = select(Samples(), pair[0], (at < WIDTH) & exists);
                d[2u * n + 1u] = select(Samples(), pair[1], (at < WIDTH) & exists);
            }
            for (var c = 0u; c < TILE_CHANNELS; c++) { // unroll
                let plane = o / 4u * geometry.in_channels + min(first + c, geometry.in_channels - 1u);
                let w = (geometry.weights + (plane * KERNEL + row - r) * KERNEL) * 4u + bit / 2u;
                var taps: array<f32, KERNEL>;
                for (var j = 0u; j < KERNEL; j++) { taps[j] = weight_scalar(w + j * 4u); } // unroll
                for (var p = 0u; p < TILE_COLUMNS; p++) { // unroll
                    for (var j = 0u; j < KERNEL; j++) { // unroll
                        // Column p met the sum at p - j with tap j.
                        if TILE_COLUMNS < geometry.in_width || (p >= j && p < j + geometry.out_width) {
                            sums[c][p] += d[p + 2u * BEFORE - j] * taps[j];
                        }
                    }
                }
            }
        }
        r++;
        o += select(0u, TILE_OUTPUTS, r == bottom);
        r = select(r, top, r == bottom);
    }
    // A loop in which columns move up: one copy of the store per column takes longer to compile than all the rest.
    for (var p = 0u; p < TILE_COLUMNS; p += 2u) {
        for (var c = 0u; c < TILE_CHANNELS; c++) { // unroll
            let to = ((group.z * geometry.in_channels + first + c) * geometry.in_height + row) * geometry.in_width;
            for (var k = 0u; k < 2u; k++) { // unroll
                if first + c < geometry.in_channels && column + p + k < geometry.in_width {
                    let at = (to + column + p + k) * LANES + lane;
                    x_gradient[at] = sums[c][k] * derivative(x[at], geometry.floor);
                }
            }
            for (var k = 2u; k < TILE_COLUMNS; k++) { sums[c][k - 2u] = sums[c][k]; } // unroll
        }
    }
}
