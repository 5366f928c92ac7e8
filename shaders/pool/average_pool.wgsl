// Average pooling.

@compute @workgroup_size(LANES * ITEMS)
fn average_pool_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let output = output_at(group.z, group.x * ITEMS + me / LANES, me % LANES);
    if output.exists { y[output.y] = sum_of_window(output.x) / f32(SIZE * SIZE); }
}

@compute @workgroup_size(LANES * ITEMS)
fn average_pool_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let output = output_at(group.z, group.x * ITEMS + me / LANES, me % LANES);
    if !output.exists { return; }
    let gradient = dy[output.y] / f32(SIZE * SIZE);
    for (var i = 0u; i < SIZE; i++) {
        for (var j = 0u; j < SIZE; j++) {
            let at = in_window(output.x, i, j);
            x_gradient[at] = gradient * derivative(x[at], geometry.floor);
        }
    }
}
