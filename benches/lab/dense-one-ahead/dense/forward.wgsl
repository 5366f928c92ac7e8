// y[o] = activation(sum over i of w[o, i] x[i] + bias[o])
//
// A tile is TILE_QUADS quads of samples of TILE_PACKS packs of outputs. SLICES threads share a tile: each sums every
// SLICES-th input, and then their sums are added in order.

// Instead of AHEAD.
const DEPTH = 1u;

// There is room for one quad and one pack: TILE_QUADS and TILE_PACKS are 1 where there are several slices.
var<workgroup> slices: array<mat4x4f, SLICES * TILES>;

@compute @workgroup_size(TILES * SLICES)
fn dense_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let across = geometry.blocks * (QUADS / TILE_QUADS);
    let packs = (geometry.outputs + 3u) / 4u;
    let tile = (group.y * MOST_GROUPS + group.x) * TILES + me % TILES;
    let slice = me / TILES;
    let block = tile % across / (QUADS / TILE_QUADS);
    let quad = tile % (QUADS / TILE_QUADS) * TILE_QUADS;
    let first = tile / across * TILE_PACKS;

    var sums: array<array<mat4x4f, TILE_QUADS>, TILE_PACKS>;
    // DEPTH inputs at a time, so that a thread waits for memory less often.
    for (var t = slice; t < geometry.inputs; t += SLICES * DEPTH) {
        var values: array<array<vec4f, TILE_QUADS>, DEPTH>;
        for (var a = 0u; a < DEPTH; a++) { // unroll
            for (var q = 0u; q < TILE_QUADS; q++) { // unroll
                let i = min(t + a * SLICES, geometry.inputs - 1u);
                let value = x[at(block_of_x(block), geometry.inputs, i, quad + q)];
                values[a][q] = select(vec4f(), value, DEPTH == 1u || t + a * SLICES < geometry.inputs);
            }
        }
        for (var a = 0u; a < DEPTH; a++) { // unroll
            for (var p = 0u; p < TILE_PACKS; p++) { // unroll
                let row = min(first + p, packs - 1u) * geometry.inputs;
                let taps = parameters[geometry.weights + row + min(t + a * SLICES, geometry.inputs - 1u)];
                for (var q = 0u; q < TILE_QUADS; q++) { // unroll
                    sums[p][q] += outer(values[a][q], taps);
                }
            }
        }
    }
    // A loop in which quads move up: one copy of the stores per quad takes longer to compile than all the rest.
    for (var q = 0u; q < TILE_QUADS; q++) {
        for (var p = 0u; p < TILE_PACKS; p++) { // unroll
            if SLICES > 1u {
                slices[me] = sums[p][0];
                workgroupBarrier();
            }
            for (var k = 0u; k < 4u; k++) { // unroll
                let o = (first + p) * 4u + k;
                // Of the threads that share a tile, each of the first four stores one output.
                if o < geometry.outputs && (SLICES == 1u || slice == k) {
                    var sum = sums[p][0][k];
                    if SLICES > 1u {
                        sum = slices[me % TILES][k];
                        for (var s = 1u; s < SLICES; s++) { sum += slices[s * TILES + me % TILES][k]; } // unroll
                    }
                    let bias = parameters[geometry.bias + first + p][k];
                    y[at(block, geometry.outputs, o, quad + q)] = activate(sum + bias, geometry.floor);
                }
            }
            for (var r = 1u; r < TILE_QUADS; r++) { sums[p][r - 1u] = sums[p][r]; } // unroll
        }
    }
}
