// The sum of partial gradients and a step of the optimiser in one. Uses sums.wgsl and optimizer.wgsl.

@compute @workgroup_size(64)
fn sum_sgd(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&parameters) { return; }
    let gradient = sum_of_slots(id.x);
    new_gradients[id.x] = gradient;
    step_of_sgd(id.x, gradient);
}

@compute @workgroup_size(64)
fn sum_adam(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&parameters) { return; }
    let gradient = sum_of_slots(id.x);
    new_gradients[id.x] = gradient;
    step_of_adam(id.x, gradient);
}
