// dw[o, i] = sum over samples of dy[o] x[i]; db[o] = sum of dy[o]
//
// A tile is TILE_PACKS packs of outputs of TILE_INPUTS inputs. SLICES threads share a tile: each sums every SLICES-th
// quad of samples, and then their sums are added in order.

// There is room for one pack: TILE_PACKS is 1 where there are several slices. The last sum is that of the bias.
const SHARED = TILE_INPUTS + 1u;
var<workgroup> slices: array<vec4f, SHARED * TILES * SLICES>;

@compute @workgroup_size(TILES * SLICES)
fn dense_backward_weights(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let across = (geometry.inputs + TILE_INPUTS - 1u) / TILE_INPUTS;
    let tile = (group.y * MOST_GROUPS + group.x) * TILES + me % TILES;
    let slice = me / TILES;
    let input = tile % across * TILE_INPUTS;
    let first = tile / across * TILE_PACKS;

    var sums: array<array<vec4f, TILE_INPUTS>, TILE_PACKS>;
    var bias: array<vec4f, TILE_PACKS>;
    for (var t = slice; t < geometry.blocks * QUADS; t += SLICES) {
        let block = t / QUADS;
        var d: array<mat4x4f, TILE_PACKS>;
        for (var p = 0u; p < TILE_PACKS; p++) { // unroll
            d[p] = dy_of(block, first + p, t % QUADS);
            bias[p] += vec4f(1.0) * d[p];
        }
        for (var i = 0u; i < TILE_INPUTS; i++) { // unroll
            let value = x[at(block_of_x(block), geometry.inputs, min(input + i, geometry.inputs - 1u), t % QUADS)];
            // The product is four dot products over the samples of the quad, one per output.
            for (var p = 0u; p < TILE_PACKS; p++) { sums[p][i] += value * d[p]; } // unroll
        }
    }
    if SLICES > 1u {
        for (var i = 0u; i < TILE_INPUTS; i++) { slices[me * SHARED + i] = sums[0][i]; } // unroll
        slices[me * SHARED + TILE_INPUTS] = bias[0];
        workgroupBarrier();
        // Of the threads that share a tile, each stores what its number says.
        for (var i = slice; i < SHARED; i += SLICES) {
            var sum = vec4f();
            for (var s = 0u; s < SLICES; s++) { sum += slices[(s * TILES + me % TILES) * SHARED + i]; } // unroll
            store_sum(first, input, i, sum);
        }
        return;
    }
    // A loop in which inputs move up, as forward.
    for (var i = 0u; i < TILE_INPUTS; i += STORED) {
        for (var p = 0u; p < TILE_PACKS; p++) { // unroll
            for (var j = 0u; j < STORED; j++) { store_sum(first + p, input, i + j, sums[p][j]); } // unroll
            for (var j = STORED; j < TILE_INPUTS; j++) { sums[p][j - STORED] = sums[p][j]; } // unroll
        }
    }
    for (var p = 0u; p < TILE_PACKS; p++) { store_sum(first + p, input, TILE_INPUTS, bias[p]); } // unroll
}

// Stores the sum of input `first + i` of a pack, or of its bias.
fn store_sum(pack: u32, first: u32, i: u32, sum: vec4f) {
    let outputs = vec4u(pack * 4u) + vec4u(0u, 1u, 2u, 3u);
    let masked = select(vec4f(), sum, outputs < vec4u(geometry.outputs));
    if pack * 4u >= geometry.outputs { return; }
    if i < TILE_INPUTS {
        if first + i < geometry.inputs { partials[geometry.partials + pack * geometry.inputs + first + i] = masked; }
    } else if first == 0u {
        // The bias follows the layer's weights.
        partials[geometry.partials + geometry.bias - geometry.weights + pack] = masked;
    }
}
