// Pooling windows of SIZE x SIZE, stride SIZE. A thread handles one value of y, or its window in x.

struct Geometry {
    channels: u32,
    out_height: u32,
    out_width: u32,
    blocks: u32,
    weights: u32,         // first vec4f in parameters
    bias: u32,            // first vec4f in parameters
    partials: u32,        // first vec4f in partials
    partials_stride: u32, // vec4f per slot
    slots: u32,
    rows_per_slot: u32,   // rows of y, counted over all blocks
    floor: f32,           // of the activation: see activation/
}

@group(0) @binding(0) var<storage, read> x: array<Samples>;
@group(0) @binding(2) var<storage, read_write> y: array<Samples>;
@group(0) @binding(3) var<storage, read> dy: array<Samples>;
// dx in the formulas; DirectX's own HLSL compiler has a namespace of that name.
@group(0) @binding(4) var<storage, read_write> x_gradient: array<Samples>;

// One value of y.
struct Output {
    exists: bool,
    channel: u32,
    y: u32, // its index in y
    x: u32, // the index of its window's first value in x
}

fn output_at(block: u32, item: u32, lane: u32) -> Output {
    let g = geometry;
    let map = g.out_height * g.out_width;
    let in_x = first_of_window(block_of_x(block) * g.channels * map + item) * LANES + lane;
    return Output(item < g.channels * map, item / map, (block * g.channels * map + item) * LANES + lane, in_x);
}

// Index of the first value in x of the window of a value of y, both without lanes. `item` counts over all maps.
fn first_of_window(item: u32) -> u32 {
    return (item / geometry.out_width * SIZE * geometry.out_width + item % geometry.out_width) * SIZE;
}

// Index of value (i, j) of the window that begins at `first`.
fn in_window(first: u32, i: u32, j: u32) -> u32 {
    return first + (i * geometry.out_width * SIZE + j) * LANES;
}

fn sum_of_window(first: u32) -> Samples {
    var sum = Samples();
    for (var i = 0u; i < SIZE; i++) {
        for (var j = 0u; j < SIZE; j++) { sum += x[in_window(first, i, j)]; }
    }
    return sum;
}
