// One step of the optimiser over all parameters. A thread takes four parameters. Uses mask/: one that is not trained has
// neither gradient nor decay.

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

fn step_of_sgd(at: u32, gradient: vec4f) {
    let w = parameters[at];
    let g = trained(at, gradient + step.weight_decay * w);
    let m = step.momentum * momentum[at] + g;
    momentum[at] = m;
    parameters[at] = w - step.learning_rate * select(m, g + step.momentum * m, NESTEROV == 1u);
}

// With DECOUPLED 1 the decay acts on the parameter itself, not on its gradient: AdamW.
fn step_of_adam(at: u32, gradient: vec4f) {
    let old = parameters[at];
    let w = select(old, old - trained(at, step.learning_rate * step.weight_decay * old), DECOUPLED == 1u);
    let g = trained(at, select(gradient + step.weight_decay * old, gradient, DECOUPLED == 1u));
    let m = step.momentum * momentum[at] + (1.0 - step.momentum) * g;
    let v = step.beta2 * variance[at] + (1.0 - step.beta2) * g * g;
    momentum[at] = m;
    variance[at] = v;
    parameters[at] = w - step.learning_rate * m * step.correction1 / (sqrt(v * step.correction2) + step.epsilon);
}

@compute @workgroup_size(64)
fn sgd(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&parameters) { step_of_sgd(id.x, gradients[id.x]); }
}

@compute @workgroup_size(64)
fn adam(@builtin(global_invocation_id) id: vec3u) {
    if id.x < arrayLength(&parameters) { step_of_adam(id.x, gradients[id.x]); }
}
