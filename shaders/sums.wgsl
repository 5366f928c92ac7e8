// Sums of partial gradients, slot by slot in order: one writer per element, so the same bits each time.

// Uses mask/ and the constants LAYERS and `layers`. Per layer: first vec4f in gradients, vec4f per slot, slots, first vec4f in
// partials.

@group(0) @binding(4) var<storage, read> partials: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> new_gradients: array<vec4f>;

// The gradients of four parameters.
fn sum_of_slots(at: u32) -> vec4f {
    // Layers lie one after the other: the last one that starts at or before this parameter holds it.
    var layer = layers[0];
    for (var i = 1u; i < LAYERS; i++) { layer = select(layer, layers[i], vec4<bool>(layers[i].x <= at)); } // unroll
    let first = layer.w + at - layer.x;
    var sum = vec4f();
    // AHEAD slots at a time, so that a thread waits for memory less often.
    for (var slot = 0u; slot < layer.z; slot += AHEAD) {
        var parts: array<vec4f, AHEAD>;
        for (var a = 0u; a < AHEAD; a++) { parts[a] = partials[first + min(slot + a, layer.z - 1u) * layer.y]; } // unroll
        for (var a = 0u; a < AHEAD; a++) { sum += select(vec4f(), parts[a], slot + a < layer.z); } // unroll
    }
    return trained(at, sum);
}

@compute @workgroup_size(64)
fn sum_gradients(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&new_gradients) { new_gradients[id.x] = sum_of_slots(id.x); }
}
