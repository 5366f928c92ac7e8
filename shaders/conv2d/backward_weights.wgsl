// dw[o, c, i, j] = sum over samples, row, column of dy[o, row, column] x[c, row + i, column + j];
// db[o] = sum of dy[o]
//
// A thread sums TILE_ROWS rows of taps of one input channel and one pack over the rows of cells of one slot. The
// threads of a workgroup that share those taps, one per lane, add their sums in the order of the lanes. A workgroup has
// ITEMS such groups of threads for each of TILE_SLOTS slots.

// Items: rows of taps, then input channels, then packs; each is LANES threads.
const TAP_ROWS = (KERNEL + TILE_ROWS - 1u) / TILE_ROWS;
const SHARED = TILE_ROWS * KERNEL + 1u; // sums of an item, the last that of the bias

var<workgroup> shared_sums: array<vec4f, TILE_SLOTS * ITEMS * SHARED * LANES>;

@compute @workgroup_size(LANES * ITEMS * TILE_SLOTS)
fn conv2d_backward_weights(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let lane = me % LANES;
    let item = group.x * ITEMS + me / LANES % ITEMS;
    let slot = group.y * TILE_SLOTS + select(me / (LANES * ITEMS), 0u, TILE_SLOTS == 1u);
    let c = item / TAP_ROWS % geometry.in_channels;
    let pack = min(item / (TAP_ROWS * geometry.in_channels), PACKS - 1u);

    var sums: array<array<vec4f, KERNEL>, TILE_ROWS>;
    var bias = vec4f();
    let last = min((slot + 1u) * geometry.rows_per_slot, geometry.blocks * HEIGHT);
    for (var t = slot * geometry.rows_per_slot; t < last; t++) {
        let block = t / HEIGHT;
        let plane = block_of_x(block) * geometry.in_channels + c;
        let top = t % HEIGHT * 2u + item % TAP_ROWS * TILE_ROWS;
        // Columns of x under a cell: a window that slides to the right.
        var window: array<array<Samples, KERNEL + 1u>, TILE_ROWS + 1u>;
        for (var i = 0u; i <= TILE_ROWS; i++) { // unroll
            for (var j = 2u; j <= KERNEL; j++) { // unroll
                window[i][j] = x_at(plane, top + i, j - 2u, lane);
            }
        }
        for (var column = 0u; column < WIDTH; column++) {
            for (var i = 0u; i <= TILE_ROWS; i++) { // unroll
                for (var j = 2u; j <= KERNEL; j++) { window[i][j - 2u] = window[i][j]; } // unroll
                window[i][KERNEL - 1u] = x_at(plane, top + i, column * 2u + KERNEL - 1u, lane);
                window[i][KERNEL] = x_at(plane, top + i, column * 2u + KERNEL, lane);
            }
            let cell = t % HEIGHT * WIDTH + column;
            let places = places_at(block, pack, cell, lane);
            for (var k = 0u; k < 4u; k++) { // unroll
                // Channels past the last repeat it; their sums are masked.
                let channel = min(pack * 4u + k, geometry.out_channels - 1u);
                let g = gradients_at(block, channel, cell, lane, places, 2u * k);
                for (var i = 0u; i < TILE_ROWS; i++) { // unroll
                    for (var j = 0u; j < KERNEL; j++) { // unroll
                        sums[i][j][k] += met(window[i][j], window[i][j + 1u], window[i + 1u][j], window[i + 1u][j + 1u], g);
                    }
                }
                bias[k] += sum_of(g);
            }
        }
    }

    // The sums of one tap lie side by side, one per lane.
    let first = me / LANES * SHARED;
    for (var i = 0u; i < TILE_ROWS; i++) { // unroll
        for (var j = 0u; j < KERNEL; j++) { // unroll
            shared_sums[(first + i * KERNEL + j) * LANES + lane] = sums[i][j];
        }
    }
    shared_sums[(first + SHARED - 1u) * LANES + lane] = bias;
    workgroupBarrier();
    for (var s = me; s < TILE_SLOTS * ITEMS * SHARED; s += TILE_SLOTS * ITEMS * LANES) {
        var sum = vec4f();
        for (var lane = 0u; lane < LANES; lane++) {
            sum += shared_sums[s * LANES + lane];
        }
        let slot = group.y * TILE_SLOTS + s / (SHARED * ITEMS);
        if slot < geometry.slots { store_sum(group.x * ITEMS + s / SHARED % ITEMS, s % SHARED, slot, sum); }
    }
}

// Stores the sum of tap `s` of an item, or of its bias.
fn store_sum(item: u32, s: u32, slot: u32, sum: vec4f) {
    let row = item % TAP_ROWS * TILE_ROWS + s / KERNEL;
    let plane = item / TAP_ROWS; // pack and input channel
    let pack = plane / geometry.in_channels;
    if pack >= PACKS { return; }
    let channels = vec4u(pack * 4u) + vec4u(0u, 1u, 2u, 3u);
    let masked = select(vec4f(), sum, channels < vec4u(geometry.out_channels));
    let to = geometry.partials + slot * geometry.partials_stride;
    if s < SHARED - 1u {
        if row < KERNEL { partials[to + (plane * KERNEL + row) * KERNEL + s % KERNEL] = masked; }
    } else if plane % geometry.in_channels == 0u && item % TAP_ROWS == 0u {
        // The bias follows the layer's weights.
        partials[to + geometry.bias - geometry.weights + pack] = masked;
    }
}
