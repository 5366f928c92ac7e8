// dx[i] = sum over o of w[o, i] dy[o], times the derivative of the activation that made x
//
// A tile is TILE_QUADS quads of samples of TILE_INPUTS inputs. SLICES threads share a tile: each sums every SLICES-th
// pack of outputs, and then their sums are added in order.

// There is room for one quad: TILE_QUADS is 1 where there are several slices, and STORED is TILE_INPUTS.
var<workgroup> slices: array<vec4f, SLICES * TILES * TILE_INPUTS>;

@compute @workgroup_size(TILES * SLICES)
fn dense_backward_input(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let across = geometry.blocks * (QUADS / TILE_QUADS);
    let packs = (geometry.outputs + 3u) / 4u;
    let tile = (group.y * MOST_GROUPS + group.x) * TILES + me % TILES;
    let slice = me / TILES;
    let block = tile % across / (QUADS / TILE_QUADS);
    let quad = tile % (QUADS / TILE_QUADS) * TILE_QUADS;
    let first = tile / across * TILE_INPUTS;

    var sums: array<array<vec4f, TILE_INPUTS>, TILE_QUADS>;
    for (var pack = slice; pack < packs; pack += SLICES) {
        var d: array<mat4x4f, TILE_QUADS>;
        for (var q = 0u; q < TILE_QUADS; q++) { d[q] = dy_of(block, pack, quad + q); } // unroll
        for (var i = 0u; i < TILE_INPUTS; i++) { // unroll
            let taps = parameters[geometry.weights + pack * geometry.inputs + min(first + i, geometry.inputs - 1u)];
            // The product is the sum over four outputs of their gradients times their weights.
            for (var q = 0u; q < TILE_QUADS; q++) { sums[q][i] += d[q] * taps; } // unroll
        }
    }
    if SLICES > 1u {
        for (var i = 0u; i < TILE_INPUTS; i++) { slices[me * TILE_INPUTS + i] = sums[0][i]; } // unroll
        workgroupBarrier();
    }
    // A loop in which inputs move up, as forward.
    for (var i = 0u; i < TILE_INPUTS; i += STORED) {
        for (var j = 0u; j < STORED; j++) { // unroll
            // Of the threads that share a tile, each stores one input.
            if first + i + j < geometry.inputs && (SLICES == 1u || j % SLICES == slice) {
                for (var q = 0u; q < TILE_QUADS; q++) { // unroll
                    var sum = sums[q][j];
                    if SLICES > 1u {
                        sum = vec4f();
                        for (var s = 0u; s < SLICES; s++) { sum += slices[(s * TILES + me % TILES) * TILE_INPUTS + j]; } // unroll
                    }
                    let to = at(block, geometry.inputs, first + i + j, quad + q);
                    x_gradient[to] = sum * derivative(x[to], geometry.floor);
                }
            }
        }
        for (var q = 0u; q < TILE_QUADS; q++) { // unroll
            for (var j = STORED; j < TILE_INPUTS; j++) { sums[q][j - STORED] = sums[q][j]; } // unroll
        }
    }
}
