// A convolution fused with 2x2 max-pooling: y and dy have one value per cell, that of its largest sum.

// Which sum of each cell was the largest, 0 to 3 in row order, the first of equals:
// [block][channel / 4][row][column][quad], a byte per sample, of which two bits per channel of the pack.
@group(0) @binding(8) var<storage, read> argmax: array<u32>;
@group(0) @binding(8) var<storage, read_write> new_argmax: array<u32>;

var<workgroup> shared_places: array<Places, LANES * ITEMS>;

fn is_nan(a: Samples) -> Choice { return (bitcast<Places>(a) & Places(0x7fffffffu)) > Places(0x7f800000u); }

// Stores the largest of the four sums of a cell, per channel of `pack`. NaN is larger than any number. All threads of
// a workgroup call it, those whose cell or pack does not exist too.
fn store_cell(sums: array<Sums, 4>, pack: u32, block: u32, cell: u32, me: u32, exists: bool) {
    let lane = me % LANES;
    let bias = weight(geometry.bias + pack);
    var places = Places();
    for (var k = 0u; k < 4u; k++) { // unroll
        if pack * 4u + k < geometry.out_channels {
            var largest = sums[0][k];
            var place = Places();
            for (var p = 1u; p < 4u; p++) { // unroll
                let larger = (sums[p][k] > largest) | is_nan(sums[p][k]);
                largest = select(largest, sums[p][k], larger);
                place = select(place, Places(p), larger);
            }
            places |= place << Places(2u * k);
            let to = (block * geometry.out_channels + pack * 4u + k) * (HEIGHT * WIDTH * LANES) + (cell * LANES + lane);
            if exists { y[to] = activate(largest + bias[k], geometry.floor); }
        }
    }
    // The first thread of a quad stores the bytes of all its samples.
    if PER_LANE < 4u {
        shared_places[me] = places;
        workgroupBarrier();
    }
    if exists && lane * PER_LANE % 4u == 0u {
        var word = 0u;
        for (var n = 0u; n < 4u; n++) { // unroll
            if PER_LANE == 4u { word |= place_of(places, n) << (8u * n); }
            else { word |= place_of(shared_places[me + n / PER_LANE], n) << (8u * n); }
        }
        new_argmax[((block * PACKS + pack) * (HEIGHT * WIDTH) + cell) * QUADS + lane * PER_LANE / 4u] = word;
    }
}

// What picks the gradients of a pack in a cell: the argmax.
fn places_at(block: u32, pack: u32, cell: u32, lane: u32) -> Places {
    return bytes_of(argmax[((block * PACKS + pack) * (HEIGHT * WIDTH) + cell) * QUADS + lane * PER_LANE / 4u], lane);
}

// Gradients of the four sums of a cell, all but one zero.
struct Gradients {
    largest: Samples,
    below: Choice,
    right: Choice,
}

fn gradients_at(block: u32, channel: u32, cell: u32, lane: u32, places: Places, bit: u32) -> Gradients {
    let gradient = dy[(block * geometry.out_channels + channel) * (HEIGHT * WIDTH * LANES) + (cell * LANES + lane)];
    let place = places >> Places(bit);
    return Gradients(gradient, (place & Places(2u)) != Places(), (place & Places(1u)) != Places());
}

fn sum_of(g: Gradients) -> f32 { return total(g.largest); }

// Sum of the gradients of a cell times the values of x that its sums met. All four are multiplied, three by zero.
fn met(a: Samples, b: Samples, c: Samples, d: Samples, g: Gradients) -> f32 {
    let above = row_of(g, 0u);
    let below = row_of(g, 1u);
    return total(a * above[0] + b * above[1] + c * below[0] + d * below[1]);
}

// Gradients of the two sums of one row of a cell, 0 above or 1 below.
fn row_of(g: Gradients, row: u32) -> array<Samples, 2> {
    let here = select(Samples(), g.largest, g.below == Choice(row == 1u));
    return array<Samples, 2>(select(here, Samples(), g.right), select(Samples(), here, g.right));
}
