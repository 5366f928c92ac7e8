// One step of the optimiser over all parameters. One thread per four parameters.

struct Step {
    start: u32,
    count: u32,
    row: u32,
    learning_rate: f32,
    momentum: f32,
    beta2: f32,
    epsilon: f32,
    weight_decay: f32,
    label_smoothing: f32,
    correction1: f32,
    correction2: f32,
}

@group(0) @binding(0) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> momentum: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> variance: array<vec4f>;
@group(0) @binding(7) var<storage, read> step: Step;

override NESTEROV: bool = false;

@compute @workgroup_size(64)
fn sgd(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&parameters) { return; }
    let w = parameters[id.x];
    let g = gradients[id.x] + step.weight_decay * w;
    let m = step.momentum * momentum[id.x] + g;
    momentum[id.x] = m;
    parameters[id.x] = w - step.learning_rate * select(m, g + step.momentum * m, NESTEROV);
}

// AdamW: the decay acts on the parameter itself, not on its gradient.
override DECOUPLED: bool = false;

@compute @workgroup_size(64)
fn adam(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= arrayLength(&parameters) { return; }
    var w = parameters[id.x];
    var g = gradients[id.x];
    if DECOUPLED {
        w -= step.learning_rate * step.weight_decay * w;
    } else {
        g += step.weight_decay * w;
    }
    let m = step.momentum * momentum[id.x] + (1.0 - step.momentum) * g;
    let v = step.beta2 * variance[id.x] + (1.0 - step.beta2) * g * g;
    momentum[id.x] = m;
    variance[id.x] = v;
    parameters[id.x] = w - step.learning_rate * m * step.correction1 / (sqrt(v * step.correction2) + step.epsilon);
}
