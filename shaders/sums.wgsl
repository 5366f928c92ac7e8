// Sums in a fixed order: one writer per element, so the same bits each time.

struct Step {
    start: u32,
    count: u32,
    row: u32,
}

@group(0) @binding(0) var<storage, read> scores: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> metrics: array<vec4f>;
@group(0) @binding(7) var<storage, read> step: Step;

// One thread adds (loss, correct, count) over the batch, into the step's row of `metrics`.
@compute @workgroup_size(1)
fn sum_scores() {
    var sum = vec4f();
    // Masked samples score zeros.
    for (var i = 0u; i < arrayLength(&scores); i++) {
        sum += scores[i];
    }
    metrics[step.row] = vec4f(sum.xyz, 0.0);
}

struct Segments {
    count: u32,
    // Per layer: first vec4f in gradients, vec4f per slot, slots, first vec4f in partials.
    layers: array<vec4u, 64>,
}

@group(0) @binding(2) var<storage, read> partials: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> gradients: array<vec4f>;
@group(0) @binding(6) var<storage, read> geometry: Segments;

// id.x: four parameters.
@compute @workgroup_size(64)
fn sum_gradients(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&gradients) { return; }
    // Layers lie one after the other: the last one that starts at or before this parameter holds it.
    var last = 0u;
    for (var i = 1u; i < geometry.count; i++) {
        last = select(last, i, geometry.layers[i].x <= id.x);
    }
    let layer = geometry.layers[last];
    let from_partials = layer.w + id.x - layer.x;
    var sum = vec4f();
    for (var slot = 0u; slot < layer.z; slot++) {
        sum += partials[from_partials + slot * layer.y];
    }
    gradients[id.x] = sum;
}
