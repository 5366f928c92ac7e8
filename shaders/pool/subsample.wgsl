// Trainable sub-sampling of the 1998 paper: the sum of each window times a coefficient per channel, plus a bias, then
// an activation.

@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(LANES * ITEMS)
fn subsample_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let output = output_at(group.z, group.x * ITEMS + me / LANES, me % LANES);
    if !output.exists { return; }
    let weight = parameters[geometry.weights * 4u + output.channel];
    let bias = parameters[geometry.bias * 4u + output.channel];
    y[output.y] = activate(weight * sum_of_window(output.x) + bias, geometry.floor);
}

@compute @workgroup_size(LANES * ITEMS)
fn subsample_backward_input(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let output = output_at(group.z, group.x * ITEMS + me / LANES, me % LANES);
    if !output.exists { return; }
    let gradient = dy[output.y] * parameters[geometry.weights * 4u + output.channel];
    for (var i = 0u; i < SIZE; i++) {
        for (var j = 0u; j < SIZE; j++) {
            let at = in_window(output.x, i, j);
            x_gradient[at] = gradient * derivative(x[at], geometry.floor);
        }
    }
}

var<workgroup> shared_sums: array<vec2f, LANES * ITEMS>; // of the coefficient and the bias

// A workgroup sums one channel over the rows of one slot: each item every ITEMS-th value. Then the sums of its threads
// are added in order.
@compute @workgroup_size(LANES * ITEMS)
fn subsample_backward_weights(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let g = geometry;
    let last = min((group.y + 1u) * g.rows_per_slot, g.blocks * g.out_height) * g.out_width;
    var sums = vec2f();
    for (var t = group.y * g.rows_per_slot * g.out_width + me / LANES; t < last; t += ITEMS) {
        let map = g.out_height * g.out_width;
        let output = output_at(t / map, min(group.x, g.channels - 1u) * map + t % map, me % LANES);
        sums += vec2f(total(dy[output.y] * sum_of_window(output.x)), total(dy[output.y]));
    }
    shared_sums[me] = sums;
    workgroupBarrier();
    if me > 0u { return; }
    for (var other = 1u; other < LANES * ITEMS; other++) { sums += shared_sums[other]; }
    // A channel that only pads a pack has no gradient.
    sums = select(vec2f(), sums, group.x < g.channels);
    let slot = (g.partials + group.y * g.partials_stride) * 4u;
    partials[slot + group.x] = sums.x;
    partials[slot + (g.bias - g.weights) * 4u + group.x] = sums.y;
}
