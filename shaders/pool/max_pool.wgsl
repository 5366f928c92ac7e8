// Max-pooling.

// The largest value of a window and its argmax, the first of equals in row order. NaN is larger than any number.
struct Largest {
    value: Samples,
    place: Places,
}

fn is_nan(a: Samples) -> Choice { return (bitcast<Places>(a) & Places(0x7fffffffu)) > Places(0x7f800000u); }

fn largest_of(first: u32) -> Largest {
    var largest = Largest(x[first], Places());
    for (var i = 0u; i < SIZE; i++) {
        for (var j = 0u; j < SIZE; j++) {
            let value = x[in_window(first, i, j)];
            let larger = (value > largest.value) | is_nan(value);
            largest.value = select(largest.value, value, larger);
            largest.place = select(largest.place, Places(i * SIZE + j), larger);
        }
    }
    return largest;
}

@compute @workgroup_size(LANES * ITEMS)
fn max_pool_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let output = output_at(group.z, group.x * ITEMS + me / LANES, me % LANES);
    if output.exists { y[output.y] = largest_of(output.x).value; }
}

@compute @workgroup_size(LANES * ITEMS)
fn max_pool_backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let output = output_at(group.z, group.x * ITEMS + me / LANES, me % LANES);
    if !output.exists { return; }
    let largest = largest_of(output.x);
    // Only the argmax passes a gradient, so one derivative is enough.
    let gradient = dy[output.y] * derivative(largest.value, geometry.floor);
    for (var i = 0u; i < SIZE; i++) {
        for (var j = 0u; j < SIZE; j++) {
            x_gradient[in_window(output.x, i, j)] = select(Samples(), gradient, largest.place == Places(i * SIZE + j));
        }
    }
}
