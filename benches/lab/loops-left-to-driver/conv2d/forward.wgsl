// y[o] = activation(sum over c, i, j of w[o, c, i, j] x[c, row + i, column + j] + bias[o])
//
// A thread computes one cell of TILE_PACKS packs of channels. The packs are those of the whole workgroup, so that its
// threads read the same weights.

@compute @workgroup_size(LANES * ITEMS)
fn conv2d_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let lane = me % LANES;
    let own = group.x * ITEMS + me / LANES;
    let cell = min(own, HEIGHT * WIDTH - 1u);
    let row = cell / WIDTH * 2u;
    let column = cell % WIDTH * 2u;
    // With one tile of packs a constant: channels that only pad a pack then cost nothing.
    let first_pack = select(group.y * TILE_PACKS, 0u, PACKS <= TILE_PACKS);
    let planes = block_of_x(group.z) * geometry.in_channels;

    var sums: array<array<Sums, 4>, TILE_PACKS>; // of a cell, in row order
    // One loop over channels and kernel rows: a software driver blends every sum at each level of nesting.
    for (var t = 0u; t < geometry.in_channels * (KERNEL / TILE_ROWS); t++) {
        let c = t / (KERNEL / TILE_ROWS);
        for (var r = 0u; r < TILE_ROWS; r++) {
            let i = t % (KERNEL / TILE_ROWS) * TILE_ROWS + r;
            var rows: array<array<Samples, KERNEL + 1u>, 2>; // of x
            for (var j = 0u; j <= KERNEL; j++) {
                rows[0][j] = x_at(planes + c, row + i, column + j, lane);
                rows[1][j] = x_at(planes + c, row + i + 1u, column + j, lane);
            }
            for (var p = 0u; p < TILE_PACKS; p++) {
                let pack = min(first_pack + p, PACKS - 1u);
                let first = geometry.weights + ((pack * geometry.in_channels + c) * KERNEL + i) * KERNEL;
                var taps: array<vec4f, KERNEL>;
                for (var j = 0u; j < KERNEL; j++) { taps[j] = weight(first + j); }
                // Sum by sum, so that a CPU with few registers loads and stores each once.
                for (var s = 0u; s < 4u; s++) {
                    var sum = outer(rows[s / 2u][s % 2u], taps[0]);
                    for (var j = 1u; j < KERNEL; j++) {
                        sum += outer(rows[s / 2u][s % 2u + j], taps[j]);
                    }
                    sums[p][s] += sum;
                }
            }
        }
    }
    for (var p = 0u; p < TILE_PACKS; p++) {
        store_cell(sums[p], first_pack + p, group.z, cell, me, own == cell && first_pack + p < PACKS);
    }
}
