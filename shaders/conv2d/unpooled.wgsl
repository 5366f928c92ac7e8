// A convolution alone: y and dy have a value per sum. The last cells of an odd map reach past its end.

// Without `&&`, which is a branch: SwiftShader's compiler did not come to an end of a tile's hundred branches.
fn inside(cell: u32, p: u32) -> bool {
    let sum = vec2u(cell / WIDTH * 2u + p / 2u, cell % WIDTH * 2u + p % 2u);
    return all(sum < vec2u(geometry.out_height, geometry.out_width));
}

// Index of sum `p` of a cell, 0 to 3 in row order, of one channel.
fn index_of(block: u32, channel: u32, cell: u32, p: u32, lane: u32) -> u32 {
    let row = (block * geometry.out_channels + channel) * geometry.out_height + cell / WIDTH * 2u + p / 2u;
    return (row * geometry.out_width + cell % WIDTH * 2u + p % 2u) * LANES + lane;
}

// Stores the four sums of a cell, per channel of `pack`.
fn store_cell(sums: array<Sums, 4>, pack: u32, block: u32, cell: u32, me: u32, exists: bool) {
    let lane = me % LANES;
    let bias = weight(geometry.bias + pack);
    for (var k = 0u; k < 4u; k++) { // unroll
        if pack * 4u + k < geometry.out_channels {
            for (var p = 0u; p < 4u; p++) { // unroll
                if exists && inside(cell, p) {
                    y[index_of(block, pack * 4u + k, cell, p, lane)] = activate(sums[p][k] + bias[k], geometry.floor);
                }
            }
        }
    }
}

fn places_at(block: u32, pack: u32, cell: u32, lane: u32) -> Places { return Places(); }

// Gradients of the four sums of a cell, in row order.
struct Gradients { sums: array<Samples, 4> }

fn gradients_at(block: u32, channel: u32, cell: u32, lane: u32, places: Places, bit: u32) -> Gradients {
    var g: Gradients;
    for (var p = 0u; p < 4u; p++) { // unroll
        g.sums[p] = select(Samples(), dy[index_of(block, channel, cell, p, lane)], inside(cell, p));
    }
    return g;
}

fn sum_of(g: Gradients) -> f32 { return total(g.sums[0] + g.sums[1] + g.sums[2] + g.sums[3]); }

// Sum of the gradients of a cell times the values of x that its sums met.
fn met(a: Samples, b: Samples, c: Samples, d: Samples, g: Gradients) -> f32 {
    return total(a * g.sums[0] + b * g.sums[1] + c * g.sums[2] + d * g.sums[3]);
}

// Gradients of the two sums of one row of a cell, 0 above or 1 below.
fn row_of(g: Gradients, row: u32) -> array<Samples, 2> {
    return array<Samples, 2>(select(g.sums[0], g.sums[2], row == 1u), select(g.sums[1], g.sums[3], row == 1u));
}
