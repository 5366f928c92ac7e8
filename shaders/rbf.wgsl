// Minus the squared distance of the input to the code of each class: y[c] = - sum over i of (x[i] - w[c, i])^2
//
// A thread computes one class, or the gradient of one input.

struct Geometry {
    inputs: u32,
    classes: u32,
    blocks: u32,
    weights: u32, // first vec4f in parameters
    floor: f32,   // of the activation: see activation/
}

@group(0) @binding(0) var<storage, read> x: array<Samples>;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Samples>;
@group(0) @binding(3) var<storage, read> dy: array<Samples>;
// dx in the formulas; DirectX's own HLSL compiler has a namespace of that name.
@group(0) @binding(4) var<storage, read_write> x_gradient: array<Samples>;

// Value `i` of the code of class `c`.
fn code(c: u32, i: u32) -> f32 {
    return parameters[(geometry.weights + c / 4u * geometry.inputs + i) * 4u + c % 4u];
}

@compute @workgroup_size(LANES * ITEMS)
fn rbf_forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let c = group.x * ITEMS + me / LANES;
    if c >= geometry.classes { return; }
    let first = block_of_x(group.z) * geometry.inputs * LANES + me % LANES;
    var sum = Samples();
    for (var i = 0u; i < geometry.inputs; i++) {
        let difference = x[first + i * LANES] - code(c, i);
        sum -= difference * difference;
    }
    y[(group.z * geometry.classes + c) * LANES + me % LANES] = sum;
}

@compute @workgroup_size(LANES * ITEMS)
fn rbf_backward_input(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) me: u32) {
    let i = group.x * ITEMS + me / LANES;
    if i >= geometry.inputs { return; }
    let at = (group.z * geometry.inputs + i) * LANES + me % LANES;
    let first = group.z * geometry.classes * LANES + me % LANES;
    var sum = Samples();
    for (var c = 0u; c < geometry.classes; c++) { sum -= 2.0 * (x[at] - code(c, i)) * dy[first + c * LANES]; }
    x_gradient[at] = sum * derivative(x[at], geometry.floor);
}
