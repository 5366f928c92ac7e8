// Softmax, cross-entropy with label smoothing, its gradient, and per sample the class and whether it is correct.
//
// One thread per quad, so that every sum has one writer and one order.

// Not an override: compilers would unroll the loops, and compiling those takes longer than running the loops.
struct Geometry { classes: u32 }

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
}

@group(0) @binding(0) var<storage, read> logits: array<vec4f>;
@group(0) @binding(1) var<storage, read> targets: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> probabilities: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<vec4f>;
// (loss, correct, 1, 0) per sample; zeros for a masked one.
@group(0) @binding(4) var<storage, read_write> scores: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> predictions: array<u32>;
@group(0) @binding(6) var<storage, read> geometry: Geometry;
@group(0) @binding(7) var<storage, read> step: Step;

const QUADS = 8u;
const MASKED = 0xffffffffu;

// The target of class `c` per sample, 0 to 1.
fn target_of(c: u32, labels: vec4u) -> vec4f {
    let elsewhere = step.label_smoothing / f32(geometry.classes);
    return select(vec4f(elsewhere), vec4f(1.0 - step.label_smoothing + elsewhere), labels == vec4u(c));
}

// Probabilities, scores and predictions of four samples, whose logits begin `at`.
fn score(first_sample: u32, at: u32, labels: vec4u, present: vec4<bool>) {
    let classes = geometry.classes;
    var largest = logits[at];
    var predicted = vec4u();
    for (var c = 1u; c < classes; c++) {
        let value = logits[at + c * QUADS];
        predicted = select(predicted, vec4u(c), value > largest);
        largest = max(largest, value);
    }
    var total = vec4f();
    for (var c = 0u; c < classes; c++) {
        total += exp(logits[at + c * QUADS] - largest);
    }
    let log_total = log(total);

    var loss = vec4f();
    for (var c = 0u; c < classes; c++) {
        let log_p = logits[at + c * QUADS] - largest - log_total;
        loss -= target_of(c, labels) * log_p;
        probabilities[at + c * QUADS] = exp(log_p);
    }
    let correct = predicted == labels;
    for (var i = 0u; i < 4u; i++) {
        scores[first_sample + i] = select(vec4f(), vec4f(loss[i], select(0.0, 1.0, correct[i]), 1.0, 0.0), present[i]);
        if present[i] { predictions[step.start + first_sample + i] = predicted[i]; }
    }
}

// id.x: quad; id.y: block.
@compute @workgroup_size(8, 4)
fn softmax_cross_entropy_evaluate(@builtin(global_invocation_id) id: vec3u) {
    let quad = id.y * QUADS + id.x;
    if quad * 4u >= arrayLength(&scores) { return; }
    let labels = targets[quad];
    score(quad * 4u, id.y * geometry.classes * QUADS + id.x, labels, labels != vec4u(MASKED));
}

// id.x: quad; id.y: block.
@compute @workgroup_size(8, 4)
fn softmax_cross_entropy(@builtin(global_invocation_id) id: vec3u) {
    let quad = id.y * QUADS + id.x;
    if quad * 4u >= arrayLength(&scores) { return; }
    let at = id.y * geometry.classes * QUADS + id.x;
    let labels = targets[quad];
    let present = labels != vec4u(MASKED);
    score(quad * 4u, at, labels, present);
    let scale = select(vec4f(), vec4f(1.0 / f32(step.count)), present);
    for (var c = 0u; c < geometry.classes; c++) {
        dlogits[at + c * QUADS] = (probabilities[at + c * QUADS] - target_of(c, labels)) * scale;
    }
}
